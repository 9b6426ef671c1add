"""Where a network does worst: the pictures that it draws worst, and those that it reads worst.

A mean says how it does as a rule; these show what it is that it cannot do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from dcign_tf.datasets.sweeps import distinct_images
from dcign_tf.evaluation.figures.sheets import sheet, stacked
from dcign_tf.evaluation.metrics import circle
from dcign_tf.evaluation.picture_errors import SweepErrors
from dcign_tf.evaluation.sweep_codes import Evaluated
from dcign_tf.quantities import display_name

_SHOWN = 8  # of each kind


class Picture(NamedTuple):
    """Where it is: of which factor's sweeps the how manieth, and which of its images."""

    factor: str
    sweep: int
    image: int


def worst_figures(
    evaluated: Evaluated, errors: Mapping[str, Sequence[SweepErrors]]
) -> Iterator[tuple[str, Figure]]:
    """Yields names of figures, as in the catalogue, and those that there is something to show in.

    Args:
        evaluated: what there is to draw from.
        errors: factor to the `image_errors` of some of its sweeps.
    """
    if figure := _reconstructions(evaluated, errors):
        yield "worst_reconstructions", figure
    if figure := _readings(evaluated):
        yield "worst_readings", figure


def worst(errors: np.ndarray, identities: np.ndarray, count: int) -> np.ndarray:
    """Which errors are the largest, one of each identity: indices, the largest first.

    Args:
        errors: [N]; what is not finite is left out.
        identities: whose each is, integers [N].
        count: at most so many.
    """
    order = np.argsort(-errors, kind="stable")
    order = order[np.isfinite(errors[order])]
    _, first = np.unique(identities[order], return_index=True)
    return order[np.sort(first)[:count]]


def _reconstructions(
    evaluated: Evaluated, errors: Mapping[str, Sequence[SweepErrors]]
) -> Figure | None:
    of_sweeps = [(factor, sweep) for factor, of_factor in errors.items() for sweep in of_factor]
    pictures = [
        Picture(factor, sweep.index, image)
        for factor, sweep in of_sweeps
        for image in range(len(sweep.reconstruction))
    ]
    if not pictures:
        return None
    mse = np.concatenate([sweep.reconstruction for _, sweep in of_sweeps])
    chosen = worst(mse, np.concatenate([sweep.identities for _, sweep in of_sweeps]), _SHOWN)
    images = _images(evaluated, [pictures[index] for index in chosen])
    return stacked(
        {"input": images, "reconstruction": evaluated.network.reconstruct(images)},
        headings=[f"{mse[index]:.1e}" for index in chosen],
        title=f"The worst of {len(mse):,} reconstructions, one of each identity; on top, the mean"
        " squared error",
    )


def _readings(evaluated: Evaluated) -> Figure | None:
    rows, headings, labels = [], {}, []
    for factor in evaluated.tested:
        curve, quantity = evaluated.curve(factor), evaluated.quantities.get(factor)
        if curve is None or quantity is None:
            continue
        codes = evaluated.test[factor]
        pictures = [
            Picture(factor, sweep, image)
            for sweep, z in enumerate(codes.z_mean)
            for image in range(len(z))
        ]
        values = np.concatenate(codes.values)
        read = curve.to_value(codes.pooled(evaluated.network.code.slice(factor)))
        error = circle.distance(read, values, quantity.period)
        chosen = worst(error, np.concatenate(codes.identities), _SHOWN)
        headings[len(rows)] = [
            f"is {quantity.text(values[index])}\nread {quantity.text(read[index])}"
            for index in chosen
        ]
        rows.append(_images(evaluated, [pictures[index] for index in chosen]))
        labels.append(display_name(factor))
    if not rows:
        return None
    title = "What is read worst, one picture of each identity"
    return sheet(rows, headings=headings, row_labels=labels, title=title)


def _images(evaluated: Evaluated, pictures: Sequence[Picture]) -> np.ndarray:
    """float32 [N, H, W, C] in [0, 1]."""
    return np.stack(
        [distinct_images(evaluated.sweeps[p.factor][p.sweep])[p.image] for p in pictures]
    )
