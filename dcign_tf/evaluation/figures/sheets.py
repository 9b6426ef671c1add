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
    tiles = np.concatenate([inputs[:, None], images], axis=1)
    headings = [["input", *values]] + [None] * (len(images) - 1)
    return draw(tiles, headings=headings, row_labels=labels, title=title, lead=1)


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
    labels: Sequence[str] | None = None,
    columns: int = 8,
    title: str = "Novel views: one factor's latents swapped",
) -> Figure:
    """Triples, one below the other: image given, image asked for, image decoded.

    Args:
        source: images whose codes were changed, [N, H, W, C].
        target: images of the same sweeps, whose varied latent was put in.
        predicted: what the changed codes decode to.
        labels: a heading for each triple, e.g. "azimuth −40° → 25°".
        columns: triples side by side, at most.
        title: above all.

    Raises:
        ValueError: if the shapes differ or the arrays are not images.
    """
    rows = {"given": source, "asked for": target, "decoded": predicted}
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
    columns = max(map(len, sweeps))
    tiles = [_filled(pixels(sweep, 4), columns) for sweep in sweeps]
    texts = [[signed(value) for value in row] + [""] * (columns - len(row)) for row in values]
    return draw(np.stack(tiles), headings=texts, row_labels=labels, title=title)


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
    columns = max(map(len, true))
    rows, texts = [], []
    for source, views, drawn, line in zip(inputs, true, decoded, headings, strict=True):
        blank = np.full_like(source, 255)
        rows.append(np.concatenate([source[np.newaxis], _filled(pixels(views, 4), columns)]))
        rows.append(np.concatenate([blank[np.newaxis], _filled(pixels(drawn, 4), columns)]))
        texts += [["given", *line] + [""] * (columns - len(line)), None]
    labels = ["true", "decoded"] * len(inputs)
    return draw(
        np.stack(rows), headings=texts, row_labels=labels, title=title, block_rows=2, lead=1
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
    images = pixels(images, 4)
    if columns < 1:
        raise ValueError(f"A sheet of {columns} columns was asked for; it needs at least 1.")
    columns = min(columns, len(images))
    missing = -len(images) % columns
    blank = np.full((missing, *images.shape[1:]), 0 if dark else 255, np.uint8)
    padded = np.concatenate([images, blank])
    tiles = padded.reshape(-1, columns, *images.shape[1:])
    headings = [column_labels] + [None] * (len(tiles) - 1)
    return draw(tiles, headings=headings, row_labels=row_labels, title=title, dark=dark)


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
    if columns < 1:
        raise ValueError(f"{columns} columns were asked for; at least 1 is needed.")
    stack = np.stack(list(pictures.values()))  # [kinds, N, H, W, C]
    num_images = stack.shape[1]
    columns = min(columns, num_images)
    blocks, texts = [], []
    for start in range(0, num_images, columns):
        block = stack[:, start : start + columns]
        missing = columns - block.shape[1]
        blocks.append(np.pad(block, [(0, 0), (0, missing)] + [(0, 0)] * 3, constant_values=255))
        line = list(headings[start : start + columns]) + [""] * missing if headings else None
        texts += [line] + [None] * (len(rows) - 1)
    return draw(
        np.concatenate(blocks),
        headings=texts,
        row_labels=list(rows) * len(blocks),
        title=title,
        block_rows=len(rows),
    )


def signed(value: float, digits: int = 1) -> str:
    """A latent's value to read: +1.5, −1.5, and 0.0 for what rounds to it from either side."""
    rounded = round(float(value), digits)
    return f"{rounded:+.{digits}f}".replace("-", "−") if rounded else f"{0:.{digits}f}"


def _filled(images: np.ndarray, count: int) -> np.ndarray:
    """With white images added up to `count`."""
    return np.pad(
        images, [(0, count - len(images))] + [(0, 0)] * (images.ndim - 1), constant_values=255
    )
