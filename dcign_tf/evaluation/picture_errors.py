"""How far what a network draws of test sweeps is from their true pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from dcign_tf.concurrency import concurrently
from dcign_tf.datasets.sweeps import distinct_images, evenly
from dcign_tf.evaluation.metrics.novel_views import (
    novel_view_pairs,
    novel_view_ratio,
    squared_errors,
)
from dcign_tf.evaluation.sweep_codes import Evaluated

_PAIRS_PER_SWEEP = 20  # or all there are, in a short sweep
_NO_PAIRS = np.empty((0, 2), np.int64)


@dataclasses.dataclass(frozen=True, eq=False)
class SweepErrors:
    """Mean squared errors of n pictures of one sweep, and of P pairs of one given, one wanted.

    Attributes:
        index: of the sweep.
        pairs: indices of the pictures given and wanted, [P, 2]. They depend on the data alone.
        reconstruction: of each picture, decoded from its own code, [n].
        swapped: of the code of the picture given, decoded with the latents that the factor has
            in that of the picture wanted, [P]; against the latter, as are the others.
        unchanged: of the code of the picture given, decoded as it is, [P].
        copy: of the picture given itself, [P].
    """

    index: int
    pairs: np.ndarray
    reconstruction: np.ndarray
    swapped: np.ndarray
    unchanged: np.ndarray
    copy: np.ndarray


def image_errors(evaluated: Evaluated, factor: str, count: int) -> list[SweepErrors]:
    """Decodes at most `count` test sweeps of one factor, evenly chosen, and compares."""
    network, sweeps = evaluated.network, evaluated.sweeps[factor]

    def measured(index: int) -> SweepErrors:
        images, z = distinct_images(sweeps[index]), evaluated.test[factor].z_mean[index]
        decoded = network.decode(z)
        num_pairs = min(_PAIRS_PER_SWEEP, len(images) * (len(images) - 1))
        pairs = novel_view_pairs(len(images), num_pairs, index) if num_pairs else _NO_PAIRS
        given, wanted = pairs.T
        drawn = network.novel_views(z, factor, pairs) if len(pairs) else images[:0]
        return SweepErrors(
            index=index,
            pairs=pairs,
            reconstruction=squared_errors(decoded, images),
            swapped=squared_errors(drawn, images[wanted]),
            unchanged=squared_errors(decoded[given], images[wanted]),
            copy=squared_errors(images[given], images[wanted]),
        )

    return list(concurrently(measured, evenly(sweeps, count)))


def reconstruction_mse(errors: Sequence[Sequence[SweepErrors]]) -> float:
    """Mean over the pictures of a sweep, then over the sweeps of a factor, then over factors."""
    means = [
        np.mean([sweep.reconstruction.mean() for sweep in of_factor])
        for of_factor in errors
        if of_factor
    ]
    return float(np.mean(means)) if means else np.nan


def swapped_ratio(errors: Sequence[SweepErrors]) -> float:
    """`novel_view_ratio` of swapped latents; sweeps count alike."""
    paired = [sweep for sweep in errors if len(sweep.pairs)]
    swapped = np.array([sweep.swapped.mean() for sweep in paired])
    return novel_view_ratio(swapped, np.array([sweep.copy.mean() for sweep in paired]))
