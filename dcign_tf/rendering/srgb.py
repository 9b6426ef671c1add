"""The transfer curve of sRGB (IEC 61966-2-1): linear light to display values and back."""

from __future__ import annotations

import numpy as np


def encode(linear: np.ndarray) -> np.ndarray:
    """Display values of linear light: [0, 1] to [0, 1], of the same shape and dtype."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def decode(display: np.ndarray) -> np.ndarray:
    """Linear light of display values: [0, 1] to [0, 1], of the same shape and dtype."""
    return np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)
