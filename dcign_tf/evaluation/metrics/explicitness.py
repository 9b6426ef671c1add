"""Explicitness (Ridgeway and Mozer, 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from dcign_tf.evaluation.metrics.arrays import varies
from dcign_tf.evaluation.metrics.mutual_information import discretise
from dcign_tf.evaluation.metrics.samples import checked, split, standardised


def explicitness(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    classes: int = 2,
    train_fraction: float = 0.5,
    inverse_penalty: float = 1.0,
    seed: int = 0,
) -> dict[str, Any]:
    """How well a linear classifier reads a factor's class off the whole code.

    One-versus-rest logistic regression for each class of each factor; the area under
    the ROC curve on samples it did not learn from; averaged over classes, then
    factors. 1 is perfect, 0.5 chance.

    Source: Ridgeway and Mozer, *Learning Deep Disentangled Embeddings With the
    F-Statistic Loss* (2018), §3, whose factors are discrete.

    Args:
        codes: [N, latents].
        factors: [N, factors].
        classes: into which a continuous factor is cut, equally full. Two, its upper
            and lower half, because no linear classifier can tell a middle class from
            the rest by a latent that follows the factor perfectly.
        train_fraction: of the samples, drawn by `seed`.
        inverse_penalty: C of the logistic regression, on standardised latents.
        seed: of the draw.

    Returns:
        `explicitness`, `per_factor` and `settings`. NaN for a factor of one class.
    """
    codes, factors = checked(codes, factors)
    train, test = split(len(codes), train_fraction, seed)
    latents = standardised(codes, train)
    labels = discretise(factors, classes, "quantile")
    per_factor = []
    for label in labels.T:
        areas = []
        for one in np.unique(label) if varies(label) else ():
            is_one = label == one
            if not (varies(is_one[train]) and varies(is_one[test])):
                continue  # too few samples for a class to be on both sides
            model = LogisticRegression(C=inverse_penalty, max_iter=1000)
            model.fit(latents[train], is_one[train])
            areas.append(roc_auc_score(is_one[test], model.decision_function(latents[test])))
        per_factor.append(float(np.mean(areas)) if areas else np.nan)
    return {
        "explicitness": float(np.mean(per_factor)),
        "per_factor": per_factor,
        "settings": {
            "classes": classes,
            "classifier": "one-versus-rest logistic regression",
            "inverse_penalty": inverse_penalty,
            "num_train": len(train),
            "num_test": len(test),
            "seed": seed,
        },
    }
