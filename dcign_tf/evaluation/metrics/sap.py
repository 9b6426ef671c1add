"""Separated attribute predictability; `disentanglement` says what all such scores take."""

from __future__ import annotations

from typing import Any

import numpy as np

from dcign_tf.evaluation.metrics.arrays import (
    LEAST_SHARE,
    active_latents,
    checked_samples,
    varies,
    z_scores,
)


def separated_attribute_predictability(codes: np.ndarray, factors: np.ndarray) -> dict[str, Any]:
    """SAP: by how much the best linear predictor of a factor by one latent leads the second.

    Per factor the difference of their R², the squared correlation with it; then the
    mean over factors. The R² of a collapsed latent (`LEAST_SHARE`) is 0.

    Source: Kumar, Sattigeri and Balakrishnan, *Variational Inference of Disentangled
    Latent Concepts from Unlabeled Observations* (2018), §3, for continuous factors.

    Returns:
        `sap` and `per_factor`, in [0, 1], and `settings`. NaN for a factor that never
        varies.
    """
    codes, factors = checked_samples(codes, factors)
    active = active_latents(codes)
    r2 = np.zeros((codes.shape[1] + 1, factors.shape[1]))  # one more: a single latent leads 0
    latents, targets = z_scores(codes[:, active]), z_scores(factors)
    r2[:-1][active] = (latents.T @ targets / len(codes)) ** 2
    second, first = np.sort(r2, axis=0)[-2:]
    gaps = np.where([varies(factor) for factor in factors.T], first - second, np.nan)
    return {
        "sap": float(gaps.mean()),
        "per_factor": gaps.tolist(),
        "settings": {
            "least_share": LEAST_SHARE,
            "num_active": int(active.sum()),
            "num_samples": len(codes),
        },
    }
