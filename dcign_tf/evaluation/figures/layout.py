"""How the sheets of images are laid out, in pixels of the finished picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dcign_tf.evaluation.figures.style import DPI, INK
from dcign_tf.pixels import to_levels

_TILE_PX = 150  # smaller images are enlarged to about this width
_MARGIN_PX = 24
_GAP_PX = 4
_FRAME = 190  # grey
_LABEL_PT = 10
_SMALLEST_PT = 7


def pixels(images: np.ndarray, ndim: int) -> np.ndarray:
    """uint8 RGB of `ndim` axes; float in [0, 1] is rounded and what lies beyond is clipped.

    Raises:
        ValueError: if the array is not images.
    """
    images = np.asarray(images)
    if images.ndim != ndim or not images.size or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"Images have shape {images.shape}; they must have {ndim} axes, the last of 1 or 3"
            " channels, and none empty."
        )
    if np.issubdtype(images.dtype, np.floating):
        if np.isnan(images).any():
            raise ValueError("Images hold NaN; there is nothing to draw.")
        images = to_levels(np.clip(images, 0, 1))
    elif images.dtype != np.uint8:
        raise ValueError(f"Images are {images.dtype}; they must be uint8 or float in [0, 1].")
    return np.broadcast_to(images, (*images.shape[:-1], 3))


def draw(
    rows: Sequence[np.ndarray],
    *,
    headings: Mapping[int, Sequence[str]],
    row_labels: Sequence[str] | None = None,
    title: str | None = None,
    block_rows: int = 0,
    lead: int = 0,
    dark: bool = False,
) -> Figure:
    """Lays out rows of tiles, as made by `pixels`.

    Args:
        rows: tiles [n_i, H, W, 3] each; a row may be shorter than others.
        headings: rows, by their number, to a line of texts above them, one a tile.
        row_labels: one a row.
        title: above all.
        block_rows: if not 0, sets rows apart in groups of that many.
        lead: sets the first so many columns apart from the rest.
        dark: on black instead of white.

    Raises:
        ValueError: if tiles differ in size, or headings or labels do not fit them.
    """
    if len({row.shape[1:] for row in rows}) > 1:
        raise ValueError(f"Images of {' and '.join(str(row.shape[1:]) for row in rows)} differ.")
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
    title_px = _largest_px([title], _LABEL_PT + 1) if title else (0, 0)

    row = np.arange(len(rows))
    tops = _MARGIN_PX + row * (tile_px[0] + _GAP_PX) + np.cumsum(heading_px)
    tops += 4 * _GAP_PX * (row // block_rows if block_rows else 0)
    tops += title_px[1] + 20 if title else 0
    column = np.arange(max(map(len, rows)))
    lefts = _MARGIN_PX + label_px + column * (tile_px[1] + _GAP_PX)
    lefts += 4 * _GAP_PX * ((column >= lead) & (lead > 0))

    size = (
        tops[-1] + tile_px[0] + _MARGIN_PX,
        max(lefts[-1] + tile_px[1], _MARGIN_PX + title_px[0]) + _MARGIN_PX,
    )
    canvas = np.full((*size, 3), 0 if dark else 255, np.uint8)
    for top, tiles in zip(tops, rows, strict=True):
        for left, tile in zip(lefts, tiles, strict=False):
            enlarged = tile.repeat(zoom, axis=0).repeat(zoom, axis=1)
            bottom, right = top + tile_px[0], left + tile_px[1]
            if not dark and (enlarged < 255).any():  # else an image on white would have no edge
                canvas[top - 1 : bottom + 1, left - 1 : right + 1] = _FRAME
            canvas[top:bottom, left:right] = enlarged

    figure, page = _page(canvas)
    ink = "white" if dark else INK
    if title:
        page.text(_MARGIN_PX, _MARGIN_PX, title, fontsize=_LABEL_PT + 1, color=ink, va="top")
    for r, line in headings.items():
        for left, text in zip(lefts, line, strict=False):
            style = {"fontsize": heading_pt, "ha": "center", "va": "bottom"}
            page.text(left + tile_px[1] / 2, tops[r] - 8, text, color=ink, **style)
    for top, text in zip(tops, row_labels or (), strict=False):
        style = {"fontsize": _LABEL_PT, "ha": "right", "va": "center"}
        page.text(lefts[0] - 16, top + tile_px[0] / 2, text, color=ink, **style)
    return figure


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


def _largest_px(texts: Sequence[str], points: float) -> np.ndarray:
    """Width and height in whole pixels that hold each of `texts`."""
    figure = Figure(dpi=DPI)
    FigureCanvasAgg(figure)
    boxes = [figure.text(0, 0, text, fontsize=points).get_window_extent() for text in texts]
    return np.ceil([max(b.width for b in boxes), max(b.height for b in boxes)]).astype(int)
