"""`manifest.csv`: what pictures there are, whom they show, and how the factors stand.

A row a picture; the columns are `image`, the picture's path relative to the file,
`identity`, `split` if the user decides it, and one for each factor; `source`, what the
picture was made from, is for people to read. Whatever is wrong is a `DataError` of one
line that names the file's line.
"""

from __future__ import annotations

import csv
import dataclasses
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

import numpy as np

from dcign_tf.datasets.sweeps import SUBSETS
from dcign_tf.errors import DataError
from dcign_tf.factors import INTRINSIC
from dcign_tf.files import stand_in
from dcign_tf.quantities import MOST, factor_name, finite_number

FILENAME = "manifest.csv"
_OTHERS = IMAGE, IDENTITY, SPLIT, SOURCE = "image", "identity", "split", "source"  # no factors
# What a factor cannot be called: these already name something else in an example or a code.
_RESERVED = (INTRINSIC, "distinct")
_LONGEST_NAME = 100  # bytes
_MOST_COLUMNS = 200  # a factor needs a latent, and presets have 200


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The rows of a manifest; entry i of each array belongs to picture i.

    Attributes:
        path: of the file.
        images: paths of the pictures, as the file has them.
        line: int [N], in the file, the header being line 1.
        identity: int [N], an index into `identities`.
        identities: names, in the order in which they first appear.
        subset: int [N], an index into `SUBSETS`; None without a column `split`.
        columns: column of a factor to its values, float64 [N].
    """

    path: Path
    images: list[str]
    line: np.ndarray
    identity: np.ndarray
    identities: list[str]
    subset: np.ndarray | None
    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.images)

    def picture(self, index: int) -> Path:
        """Where picture `index` lies; it may lie outside of the manifest's folder."""
        return self.path.parent / self.images[index]

    def where(self, index: int) -> str:
        """Where row `index` stands, to begin an error with."""
        return f"{self.path}, line {self.line[index]}"


def read_manifest(path: Path) -> Manifest:
    """Reads and checks a manifest: UTF-8, commas, with or without a byte order mark.

    Raises:
        DataError: if it is missing, cannot be read, or anything in it is wrong.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            pointer = stand_in(file.readline(200).encode())
            if pointer:
                raise DataError(f"{path} is {pointer}.")
            file.seek(0)
            return _Reader(path, file).read()
    except FileNotFoundError:
        raise DataError(
            f"There is no {path}. --data_dir must name a folder with a {FILENAME} of the columns"
            f" {IMAGE}, {IDENTITY} and one for each factor (docs/datasets.md)."
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not in UTF-8: {error.reason} at byte {error.start}.") from error
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error


class _Reader:
    """Reads one file, row by row."""

    def __init__(self, path: Path, file: TextIO):
        self._path = path
        self._rows = csv.reader(file, strict=True)
        self._images: dict[str, int] = {}  # whole path to line
        self._people: dict[str, int] = {}  # identity to number

    def read(self) -> Manifest:
        header = self._header()
        columns: dict[str, list[float]] = {name: [] for name in header if name not in _OTHERS}
        images, identity, subset = [], [], []
        for fields in self._fields():
            if len(fields) != len(header):
                raise self._wrong(f"{len(fields)} fields for {len(header)} columns")
            row = dict(zip(header, fields, strict=True))
            images.append(self._image(row[IMAGE]))
            identity.append(self._identity(row[IDENTITY]))
            if SPLIT in row:
                subset.append(self._subset(row[SPLIT]))
            for column, values in columns.items():
                values.append(self._number(column, row[column]))
        if not images:
            raise DataError(f"{self._path} has no rows: one for each picture, below the header.")
        return Manifest(
            path=self._path,
            images=images,
            line=np.fromiter(self._images.values(), np.int64),
            identity=np.array(identity),
            identities=list(self._people),
            subset=np.array(subset) if SPLIT in header else None,
            columns={name: self._varying(name, values) for name, values in columns.items()},
        )

    def _header(self) -> list[str]:
        names = next(self._fields(), None)
        if names is None:
            raise DataError(f"{self._path} is empty; its first line must name the columns.")
        for needed in (IMAGE, IDENTITY):
            if needed not in names:
                columns = ", ".join(filter(None, names))
                raise self._wrong(
                    f"no column is called {needed}; parted by commas, there is {columns}"
                )
        if not set(names) - set(_OTHERS):
            raise self._wrong("there is no factor: a column of numbers, such as azimuth_deg")
        self._check_names(names)
        return names

    def _check_names(self, names: list[str]) -> None:
        factors: dict[str, str] = {}
        if len(names) > _MOST_COLUMNS:
            raise self._wrong(
                f"there are {len(names):,} columns; at most {_MOST_COLUMNS} are taken"
            )
        for number, name in enumerate(names, start=1):
            if not name:
                raise self._wrong(f"column {number} has no name")
            if names.index(name) != number - 1:
                raise self._wrong(f"two columns are called {name}")
            factor = factor_name(name)
            if factor in factors:
                raise self._wrong(f"{factors[factor]} and {name} name the same factor, {factor}")
            factors[factor] = name
            # It becomes part of the names of figures, which are files.
            if len(factor.encode()) > _LONGEST_NAME:
                raise self._wrong(f"the name of column {number} is too long: {name[:20]}…")
            if not factor or factor in _RESERVED or "/" in factor or not factor.isprintable():
                raise self._wrong(f"a factor cannot be called {name!r}; choose another name")

    def _fields(self) -> Iterator[list[str]]:
        """All rows that are not blank."""
        line = 0  # where the last whole row ended
        try:
            for row in self._rows:
                line = self._rows.line_num
                if any(stripped := [field.strip() for field in row]):
                    yield stripped
        except csv.Error as error:
            is_open = "unexpected end of data" in str(error)
            what = f"a quote is not closed that was opened after line {line}" if is_open else error
            raise self._wrong(str(what)) from error

    def _image(self, image: str) -> str:
        if not image:
            raise self._wrong(f"{IMAGE} is empty")
        whole = os.path.abspath(self._path.parent / image)
        line = self._images.setdefault(whole, self._rows.line_num)
        if line != self._rows.line_num:
            raise self._wrong(f"the picture {image} has a row already, line {line}")
        return image

    def _identity(self, name: str) -> int:
        if not name:
            raise self._wrong(f"{IDENTITY} is empty")
        return self._people.setdefault(name, len(self._people))

    def _subset(self, split: str) -> int:
        if split not in SUBSETS:
            raise self._wrong(f"unknown split {split!r}; there is {', '.join(SUBSETS)}")
        return SUBSETS.index(split)

    def _number(self, column: str, text: str) -> float:
        if math.isnan(number := finite_number(text)):
            raise self._wrong(
                f"{column} is {text!r}, not a number; every column except {IMAGE}, {IDENTITY},"
                f" {SPLIT} and {SOURCE} is a factor"
            )
        if abs(number) >= MOST:
            raise self._wrong(f"{column} is {text!r}; values of {MOST:g} and more are not taken")
        return number

    def _varying(self, column: str, numbers: list[float]) -> np.ndarray:
        values = np.array(numbers)
        if (values == values[0]).all():
            raise DataError(
                f"{self._path}: {column} is {values[0]:g} in every row, and a factor must vary."
                " Remove the column, or add pictures in which it has other values."
            )
        return values

    def _wrong(self, what: str) -> DataError:
        return DataError(f"{self._path}, line {self._rows.line_num}: {what}.")
