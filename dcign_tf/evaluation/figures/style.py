"""One look for all figures, and a way to save them that never leaves half a file."""

from __future__ import annotations

import itertools
import os
import textwrap
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dcign_tf.files import aside

DPI = 200
INK = "#222222"
MUTED = "#777777"
FAINT = "#DDDDDD"

# Okabe and Ito (2008): told apart under the common forms of colour blindness.
_COLOURS = {
    "azimuth": "#0072B2",
    "elevation": "#D55E00",
    "light_azimuth": "#009E73",
    "intrinsic": "#CC79A7",
}
_OTHER_COLOURS = (
    *("#E69F00", "#56B4E9", "#8C6D1F", "#5E4FA2"),
    *("#882255", "#999933", "#117733", "#CC6677"),  # of Paul Tol's "muted" scheme
)

STYLE = {
    "figure.dpi": DPI,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same figure everywhere
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.constrained_layout.w_pad": 0.12,
    "figure.constrained_layout.h_pad": 0.12,
}

# Decorator: draws in the style above, whatever the user's matplotlibrc or session says.
styled = matplotlib.rc_context(STYLE)


def factor_colours(factors: Iterable[str]) -> dict[str, str]:
    """A colour for each factor: the same factor has the same one in every figure."""
    others = itertools.cycle(_OTHER_COLOURS)
    return {factor: _COLOURS.get(factor) or next(others) for factor in factors}


def panels_of(
    count: int,
    size: tuple[float, float],
    *,
    columns: int = 3,
    margin: tuple[float, float],
    sharex: bool = False,
    ylabel: str = "",
) -> tuple[Figure, list[Axes]]:
    """A figure and its panels, `columns` a row or fewer, the last row perhaps not full.

    Args:
        count: of panels.
        size: of one, width and height in inches.
        columns: side by side, at most.
        margin: width and height in inches beside and below the panels.
        sharex: whether they have one horizontal axis.
        ylabel: of the first panel in each row.
    """
    columns = min(count, columns)
    rows = -(-count // columns)
    figsize = (size[0] * columns + margin[0], size[1] * rows + margin[1])
    figure = Figure(figsize=figsize, layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False, sharex=sharex).ravel())
    for panel in panels[count:]:
        panel.remove()
    for panel in panels[:count:columns]:
        panel.set_ylabel(ylabel)
    return figure, panels[:count]


def dots(count: int) -> dict[str, Any]:
    """How a panel draws so many: fewer are stronger, a hundred sweeps must not hide one another."""
    return {
        "alpha": float(np.clip(300 / max(count, 1), 0.12, 0.6)),
        "s": float(np.clip(2000 / max(count, 1), 9, 28)),
        "linewidths": 0,
        "rasterized": True,
    }


def span(counts: Collection[int]) -> str:
    """The smallest and the largest of some counts to read: "20–1,025", or "20" if they are one."""
    return "–".join(f"{count:,}" for count in sorted({min(counts), max(counts)}))


def caption(figure: Figure, text: str) -> None:
    """Puts a sentence or two below all panels, broken into lines that fit."""
    points = 9.5
    characters = int(figure.get_figwidth() * 72 / (0.55 * points))
    figure.supxlabel(textwrap.fill(text, characters), fontsize=points, color=MUTED)


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Writes a figure, in the format of the path's ending, and replaces an old one at once.

    A picture appears under `path` complete or not at all; missing folders are made.

    Raises:
        ValueError: if matplotlib has no such format.
        OSError: if the folder cannot be written to.
    """
    with aside(Path(path)) as file:
        figure.savefig(file, dpi=figure.dpi)
