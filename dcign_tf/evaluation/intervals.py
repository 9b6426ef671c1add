"""Scores with their intervals over identities, and where these stand in scores.json."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dcign_tf.evaluation.metrics.bootstrap import Statistic, bootstrap_intervals

Intervals = dict[str, tuple[float, float]]
"""Where a score stands in scores.json, keys with dots between them, to its interval."""


def scored(
    where: str, identities: np.ndarray, statistics: Mapping[str, Statistic]
) -> tuple[dict[str, float], Intervals]:
    """The scores of all items, and the intervals of those that are known.

    Args:
        where: what comes before their names in scores.json, `factors.azimuth` or nothing.
        identities: whose each item is, integers [N].
        statistics: name to a score of items.
    """
    scores = {name: of(np.arange(len(identities))) for name, of in statistics.items()}
    intervals = bootstrap_intervals(identities, statistics)
    return scores, placed(where, {n: i for n, i in intervals.items() if np.isfinite(scores[n])})


def placed(where: str, intervals: Mapping[str, tuple[float, float]]) -> Intervals:
    """Intervals by where they stand; those that are not known are left out."""
    return {
        f"{where}.{name}" if where else name: interval
        for name, interval in intervals.items()
        if np.isfinite(interval).all()
    }
