"""Disentanglement, completeness and informativeness (Eastwood and Williams 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LassoCV

from dcign_tf.evaluation.concurrency import concurrently
from dcign_tf.evaluation.metrics.arrays import varies
from dcign_tf.evaluation.metrics.samples import checked, split, standardised

REGRESSORS = ("forest", "lasso")


def dci(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    regressor: str = "forest",
    num_trees: int = 20,
    max_features: float = 1.0,
    cross_validation: int = 5,
    train_fraction: float = 0.8,
    seed: int = 0,
) -> dict[str, Any]:
    """Disentanglement, completeness and informativeness.

    A regressor learns each factor from the whole code. How much it relies on each
    latent gives disentanglement (each latent serves one factor) and completeness
    (each factor is served by one latent), see `dci_of_importances`; its error on
    samples it did not learn from gives informativeness.

    Source: Eastwood and Williams, *A Framework for the Quantitative Evaluation of
    Disentangled Representations* (2018), §2.

    Args:
        codes: [N, latents].
        factors: [N, factors], two or more for disentanglement.
        regressor: `"forest"`, a random forest and its impurity importances; or
            `"lasso"`, linear, and the sizes of its weights.
        num_trees: of the forest.
        max_features: share of the latents that a tree looks at for each split.
        cross_validation: folds by which the lasso chooses its penalty.
        train_fraction: of the samples, drawn by `seed`; the rest measure the error.
        seed: of that draw, the forest and the folds.

    Returns:
        `disentanglement` and `completeness` in [0, 1], `informativeness`: the root
        mean squared error over the standard deviation of the factor (0 is exact, 1
        no better than the mean), averaged over factors; `completeness_per_factor`,
        `informativeness_per_factor`, `importances` [latents, factors], `settings`.

    Raises:
        ValueError: for another regressor.
    """
    if regressor not in REGRESSORS:
        raise ValueError(f"Unknown regressor '{regressor}'; it is one of {', '.join(REGRESSORS)}.")
    codes, factors = checked(codes, factors)
    train, test = split(len(codes), train_fraction, seed)
    latents, targets = codes, factors  # scales are nothing to a tree, but rounding decides its ties
    if regressor == "lasso":
        latents, targets = standardised(codes, train), standardised(factors, train)
    if regressor == "forest":
        settings = {"num_trees": num_trees, "max_features": max_features}
        model = RandomForestRegressor(num_trees, max_features=max_features, random_state=seed)
    else:
        settings = {"cross_validation": cross_validation}
        model = LassoCV(cv=cross_validation, random_state=seed, selection="cyclic")

    def learned(target: np.ndarray) -> tuple[np.ndarray, float]:
        """Importances [latents] for a factor, and its error."""
        if not (varies(target[train]) and varies(target[test])):
            return np.full(codes.shape[1], np.nan), np.nan
        own = clone(model).fit(latents[train], target[train])
        weights = own.feature_importances_ if regressor == "forest" else np.abs(own.coef_)
        residual = own.predict(latents[test]) - target[test]
        return weights, np.sqrt(np.mean(residual**2) / target[test].var())

    found = concurrently(learned, targets.T)
    weights, errors = (np.array(values) for values in zip(*found, strict=True))
    importances = weights.T
    disentanglement, completeness, per_factor = dci_of_importances(importances)
    return {
        "disentanglement": disentanglement,
        "completeness": completeness,
        "informativeness": float(errors.mean()),
        "completeness_per_factor": per_factor.tolist(),
        "informativeness_per_factor": errors.tolist(),
        "importances": importances.tolist(),
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

    Of each latent, 1 less the entropy of its importances for the factors, in units
    of the largest there can be; averaged over latents by their share of all
    importance. Of each factor the same over latents; averaged evenly.

    Args:
        importances: [latents, factors], not negative.

    Returns:
        Disentanglement, completeness, and the latter per factor. NaN for a factor
        that no latent is important for, and for disentanglement if there is none but
        such; NaN of a single factor's disentanglement and a single latent's
        completeness, which have no entropy to lose.
    """
    importances = np.asarray(importances, np.float64)
    num_latents, num_factors = importances.shape
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = importances.sum(axis=1) / importances.sum()
        served = 1 - _entropies(importances.T) / np.log(num_factors)
        complete = 1 - _entropies(importances) / np.log(num_latents)
    disentanglement = (
        np.sum(shares[shares > 0] * served[shares > 0]) if (shares > 0).any() else np.nan
    )
    return float(disentanglement), float(complete.mean()), complete


def _entropies(weights: np.ndarray) -> np.ndarray:
    """In nats, of each column made a distribution; NaN for a column of zeros."""
    shares = weights / weights.sum(axis=0)
    logarithms = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return -np.sum(shares * logarithms, axis=0)
