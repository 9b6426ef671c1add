"""How much the code varies within sweeps and between them: what needs no true value.

Sweeps are given as `z_mean`, a sequence of codes `[n_i, latent_dim]`, which may differ in
length; `[N, n, latent_dim]` is one. In the sweeps of one factor, its own latents are
`where`. As in `metrics`, what is not defined is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dcign_tf.evaluation.metrics.arrays import ratio
from dcign_tf.factors import GraphicsCode


def movement_matrix(
    z_mean_by_factor: Mapping[str, Sequence[np.ndarray]], code: GraphicsCode
) -> np.ndarray:
    """How much each latent group moves while each factor varies.

    An entry is the variance of one latent within one sweep (over its images, about
    the sweep's own mean), averaged over the sweeps and then over the latents of
    the group. It is a mean and not a sum over latents so that one azimuth latent
    and 197 intrinsic ones can be compared.

    Args:
        z_mean_by_factor: for each factor of `code`, the codes of the sweeps in
            which that factor varies: [n_i, latent_dim] each.
        code: which latents belong to which factor.

    Returns:
        float64 [groups, factors], both in the order of `code.factors`: row g,
        column f is the variance of group g while factor f varies. A column
        computed from codes that are not all finite, or from no sweep, holds NaN.

    Raises:
        ValueError: if a factor is missing or too many.
    """
    if set(z_mean_by_factor) != set(code.factors):
        raise ValueError(
            f"Codes are given for the factors {', '.join(z_mean_by_factor) or '(none)'};"
            f" they must be {', '.join(code.factors)}."
        )
    matrix = np.full((len(code.factors), len(code.factors)), np.nan)
    for column, factor in enumerate(code.factors):
        z_mean = [np.asarray(sweep) for sweep in z_mean_by_factor[factor]]
        for sweep in z_mean:
            if sweep.ndim != 2 or sweep.shape[1] != code.latent_dim:
                raise ValueError(
                    f"A sweep of factor '{factor}' has codes of shape {sweep.shape};"
                    f" they must be [images, {code.latent_dim}]."
                )
        if _usable(z_mean):
            variance = mean_variance(z_mean)
            matrix[:, column] = [variance[code.slice(group)].mean() for group in code.factors]
    return matrix


def mean_variance(z_mean: Sequence[np.ndarray]) -> np.ndarray:
    """Of each latent, its variance within a sweep, averaged over sweeps [n_i, latents]."""
    return np.mean([_variance(sweep) for sweep in z_mean], axis=0)


def selectivity(matrix: np.ndarray, code: GraphicsCode) -> dict[str, float]:
    """How many times more a latent moves for its own factor than for any other.

    It is read off a `movement_matrix` of that code, [groups, factors].

    Returns:
        Extrinsic factor to the variance of its latents while it varies itself,
        over the largest while another factor varies. Above 1 the latent answers
        most to its own factor. Infinite if it moves for its own factor alone, NaN
        if it never moves or its own entry is NaN. Other factors whose entry is NaN
        (they have no sweep) are passed over; NaN if none is left.
    """
    matrix = np.asarray(matrix, np.float64)
    expected = (len(code.factors), len(code.factors))
    if matrix.shape != expected:
        raise ValueError(f"The movement matrix has shape {matrix.shape}, expected {expected}.")
    ratios = {}
    for factor in code.extrinsic:
        index = code.index(factor)
        others = np.delete(matrix[index], index)
        others = others[~np.isnan(others)]
        ratios[factor] = ratio(matrix[index, index], others.max()) if others.size else np.nan
    return ratios


def own_share(z_mean: Sequence[np.ndarray], where: slice) -> float:
    """Share of the code's variance within sweeps that lies in the latents `where`.

    Sums over latents and over sweeps before it divides, so that a sweep in which
    hardly anything moves does not count as much as one in which all does.

    Returns:
        1 if nothing else moves in these sweeps, 0 if these latents do not. NaN if
        nothing moves, without sweeps, or if codes are not finite.
    """
    if not _usable(z_mean):
        return np.nan
    variance = np.sum([_variance(sweep) for sweep in z_mean], axis=0)
    return ratio(variance[where].sum(), variance.sum())


def within_share(z_mean: Sequence[np.ndarray]) -> float:
    """Share of the variance of latents, over all sweeps, that lies within sweeps.

    The rest lies between them: the sweeps' means differ by more than their images'
    spread explains. Components of variance as in a one-way analysis of variance with
    random effects, summed over latents; it is 1 less the intraclass correlation
    ICC(1). A negative estimate of the variance between sweeps counts as none.

    Source: Searle, Casella and McCulloch, *Variance Components* (1992), ch. 3.

    Returns:
        In [0, 1]: 0 for latents constant in every sweep, 1 for latents whose sweeps
        are alike. NaN for constant latents, fewer than two sweeps, no sweep of two
        images, no latents, or codes that are not finite.
    """
    if len(z_mean) < 2 or not _usable(z_mean):
        return np.nan
    sweeps = [np.asarray(sweep, np.float64) for sweep in z_mean]
    sizes = np.array([len(sweep) for sweep in sweeps])
    total, count = sizes.sum(), len(sizes)
    if total == count:
        return np.nan
    within = sum(len(sweep) * _variance(sweep).sum() for sweep in sweeps) / (total - count)
    origin = sweeps[0][0]  # about it a constant has a mean of exactly 0
    means = np.array([(sweep - origin).mean(axis=0) for sweep in sweeps])
    centre = sizes @ means / total
    mean_square_between = (sizes @ (means - centre) ** 2).sum() / (count - 1)
    typical_size = (total - (sizes**2).sum() / total) / (count - 1)
    between = max((mean_square_between - within) / typical_size, 0.0)
    return ratio(within, within + between)


def consistency(z_mean: Sequence[np.ndarray], where: slice) -> float:
    """`within_share` of the factor's own latents, in the sweeps of that factor.

    1 if the latent covers the same values in every sweep, so that a value may mean
    the same whoever is seen; 0 if it stays put within sweeps, and says who is seen
    and not how. Assumes that the factor covers the same values in every sweep; if it
    does not, their difference counts against the latent.
    """
    return within_share([np.asarray(sweep)[:, where] for sweep in z_mean])


def invariance(z_mean: Sequence[np.ndarray], where: slice) -> float:
    """1 less `within_share` of all *other* latents, in the sweeps of a factor.

    1 if they are constant within each sweep and differ between sweeps; 0 if they
    vary as much within a sweep as between sweeps.
    """
    others = [np.delete(np.asarray(sweep), where, axis=1) for sweep in z_mean]
    return 1 - within_share(others)


def _variance(sweep: np.ndarray) -> np.ndarray:
    """Of each latent of codes [n, latents], about their mean."""
    sweep = np.asarray(sweep, np.float64)
    # About the first value, so that a constant has a variance of exactly 0.
    return np.var(sweep - sweep[:1], axis=0)


def _usable(z_mean: Sequence[np.ndarray]) -> bool:
    """Whether there are codes, and finite ones."""
    return len(z_mean) > 0 and all(np.size(z) and np.isfinite(z).all() for z in z_mean)
