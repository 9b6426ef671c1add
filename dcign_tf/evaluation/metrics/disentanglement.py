"""Disentanglement as the field measures it, of codes and the factors behind them.

Each score is computed from its paper's definition; those with more to them stand in
`mutual_information` and `dci`. What a paper defines for discrete factors is computed of
bins. All take

- `codes`, [N, latents], of N samples,
- `factors`, [N, factors], continuous and drawn independently,
- `seed`, if any of it is random,

and return numbers that JSON can hold, with the `settings` they were computed with. They
raise a ValueError if the arrays do not fit together or are not all finite.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from dcign_tf.evaluation.metrics.arrays import (
    ACTIVE_VARIANCE,
    checked_samples,
    split,
    varies,
    z_scores,
)
from dcign_tf.evaluation.metrics.dci import dci_scores
from dcign_tf.evaluation.metrics.mutual_information import (
    discretise,
    modularity_score,
    mutual_information_gap,
)

_INVERSE_PENALTY = 1.0  # C of the logistic regression, on latents of variance 1
_SAMPLES_PER_VOTE = 64  # drawn with replacement
_BINS = 20  # of each factor that is voted on; fewer where a factor has fewer values


def disentanglement_scores(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    seed: int = 0,
    bins: int = 20,
    regressor: str = "forest",
) -> dict[str, dict[str, Any]]:
    """All scores of disentanglement, each as its own function returns it.

    Args:
        codes: [N, latents].
        factors: [N, factors], two or more.
        seed: of whatever is random.
        bins: for MIG and modularity.
        regressor: for DCI.

    Returns:
        `mig`, `modularity`, `explicitness`, `sap`, `dci` and `factor_vae`.
    """
    return {
        "mig": mutual_information_gap(codes, factors, bins=bins),
        "modularity": modularity_score(codes, factors, bins=bins),
        "explicitness": explicitness_score(codes, factors, seed=seed),
        "sap": separated_attribute_predictability(codes, factors),
        "dci": dci_scores(codes, factors, regressor=regressor, seed=seed),
        "factor_vae": factor_vae_score(codes, factors, seed=seed),
    }


def separated_attribute_predictability(codes: np.ndarray, factors: np.ndarray) -> dict[str, Any]:
    """SAP: by how much the best linear predictor of a factor by one latent leads the second.

    Per factor the difference of their R², the squared correlation with it; then the
    mean over factors. The R² of an inactive latent (`ACTIVE_VARIANCE`) is 0.

    Source: Kumar, Sattigeri and Balakrishnan, *Variational Inference of Disentangled
    Latent Concepts from Unlabeled Observations* (2018), §3, for continuous factors.

    Returns:
        `sap` and `per_factor`, in [0, 1], and `settings`. NaN for a factor that never
        varies.
    """
    codes, factors = checked_samples(codes, factors)
    active = codes.var(axis=0) > ACTIVE_VARIANCE
    r2 = np.zeros((codes.shape[1] + 1, factors.shape[1]))  # one more: a single latent leads 0
    latents, targets = z_scores(codes[:, active]), z_scores(factors)
    r2[:-1][active] = (latents.T @ targets / len(codes)) ** 2
    second, first = np.sort(r2, axis=0)[-2:]
    gaps = np.where([varies(factor) for factor in factors.T], first - second, np.nan)
    return {
        "sap": float(gaps.mean()),
        "per_factor": gaps.tolist(),
        "settings": {
            "active_variance": ACTIVE_VARIANCE,
            "num_active": int(active.sum()),
            "num_samples": len(codes),
        },
    }


def explicitness_score(
    codes: np.ndarray, factors: np.ndarray, *, classes: int = 2, seed: int = 0
) -> dict[str, Any]:
    """How well a linear classifier reads a factor's class off the whole code.

    One-versus-rest logistic regression for each class of each factor, learned from half
    of the samples; the area under the ROC curve on the other half, averaged over
    classes, then factors. 1 is perfect, 0.5 chance. A continuous factor is cut into
    `classes`, equally full: two, its upper and lower half, because no linear classifier
    can tell a middle class from the rest by a latent that follows the factor perfectly.

    Source: Ridgeway and Mozer, *Learning Deep Disentangled Embeddings With the
    F-Statistic Loss* (2018), §3, whose factors are discrete.

    Returns:
        `explicitness`, `per_factor` and `settings`. NaN for a factor of one class.
    """
    codes, factors = checked_samples(codes, factors)
    train, test = split(len(codes), 0.5, seed)
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


def factor_vae_score(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    num_votes: int = 800,
    active_variance: float = ACTIVE_VARIANCE,
    seed: int = 0,
) -> dict[str, Any]:
    """How well the latent that varies least tells which factor was held fixed.

    Each of `num_votes` holds one factor fixed, draws samples, and takes the latent whose
    variance, over that in all samples, is smallest. The first half of the votes says
    which factor each latent stands for; the score is how often that is right in the
    second half. A continuous factor cannot be held fixed exactly among samples that
    are given: it is held within one of 20 bins, equally full. A latent that varies less
    than `active_variance` has collapsed and cannot be chosen.

    Source: Kim and Mnih, *Disentangling by Factorising* (2018), §4.

    Returns:
        `factor_vae`, in [0, 1], 1 over the number of factors by chance; and
        `settings`. NaN if no latent is active.

    Raises:
        ValueError: for fewer than two votes.
    """
    codes, factors = checked_samples(codes, factors)
    if num_votes < 2:
        raise ValueError(f"{num_votes} votes were asked for; 2 are the least.")
    rng = np.random.default_rng(seed)
    variance = codes.var(axis=0)
    active = np.flatnonzero(variance > active_variance)
    settings = {
        "num_votes": num_votes,
        "samples_per_vote": _SAMPLES_PER_VOTE,
        "bins": _BINS,
        "active_variance": active_variance,
        "num_active": len(active),
        "num_samples": len(codes),
        "seed": seed,
    }
    if not len(active):
        return {"factor_vae": np.nan, "settings": settings}
    held = discretise(factors, _BINS, "quantile")
    codes, variance = codes[:, active], variance[active]
    votes = np.empty((num_votes, 2), np.int64)  # (latent, factor)
    for vote in range(num_votes):
        factor = rng.integers(factors.shape[1])
        # A bin as often as it is full: that of a sample drawn at random.
        alike = np.flatnonzero(held[:, factor] == held[rng.integers(len(held)), factor])
        drawn = codes[rng.choice(alike, _SAMPLES_PER_VOTE)]
        votes[vote] = np.argmin(drawn.var(axis=0) / variance), factor
    learned, scored = np.split(votes, [num_votes // 2])
    counts = np.zeros((len(active), factors.shape[1]), np.int64)
    np.add.at(counts, tuple(learned.T), 1)
    right = counts.argmax(axis=1)[scored[:, 0]] == scored[:, 1]
    return {"factor_vae": float(right.mean()), "settings": settings}
