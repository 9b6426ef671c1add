"""What the encoder makes of sweeps."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dcign_tf.concurrency import concurrently
from dcign_tf.datasets.sweeps import Sweeps, distinct_images, shown_identities
from dcign_tf.quantities import Quantity
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibrated_factor import CalibratedFactor
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.readouts.identities import IdentityDistribution

if TYPE_CHECKING:
    from dcign_tf.codec import Codec


@dataclasses.dataclass(frozen=True)
class Codes:
    """What the encoder makes of the sweeps of one factor.

    Attributes:
        z_mean: codes of each sweep's distinct images, [n_i, latent_dim].
        values: the factor's true values in them, [n_i]; None if they are not known.
        identities: who is in them, integers [n_i] (`shown_identities`).
    """

    z_mean: Sequence[np.ndarray]
    values: Sequence[np.ndarray] | None = None
    identities: Sequence[np.ndarray] = dataclasses.field(kw_only=True)

    def rearranged(self, order: Sequence[int]) -> Codes:
        """The same codes with their latents in another order, int [latent_dim]."""
        z_mean = [scene.arranged(sweep, order) for sweep in self.z_mean]
        return dataclasses.replace(self, z_mean=z_mean)

    def latents(self, where: slice) -> list[np.ndarray]:
        """The latents at `where`, in each sweep: [n_i, latents of the factor]."""
        return [np.asarray(sweep)[:, where] for sweep in self.z_mean]

    def pooled(self, where: slice) -> np.ndarray:
        """The same of all sweeps: float64 [N, latents of the factor]."""
        return np.concatenate([np.zeros((0, where.stop - where.start)), *self.latents(where)])

    def path(self, where: slice, steps: int) -> np.ndarray | None:
        """A way through what the latents at `where` take, to be swept where no value is known.

        A single latent goes from its 1st percentile to its 99th. Several go once round their
        mean in the plane in which they spread most, √2 standard deviations away from it: where
        the factor is a circle they do.

        Returns:
            [steps, latents of the factor]; None without sweeps.
        """
        taken = self.pooled(where)
        if len(taken) < min(taken.shape[1], 2):
            return None
        if taken.shape[1] == 1:
            return np.linspace(*np.percentile(taken, [1, 99]), steps)[:, np.newaxis]
        mean, axes = principal_axes(taken)
        turn = 2 * np.pi * np.arange(steps) / steps
        return mean + np.sqrt(2) * np.stack([np.cos(turn), np.sin(turn)], axis=1) @ axes[:2]

    def coordinate(self, where: slice, index: int) -> np.ndarray:
        """One number for each image of a sweep, [n_i], to order them by where no value is known.

        The latent at `where`; or where several lie along the axis in which they spread most.
        """
        own = self.latents(where)[index]
        if own.shape[1] == 1:
            return own[:, 0]
        mean, axes = principal_axes(self.pooled(where))
        return (own - mean) @ axes[0] / max(np.linalg.norm(axes[0]), np.finfo(float).tiny)


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """A network, and each factor's held-out sweeps: what is scored and drawn.

    Attributes:
        network: its codes are as the graphics code has them.
        sweeps: what is scored: of identities that nothing is fitted on.
        test: their codes.
        fit: the codes of validation sweeps of other identities.
        quantities: the factors whose true values are known, to what these are.
        calibration: what the extrinsic latents mean, fitted on `fit`, as is how strongly what they
            leave elsewhere is taken out.
        split: which the sweeps are of.
    """

    network: Codec
    sweeps: Mapping[str, Sweeps]
    test: Mapping[str, Codes]
    fit: Mapping[str, Codes]
    quantities: Mapping[str, Quantity]
    calibration: Calibration
    split: str = "test"

    @property
    def tested(self) -> list[str]:
        """The extrinsic factors that scored sweeps vary."""
        return [factor for factor in self.network.code.extrinsic if len(self.sweeps[factor])]

    @functools.cached_property
    def examples(self) -> np.ndarray:
        """16 of their images, or all there are: float32 [N, H, W, C] in [0, 1]."""
        return example_images(self.sweeps, self.network.code.factors, 16)

    def curve(self, factor: str) -> CalibratedFactor | None:
        """The calibration of a factor, None if it is not calibrated."""
        return self.calibration.usable.get(factor)


def principal_axes(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean [n] of latents [N, n], and the axes along which they spread, [n, n].

    Each is as long as the standard deviation along it, the longest is the first.
    """
    spread = IdentityDistribution.fitted(latents)
    return spread.mean, spread.principal_directions()


def example_images(sweeps: Mapping[str, Sweeps], factors: Sequence[str], count: int) -> np.ndarray:
    """The first `count` images, or all there are; of intrinsic sweeps first: unlike objects."""
    images: list[np.ndarray] = []
    for factor in reversed(factors):
        for index in range(len(sweeps[factor])):
            if len(images) >= count:
                break
            images += list(distinct_images(sweeps[factor][index]))
    return np.array(images[:count])


def encode_factors(
    network: Codec, sweeps: Mapping[str, Sweeps], values: Mapping[str, str]
) -> dict[str, Codes]:
    """Each factor's sweeps encoded; `values` is `SweepDataset.values`."""
    return {f: _encoded(network, sweeps[f], values.get(f)) for f in sweeps}


def _encoded(network: Codec, sweeps: Sweeps, value_key: str | None) -> Codes:
    def encoded(index: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        example = sweeps[index]
        z_mean = network.encode(distinct_images(example))
        values = None if value_key is None else np.asarray(example[value_key])[: len(z_mean)]
        return z_mean, values, shown_identities(example, index)

    of_sweeps = list(concurrently(encoded, range(len(sweeps))))
    z_mean, values, identities = ([sweep[part] for sweep in of_sweeps] for part in range(3))
    return Codes(z_mean, None if value_key is None else values, identities=identities)
