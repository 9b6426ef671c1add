"""How alike pictures look: structural similarity."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_SSIM_WINDOW = 11  # pixels (Wang et al., 2004), or as many as there are


def ssim(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Structural similarity (Wang, Bovik, Sheikh and Simoncelli, 2004), its mean over each image.

    Args:
        images: [N, H, W, C] in [0, 1].
        others: likewise.

    Returns:
        [N], 1 where they are the same. Windows are 11×11, Gaussian, or as large as smaller images.
    """
    window = min(_SSIM_WINDOW, *images.shape[1:3])
    return _ssim(tf.constant(images), tf.constant(others), window).numpy()


@tf.function(reduce_retracing=True)
def _ssim(images: tf.Tensor, others: tf.Tensor, window: int) -> tf.Tensor:
    return tf.image.ssim(images, others, max_val=1.0, filter_size=window)
