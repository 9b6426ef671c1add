"""Reads arrays of HDF5 files, and says in one line what was not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import h5py
import numpy as np

from dcign_tf.rendering.face_models.basel import wrong

_BLOCK_VALUES = 1 << 22


class Hdf5Reader:
    """An open HDF5 file.

    Args:
        path: named in errors.
        file: the open file.
    """

    def __init__(self, path: str | os.PathLike[str], file: h5py.File):
        self.path = path
        self._file = file

    def __contains__(self, name: str) -> bool:
        return isinstance(self._file.get(name), h5py.Dataset)

    def array(self, name: str) -> np.ndarray:
        """A dataset of numbers, of whatever shape.

        Raises:
            ValueError: if it is not there.
        """
        return self._dataset(name)[()]

    def columns(self, name: str) -> np.ndarray:
        """The columns of a large matrix, as rows, each in one piece of memory: float32.

        Raises:
            ValueError: if it is not there, or no matrix.
        """
        dataset = self._dataset(name)
        if dataset.ndim != 2 or not dataset.size:
            raise wrong(self.path, f"a matrix {name}", f"one of shape {dataset.shape}")
        columns = np.empty(dataset.shape[::-1], np.float32)
        step = max(1, _BLOCK_VALUES // dataset.shape[1])
        for start in range(0, len(dataset), step):  # a second copy of it all would be too large
            columns[:, start : start + step] = dataset[start : start + step].T
        return columns

    def _dataset(self, name: str) -> h5py.Dataset:
        if name not in self:
            names = ", ".join(map(str, self._file)) or "nothing"
            raise wrong(self.path, f"a dataset {name}", f"only {names}")
        dataset = self._file[name]
        try:
            dtype = dataset.dtype
        except (TypeError, ValueError) as error:  # a type that NumPy does not have
            raise wrong(self.path, f"numbers in {name}", f"others ({error})") from error
        if dtype.kind not in "fiu":
            raise wrong(self.path, f"numbers in {name}", dtype)
        return dataset


@contextlib.contextmanager
def open_hdf5(path: str | os.PathLike[str]) -> Iterator[Hdf5Reader]:
    """Opens a file that begins as HDF5 files do.

    Raises:
        OSError: if it is not there, or may not be read.
        ValueError: if it is truncated or damaged, also while it is being read.
    """
    try:
        with h5py.File(path, "r") as file:
            yield Hdf5Reader(path, file)
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (OSError, RuntimeError, KeyError) as error:  # h5py's, for whatever HDF5 reports
        message = str(error).splitlines()[0].strip("'\"")
        raise wrong(path, "a whole HDF5 file", f"a damaged one ({message})") from error
