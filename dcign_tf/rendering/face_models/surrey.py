"""Reads the shape model of the Surrey Face Model (Huber et al., VISAPP 2016).

The file `sfm_shape_3448.bin` comes with the authors' `eos` library and is not part
of this project. It holds shape only; `surrey_paint` adds colours. Layout, little
endian: int32 version; then the mean [3V, 1], the orthonormal basis [3V, S] and the
variances [S, 1], each as int32 rows, int32 columns and float32 values in column
order; then uint64 T and int32 [T, 3] triangles; then a colour model, of empty matrices.
What follows (texture coordinates) is not needed here. Other face models come in the same
container, and have colours; other versions of it are refused.
"""

from __future__ import annotations

import hashlib
import os
import pathlib

import numpy as np

from dcign_tf.rendering.face_models import surrey_paint
from dcign_tf.rendering.face_models.checks import checked_triangles
from dcign_tf.rendering.morphable_model import MorphableModel


class _Reader:
    """Takes array after array off a file's bytes, and says what was missing."""

    def __init__(self, path: pathlib.Path):
        self._path = path
        self._offset = 0
        self.data = path.read_bytes()

    def fail(self, expected: str, actual: object) -> ValueError:
        return ValueError(
            f"{self._path} is no Surrey face model: expected {expected}, found {actual}."
        )

    @property
    def left(self) -> int:
        """Bytes that were not taken yet."""
        return len(self.data) - self._offset

    def take(self, what: str, dtype: str, count: int) -> np.ndarray:
        """The next `count` values, called `what` where they are missing."""
        size = count * np.dtype(dtype).itemsize
        if not 0 <= size <= self.left:
            raise self.fail(f"{size} bytes of {what} at byte {self._offset}", f"{self.left} bytes")
        values = np.frombuffer(self.data, dtype, count, self._offset)
        self._offset += size
        return values

    def matrix(self, what: str) -> np.ndarray:
        """The next matrix, float32 [rows, columns]."""
        rows, columns = map(int, self.take(f"the size of the {what}", "<i4", 2))
        if rows < 1 or columns < 1:
            raise self.fail(f"a {what}", f"a matrix of {rows} × {columns}")
        values = self.take(f"the {what}", "<f4", rows * columns).reshape(columns, rows).T
        if not np.isfinite(values).all():
            raise self.fail(f"a {what} of finite numbers", "others")
        return values.astype(np.float32)


def load_surrey(path: str | os.PathLike[str]) -> MorphableModel:
    """The Surrey Face Model with painted colours, as `load_face_model`.

    Its axes and millimetres are the file's own, and its fingerprint tells the paint, too.
    """
    reader = _Reader(pathlib.Path(path))
    version = int(reader.take("the version", "<i4", 1)[0])
    if version != 1:
        raise reader.fail("version 1 of eos's container", f"version {version}")
    mean, basis, variance = (reader.matrix(what) for what in ("mean", "basis", "variances"))
    if len(mean) % 3 or mean.shape[1] != 1:
        raise reader.fail("a mean of 3V × 1", f"{mean.shape[0]} × {mean.shape[1]}")
    if len(basis) != len(mean):
        raise reader.fail(f"a basis of {len(mean)} rows, as the mean has", f"{len(basis)} rows")
    if variance.shape != (basis.shape[1], 1) or variance.min() < 0:
        raise reader.fail(
            f"{basis.shape[1]} variances, none negative",
            f"{variance.shape[0]} × {variance.shape[1]}, the least {variance.min():g}",
        )
    mean_mm = mean.reshape(-1, 3)
    with np.errstate(over="ignore", invalid="ignore"):  # which is looked at below
        shape_basis_mm = (basis * np.sqrt(variance[:, 0])).T.reshape(-1, *mean_mm.shape)
    count = int(reader.take("the number of triangles", "<u8", 1)[0])
    triangles = reader.take("the triangles", "<i4", 3 * count).reshape(-1, 3)
    triangles = checked_triangles(mean_mm, shape_basis_mm, triangles, reader.fail)
    if reader.left and (coloured := int(reader.take("the size of the colours", "<i4", 1)[0])):
        raise reader.fail(
            "no colours, as the file that is given out has none",
            f"{coloured:,} values of a mean colour; a Basel Face Model that was converted for eos"
            " is read from the file that it was made of",
        )
    mean_albedo, albedo_basis = surrey_paint.paint(mean_mm)
    digest = hashlib.sha256(reader.data).hexdigest()
    return MorphableModel(
        name=f"surrey-{len(mean_mm)}-paint-{surrey_paint.VERSION}",
        mean_mm=mean_mm,
        triangles=triangles,
        shape_basis_mm=shape_basis_mm,
        mean_albedo=mean_albedo,
        albedo_basis=albedo_basis,
        fingerprint=f"{digest}-paint-{surrey_paint.VERSION}",
    )
