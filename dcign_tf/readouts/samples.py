"""Latents of images beside the true values of their factor: what every fit to them asks.

Whether anything can be fitted, where a circle leaves room, and how far off readings are.
"""

from __future__ import annotations

import numpy as np

from dcign_tf.readouts.calibrated_factor import MIN_IMAGES
from dcign_tf.readouts.calibration import FactorCalibration
from dcign_tf.readouts.monotone import SPACING, num_groups

_MAX_GAP = 0.25  # of a circle, in which no value lies, if it is to count as a whole one
FAR_OFF = 0.25
"""Of a circle: a reading that is further off has the side wrong, not the angle alone."""


def finite(latents: np.ndarray, value: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray, str]:
    """The images whose latents and value are finite, in float64.

    Args:
        latents: of N images, [..., n].
        value: the true values, [...].
        name: of the value.

    Returns:
        Latents [N, n], values [N]; and why nothing can be fitted to them, empty if it can.

    Raises:
        ValueError: if the shapes do not fit together.
    """
    latents, value = np.asarray(latents, np.float64), np.asarray(value, np.float64)
    if latents.shape[:-1] != value.shape:
        raise ValueError(f"There are {latents.shape} latents and {value.shape} values of {name}.")
    known = np.isfinite(latents).all(axis=-1) & np.isfinite(value)
    latents, value = latents[known], value[known]
    if value.size < MIN_IMAGES:
        return latents, value, f"{value.size} validation images show it, and it takes {MIN_IMAGES}"
    latent_is = "latents are" if latents.shape[1] > 1 else "latent is"
    for what, a in (("value is", value), (latent_is, latents)):
        if np.all(np.ptp(a, axis=0) <= SPACING * np.abs(a).max(axis=0)):
            return latents, value, f"its {what} the same in all validation images"
    return latents, value, ""


def uncalibrated(name: str, value: np.ndarray, reason: str) -> FactorCalibration:
    """Always the mean value, with the values' standard deviation as the error."""
    mean, deviation = (value.mean(), value.std()) if value.size else (np.nan, np.nan)
    return FactorCalibration(
        name=name,
        read_latents=(-1.0, 1.0),
        read_values=(float(mean),) * 2,
        read_errors=(float(deviation),) * 2,
        reason=reason,
    )


def widest_gap(value: np.ndarray, period: float) -> tuple[float, float, bool]:
    """The arc of a circle in which no value lies.

    Args:
        value: [N], a circle of this period.
        period: once round.

    Returns:
        Its middle, in [−period / 2, period); its width; and whether what is left still counts as
        the whole circle.
    """
    different = np.unique(np.mod(value, period))
    gaps = np.diff(different, append=different[0] + period)
    widest = int(np.argmax(gaps))
    middle, width = different[widest] + gaps[widest] / 2, gaps[widest]
    return middle, width, width <= _MAX_GAP * period


def difference(read: np.ndarray, value: np.ndarray, period: float | None) -> np.ndarray:
    """What was read less what is true; on a circle the shorter way round."""
    off = read - value
    return np.mod(off + period / 2, period) - period / 2 if period else off


def explained(off: np.ndarray, value: np.ndarray) -> float:
    """The share of the variance of values [N] that is told by readings so far off, [N]; from 0."""
    unexplained = np.sum(off**2) / (off.size - num_groups(off.size))
    return float(max(0.0, 1 - unexplained / np.var(value, ddof=1)))


def local_errors(
    place: np.ndarray, off: np.ndarray, knots: np.ndarray, period: float | None = None
) -> tuple[float, ...]:
    """Root mean square over the images at the nearest places: three groups' worth.

    Args:
        place: of N images, on the scale of the knots, [N].
        off: how far off each is read, [N].
        knots: [K].
        period: once round, if the places lie on a circle.

    Returns:
        [K].
    """
    width = min(3 * num_groups(place.size), place.size)
    if period:
        place, off = np.concatenate([place - period, place, place + period]), np.tile(off, 3)
    order = np.argsort(place, kind="stable")
    squares = np.append(0, np.cumsum(off[order] ** 2))
    start = np.searchsorted(place[order], knots) - width // 2
    start = np.clip(start, 0, place.size - width)
    return tuple(np.sqrt((squares[start + width] - squares[start]) / width).tolist())
