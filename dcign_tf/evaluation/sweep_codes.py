"""What the encoder makes of sweeps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dcign_tf.concurrency import concurrently
from dcign_tf.datasets.sweeps import Sweeps, distinct_images
from dcign_tf.factors import GraphicsCode
from dcign_tf.readouts import scene

if TYPE_CHECKING:
    from dcign_tf.codec import Codec


@dataclasses.dataclass(frozen=True)
class Codes:
    """What the encoder makes of the sweeps of one factor.

    Attributes:
        z_mean: codes of each sweep's distinct images, [n_i, latent_dim].
        values: the factor's true values in them, [n_i]; None if they are not known.
    """

    z_mean: Sequence[np.ndarray]
    values: Sequence[np.ndarray] | None = None

    def rearranged(self, order: Sequence[int]) -> Codes:
        """The same codes with their latents in another order, int [latent_dim]."""
        return Codes([scene.arranged(sweep, order) for sweep in self.z_mean], self.values)

    def latent(self, where: slice) -> list[np.ndarray]:
        """The one latent at `where`, in each sweep: [n_i].

        Raises:
            ValueError: if there is more than one.
        """
        if where.stop - where.start > 1:
            raise ValueError(
                f"{where.stop - where.start} latents belong to one factor; only one can be"
                " compared with its value."
            )
        return [np.asarray(sweep)[:, where.start] for sweep in self.z_mean]


def encode_sweeps(network: Codec, sweeps: Sweeps, value_key: str | None = None) -> Codes:
    """The codes of sweeps of one factor, and its true values if `value_key` names them."""

    def encoded(index: int) -> tuple[np.ndarray, np.ndarray | None]:
        example = sweeps[index]
        z_mean = network.encode(distinct_images(example))
        return z_mean, None if value_key is None else np.asarray(example[value_key])[: len(z_mean)]

    pairs = list(concurrently(encoded, range(len(sweeps))))
    values = None if value_key is None else [values for _, values in pairs]
    return Codes([z_mean for z_mean, _ in pairs], values)


def encode_factors(
    network: Codec, sweeps: Mapping[str, Sweeps], values: Mapping[str, str]
) -> dict[str, Codes]:
    """Each factor's sweeps encoded; `values` is `SweepDataset.values`."""
    return {f: encode_sweeps(network, sweeps[f], values.get(f)) for f in sweeps}


def latent_ranges(code: GraphicsCode, codes: Mapping[str, Codes]) -> dict[str, tuple[float, float]]:
    """What each extrinsic latent takes while its factor varies: 1st to 99th percentile.

    Factors without sweeps are left out.
    """
    ranges = {}
    for factor in code.extrinsic:
        where = code.slice(factor)
        if taken := [sweep[:, where].ravel() for sweep in codes[factor].z_mean]:
            ranges[factor] = tuple(np.percentile(np.concatenate(taken), [1, 99]))
    return ranges
