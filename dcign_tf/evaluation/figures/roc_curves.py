"""A chart of face recognition: arrays and scores in, a matplotlib figure out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from dcign_tf.evaluation.figures.style import MUTED, caption, factor_colours, styled
from dcign_tf.quantities import Quantity

_MARKERS = "osD^vPX*"


@styled
def recognition(scores: Mapping[str, Any]) -> Figure:
    """The ROC curve of each representation, and rank 1 over how far pose and light change.

    Args:
        scores: of `recognition.recognition_scores`.

    Raises:
        ValueError: if they hold no representation.
    """
    protocol, found = scores["protocol"], scores["representations"]
    if not found:
        raise ValueError("There is no representation to draw.")
    angles = list(next(iter(found.values()))["rank1_by_change"])
    columns = 2
    rows = -(-(1 + len(angles)) // columns)
    figure = Figure(figsize=(9.2, 3.9 * rows + 0.4 * len(found) + 0.6), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for panel in panels[1 + len(angles) :]:
        panel.remove()
    colours = factor_colours(found)
    _roc(panels[0], protocol, found, colours)
    top = max(_highest(own) for own in found.values())
    for panel, angle in zip(panels[1:], angles, strict=False):
        for (name, own), marker in zip(found.items(), _MARKERS * len(found), strict=False):
            binned = own["rank1_by_change"][angle]
            edges = np.array(binned["edges"])
            middles = (edges[:-1] + edges[1:]) / 2
            style = {"marker": marker, "markersize": 6}
            panel.plot(middles, binned["rank1"], color=colours[name], **style)
        for middle, count in zip(middles, binned["num_probes"], strict=True):
            where = {"transform": panel.get_xaxis_transform(), "ha": "center", "va": "top"}
            panel.text(middle, 0.99, f"{count:,}", color=MUTED, fontsize=10, **where)
        panel.axhline(protocol["chance"], color=MUTED, linestyle=":")
        panel.set_xticks(edges, [f"{edge:.0f}" for edge in edges])
        panel.set_ylim(0, 1.2 * max(top, protocol["chance"]))  # room for the counts
        panel.set_yticks([tick for tick in panel.get_yticks() if tick <= 1])
        panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        panel.set_xlabel(f"change of {Quantity(angle).label}")
        panel.set_ylabel("rank 1")
    panels[1].set_title("Identified, by change from the gallery", loc="left")
    lines = panels[0].get_lines()
    figure.legend(
        lines, [line.get_label() for line in lines], loc="outside upper left", fontsize=10
    )
    caption(
        figure,
        f"{protocol['num_identities']} people never seen in training. Gallery: the most frontal,"
        f" most frontally lit image of each; probes: their other {protocol['num_probes']:,} images."
        f" Similarity: {protocol['metric']}. Rank 1: the most similar gallery image is the same"
        f" person's. ± is the standard deviation over {protocol['num_random']} galleries drawn at"
        " random. Points stand in the middle of the change that they cover; above, how many"
        " probes those are.",
    )
    return figure


def _roc(
    panel: Axes, protocol: Mapping[str, Any], found: Mapping[str, Any], colours: Mapping[str, str]
) -> None:
    """The legend's lines are those of this panel."""
    false_rate = np.array(protocol["false_acceptance_rate"])
    shown = false_rate > 0  # the axis is logarithmic
    for name, own in found.items():
        random = own["random_gallery"]["rank1"]
        label = (
            f"{name}: rank 1 {own['rank1']:.1%} (random galleries {random['mean']:.1%} ±"
            f" {random['std']:.1%}), equal error rate {own['equal_error_rate']:.1%}"
        )
        panel.plot(
            false_rate[shown],
            np.array(own["true_acceptance_rate"])[shown],
            color=colours[name],
            label=label,
        )
    chance = f"chance: rank 1 {protocol['chance']:.1%}, equal error rate 50.0%"
    panel.plot(false_rate[shown], false_rate[shown], color=MUTED, linestyle=":", label=chance)
    for (name, _), marker in zip(found.items(), _MARKERS * len(found), strict=False):
        line = next(line for line in panel.get_lines() if line.get_color() == colours[name])
        line.set(marker=marker, markersize=6, markevery=(len(line.get_xdata()) // 6, 12))
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
    panel.set(xlim=(false_rate[shown][0], 1), ylim=(0, 1.02))
    panel.yaxis.set_major_formatter(PercentFormatter(1))
    panel.set_xlabel("false acceptance rate: two people taken for one")
    panel.set_ylabel("true acceptance rate")
    panel.set_title("Verified: same person or not", loc="left")


def _highest(own: Mapping[str, Any]) -> float:
    binned = [share for part in own["rank1_by_change"].values() for share in part["rank1"]]
    return float(np.nanmax([own["rank1"], *binned]))
