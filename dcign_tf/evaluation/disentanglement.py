"""Disentanglement as the field measures it, of codes and the factors behind them.

Each score is computed from its paper's definition, of `codes` [N, latents] and
independently drawn, continuous `factors` [N, factors], and comes with what it
was computed with: MIG and modularity from `mutual_information`, DCI from `dci`,
the others here. What a paper defines for discrete factors is computed of bins;
what is random is seeded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from dcign_tf.evaluation.code_samples import checked, split, standardised
from dcign_tf.evaluation.dci import dci
from dcign_tf.evaluation.metrics import varies
from dcign_tf.evaluation.mutual_information import (
    discretise,
    modularity,
    mutual_information_gap,
)


def disentanglement_scores(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    seed: int = 0,
    bins: int = 20,
    binning: str = "width",
    regressor: str = "forest",
    active_variance: float = 0.01,
) -> dict[str, dict[str, Any]]:
    """All of them, each as its own function returns it.

    Args:
        codes: [N, latents].
        factors: [N, factors], two or more.
        seed: of whatever is random.
        bins: for MIG and modularity.
        binning: for MIG and modularity, see `discretise`.
        regressor: for DCI.
        active_variance: for SAP and the FactorVAE score.

    Returns:
        `mig`, `modularity`, `explicitness`, `sap`, `dci` and `factor_vae`.

    Raises:
        ValueError: if the arrays do not fit together or are not all finite.
    """
    binned = {"bins": bins, "binning": binning}
    return {
        "mig": mutual_information_gap(codes, factors, **binned),
        "modularity": modularity(codes, factors, **binned),
        "explicitness": explicitness(codes, factors, seed=seed),
        "sap": separated_attribute_predictability(codes, factors, active_variance=active_variance),
        "dci": dci(codes, factors, regressor=regressor, seed=seed),
        "factor_vae": factor_vae_score(codes, factors, active_variance=active_variance, seed=seed),
    }


def separated_attribute_predictability(
    codes: np.ndarray, factors: np.ndarray, *, active_variance: float = 0.01
) -> dict[str, Any]:
    """SAP: by how much the best linear predictor of a factor by one latent leads the second.

    Per factor the difference of their R², the squared correlation with it; then the
    mean over factors. The R² of an inactive latent is 0.

    Source: Kumar, Sattigeri and Balakrishnan, *Variational Inference of Disentangled
    Latent Concepts from Unlabeled Observations* (2018), §3, for continuous factors.

    Args:
        codes: [N, latents].
        factors: [N, factors].
        active_variance: a latent that varies less is inactive; 0.01 is the bound of
            Burda, Grosse and Salakhutdinov, *Importance Weighted Autoencoders* (2016).

    Returns:
        `sap`, `per_factor` and `settings`. NaN for a factor that never varies.
    """
    codes, factors = checked(codes, factors)
    active = codes.var(axis=0) > active_variance
    r2 = np.zeros((codes.shape[1] + 1, factors.shape[1]))  # one more: a single latent leads 0
    latents, targets = standardised(codes[:, active]), standardised(factors)
    r2[:-1][active] = (latents.T @ targets / len(codes)) ** 2
    second, first = np.sort(r2, axis=0)[-2:]
    gaps = np.where([varies(factor) for factor in factors.T], first - second, np.nan)
    return {
        "sap": float(gaps.mean()),
        "per_factor": gaps.tolist(),
        "settings": {
            "active_variance": active_variance,
            "num_active": int(active.sum()),
            "num_samples": len(codes),
        },
    }


def factor_vae_score(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    num_votes: int = 800,
    samples_per_vote: int = 64,
    bins: int = 20,
    active_variance: float = 0.01,
    seed: int = 0,
) -> dict[str, Any]:
    """How well the latent that varies least tells which factor was held fixed.

    Each vote holds one factor fixed, draws samples, and takes the latent whose
    variance, over that in all samples, is smallest. The first half of the votes says
    which factor each latent stands for; the score is how often that is right in the
    second half. A continuous factor cannot be held fixed exactly among samples that
    are given: it is held within one of its `bins`, equally full.

    Source: Kim and Mnih, *Disentangling by Factorising* (2018), §4.

    Args:
        codes: [N, latents].
        factors: [N, factors].
        num_votes: of both halves together.
        samples_per_vote: drawn with replacement.
        bins: of each factor; fewer where a factor has fewer values.
        active_variance: a latent that varies less has collapsed and cannot be chosen.
        seed: of factors, bins and samples.

    Returns:
        `factor_vae`, in [0, 1], 1 over the number of factors by chance; and
        `settings`. NaN if no latent is active.

    Raises:
        ValueError: for fewer than two votes or samples a vote.
    """
    codes, factors = checked(codes, factors)
    if num_votes < 2 or samples_per_vote < 2:
        raise ValueError(f"{num_votes} votes of {samples_per_vote} samples; 2 are the least.")
    rng = np.random.default_rng(seed)
    variance = codes.var(axis=0)
    active = np.flatnonzero(variance > active_variance)
    settings = {
        "num_votes": num_votes,
        "samples_per_vote": samples_per_vote,
        "bins": bins,
        "active_variance": active_variance,
        "num_active": len(active),
        "num_samples": len(codes),
        "seed": seed,
    }
    if not len(active):
        return {"factor_vae": np.nan, "settings": settings}
    held = discretise(factors, bins, "quantile")
    codes, variance = codes[:, active], variance[active]
    votes = np.empty((num_votes, 2), np.int64)  # (latent, factor)
    for vote in range(num_votes):
        factor = rng.integers(factors.shape[1])
        # A bin as often as it is full: that of a sample drawn at random.
        alike = np.flatnonzero(held[:, factor] == held[rng.integers(len(held)), factor])
        drawn = codes[rng.choice(alike, samples_per_vote)]
        votes[vote] = np.argmin(drawn.var(axis=0) / variance), factor
    learned, scored = np.split(votes, [num_votes // 2])
    counts = np.zeros((len(active), factors.shape[1]), np.int64)
    np.add.at(counts, tuple(learned.T), 1)
    right = counts.argmax(axis=1)[scored[:, 0]] == scored[:, 1]
    return {"factor_vae": float(right.mean()), "settings": settings}


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
