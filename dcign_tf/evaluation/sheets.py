"""Sheets of images: rows and columns of pixels, each shown as a whole square.

Images are enlarged by a whole number and never resampled, so what is looked at
is what the model put out. Layout is in pixels of the finished picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dcign_tf.evaluation.figures import DPI, INK, styled

_TILE_PX = 150  # smaller images are enlarged to about this width
_MARGIN_PX = 24
_GAP_PX = 4
_LABEL_PT = 10
_SMALLEST_PT = 7


@styled
def traversal(
    inputs: np.ndarray,
    images: np.ndarray,
    labels: Sequence[str],
    values: np.ndarray,
    *,
    title: str = "One latent swept, all others held at the input's; above each image, its value",
) -> Figure:
    """One latent swept, all others held, a row for each sweep (paper Figs 4 and 5).

    Args:
        inputs: the images whose codes were changed, [rows, H, W, C].
        images: decoded, [rows, steps, H, W, C].
        labels: which latent was swept, one a row.
        values: of that latent, [rows, steps], printed above each image; or
            [steps] if all rows share them, printed once.
        title: above all; add here whose range was swept, and whose faces these are.

    Raises:
        ValueError: if the arrays do not fit together or are not images.
    """
    inputs, images = _pixels(inputs, 4), _pixels(images, 5)
    values = np.asarray(values, np.float64)
    if inputs.shape != (len(images), *images.shape[2:]) or len(labels) != len(images):
        raise ValueError(
            f"{inputs.shape} inputs and {len(labels)} labels do not fit {images.shape} images."
        )
    if values.shape not in (images.shape[:2], images.shape[1:2]):
        raise ValueError(f"{values.shape} values do not fit {images.shape[:2]} images.")
    texts = np.vectorize(_signed, otypes=[object])(values)
    if values.ndim == 1:
        headings = [["input", *texts]] + [None] * (len(images) - 1)
    else:
        headings = [["input" if row == 0 else "", *line] for row, line in enumerate(texts)]
    tiles = np.concatenate([inputs[:, None], images], axis=1)
    return _draw(tiles, headings=headings, row_labels=labels, title=title, lead=1)


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
def sheet(
    images: np.ndarray,
    *,
    columns: int,
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """A contact sheet on black, filled row by row.

    Args:
        images: [N, H, W, C], uint8 or float in [0, 1].
        columns: images in a row.
        row_labels: one a row.
        column_labels: one a column.
        title: above all.

    Raises:
        ValueError: if the array is not images, or labels do not fit.
    """
    images = _pixels(images, 4)
    if columns < 1:
        raise ValueError(f"A sheet of {columns} columns was asked for; it needs at least 1.")
    columns = min(columns, len(images))
    missing = -len(images) % columns
    padded = np.concatenate([images, np.zeros((missing, *images.shape[1:]), np.uint8)])
    tiles = padded.reshape(-1, columns, *images.shape[1:])
    headings = [column_labels] + [None] * (len(tiles) - 1)
    return _draw(tiles, headings=headings, row_labels=row_labels, title=title, dark=True)


def _stacked(
    rows: dict[str, np.ndarray],
    *,
    columns: int,
    title: str | None,
    headings: Sequence[str] | None = None,
) -> Figure:
    """Blocks of rows, each block one image from each of `rows` above each other."""
    pictures = {label: _pixels(images, 4) for label, images in rows.items()}
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
    return _draw(
        np.concatenate(blocks),
        headings=texts,
        row_labels=list(rows) * len(blocks),
        title=title,
        block_rows=len(rows),
    )


def _signed(value: float) -> str:
    """+1.5, −1.5, and 0.0 for what rounds to it from either side."""
    return f"{value:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "0.0"


def _pixels(images: np.ndarray, ndim: int) -> np.ndarray:
    """uint8 RGB of `ndim` axes; float in [0, 1] is rounded and what lies beyond is clipped."""
    images = np.asarray(images)
    if images.ndim != ndim or not images.size or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"Images have shape {images.shape}; they must have {ndim} axes, the last of 1 or 3"
            " channels, and none empty."
        )
    if np.issubdtype(images.dtype, np.floating):
        if np.isnan(images).any():
            raise ValueError("Images hold NaN; there is nothing to draw.")
        images = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    elif images.dtype != np.uint8:
        raise ValueError(f"Images are {images.dtype}; they must be uint8 or float in [0, 1].")
    return np.broadcast_to(images, (*images.shape[:-1], 3))


def _draw(
    tiles: np.ndarray,
    *,
    headings: Sequence[Sequence[str] | None],
    row_labels: Sequence[str] | None = None,
    title: str | None = None,
    block_rows: int = 0,
    lead: int = 0,
    dark: bool = False,
) -> Figure:
    """Lays out tiles [rows, columns, H, W, 3] with one optional line of headings above each row.

    `block_rows` sets rows apart in groups of that many, `lead` the first columns from the rest.
    """
    num_rows, num_columns, height, width, _ = tiles.shape
    for line in headings:
        if line is not None and len(line) != num_columns:
            raise ValueError(f"{len(line)} headings do not fit {num_columns} columns.")
    if row_labels is not None and len(row_labels) != num_rows:
        raise ValueError(f"{len(row_labels)} row labels do not fit {num_rows} rows.")

    texts = [text for line in headings if line is not None for text in line]
    zoom, heading_pt = _zoom_and_heading_size(texts, width)
    tile_px = np.array([height, width]) * zoom
    heading_px = [
        0 if line is None else _largest_px(line, heading_pt)[1] + 8 + 3 * _GAP_PX * (r > 0)
        for r, line in enumerate(headings)
    ]
    label_px = _largest_px(row_labels, _LABEL_PT)[0] + 16 if row_labels is not None else 0
    title_px = _largest_px([title], _LABEL_PT + 1) if title else (0, 0)

    row = np.arange(num_rows)
    tops = _MARGIN_PX + row * (tile_px[0] + _GAP_PX) + np.cumsum(heading_px)
    tops += 4 * _GAP_PX * (row // block_rows if block_rows else 0)
    tops += title_px[1] + 20 if title else 0
    column = np.arange(num_columns)
    lefts = _MARGIN_PX + label_px + column * (tile_px[1] + _GAP_PX)
    lefts += 4 * _GAP_PX * ((column >= lead) & (lead > 0))

    size = (
        tops[-1] + tile_px[0] + _MARGIN_PX,
        max(lefts[-1] + tile_px[1], _MARGIN_PX + title_px[0]) + _MARGIN_PX,
    )
    canvas = np.full((*size, 3), 0 if dark else 255, np.uint8)
    for r, c in np.ndindex(num_rows, num_columns):
        enlarged = tiles[r, c].repeat(zoom, axis=0).repeat(zoom, axis=1)
        canvas[tops[r] : tops[r] + tile_px[0], lefts[c] : lefts[c] + tile_px[1]] = enlarged

    figure, page = _page(canvas)
    ink = "white" if dark else INK
    if title:
        page.text(_MARGIN_PX, _MARGIN_PX, title, fontsize=_LABEL_PT + 1, color=ink, va="top")
    for r, line in enumerate(headings):
        for c, text in enumerate(line if line is not None else ()):
            middle = lefts[c] + tile_px[1] / 2
            style = {"fontsize": heading_pt, "ha": "center", "va": "bottom"}
            page.text(middle, tops[r] - 8, text, color=ink, **style)
    for r, text in enumerate(row_labels if row_labels is not None else ()):
        middle = tops[r] + tile_px[0] / 2
        style = {"fontsize": _LABEL_PT, "ha": "right", "va": "center"}
        page.text(lefts[0] - 16, middle, text, color=ink, **style)
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
    widest = _largest_px(texts, _LABEL_PT)[0] * 1.06  # so that neighbours do not touch
    while _LABEL_PT * zoom * width / widest < _SMALLEST_PT:
        zoom += 1
    return zoom, min(_LABEL_PT, _LABEL_PT * zoom * width / widest)


def _largest_px(texts: Sequence[str], points: float) -> np.ndarray:
    """Width and height in whole pixels that hold each of `texts`."""
    figure = Figure(dpi=DPI)
    FigureCanvasAgg(figure)
    boxes = [figure.text(0, 0, text, fontsize=points).get_window_extent() for text in texts]
    return np.ceil([max(b.width for b in boxes), max(b.height for b in boxes)]).astype(int)
