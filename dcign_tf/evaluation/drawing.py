"""Which figures an evaluation draws, and of which images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dcign_tf.codec import TRAVERSAL_STEPS, Codec
from dcign_tf.datasets.sweeps import Sweeps, distinct_images, evenly, num_distinct
from dcign_tf.evaluation.figures import charts, latent_charts, sheets
from dcign_tf.evaluation.figures.error_curves import can_be_drawn, rerendering
from dcign_tf.evaluation.figures.names import of_factor
from dcign_tf.evaluation.given_values import latents_for
from dcign_tf.evaluation.metrics import circle
from dcign_tf.evaluation.sweep_codes import Codes, latent_ranges
from dcign_tf.factors import GraphicsCode
from dcign_tf.quantities import Quantity, display_name
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibration import Calibration, FactorCalibration

_EXAMPLES = 3  # identities, or sweeps, in a sheet of one factor
_RECONSTRUCTIONS = 16
_NOVEL_VIEWS = 4  # a factor
_VIEWS = 9  # of one sweep in a row


def figures(
    network: Codec,
    test: Mapping[str, Codes],
    fit: Mapping[str, Codes],
    sweeps: Mapping[str, Sweeps],
    quantities: Mapping[str, Quantity],
    calibration: Calibration,
    scores: Mapping[str, Any],
    records: Sequence[Mapping[str, float]],
) -> Iterator[tuple[str, Figure]]:
    """Yields names (`figure_names`) and figures: those that the data have something to show for.

    Args:
        network: the model.
        test: factor to the codes of its test sweeps.
        fit: factor to the codes of its validation sweeps.
        sweeps: factor to its test sweeps.
        quantities: the factors whose true values are known.
        calibration: what the latents mean.
        scores: of `make_scores`, with `rerendering`.
        records: rows of `metrics.jsonl`; without any, there are no training curves.
    """
    code = network.code
    tested = [f for f in code.extrinsic if len(sweeps[f])]
    calibrated = calibration.usable
    turned = [f for f in tested if f in calibrated and quantities[f].period]
    yield from _charts(code, {f: test[f] for f in tested}, quantities, calibration, scores)
    examples = example_images(sweeps, code.factors, _RECONSTRUCTIONS)
    if len(examples):
        title = "Pictures never seen in training, and what their codes decode to"
        decoded = network.reconstruct(examples)
        yield "reconstructions", sheets.reconstructions(examples, decoded, title=title)
        ranges = {**latent_ranges(code, test), **latent_ranges(code, fit)}
        for factor in ranges:
            if factor not in turned:  # which are shown beside the truth instead
                quantity, curve = quantities.get(factor), calibrated.get(factor)
                inputs = examples[:_EXAMPLES]
                figure = _traversal(network, inputs, factor, ranges[factor], quantity, curve)
                yield of_factor("traversal", factor), figure
    for factor in tested:
        if factor not in quantities:
            yield of_factor("ordered", factor), _ordered(network, sweeps[factor], factor)
        elif factor in turned:
            quantity, curve = quantities[factor], calibrated[factor]
            figure = _rotations(network, sweeps[factor], factor, quantity, curve)
            yield of_factor("rotation", factor), figure
    if pairs := [p for f in tested for p in _novel_pairs(network, sweeps[f], f, quantities.get(f))]:
        source, target, predicted, labels = zip(*pairs, strict=True)
        arrays = (np.stack(images) for images in (source, target, predicted))
        yield "novel_views", sheets.novel_views(*arrays, labels=labels, columns=_NOVEL_VIEWS)
    if can_be_drawn(scores["rerendering"]):
        yield "rerendering", rerendering({"network": scores["rerendering"]}, quantities)
    if records:
        yield "training", charts.training_curves(records)


def _charts(
    code: GraphicsCode,
    test: Mapping[str, Codes],
    quantities: Mapping[str, Quantity],
    calibration: Calibration,
    scores: Mapping[str, Any],
) -> Iterator[tuple[str, Figure]]:
    """Those of latents alone, of the extrinsic factors in `test`."""
    latents = {f: codes.latent(code.slice(f)) for f, codes in test.items()}
    own = scores["factors"]
    if valued := {f: codes.values for f, codes in test.items() if f in quantities}:
        chosen = {f: latents[f] for f in valued}
        figure = latent_charts.equivariance(chosen, valued, quantities, own, calibration.factors)
        yield "equivariance", figure
    if latents:
        yield "sweeps", latent_charts.sweep_strips(latents, own)
    matrix = np.array(scores["movement"]["variance"])
    yield "movement", charts.movement(matrix, code.factors, code.factors)


def example_images(sweeps: Mapping[str, Sweeps], factors: Sequence[str], count: int) -> np.ndarray:
    """The first `count` images, or all there are; of intrinsic sweeps first: unlike objects."""
    images: list[np.ndarray] = []
    for factor in reversed(factors):
        for index in range(len(sweeps[factor])):
            if len(images) >= count:
                break
            images += list(distinct_images(sweeps[factor][index]))
    return np.array(images[:count])


def _traversal(
    network: Codec,
    images: np.ndarray,
    factor: str,
    latent_range: tuple[float, float],
    quantity: Quantity | None,
    curve: FactorCalibration | None,
) -> Figure:
    """Through all calibrated values, or through what the latent takes if there are none."""
    labels = [f"input {row}" for row in range(1, len(images) + 1)]
    if curve is None:
        latents = np.linspace(*latent_range, TRAVERSAL_STEPS)[:, np.newaxis]
        digits = 1 if np.ptp(latents) >= 0.1 * (TRAVERSAL_STEPS - 1) else 2
        texts, what = [sheets.signed(z, digits) for z in latents[:, 0]], "its value"
    else:
        values = np.linspace(*curve.range, TRAVERSAL_STEPS)
        latents, texts = scene.latents_for(values, curve), [quantity.text(v) for v in values]
        what = f"the {'angle' if quantity.unit else 'value'} that it stands for"
        read = curve.to_value(network.encode(images)[:, network.code.slice(factor).start])
        labels = [
            f"{label}, read\nas {quantity.text(v)}" for label, v in zip(labels, read, strict=True)
        ]
    swept = np.stack([network.swept(image, factor, latents) for image in images])
    title = f"{display_name(factor)}: its latent swept, all others held; on top, {what}"
    return sheets.traversal(images, swept, labels, texts, title=title)


def _ordered(network: Codec, sweeps: Sweeps, factor: str) -> Figure:
    """For the eye to judge whether the latent follows a factor whose values are not known."""
    shown, values, labels = [], [], []
    for index in evenly(sweeps, _EXAMPLES):
        images = distinct_images(sweeps[index])
        latent = network.encode(images)[:, network.code.slice(factor).start]
        order = np.argsort(latent)
        order = order[list(evenly(order, _VIEWS))]
        shown.append(images[order])
        values.append(latent[order])
        labels.append(f"sweep {index + 1}")
    title = f"{display_name(factor)}: each row one sweep, in order of the inferred latent (above)"
    return sheets.ordered(shown, values, labels=labels, title=title)


def _rotations(
    network: Codec,
    sweeps: Sweeps,
    factor: str,
    quantity: Quantity,
    curve: FactorCalibration,
) -> Figure:
    """Objects turned from one view to the angles at which others were taken, by the calibration."""
    inputs, true, decoded, headings = [], [], [], []
    for index in evenly(sweeps, _EXAMPLES):
        example = sweeps[index]
        images = distinct_images(example)
        angle = np.asarray(example[quantity.key])[: len(images)]
        order = np.argsort(angle)
        order = order[list(evenly(order, _VIEWS))]
        latents = latents_for(angle[order], curve, quantity.period)
        inputs.append(images[0])
        true.append(images[order])
        decoded.append(network.swept(images[0], factor, latents))
        headings.append([quantity.text(angle[i]) for i in order])
    title = f"Turned from a single view: {display_name(factor)} given as an angle"
    return sheets.rotations(np.stack(inputs), true, decoded, headings, title=title)


def _novel_pairs(
    network: Codec, sweeps: Sweeps, factor: str, quantity: Quantity | None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, str]]:
    """Of a few sweeps the two images furthest apart: source, target, prediction and a heading."""
    for index in evenly(sweeps, _NOVEL_VIEWS):
        example = sweeps[index]
        images = distinct_images(example)
        if len(images) < 2:
            continue
        z = network.encode(images)
        if quantity is None:
            value = z[:, network.code.slice(factor).start]
            texts = [sheets.signed(v) for v in value]
        else:
            value = np.asarray(example[quantity.key])[: num_distinct(example)]
            texts = [quantity.text(v) for v in value]
        source, target = circle.furthest_apart(value, quantity.period if quantity else None)
        predicted = network.novel_views(z, factor, np.array([[source, target]]))[0]
        name = display_name(factor) + ("" if quantity else " latent")
        label = f"{name}\n{texts[source]} → {texts[target]}"
        yield images[source], images[target], predicted, label
