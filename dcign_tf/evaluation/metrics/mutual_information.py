"""Mutual information of latents and factors, and the scores that rest on it: MIG, modularity.

Codes and factors are continuous; both are cut into `bins`, equally wide, and mutual
information is that of the counts, in nats. Such an estimate is too large by about
(bins − 1)² / (2 · samples) for values that have nothing to do with each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import entropy, rankdata

from dcign_tf.evaluation.metrics.arrays import checked_samples

BINNINGS = ("width", "quantile")


def mutual_information_gap(
    codes: np.ndarray, factors: np.ndarray, *, bins: int = 20
) -> dict[str, Any]:
    """MIG: by how much the most informative latent of a factor leads the second.

    Per factor the difference of their mutual information with it, over its entropy;
    then the mean over factors. 1 if each factor is told by one latent and by no
    other, 0 if two tell it alike or none tells it. Chen et al. integrate over the
    posterior of each code; here a code is one point, as in Locatello et al. (2019),
    and factors, which they have discrete, are cut into bins as codes are.

    Source: Chen, Li, Grosse and Duvenaud, *Isolating Sources of Disentanglement in
    VAEs* (2018), §4.

    Returns:
        `mig`, `per_factor` and `settings`. NaN for a factor that never varies.
    """
    codes, factors = (discretise(table, bins) for table in checked_samples(codes, factors))
    information = mutual_information(codes, factors)
    second, first = np.sort(np.vstack([np.zeros_like(information[:1]), information]), axis=0)[-2:]
    with np.errstate(invalid="ignore"):
        gaps = (first - second) / [entropy_of(factor) for factor in factors.T]
    return {
        "mig": float(gaps.mean()),
        "per_factor": gaps.tolist(),
        "settings": {"bins": bins, "binning": "width", "num_samples": len(codes)},
    }


def modularity_score(codes: np.ndarray, factors: np.ndarray, *, bins: int = 20) -> dict[str, Any]:
    """How nearly each latent tells of one factor only, of two factors or more.

    Per latent, 1 less the sum of its squared mutual information with all factors
    but its own (the one it tells most of), over that with its own times the number
    of other factors; then the mean over latents. Latents that tell nothing of any
    factor are left out. Those that tell nothing but by chance tell of all factors
    alike, and pull the score towards 0: with many of them it says little of the rest.

    Source: Ridgeway and Mozer, *Learning Deep Disentangled Embeddings With the
    F-Statistic Loss* (2018), §3.

    Returns:
        `modularity`, `per_latent` and `settings`; NaN for a latent left out, and if
        all are.

    Raises:
        ValueError: for fewer than two factors.
    """
    codes, factors = (discretise(table, bins) for table in checked_samples(codes, factors))
    if factors.shape[1] < 2:
        raise ValueError("Modularity compares factors; at least 2 are needed.")
    squared = mutual_information(codes, factors) ** 2
    most = squared.max(axis=1)
    others = (squared.sum(axis=1) - most) / (factors.shape[1] - 1)
    per_latent = 1 - np.divide(others, most, out=np.full(len(most), np.nan), where=most > 0)
    counted = per_latent[~np.isnan(per_latent)]
    return {
        "modularity": float(counted.mean()) if counted.size else np.nan,
        "per_latent": per_latent.tolist(),
        "settings": {
            "bins": bins,
            "binning": "width",
            "num_samples": len(codes),
            "num_latents_counted": int(counted.size),
        },
    }


def discretise(values: np.ndarray, bins: int, binning: str = "width") -> np.ndarray:
    """The number of the bin of each value, column by column.

    Args:
        values: [N, columns], finite.
        bins: how many, at most: equal values share one.
        binning: `"width"`, all bins equally wide from the smallest value to the
            largest; or `"quantile"`, all equally full.

    Returns:
        int64 [N, columns], in [0, bins).

    Raises:
        ValueError: for another binning, or fewer than two bins.
    """
    if binning not in BINNINGS:
        raise ValueError(f"Unknown binning '{binning}'; it is one of {', '.join(BINNINGS)}.")
    if bins < 2:
        raise ValueError(f"{bins} bins were asked for; at least 2 are needed.")
    if binning == "quantile":
        shares = (rankdata(values, axis=0) - 0.5) / len(values)
        return (bins * shares).astype(np.int64)
    edges = np.linspace(values.min(axis=0), values.max(axis=0), bins + 1)[1:-1]
    pairs = zip(edges.T, np.transpose(values), strict=True)
    return np.stack([np.searchsorted(edge, column, side="right") for edge, column in pairs], axis=1)


def mutual_information(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Mutual information of every latent with every factor, both discrete.

    Args:
        codes: bins of latents, integers from 0, [N, latents].
        factors: bins of factors, [N, factors].

    Returns:
        float64 [latents, factors], in nats, never negative.
    """
    width = int(factors.max()) + 1
    information = np.empty((codes.shape[1], factors.shape[1]))
    for row, latent in enumerate(codes.T):
        for column, factor in enumerate(factors.T):
            joint = np.bincount(latent * width + factor)
            information[row, column] = entropy_of(latent) + entropy_of(factor) - entropy(joint)
    # Entropies of independent values add up but for rounding.
    return np.where(information < 1e-12, 0.0, information)


def entropy_of(bins: np.ndarray) -> float:
    """The entropy of discrete values, integers from 0, [N], in nats."""
    return float(entropy(np.bincount(bins)))
