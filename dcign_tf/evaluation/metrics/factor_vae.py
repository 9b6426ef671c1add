"""The FactorVAE score; `disentanglement` says what all such scores take."""

from __future__ import annotations

from typing import Any

import numpy as np

from dcign_tf.evaluation.metrics.arrays import (
    LEAST_SHARE,
    active_latents,
    checked_samples,
    z_scores,
)
from dcign_tf.evaluation.metrics.mutual_information import discretise

_SAMPLES_PER_VOTE = 64  # drawn with replacement
_BINS = 20  # of each factor that is voted on; fewer where a factor has fewer values
_NUMBERS_AT_ONCE = 4_000_000  # of drawn codes, in memory


def factor_vae_score(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    num_learned: int = 10_000,
    num_scored: int = 5_000,
    least_share: float = LEAST_SHARE,
    seed: int = 0,
) -> dict[str, Any]:
    """How well the latent that varies least tells which factor was held fixed.

    Each vote holds one factor fixed, draws samples, and takes the latent
    whose variance, over that in all samples, is smallest. `num_learned` votes say
    which factor each latent stands for; the score is how often that is right in
    `num_scored` others, drawn from the same samples. A continuous factor cannot be held fixed
    exactly among samples that are given: it is held within one of 20 bins, equally full. A
    latent whose variance is no more than `least_share` of the largest has collapsed and cannot
    be chosen.

    Source: Kim and Mnih, *Disentangling by Factorising* (2018), §4.

    Returns:
        `factor_vae`, in [0, 1], 1 over the number of factors by chance; and
        `settings`. NaN if no latent is active.

    Raises:
        ValueError: without a vote of either kind.
    """
    codes, factors = checked_samples(codes, factors)
    if num_learned < 1 or num_scored < 1:
        raise ValueError(f"{num_learned} and {num_scored} votes were asked for; 1 is the least.")
    active = active_latents(codes, least_share)
    settings = {
        "num_learned": num_learned,
        "num_scored": num_scored,
        "samples_per_vote": _SAMPLES_PER_VOTE,
        "bins": _BINS,
        "least_share": least_share,
        "num_active": int(active.sum()),
        "num_samples": len(codes),
        "seed": seed,
    }
    if not active.any():
        return {"factor_vae": np.nan, "settings": settings}
    latents, rng = z_scores(codes[:, active]), np.random.default_rng(seed)
    chosen, held = _votes(latents, factors, num_learned, rng)
    counts = np.zeros((latents.shape[1], factors.shape[1]), np.int64)
    np.add.at(counts, (chosen, held), 1)
    chosen, held = _votes(latents, factors, num_scored, rng)
    right = counts.argmax(axis=1)[chosen] == held
    return {"factor_vae": float(right.mean()), "settings": settings}


def _votes(
    latents: np.ndarray, factors: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The latent that varies least in each vote, and the factor that is held: [votes] each."""
    held = rng.integers(factors.shape[1], size=count)
    drawn = _drawn(factors, held, rng)
    at_once = max(1, _NUMBERS_AT_ONCE // (_SAMPLES_PER_VOTE * latents.shape[1]))
    parts = (drawn[start : start + at_once] for start in range(0, count, at_once))
    return np.concatenate([latents[part].var(axis=1).argmin(axis=1) for part in parts]), held


def _drawn(factors: np.ndarray, held: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each vote samples that are alike in the factor held: indices [votes, 64].

    A bin comes as often as it is full: it is that of a sample drawn at random.
    """
    bins = discretise(factors, _BINS, "quantile")
    first = rng.integers(len(factors), size=len(held))
    drawn = np.empty((len(held), _SAMPLES_PER_VOTE), np.int64)
    for factor, own in enumerate(bins.T):
        votes = held == factor
        order = np.argsort(own, kind="stable")
        ends = np.cumsum(np.bincount(own))
        wanted = own[first[votes]]
        low, high = np.append(0, ends)[wanted], ends[wanted]
        size = (votes.sum(), _SAMPLES_PER_VOTE)
        drawn[votes] = order[rng.integers(low[:, np.newaxis], high[:, np.newaxis], size)]
    return drawn
