"""Explicitness; `disentanglement` says what all such scores take."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from dcign_tf.evaluation.metrics.arrays import checked_samples, varies, z_scores
from dcign_tf.evaluation.metrics.mutual_information import discretise
from dcign_tf.evaluation.metrics.splitting import split

_INVERSE_PENALTY = 1.0  # C of the logistic regression, on latents of variance 1


def explicitness_score(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    classes: int = 2,
    seed: int = 0,
) -> dict[str, Any]:
    """How well a linear classifier reads a factor's class off the whole code.

    One-versus-rest logistic regression for each class of each factor, learned from half
    of the samples, or of `groups`; the area under the ROC curve on the others, averaged over
    classes, then factors. 1 is perfect, 0.5 chance. A continuous factor is cut into
    `classes`, equally full: two, its upper and lower half, because no linear classifier
    can tell a middle class from the rest by a latent that follows the factor perfectly.

    Source: Ridgeway and Mozer, *Learning Deep Disentangled Embeddings With the
    F-Statistic Loss* (2018), §3, whose factors are discrete.

    Returns:
        `explicitness`, `per_factor` and `settings`. NaN for a factor of one class.
    """
    codes, factors = checked_samples(codes, factors)
    train, test = split(len(codes), 0.5, seed, groups)
    latents = z_scores(codes, train)
    per_factor = []
    for labels in discretise(factors, classes, "quantile").T:
        areas = []
        for label in np.unique(labels) if varies(labels) else ():
            is_label = labels == label
            if not (varies(is_label[train]) and varies(is_label[test])):
                continue  # too few samples for a class to be on both sides
            model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=1000)
            model.fit(latents[train], is_label[train])
            areas.append(roc_auc_score(is_label[test], model.decision_function(latents[test])))
        per_factor.append(float(np.mean(areas)) if areas else np.nan)
    return {
        "explicitness": float(np.mean(per_factor)),
        "per_factor": per_factor,
        "settings": {
            "classes": classes,
            "classifier": "one-versus-rest logistic regression",
            "inverse_penalty": _INVERSE_PENALTY,
            "num_train": len(train),
            "num_test": len(test),
            "seed": seed,
        },
    }
