"""Smooth masks over points in space, from 0 to 1, and paint that is laid on through them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

GREY = np.ones(3)
"""A change that is alike in red, green and blue."""


def step(distance: np.ndarray, width: float) -> np.ndarray:
    """From 0 to 1 where a distance becomes positive, over about twice a width."""
    return 0.5 * (1 + np.tanh(distance / width))


def ramp(depth_mm: np.ndarray, width_mm: float) -> np.ndarray:
    """1 where a depth is positive, 0 where negative, linear over a width each way between."""
    return np.clip(0.5 + depth_mm / (2 * width_mm), 0, 1)


def bump(p: np.ndarray, centre, radii) -> np.ndarray:
    """Gaussian window, 1 at `centre`, exp(-1) at the given radii."""
    q = (p - np.asarray(centre, float)) / np.asarray(radii, float)
    return np.exp(-(q * q).sum(-1))


def stroke(p: np.ndarray, path, width_mm: float) -> np.ndarray:
    """Gaussian ridge along a polyline, 1 on it, exp(-1) at `width_mm` beside it."""
    distance = np.min([limb(p, a, b, 0.0, 0.0) for a, b in itertools.pairwise(path)], axis=0)
    return np.exp(-((distance / width_mm) ** 2))


def limb(p: np.ndarray, start, end, start_radius: float, end_radius: float) -> np.ndarray:
    """Distance to a capsule whose radius goes from one value to another."""
    start, axis = np.asarray(start, float), np.subtract(end, start).astype(float)
    along = np.clip((p - start) @ axis / (axis @ axis), 0, 1)
    centre = start + along[..., None] * axis
    radius = start_radius + along * (end_radius - start_radius)
    return np.linalg.norm(p - centre, axis=-1) - radius


def painted(ground: np.ndarray, layers: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Linear RGB [V, 3] of a ground colour [3] under layers, each a mask [V] and a pigment [3]."""
    colour = np.tile(ground, (len(layers[0][0]), 1))
    for mask, pigment in layers:
        colour += mask[:, None] * (pigment - colour)
    return colour
