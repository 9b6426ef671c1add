"""Latent value ↔ scene value: what a trained network's extrinsic latents mean in degrees.

A `FactorCalibration`, of one latent, holds two curves of straight pieces. One reads a
latent off as a value (an angle in degrees, as a rule), the other gives the latent that
stands for a value; where the latent follows the value without a jump they are each
other's inverse. Several latents have one curve, a `LatentCurve`. `readouts.fitting`
makes them, the model keeps them, `readouts.scene` applies them to whole codes.
"""

from __future__ import annotations

import dataclasses
import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dcign_tf.factors import INTRINSIC, GraphicsCode
from dcign_tf.readouts.calibrated_factor import CalibratedFactor, CalibrationError, interpolate
from dcign_tf.readouts.familiarity import Familiarity
from dcign_tf.readouts.latent_curve import LatentCurve
from dcign_tf.readouts.leakage import Leakage


@dataclasses.dataclass(frozen=True)
class FactorCalibration(CalibratedFactor):
    """One extrinsic latent against the value of its factor.

    Where the latent jumps, a curve has two knots at one place, and the second counts
    from there on.

    Attributes:
        name, reason: see `CalibratedFactor`. A factor of several latents that tell nothing
            is read as of one that does, and looks at the first alone.
        read_latents: knots of the latent, ascending; beyond them the end values hold.
        read_values: the value at each of them.
        read_errors: the root mean square error there, in the unit of the value.
        write_values: knots of the value, ascending; the calibrated range ends with them.
        write_latents: the latent that stands for each of them.
        period: once round, on a circle; `write_values` then run from the cut on.
        cuts: values at which the latent jumps, ascending; on a circle the first is
            the one that every number has to have somewhere.
        note: what there is to know of the jumps; empty without any.
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

    def _ends(self) -> tuple[float, float]:
        return self.write_values[0], self.write_values[-1]

    def _tables(self) -> list[tuple[tuple[float, ...], ...]]:
        read = (self.read_latents, self.read_values, self.read_errors)
        return [read] if self.reason else [read, (self.write_values, self.write_latents)]

    @property
    def error_range(self) -> tuple[float, float]:
        """See `CalibratedFactor`."""
        return min(self.read_errors), max(self.read_errors)

    def to_value(self, latents: Any, xp: Any = np) -> Any:
        """See `CalibratedFactor`; latents [..., 1]."""
        value = interpolate(latents[..., 0], self.read_latents, self.read_values, xp)
        return xp.mod(value, self.period) if self.period else value

    def error(self, latents: Any, xp: Any = np) -> Any:
        """See `CalibratedFactor`; latents [..., 1]."""
        return interpolate(latents[..., 0], self.read_latents, self.read_errors, xp)

    def to_latents(self, values: Any, xp: Any = np) -> Any:
        """See `CalibratedFactor`; latents [..., 1]."""
        values = self._on_turn(values, xp)
        return interpolate(values, self.write_values, self.write_latents, xp)[..., np.newaxis]


@dataclasses.dataclass(frozen=True)
class Calibration:
    """The factors of one model whose values are known.

    Attributes:
        factors: extrinsic factor to its calibration.
        step: the model's training step when it was fitted; of other weights it says nothing.
        latents: factor to the latents that were found to stand for it, in a network trained
            without clamping; a factor that is missing has those of the graphics code.
        familiarity: which pictures the network knows such as; None if nobody has looked.
        leakage: factor to what its latents leave in the intrinsic ones; a factor that is
            missing leaves nothing that is known.
    """

    factors: Mapping[str, CalibratedFactor]
    step: int = 0
    latents: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    familiarity: Familiarity | None = None
    leakage: Mapping[str, Leakage] = dataclasses.field(default_factory=dict)

    @property
    def usable(self) -> dict[str, CalibratedFactor]:
        """The factors whose latents tell something, so that their values can be asked for."""
        return {factor: curve for factor, curve in self.factors.items() if not curve.reason}

    def named(self, name: str) -> tuple[str, CalibratedFactor]:
        """The factor whose value has this name, and its calibration.

        Raises:
            KeyError: if there is none.
        """
        for factor, calibrated in self.factors.items():
            if calibrated.name == name:
                return factor, calibrated
        names = ", ".join(calibrated.name for calibrated in self.factors.values())
        raise KeyError(f"Unknown value '{name}'; calibrated are {names or 'none'}.")

    def moved(self, factor: str, old: Any, new: Any, xp: Any = np) -> Any:
        """By how much a factor's latents change, [..., n]: along its curve, if it has one.

        How far they lie off the curve is no turn: asked for what they are read as, they stay.

        Args:
            factor: an extrinsic one.
            old: its latents before, [..., n], an array of `xp`, as is the other.
            new: its latents afterwards.
            xp: see the module.
        """
        curve = self.usable.get(factor)
        if isinstance(curve, LatentCurve):
            old, new = curve.on_curve(old, xp), curve.on_curve(new, xp)
        return new - old

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
        """The inverse of `get_config`.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: if it is no calibration.
        """
        factors = {factor: _known_factor(fields) for factor, fields in config["factors"].items()}
        latents = config.get("latents", {})  # what was saved before there were any lacks it
        latents = {factor: tuple(map(operator.index, of)) for factor, of in latents.items()}
        known = config.get("familiarity")  # likewise
        familiarity = Familiarity(**_tupled(known)) if known else None
        leakage = config.get("leakage", {})  # likewise
        leakage = {factor: Leakage(**_tupled(fields)) for factor, fields in leakage.items()}
        return cls(factors, operator.index(config["step"]), latents, familiarity, leakage)

    def check_fits(self, code: GraphicsCode) -> None:
        """Raises `KeyError` or `ValueError` if it is not of such codes."""
        code.order(self.latents)
        for factor, calibrated in self.factors.items():
            lengths = {code.size(factor)}
            if isinstance(calibrated, LatentCurve) and lengths != set(map(len, calibrated.points)):
                raise ValueError(f"the calibration of {factor} is of another number of latents")
        if self.familiarity and len(self.familiarity.z_mean) != code.latent_dim:
            raise ValueError("its limits of what is familiar are of another number of latents")
        for factor, leakage in self.leakage.items():
            fitting = code.latent_dim, code.size(INTRINSIC)
            if factor not in code.extrinsic or leakage.weights.shape != fitting:
                raise ValueError(f"the leakage of {factor} is of another number of latents")


def _known_factor(fields: Mapping[str, Any]) -> CalibratedFactor:
    kind: Callable[..., CalibratedFactor] = LatentCurve if "points" in fields else FactorCalibration
    calibrated = kind(**_tupled(fields))
    calibrated.check_sound()
    return calibrated


def _tupled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _with_tuples(entry) for name, entry in fields.items()}


def _with_tuples(entry: Any) -> Any:
    return tuple(map(_with_tuples, entry)) if isinstance(entry, list) else entry


def value_name(factor: str, key: str) -> str:
    """What a factor's value is called: the dataset's key, unless that is the latent's own name.

    `azimuth_deg`; but `distance_value` where a factor and its key are both `distance`.
    """
    return f"{factor}_value" if key == factor else key


def error_name(name: str) -> str:
    """What the error of a value is called: `azimuth_error_deg`, `distance_value_error`."""
    unit = "_deg" if name.endswith("_deg") else ""
    return f"{name.removesuffix(unit)}_error{unit}"
