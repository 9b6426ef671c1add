"""Modularity; `disentanglement` says what all such scores take."""

from __future__ import annotations

from typing import Any

import numpy as np

from dcign_tf.evaluation.metrics.arrays import checked_samples
from dcign_tf.evaluation.metrics.mutual_information import discretise, mutual_information


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
