"""Which figures an evaluation draws, and of which images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dcign_tf.datasets.reading import Sweeps
from dcign_tf.evaluation import circle, latent_plots, metrics, plots, sheets
from dcign_tf.evaluation.network import Network, distinct_images, evenly, num_distinct
from dcign_tf.evaluation.quantities import Quantity, display_name
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
    scores: Mapping[str, Any],
    records: Sequence[Mapping[str, float]],
) -> Iterator[tuple[str, Figure]]:
    """Yields file names and figures: those that the data have something to show for.

    Args:
        network: the model.
        test: factor to the codes of its test sweeps.
        fit: factor to the codes of its validation sweeps.
        sweeps: factor to its test sweeps.
        quantities: the factors whose true values are known.
        scores: of `make_scores`.
        records: rows of `metrics.jsonl`; without any, there are no training curves.
    """
    code = network.code
    tested = [f for f in code.extrinsic if len(sweeps[f])]
    known = [f for f in tested if f in quantities]
    latents = {f: test[f].latent(code.slice(f)) for f in tested}
    if known:
        yield (
            "equivariance",
            latent_plots.equivariance(
                {f: latents[f] for f in known},
                {f: test[f].values for f in known},
                quantities,
                scores["factors"],
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
        for factor in ranges:
            name = f"traversal_{_file_name(factor)}"
            yield name, _traversal(network, examples[:_EXAMPLES], factor, ranges)
    for factor in tested:
        if factor not in quantities:
            yield f"ordered_{_file_name(factor)}", _ordered(network, sweeps[factor], factor)
        elif quantities[factor].period and np.isfinite(scores["factors"][factor]["cut"]):
            figure = _rotations(
                network,
                sweeps[factor],
                factor,
                quantities[factor],
                fit[factor],
                scores["factors"][factor]["cut"],
            )
            yield f"rotation_{_file_name(factor)}", figure
    if pairs := [p for f in tested for p in _novel_pairs(network, sweeps[f], f, quantities.get(f))]:
        source, target, predicted, labels = zip(*pairs, strict=True)
        arrays = (np.stack(images) for images in (source, target, predicted))
        yield "novel_views", sheets.novel_views(*arrays, labels=labels, columns=_NOVEL_VIEWS)
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


def _traversal(network: Network, images: np.ndarray, factor: str, ranges: Mapping) -> Figure:
    swept, values = network.traversals(images, {factor: ranges[factor]})
    labels = [f"input {row}" for row in range(1, len(images) + 1)]
    title = f"{display_name(factor)}: its latent swept, all others held; on top, its value"
    return sheets.traversal(images, swept[factor], labels, values[factor], title=title)


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
    fit: Codes,
    cut: float,
) -> Figure:
    """Objects turned to given angles, the latent for an angle read off the validation sweeps."""
    where, period = network.code.slice(factor), quantity.period
    angle_fit = circle.unroll(np.concatenate(fit.values), cut, period)
    latent_fit = np.concatenate(fit.latent(where))
    inputs, true, decoded, headings = [], [], [], []
    for index in evenly(sweeps, _EXAMPLES):
        example = sweeps[index]
        images = distinct_images(example)
        angle = np.asarray(example[quantity.key])[: len(images)]
        order = np.argsort(angle)
        order = order[list(evenly(order, _VIEWS))]
        wanted = circle.unroll(angle[order], cut, period)
        z = np.repeat(network.encode(images[:1]), len(order), axis=0)
        z[:, where] = metrics.read_off(latent_fit=angle_fit, value_fit=latent_fit, latent=wanted)[
            :, np.newaxis
        ]
        inputs.append(images[0])
        true.append(images[order])
        decoded.append(network.decode(z))
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
            texts = [f"{v:+.1f}".replace("-", "−") for v in value]
        else:
            value = np.asarray(example[quantity.key])[: num_distinct(example)]
            texts = [quantity.text(v) for v in value]
        source, target = _furthest(value, quantity.period if quantity else None)
        predicted = network.novel_views(z, factor, np.array([[source, target]]))[0]
        name = display_name(factor) + ("" if quantity else " latent")
        label = f"{name}\n{texts[source]} → {texts[target]}"
        yield images[source], images[target], predicted, label


def _furthest(value: np.ndarray, period: float | None) -> tuple[int, int]:
    """The indices of two values with the largest distance, on a circle the shorter way round."""
    if period is None:
        return int(np.argmin(value)), int(np.argmax(value))
    apart = circle.circular_distance(value[:, np.newaxis], value, period)
    return tuple(map(int, np.unravel_index(np.argmax(apart), apart.shape)))


def _file_name(factor: str) -> str:
    """A factor may be called as the user likes, a file may not."""
    return re.sub(r"[^\w.-]+", "_", factor)
