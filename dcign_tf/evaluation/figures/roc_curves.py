"""A chart of face recognition: arrays and scores in, a matplotlib figure out."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from dcign_tf.evaluation.figures.style import MUTED, caption, factor_colours, panels_of, styled
from dcign_tf.evaluation.metrics.bootstrap import LEVEL
from dcign_tf.quantities import Quantity, number

_MARKERS = "osD^vPX*"


@styled
def recognition(scores: Mapping[str, Any]) -> Figure:
    """The ROC curve of each representation, and rank 1 over how far pose and light change.

    Args:
        scores: of `recognition.recognition_scores`.

    Raises:
        ValueError: if they hold no representation.
    """
    protocol, representations = scores["protocol"], scores["representations"]
    if not representations:
        raise ValueError("There is no representation to draw.")
    angles = list(next(iter(representations.values()))["rank1_by_change"])
    labels = {name: _label(name, scored) for name, scored in representations.items()}
    height = 0.2 * (len(labels) + sum(label.count("\n") + 1 for label in labels.values())) + 0.6
    figure, panels = panels_of(1 + len(angles), (4.6, 3.9), columns=2, margin=(0, height))
    styles = {
        name: {"color": colour, "marker": marker, "markersize": 6}
        for (name, colour), marker in zip(
            factor_colours(representations).items(), cycle(_MARKERS), strict=False
        )
    }
    _roc(panels[0], protocol, representations, styles, labels)
    top = max(_highest(scored) for scored in representations.values())
    for panel, angle in zip(panels[1:], angles, strict=True):
        for name, scored in representations.items():
            binned = scored["rank1_by_change"][angle]
            edges = np.array(binned["edges"])
            middles = (edges[:-1] + edges[1:]) / 2
            panel.plot(middles, binned["rank1"], **styles[name])
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
    figure.legend(handles=panels[0].get_lines(), loc="outside upper left", fontsize=10)
    caption(
        figure,
        f"{protocol['num_identities']} people never seen in training. Gallery: the most frontal,"
        f" most frontally lit image of each; probes: their other {protocol['num_probes']:,} images."
        f" Similarity: {protocol['metric']}. Rank 1: the most similar gallery image is the same"
        f" person's, in brackets its {LEVEL:.0%} interval over people. ± is the standard deviation"
        f" over {protocol['num_random']} galleries drawn at random. Points stand in the middle of"
        " the change that they cover; above, how many probes those are.",
    )
    return figure


def _roc(
    panel: Axes,
    protocol: Mapping[str, Any],
    representations: Mapping[str, Any],
    styles: Mapping[str, Mapping[str, Any]],
    labels: Mapping[str, str],
) -> None:
    """The legend's lines are those of this panel."""
    false_rate = np.array(protocol["false_acceptance_rate"])
    shown = false_rate > 0  # the axis is logarithmic
    for name, scored in representations.items():
        panel.plot(
            false_rate[shown],
            np.array(scored["true_acceptance_rate"])[shown],
            **styles[name],
            markevery=(shown.sum() // 6, 12),
            label=labels[name],
        )
    chance = f"chance: rank 1 {protocol['chance']:.1%}, equal error rate 50.0%"
    panel.plot(false_rate[shown], false_rate[shown], color=MUTED, linestyle=":", label=chance)
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
    panel.set(xlim=(false_rate[shown][0], 1), ylim=(0, 1.02))
    panel.yaxis.set_major_formatter(PercentFormatter(1))
    panel.set_xlabel("false acceptance rate: two people taken for one")
    panel.set_ylabel("true acceptance rate")
    panel.set_title("Verified: same person or not", loc="left")


def _label(name: str, scored: Mapping[str, Any]) -> str:
    """What the legend says of a representation, in lines that fit."""
    random = scored["random_gallery"]["rank1"]
    spread = f"{random['mean']:.1%} ± {random['std']:.1%}".replace(" ", "\N{NO-BREAK SPACE}")
    return textwrap.fill(
        f"{name}: rank 1 {scored['rank1']:.1%} {_bounds(scored['intervals']['rank1'])}"
        f" (random galleries {spread}), equal error rate {scored['equal_error_rate']:.1%}",
        width=110,
        subsequent_indent="    ",
    )


def _bounds(interval: Sequence[float]) -> str:
    low, high = (number(100 * bound, ".1f") for bound in interval)
    return f"[{low}, {high}]"


def _highest(scored: Mapping[str, Any]) -> float:
    binned = [share for part in scored["rank1_by_change"].values() for share in part["rank1"]]
    return float(np.nanmax([scored["rank1"], *binned]))
