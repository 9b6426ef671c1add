"""Modularity (Ridgeway and Mozer, 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np

from dcign_tf.evaluation.metrics.mutual_information import discretised, mutual_information


def modularity(
    codes: np.ndarray, factors: np.ndarray, *, bins: int = 20, binning: str = "width"
) -> dict[str, Any]:
    """How nearly each latent tells of one factor only.

    Of each latent, 1 less the sum of its squared mutual information with all factors
    but its own (the one it tells most of), over that with its own times the number
    of other factors; then the mean over latents. Latents that tell nothing of any
    factor are left out. Those that tell nothing but by chance tell of all factors
    alike, and pull the score towards 0: with many of them it says little of the rest.

    Source: Ridgeway and Mozer, *Learning Deep Disentangled Embeddings With the
    F-Statistic Loss* (2018), §3.

    Args:
        codes: [N, latents].
        factors: [N, factors], two or more.
        bins: of latents and of factors.
        binning: see `discretise`.

    Returns:
        `modularity`, `per_latent` and `settings`; NaN for a latent left out, and if
        all are.

    Raises:
        ValueError: for fewer than two factors.
    """
    codes, factors = discretised(codes, factors, bins, binning)
    if factors.shape[1] < 2:
        raise ValueError("Modularity compares factors; at least 2 are needed.")
    squared = mutual_information(codes, factors) ** 2
    own = squared.max(axis=1)
    others = (squared.sum(axis=1) - own) / (factors.shape[1] - 1)
    per_latent = 1 - np.divide(others, own, out=np.full(len(own), np.nan), where=own > 0)
    counted = per_latent[~np.isnan(per_latent)]
    return {
        "modularity": float(counted.mean()) if counted.size else np.nan,
        "per_latent": per_latent.tolist(),
        "settings": {
            "bins": bins,
            "binning": binning,
            "num_samples": len(codes),
            "num_latents_counted": int(counted.size),
        },
    }
