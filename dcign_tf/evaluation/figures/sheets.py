"""Sheets of images: rows and columns of pixels, each shown as a whole square.

Images are enlarged by a whole number and never resampled, so what is looked at
is what the model put out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from dcign_tf.evaluation.figures.layout import draw, pixels
from dcign_tf.evaluation.figures.style import styled


@styled
def traversal(
    inputs: np.ndarray,
    images: np.ndarray,
    labels: Sequence[str],
    values: Sequence[str],
    *,
    title: str,
) -> Figure:
    """One latent swept, all others held, a row for each image (paper Figs 4 and 5).

    Args:
        inputs: the images whose codes were changed, [rows, H, W, C].
        images: decoded, [rows, steps, H, W, C].
        labels: of the rows.
        values: what the latent was, or what it stands for, one a step.
        title: above all.

    Raises:
        ValueError: if the arrays do not fit together or are not images.
    """
    inputs, images = pixels(inputs, 4), pixels(images, 5)
    if inputs.shape != (len(images), *images.shape[2:]) or len(labels) != len(images):
        raise ValueError(
            f"{inputs.shape} inputs and {len(labels)} labels do not fit {images.shape} images."
        )
    rows = np.concatenate([inputs[:, None], images], axis=1)
    return draw(rows, headings={0: ["input", *values]}, row_labels=labels, title=title, lead=1)


@styled
def reconstructions(
    originals: np.ndarray,
    reconstructed: np.ndarray,
    *,
    columns: int = 8,
    title: str | None = None,
) -> Figure:
    """Images above what the model makes of them.

    Args:
        originals: [N, H, W, C].
        reconstructed: of the same shape, either type.
        columns: images in a row, at most; the rest go into further pairs of rows.
        title: above all.

    Raises:
        ValueError: if the shapes differ or the arrays are not images.
    """
    rows = {"input": originals, "reconstruction": reconstructed}
    return _stacked(rows, columns=columns, title=title)


@styled
def novel_views(
    source: np.ndarray,
    target: np.ndarray,
    predicted: np.ndarray,
    *,
    labels: Sequence[str],
    columns: int = 8,
) -> Figure:
    """Triples, one below the other: image given, image asked for, image decoded.

    Args:
        source: images whose codes were changed, [N, H, W, C].
        target: images of the same sweeps, whose varied latent was put in.
        predicted: what the changed codes decode to.
        labels: a heading for each triple, e.g. "azimuth −40° → 25°".
        columns: triples side by side, at most.

    Raises:
        ValueError: if the shapes differ or the arrays are not images.
    """
    rows = {"given": source, "asked for": target, "decoded": predicted}
    title = "Novel views: one factor's latents swapped"
    return _stacked(rows, columns=columns, headings=labels, title=title)


@styled
def ordered(
    sweeps: Sequence[np.ndarray],
    values: Sequence[np.ndarray],
    *,
    labels: Sequence[str],
    title: str,
) -> Figure:
    """Images of one sweep a row, in the order they are given, with a value above each.

    Args:
        sweeps: images of each sweep, [n_i, H, W, C].
        values: the number above each image, [n_i].
        labels: one a row.
        title: above all.

    Raises:
        ValueError: if the arrays do not fit together or are not images.
    """
    if not sweeps or [len(s) for s in sweeps] != [len(v) for v in values]:
        raise ValueError(
            f"Sweeps of {[len(s) for s in sweeps]} images and {[len(v) for v in values]} values"
            " do not fit together."
        )
    rows = [pixels(sweep, 4) for sweep in sweeps]
    headings = dict(enumerate([[signed(value) for value in row] for row in values]))
    return draw(rows, headings=headings, row_labels=labels, title=title)


@styled
def rotations(
    inputs: np.ndarray,
    true: Sequence[np.ndarray],
    decoded: Sequence[np.ndarray],
    headings: Sequence[Sequence[str]],
    *,
    title: str,
) -> Figure:
    """Objects turned from a single view, below what they really look like (paper Fig. 8).

    Args:
        inputs: the one view of each object that was given, [N, H, W, C].
        true: each object from other sides, [n_i, H, W, C].
        decoded: the input decoded for the same sides, [n_i, H, W, C].
        headings: which sides these are, n_i texts each.
        title: above all.

    Raises:
        ValueError: if the arrays do not fit together or are not images.
    """
    inputs = pixels(inputs, 4)
    sizes = {tuple(map(len, each)) for each in (true, decoded, headings)}
    if len(sizes) > 1 or len(true) != len(inputs):
        raise ValueError(
            f"{len(inputs)} inputs, and {' or '.join(map(str, sizes))} views of each, do not fit."
        )
    rows = []
    for source, views, drawn in zip(inputs, true, decoded, strict=True):
        for first, others in ((source, views), (np.full_like(source, 255), drawn)):
            rows.append(np.concatenate([first[np.newaxis], pixels(others, 4)]))
    texts = {2 * number: ["given", *line] for number, line in enumerate(headings)}
    labels = ["true", "decoded"] * len(inputs)
    return draw(rows, headings=texts, row_labels=labels, title=title, block_rows=2, lead=1)


@styled
def people(
    images: np.ndarray,
    column_labels: Sequence[str],
    *,
    row_labels: Sequence[str],
    title: str,
    lead: int = 1,
    block_rows: int = 0,
) -> Figure:
    """One person a row, a column for each way of seeing them.

    Args:
        images: [rows, columns, H, W, C], uint8 or float in [0, 1].
        column_labels: printed above the columns, one each; may hold line breaks.
        row_labels: one a row.
        title: above all.
        lead: so many first columns are set apart: what was given, or the plain view.
        block_rows: if not 0, rows are set apart in groups of that many.

    Raises:
        ValueError: if the array is not images, or labels do not fit.
    """
    return draw(
        pixels(images, 5),
        headings={0: column_labels},
        row_labels=row_labels,
        title=title,
        lead=lead,
        block_rows=block_rows,
    )


@styled
def sheet(
    images: np.ndarray,
    *,
    columns: int,
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    title: str | None = None,
    dark: bool = True,
) -> Figure:
    """A contact sheet, filled row by row.

    Args:
        images: [N, H, W, C], uint8 or float in [0, 1].
        columns: images in a row.
        row_labels: one a row.
        column_labels: one a column.
        title: above all.
        dark: on black; otherwise on white.

    Raises:
        ValueError: if the array is not images, or labels do not fit.
    """
    headings = {} if column_labels is None else {0: column_labels}
    rows = _wrapped(pixels(images, 4), columns)
    return draw(rows, headings=headings, row_labels=row_labels, title=title, dark=dark)


def _stacked(
    rows: dict[str, np.ndarray],
    *,
    columns: int,
    title: str | None,
    headings: Sequence[str] | None = None,
) -> Figure:
    """Blocks of rows, each block one image from each of `rows` above each other."""
    pictures = {label: pixels(images, 4) for label, images in rows.items()}
    shapes = {images.shape for images in pictures.values()}
    if len(shapes) > 1 or (headings is not None and len(headings) != next(iter(shapes))[0]):
        described = ", ".join(f"{label} {images.shape}" for label, images in pictures.items())
        count = "" if headings is None else f", {len(headings)} headings"
        raise ValueError(f"The images do not fit together: {described}{count}.")
    blocks = list(zip(*(_wrapped(images, columns) for images in pictures.values()), strict=True))
    lines = _wrapped(headings or (), columns)
    return draw(
        [row for block in blocks for row in block],
        headings={number * len(rows): line for number, line in enumerate(lines)},
        row_labels=list(rows) * len(blocks),
        title=title,
        block_rows=len(rows),
    )


def _wrapped(items: Sequence, columns: int) -> list[Sequence]:
    """Rows of at most `columns` items."""
    if columns < 1:
        raise ValueError(f"{columns} columns were asked for; at least 1 is needed.")
    return [items[start : start + columns] for start in range(0, len(items), columns)]


def signed(value: float, digits: int = 1) -> str:
    """A latent's value to read: +1.5, −1.5, and 0.0 for what rounds to it from either side."""
    rounded = round(float(value), digits)
    return f"{rounded:+.{digits}f}".replace("-", "−") if rounded else f"{0:.{digits}f}"
