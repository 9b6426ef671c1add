"""Charts of how well pictures are re-rendered at a given angle: scores in, figures out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dcign_tf.evaluation.figures.style import INK, MUTED, caption, panels_of, span, styled
from dcign_tf.quantities import Quantity, display_name

_RUN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_BASELINES = {
    "copy": ("the picture given, as it is", {"color": INK, "linestyle": "--"}),
    "mean_image": ("mean training image at that angle", {"color": MUTED, "linestyle": "-."}),
}
_UNCHANGED = {"linestyle": (0, (1, 1)), "linewidth": 1.3}
_CEILING = {"linestyle": "-", "linewidth": 1.0}
_TURNED = {"linestyle": "-", "linewidth": 2.0, "marker": "o", "markersize": 5}


def can_be_drawn(scores: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether there is a factor whose re-rendering was measured."""
    return any(factor_scores["by_change"] for factor_scores in scores.values())


@styled
def rerendering(
    runs: Mapping[str, Mapping[str, Mapping[str, Any]]],
    quantities: Mapping[str, Quantity],
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Figure:
    """Squared error over the size of the change, a panel for each factor.

    Args:
        runs: of one network, or of several on the same data, by name: factor to the
            entries of `rerendering` in `scores.json`.
        quantities: the factors whose true values are known. Only those are drawn.
        groups: what stands in the legend to the runs of several seeds, of which the mean is
            drawn and a band from the smallest to the largest; each run by itself without it.

    Raises:
        ValueError: if there is nothing to draw, or runs of different data.
    """
    first = next(iter(runs.values()), {})
    factors = [factor for factor, factor_scores in first.items() if factor_scores["by_change"]]
    if not factors:
        raise ValueError("No factor's re-rendering was measured: there is nothing to draw.")
    groups = groups or {name: [name] for name in runs}
    for factor in factors:
        if any(_pairs(scores, factor) != _pairs(first, factor) for scores in runs.values()):
            raise ValueError("The runs were not compared on the same pairs of pictures.")
    figure, panels = panels_of(
        len(factors), (4.2, 3.9), margin=(0.3, 1.6), ylabel="mean squared error"
    )
    for panel, factor in zip(panels, factors, strict=True):
        _panel(panel, factor, {name: scores[factor] for name, scores in runs.items()}, groups)
        panel.set_xlabel(f"change of {quantities[factor].label}")
    figure.legend(handles=_legend(list(groups)), loc="outside upper center", ncols=2, fontsize=10)
    several = any(len(names) > 1 for names in groups.values())
    bands = " Of several seeds the mean is drawn, and a band from the smallest to the largest."
    counts = [first[factor]["num_pairs"] for factor in factors]
    caption(
        figure,
        "Error against the true picture at the angle asked for, of grey values in [0, 1], over how"
        f" far that angle is from the one given. {span(counts)}"
        " pairs of pictures a panel, that are not trained on; points are means over"
        " ranges of equal width." + bands * several,
    )
    return figure


def _pairs(scores: Mapping[str, Mapping[str, Any]], factor: str) -> tuple | None:
    """What tells one choice of pairs from another."""
    curve = scores.get(factor, {}).get("by_change")
    return curve and (list(curve["edges"]), list(curve["num_pairs"]))


def _panel(
    panel: Axes,
    factor: str,
    runs: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
) -> None:
    for group, method, style in reversed(_curves(list(groups))):
        curves = [runs[name]["by_change"] for name in groups[group]]
        x = np.array(curves[0]["change"], np.float64)  # of the pairs, which are the same for all
        y = np.array([curve["mse"][method] for curve in curves], np.float64)
        seen = np.isfinite(x) & np.isfinite(y).all(axis=0)
        x, y = x[seen], y[:, seen]
        panel.plot(x, y.mean(axis=0), **style)
        if method == "network" and len(y) > 1:
            panel.fill_between(x, y.min(axis=0), y.max(axis=0), color=style["color"], alpha=0.2)
    missing = [name for name, scores in runs.items() if "network" in scores["why_null"]]
    if missing:
        text = "\n".join(f"{name}: not calibrated" for name in missing)
        style = {"va": "top", "fontsize": 9, "color": MUTED}
        style["bbox"] = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5}
        panel.text(0.03, 0.97, text, transform=panel.transAxes, **style)
    panel.set_xlim(left=0)
    panel.set_ylim(bottom=0)
    panel.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 1.5, 2, 3, 5, 10]))
    panel.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    panel.set_title(display_name(factor), loc="left")


def _curves(names: Sequence[str]) -> list[tuple[str, str, dict[str, Any]]]:
    """Which methods of which runs are drawn, and how; the foremost first."""
    curves = []
    for name, colour in zip(names, itertools.cycle(_RUN_COLOURS), strict=False):
        curves.append((name, "network", {**_TURNED, "color": colour}))
        curves.append((name, "ceiling", {**_CEILING, "color": colour}))
        if len(names) == 1:
            curves.append((name, "unchanged", {**_UNCHANGED, "color": colour}))
    return curves + [(names[0], method, style) for method, (_, style) in _BASELINES.items()]


def _legend(names: Sequence[str]) -> list[Line2D]:
    if len(names) == 1:
        colour, by_whom = _RUN_COLOURS[0], ""
        entries = [
            ("re-rendered at that angle", {**_TURNED, "color": colour}),
            ("reconstructed, not turned", {**_UNCHANGED, "color": colour}),
        ]
    else:
        colour, by_whom = MUTED, " by the same network"
        colours = zip(names, itertools.cycle(_RUN_COLOURS), strict=False)
        entries = [(name, {**_TURNED, "color": run_colour}) for name, run_colour in colours]
    ceiling = ("the true picture, reconstructed" + by_whom, {**_CEILING, "color": colour})
    entries += [ceiling, *_BASELINES.values()]
    return [Line2D([], [], label=label, **style) for label, style in entries]
