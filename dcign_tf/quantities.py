"""What a factor's true value is called, and in which unit it is."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping

MOST = 1e15
"""No value, and no latent, is as large: float32 holds its square."""


def display_name(name: str) -> str:
    """`light_azimuth` or `light_azimuth_deg` as it is read aloud: "light azimuth"."""
    return name.removesuffix("_deg").replace("_", " ")


def factor_name(column: str) -> str:
    """The factor whose true values are called so: `light_azimuth` of `light_azimuth_deg`."""
    return column.removesuffix("_deg")


@dataclasses.dataclass(frozen=True)
class Quantity:
    """The true value of a factor.

    Attributes:
        key: its name in a dataset's examples; one that ends in `_deg` is in degrees,
            any other is in a unit of the user's own, which nothing here guesses.
        period: if it runs round a circle, once round in its own unit; else None.

    Raises:
        ValueError: if the period is not positive.
    """

    key: str
    period: float | None = None

    def __post_init__(self) -> None:
        if self.period is not None and not self.period > 0:
            raise ValueError(f"The period of '{self.key}' is {self.period}; it must be positive.")

    @property
    def unit(self) -> str:
        """The sign that follows a number: "°", or nothing."""
        return "°" if self.key.endswith("_deg") else ""

    @property
    def label(self) -> str:
        """For an axis or a column: "light azimuth (°)", "distance"."""
        return display_name(self.key) + (f" ({self.unit})" if self.unit else "")

    def text(self, value: float) -> str:
        """A value to read, three significant digits or whole degrees: "−40°", "0.25"."""
        number = f"{value:.0f}" if self.unit else f"{value:.3g}"
        return ("0" if number == "-0" else number.replace("-", "−")) + self.unit


def quantities(values: Mapping[str, str], periods: Mapping[str, float]) -> dict[str, Quantity]:
    """Factor to its quantity, from the attributes of a `SweepDataset`."""
    return {factor: Quantity(key, periods.get(factor)) for factor, key in values.items()}


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def finite_number(text: str) -> float:
    """The number that a text is, as a spreadsheet writes it; NaN if it is none, or no finite one.

    Python takes more for numbers: 8_0, digits of other scripts, infinity.
    """
    if _NUMBER.fullmatch(text.strip()) is None:
        return math.nan
    value = float(text)
    return value if math.isfinite(value) else math.nan


def number(value: float | None, form: str | None = None, unit: str = "") -> str:
    """A score to read, – if it is not known; `form` as for `format`."""
    if value is None or not math.isfinite(value):
        return "–"
    readable = value == 0 or 0.001 <= abs(value) < 1000
    return format(value, form or (".3f" if readable else ".2e")) + unit


def data_size(num_bytes: float) -> str:
    """Bytes to read, rounded: `512 bytes`, `3.1 MB`, `12.0 GB`."""
    if num_bytes < 999.5:
        return f"{num_bytes:.0f} bytes"
    unit, size = next((u, s) for u, s in _UNITS.items() if num_bytes < 999.95 * s or u == "GB")
    return f"{num_bytes / size:,.1f} {unit}"


_UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
