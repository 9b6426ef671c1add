"""A factor of several latents, in the plane of two: a circle is drawn as the circle it is."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.ticker import MultipleLocator

from dcign_tf.datasets.sweeps import evenly
from dcign_tf.evaluation.figures.style import INK, dots
from dcign_tf.evaluation.metrics.circle import unroll
from dcign_tf.quantities import Quantity
from dcign_tf.readouts.latent_curve import LatentCurve

_LINES = 2  # so many single sweeps are drawn as lines, too
_MARKS = 8  # values that are written beside the curve of a circle
_OPEN_MARKS = 5  # and of another
_DARKENED = 0.85  # for yellow to be seen on white


def show_plane(
    panel: Axes,
    sweeps: Sequence[tuple[np.ndarray, np.ndarray]],
    quantity: Quantity,
    curve: LatentCurve | None,
) -> None:
    """Draws the two latents that vary most against each other, coloured by the true value.

    Args:
        panel: to draw in.
        sweeps: latents [n_i, n] and true values [n_i] of each.
        quantity: what these values are.
        curve: the calibration, if there is one.
    """
    latents = np.concatenate([latents for latents, _ in sweeps])
    value = np.concatenate([values for _, values in sweeps])
    shown = np.sort(np.argsort(-latents.var(axis=0), kind="stable")[:2])
    colours, scale = _colours(value, quantity)
    if quantity.period:
        value = unroll(value, scale.vmin, quantity.period)
    look = dots(value.size)
    look["alpha"] = max(look["alpha"], 0.35)  # or the colours are too pale to tell apart
    points = panel.scatter(*latents[:, shown].T, c=value, cmap=colours, norm=scale, **look)
    for index in evenly(sweeps, _LINES):
        own, values = sweeps[index]
        in_order = own[np.argsort(np.mod(values, quantity.period) if quantity.period else values)]
        panel.plot(*in_order[:, shown].T, color=INK, linewidth=0.8, alpha=0.6)
    if curve is not None:
        _show_curve(panel, curve, shown)
    bar = panel.figure.colorbar(points, ax=panel, shrink=0.8, pad=0.02)
    bar.solids.set(alpha=1, edgecolor="face")
    bar.outline.set_visible(False)
    bar.set_label(f"true {quantity.label}")
    if quantity.period:
        bar.ax.yaxis.set_major_locator(MultipleLocator(quantity.period / 4))
    panel.margins(0.1)
    panel.set_aspect("equal", adjustable="datalim")
    of_all = f" of {latents.shape[1]}"
    panel.set_xlabel(f"inferred latent {shown[0] + 1}{of_all}")
    panel.set_ylabel(f"inferred latent {shown[1] + 1}{of_all}")


def _colours(value: np.ndarray, quantity: Quantity) -> tuple[Colormap, Normalize]:
    """Colours that go round where the values do."""
    if not quantity.period:
        return matplotlib.colormaps["viridis"], Normalize(value.min(), value.max())
    hues = matplotlib.colormaps["hsv"](np.linspace(0, 1, 256))[:, :3]
    return ListedColormap(_DARKENED * hues), Normalize(0, quantity.period)


def _show_curve(panel: Axes, curve: LatentCurve, shown: np.ndarray) -> None:
    outline = [patheffects.withStroke(linewidth=4, foreground="white")]
    points = np.array(curve.points)[:, shown]
    panel.plot(*points.T, color=INK, linewidth=2.2, path_effects=outline)
    marked = np.linspace(*curve.range, (_MARKS if curve.period else _OPEN_MARKS - 1) + 1)
    centre = points.mean(axis=0)
    for value in marked[:-1] if curve.period else marked:
        at = curve.to_latents(value)[shown]
        outwards = (at - centre) / max(np.linalg.norm(at - centre), np.finfo(float).tiny)
        panel.plot(*at, "o", color=INK, markersize=5, path_effects=outline)
        panel.annotate(
            curve.quantity.text(value),
            at,
            xytext=14 * outwards,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9,
            path_effects=[patheffects.withStroke(linewidth=3, foreground="white")],
        )
