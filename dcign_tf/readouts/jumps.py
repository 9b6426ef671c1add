"""Where a latent jumps as the value of its factor grows.

At each place between two values a straight line is fitted to the latents of the
next eighth of the values below it, another to those above it; the step from one
line to the other at that place is a jump if it is large beside the latent's spread
and beside its own standard error (a local linear estimate of a discontinuity, as
in regression discontinuity designs). A steep but steady rise within much less than
an eighth of the values is taken for a jump as well.
"""

from __future__ import annotations

import numpy as np

# A jump is at least so much of the latent's spread, and so many standard errors: the
# largest step of hundreds is tested.
_MIN_SHARE, _MIN_ERRORS = 0.2, 6.0
# A line is fitted to this share of the different values, but to no fewer, nor fewer images.
_REACH, _MIN_VALUES, _MIN_IMAGES = 1 / 8, 3, 8


def find_jumps(latent: np.ndarray, value: np.ndarray, spread: float | None = None) -> list[float]:
    """The places of all jumps, each midway between two values.

    Args:
        latent: of N images, [N].
        value: the values, [N].
        spread: of the latent, beside which a step is large; that of these images if None.

    Returns:
        Values, ascending.
    """
    if spread is None:
        spread = np.ptp(np.percentile(latent, [5, 95]))
    place, step, error = _steps(latent, value, _reach(value))
    is_jump = np.abs(step) >= np.maximum(_MIN_SHARE * spread, _MIN_ERRORS * error)
    if not is_jump.any():
        return []
    largest = float(place[np.argmax(np.where(is_jump, np.abs(step), 0))])
    below = value < largest
    return [
        *find_jumps(latent[below], value[below], spread),
        largest,
        *find_jumps(latent[~below], value[~below], spread),
    ]


def largest_step_on_circle(latent: np.ndarray, value: np.ndarray, period: float) -> float:
    """The place on a circle where the step is largest, be it a jump or not.

    Args:
        latent: of N images, [N].
        value: the values, [N], a circle of this period.
        period: once round.

    Returns:
        In [0, period), midway between two values; 0 if there are too few values.
    """
    value = np.mod(value, period)
    three_rounds = np.concatenate([value - period, value, value + period])
    place, step, _ = _steps(np.tile(latent, 3), three_rounds, _reach(value))
    # The gap over 0 has its middle on either side of it.
    once = (place >= 0) & (place < period)
    return float(place[once][np.argmax(np.abs(step[once]))]) if once.any() else 0.0


def _reach(value: np.ndarray) -> int:
    """How many different values a line is fitted to."""
    share = max(_REACH, _MIN_IMAGES / value.size)
    return max(_MIN_VALUES, int(np.ceil(share * np.unique(value).size)))


def _steps(
    latent: np.ndarray, value: np.ndarray, reach: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places between two values [P], the step from line to line at each, and its standard error."""
    order = np.argsort(value, kind="stable")
    value, latent = value[order], latent[order] - latent.mean()
    different, first = np.unique(value, return_index=True)
    first = np.append(first, value.size)
    above = np.arange(reach, different.size - reach + 1)
    place = (different[above - 1] + different[above]) / 2
    start, middle, stop = (first[above + offset] for offset in (-reach, 0, reach))
    low, low_leverage, low_squares = _lines(value, latent, start, middle, place)
    high, high_leverage, high_squares = _lines(value, latent, middle, stop, place)
    freedom = np.maximum(stop - start - 4, 1)
    variance = (low_squares + high_squares) / freedom
    with np.errstate(invalid="ignore"):
        error = np.sqrt(variance * (low_leverage + high_leverage))
    fitted = np.isfinite(high - low) & np.isfinite(error)
    return place, np.where(fitted, high - low, 0), np.where(fitted, error, np.inf)


def _lines(
    x: np.ndarray, y: np.ndarray, start: np.ndarray, stop: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least-squares lines through the points from `start` to `stop`, all arrays [P].

    Returns:
        Their heights at `place`, the variances of these in units of the noise's, and
        the sums of squared residuals; not finite where no line can be fitted.
    """
    x, place = (a - x.mean() for a in (x, place))  # large sums of squares would cancel
    count = stop - start

    def mean(a: np.ndarray) -> np.ndarray:
        total = np.append(0, np.cumsum(a))
        return (total[stop] - total[start]) / count

    mean_x, mean_y = mean(x), mean(y)
    variance = mean(x * x) - mean_x**2
    distance = place - mean_x
    # Values so near each other that rounding leaves no variance make no line.
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (mean(x * y) - mean_x * mean_y) / variance
        leverage = (1 + distance**2 / variance) / count
        squares = count * (mean(y * y) - mean_y**2 - slope**2 * variance)
        return mean_y + slope * distance, leverage, np.maximum(squares, 0)
