"""Faces as files that other programs open: coloured meshes, in millimetres, y up."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import trimesh

from dcign_tf.pixels import to_levels
from dcign_tf.rendering import srgb
from dcign_tf.rendering.morphable_model import MorphableModel

FORMATS = (".obj", ".ply")


def write_mesh(path: str | os.PathLike, model: MorphableModel, coefficients: np.ndarray) -> None:
    """Writes one identity of a face model as a mesh with a colour at each vertex.

    The vertices are the model's, in its order. Colours are the albedo, without any
    light, in sRGB. PLY has a format for them; in OBJ they follow the coordinates
    (`v x y z r g b`), which most programs read, MeshLab and Blender among them.

    Args:
        path: ends in `.obj` or `.ply`.
        model: the face model.
        coefficients: of the identity, [S + A].

    Raises:
        ValueError: for another ending.
        OSError: if the file cannot be written.
    """
    file_type = Path(path).suffix.lower()
    if file_type not in FORMATS:
        raise ValueError(f"{os.fspath(path)} must end in {' or '.join(FORMATS)}.")
    mesh = trimesh.Trimesh(
        model.vertices_mm(coefficients),
        model.triangles,
        vertex_colors=to_levels(srgb.encode(model.albedo(coefficients))),
        process=False,  # else vertices in one place would be merged, and all renumbered
    )
    mesh.export(os.fspath(path), file_type=file_type[1:])
