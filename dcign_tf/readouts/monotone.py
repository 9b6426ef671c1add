"""A strictly monotone curve through noisy points: centred isotonic regression.

Isotonic regression assumes nothing but an order, and of all monotone curves it has
the least squared error. It is fitted here not to single points, whose noise it would
follow in steps, but to the means of √N groups of neighbours (of N); and drawn with
one knot for each of its levels, at the mean of their places, and straight lines
between, so that it can be inverted where isotonic regression is flat.

Source: Oron and Flournoy, "Centered isotonic regression: point and interval
estimation for dose–response studies", Statistics in Biopharmaceutical Research 9
(2017).
"""

from __future__ import annotations

import numpy as np
from sklearn.isotonic import IsotonicRegression

SPACING = 1e-6  # of the largest knot, between two: to be told apart in float32

Curve = tuple[np.ndarray, np.ndarray]  # places, ascending; heights, strictly monotone


def num_groups(count: int) -> int:
    """Of how many groups of neighbours the means are taken."""
    return max(2, round(np.sqrt(count)))


def fit_monotone(place: np.ndarray, height: np.ndarray, low: float, high: float) -> Curve | None:
    """Fits a curve that rises, or falls, as the covariance of the points does.

    Args:
        place: of N points, [N].
        height: [N].
        low: the height at one end, no higher than any point's. There, and at the other
            end, the curve goes straight on to it, but not beyond the points' places.
        high: the height at the other end, no lower than any point's.

    Returns:
        Places and heights of the knots; None if there would be only one.
    """
    groups = np.array_split(np.argsort(place, kind="stable"), num_groups(place.size))
    size = np.array([group.size for group in groups])
    x = np.array([place[group].mean() for group in groups])
    y = np.array([height[group].mean() for group in groups])
    rising = bool(np.sum((place - place.mean()) * (height - height.mean())) >= 0)
    y = IsotonicRegression(increasing=rising).fit(x, y, sample_weight=size).predict(x)
    _, level = np.unique(y if rising else -y, return_inverse=True)
    knots = _spaced(*(np.bincount(level, size * a) / np.bincount(level, size) for a in (x, y)))
    if knots[0].size < 2:
        return None
    first, last = (low, high) if rising else (high, low)
    x, y = _continued(*knots, last, place.max())
    # The beginning is the end of the curve seen in a mirror.
    x, y = _continued(-x[::-1], y[::-1], first, -place.min())
    return -x[::-1], y[::-1]


def _continued(x: np.ndarray, y: np.ndarray, bound: float, limit: float) -> Curve:
    """With one more knot at the end: straight on to height `bound`, but not beyond `limit`."""
    slope = (y[-1] - y[-2]) / (x[-1] - x[-2])
    if (bound - y[-1]) * slope <= 0:
        return x, y
    end = min(x[-1] + (bound - y[-1]) / slope, limit)
    return _spaced(np.append(x, end), np.append(y, bound)) if end > x[-1] else (x, y)


def _spaced(x: np.ndarray, y: np.ndarray) -> Curve:
    """Without knots too near the one before to be told from it."""
    kept = [0]
    for knot in range(1, x.size):
        if all(abs(a[knot] - a[kept[-1]]) > SPACING * np.abs(a).max() for a in (x, y)):
            kept.append(knot)
    return x[kept], y[kept]
