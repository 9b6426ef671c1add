"""What the Basel Face Models have in common, whichever file they come in.

Both file formats hold a principal component model of shape and one of colour, x y z
and R G B interleaved, and triangles. Their authors made both with x to the face's own
left, y up and z out of the face, and with colours in sRGB; unit, order and winding
differ, and are told in `basel_2009` and `statismo`. `docs/face_models.md` has the
sources. What the axes and the winding come out as is checked here on the mean face.
"""

from __future__ import annotations

import os
import pathlib
from typing import NamedTuple

import numpy as np
import trimesh

from dcign_tf.files import sha256
from dcign_tf.rendering.morphable_model import MorphableModel
from dcign_tf.rendering.topology import Topology

READING_VERSION = 1
"""Raised whenever the same file no longer gives the same model."""

_SIZE_MM = (50, 1000)
_BRIGHTEST = (0.2, 1.2)


class LinearModel(NamedTuple):
    """What a file holds of shape or colour, in its own units.

    Attributes:
        mean: [3V].
        components: float32 [K, 3V], of unit length. Is overwritten: in the real
            models it holds 127 MB.
        stddev: [K].
        per_unit: how many of the file's units are one of ours: a millimetre, or
            what a colour in sRGB at most is.
    """

    mean: np.ndarray
    components: np.ndarray
    stddev: np.ndarray
    per_unit: float


def wrong(path: str | os.PathLike[str], expected: str, actual: object) -> ValueError:
    """The error of a file that is no Basel Face Model, or not all of one."""
    return ValueError(f"{path} is no Basel face model: expected {expected}, found {actual}.")


def assemble(
    path: str | os.PathLike[str],
    name: str,
    *,
    shape: LinearModel,
    colour: LinearModel,
    triangles: np.ndarray,
) -> MorphableModel:
    """The face model, upright and facing the viewer.

    Args:
        path: the file that all of it is from.
        name: of the model, to which the number of vertices is added.
        shape: x to the face's own left, y up, z out of the face.
        colour: sRGB.
        triangles: integers [T, 3], the first vertex being 0, wound either way.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if sizes do not match, values cannot be, or the parts make no face.
    """
    vertices, shape_basis_mm = _in_our_units(path, "shape", shape)
    mean_colour, colour_basis = _in_our_units(path, "colour", colour)
    if len(mean_colour) != len(vertices):
        raise wrong(path, f"colours of {len(vertices):,} vertices", f"{len(mean_colour):,}")
    size_mm = float(np.ptp(vertices, axis=0).max())
    if not _SIZE_MM[0] <= size_mm <= _SIZE_MM[1]:
        low, high = _SIZE_MM
        raise wrong(path, f"a face of {low} to {high} mm", f"one of {size_mm:.3g} mm")
    brightest = float(mean_colour.max())
    if not _BRIGHTEST[0] <= brightest <= _BRIGHTEST[1]:
        raise wrong(path, "colours that reach up to about 1", f"a greatest of {brightest:.3g}")
    try:
        Topology(triangles, len(vertices))
    except ValueError as error:
        raise wrong(
            path, f"triangles of {len(vertices):,} vertices", str(error).rstrip(".")
        ) from None
    triangles = _wound_outwards(vertices, triangles.astype(np.int32))
    if _faces_elsewhere(vertices, triangles):
        raise wrong(path, "a face that looks along +z, y being up", "one that looks elsewhere")
    return MorphableModel(
        name=f"{name}-{len(vertices)}",
        mean_mm=vertices,
        triangles=triangles,
        shape_basis_mm=shape_basis_mm,
        mean_albedo=mean_colour,
        albedo_basis=colour_basis,
        fingerprint=f"{sha256(pathlib.Path(path))}-basel-{READING_VERSION}",
        albedo_is_srgb=True,
    )


def _in_our_units(
    path: str | os.PathLike[str], what: str, model: LinearModel
) -> tuple[np.ndarray, np.ndarray]:
    """The mean, float32 [V, 3], and its change at one standard deviation, float32 [K, V, 3]."""
    mean, components, stddev, per_unit = model
    if mean.size % 3 or not mean.size:
        raise wrong(path, f"a mean {what} of 3V values", f"{mean.size:,}")
    if components.shape != (len(stddev), mean.size) or not len(stddev):
        raise wrong(
            path,
            f"{mean.size:,} × {len(stddev)} values of {what} components, as the mean and the"
            " deviations have",
            f"{components.shape[1]:,} × {components.shape[0]}",
        )
    # Row by row, for the sake of memory.
    if not all(np.isfinite(values).all() for values in (mean, stddev, *components)):
        raise wrong(path, f"a {what} model of finite numbers", "others")
    if stddev.min() < 0:
        raise wrong(path, f"{what} deviations, none negative", f"{stddev.min():g}")
    components *= (stddev / per_unit).astype(np.float32)[:, None]
    mean = (mean / per_unit).astype(np.float32)
    return mean.reshape(-1, 3), components.reshape(len(stddev), -1, 3)


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
