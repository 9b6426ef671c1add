"""The same pictures turned by several networks, side by side (paper Fig. 7)."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from dcign_tf.codec import Codec
from dcign_tf.datasets.sweeps import Sweeps, distinct_images, evenly
from dcign_tf.evaluation.figures.sheets import sheet
from dcign_tf.evaluation.metrics.circle import furthest_apart, on_turn
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


def turn(network: Codec, calibration: Calibration, examples: Sequence[Example]) -> np.ndarray:
    """What a network makes of each picture at the value wanted, from that value alone.

    Args:
        network: with its codes as they were calibrated.
        calibration: a value beyond its range is taken to be that at its end.
        examples: of `choose_examples`.

    Returns:
        [N, H, W, C] in [0, 1]; white where the factor is not calibrated.
    """
    z = network.encode(np.stack([example.given for example in examples]))
    blank = []
    for row, example in enumerate(examples):
        calibrated = calibration.usable.get(example.factor)
        if calibrated is None:
            blank.append(row)
        else:
            asked = on_turn(example.value, *calibrated.range, example.quantity.period)
            latents = {example.factor: calibrated.to_latents(asked)}
            z[row] = scene.replaced(z[row], network.code, latents)
    images = network.decode(z)
    images[blank] = 1
    return images


def comparison_sheet(examples: Sequence[Example], turned: Mapping[str, np.ndarray]) -> Figure:
    """A row for each example: what was given, what is true, and what each network made of it.

    Args:
        examples: at least one.
        turned: name of a network to its images, of `turn`.
    """
    given, wanted = ([getattr(e, name) for e in examples] for name in ("given", "wanted"))
    columns = [given, wanted, *turned.values()]
    headings = [textwrap.fill(name, _HEADING_WIDTH) for name in turned]
    is_blank = any((image == 1).all() for images in turned.values() for image in images)
    return sheet(
        np.stack([np.stack(column) for column in columns], axis=1),
        headings={0: ["given", "true", *headings]},
        row_labels=[example.label for example in examples],
        title="One factor of a picture, set to a value" + (" (white: not calibrated)" * is_blank),
        lead=2,
    )
