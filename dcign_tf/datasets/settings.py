"""What the `settings` of all datasets share: facts, checks, the fingerprint of what is made."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from dcign_tf.datasets.pictures import FITS
from dcign_tf.errors import DataError
from dcign_tf.quantities import factor_name, finite_number


@dataclasses.dataclass(frozen=True)
class DatasetFacts:
    """What is known of a dataset before it is opened: `facts` of its folder's `settings` says it.

    Attributes:
        background: the grey level, 0 to 255, around the objects.
        fit: how a picture comes into the square, one of `datasets.pictures.FITS`.
        paper_figures: name of a figure (`evaluation.figures.catalogue`) to its number in the paper.
        data_dir: where it is looked for, and prepared, unless it is said where.
        held_out: of whom, or of what, the validation and test splits are.
        pictures: what one shows.
        source: a sentence on where the pictures are from.
        is_rendered_here: whether all of them were rendered by this project, from its own shapes.
        published_mse: what it is to a reconstruction error that others report of such data...
        published_image_shape: ... at this size, height, width and channels.
    """

    background: int = 0
    fit: str = "contain"
    paper_figures: Mapping[str, int] = dataclasses.field(default_factory=dict)
    data_dir: str = "data"
    held_out: str = "identities that training never saw"
    pictures: str = "one object, as its training set does"
    source: str = "Its training pictures are their owners', who say what may be done with them."
    is_rendered_here: bool = False
    published_mse: Mapping[str, float] = dataclasses.field(default_factory=dict)
    published_image_shape: tuple[int, int, int] | None = None

    def reference_mse(self, image_shape: tuple[int, int, int]) -> dict[str, float]:
        """The published errors that a model of such images can stand beside."""
        return dict(self.published_mse) if image_shape == self.published_image_shape else {}


def check_numbers(settings: Any, least: Mapping[str, float]) -> None:
    """Rejects numbers that no image can be made from, and makes 60 and 60.0 one setting.

    Args:
        settings: a frozen dataclass. Its whole numbers are checked, told by their
            defaults, and whatever `least` names.
        least: setting to its least value; 1 for a whole number that is not named.

    Raises:
        ValueError: for the first number that is too small, or not whole.
    """
    for field in dataclasses.fields(settings):
        kind: Any = type(field.default)
        if kind is not int and field.name not in least:
            continue
        value, minimum = getattr(settings, field.name), least.get(field.name, 1)
        number = kind(value)
        if not (number == value and number >= minimum):
            what = "a whole number" if kind is int else "a number"
            raise ValueError(f"{field.name} is {value}; it must be {what} of at least {minimum}.")
        object.__setattr__(settings, field.name, number)


def check_channels(channels: int) -> None:
    """Raises `ValueError` unless images are grey or coloured."""
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}; it must be 1 (grey) or 3 (RGB).")


def check_fitting(settings: Any) -> None:
    """Raises `ValueError` unless `background` is a grey level, and `fit` one of `FITS`."""
    if not 0 <= settings.background <= 255:
        raise ValueError(f"background is {settings.background}; it must be a level from 0 to 255.")
    if settings.fit not in FITS:
        raise ValueError(f"fit is {settings.fit}; it must be one of {', '.join(FITS)}.")


def check_fractions(settings: Any) -> None:
    """Raises `ValueError` unless `validation_fraction` and `test_fraction` are in (0, 1)."""
    for name in ("validation_fraction", "test_fraction"):
        if not 0 < (value := getattr(settings, name)) < 1:
            raise ValueError(f"{name} is {value}; it must be between 0 and 1.")


def numbers_by_factor(setting: str, text: str, columns: Iterable[str]) -> dict[str, float]:
    """The numbers of a setting such as `azimuth_deg:360,height:2`, by the factors they are for.

    Args:
        setting: `tolerances`, or `periods`, which are greater than 0.
        text: its value.
        columns: of factors; they may also be named without their `_deg`.

    Raises:
        DataError: if an entry names no column, or its number is impossible.
    """
    column_of = {factor_name(column): column for column in columns}
    numbers: dict[str, float] = {}
    for entry in filter(None, text.split(",")):
        name, _, value = entry.rpartition(":")
        factor = factor_name(name.strip())
        number = finite_number(value)
        possible = number > 0 if setting == "periods" else number >= 0
        if factor not in column_of or not possible:
            least = "greater than 0" if setting == "periods" else "of at least 0"
            raise DataError(
                f"--config.data.{setting}: {entry.strip()!r} is impossible; it must be a factor"
                f" ({', '.join(column_of.values())}), a colon and a number {least}."
            )
        numbers[factor] = number
    return numbers


def fingerprint(*parts: str | bytes) -> str:
    """12 characters that change with every byte of the parts, put one behind the other."""
    joined = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return hashlib.sha256(joined).hexdigest()[:12]
