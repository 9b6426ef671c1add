"""What a graphics code is worth, in numbers: NumPy arrays in, floats out.

Throughout, a *sweep* is a set of images of one scene in which one factor alone
varies, and a code is its posterior mean, `z_mean`. A score that is not defined
(of a constant, or of data that hold NaN or infinities) is NaN, never an error
and never a warning; arrays that do not fit together are a ValueError.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy import stats
from sklearn.isotonic import IsotonicRegression


def correlations(latent: np.ndarray, value: np.ndarray) -> dict[str, float]:
    """How well a latent follows a true value, all sweeps and identities pooled.

    Args:
        latent: inferred values of one latent, any shape.
        value: the true values, of the same shape.

    Returns:
        `pearson` (linear) and `spearman` (any monotone relation), in [-1, 1]. The
        sign carries no merit, because a latent is free to run either way. NaN if
        either array is constant, has fewer than two values or is not all finite.

    Raises:
        ValueError: if the shapes differ.
    """
    latent, value = paired(latent, value)
    if not (varies(latent) and varies(value)):
        return {"pearson": np.nan, "spearman": np.nan}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        pearson = stats.pearsonr(latent, value).statistic
    return {
        "pearson": float(pearson),
        "spearman": float(stats.spearmanr(latent, value).statistic),
    }


def read_off(*, latent_fit: np.ndarray, value_fit: np.ndarray, latent: np.ndarray) -> np.ndarray:
    """Values read off a latent through one monotone curve.

    The curve is an isotonic regression on `latent_fit` and `value_fit` alone (say,
    the validation identities), rising or falling as their Spearman correlation
    says; beyond the range it was fitted on it stays at its end values.

    Args:
        latent_fit: values of one latent, any shape.
        value_fit: the true values, of the same shape as `latent_fit`.
        latent: values of the latent to be read, any shape.

    Returns:
        float64, the shape of `latent`. A constant `latent_fit` gives its mean value
        always. NaN everywhere if nothing was given to fit, or any array is not all
        finite.

    Raises:
        ValueError: if the shapes of the pair differ.
    """
    latent_fit, value_fit = paired(latent_fit, value_fit)
    latent = np.asarray(latent, np.float64)
    known = np.concatenate([latent_fit, value_fit, latent.ravel()])
    if not (latent_fit.size and latent.size and np.isfinite(known).all()):
        return np.full(latent.shape, np.nan)
    rising = not correlations(latent_fit, value_fit)["spearman"] < 0
    curve = IsotonicRegression(increasing=rising, out_of_bounds="clip").fit(latent_fit, value_fit)
    return curve.predict(latent.ravel()).reshape(latent.shape)


def r2(predicted: np.ndarray, true: np.ndarray) -> float:
    """R² of predictions: 1 is exact, 0 what the mean would do, negative for worse.

    Of values that `read_off` gives it says, unlike a rank correlation, whether one
    calibration serves every identity.

    Returns:
        NaN if `true` is constant or empty, or any value is not finite.

    Raises:
        ValueError: if the shapes differ.
    """
    predicted, true = paired(predicted, true)
    if not (varies(true) and np.isfinite(predicted).all()):
        return np.nan
    residual = np.sum((true - predicted) ** 2)
    return float(1 - residual / np.sum((true - true.mean()) ** 2))


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


def swap_latents(z_source: np.ndarray, z_target: np.ndarray, where: slice) -> np.ndarray:
    """The source's code with the target's value of one factor: a new array.

    Args:
        z_source: codes [..., latent_dim].
        z_target: codes of the same shape.
        where: latents to take from the target, e.g. `code.slice("azimuth")`.

    Raises:
        ValueError: if the shapes differ.
    """
    z_source, z_target = np.asarray(z_source), np.asarray(z_target)
    _check_same_shape(z_source, z_target)
    swapped = z_source.copy()
    swapped[..., where] = z_target[..., where]
    return swapped


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

    Raises:
        ValueError: if the shapes differ.
    """
    predicted_mse, source_mse = np.asarray(predicted_mse), np.asarray(source_mse)
    _check_same_shape(predicted_mse, source_mse)
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
        ValueError: if the shapes differ or images are neither uint8 nor float.
    """
    images, others = np.asarray(images), np.asarray(others)
    _check_same_shape(images, others)
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


def _grey(image: np.ndarray) -> np.ndarray:
    return image / 255 if image.dtype == np.uint8 else image.astype(np.float64)


def ratio(numerator: float, denominator: float) -> float:
    """Their quotient, NaN for 0/0 and infinite for x/0, without a warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.float64(numerator) / np.float64(denominator))


def varies(values: np.ndarray) -> bool:
    """Whether there are two different values, and all are finite."""
    return bool(values.size and np.isfinite(values).all() and values.min() < values.max())


def paired(latent: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in float64 and flat.

    Raises:
        ValueError: if the shapes differ.
    """
    latent, value = np.asarray(latent, np.float64), np.asarray(value, np.float64)
    _check_same_shape(latent, value)
    return latent.ravel(), value.ravel()


def _check_same_shape(first: np.ndarray, second: np.ndarray) -> None:
    if first.shape != second.shape:
        raise ValueError(f"Shapes {first.shape} and {second.shape} differ; they must be the same.")
