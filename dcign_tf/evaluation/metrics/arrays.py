"""What metrics share: whether arrays fit together and vary, and quotients without a warning."""

from __future__ import annotations

import numpy as np


def ratio(numerator: float, denominator: float) -> float:
    """Their quotient, NaN for 0/0 and infinite for x/0, without a warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.float64(numerator) / np.float64(denominator))


def varies(values: np.ndarray) -> bool:
    """Whether there are two different values, and all are finite."""
    return bool(values.size and np.isfinite(values).all() and values.min() < values.max())


def paired(latent: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in float64 and flat.

    Raises:
        ValueError: if the shapes differ.
    """
    latent, value = np.asarray(latent, np.float64), np.asarray(value, np.float64)
    check_same_shape(latent, value)
    return latent.ravel(), value.ravel()


def check_same_shape(first: np.ndarray, second: np.ndarray) -> None:
    if first.shape != second.shape:
        raise ValueError(f"Shapes {first.shape} and {second.shape} differ; they must be the same.")
