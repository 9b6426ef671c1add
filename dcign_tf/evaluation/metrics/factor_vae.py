"""The FactorVAE score; `disentanglement` says what all such scores take."""

from __future__ import annotations

from typing import Any

import numpy as np

from dcign_tf.evaluation.metrics.arrays import ACTIVE_VARIANCE, checked_samples
from dcign_tf.evaluation.metrics.mutual_information import discretise

_SAMPLES_PER_VOTE = 64  # drawn with replacement
_BINS = 20  # of each factor that is voted on; fewer where a factor has fewer values


def factor_vae_score(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    num_votes: int = 800,
    active_variance: float = ACTIVE_VARIANCE,
    seed: int = 0,
) -> dict[str, Any]:
    """How well the latent that varies least tells which factor was held fixed.

    Each of `num_votes` votes holds one factor fixed, draws samples, and takes the latent
    whose variance, over that in all samples, is smallest. The first half of the votes says
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
