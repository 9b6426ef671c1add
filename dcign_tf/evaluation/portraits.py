"""Images of known people: what disentanglement, recognition and shape are scored on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from dcign_tf.datasets.sweeps import Sweeps, decode_images, evenly
from dcign_tf.evaluation.concurrency import concurrently


@dataclasses.dataclass(frozen=True, eq=False)
class Portraits:
    """N images of people whose coefficients in a face model are known.

    Attributes:
        images: uint8 [N, H, W, C].
        identities: int64 [N].
        coefficients: float32 [N, K].
        angles_deg: name (`azimuth_deg`) to that angle of each image, [N].
    """

    images: np.ndarray
    identities: np.ndarray
    coefficients: np.ndarray
    angles_deg: Mapping[str, np.ndarray]


def read_portraits(
    sweeps: Sweeps, angles: Sequence[str], *, most_images: int | None = None
) -> Portraits:
    """All images of some sweeps.

    Args:
        sweeps: of a dataset of faces, such as `FaceDataset.independent` gives.
        angles: keys under which the examples hold angles.
        most_images: if all are more, evenly chosen whole sweeps of about so many.
    """
    chosen = range(len(sweeps))
    if most_images is not None and len(sweeps):
        per_sweep = len(sweeps[0]["image"])
        count = min(len(sweeps), max(1, most_images // per_sweep))
        chosen = evenly(sweeps, count)

    def read(index: int) -> Mapping[str, np.ndarray]:
        example = sweeps[index]
        return {**example, "image": decode_images(example["image"])}

    examples = list(concurrently(read, chosen))
    return Portraits(
        images=np.concatenate([example["image"] for example in examples]),
        identities=np.concatenate([example["identity"] for example in examples]),
        coefficients=np.concatenate([example["coefficients"] for example in examples]),
        angles_deg={key: np.concatenate([example[key] for example in examples]) for key in angles},
    )
