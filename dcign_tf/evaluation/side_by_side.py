"""The same pictures turned by several networks, side by side (paper Fig. 7)."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from dcign_tf.codec import Codec
from dcign_tf.datasets.sweeps import Sweeps, distinct_images, evenly
from dcign_tf.evaluation.figures.sheets import sheet
from dcign_tf.evaluation.metrics.circle import furthest_apart, on_turn
from dcign_tf.evaluation.metrics.novel_views import squared_errors
from dcign_tf.quantities import Quantity, display_name
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibration import Calibration

_EXAMPLES = 3  # of each factor
_HEADING_WIDTH = 14  # characters


@dataclasses.dataclass(frozen=True, eq=False)
class Example:
    """A picture that is to be turned.

    Attributes:
        factor: which is to change.
        given: the picture, float32 [H, W, C] in [0, 1].
        wanted: the true picture at the other value.
        value: that value.
        quantity: what it is.
        label: what is to be done.
    """

    factor: str
    given: np.ndarray
    wanted: np.ndarray
    value: float
    quantity: Quantity
    label: str


def choose_examples(
    sweeps: Mapping[str, Sweeps], quantities: Mapping[str, Quantity]
) -> list[Example]:
    """Of a few sweeps of each factor the two pictures furthest apart, one way and the other.

    Args:
        sweeps: factor to sweeps of identities never seen in training.
        quantities: the factors whose true values are known; others are left out.
    """
    examples = []
    for factor, quantity in quantities.items():
        for number, index in enumerate(evenly(sweeps[factor], _EXAMPLES)):
            example = sweeps[factor][index]
            images = distinct_images(example)
            values = np.asarray(example[quantity.key], np.float64)[: len(images)]
            given, wanted = furthest_apart(values, quantity.period)
            if values[given] == values[wanted]:
                continue
            if number % 2:
                given, wanted = wanted, given
            change = f"{quantity.text(values[given])} → {quantity.text(values[wanted])}"
            label = f"{display_name(factor)}\n{change}"
            pictures = images[given], images[wanted]
            examples.append(Example(factor, *pictures, float(values[wanted]), quantity, label))
    return examples


class Turned(NamedTuple):
    """What a network made of the examples.

    Attributes:
        images: [N, H, W, C] in [0, 1].
        errors: mean squared error of each against the picture wanted, [N].
        is_swapped: whether it was shown that picture, as `turn` tells, [N].
    """

    images: np.ndarray
    errors: np.ndarray
    is_swapped: np.ndarray


def turn(network: Codec, calibration: Calibration, examples: Sequence[Example]) -> Turned:
    """What a network makes of each picture at the value wanted.

    From that value alone, if the factor is calibrated. Otherwise it has the factor's latents from
    the picture wanted: all that a network can be asked whose latents tell no value.

    Args:
        network: with its codes as they were calibrated, or found.
        calibration: a value beyond its range is taken to be that at its end.
        examples: of `choose_examples`.
    """
    wanted = np.stack([example.wanted for example in examples])
    z = network.encode(np.stack([example.given for example in examples]))
    shown = network.encode(wanted)
    is_swapped = np.array([e.factor not in calibration.usable for e in examples])
    for row, example in enumerate(examples):
        known = None if is_swapped[row] else calibration
        if is_swapped[row]:
            latents = shown[row, network.code.slice(example.factor)]
        else:
            calibrated = calibration.usable[example.factor]
            asked = on_turn(example.value, *calibrated.range, example.quantity.period)
            latents = calibrated.to_latents(asked)
        z[row] = scene.changed(z[row], network.code, {example.factor: latents}, known)
    images = network.decode(z)
    return Turned(images, squared_errors(images, wanted), is_swapped)


def comparison_sheet(examples: Sequence[Example], turned: Mapping[str, Turned]) -> Figure:
    """A row for each example: what was given, what is true, and what each network made of it.

    Args:
        examples: at least one.
        turned: name of a network to what `turn` gives.
    """
    given, wanted = (np.stack([getattr(e, name) for e in examples]) for name in ("given", "wanted"))
    columns = [given, wanted, *(of_network.images for of_network in turned.values())]
    copied = squared_errors(given, wanted)
    headings = {}
    for row, error in enumerate(copied):
        texts = [_error_text(error), ""]
        for of_network in turned.values():
            mark = " *" * bool(of_network.is_swapped[row])
            texts.append(_error_text(of_network.errors[row]) + mark)
        headings[row] = texts
    names = ["given", "true", *(textwrap.fill(name, _HEADING_WIDTH) for name in turned)]
    headings[0] = [f"{name}\n{text}" for name, text in zip(names, headings[0], strict=True)]
    notes = ["One factor of a picture, set to a value; above, the squared error in thousandths"]
    if any(of_network.is_swapped.any() for of_network in turned.values()):
        notes.append("* its latent tells no value, and is taken from the true picture")
    return sheet(
        np.stack(columns, axis=1),
        headings=headings,
        row_labels=[example.label for example in examples],
        title="\n".join(notes),
        lead=2,
    )


def _error_text(error: float) -> str:
    return f"{1000 * error:.1f}"
