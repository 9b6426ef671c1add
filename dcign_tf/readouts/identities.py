"""New faces from the code: identities drawn at random, put into any pose and light.

The code is used as a summary statistic of what faces look like: a Gaussian over its
intrinsic latents generates people, the extrinsic latents say how each is seen. NumPy;
the decoder is handed in.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from dcign_tf.archives import read_arrays
from dcign_tf.factors import INTRINSIC, GraphicsCode
from dcign_tf.files import aside
from dcign_tf.readouts.scene import replaced

IDENTITIES_FILE = "identities.npz"
"""An `IdentityDistribution`; its name in a run's evaluation directory."""


@dataclasses.dataclass(frozen=True, eq=False)
class IdentityDistribution:
    """A Gaussian over the intrinsic latents.

    Attributes:
        mean: [I].
        covariance: [I, I].
        step: of the model whose latents they are: of other weights they say nothing.
    """

    mean: np.ndarray
    covariance: np.ndarray
    step: int = 0

    @classmethod
    def prior(cls, num_latents: int) -> IdentityDistribution:
        """The standard normal distribution that the model assumes."""
        return cls(np.zeros(num_latents), np.eye(num_latents))

    @classmethod
    def fitted(cls, z_mean: np.ndarray, step: int = 0) -> IdentityDistribution:
        """The mean and covariance of the intrinsic latents inferred for given faces.

        Args:
            z_mean: posterior means of the intrinsic latents, [N, I]: of training
                identities, as many as can be had.
            step: of the model that inferred them.

        Raises:
            ValueError: if there are not two.
        """
        z_mean = np.asarray(z_mean, np.float64)
        if z_mean.ndim != 2 or len(z_mean) < 2:
            raise ValueError(f"Latents {z_mean.shape} must be [N, latents] with N of at least 2.")
        return cls(z_mean.mean(axis=0), np.atleast_2d(np.cov(z_mean, rowvar=False)), step)

    def draw(self, count: int, seed: int) -> np.ndarray:
        """Intrinsic latents of `count` people: float32 [count, I]."""
        rng = np.random.default_rng(seed)
        drawn = rng.multivariate_normal(
            self.mean,
            self.covariance,
            count,
            check_valid="ignore",  # rounding can make a variance that is next to 0 negative
            method="eigh",
        )
        return drawn.astype(np.float32)

    def principal_directions(self) -> np.ndarray:
        """Each as long as the standard deviation along it, longest first: float32 [I, I].

        Their sign is that which makes their largest entry positive.
        """
        variances, vectors = np.linalg.eigh(self.covariance)
        directions = (vectors * np.sqrt(np.maximum(variances, 0))).T[::-1]
        largest = np.abs(directions).argmax(axis=1, keepdims=True)
        signs = np.copysign(1, np.take_along_axis(directions, largest, axis=1))
        return (directions * signs).astype(np.float32)

    def save(self, path: str | os.PathLike) -> None:
        """Writes an .npz file, in float32, aside and renamed.

        Raises:
            OSError: if it cannot be written.
        """
        with aside(Path(path)) as file:
            np.savez(
                file,
                mean=np.float32(self.mean),
                covariance=np.float32(self.covariance),
                step=self.step,
            )

    @classmethod
    def load(cls, path: str | os.PathLike) -> IdentityDistribution:
        """What `save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            UserError: if it is damaged.
        """
        dimensions = {"mean": "n", "covariance": "nn", "step": ""}
        arrays = read_arrays(path, dimensions, "The distribution of identities")
        mean, covariance = (arrays[name].astype(float) for name in ("mean", "covariance"))
        return cls(mean, covariance, int(arrays["step"]))


def show_people(
    decode: Callable[[np.ndarray], np.ndarray],
    code: GraphicsCode,
    people: np.ndarray,
    scenes: Sequence[Mapping[str, float]],
) -> np.ndarray:
    """What the decoder makes of every person in every scene.

    Args:
        decode: codes [B, latent_dim] to images [B, H, W, C] in [0, 1].
        code: which latents belong to which factor.
        people: intrinsic latents, [P, I].
        scenes: at least one; each gives every extrinsic factor its latents.

    Returns:
        [P, scenes, H, W, C].

    Raises:
        ValueError: if a scene leaves a factor open or names an unknown one, or the
            people have not as many latents as the code.
    """
    for scene in scenes:
        if set(scene) != set(code.extrinsic):
            raise ValueError(
                f"A scene gives {', '.join(scene) or 'nothing'}; it must give"
                f" {', '.join(code.extrinsic)}."
            )
    people = np.asarray(people)
    num_latents = code.size(INTRINSIC)
    if people.ndim != 2 or people.shape[1] != num_latents:
        raise ValueError(f"People {people.shape} must be [P, {num_latents}].")
    empty = np.zeros((len(people), code.latent_dim), np.float32)
    codes = [replaced(empty, code, {**scene, INTRINSIC: people}) for scene in scenes]
    images = decode(np.stack(codes, axis=1).reshape(-1, code.latent_dim))
    return images.reshape(len(people), len(scenes), *images.shape[1:])
