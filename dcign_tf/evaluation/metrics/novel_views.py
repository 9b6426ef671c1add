"""Errors of pictures drawn anew: of which pairs, over which error."""

from __future__ import annotations

import numpy as np

from dcign_tf.evaluation.metrics.arrays import check_same_shape, ratio


def novel_view_pairs(num_images: int, num_pairs: int, seed: int) -> np.ndarray:
    """Different ordered pairs of different images of one sweep.

    Args:
        num_images: images in the sweep, n.
        num_pairs: how many pairs, at most n·(n − 1).
        seed: the same seed gives the same pairs.

    Returns:
        int64 [num_pairs, 2] of (source, target), no row twice, never i = j.

    Raises:
        ValueError: if the sweep does not have that many pairs.
    """
    available = num_images * (num_images - 1)
    if num_images < 2 or not 1 <= num_pairs <= available:
        raise ValueError(
            f"{num_pairs} pairs asked of a sweep of {num_images} images;"
            f" it has {max(available, 0)} ordered pairs of different images."
        )
    drawn = np.random.default_rng(seed).choice(available, num_pairs, replace=False)
    source, target = np.divmod(drawn, num_images - 1)
    target += target >= source  # skips i = j
    return np.stack([source, target], axis=1)


def novel_view_ratio(predicted_mse: np.ndarray, source_mse: np.ndarray) -> float:
    """Error of re-rendering one image as another, over that of not trying.

    Args:
        predicted_mse: mean squared error between what the source's code with the
            target's varied latent decodes to, and the target; one for each pair of
            images of a sweep, or for each equally large set of pairs.
        source_mse: that between the source image itself and the target.

    Returns:
        The ratio of their means: 0 is exact, 1 no better than the source image left
        as it was. Infinite if no source differs from its target (NaN if no
        prediction does either); NaN without pairs, or where an error is NaN.
    """
    predicted_mse, source_mse = np.asarray(predicted_mse), np.asarray(source_mse)
    check_same_shape(predicted_mse, source_mse)
    if not predicted_mse.size:
        return np.nan
    return ratio(predicted_mse.mean(), source_mse.mean())


def squared_errors(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Mean squared error of each image over pixels and channels, grey values in [0, 1].

    Args:
        images: [N, ...], uint8 or float in [0, 1].
        others: of the same shape, either type.

    Returns:
        float64 [N]: 0 if identical, NaN where they hold NaN; [0] of empty images.

    Raises:
        ValueError: if images are neither uint8 nor float.
    """
    images, others = np.asarray(images), np.asarray(others)
    check_same_shape(images, others)
    for array in (images, others):
        if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"Images are {array.dtype}; they must be uint8 or float in [0, 1].")
    if not images.size:
        return np.empty(0)
    # One at a time: a whole test split in float64 would not fit in memory.
    with np.errstate(invalid="ignore", over="ignore"):
        return np.array(
            [np.mean((_grey(a) - _grey(b)) ** 2) for a, b in zip(images, others, strict=True)]
        )


def psnr(mse: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of grey values in [0, 1], in dB: infinite without any error.

    Args:
        mse: mean squared errors, any shape.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(-10 * np.log10(mse))


def _grey(image: np.ndarray) -> np.ndarray:
    return image / 255 if image.dtype == np.uint8 else image.astype(np.float64)
