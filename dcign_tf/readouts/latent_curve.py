"""Several latents of one factor: a curve through them, along which the value grows.

One number cannot follow a circle all the way round. Two can: as the angle turns, they run
along a closed curve. A value is written as its place on the curve, and read off as the place
on it that is nearest to the latents.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from dcign_tf.readouts.calibrated_factor import CalibratedFactor, in_precision, interpolate

_SHORTEST = 1e-30  # a squared length, of a piece between two knots that are one


@dataclasses.dataclass(frozen=True)
class LatentCurve(CalibratedFactor):
    """The n latents of a factor against its value: straight pieces between K knots.

    Attributes:
        name, note, reason: see `CalibratedFactor`.
        values: of the knots, ascending; the calibrated range ends with them.
        points: the latents that stand for each of them, K × n.
        errors: the root mean square error of what is read there, in the unit of the value.
        period: once round, on a circle: the last knot is then the first again.
    """

    name: str
    values: tuple[float, ...]
    points: tuple[tuple[float, ...], ...]
    errors: tuple[float, ...]
    period: float | None = None
    note: str = ""
    reason: str = ""

    def _ends(self) -> tuple[float, float]:
        return self.values[0], self.values[-1]

    def _tables(self) -> list[tuple[tuple[float, ...], ...]]:
        return [(self.values, self.errors, *zip(*self.points, strict=True))]

    @property
    def error_range(self) -> tuple[float, float]:
        """See `CalibratedFactor`."""
        return min(self.errors), max(self.errors)

    def to_value(self, latents: Any, xp: Any = np) -> Any:
        """See `CalibratedFactor`; the value at the place on the curve nearest to the latents."""
        value = self._at_nearest(latents, self.values, xp)
        return xp.mod(value, self.period) if self.period else value

    def error(self, latents: Any, xp: Any = np) -> Any:
        """See `CalibratedFactor`; that at the place nearest to the latents."""
        return self._at_nearest(latents, self.errors, xp)

    def to_latents(self, values: Any, xp: Any = np) -> Any:
        """See `CalibratedFactor`; the point of the curve at each value."""
        values = self._on_turn(values, xp)
        coordinates = zip(*self.points, strict=True)
        return xp.stack([interpolate(values, self.values, c, xp) for c in coordinates], axis=-1)

    def on_curve(self, latents: Any, xp: Any = np) -> Any:
        """The point of the curve that latents [..., n] are read off at, of the same shape."""
        return self.to_latents(self.to_value(latents, xp), xp)

    def _at_nearest(self, latents: Any, table: tuple[float, ...], xp: Any) -> Any:
        """What a table of the knots, [K], has where the curve is nearest: [..., n] to [...]."""
        latents, points, table = (in_precision(a, xp) for a in (latents, self.points, table))
        start, along = points[:-1], points[1:] - points[:-1]
        from_start = latents[..., np.newaxis, :] - start
        length = xp.maximum(xp.sum(along**2, axis=-1), _SHORTEST)
        share = xp.clip(xp.sum(from_start * along, axis=-1) / length, 0.0, 1.0)
        gap = xp.sum((from_start - share[..., np.newaxis] * along) ** 2, axis=-1)
        on_pieces = (1 - share) * table[:-1] + share * table[1:]
        nearest = xp.argmin(gap, axis=-1)[..., np.newaxis]
        return xp.take_along_axis(on_pieces, nearest, axis=-1)[..., 0]
