"""Disentanglement, completeness and informativeness (Eastwood and Williams 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.stats
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LassoCV
from sklearn.model_selection import GroupKFold

from dcign_tf.concurrency import concurrently
from dcign_tf.evaluation.metrics.arrays import checked_samples, varies, z_scores
from dcign_tf.evaluation.metrics.splitting import split

# `max_features`: share of the latents tried for each split.
_FOREST: Mapping[str, float] = {"num_trees": 20, "max_features": 1.0}
_LASSO: Mapping[str, float] = {"cross_validation": 5}  # folds by which it chooses its penalty
_TRAIN_FRACTION = 0.8


def dci_scores(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    regressor: str = "forest",
    seed: int = 0,
) -> dict[str, Any]:
    """Disentanglement, completeness and informativeness.

    A regressor learns each factor from the whole code. How much it relies on each
    latent gives disentanglement (each latent serves one factor) and completeness
    (each factor is served by one latent), see `dci_of_importances`; its error on the
    fifth of the samples, or of `groups`, that it did not learn from gives informativeness;
    `regressor` is `"forest"`, a random forest and its impurity importances; or `"lasso"`,
    linear, and the sizes of its weights.

    Source: Eastwood and Williams, *A Framework for the Quantitative Evaluation of
    Disentangled Representations* (2018), §2.

    Returns:
        `disentanglement` and `completeness` in [0, 1], `informativeness`: the root
        mean squared error over the standard deviation of the factor (0 is exact, 1
        no better than the mean, above it worse), averaged over factors;
        `completeness_per_factor`,
        `informativeness_per_factor`, `importances` [latents, factors], `settings`.

    Raises:
        ValueError: for another regressor.
    """
    codes, factors = checked_samples(codes, factors)
    train, test = split(len(codes), _TRAIN_FRACTION, seed, groups)
    if regressor == "forest":
        latents, targets, settings = _well_scaled(codes), factors, _FOREST
        model = RandomForestRegressor(
            settings["num_trees"], max_features=settings["max_features"], random_state=seed
        )
    elif regressor == "lasso":
        latents, targets, settings = z_scores(codes, train), z_scores(factors, train), _LASSO
        folds: Any = settings["cross_validation"]
        if groups is not None:
            own = np.asarray(groups)[train]
            folds = list(GroupKFold(min(folds, len(np.unique(own)))).split(own, groups=own))
        model = LassoCV(cv=folds, random_state=seed, selection="cyclic")
    else:
        raise ValueError(f"Unknown regressor '{regressor}'; it is one of forest, lasso.")

    def learned(target: np.ndarray) -> tuple[np.ndarray, float]:
        """Importances [latents] for a factor, and its error."""
        if not (varies(target[train]) and varies(target[test])):
            return np.full(codes.shape[1], np.nan), np.nan
        fitted = clone(model).fit(latents[train], target[train])
        weights = fitted.feature_importances_ if regressor == "forest" else np.abs(fitted.coef_)
        residual = fitted.predict(latents[test]) - target[test]
        return weights, np.sqrt(np.mean(residual**2) / target[test].var())

    weights, errors = map(np.array, zip(*concurrently(learned, targets.T), strict=True))
    disentanglement, completeness, completeness_per_factor = dci_of_importances(weights.T)
    return {
        "disentanglement": disentanglement,
        "completeness": completeness,
        "informativeness": float(errors.mean()),
        "completeness_per_factor": completeness_per_factor.tolist(),
        "informativeness_per_factor": errors.tolist(),
        "importances": weights.T.tolist(),
        "settings": {
            "regressor": regressor,
            **settings,
            "num_train": len(train),
            "num_test": len(test),
            "seed": seed,
        },
    }


def dci_of_importances(importances: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Disentanglement and completeness of a matrix of importances.

    Disentanglement of a latent is 1 less the entropy of its importances for the
    factors, in units of the largest entropy there can be; the latents are averaged by
    their share of all importance. Completeness of a factor is the same over latents;
    the factors are averaged evenly.

    Args:
        importances: [latents, factors], not negative.

    Returns:
        Disentanglement, completeness, and the latter per factor, [factors]. NaN for a
        factor that no latent is important for, and for disentanglement if there is none
        but such; NaN for a single factor's disentanglement and a single latent's
        completeness, which have no entropy to lose.
    """
    importances = np.asarray(importances, np.float64)
    num_latents, num_factors = importances.shape
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = importances.sum(axis=1) / importances.sum()
        per_latent = 1 - scipy.stats.entropy(importances.T) / np.log(num_factors)
        per_factor = 1 - scipy.stats.entropy(importances) / np.log(num_latents)
    used = shares > 0
    disentanglement = np.sum(shares[used] * per_latent[used]) if used.any() else np.nan
    return float(disentanglement), float(per_factor.mean()), per_factor


def _well_scaled(codes: np.ndarray) -> np.ndarray:
    """The codes times a power of two: to scikit-learn's trees 1e-7 is nothing, whatever the scale.

    Not z-scores: the smallest rounding decides ties of a tree.
    """
    _, exponent = np.frexp(np.abs(codes).max())
    return np.ldexp(codes, 10 - exponent)
