"""What a reconstruction error is to be held against: how much there is to draw, and linear codes.

The same error means much in pictures of little contrast, and little where most of a picture is
plain background.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dcign_tf.concurrency import concurrently
from dcign_tf.datasets.sweeps import Sweeps, evenly, some_images
from dcign_tf.evaluation.intervals import Intervals, scored
from dcign_tf.evaluation.metrics.eigenimages import component_errors, fit_components
from dcign_tf.evaluation.picture_errors import SweepErrors, mean_over_pictures
from dcign_tf.pixels import to_levels, to_unit

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

_MOST_IMAGES = 4000
_MOST_VALUES = 60_000_000  # in memory at a time: 240 MB
_LEAST_PER_SWEEP = 5  # those of a sweep are alike, but to read a sweep takes longer than they do

BASELINES = ("principal_components", "mean_image", "contrast", "foreground_share")
"""What `PictureBaselines.measured` gives."""


@dataclasses.dataclass(frozen=True)
class PictureBaselines:
    """Mean and principal components of training images, which know nothing of factors.

    Attributes:
        components: fitted.
        num_images: of how many training images.
    """

    components: PCA
    num_images: int

    def measured(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """What can be said of images without the network that is scored.

        Args:
            images: float32 [n, H, W, C] in [0, 1].

        Returns:
            [n] each: `mean_image` and `principal_components`, squared errors of what these
            make of each image; `contrast`, the variance of its values about their own mean,
            the squared error of a plain grey; `foreground_share`, how many of its values are
            not the commonest level of their channel, which a plain background has.
        """
        of_mean, of_components = component_errors(self.components, images)
        return {
            "principal_components": of_components,
            "mean_image": of_mean,
            "contrast": np.var(images, axis=(1, 2, 3), dtype=np.float64),
            "foreground_share": np.array([_foreground_share(image) for image in images]),
        }


def _foreground_share(image: np.ndarray) -> float:
    """Of an image [H, W, C] in [0, 1]."""
    channels = to_levels(image).reshape(-1, image.shape[-1]).T
    return 1 - float(np.mean([np.bincount(levels).max() / len(levels) for levels in channels]))


def fit_baselines(
    train: Mapping[str, Sweeps], image_shape: tuple[int, int, int], num_components: int
) -> PictureBaselines:
    """Fits them to at most 4,000 training images: of all factors alike, of evenly chosen sweeps.

    Args:
        train: factor to its training sweeps; all together show two images or more.
        image_shape: of the images. Of large ones fewer are taken, so that memory suffices.
        num_components: at most.
    """
    share = min(_MOST_IMAGES, _MOST_VALUES // math.prod(image_shape)) // len(train)

    def read(sweeps: Sweeps) -> Iterator[np.ndarray]:
        each = max(_LEAST_PER_SWEEP, share // len(sweeps))
        chosen = evenly(sweeps, max(share // each, 1))
        return concurrently(lambda index: some_images(sweeps[index], each), chosen)

    images = np.concatenate([some for s in train.values() if len(s) for some in read(s)])
    components = fit_components(to_unit(images), num_components, overwrite=True)
    return PictureBaselines(components, len(images))


def baseline_scores(
    baselines: PictureBaselines, errors: Sequence[Sequence[SweepErrors]]
) -> tuple[dict[str, float], Intervals]:
    """`reconstruction_baselines` of scores.json (docs/scores.md), and the intervals in it.

    Args:
        baselines: what `errors` were measured with.
        errors: of each factor, the `image_errors` of some of its sweeps.
    """
    identities, _ = mean_over_pictures(errors, lambda sweep: sweep.reconstruction)
    statistics = {
        name: mean_over_pictures(errors, lambda sweep, name=name: sweep.baselines[name])[1]
        for name in BASELINES
    }
    scores, intervals = scored("reconstruction_baselines", identities, statistics)
    fitted = {
        "num_components": len(baselines.components.components_),
        "num_images": baselines.num_images,
    }
    return {**scores, **fitted}, intervals
