"""What a mesh's triangles say about it, whatever its shape."""

from __future__ import annotations

import numpy as np
import scipy.sparse


class Topology:
    """Triangles, prepared once for all the identities that share them.

    Args:
        triangles: int [T, 3], counter-clockwise seen from outside.
        num_vertices: V.

    Raises:
        ValueError: if the shape is wrong or a corner is no vertex.
    """

    def __init__(self, triangles: np.ndarray, num_vertices: int):
        triangles = np.asarray(triangles)
        if triangles.ndim != 2 or triangles.shape[1] != 3 or triangles.dtype.kind not in "iu":
            raise ValueError(
                f"triangles must be integers [T, 3], got {triangles.dtype} {triangles.shape}."
            )
        if not len(triangles) or triangles.min() < 0 or triangles.max() >= num_vertices:
            raise ValueError(f"triangles must name vertices 0 to {num_vertices - 1}, at least one.")
        self.num_vertices = num_vertices
        self.corners = np.ascontiguousarray(triangles.T, dtype=np.int32)
        # embreex reads one element at a time: tuples are 5 times quicker for it than rows.
        self.tuples = np.empty(len(triangles), object)
        self.tuples[:] = list(map(tuple, triangles.tolist()))
        incidence = (np.ones(triangles.size, np.float32), triangles.ravel())
        rows = np.arange(0, triangles.size + 1, 3)
        shape = (len(triangles), num_vertices)
        self._vertex_of_triangles = scipy.sparse.csr_array((*incidence, rows), shape).T.tocsr()

    def vertex_normals(self, vertices: np.ndarray) -> np.ndarray:
        """Area-weighted unit normals, float32 [V, 3], of vertices [V, 3]."""
        x, y, z = vertices.T.take(self.corners, axis=1)
        first, second = np.stack([x[1:] - x[0], y[1:] - y[0], z[1:] - z[0]], axis=2)
        normals = self._vertex_of_triangles @ np.cross(first, second)
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        return normals / np.maximum(length, np.float32(1e-12))
