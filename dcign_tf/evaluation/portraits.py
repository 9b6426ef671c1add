"""Images of known people, and how their codes disentangle what made the images.

Disentanglement, recognition and shape are scored on them. In sweeps a latent can seem to
tell a factor that it does not, since all else stays as it is. In images whose factors were
all drawn independently nothing does: azimuth, elevation, light and person differ in each.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dcign_tf.codec import Codec
from dcign_tf.concurrency import concurrently
from dcign_tf.datasets.sweeps import Sweeps, decode_images, evenly
from dcign_tf.evaluation.metrics.disentanglement import disentanglement_scores
from dcign_tf.files import write_aside
from dcign_tf.pixels import to_unit

CODES_FILE = "codes.npz"
"""Its name in a run's evaluation directory; docs/scores.md says what it holds."""

LEAST_IMAGES, LEAST_PEOPLE = 20, 8
"""Fewer are not scored: they would leave bins empty by chance, and classes without a member."""

_BATCH = 20
_IDENTITY_FACTORS = 3  # so many coefficients of the face model, the first, stand for who it is


@dataclasses.dataclass(frozen=True, eq=False)
class Portraits:
    """N images of people whose coefficients in a face model are known.

    Attributes:
        images: uint8 [N, H, W, C].
        codes: float32 [N, latent_dim], what a network makes of them.
        identities: int64 [N].
        coefficients: float32 [N, K].
        angles_deg: name (`azimuth_deg`) to that angle of each image, [N].
    """

    images: np.ndarray
    codes: np.ndarray
    identities: np.ndarray
    coefficients: np.ndarray
    angles_deg: Mapping[str, np.ndarray]

    @property
    def factors(self) -> dict[str, np.ndarray]:
        """Name to values [N]: the angles, in degrees, and the first coefficients of identity."""
        identity = self.coefficients[:, :_IDENTITY_FACTORS].T
        numbered = {f"identity_{number}": values for number, values in enumerate(identity, 1)}
        return {**self.angles_deg, **numbered}


def read_portraits(
    network: Codec, sweeps: Sweeps, angles: Sequence[str], *, most_images: int | None = None
) -> Portraits:
    """All images of some sweeps, and their codes with the arithmetic of the training pipeline.

    Args:
        network: encodes them.
        sweeps: of a dataset of faces, such as `FaceDataset.independent` gives.
        angles: keys under which the examples hold angles.
        most_images: if all are more, evenly chosen whole sweeps of about so many.
    """
    count = len(sweeps)
    if most_images is not None and count:
        count = max(1, most_images // len(sweeps[0]["image"]))

    def read(index: int) -> Mapping[str, np.ndarray]:
        example = sweeps[index]
        return {**example, "image": decode_images(example["image"])}

    examples = list(concurrently(read, evenly(sweeps, count)))

    def pooled(key: str) -> np.ndarray:
        return np.concatenate([example[key] for example in examples])

    images = pooled("image")

    def encoded(start: int) -> np.ndarray:
        return network.encode(to_unit(images[start : start + _BATCH]))

    return Portraits(
        images=images,
        codes=np.concatenate(list(concurrently(encoded, range(0, len(images), _BATCH)))),
        identities=pooled("identity"),
        coefficients=pooled("coefficients"),
        angles_deg={key: pooled(key) for key in angles},
    )


def score_disentanglement(portraits: Portraits) -> dict[str, Any] | None:
    """Disentanglement of the whole code from factors that were all drawn independently.

    Returns:
        What `disentanglement_scores` gives, and `factors`, their names, `num_images` and
        `num_identities`. None if there are fewer than `LEAST_IMAGES` or `LEAST_PEOPLE`.
    """
    num_people = len(np.unique(portraits.identities))
    if len(portraits.codes) < LEAST_IMAGES or num_people < LEAST_PEOPLE:
        return None
    factors = portraits.factors
    return {
        "factors": list(factors),
        "num_images": len(portraits.codes),
        "num_identities": num_people,
        **disentanglement_scores(
            portraits.codes,
            np.column_stack(list(factors.values())),
            groups=portraits.identities,  # or what is learned of some would be tested on them
        ),
    }


def write_codes(path: pathlib.Path, portraits: Portraits, **more: np.ndarray | float | str) -> None:
    """Writes what was scored: codes, factors and who it is, aside and renamed.

    Args:
        path: ends in `.npz`.
        portraits: all factors drawn independently.
        **more: to be kept beside them.

    Raises:
        UserError: if the file cannot be written.
    """
    factors = portraits.factors
    arrays: Mapping[str, Any] = {
        "codes": portraits.codes,
        "factors": np.column_stack(list(factors.values())),
        "factor_names": np.array(list(factors)),
        "identities": portraits.identities,
        "coefficients": portraits.coefficients,
        **more,
    }
    write_aside(path, lambda aside: np.savez_compressed(aside, **arrays))
