"""A trained model's functions on NumPy arrays, and what they make of sweeps."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from dcign_tf.model.checks import checked_images
from dcign_tf.model.dcign import DCIGN
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibration import Calibration

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
        self._model = model
        self.code = model.code
        self.order = model.code.order({})
        self._image_shape = tuple(model.encoder.input_shape[1:])
        images = tf.TensorSpec((None, *self._image_shape), tf.float32)
        codes = tf.TensorSpec((None, model.code.latent_dim), tf.float32)
        self._encode = tf.function(lambda x: model.encode(x), input_signature=[images])
        self._decode = tf.function(lambda z: model.decode(z), input_signature=[codes])

    @property
    def step(self) -> int:
        """How long it was trained, to tell its scores from those of other weights."""
        return int(self._model.step.numpy())

    @property
    def is_entangled(self) -> bool:
        """Whether it was trained without clamping: a factor's latents are first to be found."""
        return self._model.procedure == "entangled"

    @property
    def decodes_means(self) -> bool:
        """Whether its decoder learned to draw from the means of a mini-batch's codes.

        Then what a pose leaves in a code is learned, and taken out before it is turned.
        """
        procedure, mode = self._model.procedure, self._model.clamp_mode
        return procedure == "grouped" or (procedure == "clamped" and mode == "mean")

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
        return self.posterior(images)[0]

    def posterior(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Images [B, H, W, C] in [0, 1] to `z_mean` and `z_log_var`, [B, latent_dim] each.

        Raises:
            ValueError: if they are of another shape, or no floats in [0, 1].
        """
        z_mean, z_log_var = self._encode(checked_images(images, self._image_shape))
        return tuple(scene.arranged(z.numpy(), self.order) for z in (z_mean, z_log_var))

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Codes [B, latent_dim] to mean images [B, H, W, C] in [0, 1]."""
        return self._decode(tf.constant(scene.restored(z, self.order))).numpy()

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """What images [B, H, W, C] decode to from their own codes."""
        return self.decode(self.encode(images))

    def novel_views(self, z: np.ndarray, factor: str, pairs: np.ndarray) -> np.ndarray:
        """Decodes the codes of pairs[:, 0] with the latents of `factor` of pairs[:, 1]."""
        given, wanted = pairs.T
        latents = z[wanted][:, self.code.slice(factor)]
        return self.decode(scene.replaced(z[given], self.code, {factor: latents}))

    def swept(
        self,
        image: np.ndarray,
        factor: str,
        latents: np.ndarray,
        calibration: Calibration | None = None,
    ) -> np.ndarray:
        """One image decoded again and again, one factor swept.

        The others are held, less what the factor left in them.

        Args:
            image: [H, W, C] in [0, 1].
            factor: whose latents are swept.
            latents: of the factor, [steps, latents of the factor].
            calibration: knows what that is (`scene.changed`); without it, nothing.

        Returns:
            [steps, H, W, C].
        """
        z = np.repeat(self.encode(image[np.newaxis]), len(latents), axis=0)
        return self.decode(scene.changed(z, self.code, {factor: latents}, calibration))
