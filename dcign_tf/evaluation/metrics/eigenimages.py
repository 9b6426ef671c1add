"""Principal components of images: eigenfaces (Turk and Pentland 1991), whatever they show.

The best that a linear code of so many numbers can do on the images that it is fitted on: what a
network's code is to be held against, by who is recognised and by how well images are drawn.
"""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA


def fit_components(
    images: np.ndarray, num_components: int, *, seed: int = 0, overwrite: bool = False
) -> PCA:
    """Fits mean and principal components, whitened if images are transformed by them.

    Args:
        images: [N, ...], at least two.
        num_components: at most; no more than N or than an image has values.
        seed: of the randomised decomposition.
        overwrite: whether floats in `images` may be lost, which saves a copy.
    """
    rows = images.reshape(len(images), -1)
    return PCA(
        min(num_components, *rows.shape),
        copy=not overwrite,
        whiten=True,
        svd_solver="randomized",
        random_state=seed,
    ).fit(rows)


def component_errors(components: PCA, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean squared errors of what stands for each image without a network.

    Args:
        components: of other images of that shape.
        images: floats, [N, ...].

    Returns:
        [N] of the mean of those other images, and [N] of the image's own projection on their
        components; over pixels and channels.
    """
    apart = images.reshape(len(images), -1) - components.mean_
    projected = apart @ components.components_.T
    of_mean = np.asarray(np.mean(apart**2, axis=1, dtype=np.float64))
    # What is left is at right angles to what is projected.
    explained = np.sum(projected**2, axis=1, dtype=np.float64) / apart.shape[1]
    return of_mean, np.maximum(of_mean - explained, 0.0)
