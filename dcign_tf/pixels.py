"""Grey values: levels 0 to 255 in files, 0 to 1 in the network."""

from __future__ import annotations

import numpy as np


def to_unit(images: np.ndarray) -> np.ndarray:
    """uint8 levels as float32 in [0, 1], of the same shape, as the training pipeline has them.

    Raises:
        ValueError: for another type, whose scale nobody knows.
    """
    if images.dtype != np.uint8:
        raise ValueError(f"image is {images.dtype}; it must be uint8, levels of 0 to 255")
    return images.astype(np.float32) / np.float32(255)


def to_levels(images: np.ndarray) -> np.ndarray:
    """Floats in [0, 1] as uint8 levels, rounded, of the same shape."""
    return np.rint(images * 255).astype(np.uint8)
