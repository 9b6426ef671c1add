"""What all parts of a chair share: how they are drawn at random, and the seat they hang on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from dcign_tf.rendering.chairs.solids import Mesh, Surface, drape, mirrored, moved, slab

BLACK = 0.05
"""Albedo of castors, pads of plastic and the like."""


class Draw:
    """Random choices, one after the other, from one generator."""

    def __init__(self, rng: np.random.Generator):
        self._rng = rng

    def between(self, low: float, high: float) -> float:
        """A number, uniform."""
        return float(self._rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self._rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """True as often as that."""
        return bool(self._rng.random() < probability)

    def pick(self, *options):
        """One of the options, all alike in probability."""
        return options[self._rng.integers(len(options))]

    # Albedos. Nothing is as light as the background, nothing so dark that its form is lost.

    def wood(self) -> float:
        """From ebony to birch."""
        return self.between(0.05, 0.5)

    def metal(self) -> float:
        """Black, grey or bright."""
        return self.pick(0.05, 0.14, 0.3, 0.5) * self.between(0.85, 1.15)

    def cover(self) -> float:
        """Cloth, leather or plastic."""
        return self.pick(0.06, 0.13, 0.26, 0.45, 0.6) * self.between(0.8, 1.15)


class Part(NamedTuple):
    """A solid in one grey."""

    mesh: Mesh
    albedo: float


class Seat(NamedTuple):
    """Where the sitter sits; the chair's middle is that of the seat, its front at +z."""

    height: float  # of the upper face, above the floor
    width: float  # of the front
    depth: float  # from front to rear
    rear_width: float
    thickness: float

    @property
    def bottom(self) -> float:
        """Height of the lower face."""
        return self.height - self.thickness

    @property
    def rear(self) -> float:
        """z of the rear edge."""
        return -self.depth / 2

    def half_width(self, z: float) -> float:
        """Half the width at z."""
        share = z / self.depth + 0.5
        return (self.rear_width + share * (self.width - self.rear_width)) / 2

    def corner(self, right: int, front: int, inset: float = 0.0) -> tuple[float, float]:
        """x and z of a point as far inside both edges; `right` and `front` are 1 or -1."""
        z = front * (self.depth / 2 - inset)
        return right * (self.half_width(z) - inset), z

    def back(self, *, lean_deg: float, wrap: float = 0.0, bow: float = 0.0, inset: float = 0.0):
        """The surface of a back; its y counts from the seat's upper face.

        Args:
            lean_deg: backward from the vertical.
            wrap: how far the sides come forward.
            bow: how far the top leans back beyond that, at 600 mm.
            inset: how far before the rear edge it stands.
        """
        lean = math.tan(math.radians(lean_deg))
        half = self.rear_width / 2

        def surface(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            z = self.rear + inset - lean * y - bow * (y / 600) * np.abs(y / 600)
            return np.stack([x, self.height + y, z + wrap * (x / half) ** 2], axis=1)

        return surface


def parts(albedo: float, *solids: Mesh | Iterable[Mesh], onto: Surface | None = None) -> list[Part]:
    """Solids and lists of solids, all in one grey; flat ones are bent `onto` a surface."""
    each = [s for item in solids for s in ([item] if isinstance(item, Mesh) else item)]
    return [Part(drape(solid, onto) if onto else solid, albedo) for solid in each]


def both(*solids: Mesh) -> list[Mesh]:
    """Solids of the right side, and their mirror images on the left."""
    return [s for solid in solids for s in (solid, mirrored(solid))]


def draped_slab(
    surface: Surface, outline: np.ndarray, middle: float, thickness: float, **shape: float
) -> Mesh:
    """A `slab` bent to a surface, its outline's origin at (0, middle)."""
    return drape(moved(slab(outline, thickness, **shape), (0, middle, 0)), surface)


def on(surface: Surface, x: float, y: float) -> np.ndarray:
    """One point [3] of a surface."""
    return surface(np.array([x]), np.array([y]))[0]
