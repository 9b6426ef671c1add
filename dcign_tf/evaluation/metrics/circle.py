"""Factors that are circles: what one latent can know of an angle that closes on itself.

A real number cannot follow a circle all the way round without a jump: somewhere
the latent must fall from its last value back to its first. Where it does is the
*cut*. Cut open there, a circle is an interval, and the scores of an interval
apply. As in `metrics`, what is not defined is NaN, without error or warning.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from dcign_tf.evaluation.metrics.arrays import paired, varies


def circular_linear_correlation(latent: np.ndarray, angle: np.ndarray, period: float) -> float:
    """Mardia's R: multiple correlation of a latent with the cosine and sine of the angle.

    It needs no cut. For angles spread evenly it is 1 for a latent that is a
    sinusoid of the angle (and so takes most values twice: it does not tell the
    angle), and √6/π = 0.78 for one that grows evenly round the circle and jumps.

    Source: Mardia and Jupp, *Directional Statistics* (2000), §11.2.

    Args:
        latent: values of one latent, any shape.
        angle: the true angles, of the same shape.
        period: once round, in the unit of `angle`.

    Returns:
        In [0, 1]. NaN if either is constant (angles: modulo the period), with fewer
        than four values (three always fit), or if any is not finite.
    """
    latent, angle = paired(latent, angle)
    if latent.size < 4 or not (varies(latent) and varies(unroll(angle, 0, period))):
        return np.nan
    turn = 2 * np.pi * angle / period
    # Least squares, not the closed form in three correlations: two distinct angles divide by 0.
    waves = np.stack([np.ones_like(turn), np.cos(turn), np.sin(turn)], axis=1)
    centred = (latent - latent.mean()) / np.abs(latent - latent.mean()).max()
    fitted = waves @ np.linalg.lstsq(waves, centred, rcond=None)[0]
    residual = np.sum((centred - fitted) ** 2) / np.sum(centred**2)
    return float(np.sqrt(np.clip(1 - residual, 0, 1)))


def unroll(angle: np.ndarray, cut: float | np.ndarray, period: float) -> np.ndarray:
    """Angles counted from the cut, in [0, period)."""
    with np.errstate(invalid="ignore"):
        counted = np.mod(np.asarray(angle, np.float64) - cut, period)
    # A tiny negative angle is rounded up to the period itself.
    return np.where(counted == period, 0.0, counted)


def circular_distance(angle: np.ndarray, other: np.ndarray, period: float) -> np.ndarray:
    """How far apart two angles are the shorter way round, in [0, period / 2]."""
    ahead = unroll(angle, np.asarray(other, np.float64), period)
    return np.minimum(ahead, period - ahead)


def distance(values: np.ndarray, others: np.ndarray, period: float | None) -> np.ndarray:
    """How far apart values are: `circular_distance`, or without a period their difference."""
    return circular_distance(values, others, period) if period else np.abs(values - others)


def circular_mean(angle: np.ndarray, period: float) -> float:
    """The direction of the mean of angles as unit vectors, in [0, period); NaN without any."""
    return float(stats.circmean(angle, high=period, low=0)) if np.size(angle) else np.nan


def on_turn(values: np.ndarray, low: float, high: float, period: float | None) -> np.ndarray:
    """Angles plus or minus whole periods, so that they are on the turn around an interval.

    Args:
        values: any shape.
        low: where the interval begins.
        high: where it ends, at most a period further; it lies in the middle of that turn.
        period: once round; None if it is no circle: then the values stay as they are.
    """
    if period is None:
        return values
    start = (low + high - period) / 2
    return start + unroll(values, start, period)


def furthest_apart(values: np.ndarray, period: float | None) -> tuple[int, int]:
    """The indices of two values with the largest distance, on a circle the shorter way round.

    Args:
        values: at least one, [n].
        period: once round; None if it is no circle: then the lowest, and the highest.
    """
    if period is None:
        return int(np.argmin(values)), int(np.argmax(values))
    apart = circular_distance(values[:, np.newaxis], values, period)
    first, second = np.unravel_index(np.argmax(apart), apart.shape)
    return int(first), int(second)
