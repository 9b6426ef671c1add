"""Light: where it comes from, and how bright it makes what it falls on."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

LIGHT_ELEVATION_DEG = 40.0
"""The light stands this high above the camera's horizon, unless another height is asked for."""

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Rec. 709 weights of linear RGB: grey images hold luminance."""


@dataclasses.dataclass(frozen=True)
class Lighting:
    """How bright things are, in linear light, where 1 is white; the defaults are the faces'.

    A lit surface of albedo 1 has the radiance ambient + diffuse · cos(angle of incidence).

    Attributes:
        ambient: light from everywhere.
        diffuse: of the directional light, on a surface that faces it.
        headlight: of a light without shadows at the camera, on a surface that faces it.
        background: what no ray hits.
    """

    ambient: float = 0.05
    diffuse: float = 1.6
    headlight: float = 0.0
    background: float = 0.0


def light_direction(azimuth_deg: float, elevation_deg: float = LIGHT_ELEVATION_DEG) -> np.ndarray:
    """Unit vector [3] towards the light, in the camera's frame; right and up are positive."""
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    level = math.cos(elevation)
    return np.array([level * math.sin(azimuth), math.sin(elevation), level * math.cos(azimuth)])
