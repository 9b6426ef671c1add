"""How what a pose leaves in the intrinsic latents is learned (`readouts.leakage`).

By ridge regression: of two pictures of a training sweep, what the intrinsic latents of one have
that those of the other have not, on the code of the one. Validation people choose how strong the
ridge is, and whether anything is to be taken out at all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from sklearn.linear_model import Ridge

from dcign_tf.codec import Codec
from dcign_tf.concurrency import concurrently
from dcign_tf.datasets.sweeps import Sweeps, evenly, some_images
from dcign_tf.evaluation.sweep_codes import Codes
from dcign_tf.factors import INTRINSIC, GraphicsCode
from dcign_tf.pixels import to_unit
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.readouts.leakage import Leakage, share_gone

Moved = Callable[[np.ndarray, np.ndarray], np.ndarray]

_SWEEPS, _IMAGES = 200, 8  # of each factor, and of each sweep: further people tell more than views
_RIDGES = (1e-3, 1e-2, 1e-1, 1.0)  # in the mean variance of a latent, a pair of pictures


def encode_some(network: Codec, train: Mapping[str, Sweeps]) -> dict[str, list[np.ndarray]]:
    """Each extrinsic factor to the codes of some pictures of some training sweeps of it."""

    def encoded(sweeps: Sweeps) -> list[np.ndarray]:
        def of_sweep(index: int) -> np.ndarray:
            return network.encode(to_unit(some_images(sweeps[index], _IMAGES)))

        return list(concurrently(of_sweep, evenly(sweeps, _SWEEPS)))

    return {factor: encoded(train[factor]) for factor in network.code.extrinsic}


def fit_leakage(
    code: GraphicsCode,
    train: Mapping[str, Sequence[np.ndarray]],
    held_out: Mapping[str, Codes],
    calibration: Calibration,
) -> dict[str, Leakage]:
    """What each factor leaves, of those of which that can be told of new people.

    Args:
        code: which latents belong to which factor.
        train: of `encode_some`.
        held_out: factor to codes of people that training never saw, and who are not scored.
        calibration: of the same people: along which curve several latents move.
    """
    found = {}
    for factor, codes in train.items():
        known = held_out[factor].z_mean
        some = [known[index] for index in evenly(known, _SWEEPS)]
        moved = functools.partial(calibration.moved, factor)
        found[factor] = fit_factor(codes, some, code.slice(factor), code.slice(INTRINSIC), moved)
    return {factor: leakage for factor, leakage in found.items() if leakage}


def fit_factor(
    train: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    own: slice,
    intrinsic: slice,
    moved: Moved = np.subtract,
) -> Leakage | None:
    """What one factor leaves; None if that cannot be told of those who are held out.

    Args:
        train: codes of the pictures of each sweep, [n_i, latent_dim].
        held_out: likewise.
        own: which latents are the factor's.
        intrinsic: which are those of identity.
        moved: the factor's latents in one picture and in another, to how far apart they are.
    """
    if not all(any(len(sweep) > 1 for sweep in sweeps) for sweeps in (train, held_out)):
        return None
    pooled = np.concatenate(list(train)).astype(np.float64)
    mean, variance = pooled.mean(axis=0), pooled.var(axis=0)
    spread = np.sqrt(variance[own].mean())
    if not spread > 0:
        return None
    telling, left = _pairs(train, mean, spread, own, intrinsic, moved)
    new_telling, new_left = _pairs(held_out, mean, spread, own, intrinsic, moved)
    least, weights = np.square(new_left).sum(), None  # of taking nothing out
    for ridge in _RIDGES:
        strength = ridge * variance.mean() * len(telling)
        fitted = Ridge(strength, fit_intercept=False).fit(telling, left)
        found = fitted.coef_.reshape(left.shape[1], -1).T  # Ridge drops the axis of a single one
        error = np.square(new_telling @ found - new_left).sum()
        if error < least:
            least, weights = error, found
    return None if weights is None else Leakage.of(mean, spread, weights)


def _pairs(
    sweeps: Sequence[np.ndarray],
    mean: np.ndarray,
    spread: float,
    own: slice,
    intrinsic: slice,
    moved: Moved,
) -> tuple[np.ndarray, np.ndarray]:
    """Of each two pictures of a sweep: what tells what is left, [P, D], and what is, [P, I]."""
    telling, left = [], []
    for sweep in sweeps:
        z = np.asarray(sweep, np.float64)[evenly(sweep, _IMAGES)]
        given, wanted = np.nonzero(~np.eye(len(z), dtype=bool))
        share = share_gone(moved(z[given, own], z[wanted, own]), spread)
        telling.append(share[:, np.newaxis] * (z[given] - mean))
        left.append(z[given, intrinsic] - z[wanted, intrinsic])
    return np.concatenate(telling), np.concatenate(left)
