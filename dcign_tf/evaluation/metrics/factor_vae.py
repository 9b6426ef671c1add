"""The FactorVAE score (Kim and Mnih, 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np

from dcign_tf.evaluation.metrics.mutual_information import discretise
from dcign_tf.evaluation.metrics.samples import checked


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
