"""Draws the figures of an evaluation that `figures.catalogue` has: of which images, and how."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dcign_tf.codec import TRAVERSAL_STEPS, Codec
from dcign_tf.datasets.sweeps import Sweeps, distinct_images, evenly, num_distinct
from dcign_tf.evaluation.figures import charts, latent_charts, sheets
from dcign_tf.evaluation.figures.catalogue import FIGURES, of_factor
from dcign_tf.evaluation.figures.error_curves import can_be_drawn, rerendering
from dcign_tf.evaluation.given_values import latents_for
from dcign_tf.evaluation.metrics import circle
from dcign_tf.evaluation.sweep_codes import Codes, latent_ranges
from dcign_tf.quantities import Quantity, display_name
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibration import Calibration, FactorCalibration

_EXAMPLES = 3  # identities, or sweeps, in a sheet of one factor
_RECONSTRUCTIONS = 16
_NOVEL_VIEWS = 4  # a factor
_VIEWS = 9  # of one sweep in a row


@dataclasses.dataclass(frozen=True)
class Material:
    """What an evaluation has to draw from.

    Attributes:
        network: the model.
        test: factor to the codes of its test sweeps.
        fit: factor to the codes of its validation sweeps.
        sweeps: factor to its test sweeps.
        quantities: the factors whose true values are known.
        calibration: what the latents mean.
        scores: of `make_scores`, with `rerendering`.
        records: rows of `metrics.jsonl`; without any, there are no training curves.
    """

    network: Codec
    test: Mapping[str, Codes]
    fit: Mapping[str, Codes]
    sweeps: Mapping[str, Sweeps]
    quantities: Mapping[str, Quantity]
    calibration: Calibration
    scores: Mapping[str, Any]
    records: Sequence[Mapping[str, float]]

    @property
    def tested(self) -> list[str]:
        """The extrinsic factors that test sweeps vary."""
        return [factor for factor in self.network.code.extrinsic if len(self.sweeps[factor])]

    @functools.cached_property
    def examples(self) -> np.ndarray:
        """Some test images."""
        return example_images(self.sweeps, self.network.code.factors, _RECONSTRUCTIONS)

    def curve(self, factor: str) -> FactorCalibration | None:
        """The calibration of a factor, None if it is not calibrated."""
        return self.calibration.usable.get(factor)

    def is_turned(self, factor: str) -> bool:
        """Whether a factor can be shown beside the truth all the way round."""
        return bool(factor in self.tested and self.curve(factor) and self.quantities[factor].period)

    def latent(self, factor: str, images: np.ndarray) -> np.ndarray:
        """The factor's latent of images [n, H, W, C]: [n]."""
        return self.network.encode(images)[:, self.network.code.slice(factor).start]


def figures(material: Material) -> Iterator[tuple[str, Figure]]:
    """Yields names of figures and the figures that the data have something to show for."""
    for kind, draw in _DRAWERS.items():
        if not FIGURES[kind].of_factors:
            drawn = {kind: draw(material)}
        else:
            factors = material.network.code.extrinsic
            drawn = {of_factor(kind, factor): draw(material, factor) for factor in factors}
        yield from ((name, figure) for name, figure in drawn.items() if figure)


def example_images(sweeps: Mapping[str, Sweeps], factors: Sequence[str], count: int) -> np.ndarray:
    """The first `count` images, or all there are; of intrinsic sweeps first: unlike objects."""
    images: list[np.ndarray] = []
    for factor in reversed(factors):
        for index in range(len(sweeps[factor])):
            if len(images) >= count:
                break
            images += list(distinct_images(sweeps[factor][index]))
    return np.array(images[:count])


def _latents(material: Material) -> dict[str, list[np.ndarray]]:
    code = material.network.code
    return {f: material.test[f].latent(code.slice(f)) for f in material.tested}


def _equivariance(material: Material) -> Figure | None:
    values = {f: material.test[f].values for f in material.tested if f in material.quantities}
    if not values:
        return None
    latents = {factor: z for factor, z in _latents(material).items() if factor in values}
    return latent_charts.equivariance(
        latents,
        values,
        material.quantities,
        material.scores["factors"],
        material.calibration.factors,
    )


def _sweeps(material: Material) -> Figure | None:
    latents = _latents(material)
    return latent_charts.sweep_strips(latents, material.scores["factors"]) if latents else None


def _movement(material: Material) -> Figure:
    factors = material.network.code.factors
    return charts.movement(np.array(material.scores["movement"]["variance"]), factors, factors)


def _reconstructions(material: Material) -> Figure | None:
    if not len(material.examples):
        return None
    decoded = material.network.reconstruct(material.examples)
    title = "Pictures never seen in training, and what their codes decode to"
    return sheets.reconstructions(material.examples, decoded, title=title)


def _traversal(material: Material, factor: str) -> Figure | None:
    """Through all calibrated values, or through what the latent takes if there are none."""
    code = material.network.code
    ranges = {**latent_ranges(code, material.test), **latent_ranges(code, material.fit)}
    images = material.examples[:_EXAMPLES]
    if factor not in ranges or not len(images) or material.is_turned(factor):
        return None
    curve, quantity = material.curve(factor), material.quantities.get(factor)
    labels = [f"input {row}" for row in range(1, len(images) + 1)]
    if curve is None:
        latents = np.linspace(*ranges[factor], TRAVERSAL_STEPS)[:, np.newaxis]
        digits = 1 if np.ptp(latents) >= 0.1 * (TRAVERSAL_STEPS - 1) else 2
        texts, what = [sheets.signed(z, digits) for z in latents[:, 0]], "its value"
    else:
        values = np.linspace(*curve.range, TRAVERSAL_STEPS)
        latents, texts = scene.latents_for(values, curve), [quantity.text(v) for v in values]
        what = f"the {'angle' if quantity.unit else 'value'} that it stands for"
        read = curve.to_value(material.latent(factor, images))
        labels = [
            f"{label}, read\nas {quantity.text(v)}" for label, v in zip(labels, read, strict=True)
        ]
    swept = np.stack([material.network.swept(image, factor, latents) for image in images])
    title = f"{display_name(factor)}: its latent swept, all others held; on top, {what}"
    return sheets.traversal(images, swept, labels, texts, title=title)


def _ordered(material: Material, factor: str) -> Figure | None:
    """For the eye to judge whether the latent follows a factor whose values are not known."""
    if factor not in material.tested or factor in material.quantities:
        return None
    shown, values, labels = [], [], []
    for index in evenly(material.sweeps[factor], _EXAMPLES):
        images = distinct_images(material.sweeps[factor][index])
        latent = material.latent(factor, images)
        order = np.argsort(latent)
        order = order[list(evenly(order, _VIEWS))]
        shown.append(images[order])
        values.append(latent[order])
        labels.append(f"sweep {index + 1}")
    title = f"{display_name(factor)}: each row one sweep, in order of the inferred latent (above)"
    return sheets.ordered(shown, values, labels=labels, title=title)


def _rotation(material: Material, factor: str) -> Figure | None:
    """Objects turned from one view to the angles at which others were taken, by the calibration."""
    if not material.is_turned(factor):
        return None
    quantity, curve = material.quantities[factor], material.curve(factor)
    inputs, true, decoded, headings = [], [], [], []
    for index in evenly(material.sweeps[factor], _EXAMPLES):
        example = material.sweeps[factor][index]
        images = distinct_images(example)
        angle = np.asarray(example[quantity.key])[: len(images)]
        order = np.argsort(angle)
        order = order[list(evenly(order, _VIEWS))]
        latents = latents_for(angle[order], curve, quantity.period)
        inputs.append(images[0])
        true.append(images[order])
        decoded.append(material.network.swept(images[0], factor, latents))
        headings.append([quantity.text(angle[i]) for i in order])
    title = f"Turned from a single view: {display_name(factor)} given as an angle"
    return sheets.rotations(np.stack(inputs), true, decoded, headings, title=title)


def _novel_views(material: Material) -> Figure | None:
    pairs = [pair for factor in material.tested for pair in _novel_pairs(material, factor)]
    if not pairs:
        return None
    *images, labels = zip(*pairs, strict=True)
    return sheets.novel_views(*map(np.stack, images), labels=labels, columns=_NOVEL_VIEWS)


def _novel_pairs(
    material: Material, factor: str
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, str]]:
    """Of a few sweeps the two images furthest apart: source, target, prediction and a heading."""
    network, quantity = material.network, material.quantities.get(factor)
    for index in evenly(material.sweeps[factor], _NOVEL_VIEWS):
        example = material.sweeps[factor][index]
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


def _rerendering(material: Material) -> Figure | None:
    errors = material.scores["rerendering"]
    if not can_be_drawn(errors):
        return None
    return rerendering({"network": errors}, material.quantities)


def _training(material: Material) -> Figure | None:
    return charts.training_curves(material.records) if material.records else None


_DRAWERS: Mapping[str, Callable[..., Figure | None]] = {
    "equivariance": _equivariance,
    "sweeps": _sweeps,
    "movement": _movement,
    "reconstructions": _reconstructions,
    "traversal": _traversal,
    "ordered": _ordered,
    "rotation": _rotation,
    "novel_views": _novel_views,
    "rerendering": _rerendering,
    "training": _training,
}
"""The catalogue's names to what draws them; those of people and of comparisons are elsewhere."""
