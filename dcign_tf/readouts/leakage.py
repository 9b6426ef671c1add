"""What a pose leaves in the intrinsic latents, and how it is taken out again.

In training a factor's mini-batch has all other latents clamped to their mean over it (paper §3.1):
the decoder learns to draw every pose from what the pictures in all of them have in common. The code
of one picture also holds what is of its own pose alone, and in another is out of place. How much of
the intrinsic latents that is, the code itself tells; `evaluation.leaks` learns it. The paper leaves
the intrinsic latents as they are.

As in `calibration`, `xp` is `numpy`, or `keras.ops` for tensors, in a graph or not.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
from typing import Any

import numpy as np

from dcign_tf.quantities import MOST

_REACH = 0.5  # in spreads of the factor's latents: moved so far, half of what was left is gone
_STORED = np.dtype("<f2")


@dataclasses.dataclass(frozen=True)
class Leakage:
    """Of one factor: what its pose, light or the like leaves in the intrinsic latents.

    Attributes:
        z_mean: of each latent, [latent_dim].
        z_spread: of the factor's own latents, the root mean square of their standard deviations.
        stored: `weights` as float16, in base 64.

    Raises:
        ValueError: if these are no finite numbers, or too large, the spread is not positive, or
            the weights do not fit the mean.
    """

    z_mean: tuple[float, ...]
    z_spread: float
    stored: str

    def __post_init__(self) -> None:
        numbers = np.array([*self.z_mean, self.z_spread])
        within = numbers.dtype.kind in "fi" and (np.abs(numbers) < MOST).all()  # not of NaN
        if not (within and self.z_spread > 1 / MOST):
            raise ValueError("the leakage has a mean or a spread that no latents have")
        if not (self.weights.size and np.isfinite(self.weights).all()):
            raise ValueError("the leakage has no weights, or some that are no finite numbers")

    @classmethod
    def of(cls, z_mean: np.ndarray, z_spread: float, weights: np.ndarray) -> Leakage:
        """From arrays, [latent_dim] and [latent_dim, intrinsic latents]."""
        stored = base64.b64encode(weights.astype(_STORED).tobytes()).decode()
        return cls(tuple(np.asarray(z_mean).tolist()), float(z_spread), stored)

    @functools.cached_property
    def weights(self) -> np.ndarray:
        """What each latent tells of what is left, float32 [latent_dim, intrinsic latents]."""
        numbers = np.frombuffer(base64.b64decode(self.stored, validate=True), _STORED)
        return numbers.reshape(len(self.z_mean), -1).astype(np.float32)

    def left(self, z: Any, moved: Any, xp: Any = np) -> Any:
        """What is to be taken out of the intrinsic latents, [..., intrinsic latents].

        Args:
            z: codes [..., latent_dim], an array of `xp`, as is the other.
            moved: by how much the factor's latents change (`Calibration.moved`), [..., n]; if not
                at all, nothing is.
            xp: see the module.
        """
        share = xp.array(share_gone(moved, self.z_spread, xp), dtype=z.dtype)
        return share[..., np.newaxis] * self.all_left(z, xp)

    def all_left(self, z: Any, xp: Any = np) -> Any:
        """`left` of a move out of reach, [..., intrinsic latents]: all that is of the pose."""
        mean, weights = (xp.array(a, dtype=z.dtype) for a in (self.z_mean, self.weights))
        return xp.matmul(z - mean, weights)


def share_gone(moved: Any, z_spread: float, xp: Any = np) -> Any:
    """Of what one pose left, the share that is not in another, [...]: near ones have most of it.

    Args:
        moved: the difference of their latents, [..., n], an array of `xp`.
        z_spread: see `Leakage`.
        xp: see the module.
    """
    squares = xp.sum(xp.square(moved / (_REACH * z_spread)), axis=-1)
    return 1 - xp.exp(-float(np.log(2)) * squares)
