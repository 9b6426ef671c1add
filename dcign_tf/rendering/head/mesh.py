"""The mean head's triangle mesh: skin, ears, and the shells of hair and beard.

A shell is a second skin. Where its height above the skin is negative it is
buried and cannot be seen, so a *linear* model can make hair grow, recede or
vanish: its components move the shell off the skin or into it.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

import numpy as np
import trimesh

from dcign_tf.rendering.head import sculpture
from dcign_tf.rendering.masks import bump, step


class Part(enum.IntEnum):
    """What a vertex belongs to."""

    SKIN = 0
    LEFT_EAR = 1
    RIGHT_EAR = 2
    HAIR = 3
    BEARD = 4


class HeadMesh(NamedTuple):
    """Vertices of the mean head; what stands at each is float64 but for the part."""

    vertices_mm: np.ndarray  # [V, 3]
    triangles: np.ndarray  # int32 [T, 3], counter-clockwise seen from outside
    part: np.ndarray  # int [V], see `Part`
    normal: np.ndarray  # [V, 3], unit; of a shell's vertex, the way it stands off the skin
    skin_mm: np.ndarray  # [V, 3], the point of the skin beneath a shell's vertex, else the vertex


def head_mesh() -> HeadMesh:
    """Builds the mean head: about 9,000 vertices, in a second or so."""
    skin = _closed(sculpture.head_distance, _skin_rays(), Part.SKIN)
    pieces = [skin, _ear(+1), _ear(-1), _hair(), _beard()]
    vertices_mm, triangles, *facts = zip(*pieces, strict=True)
    vertices_mm, triangles = trimesh.util.append_faces(vertices_mm, triangles)
    return HeadMesh(vertices_mm, triangles.astype(np.int32), *map(np.concatenate, facts))


def hairline_deg(azimuth_deg: np.ndarray) -> np.ndarray:
    """Elevation of the hairline seen from the centre of the head, by azimuth."""
    return np.interp(
        np.abs(azimuth_deg),
        [0, 10, 22, 32, 44, 56, 66, 74, 80, 86, 92, 104, 114, 126, 140, 180],
        [43.5, 44.5, 46, 44, 36, 30, 23, 13, 3, 0, 3, 4, -8, -28, -37, -40],
    )


def hairline_height_mm(p: np.ndarray) -> np.ndarray:
    """How far above the hairline a point of the skin lies (negative: bare), mm along the skin."""
    x, y, z = np.moveaxis(p - sculpture.CENTRE_MM, -1, 0)
    azimuth = np.rad2deg(np.arctan2(x, z))
    elevation = np.rad2deg(np.arctan2(y, np.hypot(x, z)))
    return np.deg2rad(elevation - hairline_deg(azimuth)) * np.linalg.norm(p, axis=-1)


def hair_strands(p: np.ndarray) -> np.ndarray:
    """Locks that run down from the crown, between -1 and 1."""
    azimuth = np.arctan2(p[..., 0], p[..., 2] + 4) + 0.25 * np.sin(p[..., 1] / 25)
    return np.tanh(sum(np.cos(n * azimuth + n * n) for n in (5, 8, 11, 13, 17)) / 2)


def beard_cover(p: np.ndarray) -> np.ndarray:
    """1 where a beard grows on the skin, 0 elsewhere, with soft edges."""
    q = sculpture.mirrored(p)
    x, y, z = q[..., 0], q[..., 1], q[..., 2]
    upper_edge = np.interp(x, [0, 14, 24, 34, 50, 62, 70], [-53, -55, -62, -66, -58, -34, -10])
    below = step(upper_edge - y, 3.0)
    front = step(z - np.interp(y, [-110, -60, -10], [26, 10, 6]), 5.0)
    above_neck = step(y + 124, 5.0)
    lips = bump(q, (0, -69, 92), (30, 10.5, 60)) ** 3
    return below * front * above_neck * (1 - np.clip(2.2 * lips, 0, 1))


def _skin_rays() -> np.ndarray:
    """The directions that sample the skin, denser where a face has detail: [rows, columns, 3]."""
    azimuth = _spread(-180, 180, 81, lambda a: 1 + 5.2 * np.exp(-((np.abs(a) / 32) ** 4)))[:-1]

    def detail(e: np.ndarray) -> np.ndarray:
        face = 2.2 * np.exp(-(((e + 9) / 33) ** 4))
        eyes = 2.4 * np.exp(-(((e - 10) / 5.5) ** 2))
        mouth = 1.8 * np.exp(-(((e + 28.5) / 4.5) ** 2))
        return 1 + face + eyes + mouth

    return directions(azimuth, _spread(82, -84, 79, detail)[:, None])


def _closed(distance, rays: np.ndarray, part: Part) -> HeadMesh:
    """The surface that a grid of rays `[rows, columns, 3]` meets, closed at both poles."""
    rows, columns = rays.shape[:2]
    rays = np.concatenate([rays.reshape(-1, 3), [[0, 1, 0], [0, -1, 0]]])
    points = sculpture.cast(distance, rays)
    triangles = _grid_triangles(rows, columns, wrap=True)
    first, last = np.arange(columns), rows * columns - 1 - np.arange(columns)
    top = [np.full(columns, len(rays) - 2), first, np.roll(first, -1)]
    bottom = [np.full(columns, len(rays) - 1), last, np.roll(last, -1)]
    triangles = np.concatenate([triangles, np.stack(top, -1), np.stack(bottom, -1)])
    return HeadMesh(
        points, triangles, np.full(len(points), part), surface_normals(distance, points), points
    )


def _ear(side: int) -> HeadMesh:
    """A polar grid over the auricle: from the concha to the rim, and round its back."""
    rings = np.array([0.2, 0.4, 0.54, 0.66, 0.78, 0.9, 1.0, 0.97, 0.8, 0.55])
    relief = np.array([-7.5, -5.0, 2.0, 2.4, 0.4, 3.6, 2.6, -1.5, -5.0, -22.0])
    angle = np.arange(18) * (2 * np.pi / 18)
    back, up = np.cos(angle), np.sin(angle)
    # wide above, a narrow lobe below; the rim is flat where it meets the face
    outline = np.stack([back * np.where(back > 0, 19, 15) * (1 + 0.22 * up), up * 32], -1)
    rim = np.clip(0.55 + 0.6 * back + 0.35 * up, 0, 1)
    plane = rings[:, None, None] * outline
    height = np.where(rings[:, None] > 0.6, relief[:, None] * rim, relief[:, None])
    height[7:] = relief[7:, None]
    tilt, flare = np.deg2rad(14), np.deg2rad(30)
    u = np.array([np.sin(flare), 0, -np.cos(flare)])
    v = np.array([0, np.cos(tilt), -np.sin(tilt)])
    n = np.array([np.cos(flare), 0, np.sin(flare)])
    points = np.array([71.0, -20.0, -14.0]) + plane @ np.stack([u, v]) + height[..., None] * n
    points = np.vstack([points.reshape(-1, 3), points[0].mean(0) - 0.5 * n])
    points[:, 0] *= side
    triangles = _grid_triangles(len(rings), len(angle), wrap=True)
    inner = np.arange(len(angle))
    hub = np.stack([np.full(len(inner), len(points) - 1), np.roll(inner, -1), inner], -1)
    triangles = np.concatenate([triangles[:, ::-1], hub])
    if side > 0:
        triangles = triangles[:, ::-1]
    normal = np.broadcast_to(n * [side, 1, 1], points.shape).copy()
    part = np.full(len(points), Part.LEFT_EAR if side > 0 else Part.RIGHT_EAR)
    return HeadMesh(points, triangles, part, normal, points)


def _hair() -> HeadMesh:
    """A shell whose rows follow the hairline, so that its edge is a clean line."""
    azimuth = _spread(-180, 180, 69, lambda a: 1 + 0.5 * np.exp(-((np.abs(a) / 70) ** 4)))[:-1]
    line = hairline_deg(azimuth)
    above = 80 + np.linspace(0, 1, 17)[:, None] ** 0.8 * (line - 80)
    below = line + np.linspace(0, 1, 15)[1:, None] ** 1.3 * (-66 - line)
    rays = directions(azimuth, np.concatenate([above, below]))
    shell = _closed(sculpture.skull_distance, rays, Part.HAIR)
    shell = shell._replace(normal=_growth(shell))
    height = hairline_height_mm(shell.skin_mm)
    # thickest on the crown: when hair thins, the hairline recedes before the crown is bare
    thickness = np.interp(height, [-14, -5, 0, 4, 25, 90], [-6, -5, -0.5, 4, 11, 17])
    thickness += 1.3 * np.clip(height / 15, 0, 1) * hair_strands(shell.skin_mm)
    front = np.abs(np.arctan2(shell.skin_mm[:, 0], shell.skin_mm[:, 2])) < 1.15
    # buried deeper down the forehead, so that a fringe grows from the hairline
    thickness -= np.where(front, np.interp(height, [-60, -5], [11, 0]), 0)
    face = front & (shell.skin_mm[:, 1] < 32) & (height < -14)
    underneath = shell.skin_mm[:, 1] < sculpture.NECK_CUT_MM + 6
    return _shell(shell, thickness, keep=~(face | underneath))


def _growth(shell: HeadMesh) -> np.ndarray:
    """Where hair stands off to: along the scalp's normals, lower down away from the neck's axis."""
    away = shell.skin_mm * [1, 0, 1] + [0, 0, 14]
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    low = step(-5 - shell.skin_mm[:, 1:2], 20.0)
    growth = low * away + (1 - low) * shell.normal
    return growth / np.linalg.norm(growth, axis=1, keepdims=True)


def _beard() -> HeadMesh:
    """A shell over every second column of the skin's own grid, so that the two run parallel."""
    rays = _skin_rays()
    rays = rays[:, rays.shape[1] // 2 % 2 :: 2]
    rays = rays[:, 1:][np.abs(rays[:, 0, 1]) < 0.9]  # neither the seam behind nor the poles
    points = sculpture.cast(sculpture.head_distance, rays.reshape(-1, 3))
    normal = surface_normals(sculpture.skull_distance, points)
    triangles = _grid_triangles(*rays.shape[:2], wrap=False)
    shell = HeadMesh(points, triangles, np.full(len(points), Part.BEARD), normal, points)
    cover = beard_cover(points)
    chin = bump(points, (0, -100, 88), (26, 22, 34))
    return _shell(shell, -6.5 + 1.5 * chin - 2.0 * (1 - cover), keep=cover > 0.02)


def _shell(shell: HeadMesh, height_mm: np.ndarray, keep: np.ndarray) -> HeadMesh:
    """Lifts a shell off its skin and drops the triangles with no vertex to keep."""
    used, corners = np.unique(
        shell.triangles[keep[shell.triangles].any(axis=1)], return_inverse=True
    )
    lifted = shell.vertices_mm + height_mm[:, None] * shell.normal
    _, _, *facts = shell
    return HeadMesh(lifted[used], corners.reshape(-1, 3), *(values[used] for values in facts))


def surface_normals(distance, points: np.ndarray) -> np.ndarray:
    """Unit gradient of a distance by central differences: [N, 3]."""
    offsets = 1.5 * np.eye(3)  # mm
    gradient = np.stack([distance(points + o) - distance(points - o) for o in offsets], axis=-1)
    return gradient / np.maximum(np.linalg.norm(gradient, axis=-1, keepdims=True), 1e-9)


def directions(azimuth_deg: np.ndarray, elevation_deg: np.ndarray) -> np.ndarray:
    """Unit vectors `[..., 3]` of directions; azimuth 0 is +z, azimuth 90 is +x."""
    azimuth, elevation = np.broadcast_arrays(np.deg2rad(azimuth_deg), np.deg2rad(elevation_deg))
    across = np.cos(elevation)
    return np.stack([np.sin(azimuth) * across, np.sin(elevation), np.cos(azimuth) * across], -1)


def _spread(start: float, end: float, count: int, density) -> np.ndarray:
    """`count` values from `start` to `end`, their spacing inverse to `density`."""
    fine = np.linspace(start, end, 4001)
    weight = np.concatenate([[0], np.cumsum(density((fine[1:] + fine[:-1]) / 2))])
    return np.interp(np.linspace(0, weight[-1], count), weight, fine)


def _grid_triangles(rows: int, columns: int, wrap: bool) -> np.ndarray:
    """Two triangles a cell; rows run down, columns run to the face's left (+x)."""
    index = np.arange(rows * columns).reshape(rows, columns)
    right = np.roll(index, -1, axis=1)
    if not wrap:
        index, right = index[:, :-1], right[:, :-1]
    a, b, c, d = index[:-1], right[:-1], index[1:], right[1:]
    falling = np.stack([np.stack([a, c, d], -1), np.stack([a, d, b], -1)])
    rising = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)])
    half = (columns + wrap) // 2  # the diagonals of the two halves are mirror images
    return np.concatenate([falling[:, :, :half].reshape(-1, 3), rising[:, :, half:].reshape(-1, 3)])
