"""Triangles of surfaces that tests make from rows and columns of vertices."""

from __future__ import annotations

import numpy as np


def grid_triangles(rows: int, columns: int, *, wrap: bool = False) -> np.ndarray:
    """int64 [T, 3], two a cell, counter-clockwise where rows run down and columns to the right.

    With `wrap` the last column is joined to the first.
    """
    index = np.arange(rows * columns).reshape(rows, columns)
    right = np.roll(index, -1, axis=1)
    if not wrap:
        index, right = index[:, :-1], right[:, :-1]
    corners = index[:-1], index[1:], right[1:], right[:-1]
    a, b, c, d = (corner.ravel() for corner in corners)
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
