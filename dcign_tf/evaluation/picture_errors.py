"""How far what a network draws of test sweeps is from their true pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dcign_tf.concurrency import concurrently
from dcign_tf.datasets.sweeps import distinct_images, evenly
from dcign_tf.evaluation.metrics.arrays import mean
from dcign_tf.evaluation.metrics.bootstrap import Statistic
from dcign_tf.evaluation.metrics.novel_views import (
    novel_view_pairs,
    novel_view_ratio,
    psnr,
    squared_errors,
)
from dcign_tf.evaluation.similarity import ssim
from dcign_tf.evaluation.sweep_codes import Evaluated
from dcign_tf.readouts.fitting import pooled

if TYPE_CHECKING:
    from dcign_tf.evaluation.picture_baselines import PictureBaselines

_PAIRS_PER_SWEEP = 20  # or all there are, in a short sweep
_NO_PAIRS = np.empty((0, 2), np.int64)


@dataclasses.dataclass(frozen=True, eq=False)
class SweepErrors:
    """Mean squared errors of n pictures of one sweep, and of P pairs of one given, one wanted.

    Attributes:
        index: of the sweep.
        pairs: indices of the pictures given and wanted, [P, 2]. They depend on the data alone.
        reconstruction: of each picture, decoded from its own code, [n].
        ssim: of the same pictures, no error but their structural similarity, [n].
        swapped: of the code of the picture given, decoded with the latents that the factor has
            in that of the picture wanted, [P]; against the latter, as are the others.
        unchanged: of the code of the picture given, decoded as it is, [P].
        copy: of the picture given itself, [P].
        identities: who is in each picture, integers [n].
        baselines: name to a number for each picture, [n] (`PictureBaselines.measured`).
    """

    index: int
    pairs: np.ndarray
    reconstruction: np.ndarray
    ssim: np.ndarray
    swapped: np.ndarray
    unchanged: np.ndarray
    copy: np.ndarray
    identities: np.ndarray
    baselines: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def given_identities(self) -> np.ndarray:
        """Who is in the picture given of each pair, [P]."""
        return self.identities[self.pairs[:, 0]]


def image_errors(
    evaluated: Evaluated, factor: str, count: int, baselines: PictureBaselines | None = None
) -> list[SweepErrors]:
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
            ssim=ssim(decoded, images),
            swapped=squared_errors(drawn, images[wanted]),
            unchanged=squared_errors(decoded[given], images[wanted]),
            copy=squared_errors(images[given], images[wanted]),
            identities=evaluated.test[factor].identities[index],
            baselines=baselines.measured(images) if baselines else {},
        )

    return list(concurrently(measured, evenly(sweeps, count)))


def reconstruction_scores(
    errors: Sequence[Sequence[SweepErrors]],
) -> tuple[np.ndarray, dict[str, Statistic]]:
    """How well pictures are drawn from their own codes, by three measures.

    Args:
        errors: of each factor, those of some of its sweeps.

    Returns:
        Who is in each picture, [N], and each measure's mean over any of them.
    """
    of_picture: dict[str, Callable[[SweepErrors], np.ndarray]] = {
        "reconstruction_mse": lambda sweep: sweep.reconstruction,
        "reconstruction_psnr": lambda sweep: psnr(sweep.reconstruction),
        "reconstruction_ssim": lambda sweep: sweep.ssim,
    }
    identities, _ = mean_over_pictures(errors, of_picture["reconstruction_mse"])
    return identities, {n: mean_over_pictures(errors, read)[1] for n, read in of_picture.items()}


def mean_over_pictures(
    errors: Sequence[Sequence[SweepErrors]], read: Callable[[SweepErrors], np.ndarray]
) -> tuple[np.ndarray, Statistic]:
    """Mean over the pictures of a sweep, then over the sweeps of a factor, then over factors.

    Args:
        errors: of each factor, those of some of its sweeps.
        read: a number for each picture of a sweep, [n].

    Returns:
        Who is in each picture, [N], and that mean of any of them.
    """
    sweeps = [(number, sweep) for number, of_factor in enumerate(errors) for sweep in of_factor]
    factor = pooled([np.full(len(sweep.identities), number) for number, sweep in sweeps])
    share = pooled([_shares(sweep.identities) for _, sweep in sweeps])
    shared = share * pooled([read(sweep) for _, sweep in sweeps])

    def mean_of(pictures: np.ndarray) -> float:
        of = factor[pictures].astype(int)
        shares, sums = np.bincount(of, share[pictures]), np.bincount(of, shared[pictures])
        return mean(sums[shares > 0] / shares[shares > 0])

    return pooled([sweep.identities for _, sweep in sweeps]), mean_of


def swapped_ratio(errors: Sequence[SweepErrors]) -> tuple[np.ndarray, Statistic]:
    """`novel_view_ratio` of swapped latents; sweeps count alike.

    Returns:
        Who is in the picture given of each pair, [P], and that ratio of any of them.
    """
    swapped = pooled([_shares(sweep.swapped) * sweep.swapped for sweep in errors])
    copy = pooled([_shares(sweep.copy) * sweep.copy for sweep in errors])
    identities = pooled([sweep.given_identities for sweep in errors])
    return identities, lambda pairs: novel_view_ratio(swapped[pairs], copy[pairs])


def _shares(items: np.ndarray) -> np.ndarray:
    """What each is of its sweep, [n]: so that sweeps count alike, however long they are."""
    return np.full(len(items), 1 / max(len(items), 1))
