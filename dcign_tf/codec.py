"""A trained model's functions on NumPy arrays, and what they make of sweeps."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from dcign_tf.evaluation.metrics.novel_views import swap_latents
from dcign_tf.model.dcign import DCIGN

TRAVERSAL_STEPS = 9


class Codec:
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

    def rearranged(self, latents: Mapping[str, Sequence[int]]) -> Codec:
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

    def novel_views(self, z: np.ndarray, factor: str, pairs: np.ndarray) -> np.ndarray:
        """Decodes the codes of pairs[:, 0] with the latents of `factor` of pairs[:, 1]."""
        where = self.code.slice(factor)
        return self.decode(swap_latents(z[pairs[:, 0]], z[pairs[:, 1]], where))

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
