"""A trained model's functions on NumPy arrays, and what they make of sweeps."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from dcign_tf.datasets.reading import Sweeps, decode_images
from dcign_tf.evaluation import metrics
from dcign_tf.evaluation.scores import Codes
from dcign_tf.model import DCIGN

TRAVERSAL_STEPS = 9
_PAIRS_PER_SWEEP = 20  # or all there are, in a short sweep


def distinct_images(example: Mapping[str, Any]) -> np.ndarray:
    """A sweep's images without its repetitions: float32 [n_i, H, W, C] in [0, 1].

    With the arithmetic of the training pipeline.
    """
    images = example["image"][: num_distinct(example)]
    return decode_images(images).astype(np.float32) / np.float32(255)


def num_distinct(example: Mapping[str, Any]) -> int:
    """How many leading images of a sweep are no repetitions (`datasets.reading.Sweeps`)."""
    return int(example.get("distinct", len(example["image"])))


def evenly(sweeps: Sequence, count: int) -> Iterator[int]:
    """Indices of at most `count` sweeps: neighbours may be of one identity."""
    chosen = np.linspace(0, len(sweeps) - 1, min(count, len(sweeps)))
    return iter(np.rint(chosen).astype(int).tolist())


class Network:
    """Encodes and decodes, compiled once for batches of any size.

    Args:
        model: a trained model.

    Attributes:
        code: which latents belong to which factor, in the codes as they are here.
        order: from which latents of the model these codes are made up, int [latent_dim].
    """

    def __init__(self, model: DCIGN):
        self.code = model.code
        self.order = model.code.order({})
        images = tf.TensorSpec((None, *model.encoder.input_shape[1:]), tf.float32)
        codes = tf.TensorSpec((None, model.code.latent_dim), tf.float32)
        self._encode = tf.function(lambda x: model.encode(x)[0], input_signature=[images])
        self._decode = tf.function(lambda z: model.decode(z), input_signature=[codes])

    def rearranged(self, latents: Mapping[str, Sequence[int]]) -> Network:
        """The same network, its codes rearranged: `encode` does it, and `decode` undoes it.

        Args:
            latents: factors to the latents of the model that are to stand where the
                code has the factor (`GraphicsCode.order`).
        """
        other = copy.copy(self)
        other.order = self.code.order(latents)
        return other

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Images [B, H, W, C] in [0, 1] to posterior means [B, latent_dim]."""
        return np.take(self._encode(tf.constant(images)).numpy(), self.order, axis=1)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Codes [B, latent_dim] to mean images [B, H, W, C] in [0, 1]."""
        return self._decode(tf.constant(np.take(z, np.argsort(self.order), axis=1))).numpy()

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """What images [B, H, W, C] decode to from their own codes."""
        return self.decode(self.encode(images))

    def encode_sweeps(self, sweeps: Sweeps, value_key: str | None = None) -> Codes:
        """The codes of sweeps of one factor, and its true values if `value_key` names them."""
        z_mean, values = [], []
        for index in range(len(sweeps)):
            example = sweeps[index]
            z_mean.append(self.encode(distinct_images(example)))
            if value_key is not None:
                values.append(np.asarray(example[value_key])[: num_distinct(example)])
        return Codes(z_mean, None if value_key is None else values)

    def encode_factors(
        self, sweeps: Mapping[str, Sweeps], values: Mapping[str, str]
    ) -> dict[str, Codes]:
        """Each factor's sweeps encoded; `values` is `SweepDataset.values`."""
        return {f: self.encode_sweeps(own, values.get(f)) for f, own in sweeps.items()}

    def novel_views(self, z: np.ndarray, factor: str, pairs: np.ndarray) -> np.ndarray:
        """Decodes the codes of pairs[:, 0] with the latents of `factor` of pairs[:, 1]."""
        where = self.code.slice(factor)
        return self.decode(metrics.swap_latents(z[pairs[:, 0]], z[pairs[:, 1]], where))

    def image_errors(
        self, sweeps: Sweeps, codes: Codes, factor: str, count: int
    ) -> dict[str, np.ndarray]:
        """Mean squared errors in each of `count` sweeps, those of pairs only where there are two.

        Args:
            sweeps: in which `factor` varies.
            codes: of all of them.
            factor: whose latents are swapped.
            count: how many sweeps at most, evenly chosen, are decoded.

        Returns:
            `reconstruction` [count], `predicted` and `source` [count or fewer]: see
            `metrics.novel_view_ratio`.
        """
        errors: dict[str, list[float]] = {"reconstruction": [], "predicted": [], "source": []}
        for index in evenly(sweeps, count):
            images, z = distinct_images(sweeps[index]), codes.z_mean[index]
            errors["reconstruction"].append(metrics.mean_squared_error(images, self.decode(z)))
            if len(images) < 2:
                continue
            num_pairs = min(_PAIRS_PER_SWEEP, len(images) * (len(images) - 1))
            pairs = metrics.novel_view_pairs(len(images), num_pairs, seed=index)
            source, target = images[pairs[:, 0]], images[pairs[:, 1]]
            predicted = self.novel_views(z, factor, pairs)
            errors["predicted"].append(metrics.mean_squared_error(predicted, target))
            errors["source"].append(metrics.mean_squared_error(source, target))
        return {name: np.array(values) for name, values in errors.items()}

    def traversals(
        self, images: np.ndarray, ranges: Mapping[str, tuple[float, float]]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """One latent swept, the others held.

        Args:
            images: [N, H, W, C] in [0, 1].
            ranges: factor to where the sweep of its latents begins and ends.

        Returns:
            Factor to images [N, steps, H, W, C], and to the latent's values [steps].
        """
        z = self.encode(images)
        swept, values = {}, {}
        for factor, (low, high) in ranges.items():
            values[factor] = np.linspace(low, high, TRAVERSAL_STEPS, dtype=np.float32)
            codes = np.repeat(z[:, np.newaxis], TRAVERSAL_STEPS, axis=1)
            codes[..., self.code.slice(factor)] = values[factor][:, np.newaxis]
            decoded = self.decode(codes.reshape(-1, self.code.latent_dim))
            swept[factor] = decoded.reshape(len(images), TRAVERSAL_STEPS, *images.shape[1:])
        return swept, values

    def latent_ranges(self, codes: Mapping[str, Codes]) -> dict[str, tuple[float, float]]:
        """What each extrinsic latent takes while its factor varies: 1st to 99th percentile.

        Factors without sweeps are left out.
        """
        ranges = {}
        for factor in self.code.extrinsic:
            where = self.code.slice(factor)
            if taken := [sweep[:, where].ravel() for sweep in codes[factor].z_mean]:
                ranges[factor] = tuple(np.percentile(np.concatenate(taken), [1, 99]))
        return ranges
