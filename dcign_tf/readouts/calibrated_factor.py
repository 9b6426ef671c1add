"""What every calibrated factor can be asked, whichever way its latents tell its value.

There are two ways: `calibration.FactorCalibration`, of one latent, and
`latent_curve.LatentCurve`, of several. Both are plain tables of knots, so that the same few
operations apply them in NumPy and inside a TensorFlow graph.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np

from dcign_tf.errors import UserError
from dcign_tf.quantities import MOST, Quantity

MIN_IMAGES = 20
"""As many images of a factor it takes at least to calibrate it."""

# Of the range, so that its own ends, rounded to float32, are not outside of it.
_TOLERANCE = 1e-5


class CalibrationError(UserError, ValueError):
    """A value was asked for that the calibration does not reach, or there is no calibration."""


class CalibratedFactor(abc.ABC):
    """The latents of one extrinsic factor against its value.

    A factor whose latents tell nothing is not calibrated: it is read as the mean of the values it
    was fitted on, whatever the latents, with their standard deviation as the error; whatever has
    to do with the range of values that can be asked for raises a `CalibrationError`.

    Attributes:
        name: of the value, with its unit, e.g. `azimuth_deg`: the key under which it
            is inferred, and the keyword by which it is asked for.
        period: once round, if the value is an angle that closes on itself; values are
            then read in [0, period), and any angle may be asked for.
        note: what there is to know of it; empty without anything.
        reason: why the factor is not calibrated; empty if it is.
    """

    name: str
    period: float | None
    note: str
    reason: str

    @property
    def quantity(self) -> Quantity:
        """How the value is written."""
        return Quantity(self.name, self.period)

    @property
    def remark(self) -> str:
        """A sentence or more where there is something to know of this factor; else empty."""
        return f"{self.name} is not calibrated: {self.reason}." if self.reason else self.note

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest value that can be asked for."""
        if self.reason:
            raise CalibrationError(self.remark)
        return self._ends()

    @abc.abstractmethod
    def _ends(self) -> tuple[float, float]:
        """The range of a factor that is calibrated."""

    @abc.abstractmethod
    def _tables(self) -> Sequence[Sequence[Sequence[float]]]:
        """Of each of its tables the knots, ascending, and what stands at each of them."""

    def check_sound(self) -> None:
        """Checks what was read from a file, where there may be anything.

        Raises:
            ValueError: if it cannot be used.
        """
        if not all(isinstance(text, str) for text in (self.name, self.note, self.reason)):
            raise ValueError(f"name, note or reason of {self.name!r} is no text")
        tables = [*self._tables(), *([((0, self.period),)] if self.period is not None else [])]
        for table in map(np.asarray, tables):
            is_sound = table.dtype.kind in "fiu" and table.ndim == 2 and table.shape[1] > 1
            if not is_sound or not (np.abs(table) < MOST).all():
                raise ValueError(f"{self.name} has no tables of numbers")
            if (np.diff(table[0]) < 0).any() or table[0, 0] == table[0, -1]:
                raise ValueError(f"{self.name} has knots that do not ascend")

    @property
    @abc.abstractmethod
    def error_range(self) -> tuple[float, float]:
        """The smallest and the largest root mean square error of readings."""

    @abc.abstractmethod
    def to_value(self, latents: Any, xp: Any = np) -> Any:
        """Reads latents off as values.

        Args:
            latents: of the factor, [..., n], an array of `xp`.
            xp: `numpy`, or `keras.ops` for tensors, in a graph or not.

        Returns:
            Values [...]; NaN where a latent is.
        """

    @abc.abstractmethod
    def error(self, latents: Any, xp: Any = np) -> Any:
        """The root mean square error of `to_value` around these latents, [...]."""

    @abc.abstractmethod
    def to_latents(self, values: Any, xp: Any = np) -> Any:
        """The latents that stand for values.

        Args:
            values: any shape [...], an array of `xp`; `check` says whether they can be asked
                for, beyond the range the latents at its end are given.
            xp: as in `to_value`.

        Returns:
            Latents [..., n].

        Raises:
            CalibrationError: if the factor is not calibrated.
        """

    def within(self, values: Any, xp: Any = np) -> Any:
        """Which values can be asked for: those within the range, or a hair beyond; any angle.

        Returns:
            A bool for each, False for NaN and infinity.
        """
        low, high = self.range
        if self.period:
            return xp.isfinite(values)
        hair = _TOLERANCE * (high - low)
        return xp.isfinite(values) & (values >= low - hair) & (values <= high + hair)

    def check(self, values: np.ndarray | float) -> None:
        """Checks that a value, or each of several, can be asked for.

        Raises:
            CalibrationError: if a value is not finite or outside the range, which the
                message states.
        """
        values = np.asarray(values, np.float64)
        outside = values[~self.within(values)]
        if outside.size:
            raise CalibrationError(f"{self.name}={outside.flat[0]:g} is {self.outside()}.")

    def nearest(self, value: float) -> float:
        """The value, or the end of the range that is next to it."""
        low, high = self.range
        return min(max(self._on_turn(value), low), high)

    def outside(self) -> str:
        """What to say of a value that is not within the range."""
        low, high = self.range
        return f"outside the calibrated range, {low:.4g} to {high:.4g}"

    def _on_turn(self, value: Any, xp: Any = np) -> Any:
        """Values of a circle, counted from where the range begins; others as they are."""
        low, _ = self.range
        return low + xp.mod(value - low, self.period) if self.period else value


def interpolate(x: Any, knots_x: Any, knots_y: Any, xp: Any) -> Any:
    """Straight between knots, the end values beyond; of two knots at one x the second counts.

    Args:
        x: any shape [...].
        knots_x: ascending, [K].
        knots_y: [K].
        xp: `numpy` (in float64) or `keras.ops` (in float32).

    Returns:
        [...].
    """
    x, knots_x, knots_y = (in_precision(a, xp) for a in (x, knots_x, knots_y))
    # A search, in operations that every runtime has; tables are short.
    passed = xp.sum(xp.array(x[..., np.newaxis] >= knots_x, dtype="int32"), axis=-1)
    left = xp.clip(passed - 1, 0, knots_x.shape[0] - 2)
    start, end = xp.take(knots_x, left), xp.take(knots_x, left + 1)
    share = xp.clip((x - start) / (end - start), 0.0, 1.0)
    return (1 - share) * xp.take(knots_y, left) + share * xp.take(knots_y, left + 1)


def in_precision(values: Any, xp: Any) -> Any:
    """An array of `xp` in the precision in which it calculates here."""
    return xp.array(values, dtype="float64" if xp is np else "float32")
