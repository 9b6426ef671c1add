"""Smooth displacement fields over the mean head, of which its shape components are sums.

A field gives every vertex a displacement in millimetres. It is a function of the
point of the skin at or below the vertex, so skin, ears, hair and beard move
together; only `ears` and `grow` look at the part. Fields are left-right
symmetric but for `skew`, and for `grow` where it is told a lopsided region.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from dcign_tf.rendering.head.mesh import HeadMesh, Part, beard_cover, hairline_height_mm
from dcign_tf.rendering.head.sculpture import mirrored
from dcign_tf.rendering.masks import bump, step, stroke

Field = Callable[[HeadMesh], np.ndarray]
Region = Callable[[np.ndarray], np.ndarray]
"""Weight [V] of points of the skin [V, 3]."""


def _field(displacement: Callable[..., np.ndarray]) -> Callable[..., Field]:
    """Makes of `displacement(mesh, …)` a function that takes all but the mesh, for a `Field`."""

    @functools.wraps(displacement)
    def with_settings(*args, **kwargs) -> Field:
        return lambda mesh: displacement(mesh, *args, **kwargs)

    return with_settings


def _fold(mesh: HeadMesh) -> tuple[np.ndarray, np.ndarray]:
    """Skin points folded to the left half, and what turns displacements there back: [V, 3] each."""
    x = mesh.skin_mm[:, 0]
    unchanged = np.ones_like(x)
    side = np.stack([x / np.sqrt(x * x + 144), unchanged, unchanged], axis=1)
    return mirrored(mesh.skin_mm), side


@_field
def push(mesh: HeadMesh, centre, radii, vector) -> np.ndarray:
    """Moves a Gaussian region, and its mirror image, along a vector (mm)."""
    q, side = _fold(mesh)
    return bump(q, centre, radii)[:, None] * np.asarray(vector, float) * side


@_field
def swell(mesh: HeadMesh, centre, radii, factors) -> np.ndarray:
    """Scales a Gaussian region about its centre by 1 + factor along each axis."""
    q, side = _fold(mesh)
    return bump(q, centre, radii)[:, None] * (q - centre) * np.asarray(factors) * side


@_field
def stretch(
    mesh: HeadMesh, factors, above_mm: float | None = None, below_mm: float | None = None
) -> np.ndarray:
    """Scales the whole head, or what lies above or below a height, along each axis."""
    y = mesh.skin_mm[:, 1]
    moved = mesh.skin_mm * np.asarray(factors)
    if above_mm is not None:
        moved[:, 1] = factors[1] * _ramp(y - above_mm)
    if below_mm is not None:
        moved[:, 1] = -factors[1] * _ramp(below_mm - y)
    return moved


@_field
def skew(mesh: HeadMesh, centre, radii, vector) -> np.ndarray:
    """Moves a Gaussian region along a vector without mirroring it (mm)."""
    return bump(mesh.skin_mm, centre, radii)[:, None] * np.asarray(vector, float)


@_field
def furrow(mesh: HeadMesh, path, width_mm: float, depth_mm: float) -> np.ndarray:
    """A groove along a polyline and its mirror image, into the skin."""
    return -depth_mm * stroke(mirrored(mesh.skin_mm), path, width_mm)[:, None] * mesh.normal


@_field
def ears(mesh: HeadMesh, lift_mm: float = 0, scale: float = 0, flare: float = 0) -> np.ndarray:
    """Raises the ears, enlarges them about their middle, or turns them outwards."""
    is_ear = np.isin(mesh.part, (Part.LEFT_EAR, Part.RIGHT_EAR))[:, None]
    q, side = _fold(mesh)
    moved = scale * (q - [68.0, -20.0, -10.0]) + [0, lift_mm, 0]
    moved[:, 0] += flare * np.maximum(4 - q[:, 2], 0)
    return is_ear * moved * side


@_field
def grow(mesh: HeadMesh, part: Part, height_mm: float, where: Region) -> np.ndarray:
    """Raises a shell (hair or beard) along the normals of its skin."""
    return (height_mm * (mesh.part == part) * where(mesh.skin_mm))[:, None] * mesh.normal


def _ramp(distance: np.ndarray) -> np.ndarray:
    """0 below zero, then linear, with a rounded knee."""
    return 0.5 * (distance + np.sqrt(distance**2 + 15.0**2))


def scalp(p: np.ndarray) -> np.ndarray:
    """Where hair grows."""
    return step(hairline_height_mm(p) - 2, 6)


def scalp_near(centre, radii) -> Region:
    """Part of the scalp: a Gaussian region and its mirror image."""
    return lambda p: scalp(p) * bump(mirrored(p), centre, radii)


def front_edge(p: np.ndarray) -> np.ndarray:
    """A band along the hairline of forehead and temples."""
    return np.exp(-(((hairline_height_mm(p) - 10) / 20) ** 2)) * step(p[:, 2] - 10, 14)


def fringe(p: np.ndarray) -> np.ndarray:
    """The forehead, where hair combed forward hangs."""
    return step(p[:, 1] - 30, 8) * step(96 - p[:, 1], 12) * step(p[:, 2] - 25, 12)


def curtain(p: np.ndarray) -> np.ndarray:
    """Sides and nape below the hairline, where long hair hangs."""
    azimuth = np.rad2deg(np.arctan2(np.abs(p[:, 0]), p[:, 2] + 4))
    front = np.interp(p[:, 1], [-130, -80, 0, 40], [84, 80, 72, 60])
    where = step(azimuth - front, 5) * step(30 - p[:, 1], 14) * step(p[:, 1] + 116, 8)
    # it falls straight, so it stands off the neck, and off the ears, which it covers
    fall = np.interp(p[:, 1], [-110, -60, -10], [1.7, 1.5, 0.9])
    fall += 0.35 * bump(mirrored(p), (66, -22, -18), (30, 40, 30))
    return where * fall * (1 - 0.85 * scalp(p))


def waves(p: np.ndarray) -> np.ndarray:
    """Hills and dales of hair a few centimetres apart, between -1 and 1."""
    along = np.sin(p[:, 1] / 7 + 1.5 * np.sin(p[:, 0] / 23)) * np.sin(p[:, 2] / 8 + 0.7)
    return along * (scalp(p) + curtain(p))


def moustache(p: np.ndarray) -> np.ndarray:
    """The beard of the upper lip."""
    return bump(p, (0, -57, 92), (32, 9, 40)) * beard_cover(p)


def goatee(p: np.ndarray) -> np.ndarray:
    """The beard of the chin."""
    return bump(p, (0, -100, 88), (24, 22, 30)) * beard_cover(p)
