"""A linear statistical model of faces: mean, basis, standard deviations.

The form is that of Blanz and Vetter (1999) and of the Basel Face Model (Paysan
et al., 2009), which rendered the paper's data: shape and albedo are each a mean
plus a linear combination of components whose coefficients are standard normal.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from dcign_tf.rendering import srgb
from dcign_tf.rendering.topology import Topology


@dataclasses.dataclass(frozen=True, eq=False)
class MorphableModel:
    """Faces as mean + Σ coefficient · stddev · component.

    Axes: x to the viewer's right (the face's own left), y up, z towards the
    viewer; a face looks along +z. Lengths in millimetres.

    Attributes:
        name: which model this is, with its version, e.g. `procedural-head-3`.
        mean_mm: float32 [V, 3], vertices of the mean face.
        triangles: int32 [T, 3], counter-clockwise seen from outside.
        shape_basis_mm: float32 [S, V, 3], displacement at one standard deviation.
        mean_albedo: float32 [V, 3], linear RGB reflectance in [0, 1].
        albedo_basis: float32 [A, V, 3], change at one standard deviation.
        fingerprint: changes whenever any of the above does: a data version is
            made from it.
        albedo_is_srgb: whether the albedo, mean and basis, is in sRGB instead, as
            models made of photographs have it; `albedo` then decodes the sum.
    """

    name: str
    mean_mm: np.ndarray
    triangles: np.ndarray
    shape_basis_mm: np.ndarray
    mean_albedo: np.ndarray
    albedo_basis: np.ndarray
    fingerprint: str
    albedo_is_srgb: bool = False

    @functools.cached_property
    def topology(self) -> Topology:
        """The triangles, prepared once for all identities."""
        return Topology(self.triangles, len(self.mean_mm))

    @property
    def num_shape(self) -> int:
        """Number of shape components, S."""
        return len(self.shape_basis_mm)

    @property
    def num_coefficients(self) -> int:
        """Number of all coefficients, S + A: shape first, then albedo."""
        return len(self.shape_basis_mm) + len(self.albedo_basis)

    def draw_coefficients(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Standard normal coefficients of `count` identities: float32 [count, S + A]."""
        return rng.standard_normal((count, self.num_coefficients), np.float32)

    def vertices_mm(self, coefficients: np.ndarray) -> np.ndarray:
        """Vertices of one identity: float32 [V, 3] from coefficients [S + A]."""
        return self.mean_mm + np.tensordot(
            coefficients[: self.num_shape].astype(np.float32), self.shape_basis_mm, axes=1
        )

    def albedo(self, coefficients: np.ndarray) -> np.ndarray:
        """Albedo of one identity: float32 [V, 3], linear RGB, clipped to [0, 1]."""
        change = np.tensordot(
            coefficients[self.num_shape :].astype(np.float32), self.albedo_basis, axes=1
        )
        albedo = np.clip(self.mean_albedo + change, 0, 1)
        return srgb.decode(albedo) if self.albedo_is_srgb else albedo
