"""Draws the figures of an evaluation that `figures.catalogue` has: of which images, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dcign_tf.codec import TRAVERSAL_STEPS
from dcign_tf.datasets.sweeps import distinct_images, evenly
from dcign_tf.evaluation.figures import charts, latent_charts
from dcign_tf.evaluation.figures.catalogue import of_factor
from dcign_tf.evaluation.figures.error_curves import can_be_drawn, rerendering
from dcign_tf.evaluation.figures.sheets import sheet, stacked
from dcign_tf.evaluation.metrics import circle
from dcign_tf.evaluation.report.score_catalogue import MEAN_ERROR
from dcign_tf.evaluation.sweep_codes import Evaluated
from dcign_tf.quantities import display_name

_EXAMPLES = 3  # identities, or sweeps, in a sheet of one factor
_NOVEL_VIEWS = 4  # a factor
_VIEWS = 9  # of one sweep in a row
Scores = Mapping[str, Any]


def figures(
    evaluated: Evaluated, scores: Scores, records: Sequence[Mapping[str, float]]
) -> Iterator[tuple[str, Figure]]:
    """Yields names of figures and the figures that the data have something to show for.

    Args:
        evaluated: what there is to draw from.
        scores: its, of `make_scores`, with `rerendering`.
        records: rows of `metrics.jsonl`; without any, there are no training curves.
    """
    for kind, draw in _DRAWERS.items():
        if figure := draw(evaluated, scores):
            yield kind, figure
    for kind, draw_one in _DRAWERS_OF_A_FACTOR.items():
        for factor in evaluated.network.code.extrinsic:
            if figure := draw_one(evaluated, factor):
                yield of_factor(kind, factor), figure
    if records:
        yield "training", charts.training_curves(records)


def signed(value: float, digits: int = 1) -> str:
    """A latent's value to read: +1.5, −1.5, and 0.0 for what rounds to it from either side."""
    rounded = round(float(value), digits)
    return f"{rounded:+.{digits}f}".replace("-", "−") if rounded else f"{0:.{digits}f}"


def _latents(evaluated: Evaluated) -> dict[str, list[np.ndarray]]:
    code = evaluated.network.code
    return {f: evaluated.test[f].latents(code.slice(f)) for f in evaluated.tested}


def _equivariance(evaluated: Evaluated, scores: Scores) -> Figure | None:
    sweeps = {
        factor: list(zip(latents, evaluated.test[factor].values, strict=True))
        for factor, latents in _latents(evaluated).items()
        if factor in evaluated.quantities
    }
    known = evaluated.quantities, scores["factors"], evaluated.calibration.factors
    intervals = {f: MEAN_ERROR.interval_of(scores, f) for f in sweeps}
    return latent_charts.equivariance(sweeps, *known, intervals) if sweeps else None


def _sweeps(evaluated: Evaluated, scores: Scores) -> Figure | None:
    latents = _latents(evaluated)
    return latent_charts.sweep_strips(latents, scores["factors"]) if latents else None


def _movement(evaluated: Evaluated, scores: Scores) -> Figure:
    matrix = np.array(scores["movement"]["variance"])
    return charts.movement(matrix, evaluated.network.code.factors)


def _reconstructions(evaluated: Evaluated, scores: Scores) -> Figure | None:
    images = evaluated.examples
    if not len(images):
        return None
    rows = {"input": images, "reconstruction": evaluated.network.reconstruct(images)}
    title = f"Pictures of the {evaluated.split} split, and what their codes decode to"
    return stacked(rows, title=title)


def _novel_views(evaluated: Evaluated, scores: Scores) -> Figure | None:
    """Of a few sweeps the two images furthest apart, and the one drawn as the other."""
    network, triples, headings = evaluated.network, [], []
    for factor in evaluated.tested:
        codes, quantity = evaluated.test[factor], evaluated.quantities.get(factor)
        name = display_name(factor) + ("" if quantity else " latent")
        text, where = quantity.text if quantity else signed, network.code.slice(factor)
        for index in evenly(evaluated.sweeps[factor], _NOVEL_VIEWS):
            images, z = distinct_images(evaluated.sweeps[factor][index]), codes.z_mean[index]
            if len(images) < 2:
                continue
            value = codes.values[index] if quantity else codes.coordinate(where, index)
            source, target = circle.furthest_apart(value, quantity.period if quantity else None)
            (predicted,) = network.novel_views(z, factor, np.array([[source, target]]))
            triples.append((images[source], images[target], predicted))
            headings.append(f"{name}\n{text(value[source])} → {text(value[target])}")
    if not triples:
        return None
    rows = dict(zip(("given", "asked for", "decoded"), np.stack(triples, axis=1), strict=True))
    title = "Novel views: one factor's latents swapped"
    return stacked(rows, columns=_NOVEL_VIEWS, headings=headings, title=title)


def _rerendering(evaluated: Evaluated, scores: Scores) -> Figure | None:
    errors = scores["rerendering"]
    return rerendering({"network": errors}, evaluated.quantities) if can_be_drawn(errors) else None


def _is_turned(evaluated: Evaluated, factor: str) -> bool:
    """Whether a factor can be shown beside the truth all the way round."""
    is_known = factor in evaluated.tested and evaluated.curve(factor)
    return bool(is_known and evaluated.quantities[factor].period)


def _traversal(evaluated: Evaluated, factor: str) -> Figure | None:
    """Through all calibrated values, or through what the latent takes if there are none."""
    network, curve = evaluated.network, evaluated.curve(factor)
    where, images = network.code.slice(factor), evaluated.examples[:_EXAMPLES]
    paths = (
        codes[factor].path(where, TRAVERSAL_STEPS) for codes in (evaluated.fit, evaluated.test)
    )
    latents = next((path for path in paths if path is not None), None)
    if latents is None or not len(images) or _is_turned(evaluated, factor):
        return None
    labels = [f"input {row}" for row in range(1, len(images) + 1)]
    names, stand, what = "latent", "it stands", "its value"
    if latents.shape[1] > 1:
        names, stand, what = "latents", "they stand", "their values"
    if curve is None:
        digits = 1 if np.ptp(latents) >= 0.1 * (TRAVERSAL_STEPS - 1) else 2
        texts = ["\n".join(signed(z, digits) for z in step) for step in latents]
    else:
        quantity, values = evaluated.quantities[factor], np.linspace(*curve.range, TRAVERSAL_STEPS)
        latents, texts = curve.to_latents(values), [quantity.text(v) for v in values]
        what = f"the {'angle' if quantity.unit else 'value'} that {stand} for"
        read = curve.to_value(network.encode(images)[:, where])
        labels = [
            f"{label}, read\nas {quantity.text(v)}" for label, v in zip(labels, read, strict=True)
        ]
    calibration = evaluated.calibration
    is_known = factor in calibration.leakage
    others = "the others less what it left in them" if is_known else "all others held"
    swept = np.stack([network.swept(image, factor, latents, calibration) for image in images])
    return sheet(
        np.concatenate([images[:, np.newaxis], swept], axis=1),
        headings={0: ["input", *texts]},
        row_labels=labels,
        title=f"{display_name(factor)}: its {names} swept, {others}; on top, {what}",
        lead=1,
    )


def _in_order(values: np.ndarray) -> np.ndarray:
    """The indices of some of the values [n], evenly chosen, in the order of the values."""
    order = np.argsort(values)
    return order[evenly(order, _VIEWS)]


def _ordered(evaluated: Evaluated, factor: str) -> Figure | None:
    """For the eye to judge whether the latent follows a factor whose values are not known."""
    if factor not in evaluated.tested or factor in evaluated.quantities:
        return None
    rows, headings, labels = [], {}, []
    for row, index in enumerate(evenly(evaluated.sweeps[factor], _EXAMPLES)):
        latent = evaluated.test[factor].coordinate(evaluated.network.code.slice(factor), index)
        order = _in_order(latent)
        rows.append(distinct_images(evaluated.sweeps[factor][index])[order])
        headings[row] = [signed(value) for value in latent[order]]
        labels.append(f"sweep {index + 1}")
    title = f"{display_name(factor)}: each row one sweep, in order of the inferred latent (above)"
    return sheet(rows, headings=headings, row_labels=labels, title=title)


def _rotation(evaluated: Evaluated, factor: str) -> Figure | None:
    """Objects turned from one view to the angles at which others were taken, by the calibration.

    Below what they really look like.
    """
    if not _is_turned(evaluated, factor):
        return None
    quantity, curve = evaluated.quantities[factor], evaluated.curve(factor)
    rows, headings = [], {}
    for index in evenly(evaluated.sweeps[factor], _EXAMPLES):
        images = distinct_images(evaluated.sweeps[factor][index])
        angles = evaluated.test[factor].values[index]
        order = _in_order(angles)
        asked = circle.on_turn(angles[order], *curve.range, quantity.period)
        latents = curve.to_latents(asked)
        decoded = evaluated.network.swept(images[0], factor, latents, evaluated.calibration)
        headings[len(rows)] = ["given", *map(quantity.text, angles[order])]
        rows.append(images[[0, *order]])
        rows.append(np.concatenate([np.ones_like(images[:1]), decoded]))
    return sheet(
        rows,
        headings=headings,
        row_labels=["true", "decoded"] * (len(rows) // 2),
        title=f"Turned from a single view: {display_name(factor)} given as an angle",
        block_rows=2,
        lead=1,
    )


_DRAWERS: Mapping[str, Callable[[Evaluated, Scores], Figure | None]] = {
    "equivariance": _equivariance,
    "sweeps": _sweeps,
    "movement": _movement,
    "reconstructions": _reconstructions,
    "novel_views": _novel_views,
    "rerendering": _rerendering,
}
"""The catalogue's names to what draws them; those of people and of comparisons are elsewhere."""

_DRAWERS_OF_A_FACTOR: Mapping[str, Callable[[Evaluated, str], Figure | None]] = {
    "traversal": _traversal,
    "ordered": _ordered,
    "rotation": _rotation,
}
