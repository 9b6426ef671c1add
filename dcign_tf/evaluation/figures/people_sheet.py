"""Sheets of people: a row for each, a column for each way of seeing them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from dcign_tf.evaluation.figures.layout import draw, pixels
from dcign_tf.evaluation.figures.style import styled


@styled
def people(
    images: np.ndarray,
    column_labels: Sequence[str],
    *,
    row_labels: Sequence[str] | None = None,
    title: str | None = None,
    lead: int = 1,
    block_rows: int = 0,
) -> Figure:
    """One person a row.

    Args:
        images: [rows, columns, H, W, C], uint8 or float in [0, 1].
        column_labels: printed above the columns, one each; may hold line breaks.
        row_labels: one a row; without them "face 1" and so on.
        title: above all.
        lead: so many first columns are set apart: what was given, or the plain view.
        block_rows: if not 0, rows are set apart in groups of that many.

    Raises:
        ValueError: if the array is not images, or labels do not fit.
    """
    tiles = pixels(images, 5)
    if row_labels is None:
        row_labels = [f"face {row}" for row in range(1, len(tiles) + 1)]
    headings = [list(column_labels)] + [None] * (len(tiles) - 1)
    return draw(
        tiles,
        headings=headings,
        row_labels=row_labels,
        title=title,
        lead=lead,
        block_rows=block_rows,
    )
