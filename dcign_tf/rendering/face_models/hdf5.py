"""Reads arrays of HDF5 files; a ValueError says in one line what is missing or of another kind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import h5py
import numpy as np

from dcign_tf.rendering.face_models.basel import wrong
from dcign_tf.rendering.face_models.checks import MOST_BYTES

_BLOCK_VALUES = 1 << 22
_MOST_PACKED = 1100  # times; more than DEFLATE can do


def dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """A dataset of numbers, of whatever shape."""
    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        names = ", ".join(map(str, file)) or "nothing"
        raise wrong(file.filename, f"a dataset {name}", f"only {names}")
    try:
        dtype = found.dtype
    except (TypeError, ValueError) as error:  # a type that NumPy does not have
        raise wrong(file.filename, f"numbers in {name}", f"others ({error})") from error
    if dtype.kind not in "fiu":
        raise wrong(file.filename, f"numbers in {name}", dtype)
    stored = found.id.get_storage_size()
    if found.nbytes > min(MOST_BYTES, _MOST_PACKED * stored):
        raise wrong(
            file.filename,
            f"numbers in {name} that the file can hold, and {MOST_BYTES:,} bytes at most",
            f"{found.nbytes:,} bytes claimed for {stored:,} stored",
        )
    return found


def columns(file: h5py.File, name: str) -> np.ndarray:
    """The columns of a large matrix, as rows, each in one piece of memory: float32."""
    matrix = dataset(file, name)
    if matrix.ndim != 2 or not matrix.size:
        raise wrong(file.filename, f"a matrix {name}", f"one of shape {matrix.shape}")
    rows = np.empty(matrix.shape[::-1], np.float32)
    step = max(1, _BLOCK_VALUES // matrix.shape[1])
    for start in range(0, len(matrix), step):  # a second copy of it all would be too large
        rows[:, start : start + step] = matrix[start : start + step].T
    return rows


@contextlib.contextmanager
def open_hdf5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Opens a file that begins as HDF5 files do.

    Raises:
        OSError: if it is not there, or may not be read.
        ValueError: if it is truncated or damaged, also while it is being read.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (OSError, RuntimeError, KeyError) as error:  # h5py's, for whatever HDF5 reports
        message = str(error).splitlines()[0].strip("'\"")
        raise wrong(path, "a whole HDF5 file", f"a damaged one ({message})") from error
