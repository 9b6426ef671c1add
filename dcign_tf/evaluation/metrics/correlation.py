"""How well a latent follows a true value, and how much of a value is told."""

from __future__ import annotations

import warnings
from collections.abc import Callable

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


def spearman_of(latent: np.ndarray, value: np.ndarray) -> Callable[[np.ndarray], float]:
    """Spearman's rank correlation of any of the items, for a bootstrap.

    All are put in order once. A sample is then ranked by counting, which takes a tenth of
    SciPy's time.

    Args:
        latent: of each item, [N].
        value: likewise.

    Returns:
        Indices of items, int [n], to what `correlations` gives of those.
    """
    both = paired(latent, value)
    are_finite = all(np.isfinite(numbers).all() for numbers in both)
    places = [np.unique(numbers, return_inverse=True)[1] for numbers in both]

    def spearman(items: np.ndarray) -> float:
        drawn = [place[items] for place in places]
        if not (are_finite and all(map(varies, drawn))):
            return np.nan
        ranks, ranks_of_value = map(_mean_ranks, drawn)
        return float(np.corrcoef(ranks, ranks_of_value)[0, 1])

    return spearman


def _mean_ranks(numbers: np.ndarray) -> np.ndarray:
    """Of integers ≥ 0; equal ones have the mean of their ranks."""
    counts = np.bincount(numbers)
    return (np.cumsum(counts) - (counts - 1) / 2)[numbers]


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
