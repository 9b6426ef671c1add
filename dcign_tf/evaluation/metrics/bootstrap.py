"""How sure a score is: its interval over identities, by bootstrap.

Images of one identity are alike: a hundred more of the same people tell little more of how well
other people would be served. So whole identities are drawn, with all of their images, as many as
there are and with replacement, again and again; between which bounds nearly all of the scores of
such samples lie is the interval (percentile method: Efron and Tibshirani, *An Introduction to the
Bootstrap*, 1993, ch. 13). What is trained and fitted stays as it is: it says nothing of how much
another training would differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

LEVEL = 0.95
"""The share of the samples' scores that lies within the interval."""

Statistic = Callable[[np.ndarray], float]
"""A score of some items, given as their indices, int [n], repeated if drawn repeatedly."""


def bootstrap_intervals(
    identities: np.ndarray,
    statistics: Mapping[str, Statistic],
    *,
    level: float = LEVEL,
    num_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of scores, drawing identities with replacement.

    Args:
        identities: whose each item is (an image, a pair of images), integers [N].
        statistics: name to the score of items, all of which are scored on the same samples.
        level: in (0, 1).
        num_resamples: how many samples are drawn.
        seed: the same seed gives the same intervals.

    Returns:
        Name to the lower and the upper bound. NaN with fewer than two identities, or where a
        score of some sample is not defined or infinite.

    Raises:
        ValueError: if identities are not [N].
    """
    people, whose = np.unique(identities, return_inverse=True)
    if np.ndim(identities) != 1:
        raise ValueError(f"Identities {np.shape(identities)} must be [N], one an item.")
    count, items = len(people), np.arange(len(whose))
    if count < 2:
        return dict.fromkeys(statistics, (np.nan, np.nan))
    rng = np.random.default_rng(seed)
    scores = np.empty((num_resamples, len(statistics)))
    for row in scores:
        times = np.bincount(rng.integers(count, size=count), minlength=count)
        sample = np.repeat(items, times[whose])
        row[:] = [statistic(sample) for statistic in statistics.values()]
    scores[~np.isfinite(scores)] = np.nan  # between infinities there is nothing to interpolate
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2], axis=0).tolist()
    return dict(zip(statistics, zip(low, high, strict=True), strict=True))
