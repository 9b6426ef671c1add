"""Closed solids for furniture, all made one way: rings of points, joined and capped.

A table leg is two rings, a bent tube a ring carried along a path, a cushion a stack of
outlines that grow and shrink again. Two rings, or two points of a ring, in the same
place make a crease: the triangles between them have no area, and the normals on the
two sides are not averaged. Lengths are in millimetres.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import trimesh

from dcign_tf.rendering.chairs.outlines import raised, rounded_rectangle, superellipse

Surface = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Points [N, 3] at coordinates [N], [N]."""

_TIP = 0.02  # a cap's innermost ring, as a part of its outline: too small to be seen


class Mesh(NamedTuple):
    """A closed surface, its triangles counter-clockwise seen from outside."""

    vertices: np.ndarray  # [V, 3]
    triangles: np.ndarray  # int [T, 3]


def loft(rings: np.ndarray, *, closed: bool = False) -> Mesh:
    """Joins rings of points [n, k, 3]; the ends are capped, or joined too if `closed`.

    The ends should be seen whole from their middle (convex ones are).
    """
    rings = np.asarray(rings, float)
    count, size, _ = rings.shape
    index = np.arange(count * size).reshape(count, size)
    if closed:
        index = np.concatenate([index, index[:1]])
    a, b = index[:-1], index[1:]
    quads = a, b, np.roll(b, -1, 1), np.roll(a, -1, 1)
    a, b, c, d = (corner.ravel() for corner in quads)
    triangles = [np.stack([a, b, c], 1), np.stack([a, c, d], 1)]
    vertices = [rings.reshape(-1, 3)]
    if not closed:
        for ring, step in ((rings[0], 1), (rings[-1], -1)):
            rim = count * size + sum(map(len, vertices[1:])) + np.arange(size)[::step]
            middle = np.full(size, rim.max() + 1)
            triangles.append(np.stack([middle, rim, np.roll(rim, -1)], 1))
            vertices += [ring, ring.mean(0, keepdims=True)]
    vertices, triangles = np.concatenate(vertices), np.concatenate(triangles)
    solid = trimesh.triangles.mass_properties(vertices[triangles], skip_inertia=True)
    return Mesh(vertices, triangles if solid["volume"] > 0 else triangles[:, ::-1])


def moved(mesh: Mesh, offset: Sequence[float]) -> Mesh:
    """The mesh shifted by `offset` [3]."""
    return Mesh(mesh.vertices + offset, mesh.triangles)


def mirrored(mesh: Mesh) -> Mesh:
    """The mesh with left and right exchanged."""
    return Mesh(mesh.vertices * (-1, 1, 1), mesh.triangles[:, ::-1])


def turned(mesh: Mesh, angle_deg: float, axis: int = 1) -> Mesh:
    """The mesh turned about a coordinate axis through the origin, by the right-hand rule."""
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    vertices = mesh.vertices.copy()
    vertices[:, first] = cos * mesh.vertices[:, first] - sin * mesh.vertices[:, second]
    vertices[:, second] = sin * mesh.vertices[:, first] + cos * mesh.vertices[:, second]
    return Mesh(vertices, mesh.triangles)


def lying(mesh: Mesh, height: float = 0.0) -> Mesh:
    """A mesh made in the x-y plane laid flat: its y points backward (-z), its z up."""
    return moved(turned(mesh, -90, axis=0), (0, height, 0))


def drape(mesh: Mesh, surface: Surface) -> Mesh:
    """Bends a mesh made about the x-y plane so that the plane becomes `surface`.

    Its x and y become the surface's coordinates, its z the distance from it, positive
    to the side from which x, y are right-handed.
    """
    x, y, z = mesh.vertices.T
    step = 1.0
    across = surface(x + step, y) - surface(x - step, y)
    along = surface(x, y + step) - surface(x, y - step)
    normal = np.cross(across, along)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return Mesh(surface(x, y) + z[:, None] * normal, mesh.triangles)


def slab(
    outline: np.ndarray, thickness: float, *, edge: float = 0.0, dome: float = 0.0, rings: int = 5
) -> Mesh:
    """A plate in the x-y plane, from z = -thickness/2 to thickness/2.

    Args:
        outline: [k, 2], seen whole from its middle.
        thickness: at the outline.
        edge: radius of the rounded rim; at most half the thickness is taken.
        dome: how far the upper face bulges in the middle, the lower one a third of it.
        rings: how finely the faces are divided, for plates that will be draped.
    """
    edge = min(edge, 0.499 * thickness)
    middle = (outline.min(0) + outline.max(0)) / 2
    half = thickness / 2
    side: list[tuple[float, float]] = [(0.0, -half), (0.0, half)]
    scales = np.linspace(_TIP, 1, rings + 1)
    if edge:
        scales = scales[:-1]  # the rounded rim runs on into the face
        turn = np.radians(np.linspace(0, 90, 5))
        lower = [(edge * (1 - np.sin(t)), edge * (1 - np.cos(t)) - half) for t in turn]
        side = lower + [(inset, -z) for inset, z in reversed(lower)]
    size = outline.max(0) - outline.min(0)
    # Narrower by scaling, so that an outline cannot cross itself.
    stack = [raised(middle + (1 - 2 * inset / size) * (outline - middle), z) for inset, z in side]

    def face(rim: np.ndarray, rise: float) -> list[np.ndarray]:
        """Rings from the middle of a face to its rim [k, 3]."""
        heights = rim[0, 2] + rise * (1 - scales**4)  # flat in the middle: no ridges to corners
        return [
            raised(middle + scale * (rim[:, :2] - middle), height)
            for scale, height in zip(scales, heights, strict=True)
        ]

    return loft([*face(stack[0], -dome / 3), *stack, *face(stack[-1], dome)[::-1]])


def level(outline: np.ndarray) -> np.ndarray:
    """An outline [k, 2] as a level ring [k, 3]; its y points backward."""
    return np.stack([outline[:, 0], np.zeros(len(outline)), -outline[:, 1]], 1)


def box(size: Sequence[float], center: Sequence[float], edge: float = 0.0) -> Mesh:
    """A box of `size` [3], its upright edges and its rims rounded by `edge`."""
    outline = rounded_rectangle(size[0], size[2], edge)
    return moved(lying(slab(outline, size[1], edge=edge)), center)


def column(
    top: Sequence[float],
    foot: Sequence[float],
    top_size: float,
    foot_size: float,
    *,
    round_: bool = False,
) -> Mesh:
    """A straight leg between two points [3], its ends level, square or round."""
    if round_:
        section = superellipse(1, 1, count=16)
    else:
        section = rounded_rectangle(1, 1).reshape(4, -1, 2)[:, [0, -1]].reshape(-1, 2)
    ring = level(section)
    return loft([foot_size * ring + foot, top_size * ring + top])


def level_board(ends: Sequence[Sequence[float]], x_size: float, z_size: float) -> Mesh:
    """A straight board between two points [3], its ends level."""
    ring = level(rounded_rectangle(x_size, z_size))
    return loft([ring + end for end in ends])


def lathe(
    profile: Sequence[tuple[float, float]],
    foot: Sequence[float] = (0.0, 0.0, 0.0),
    axis: Sequence[float] = (0.0, 1.0, 0.0),
    count: int = 24,
) -> Mesh:
    """What a lathe turns.

    Args:
        profile: (radius, height) pairs, from one end to the other.
        foot: the point [3] at height 0.
        axis: from there to the point at height 1, [3]; the turned rings stay level.
        count: points around.
    """
    radius, height = np.transpose(profile)
    circle = level(superellipse(2, 2, count=count))
    return loft(radius[:, None, None] * circle + (foot + np.outer(height, axis))[:, None])


def sweep(
    path: np.ndarray,
    section: np.ndarray,
    *,
    side: Sequence[float] | None = None,
    scale: np.ndarray | float = 1.0,
    closed: bool = False,
) -> Mesh:
    """A section carried along a path.

    Args:
        path: [n, 3].
        section: outline [k, 2]: its x lies along `side`, its y across side and path.
        side: [3], never along the path; without it the section does not turn about the path.
        scale: of the section, [n] or one for all.
        closed: whether the path's end is joined to its start.
    """
    path = np.asarray(path, float)
    along = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    if side is None:
        across = _untwisted(along, closed)
    else:
        across = side - along * (along @ side)[:, None]
        across /= np.linalg.norm(across, axis=1, keepdims=True)
    up = np.cross(along, across)
    size = np.broadcast_to(np.asarray(scale, float), len(path))[:, None, None]
    frame = section[None, :, :1] * across[:, None] + section[None, :, 1:] * up[:, None]
    return loft(path[:, None] + size * frame, closed=closed)


def _untwisted(along: np.ndarray, closed: bool) -> np.ndarray:
    """Unit vectors [n, 3] at right angles to a path's directions [n, 3], that turn least."""
    across = np.empty_like(along)
    side = np.cross(along[0], np.eye(3)[np.abs(along[0]).argmin()])
    for i, direction in enumerate(along):
        side = side - direction * (direction @ side)
        side /= np.linalg.norm(side)
        across[i] = side
    if closed:  # what is missing to the start is spread over the path
        end = side - along[0] * (along[0] @ side)
        missing = np.arctan2(np.cross(end, across[0]) @ along[0], end @ across[0])
        turn = (missing * np.arange(len(along)) / len(along))[:, None]
        across = np.cos(turn) * across + np.sin(turn) * np.cross(along, across)
    return across


def tube(path: np.ndarray, diameter: float, *, closed: bool = False, count: int = 12) -> Mesh:
    """A round tube along a path [n, 3]."""
    return sweep(path, superellipse(diameter, diameter, count=count), closed=closed)


def board(
    path: np.ndarray, width: float, thickness: float, side: Sequence[float], edge: float = 0.0
) -> Mesh:
    """A board along a path [n, 3]: `width` along `side`, `thickness` across."""
    section = rounded_rectangle(width, thickness, edge)
    return sweep(path, section, side=side)
