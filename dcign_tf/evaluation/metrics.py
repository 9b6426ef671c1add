"""What a graphics code is worth, in numbers: NumPy arrays in, floats out.

Throughout, a *sweep* is a set of images of one scene in which one factor alone
varies, and a code is its posterior mean, `z_mean`. A score that is not defined
(of a constant, or of data that hold NaN or infinities) is NaN, never an error
and never a warning; arrays that do not fit together are a ValueError.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from scipy import stats
from sklearn.isotonic import IsotonicRegression

from dcign_tf.factors import GraphicsCode


def correlations(latent: np.ndarray, angle_deg: np.ndarray) -> dict[str, float]:
    """How well a latent follows an angle, all sweeps and identities pooled.

    Args:
        latent: inferred values of one latent, any shape.
        angle_deg: the true angles, of the same shape.

    Returns:
        `pearson` (linear) and `spearman` (any monotone relation), in [-1, 1]. The
        sign carries no merit, because a latent is free to run either way. NaN if
        either array is constant, has fewer than two values or is not all finite.

    Raises:
        ValueError: if the shapes differ.
    """
    latent, angle_deg = _paired(latent, angle_deg)
    if not (_varies(latent) and _varies(angle_deg)):
        return {"pearson": np.nan, "spearman": np.nan}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        pearson = stats.pearsonr(latent, angle_deg).statistic
    return {
        "pearson": float(pearson),
        "spearman": float(stats.spearmanr(latent, angle_deg).statistic),
    }


def r2_monotone(
    *, latent_fit: np.ndarray, angle_fit: np.ndarray, latent: np.ndarray, angle: np.ndarray
) -> float:
    """R² of the angle read off the latent through one monotone curve.

    The curve is an isotonic regression on `latent_fit` and `angle_fit` alone (say,
    the validation identities), rising or falling as their Spearman correlation
    says; beyond the range it was fitted on it stays at its end values. Unlike a
    rank correlation it says whether one calibration serves every identity, those
    of `latent` and `angle` included.

    Args:
        latent_fit: values of one latent, any shape.
        angle_fit: the true angles, of the same shape as `latent_fit`.
        latent: values to be read as angles, any shape.
        angle: the true angles, of the same shape as `latent`.

    Returns:
        1 if every angle is predicted exactly, 0 for what the mean angle would do,
        negative for worse. NaN if `angle` is constant or any array is empty or
        not all finite. A constant `latent_fit` predicts its mean angle always.

    Raises:
        ValueError: if the shapes of a pair differ.
    """
    latent_fit, angle_fit = _paired(latent_fit, angle_fit)
    latent, angle = _paired(latent, angle)
    if not (latent_fit.size and np.isfinite(np.concatenate([latent_fit, angle_fit, latent])).all()):
        return np.nan
    if not _varies(angle):
        return np.nan
    rising = not correlations(latent_fit, angle_fit)["spearman"] < 0
    curve = IsotonicRegression(increasing=rising, out_of_bounds="clip").fit(latent_fit, angle_fit)
    residual = np.sum((angle - curve.predict(latent)) ** 2)
    return float(1 - residual / np.sum((angle - angle.mean()) ** 2))


def movement_matrix(z_mean_by_factor: Mapping[str, np.ndarray], code: GraphicsCode) -> np.ndarray:
    """How much each latent group moves while each factor varies.

    An entry is the variance of one latent within one sweep (over its images, about
    the sweep's own mean), averaged over the sweeps and then over the latents of
    the group. It is a mean and not a sum over latents so that one azimuth latent
    and 197 intrinsic ones can be compared.

    Args:
        z_mean_by_factor: for each factor of `code`, the codes of the sweeps in
            which that factor varies: [N_f, n, latent_dim].
        code: which latents belong to which factor.

    Returns:
        float64 [groups, factors], both in the order of `code.factors`: row g,
        column f is the variance of group g while factor f varies. A column
        computed from codes that are not all finite, or from no sweep, holds NaN.

    Raises:
        ValueError: if a factor is missing or too many, or codes have another shape.
    """
    if set(z_mean_by_factor) != set(code.factors):
        raise ValueError(
            f"Codes are given for the factors {', '.join(z_mean_by_factor) or '(none)'};"
            f" they must be {', '.join(code.factors)}."
        )
    matrix = np.full((len(code.factors), len(code.factors)), np.nan)
    for column, factor in enumerate(code.factors):
        z_mean = np.asarray(z_mean_by_factor[factor], np.float64)
        if z_mean.ndim != 3 or z_mean.shape[2] != code.latent_dim:
            raise ValueError(
                f"z_mean of factor '{factor}' has shape {z_mean.shape};"
                f" it must be [sweeps, images, {code.latent_dim}]."
            )
        if not z_mean.size or not np.isfinite(z_mean).all():
            continue
        variance = _variance(z_mean, axis=1).mean(axis=0)
        for row, group in enumerate(code.factors):
            matrix[row, column] = variance[code.slice(group)].mean()
    return matrix


def selectivity(matrix: np.ndarray, code: GraphicsCode) -> dict[str, float]:
    """How many times more a latent moves for its own factor than for any other.

    Args:
        matrix: of `movement_matrix`, [groups, factors].
        code: the graphics code of the matrix.

    Returns:
        Extrinsic factor to the variance of its latents while it varies itself,
        over the largest while another factor varies. Above 1 the latent answers
        most to its own factor. Infinite if it moves for its own factor alone, NaN
        if it never moves, if the code has no other factor, or where the row has NaN.

    Raises:
        ValueError: if the matrix is not square with one row for each factor.
    """
    matrix = np.asarray(matrix, np.float64)
    expected = (len(code.factors), len(code.factors))
    if matrix.shape != expected:
        raise ValueError(f"The movement matrix has shape {matrix.shape}, expected {expected}.")
    ratios = {}
    for factor in code.extrinsic:
        own = code.index(factor)
        others = np.delete(matrix[own], own)
        ratios[factor] = _ratio(matrix[own, own], others.max()) if others.size else np.nan
    return ratios


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
        predicted_mse: `mean_squared_error` between what the source's code with the
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
    return _ratio(predicted_mse.mean(), source_mse.mean())


def mean_squared_error(images: np.ndarray, others: np.ndarray) -> float:
    """Mean squared error over images, pixels and channels, grey values in [0, 1].

    Args:
        images: [..., H, W, C], uint8 or float in [0, 1].
        others: of the same shape, either type.

    Returns:
        0 if identical; NaN without images, or where they hold NaN.

    Raises:
        ValueError: if the shapes differ or images are neither uint8 nor float.
    """
    images, others = np.asarray(images), np.asarray(others)
    _check_same_shape(images, others)
    for array in (images, others):
        if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"Images are {array.dtype}; they must be uint8 or float in [0, 1].")
    if not images.size:
        return np.nan
    # One leading index at a time: a whole test split in float64 would not fit in memory.
    with np.errstate(invalid="ignore", over="ignore"):
        errors = [np.mean((_grey(a) - _grey(b)) ** 2) for a, b in zip(images, others, strict=True)]
        return float(np.mean(errors))


def _grey(image: np.ndarray) -> np.ndarray:
    return image / 255 if image.dtype == np.uint8 else image.astype(np.float64)


def _variance(values: np.ndarray, axis: int) -> np.ndarray:
    # About the first value, so that a constant has a variance of exactly 0.
    return np.var(values - np.take(values, [0], axis), axis=axis)


def _ratio(numerator: float, denominator: float) -> float:
    """Their quotient, NaN for 0/0 and infinite for x/0, without a warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.float64(numerator) / np.float64(denominator))


def _varies(values: np.ndarray) -> bool:
    return bool(values.size and np.isfinite(values).all() and values.min() < values.max())


def _paired(latent: np.ndarray, angle_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    latent, angle_deg = np.asarray(latent, np.float64), np.asarray(angle_deg, np.float64)
    _check_same_shape(latent, angle_deg)
    return latent.ravel(), angle_deg.ravel()


def _check_same_shape(first: np.ndarray, second: np.ndarray) -> None:
    if first.shape != second.shape:
        raise ValueError(f"Shapes {first.shape} and {second.shape} differ; they must be the same.")
