"""Mutual information of latents and factors, on which MIG and modularity rest.

Codes and factors are continuous; both are cut into `bins`, equally wide, and mutual
information is that of the counts, in nats. Such an estimate is too large by about
(bins − 1)² / (2 · samples) for values that have nothing to do with each other.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import entropy, rankdata

BINNINGS = ("width", "quantile")


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
