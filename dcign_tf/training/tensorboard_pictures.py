"""Pictures for TensorBoard: what the model makes of validation sweeps while it is trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dcign_tf.codec import TRAVERSAL_STEPS, Codec
from dcign_tf.datasets.sweeps import Sweeps
from dcign_tf.evaluation.entangled import with_found_latents
from dcign_tf.evaluation.sweep_codes import encode_factors, example_images


def training_pictures(
    network: Codec, sweeps: Mapping[str, Sweeps], *, is_entangled: bool
) -> dict[str, np.ndarray]:
    """What a network draws as it is now.

    Args:
        network: in training.
        sweeps: factor to some validation sweeps.
        is_entangled: whether a factor's latents are first to be found.

    Returns:
        Name to one picture [1, height, width, C] in [0, 1].
    """
    images = example_images(sweeps, network.code.factors, 8)
    if not len(images):
        return {}
    codes = encode_factors(network, sweeps, {})
    if is_entangled:
        network, codes, _ = with_found_latents(network, codes)
    swept = {
        factor: network.swept(images[0], factor, latents)
        for factor in network.code.extrinsic
        if (latents := codes[factor].path(network.code.slice(factor), TRAVERSAL_STEPS)) is not None
    }
    pairs = np.concatenate([images, network.reconstruct(images)], axis=1)
    rows = {
        "originals_and_reconstructions": pairs,
        **{f"traversal/{factor}": images for factor, images in swept.items()},
    }
    return {name: np.concatenate(list(row), axis=1)[np.newaxis] for name, row in rows.items()}
