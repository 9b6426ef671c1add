"""A morphable head that needs no data: sculpted, painted and varied by code.

It stands in wherever the Basel Face Model, which the paper rendered, may not be
used: same form, same conventions, made in about a second from nothing. The mean is
sculpted (`sculpture`, `mesh`), varied (`shape_basis`) and painted (`paint`).
"""

from __future__ import annotations

import functools

from dcign_tf.rendering.head.mesh import head_mesh
from dcign_tf.rendering.head.paint import head_paint
from dcign_tf.rendering.head.shape_basis import shape_basis_mm
from dcign_tf.rendering.morphable_model import MorphableModel

# Bump whenever geometry, components or colours change: data versions hang on it.
VERSION = "procedural-head-3"


@functools.cache
def procedural_head() -> MorphableModel:
    """The procedural head: its mean face, shape components and albedo components.

    Returns:
        A `MorphableModel` of some 9,000 vertices in millimetres; every call
        returns the same object.
    """
    mesh = head_mesh()
    mean_albedo, albedo_basis = head_paint(mesh)
    return MorphableModel(
        name=VERSION,
        mean_mm=mesh.vertices_mm.astype("float32"),
        triangles=mesh.triangles,
        shape_basis_mm=shape_basis_mm(mesh),
        mean_albedo=mean_albedo,
        albedo_basis=albedo_basis,
        fingerprint=VERSION,
    )
