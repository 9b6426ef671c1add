"""What metrics share: checks of arrays, which latents vary, quotients that may be NaN."""

from __future__ import annotations

import numpy as np

LEAST_SHARE = 1e-4
"""Of the variance of the latent that varies most. One that varies less, which moves not a
hundredth as far, has collapsed. Relative, as the scale of a code is nobody's merit: the 0.01
of Burda, Grosse and Salakhutdinov (*Importance Weighted Autoencoders*, 2016) is of latents
that are drawn to a prior of variance 1."""


def ratio(numerator: float, denominator: float) -> float:
    """Their quotient, NaN for 0/0 and infinite for x/0, without a warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.float64(numerator) / np.float64(denominator))


def mean(values: np.ndarray) -> float:
    """NaN of none, without a warning."""
    return float(values.mean()) if values.size else np.nan


def median(values: np.ndarray) -> float:
    """Likewise."""
    return float(np.median(values)) if values.size else np.nan


def varies(values: np.ndarray) -> bool:
    """Whether there are two different values, and all are finite."""
    return bool(values.size and np.isfinite(values).all() and values.min() < values.max())


def check_same_shape(first: np.ndarray, second: np.ndarray) -> None:
    if first.shape != second.shape:
        raise ValueError(f"Shapes {first.shape} and {second.shape} differ; they must be the same.")


def paired(latent: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in float64 and flat, if their shapes are the same."""
    latent, value = np.asarray(latent, np.float64), np.asarray(value, np.float64)
    check_same_shape(latent, value)
    return latent.ravel(), value.ravel()


def checked_samples(codes: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes and the factors behind them, a row a sample, both in float64.

    Raises:
        ValueError: if they are not tables of one row a sample, have no latent, factor
            or pair of samples, or are not all finite.
    """
    codes, factors = np.asarray(codes, np.float64), np.asarray(factors, np.float64)
    shapes = f"Codes {codes.shape} and factors {factors.shape}"
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors):
        raise ValueError(f"{shapes} must be [samples, latents] and [samples, factors].")
    if len(codes) < 2 or not (codes.shape[1] and factors.shape[1]):
        raise ValueError(f"{shapes} hold too little: no two samples, no latent or no factor.")
    if not (np.isfinite(codes).all() and np.isfinite(factors).all()):
        raise ValueError(f"{shapes} are not all finite.")
    return codes, factors


def active_latents(codes: np.ndarray, least_share: float = LEAST_SHARE) -> np.ndarray:
    """Which latents of codes [N, latents] vary, in relation to the one that varies most."""
    variance = (codes - codes[:1]).var(axis=0)  # so that a constant has exactly 0
    return (variance > 0) & (variance > least_share * variance.max())


def z_scores(values: np.ndarray, fit: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Mean 0 and variance 1 over the rows `fit`; a column constant there is exactly 0."""
    centred = values - values[fit].mean(axis=0)
    spread = centred[fit].std(axis=0)
    constant = np.ptp(values[fit], axis=0) == 0
    return np.where(constant, 0.0, centred / np.where(constant, 1.0, spread))
