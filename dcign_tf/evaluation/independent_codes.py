"""Codes of images whose factors were all drawn independently: scored, and kept in a file.

In sweeps a latent can seem to tell a factor that it does not, since all else stays as
it is. Here nothing does: azimuth, elevation, light and person differ in every image.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from dcign_tf.evaluation.metrics.disentanglement import disentanglement_scores
from dcign_tf.evaluation.portraits import Portraits
from dcign_tf.files import write_aside

CODES_FILE = "codes.npz"
"""Its name in a run's evaluation directory; docs/scores.md says what it holds."""

IDENTITY_FACTORS = 3
"""So many coefficients of the face model, the first, stand for who it is."""

LEAST_IMAGES = 20
"""Fewer are not scored: they would leave bins empty by chance, and classes without a member."""


def independent_factors(portraits: Portraits) -> dict[str, np.ndarray]:
    """Name to values [N]: the angles, in degrees, and the first coefficients of identity."""
    identity = portraits.coefficients[:, :IDENTITY_FACTORS].T
    return {
        **portraits.angles_deg,
        **{f"identity_{number}": values for number, values in enumerate(identity, start=1)},
    }


def score_disentanglement(codes: np.ndarray, portraits: Portraits) -> dict[str, Any] | None:
    """Disentanglement of the whole code from the factors of independently drawn images.

    Args:
        codes: float32 [N, latent_dim], of `portraits`.
        portraits: all factors drawn independently.

    Returns:
        What `disentanglement_scores` gives, and `factors`, their names, `num_images` and
        `num_identities`. None if there are fewer than `LEAST_IMAGES`.
    """
    if len(codes) < LEAST_IMAGES:
        return None
    factors = independent_factors(portraits)
    return {
        "factors": list(factors),
        "num_images": len(codes),
        "num_identities": len(np.unique(portraits.identities)),
        **disentanglement_scores(codes, np.column_stack(list(factors.values()))),
    }


def write_codes(
    path: pathlib.Path, codes: np.ndarray, portraits: Portraits, **more: np.ndarray | float | str
) -> None:
    """Writes what was scored: codes, factors and who it is, aside and renamed.

    Args:
        path: ends in `.npz`.
        codes: float32 [N, latent_dim], of `portraits`.
        portraits: all factors drawn independently.
        **more: to be kept beside them.

    Raises:
        UserError: if the file cannot be written.
    """
    factors = independent_factors(portraits)
    arrays: Mapping[str, Any] = {
        "codes": codes,
        "factors": np.column_stack(list(factors.values())),
        "factor_names": np.array(list(factors)),
        "identities": portraits.identities,
        "coefficients": portraits.coefficients,
        **more,
    }
    write_aside(path, lambda aside: np.savez_compressed(aside, **arrays))
