"""Latent value ↔ scene value: what a trained network's extrinsic latents mean in degrees.

A `FactorCalibration` holds two curves of straight pieces. One reads a latent off
as a value (an angle in degrees, as a rule), the other gives the latent that stands
for a value; where the latent follows the value without a jump they are each
other's inverse. `readouts.fitting` makes them, the model keeps them. They are
plain tables of knots, so that the same few operations apply them in NumPy and
inside a TensorFlow graph. `readouts.scene` applies them to whole codes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from dcign_tf.errors import UserError
from dcign_tf.quantities import Quantity

# Of the range, so that its own ends, rounded to float32, are not outside of it.
_TOLERANCE = 1e-5


class CalibrationError(UserError, ValueError):
    """A value was asked for that the calibration does not reach, or there is no calibration."""


@dataclasses.dataclass(frozen=True)
class FactorCalibration:
    """One extrinsic latent against the value of its factor.

    Where the latent jumps, a curve has two knots at one place, and the second counts
    from there on. A factor whose latent tells nothing is not calibrated: it is read
    as the mean of the values it was fitted on, whatever the latent, with their
    standard deviation as the error; whatever has to do with the range of values that
    can be asked for raises a `CalibrationError`.

    Attributes:
        name: of the value, with its unit, e.g. `azimuth_deg`: the key under which it
            is inferred, and the keyword by which it is asked for.
        read_latents: knots of the latent, ascending; beyond them the end values hold.
        read_values: the value at each of them.
        read_errors: the root mean square error there, in the unit of the value.
        write_values: knots of the value, ascending; the calibrated range ends with them.
        write_latents: the latent that stands for each of them.
        period: once round, if the value is an angle that closes on itself; values are
            then read in [0, period), any angle may be asked for, and `write_values`
            run from the cut on.
        cuts: values at which the latent jumps, ascending; on a circle the first is
            the one that every number has to have somewhere.
        note: what there is to know of the jumps; empty without any.
        reason: why the factor is not calibrated; empty if it is.
    """

    name: str
    read_latents: tuple[float, ...]
    read_values: tuple[float, ...]
    read_errors: tuple[float, ...]
    write_values: tuple[float, ...] = ()
    write_latents: tuple[float, ...] = ()
    period: float | None = None
    cuts: tuple[float, ...] = ()
    note: str = ""
    reason: str = ""

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
        return self.write_values[0], self.write_values[-1]

    def to_value(self, latent: Any, xp: Any = np) -> Any:
        """Reads latents off as values.

        Args:
            latent: any shape, an array of `xp`.
            xp: `numpy`, or `keras.ops` for tensors, in a graph or not.

        Returns:
            Values of the same shape; NaN where the latent is.
        """
        value = _interpolate(latent, self.read_latents, self.read_values, xp)
        return xp.mod(value, self.period) if self.period else value

    def error(self, latent: Any, xp: Any = np) -> Any:
        """The root mean square error of `to_value` around these latents, of the same shape."""
        return _interpolate(latent, self.read_latents, self.read_errors, xp)

    def to_latent(self, value: Any, xp: Any = np) -> Any:
        """The latents that stand for values.

        Args:
            value: any shape, an array of `xp`; `check` says whether it can be asked
                for, beyond the range the end latents are given.
            xp: as in `to_value`.

        Returns:
            Latents of the same shape.
        """
        low, _ = self.range
        if self.period:
            value = low + xp.mod(value - low, self.period)
        return _interpolate(value, self.write_values, self.write_latents, xp)

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
        if self.period:
            value = low + (value - low) % self.period
        return min(max(value, low), high)

    def outside(self) -> str:
        """What to say of a value that is not within the range."""
        low, high = self.range
        return f"outside the calibrated range, {low:.4g} to {high:.4g}"


@dataclasses.dataclass(frozen=True)
class Calibration:
    """The factors of one model whose values are known.

    Attributes:
        factors: extrinsic factor to its calibration.
        step: the model's training step when it was fitted; of other weights it says nothing.
        latents: factor to the latents that were found to stand for it, in a network trained
            without clamping; a factor that is missing has those of the graphics code.
    """

    factors: Mapping[str, FactorCalibration]
    step: int = 0
    latents: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)

    @property
    def usable(self) -> dict[str, FactorCalibration]:
        """The factors whose latents tell something, so that their values can be asked for."""
        return {factor: curve for factor, curve in self.factors.items() if not curve.reason}

    def named(self, name: str) -> tuple[str, FactorCalibration]:
        """The factor whose value has this name, and its calibration.

        Raises:
            KeyError: if there is none.
        """
        for factor, calibrated in self.factors.items():
            if calibrated.name == name:
                return factor, calibrated
        names = ", ".join(calibrated.name for calibrated in self.factors.values())
        raise KeyError(f"Unknown value '{name}'; calibrated are {names or 'none'}.")

    def check(self, values: Mapping[str, Any]) -> None:
        """Checks that values, by name, can be asked for.

        Args:
            values: a number or several each.

        Raises:
            CalibrationError: for the first that cannot.
        """
        for name, wanted in values.items():
            try:
                _, calibrated = self.named(name)
            except KeyError as error:
                raise CalibrationError(str(error.args[0])) from error
            calibrated.check(wanted)

    def get_config(self) -> dict[str, Any]:
        """Dicts, lists, strings and numbers: what JSON holds."""
        return json.loads(json.dumps({"step": self.step, **dataclasses.asdict(self)}))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Calibration:
        """The inverse of `get_config`."""
        factors = {
            factor: FactorCalibration(**_with_tuples(fields))
            for factor, fields in config["factors"].items()
        }
        latents = config.get("latents", {})  # what was saved before there were any lacks it
        latents = {factor: tuple(indices) for factor, indices in latents.items()}
        return cls(factors, step=config["step"], latents=latents)


def _with_tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(entry) if isinstance(entry, list) else entry for name, entry in fields.items()
    }


def value_name(factor: str, key: str) -> str:
    """What a factor's value is called: the dataset's key, unless that is the latent's own name.

    `azimuth_deg`; but `distance_value` where a factor and its key are both `distance`.
    """
    return f"{factor}_value" if key == factor else key


def error_name(name: str) -> str:
    """What the error of a value is called: `azimuth_error_deg`, `distance_value_error`."""
    unit = "_deg" if name.endswith("_deg") else ""
    return f"{name.removesuffix(unit)}_error{unit}"


def _interpolate(x: Any, knots_x: Any, knots_y: Any, xp: Any) -> Any:
    """Straight between knots, the end values beyond; of two knots at one x the second counts."""
    dtype = "float64" if xp is np else "float32"
    x, knots_x, knots_y = (xp.array(a, dtype=dtype) for a in (x, knots_x, knots_y))
    flat = xp.reshape(x, (-1,))  # as TensorFlow's search wants it
    left = xp.clip(xp.searchsorted(knots_x, flat, side="right") - 1, 0, knots_x.shape[0] - 2)
    start, end = xp.take(knots_x, left), xp.take(knots_x, left + 1)
    share = xp.clip((flat - start) / (end - start), 0.0, 1.0)
    y = (1 - share) * xp.take(knots_y, left) + share * xp.take(knots_y, left + 1)
    return xp.reshape(y, xp.shape(x))
