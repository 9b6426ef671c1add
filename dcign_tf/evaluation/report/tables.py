"""Tables, and how they look on a screen (`documents`: on a page)."""

from __future__ import annotations

import dataclasses
import itertools
import textwrap
from collections.abc import Iterable, Mapping, Sequence

_WIDTH = 100  # characters of a screen


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text.

    Attributes:
        header: of the columns; the first says what a row is.
        rows: as long as the header. An entry may have two lines.
        title: above it, where a section has several.
        remarks: sentences below it, wherever it is shown.
        caption: how to read it, for pages.
        explained: names of rows to what they mean, for pages.

    Raises:
        ValueError: if a row has not as many entries as the header.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    remarks: Sequence[str] = ()
    caption: str = ""
    explained: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"A row of {len(row)} does not fit {len(self.header)} columns.")


def as_text(tables: Iterable[Table]) -> str:
    """For a screen: aligned columns, and the remarks on each table below it.

    Entries of two lines are put into one where the table is then no wider than the screen.
    """
    blocks = []
    for table in tables:
        rows = [[table.title or table.header[0], *table.header[1:]], *table.rows]
        aligned = _aligned([[entry.replace("\n", " ") for entry in row] for row in rows])
        if len(aligned.partition("\n")[0]) > _WIDTH:
            aligned = _aligned([line for row in rows for line in _lines(row)])
        blocks.append("\n".join([aligned, *map(wrapped, table.remarks)]))
    return "\n\n".join(blocks)


def wrapped(sentence: str) -> str:
    """Lines no longer than a screen."""
    return textwrap.fill(sentence, width=_WIDTH, subsequent_indent="  ")


def _lines(row: Sequence[str]) -> Iterable[Sequence[str]]:
    """A row for each line of its entries."""
    return itertools.zip_longest(*(entry.split("\n") for entry in row), fillvalue="")


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest entry, the first flush left and the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [entry.rjust(width) for entry, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    )
