"""Reads the Basel Face Model of 2009 (Paysan et al., AVSS 2009), `01_MorphableModel.mat`.

MATLAB variables: `shapeMU` [3V, 1], `shapePC` [3V, K] and `shapeEV` [K, 1], in
micrometres; `texMU`, `texPC` and `texEV` alike, from 0 to 255; `tl` [T, 3], triangles,
counted from 1 and clockwise seen from outside. The components are orthonormal, and
what is called EV are standard deviations, not eigenvalues.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np
import scipy.io

from dcign_tf.rendering.face_models.basel import LinearModel, assemble, wrong
from dcign_tf.rendering.face_models.checks import MOST_BYTES
from dcign_tf.rendering.face_models.hdf5 import dataset, open_hdf5
from dcign_tf.rendering.morphable_model import MorphableModel

_HEADER_BYTES, _COMPRESSED = 128, 15  # of a MATLAB 5 file: its length; a kind of element
_BLOCK_BYTES = 1 << 16

VARIABLES = ("shapeMU", "shapePC", "shapeEV", "texMU", "texPC", "texEV", "tl")


def load_basel_2009(path: str | os.PathLike[str]) -> MorphableModel:
    """The model of 2009, as `load_face_model`; the file may have been saved anew by MATLAB."""
    variables = _read(path)
    shape = _model(variables, "shape", per_unit=1000.0)  # micrometres in a millimetre
    colour = _model(variables, "tex", per_unit=255.0)
    counted_from_1 = variables["tl"]
    # Of 32 bits: casting larger ones to integers gives any.
    possible = np.abs(counted_from_1.astype(np.float64)) < 1 << 31
    if not possible.all() or (counted_from_1 % 1).any():
        raise wrong(path, "whole numbers of vertices in tl", "others")
    triangles = counted_from_1.astype(np.int64) - 1
    return assemble(path, "basel-2009", shape=shape, colour=colour, triangles=triangles)


def _model(variables: Mapping[str, np.ndarray], prefix: str, per_unit: float) -> LinearModel:
    return LinearModel(
        mean=variables[f"{prefix}MU"].ravel(),
        # MATLAB's order is by columns: their transpose lies in memory row by row.
        components=np.ascontiguousarray(variables[f"{prefix}PC"].T, np.float32),
        stddev=variables[f"{prefix}EV"].ravel(),
        per_unit=per_unit,
    )


def _unpacked_bytes(file: BinaryIO) -> int:
    """How much its compressed variables hold, in bytes; or, where that is too much, a part of it.

    Nothing else can be more than the file. What is no MATLAB 5 file has none.
    """
    total, position = 0, _HEADER_BYTES
    while total <= MOST_BYTES:
        file.seek(position)
        if len(tag := file.read(8)) < 8:
            break
        kind, length = struct.unpack("<II", tag)
        position += 8 + length
        packed = zlib.decompressobj() if kind == _COMPRESSED else None
        with contextlib.suppress(zlib.error):
            while packed and length > 0 and total <= MOST_BYTES:
                block = file.read(min(length, _BLOCK_BYTES))
                length -= len(block) or length
                while block and total <= MOST_BYTES:
                    total += len(packed.decompress(block, 64 * _BLOCK_BYTES))
                    block = packed.unconsumed_tail
    file.seek(0)
    return total


def _read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The variables, checked to be matrices of numbers."""
    with open(path, "rb") as file:
        if _unpacked_bytes(file) > MOST_BYTES:
            raise wrong(path, f"variables of {MOST_BYTES:,} bytes at most", "larger ones")
        try:
            variables = scipy.io.loadmat(file, variable_names=VARIABLES)
        except NotImplementedError:  # version 7.3, which is HDF5
            with open_hdf5(path) as hdf5:  # in the order of C: matrices lie transposed in it
                return {name: dataset(hdf5, name)[()].T for name in VARIABLES}
        except Exception as error:  # its reader lets out whatever damaged bytes lead to
            message = (str(error) or type(error).__name__).splitlines()[0]
            raise wrong(path, "a whole MATLAB file", f"a damaged one ({message})") from error
    for name in VARIABLES:
        if name not in variables:
            others = [other for other in variables if not other.startswith("__")]
            raise wrong(path, f"a variable {name}", f"only {', '.join(others) or 'others'}")
        values = variables[name]
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu" or values.ndim != 2:
            raise wrong(path, f"a matrix of numbers in {name}", "something else")
    return variables
