"""Charts of inferred latents over the sweeps in which their factor varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator

from dcign_tf.datasets.sweeps import evenly
from dcign_tf.evaluation.figures.style import (
    INK,
    MUTED,
    caption,
    factor_colours,
    panels_of,
    span,
    styled,
)
from dcign_tf.evaluation.metrics.circle import unroll
from dcign_tf.quantities import Quantity, display_name, number
from dcign_tf.readouts.calibration import FactorCalibration

_CUT_NOTE = (
    " Dashed: where a circle is cut open, as no single latent can follow it without a jump;"
    " ρ is that of the angle from there."
)
_CALIBRATION_NOTE = (
    " Thick line: the calibration, fitted on validation identities; in grey, its root mean square"
    " error. R² and the mean error are those of values read off by it."
)
_LINES = 3  # so many single sweeps of a panel are drawn as lines, too
_MOST_STRIPS = 40
Scores = Mapping[str, Mapping[str, float | None]]
Paired = tuple[np.ndarray, np.ndarray]


@styled
def equivariance(
    sweeps: Mapping[str, Sequence[Paired]],
    quantities: Mapping[str, Quantity],
    scores: Scores | None = None,
    calibrations: Mapping[str, FactorCalibration] | None = None,
) -> Figure:
    """Inferred latent against true value, a panel for each factor (paper Fig. 6).

    The vertical axis covers at least ±1, a standard deviation of the prior, so
    that a latent that hardly moves looks like one. A circle is shown once round,
    with the cut at which its rank correlation was taken.

    Args:
        sweeps: extrinsic factor to its own latent in each of the sweeps in which it
            varies, and its true values there, [n_i] each.
        quantities: what those values are.
        scores: factor to any of `spearman`, `r2_calibrated` and `mean_absolute_error`,
            put into the title of its panel, and to the `cut` of a circle.
        calibrations: of the factors, shown as a curve and the error around it.

    Raises:
        ValueError: without factors, or if latents and values differ in number.
    """
    figure, panels = _panels(sweeps)
    notes = dict.fromkeys((_CALIBRATION_NOTE, _CUT_NOTE), False)
    for panel, (factor, colour) in zip(panels, factor_colours(sweeps).items(), strict=True):
        quantity, factor_scores = quantities[factor], (scores or {}).get(factor, {})
        curve = (calibrations or {}).get(factor)
        shown, cut = sweeps[factor], np.nan
        if quantity.period:
            shown, start = _once_round(shown, quantity.period)
            if factor_scores.get("cut") is not None:
                cut = start + float(unroll(factor_scores["cut"], start, quantity.period))
            _show_turn(panel, quantity, start, cut)
            notes[_CUT_NOTE] |= bool(np.isfinite(cut))
        _scatter(panel, shown, colour)
        for index in evenly(shown, _LINES):
            _join(panel, *shown[index], cut)
        if curve is not None and not curve.reason:
            _show_calibration(panel, curve, quantity.period)
            notes[_CALIBRATION_NOTE] = True
        _scale_latent(panel)
        panel.set_xlabel(f"true {quantity.label}")
        panel.set_title(_scored_title(factor, quantity, factor_scores, curve), loc="left")
    caption(
        figure,
        "Each dot is one image; each thin line joins the images of one sweep, in which only this"
        f" factor varies. {span([len(of_factor) for of_factor in sweeps.values()])} sweeps a panel."
        " ρ: Spearman's rank correlation."
        + "".join(note for note, is_due in notes.items() if is_due),
    )
    return figure


def _once_round(sweeps: Sequence[Paired], period: float) -> tuple[list[Paired], float]:
    """The sweeps with angles on one turn, and where it starts: -180° if any is negative, or 0°."""
    negative = any((value < 0).any() for _, value in sweeps)
    start = -period / 2 if negative else 0.0
    return [(latent, start + unroll(value, start, period)) for latent, value in sweeps], start


def _show_turn(panel: Axes, quantity: Quantity, start: float, cut: float) -> None:
    panel.set_xlim(start, start + quantity.period)
    panel.xaxis.set_major_locator(MultipleLocator(quantity.period / 4))
    if np.isfinite(cut):
        panel.axvline(cut, color=MUTED, linestyle="--", linewidth=1.2)
        on_the_right = cut < start + quantity.period / 2
        panel.annotate(
            f"cut {quantity.text(cut)}",
            (cut, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4 if on_the_right else -4, -3),
            textcoords="offset points",
            ha="left" if on_the_right else "right",
            va="top",
            fontsize=9,
            color=MUTED,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )


def _show_calibration(panel: Axes, curve: FactorCalibration, period: float | None) -> None:
    """Which latent stands for each value, and the error with which values are read off again."""
    limits = panel.get_xlim()  # those of the data: what is beyond is not seen
    write = np.array([curve.write_values, curve.write_latents])
    pieces = np.split(write, 1 + np.flatnonzero(np.diff(write[0]) == 0), axis=1)
    latents, values, errors = map(
        np.array, (curve.read_latents, curve.read_values, curve.read_errors)
    )
    for turn in (-period, 0, period) if period else (0,):
        panel.fill_betweenx(
            latents, values - errors + turn, values + errors + turn, color=INK, alpha=0.18, lw=0
        )
        for value, latent in pieces:
            panel.plot(
                value + turn,
                latent,
                color=INK,
                linewidth=2.2,
                path_effects=[patheffects.withStroke(linewidth=4, foreground="white")],
            )
    panel.set_xlim(limits)


@styled
def sweep_strips(latents: Mapping[str, Sequence[np.ndarray]], scores: Scores) -> Figure:
    """Where the own latent lies in each sweep, a panel for each factor; needs no true value.

    Args:
        latents: extrinsic factor to its own latent in the sweeps in which it varies,
            [n_i] each.
        scores: factor to its `consistency` and `own_share`, put into the titles.

    Raises:
        ValueError: without factors.
    """
    figure, panels = _panels(latents)
    for panel, (factor, colour) in zip(panels, factor_colours(latents).items(), strict=True):
        shown = [latents[factor][index] for index in evenly(latents[factor], _MOST_STRIPS)]
        sweeps = [(latent, np.full(len(latent), i + 1.0)) for i, latent in enumerate(shown)]
        _scatter(panel, sweeps, colour)
        for place, (latent, _) in enumerate(sweeps, 1):
            panel.plot([place - 0.35, place + 0.35], [np.mean(latent)] * 2, color=INK)
        panel.set_xlim(0.2, len(shown) + 0.8)
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        panel.grid(False, axis="x")
        _scale_latent(panel)
        panel.set_xlabel("sweep")
        factor_scores = scores.get(factor, {})
        panel.set_title(
            f"{display_name(factor)}\nconsistency {_number(factor_scores.get('consistency'))},"
            f"  own share {_number(factor_scores.get('own_share'))}",
            loc="left",
        )
    caption(
        figure,
        "Each column is one sweep, in which only this factor varies; each dot is one image, each"
        " bar the mean. A latent that follows the factor alone covers the same range in every"
        f" column (consistency 1). At most {_MOST_STRIPS} sweeps a panel.",
    )
    return figure


def _panels(factors: Mapping[str, object]) -> tuple[Figure, list[Axes]]:
    if not factors:
        raise ValueError("No factor's latents are given.")
    ylabel = "inferred latent (posterior mean)"
    return panels_of(len(factors), (4.2, 4.0), margin=(0.3, 0.7), ylabel=ylabel)


def _scatter(panel: Axes, sweeps: Sequence[Paired], colour: str) -> None:
    if not sweeps:
        return
    latent, position = (np.concatenate(part) for part in zip(*sweeps, strict=True))
    # Fewer dots are stronger ones: a hundred sweeps of 20 must not hide one another.
    alpha = float(np.clip(300 / max(latent.size, 1), 0.12, 0.6))
    area = float(np.clip(2000 / max(latent.size, 1), 9, 28))
    style = {"color": colour, "alpha": alpha, "linewidths": 0, "rasterized": True}
    panel.scatter(position, latent, s=area, **style)


def _join(panel: Axes, latent: np.ndarray, value: np.ndarray, cut: float) -> None:
    """A line through one sweep, in two parts where a cut parts it."""
    for part in (value < cut, value >= cut) if np.isfinite(cut) else (slice(None),):
        order = np.argsort(value[part])
        panel.plot(value[part][order], latent[part][order], color=INK, linewidth=0.8, alpha=0.6)


def _scale_latent(panel: Axes) -> None:
    low, high = panel.get_ylim()
    panel.set_ylim(min(low, -1.05), max(high, 1.05))
    panel.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))


def _scored_title(
    factor: str,
    quantity: Quantity,
    scores: Mapping[str, float | None],
    curve: FactorCalibration | None,
) -> str:
    parts = [f"ρ = {_number(scores['spearman'])}"] if "spearman" in scores else []
    if curve is not None and curve.reason:
        parts.append("not calibrated")
    elif "r2_calibrated" in scores:
        form = ".1f" if quantity.unit else ".3g"
        text = number(scores.get("mean_absolute_error"), form, quantity.unit)
        parts += [f"R² = {_number(scores['r2_calibrated'])}", f"mean error {text}"]
    return "\n".join(filter(None, [display_name(factor), ",  ".join(parts)]))


def _number(value: float | None) -> str:
    return number(value, ".2f").replace("-", "−")
