"""How several latents of one factor are calibrated: a smooth curve through them.

Each latent is regressed on the value, the noise being the latents': on a circle by waves
(cosines and sines of the angle and its multiples), otherwise by polynomials. How many are
taken is decided by leave-one-out cross-validation, over all latents together, and bounded by
how closely the values lie. The curve is kept as straight pieces between evenly spaced values.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from dcign_tf.readouts import samples
from dcign_tf.readouts.calibrated_factor import CalibratedFactor
from dcign_tf.readouts.latent_curve import LatentCurve

_PIECES = 72  # 5 degrees of a circle
_MOST_ORDER = 12
# Half of the variance is told by a circle that is folded flat: of the two angles that each place
# then stands for, readings get one by chance.
_MIN_EXPLAINED = 0.6


def fit_curve(
    latents: np.ndarray, value: np.ndarray, *, name: str, period: float | None
) -> CalibratedFactor:
    """Fits a curve, closed if the values are a whole circle.

    Args:
        latents: of N images, finite and not all the same, [N, n].
        value: the true values, likewise, [N].
        name: of the value.
        period: once round, if the values lie on a circle.

    Returns:
        A `LatentCurve`; or, if it is of no use, an uncalibrated factor that says why.
    """
    low, high, is_round = value.min(), value.max(), False
    if period:
        middle, gap, is_round = samples.widest_gap(value, period)
        start = 0.0 if is_round else middle - period
        value = start + np.mod(value - start, period)
        low, high = (0.0, period) if is_round else (value.min(), value.max())
    if not high > low:
        return samples.uncalibrated(name, value, "its value is the same in all validation images")
    if is_round:  # no wave without more than two values to tell it by
        most, basis = int(period / (2 * gap) - 1e-6), _waves(period)
    else:  # more would swing between the values; as many as the values pass through anything
        distinct = np.unique(value).size
        most, basis = min(int(2 * np.sqrt(distinct)), distinct - 1), _polynomials(low, high)
    knots = np.linspace(low, high, _PIECES + 1)
    points = _regression(basis, value, latents, min(most, _MOST_ORDER))(knots)
    if is_round:
        points[-1] = points[0]
    fitted = LatentCurve(
        name=name,
        values=tuple(knots.tolist()),
        points=tuple(map(tuple, points.tolist())),
        errors=(0.0,) * len(knots),  # known once it reads
        period=period if is_round else None,
    )
    read = fitted.to_value(latents)
    off = samples.difference(read, value, fitted.period)
    share = samples.explained(off, value)
    if share < _MIN_EXPLAINED:
        reason = f"its latents tell {share:.0%} of the variance of its validation values"
        return samples.uncalibrated(name, value, reason)
    errors = samples.local_errors(read, off, knots, fitted.period)
    return dataclasses.replace(fitted, errors=errors, note=_note(off, fitted))


def _regression(
    basis: Callable[[np.ndarray, int], list[np.ndarray]],
    value: np.ndarray,
    latents: np.ndarray,
    most: int,
) -> Callable[[np.ndarray], np.ndarray]:
    """The smooth response [M, n] to values [M]; its order best foretells images left out."""
    centre = latents.mean(axis=0)
    orders = basis(value, most)
    widths = np.cumsum([len(order) for order in orders])
    directions, _ = np.linalg.qr(np.concatenate(orders).T)
    best, least = 1, np.inf
    for order, width in enumerate(widths[1:], 1):
        if width > len(value) // 3:
            break
        taken = directions[:, :width]
        leverage = np.minimum(np.sum(taken**2, axis=1), 1 - 1e-9)
        residual = latents - centre - taken @ (taken.T @ (latents - centre))
        error = np.sum((residual / (1 - leverage)[:, np.newaxis]) ** 2)
        if error < least:
            best, least = order, error
    columns = np.concatenate(orders[: best + 1]).T
    weights, *_ = np.linalg.lstsq(columns, latents - centre, rcond=None)
    return lambda asked: centre + np.concatenate(basis(asked, best)).T @ weights


def _waves(period: float) -> Callable[[np.ndarray, int], list[np.ndarray]]:
    def waves(value: np.ndarray, most: int) -> list[np.ndarray]:
        """Of each order from 0 its functions, [1 or 2, N]: 1, then a cosine and a sine."""
        turn = 2 * np.pi / period * value
        of_order = [[np.cos(m * turn), np.sin(m * turn)] for m in range(1, most + 1)]
        return [np.ones((1, len(value))), *map(np.stack, of_order)]

    return waves


def _polynomials(low: float, high: float) -> Callable[[np.ndarray, int], list[np.ndarray]]:
    def polynomials(value: np.ndarray, most: int) -> list[np.ndarray]:
        """Of each order from 0 Chebyshev's polynomial, [1, N]."""
        place = 2 * (value - low) / (high - low) - 1
        return list(np.polynomial.chebyshev.chebvander(place, most).T[:, np.newaxis])

    return polynomials


def _note(off: np.ndarray, fitted: LatentCurve) -> str:
    """What there is to say of circles of which some places stand for two sides."""
    if not fitted.period or not (share := np.mean(np.abs(off) > samples.FAR_OFF * fitted.period)):
        return ""
    return (
        f"{share:.1%} of the validation images are read as {fitted.name} more than a quarter of the"
        " circle off."
    )
