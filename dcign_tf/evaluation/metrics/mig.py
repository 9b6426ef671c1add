"""The mutual information gap; `disentanglement` says what all such scores take."""

from __future__ import annotations

from typing import Any

import numpy as np

from dcign_tf.evaluation.metrics.arrays import checked_samples
from dcign_tf.evaluation.metrics.mutual_information import (
    discretise,
    entropy_of,
    mutual_information,
)


def mutual_information_gap(
    codes: np.ndarray, factors: np.ndarray, *, bins: int = 20
) -> dict[str, Any]:
    """MIG: by how much the most informative latent of a factor leads the second.

    Per factor the difference of their mutual information with it, over its entropy;
    then the mean over factors. 1 if each factor is told by one latent and by no
    other, 0 if two tell it alike or none tells it. Chen et al. integrate over the
    posterior of each code; here a code is one point, as in Locatello et al. (2019),
    and factors, which they have discrete, are cut into bins as codes are.

    Source: Chen, Li, Grosse and Duvenaud, *Isolating Sources of Disentanglement in
    VAEs* (2018), §4.

    Returns:
        `mig`, `per_factor` and `settings`. NaN for a factor that never varies.
    """
    codes, factors = (discretise(table, bins) for table in checked_samples(codes, factors))
    information = mutual_information(codes, factors)
    second, first = np.sort(np.vstack([np.zeros_like(information[:1]), information]), axis=0)[-2:]
    with np.errstate(invalid="ignore"):
        gaps = (first - second) / [entropy_of(factor) for factor in factors.T]
    return {
        "mig": float(gaps.mean()),
        "per_factor": gaps.tolist(),
        "settings": {"bins": bins, "binning": "width", "num_samples": len(codes)},
    }
