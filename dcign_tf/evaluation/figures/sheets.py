"""Sheets of images: rows and columns of pixels, each shown as a whole square.

Images are enlarged by a whole number and never resampled, so what is looked at
is what the model put out.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dcign_tf.evaluation.figures.style import DPI, styled
from dcign_tf.pixels import to_levels

# In pixels of the finished picture.
_TILE_PX = 150  # smaller images are enlarged to about this width
_MARGIN_PX = 24
_GAP_PX = 4
_FRAME = 190  # grey
_TITLE_PT = 11
_LABEL_PT = 10
_SMALLEST_PT = 7


@styled
def sheet(
    rows: Sequence[np.ndarray],
    *,
    headings: Mapping[int, Sequence[str]] | None = None,
    row_labels: Sequence[str] | None = None,
    title: str | None = None,
    block_rows: int = 0,
    lead: int = 0,
) -> Figure:
    """Lays out rows of images on white.

    Args:
        rows: images [n_i, H, W, C] each, uint8 or float in [0, 1]; a row may be shorter
            than others.
        headings: rows, by their number, to a line of texts above them, one an image.
        row_labels: one a row.
        title: above all; its lines are broken where they are wider than the rows.
        block_rows: if not 0, sets rows apart in groups of that many.
        lead: sets the first so many columns apart from the rest.

    Raises:
        ValueError: if these are not images, if they differ in size, or if headings or
            labels do not fit them.
    """
    rows, headings = [_pixels(row) for row in rows], headings or {}
    sizes = {row.shape[1:] for row in rows}
    if len(sizes) != 1:
        raise ValueError(f"Images must be of one size; there are {sorted(sizes) or 'none'}.")
    for r, line in headings.items():
        if len(line) != len(rows[r]):
            raise ValueError(f"{len(line)} headings do not fit {len(rows[r])} columns.")
    if row_labels is not None and len(row_labels) != len(rows):
        raise ValueError(f"{len(row_labels)} row labels do not fit {len(rows)} rows.")

    height, width = rows[0].shape[1:3]
    zoom, heading_pt = _zoom_and_heading_size(
        [t for line in headings.values() for t in line], width
    )
    tile_px = np.array([height, width]) * zoom
    heading_px = np.zeros(len(rows), int)
    for r, line in headings.items():
        heading_px[r] = _largest_px(line, heading_pt)[1] + 8 + 3 * _GAP_PX * (r > 0)
    label_px = _largest_px(row_labels, _LABEL_PT)[0] + 16 if row_labels is not None else 0
    column = np.arange(max(map(len, rows)))
    lefts = _MARGIN_PX + label_px + column * (tile_px[1] + _GAP_PX)
    lefts += 4 * _GAP_PX * ((column >= lead) & (lead > 0))
    right_px = lefts[-1] + tile_px[1]
    title = title and _broken(title, right_px - _MARGIN_PX)
    title_px = _largest_px([title], _TITLE_PT) if title else (0, 0)

    row = np.arange(len(rows))
    tops = _MARGIN_PX + row * (tile_px[0] + _GAP_PX) + np.cumsum(heading_px)
    tops += 4 * _GAP_PX * (row // block_rows if block_rows else 0)
    tops += title_px[1] + 20 if title else 0

    size = (
        tops[-1] + tile_px[0] + _MARGIN_PX,
        max(right_px, _MARGIN_PX + title_px[0]) + _MARGIN_PX,
    )
    canvas = np.full((*size, 3), 255, np.uint8)
    for top, tiles in zip(tops, rows, strict=True):
        for left, tile in zip(lefts, tiles, strict=False):
            enlarged = tile.repeat(zoom, axis=0).repeat(zoom, axis=1)
            bottom, right = top + tile_px[0], left + tile_px[1]
            if (enlarged < 255).any():  # else an image on white would have no edge
                canvas[top - 1 : bottom + 1, left - 1 : right + 1] = _FRAME
            canvas[top:bottom, left:right] = enlarged

    figure, page = _page(canvas)
    if title:
        page.text(_MARGIN_PX, _MARGIN_PX, title, fontsize=_TITLE_PT, va="top")
    for r, line in headings.items():
        for left, text in zip(lefts, line, strict=False):
            style = {"fontsize": heading_pt, "ha": "center", "va": "bottom"}
            page.text(left + tile_px[1] / 2, tops[r] - 8, text, **style)
    for top, text in zip(tops, row_labels or (), strict=False):
        style = {"fontsize": _LABEL_PT, "ha": "right", "va": "center"}
        page.text(lefts[0] - 16, top + tile_px[0] / 2, text, **style)
    return figure


def stacked(
    rows: Mapping[str, np.ndarray],
    *,
    columns: int = 8,
    headings: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Blocks of rows, in each block one image from each of `rows` above each other.

    Args:
        rows: label to its images, [N, H, W, C] each.
        columns: images in a row, at most; the rest go into further blocks.
        headings: one above each block's column, N in all.
        title: above all.

    Raises:
        ValueError: if shapes differ, or as in `sheet`.
    """
    shapes = {images.shape for images in rows.values()}
    if len(shapes) > 1 or (headings is not None and len(headings) != next(iter(shapes))[0]):
        described = ", ".join(f"{label} {images.shape}" for label, images in rows.items())
        count = "" if headings is None else f", {len(headings)} headings"
        raise ValueError(f"The images do not fit together: {described}{count}.")
    blocks = list(zip(*(_wrapped(images, columns) for images in rows.values()), strict=True))
    lines = _wrapped(headings or (), columns)
    return sheet(
        [row for block in blocks for row in block],
        headings={number * len(rows): line for number, line in enumerate(lines)},
        row_labels=list(rows) * len(blocks),
        title=title,
        block_rows=len(rows),
    )


def _wrapped(items: Sequence, columns: int) -> list[Sequence]:
    return [items[start : start + columns] for start in range(0, len(items), columns)]


def _pixels(images: np.ndarray) -> np.ndarray:
    """uint8 RGB; float in [0, 1] is rounded and what lies beyond is clipped."""
    images = np.asarray(images)
    if images.ndim != 4 or not images.size or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"Images have shape {images.shape}; they must have 4 axes, the last of 1 or 3"
            " channels, and none empty."
        )
    if np.issubdtype(images.dtype, np.floating):
        if np.isnan(images).any():
            raise ValueError("Images hold NaN; there is nothing to draw.")
        images = to_levels(np.clip(images, 0, 1))
    elif images.dtype != np.uint8:
        raise ValueError(f"Images are {images.dtype}; they must be uint8 or float in [0, 1].")
    return np.broadcast_to(images, (*images.shape[:-1], 3))


def _page(canvas: np.ndarray) -> tuple[Figure, Axes]:
    """A figure that shows `canvas` pixel for pixel, and its axes, in pixels from the top left."""
    height, width, _ = canvas.shape
    # Matplotlib before 3.11 cuts the size down to whole pixels: a hundredth saves the last one.
    figure = Figure(figsize=((width + 0.01) / DPI, (height + 0.01) / DPI), dpi=DPI)
    # imshow would resample, off by one in places. Below the axes, or it would cover the labels.
    figure.figimage(canvas, origin="upper", zorder=-1)
    page = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    page.set_axis_off()
    return figure, page


def _zoom_and_heading_size(texts: Sequence[str], width: int) -> tuple[int, float]:
    """Whole enlargement of the tiles and point size at which the widest heading fits one."""
    zoom = max(1, round(_TILE_PX / width))
    if not texts:
        return zoom, _LABEL_PT
    widest = _largest_px(texts, _LABEL_PT)[0] * 1.12  # so that neighbours do not touch
    while _LABEL_PT * zoom * width / widest < _SMALLEST_PT:
        zoom += 1
    return zoom, min(_LABEL_PT, _LABEL_PT * zoom * width / widest)


def _broken(title: str, width_px: int) -> str:
    """A title whose lines are about `width_px` wide at most."""
    lines = []
    for line in title.splitlines():
        share = width_px / _largest_px([line], _TITLE_PT)[0]
        # Of lines of as many letters, one may be a tenth wider than another.
        letters = len(line) if share >= 1 else max(12, int(0.9 * share * len(line)))
        lines += textwrap.wrap(line, letters)
    return "\n".join(lines)


def _largest_px(texts: Sequence[str], points: float) -> np.ndarray:
    """Width and height in whole pixels that hold each of `texts`."""
    figure = Figure(dpi=DPI)
    FigureCanvasAgg(figure)
    boxes = [figure.text(0, 0, text, fontsize=points).get_window_extent() for text in texts]
    return np.ceil([max(b.width for b in boxes), max(b.height for b in boxes)]).astype(int)
