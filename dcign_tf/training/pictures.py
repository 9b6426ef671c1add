"""Pictures for TensorBoard: what the model makes of validation sweeps while it is trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dcign_tf.codec import TRAVERSAL_STEPS, Codec
from dcign_tf.datasets.sweeps import Sweeps
from dcign_tf.evaluation.drawing import example_images
from dcign_tf.evaluation.entangled import with_found_latents
from dcign_tf.evaluation.sweep_codes import encode_factors, latent_ranges
from dcign_tf.model.dcign import DCIGN


class TrainingPictures:
    """Pictures for TensorBoard of a model as it is now; a callable.

    Args:
        model: in training.
        sweeps: factor to some validation sweeps.
    """

    def __init__(self, model: DCIGN, sweeps: Mapping[str, Sweeps]):
        self._model = model
        self._network = Codec(model)
        self._sweeps = sweeps

    def __call__(self) -> dict[str, np.ndarray]:
        """Name to one picture [1, height, width, C] in [0, 1]."""
        network = self._network
        images = example_images(self._sweeps, network.code.factors, 8)
        if not len(images):
            return {}
        codes = encode_factors(network, self._sweeps, {})
        if self._model.procedure == "entangled":
            network, codes, _ = with_found_latents(network, codes)
        swept = {
            factor: network.swept(images[0], factor, np.linspace(*ends, TRAVERSAL_STEPS)[:, None])
            for factor, ends in latent_ranges(network.code, codes).items()
        }
        pairs = np.concatenate([images, network.reconstruct(images)], axis=1)
        return {
            "originals_and_reconstructions": _side_by_side(pairs),
            **{f"traversal/{factor}": _side_by_side(row) for factor, row in swept.items()},
        }


def _side_by_side(images: np.ndarray) -> np.ndarray:
    """[N, H, W, C] to [1, H, N·W, C]."""
    return np.concatenate(list(images), axis=1)[np.newaxis]
