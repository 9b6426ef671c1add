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

_CURVES = {
    "loss": ("total loss", "nats per image"),
    "clamped_reconstruction_loss": ("clamped reconstruction loss", "nats per image"),
    "grouped_reconstruction_loss": ("grouped reconstruction loss", "nats per image"),
    "reconstruction_loss": ("reconstruction loss", "nats per image"),
    "active_kl_loss": ("active KL loss", "nats per image"),
    "grouped_kl_loss": ("grouped KL loss", "nats per image"),
    "kl_loss": ("KL loss", "nats per image"),
    # Half a sum of squared latents: the one loss that is not in nats.
    "invariance_loss": ("invariance loss", "per image"),
    "elbo": ("ELBO", "nats per image"),
    "spearman": ("rank correlation", "1 − |Spearman|"),
    "r2_calibrated": ("values read off", "1 − R²"),
    "novel_view_ratio": ("error of the new view", "over that of the picture given"),
    "own_share": ("own share", "of what moves in the code"),
    "active_latents": ("active latents", "with a KL above 0.01 nats"),
    "learning_rate": ("learning rate", ""),
    "gradient_norm": ("norm of the gradient", "mean over steps"),
    "loss_scale": ("loss scale of float16", ""),
}
"""What is drawn of `metrics.jsonl`, in this order: its title, and what its axis says."""
_MOST_LINEAR = 30  # times the smallest value: more is drawn on a logarithmic scale
_NEAR_ONE = ("spearman", "r2_calibrated")  # drawn is what they lack, where .98 and .99 differ


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
    """Losses and scores over training steps, a panel for each.

    Args:
        records: rows of `metrics.jsonl`: `step`, and any of the losses and scores of
            `_CURVES` by name, such as `kl_loss`, `val_kl_loss` (drawn dashed) or
            `kl_loss/azimuth` (of that factor's batches). `val_objective`, what training
            minimises on validation batches, stands with `loss`. All else is left out,
            and so is a value that is missing, null or not finite.

    Raises:
        ValueError: if no record has both a step and one of them.
    """
    curves = _curves(records)
    if not curves:
        raise ValueError("No record has a 'step' and a loss: there is no training curve to draw.")
    there = {name for name, _, _ in curves}
    names = [name for name in _CURVES if name in there]
    colours = {
        "": INK,
        **factor_colours(dict.fromkeys(factor for _, factor, _ in curves if factor)),
    }
    columns = 2 if len(names) == 4 else 3
    figure, panels = panels_of(
        len(names), (4.4, 3.5), columns=columns, margin=(0, 0.5), sharex=True
    )
    for panel, name in zip(panels, names, strict=True):
        drawn = {key: points for key, points in curves.items() if key[0] == name}
        for (_, factor, validation), points in drawn.items():
            panel.plot(
                *np.transpose(points),
                color=colours[factor],
                linestyle="--" if validation else "-",
                linewidth=1.1 if factor else 1.8,
                marker="." if len(points) == 1 else None,
            )
        title, label = _CURVES[name]
        scale = _scale(panel, np.concatenate(list(drawn.values())))
        panel.set_ylabel(", ".join(filter(None, [label, scale])))
        panel.set_title(title, loc="left")
        panel.set_xlabel("training step")
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.tick_params(labelbottom=True)
    _curve_legend(figure, colours, {validation for _, _, validation in curves})
    return figure


def _curves(
    records: Iterable[Mapping[str, object]],
) -> dict[tuple[str, str, bool], list[tuple[float, float]]]:
    """(name of `_CURVES`, factor or "", validation?) to its (step, value) points."""
    curves: dict[tuple[str, str, bool], list[tuple[float, float]]] = {}
    for record in records:
        for key, value in record.items():
            logged, _, factor = key.partition("/")
            name = logged.removeprefix("val_")
            if logged == "val_loss":  # the ELBO again: not what training minimises
                continue
            if logged == "val_objective":
                name = "loss"
            if name in _CURVES and "step" in record and value is not None and np.isfinite(value):
                points = curves.setdefault((name, factor, name != logged), [])
                points.append((record["step"], 1 - value if name in _NEAR_ONE else value))
    return curves


def _scale(panel: Axes, points: np.ndarray) -> str:
    """Chooses the scale for points (step, value), [N, 2]; returns what is to be said of it.

    The first steps, in which a loss falls by more than in all the rest, may leave the panel.
    """
    steps, values = points.T
    if values.min() > 0 and values.max() > _MOST_LINEAR * values.min():
        panel.set_yscale("log")
        return "log scale"
    later = values[steps >= steps.max() / 10]
    margin = 0.08 * np.ptp(later)
    if margin and np.ptp(values) > 2 * np.ptp(later):
        panel.set_ylim(later.min() - margin, later.max() + margin)
        return "first steps cut off"
    return ""


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
