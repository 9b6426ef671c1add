"""Charts of how a trained model behaves: arrays in, matplotlib figures out.

Nothing here touches pyplot: a figure belongs to its caller, and goes when he
lets go of it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from dcign_tf.evaluation.figures.style import FAINT, INK, MUTED, factor_colours, panels_of, styled
from dcign_tf.quantities import display_name

_LOSS_NAMES = {
    "loss": "total loss",
    "kl_loss": "KL loss",
    "active_kl_loss": "active KL loss",
    "elbo": "ELBO",
}


@styled
def movement(matrix: np.ndarray, factors: Sequence[str]) -> Figure:
    """The movement matrix as a heat map: which latents answer to which factor.

    A cell is coloured by its share of the largest variance of its row and printed
    as the variance itself, because rows differ in scale by orders of magnitude.

    Args:
        matrix: variances, of `sweep_variance.movement_matrix`.
        factors: whose latents its rows are, and which vary in its columns.

    Raises:
        ValueError: if the matrix does not have a row and a column a factor.
    """
    matrix = np.asarray(matrix, np.float64)
    count = len(factors)
    if matrix.shape != (count, count) or not count:
        raise ValueError(f"The movement matrix has shape {matrix.shape}, expected {count, count}.")
    largest = np.max(matrix, axis=1, keepdims=True, initial=0, where=np.isfinite(matrix))
    share = np.divide(matrix, largest, out=np.zeros_like(matrix), where=largest > 0)

    figure = Figure(figsize=(1.5 * count + 3.2, 0.95 * count + 1.9), layout="constrained")
    panel = figure.subplots()
    panel.grid(False)
    panel.set_facecolor(FAINT)  # shows through where a variance is NaN
    cells = panel.pcolormesh(
        np.ma.masked_invalid(share), cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=2
    )
    panel.invert_yaxis()
    for (row, column), variance in np.ndenumerate(matrix):
        panel.text(
            column + 0.5,
            row + 0.5,
            f"{variance:.2g}".replace("e-0", "e−") if np.isfinite(variance) else "–",
            ha="center",
            va="center",
            fontsize=13,
            color="white" if share[row, column] > 0.6 else INK,
        )
    names = [textwrap.fill(display_name(factor), 14) for factor in factors]
    panel.set_xticks(np.arange(count) + 0.5, names)
    panel.set_yticks(np.arange(count) + 0.5, names)
    panel.set_xlabel("factor that varies")
    panel.set_ylabel("latent group")
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    panel.set_title("Variance of the latents within a sweep", loc="left")
    bar = figure.colorbar(cells, ax=panel, ticks=[0, 0.5, 1], format="{x:.0%}")
    bar.set_label("share of the row's largest")
    bar.outline.set_visible(False)
    return figure


@styled
def training_curves(records: Iterable[Mapping[str, object]]) -> Figure:
    """Losses over training steps, a panel for each loss.

    Args:
        records: rows of `metrics.jsonl`: `step`, and any losses by name, such as
            `kl_loss`, `val_kl_loss` (drawn dashed) or `kl_loss/azimuth` (of that
            factor's batches). What is neither called `elbo` nor ends in `loss` is
            left out, and so is a value that is missing, null or not finite.

    Raises:
        ValueError: if no record has both a step and a loss.
    """
    curves = _loss_curves(records)
    if not curves:
        raise ValueError("No record has a 'step' and a loss: there is no training curve to draw.")
    losses = list(dict.fromkeys(loss for loss, _, _ in curves))
    colours = {
        "": INK,
        **factor_colours(dict.fromkeys(factor for _, factor, _ in curves if factor)),
    }
    columns = 2 if len(losses) == 4 else 3
    figure, panels = panels_of(
        len(losses), (4.4, 3.5), columns=columns, margin=(0, 0.5), sharex=True
    )
    for panel, loss in zip(panels, losses, strict=True):
        values = []
        for (name, factor, validation), points in curves.items():
            if name == loss:
                steps, heights = np.transpose(points)
                values.append(heights)
                panel.plot(
                    steps,
                    heights,
                    color=colours[factor],
                    linestyle="--" if validation else "-",
                    linewidth=1.1 if factor else 1.8,
                    marker="." if len(points) == 1 else None,
                )
        _scale_loss(panel, loss, np.concatenate(values))
        panel.set_title(_LOSS_NAMES.get(loss, display_name(loss)), loc="left")
        panel.set_xlabel("training step")
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.tick_params(labelbottom=True)
    _curve_legend(figure, colours, {validation for _, _, validation in curves})
    return figure


def _loss_curves(
    records: Iterable[Mapping[str, object]],
) -> dict[tuple[str, str, bool], list[tuple[float, float]]]:
    """(loss, factor or "", validation?) to its (step, value) points."""
    curves: dict[tuple[str, str, bool], list[tuple[float, float]]] = {}
    for record in records:
        for key, value in record.items():
            name, _, factor = key.partition("/")
            loss = name.removeprefix("val_")
            is_loss = loss == "elbo" or loss.endswith("loss")
            if is_loss and "step" in record and value is not None and np.isfinite(value):
                points = curves.setdefault((loss, factor, name != loss), [])
                points.append((record["step"], value))
    return curves


def _scale_loss(panel: Axes, loss: str, values: np.ndarray) -> None:
    # The invariance penalty is half a sum of squared latents: the one loss that is not in nats.
    unit = "per image" if loss == "invariance_loss" else "nats per image"
    if values.min() > 0 and values.max() > 100 * values.min():
        panel.set_yscale("log")
        unit += ", log scale"
    panel.set_ylabel(unit)


def _curve_legend(figure: Figure, colours: Mapping[str, str], kinds: set[bool]) -> None:
    handles = []
    if len(colours) > 1:
        handles += [
            Line2D([], [], color=colour, label=display_name(factor) or "all batches")
            for factor, colour in colours.items()
        ]
    if kinds == {False, True}:
        handles += [
            Line2D([], [], color=MUTED, linestyle=style, label=label)
            for label, style in (("training", "-"), ("validation", "--"))
        ]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
