"""Charts of how well pictures are re-rendered at a given angle: scores in, figures out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dcign_tf.evaluation.figures.style import INK, MUTED, caption, styled
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
    return any(own["by_change"] for own in scores.values())


@styled
def rerendering(
    runs: Mapping[str, Mapping[str, Mapping[str, Any]]], quantities: Mapping[str, Quantity]
) -> Figure:
    """Squared error over the size of the change, a panel for each factor.

    Args:
        runs: of one network, or of several on the same data, by name: factor to the
            entries of `rerendering` in `scores.json`.
        quantities: the factors whose true values are known. Only those are drawn.

    Raises:
        ValueError: if there is nothing to draw, or runs of different data.
    """
    first = next(iter(runs.values()), {})
    factors = [factor for factor, own in first.items() if own["by_change"]]
    if not factors:
        raise ValueError("No factor's re-rendering was measured: there is nothing to draw.")
    for factor in factors:
        if any(_pairs(scores, factor) != _pairs(first, factor) for scores in runs.values()):
            raise ValueError("The runs were not compared on the same pairs of pictures.")
    columns = min(len(factors), 3)
    rows = -(-len(factors) // columns)
    figure = Figure(figsize=(4.2 * columns + 0.3, 3.9 * rows + 1.6), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels[len(factors) :]:
        panel.remove()
    for panel, factor in zip(panels, factors, strict=False):
        _panel(panel, factor, {name: own[factor] for name, own in runs.items()})
        panel.set_xlabel(f"change of {quantities[factor].label}")
    for panel in panels[: len(factors) : columns]:
        panel.set_ylabel("mean squared error")
    figure.legend(handles=_legend(runs), loc="outside upper center", ncols=2, fontsize=10)
    counts = sorted({f"{first[factor]['num_pairs']:,}" for factor in factors})
    caption(
        figure,
        "Error against the true picture at the angle asked for, of grey values in [0, 1], over how"
        f" far that angle is from the one given. {'–'.join(counts[:: max(len(counts) - 1, 1)])}"
        " pairs of pictures a panel, of identities never seen in training; points are means over"
        " ranges of equal width.",
    )
    return figure


def _pairs(scores: Mapping[str, Mapping[str, Any]], factor: str) -> tuple | None:
    """What tells one choice of pairs from another."""
    curve = scores.get(factor, {}).get("by_change")
    return curve and (list(curve["edges"]), list(curve["num_pairs"]))


def _panel(panel: Axes, factor: str, runs: Mapping[str, Mapping[str, Any]]) -> None:
    names = list(runs)
    for name, style in reversed(_styles(names)):
        run, method = name
        curve = runs[run]["by_change"]
        x, y = (np.array(v, np.float64) for v in (curve["change"], curve["mse"][method]))
        seen = np.isfinite(x) & np.isfinite(y)
        panel.plot(x[seen], y[seen], **style)
    missing = [name for name, own in runs.items() if "network" in own["why_null"]]
    if missing:
        text = "\n".join(f"{display_name(name)}: not calibrated" for name in missing)
        panel.text(0.03, 0.97, text, transform=panel.transAxes, va="top", fontsize=9, color=MUTED)
    panel.set_xlim(left=0)
    panel.set_ylim(bottom=0)
    panel.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 1.5, 2, 3, 5, 10]))
    panel.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    panel.set_title(display_name(factor), loc="left")


def _styles(names: list[str]) -> list[tuple[tuple[str, str], dict[str, Any]]]:
    """Which curves of which runs are drawn, and how; the foremost first."""
    curves = []
    for name, colour in zip(names, _RUN_COLOURS * len(names), strict=False):
        curves.append(((name, "network"), {**_TURNED, "color": colour}))
        curves.append(((name, "ceiling"), {**_CEILING, "color": colour}))
        if len(names) == 1:
            curves.append(((name, "unchanged"), {**_UNCHANGED, "color": colour}))
    return curves + [((names[0], method), style) for method, (_, style) in _BASELINES.items()]


def _legend(runs: Mapping[str, object]) -> list[Line2D]:
    alone = len(runs) == 1
    handles = [
        Line2D(
            [], [], color=colour, label="re-rendered at that angle" if alone else name, **_TURNED
        )
        for name, colour in zip(runs, _RUN_COLOURS * len(runs), strict=False)
    ]
    colour = _RUN_COLOURS[0] if alone else MUTED
    if alone:
        label = "reconstructed, not turned"
        handles.append(Line2D([], [], color=colour, label=label, **_UNCHANGED))
    label = "the true picture, reconstructed" + ("" if alone else " by the same network")
    handles.append(Line2D([], [], color=colour, label=label, **_CEILING))
    return handles + [Line2D([], [], label=label, **style) for label, style in _BASELINES.values()]
