"""Whether a picture is like those of training: what a network reads from any other means little.

A network has an answer to every picture. Two things tell that it knows what it is looking at: it
draws the picture again from its code, and the code lies where those of such pictures do. How far
off either may be is told by pictures of identities that training never saw.

The code's distance takes each latent by itself. A covariance would need more people than there
are to fit it on: it finds half of these people's peers strange.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

UNFAMILIAR = "Unlike the training pictures: what is read from it, and drawn, means little."

_QUANTILE = 0.99  # of the held-out pictures, of which nothing is to be said
_MARGIN = 1.15  # beyond it: other people are not quite those that it was fitted on
_LEAST_SPREAD = 0.1  # of a latent, in that of the whole code: rounding is all that moves some
_LEAST_ERROR = 1 / 255  # in [0, 1]; a grey level is not to be told from the next
_MIN_IMAGES = 20


@dataclasses.dataclass(frozen=True)
class Familiarity:
    """How far pictures may be from what is known.

    Attributes:
        z_mean: of each latent, as the network has them, in held-out pictures, [latent_dim].
        z_spread: its standard deviation there, [latent_dim].
        most_distance: of a code: root mean square over the latents, each in its spread.
        most_error: of a reconstruction: root mean square over the pixels, in [0, 1].

    Raises:
        ValueError: if these are no finite numbers, or those but `z_mean` not positive.
    """

    z_mean: tuple[float, ...]
    z_spread: tuple[float, ...]
    most_distance: float
    most_error: float

    def __post_init__(self) -> None:
        scales = np.array([*self.z_spread, self.most_distance, self.most_error], np.float64)
        finite = np.isfinite(self.z_mean).all() and np.isfinite(scales).all()
        if len(self.z_mean) != len(self.z_spread) or not finite or not (scales > 0).all():
            raise ValueError("the limits of what is familiar are no finite, positive numbers")

    @classmethod
    def fitted(cls, z_mean: np.ndarray, errors: np.ndarray) -> Familiarity | None:
        """The limits that nearly all of some pictures keep within.

        Args:
            z_mean: codes of pictures that are familiar, but were not trained on, [N, latent_dim].
            errors: the mean squared errors of reconstructions of such pictures, [M].

        Returns:
            None if they are fewer than 20.
        """
        if min(len(z_mean), len(errors)) < _MIN_IMAGES:
            return None
        z_mean = np.asarray(z_mean, np.float64)
        variance = z_mean.var(axis=0)
        least = (_LEAST_SPREAD**2 * variance.mean()) or 1.0  # where no latent moves at all
        mean, spread = z_mean.mean(axis=0), np.sqrt(variance + least)
        distances = _root_mean_square((z_mean - mean) / spread, -1, np)
        most_distance, most_error = (
            _MARGIN * float(np.quantile(held_out, _QUANTILE))
            for held_out in (distances, np.sqrt(errors))
        )
        return cls(
            tuple(mean.tolist()),
            tuple(spread.tolist()),
            most_distance=max(most_distance, _LEAST_SPREAD),
            most_error=max(most_error, _LEAST_ERROR),
        )

    def judged(self, images: Any, z_mean: Any, drawn: Any, xp: Any = np) -> dict[str, Any]:
        """How unlike those of training pictures are.

        Args:
            images: [..., H, W, C] in [0, 1], arrays of `xp`, as are the others.
            z_mean: their codes, as the network has them, [..., latent_dim].
            drawn: what these decode to, [..., H, W, C].
            xp: `numpy`, or `keras.ops` for tensors, in a graph or not.

        Returns:
            `unfamiliarity`, [...]: how far the code or the reconstruction is off, whichever is
            further, where 1 is as far as may be; and `is_unfamiliar`, whether it is further.
        """
        mean, spread = (xp.array(a, dtype="float32") for a in (self.z_mean, self.z_spread))
        distance = _root_mean_square((z_mean - mean) / spread, -1, xp)
        error = _root_mean_square(drawn - images, (-3, -2, -1), xp)
        unfamiliarity = xp.maximum(distance / self.most_distance, error / self.most_error)
        return {
            "unfamiliarity": unfamiliarity,
            "is_unfamiliar": xp.logical_not(unfamiliarity <= 1),  # what is no number, too
        }


def remark(judged: Mapping[str, Any]) -> str:
    """A sentence if a picture, or one of several, is unfamiliar; else, or without limits, empty."""
    strange = np.ravel(judged.get("is_unfamiliar", False))
    which = f"{strange.sum()} of {strange.size} pictures: " if strange.size > 1 else ""
    return which + UNFAMILIAR if strange.any() else ""


def _root_mean_square(a: Any, axis: int | tuple[int, ...], xp: Any) -> Any:
    return xp.sqrt(xp.mean(xp.square(a), axis=axis))
