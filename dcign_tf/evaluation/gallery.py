"""Which figures an evaluation draws, and of which images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dcign_tf.calibration import Calibration, FactorCalibration
from dcign_tf.datasets.reading import Sweeps
from dcign_tf.evaluation import circle, latent_plots, plots, sheets
from dcign_tf.evaluation.figure_names import of_factor
from dcign_tf.evaluation.network import (
    TRAVERSAL_STEPS,
    Network,
    distinct_images,
    evenly,
    num_distinct,
)
from dcign_tf.evaluation.quantities import Quantity, display_name
from dcign_tf.evaluation.rerendering_plots import can_be_drawn, rerendering
from dcign_tf.evaluation.scores import Codes

_EXAMPLES = 3  # identities, or sweeps, in a sheet of one factor
_RECONSTRUCTIONS = 16
_NOVEL_VIEWS = 4  # a factor
_VIEWS = 9  # of one sweep in a row


def figures(
    network: Network,
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
    known = [f for f in tested if f in quantities]
    latents = {f: test[f].latent(code.slice(f)) for f in tested}
    calibrated = {f: own for f, own in calibration.factors.items() if not own.reason}
    turned = [f for f in tested if f in calibrated and quantities[f].period]
    if known:
        yield (
            "equivariance",
            latent_plots.equivariance(
                {f: latents[f] for f in known},
                {f: test[f].values for f in known},
                quantities,
                scores["factors"],
                calibration.factors,
            ),
        )
    if tested:
        yield "sweeps", latent_plots.sweep_strips(latents, scores["factors"])
    matrix = np.array(scores["movement"]["variance"])
    yield "movement", plots.movement(matrix, code.factors, code.factors)
    examples = example_images(sweeps, code.factors, _RECONSTRUCTIONS)
    if len(examples):
        reconstructed = network.reconstruct(examples)
        yield "reconstructions", sheets.reconstructions(examples, reconstructed)
        ranges = {**network.latent_ranges(test), **network.latent_ranges(fit)}
        for factor, (low, high) in ranges.items():
            if factor in turned:
                continue  # is shown beside the truth instead
            inputs = examples[:_EXAMPLES]
            if factor in calibrated:
                known = calibrated[factor]
                figure = _calibrated_traversal(network, inputs, factor, quantities[factor], known)
            else:
                latents = np.linspace(low, high, TRAVERSAL_STEPS)
                figure = _traversal(network, inputs, factor, latents)
            yield of_factor("traversal", factor), figure
    for factor in tested:
        if factor not in quantities:
            yield of_factor("ordered", factor), _ordered(network, sweeps[factor], factor)
        elif factor in turned:
            quantity, known = quantities[factor], calibrated[factor]
            figure = _rotations(network, sweeps[factor], factor, quantity, known)
            yield of_factor("rotation", factor), figure
    if pairs := [p for f in tested for p in _novel_pairs(network, sweeps[f], f, quantities.get(f))]:
        source, target, predicted, labels = zip(*pairs, strict=True)
        arrays = (np.stack(images) for images in (source, target, predicted))
        yield "novel_views", sheets.novel_views(*arrays, labels=labels, columns=_NOVEL_VIEWS)
    if can_be_drawn(scores["rerendering"]):
        yield "rerendering", rerendering({"network": scores["rerendering"]}, quantities)
    if records:
        yield "training", plots.training_curves(records)


def example_images(sweeps: Mapping[str, Sweeps], factors: Sequence[str], count: int) -> np.ndarray:
    """The first `count` images, or all there are; of intrinsic sweeps first: unlike objects."""
    images: list[np.ndarray] = []
    for factor in reversed(factors):
        for index in range(len(sweeps[factor])):
            if len(images) >= count:
                break
            images += list(distinct_images(sweeps[factor][index]))
    return np.array(images[:count])


def _traversal(network: Network, images: np.ndarray, factor: str, latents: np.ndarray) -> Figure:
    swept = np.stack([_with_latents(network, image, factor, latents) for image in images])
    labels = [f"input {row}" for row in range(1, len(images) + 1)]
    title = f"{display_name(factor)}: its latent swept, all others held; on top, its value"
    return sheets.traversal(images, swept, labels, [sheets.signed(z) for z in latents], title=title)


def _calibrated_traversal(
    network: Network,
    images: np.ndarray,
    factor: str,
    quantity: Quantity,
    known: FactorCalibration,
) -> Figure:
    values = np.linspace(*known.range, TRAVERSAL_STEPS)
    latents = known.to_latent(values)
    swept = np.stack([_with_latents(network, image, factor, latents) for image in images])
    own = known.to_value(network.encode(images)[:, network.code.slice(factor).start])
    labels = [f"input {i}, read\nas {quantity.text(v)}" for i, v in enumerate(own, 1)]
    what = "angle" if quantity.unit else "value"
    title = (
        f"{display_name(factor)}: its latent swept, all others held;"
        f" on top, the {what} that it stands for"
    )
    return sheets.traversal(images, swept, labels, [quantity.text(v) for v in values], title=title)


def _with_latents(
    network: Network, image: np.ndarray, factor: str, latents: np.ndarray
) -> np.ndarray:
    """One image [H, W, C] decoded with each of `latents` [n] as its factor's: [n, H, W, C]."""
    z = np.repeat(network.encode(image[np.newaxis]), len(latents), axis=0)
    z[:, network.code.slice(factor)] = latents[:, np.newaxis]
    return network.decode(z)


def _ordered(network: Network, sweeps: Sweeps, factor: str) -> Figure:
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
    network: Network,
    sweeps: Sweeps,
    factor: str,
    quantity: Quantity,
    known: FactorCalibration,
) -> Figure:
    """Objects turned from one view to the angles at which others were taken, by the calibration."""
    low, high = known.range
    start = (low + high - quantity.period) / 2  # in the middle of what is not calibrated
    inputs, true, decoded, headings = [], [], [], []
    for index in evenly(sweeps, _EXAMPLES):
        example = sweeps[index]
        images = distinct_images(example)
        angle = np.asarray(example[quantity.key])[: len(images)]
        order = np.argsort(angle)
        order = order[list(evenly(order, _VIEWS))]
        wanted = start + circle.unroll(angle[order], start, quantity.period)
        inputs.append(images[0])
        true.append(images[order])
        decoded.append(_with_latents(network, images[0], factor, known.to_latent(wanted)))
        headings.append([quantity.text(angle[i]) for i in order])
    title = f"Turned from a single view: {display_name(factor)} given as an angle"
    return sheets.rotations(np.stack(inputs), true, decoded, headings, title=title)


def _novel_pairs(
    network: Network, sweeps: Sweeps, factor: str, quantity: Quantity | None
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
