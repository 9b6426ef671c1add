"""Charts of inferred latents over the sweeps in which their factor varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator

from dcign_tf.datasets.sweeps import evenly
from dcign_tf.evaluation.figures.latent_planes import show_plane
from dcign_tf.evaluation.figures.style import (
    INK,
    MUTED,
    caption,
    dots,
    factor_colours,
    panels_of,
    span,
    styled,
)
from dcign_tf.evaluation.metrics.circle import unroll
from dcign_tf.quantities import Quantity, display_name, number
from dcign_tf.readouts.calibrated_factor import CalibratedFactor
from dcign_tf.readouts.calibration import FactorCalibration

_CUT_NOTE = (
    " Dashed: where a circle is cut open, as no single latent can follow it without a jump;"
    " ρ is that of the angle from there."
)
_RANK_NOTE = " ρ: Spearman's rank correlation."
_PLANE_NOTE = (
    " Several latents of a factor are shown against each other, coloured by the true value, which"
    " also stands along the calibration."
)
_CALIBRATION_NOTE = (
    " Thick line: the calibration, fitted on the validation split. R² and the mean error are those"
    " of values read off by it."
)
_ERROR_NOTE = " In grey, its root mean square error."
_INTERVAL_NOTE = " In brackets, the mean error's interval over identities."
_LINES = 3  # so many single sweeps of a panel are drawn as lines, too
_MOST_STRIPS = 40
Scores = Mapping[str, Mapping[str, float | None]]
Paired = tuple[np.ndarray, np.ndarray]


@styled
def equivariance(
    sweeps: Mapping[str, Sequence[Paired]],
    quantities: Mapping[str, Quantity],
    scores: Scores | None = None,
    calibrations: Mapping[str, CalibratedFactor] | None = None,
    intervals: Mapping[str, Sequence[float]] | None = None,
) -> Figure:
    """Inferred latent against true value, a panel for each factor (paper Fig. 6).

    The vertical axis covers at least ±1, a standard deviation of the prior, so
    that a latent that hardly moves looks like one. A circle is shown once round,
    with the cut at which its rank correlation was taken. Several latents of a factor are
    shown against each other.

    Args:
        sweeps: extrinsic factor to its own latents in each of the sweeps in which it
            varies, [n_i, n], and its true values there, [n_i].
        quantities: what those values are.
        scores: factor to any of `spearman`, `r2_calibrated` and `mean_absolute_error`,
            put into the title of its panel, and to the `cut` of a circle.
        calibrations: of the factors, shown as a curve and the error around it.
        intervals: factor to that of its mean error, put behind it.

    Raises:
        ValueError: without factors, or if latents and values differ in number.
    """
    is_plane = {f: any(np.shape(z)[1] > 1 for z, _ in shown) for f, shown in sweeps.items()}
    figure, panels = _panels(sweeps, width=5.0 if any(is_plane.values()) else 4.2)
    due = set()
    for panel, (factor, colour) in zip(panels, factor_colours(sweeps).items(), strict=True):
        quantity, factor_scores = quantities[factor], (scores or {}).get(factor, {})
        curve, shown = (calibrations or {}).get(factor), sweeps[factor]
        known = None if curve is None or curve.reason else curve
        if is_plane[factor]:
            show_plane(panel, shown, quantity, known)
            factor_scores = {k: v for k, v in factor_scores.items() if k != "spearman"}  # of one
            due.add(_PLANE_NOTE)
            if known is not None:
                due.add(_CALIBRATION_NOTE)
        else:
            single = [(latents[:, 0], value) for latents, value in shown]
            cut = factor_scores.get("cut")
            due |= _show_latent(panel, single, quantity, np.nan if cut is None else cut, colour)
            due.add(_RANK_NOTE)
            if known is not None:
                _show_calibration(panel, known, quantity.period)
                due |= {_CALIBRATION_NOTE, _ERROR_NOTE}
            _scale_latent(panel)
        interval = (intervals or {}).get(factor)
        title = _scored_title(factor, quantity, factor_scores, curve, interval)
        panel.set_title(title, loc="left")
        if interval:
            due.add(_INTERVAL_NOTE)
    notes = (_RANK_NOTE, _CALIBRATION_NOTE, _ERROR_NOTE, _INTERVAL_NOTE, _CUT_NOTE, _PLANE_NOTE)
    caption(
        figure,
        "Each dot is one image; each thin line joins the images of one sweep, in which only this"
        f" factor varies. {span([len(of_factor) for of_factor in sweeps.values()])} sweeps a panel."
        + "".join(note for note in notes if note in due),
    )
    return figure


def _show_latent(
    panel: Axes, sweeps: Sequence[Paired], quantity: Quantity, cut: float, colour: str
) -> set[str]:
    """A single latent [n_i] over its values [n_i]; returns the notes that the panel needs."""
    is_cut = bool(quantity.period) and bool(np.isfinite(cut))
    if quantity.period:
        sweeps, start = _once_round(sweeps, quantity.period)
        cut = start + float(unroll(cut, start, quantity.period))
        _show_turn(panel, quantity, start, cut)
    _scatter(panel, sweeps, colour)
    for index in evenly(sweeps, _LINES):
        _join(panel, *sweeps[index], cut)
    panel.set_xlabel(f"true {quantity.label}")
    return {_CUT_NOTE} if is_cut else set()


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
    """Where the own latents lie in each sweep, a panel for each; needs no true value.

    Args:
        latents: extrinsic factor to its own latents in the sweeps in which it varies,
            [n_i, n] each.
        scores: factor to its `consistency` and `own_share`, put into the titles.

    Raises:
        ValueError: without factors.
    """
    colours = factor_colours(latents)
    each = [(f, i) for f, sweeps in latents.items() for i in range(np.shape(sweeps[0])[1])]
    figure, panels = _panels(each)
    for panel, (factor, column) in zip(panels, each, strict=True):
        of_factor = latents[factor]
        shown = [of_factor[index][:, column] for index in evenly(of_factor, _MOST_STRIPS)]
        sweeps = [(latent, np.full(len(latent), i + 1.0)) for i, latent in enumerate(shown)]
        _scatter(panel, sweeps, colours[factor])
        for place, (latent, _) in enumerate(sweeps, 1):
            panel.plot([place - 0.35, place + 0.35], [np.mean(latent)] * 2, color=INK)
        panel.set_xlim(0.2, len(shown) + 0.8)
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        panel.grid(False, axis="x")
        _scale_latent(panel)
        panel.set_xlabel("sweep")
        factor_scores, num_latents = scores.get(factor, {}), np.shape(of_factor[0])[1]
        which = f", latent {column + 1} of {num_latents}" if num_latents > 1 else ""
        panel.set_title(
            f"{display_name(factor)}{which}\n"
            f"consistency {_number(factor_scores.get('consistency'))},"
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


def _panels(factors: Sized, width: float = 4.2) -> tuple[Figure, list[Axes]]:
    if not factors:
        raise ValueError("No factor's latents are given.")
    ylabel = "inferred latent (posterior mean)"
    return panels_of(len(factors), (width, 4.0), margin=(0.3, 0.7), ylabel=ylabel)


def _scatter(panel: Axes, sweeps: Sequence[Paired], colour: str) -> None:
    if not sweeps:
        return
    latent, position = (np.concatenate(part) for part in zip(*sweeps, strict=True))
    panel.scatter(position, latent, color=colour, **dots(latent.size))


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
    curve: CalibratedFactor | None,
    interval: Sequence[float] | None,
) -> str:
    parts = [f"ρ = {_number(scores['spearman'])}"] if "spearman" in scores else []
    lines = []
    if curve is not None and curve.reason:
        parts.append("not calibrated")
    elif "r2_calibrated" in scores:
        form = ".1f" if quantity.unit else ".3g"
        text = number(scores.get("mean_absolute_error"), form, quantity.unit)
        parts.append(f"R² = {_number(scores['r2_calibrated'])}")
        if interval:  # for which there is no room beside them
            lines = [f"mean error {text} [{', '.join(number(b, form) for b in interval)}]"]
        else:
            parts.append(f"mean error {text}")
    return "\n".join(filter(None, [display_name(factor), ",  ".join(parts), *lines]))


def _number(value: float | None) -> str:
    return number(value, ".2f").replace("-", "−")
