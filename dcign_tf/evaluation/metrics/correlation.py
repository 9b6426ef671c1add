"""How well a latent follows a true value, and how much of a value is told."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import stats

from dcign_tf.evaluation.metrics.arrays import paired, varies


def correlations(latent: np.ndarray, value: np.ndarray) -> dict[str, float]:
    """How well a latent follows a true value, all sweeps and identities pooled.

    Args:
        latent: inferred values of one latent, any shape.
        value: the true values, of the same shape.

    Returns:
        `pearson` (linear) and `spearman` (any monotone relation), in [-1, 1]. The
        sign carries no merit, because a latent is free to run either way. NaN if
        either array is constant, has fewer than two values or is not all finite.
    """
    latent, value = paired(latent, value)
    if not (varies(latent) and varies(value)):
        return {"pearson": np.nan, "spearman": np.nan}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        pearson = stats.pearsonr(latent, value).statistic
    return {
        "pearson": float(pearson),
        "spearman": float(stats.spearmanr(latent, value).statistic),
    }


def r2(predicted: np.ndarray, true: np.ndarray) -> float:
    """R² of predictions: 1 is exact, 0 what the mean would do, negative for worse.

    Of values read off a latent it says, unlike a rank correlation, whether one
    calibration serves every identity.

    Returns:
        NaN if `true` is constant or empty, or any value is not finite.
    """
    predicted, true = paired(predicted, true)
    if not (varies(true) and np.isfinite(predicted).all()):
        return np.nan
    residual = np.sum((true - predicted) ** 2)
    return float(1 - residual / np.sum((true - true.mean()) ** 2))
