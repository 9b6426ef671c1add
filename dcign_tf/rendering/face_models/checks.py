"""What any face model must be, whichever file it comes in: measured on its mean face."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import trimesh

from dcign_tf.rendering.topology import Topology

MOST_BYTES = 1 << 30
"""Of all numbers of a model: the real ones hold a quarter of it."""

Wrong = Callable[[str, object], ValueError]
"""Makes the error of a file from what was expected of it and what was found."""

_SIZE_MM = (50, 1000)


def checked_triangles(
    vertices_mm: np.ndarray, shape_basis_mm: np.ndarray, triangles: np.ndarray, wrong: Wrong
) -> np.ndarray:
    """The triangles of a face, wound outwards.

    Args:
        vertices_mm: of the mean face, float32 [V, 3].
        shape_basis_mm: float32 [K, V, 3], at one standard deviation.
        triangles: integers [T, 3], the first vertex being 0, wound either way.
        wrong: what is raised is made with it.

    Returns:
        int32 [T, 3].

    Raises:
        ValueError: if the parts make no face of a head's size that looks along +z, or a
            component moves a vertex further than the face is large.
    """
    with np.errstate(over="ignore"):
        size_mm = float(np.ptp(vertices_mm, axis=0).max())
    if not _SIZE_MM[0] <= size_mm <= _SIZE_MM[1]:  # which NaN is not
        low, high = _SIZE_MM
        raise wrong(f"a face of {low} to {high} mm", f"one of {size_mm:.3g} mm")
    if (change := largest(shape_basis_mm)) > size_mm:
        raise wrong(
            f"shape components that move no vertex by more than the face's {size_mm:.3g} mm",
            f"one of {change:.3g} mm at one standard deviation",
        )
    try:
        Topology(triangles, len(vertices_mm))
    except ValueError as error:
        raise wrong(f"triangles of {len(vertices_mm):,} vertices", str(error).rstrip(".")) from None
    triangles = _wound_outwards(vertices_mm, triangles.astype(np.int32))
    if _faces_elsewhere(vertices_mm, triangles):
        raise wrong("a face that looks along +z, y being up", "one that looks elsewhere")
    return triangles


def largest(values: np.ndarray) -> float:
    """The largest magnitude, infinity where one is no number; without a copy of the array."""
    ends = float(values.min()), float(values.max())
    return max(map(abs, ends)) if np.isfinite(ends).all() else np.inf


def _wound_outwards(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The triangles, all turned over if they are counter-clockwise seen from inside.

    A mask encloses no volume until its openings are closed; a fan of triangles from
    their rims to one point closes them, and adds nothing to a volume measured from there.
    """
    edges = np.sort(trimesh.geometry.faces_to_edges(triangles), axis=1)
    rim = edges[trimesh.grouping.group_rows(edges, require_count=1)].ravel()
    apex = vertices[rim if len(rim) else slice(None)].mean(0, dtype=np.float64)
    a, b, c = (vertices - apex)[triangles.T]
    volume = np.einsum("ij,ij->", a, np.cross(b, c)) / 6
    return triangles if volume >= 0 else np.ascontiguousarray(triangles[:, ::-1])


def _faces_elsewhere(vertices: np.ndarray, triangles: np.ndarray) -> bool:
    """Whether the surface as a whole looks neither forwards nor, as heads without necks do, up.

    The vector area of a surface, outwards, is minus that of its openings: of the
    back of a mask, or of the neck of a head. A closed surface has none, and passes.
    """
    areas = trimesh.triangles.cross(vertices.astype(np.float64)[triangles]) / 2
    total = areas.sum(0)
    if np.linalg.norm(total) < 0.02 * np.linalg.norm(areas, axis=1).sum():
        return False
    axis = int(np.abs(total).argmax())
    return axis == 0 or total[axis] < 0
