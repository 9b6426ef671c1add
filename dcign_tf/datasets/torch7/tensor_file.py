"""Reads a tensor that Torch7's `torch.save` wrote.

The format is that of Torch7's own `File.lua`, `generic/Tensor.c` and
`generic/Storage.c`, in `binary` mode on 64-bit little-endian machines: an int is 4
bytes, a long 8, a string an int and so many bytes. An object is its type (int) and

    nil      nothing            number   float64
    boolean  int                string   string
    table    index, int n, then n keys and values, objects all
    torch    index, string "V 1", string class, then
               tensor:  int d, d longs of sizes, d longs of strides (in numbers, not
                        bytes), long offset (from 1), and its storage, an object
               storage: long n, then n numbers

The index (int) of a table or torch object counts the objects of the file: where one
comes again, it is the index alone.

Why not a package: `torchfile` 0.1.0, last released in 2017, fills up a truncated file
with whatever lies in memory behind it; OpenCV 4's `readTorchBlob` reads well but is gone
from OpenCV 5; PyTorch removed its reader in 1.0.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from dcign_tf.errors import DataError
from dcign_tf.files import stand_in

_DTYPES = {"Float": np.dtype("<f4"), "Double": np.dtype("<f8"), "Byte": np.dtype("u1")}
_NIL, _NUMBER, _STRING, _TABLE, _TORCH, _BOOLEAN = range(6)
_MOST_REPEATED = 10_000_000
_INT, _LONG = np.dtype("<i4"), np.dtype("<i8")


def read_tensor(path: str | os.PathLike[str]) -> np.ndarray:
    """The one tensor in a file of Torch7's, alone or inside (nested) tables.

    Args:
        path: a file in binary mode that holds a single FloatTensor, DoubleTensor or
            ByteTensor, whatever its strides and offset.

    Returns:
        float32, float64 or uint8, of the tensor's own shape; read-only. An empty
        tensor is [0].

    Raises:
        DataError: if the file cannot be read, is truncated, was written as text, or
            holds no such tensor or several.
    """
    path = pathlib.Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error
    if pointer := stand_in(content):
        raise DataError(f"{path} is {pointer}.")
    if re.match(rb"[0-9]\s+[0-9]", content):
        raise DataError(
            f"{path} is a Torch7 file written as text; in Torch7, write it anew as binary:"
            f" torch.save(file, torch.load(file, 'ascii'))."
        )
    reader = _Reader(path, content)
    try:
        reader.object()
    except RecursionError:
        raise reader.fail("tables are nested without end") from None
    if reader.offset < len(content):
        raise reader.fail(f"{len(content) - reader.offset} bytes follow its end")
    if len(reader.tensors) != 1:
        raise DataError(f"{path} holds {len(reader.tensors) or 'no'} tensors; expected one.")
    return reader.tensors[0]


class _Reader:
    """Takes value after value off a file's bytes.

    Attributes:
        offset: of the next byte.
        tensors: those read so far.
    """

    def __init__(self, path: pathlib.Path, content: bytes):
        self.offset = 0
        self.tensors: list[np.ndarray] = []
        self._path = path
        self._content = content
        self._objects: dict[int, Any] = {}

    def fail(self, what: str) -> DataError:
        return DataError(
            f"{self._path} is damaged, or no binary Torch7 file of a 64-bit machine: {what}."
        )

    def object(self) -> Any:
        """A storage as [n], a tensor as an array of its shape; other objects only by their kind."""
        kind = self._int()
        if kind in (_TABLE, _TORCH):
            index = self._int()
            if index not in self._objects:
                self._objects[index] = None  # a table may hold itself
                self._objects[index] = self._torch() if kind == _TORCH else self._table()
            return self._objects[index]
        if kind == _NUMBER:
            self._take(_DTYPES["Double"], 1, "a number")
        elif kind == _BOOLEAN:
            self._int()
        elif kind == _STRING:
            self._string()
        elif kind != _NIL:
            raise self.fail(f"an object of unknown type {kind} at byte {self.offset - 4}")
        return None

    def _table(self) -> None:
        count = self._int()
        if count < 0:
            raise self.fail(f"a table of {count} entries at byte {self.offset - 4}")
        for _ in range(2 * count):
            self.object()

    def _torch(self) -> np.ndarray:
        name = self._string()
        if re.fullmatch(rb"V [0-9.]+", name):  # a version, which the oldest files have not
            name = self._string()
        match = re.fullmatch(rb"torch\.(Float|Double|Byte)(Tensor|Storage)", name)
        if match is None:
            shown = name[:40].decode("ascii", "backslashreplace")
            raise DataError(
                f"{self._path} holds an object of class {shown!r}; expected a torch.FloatTensor,"
                " torch.DoubleTensor or torch.ByteTensor."
            )
        dtype = _DTYPES[match[1].decode()]
        if match[2] == b"Storage":
            return self._take(dtype, self._long(), "the numbers of a storage")
        return self._tensor(dtype)

    def _tensor(self, dtype: np.dtype) -> np.ndarray:
        ndim = self._int()
        shape = self._take(_LONG, ndim, "the sizes of a tensor")
        strides = self._take(_LONG, ndim, "the strides of a tensor")
        first = self._long() - 1
        storage = self.object()
        if not ndim:
            storage, shape, strides, first = np.empty(0, dtype), [0], [1], 0
        size = dtype.itemsize
        try:
            if storage.dtype != dtype or not _is_within(storage.size, shape, strides, first):
                raise ValueError
            tensor = np.ndarray(
                shape, dtype, storage, first * size, [int(stride) * size for stride in strides]
            )
        except (TypeError, ValueError, OverflowError, AttributeError):
            described = "×".join(map(str, shape))
            raise self.fail(f"a tensor of {described} does not fit its storage") from None
        if tensor.size > max(storage.size, _MOST_REPEATED):  # strides of 0 cost the file nothing
            raise self.fail(
                f"a tensor of {'×'.join(map(str, shape))} repeats the {storage.size:,} numbers of"
                f" its storage; at most {_MOST_REPEATED:,} are made so"
            )
        self.tensors.append(tensor)
        return tensor

    def _int(self) -> int:
        return int(self._take(_INT, 1, "an int")[0])

    def _long(self) -> int:
        return int(self._take(_LONG, 1, "a long")[0])

    def _string(self) -> bytes:
        return self._take(_DTYPES["Byte"], self._int(), "a string").tobytes()

    def _take(self, dtype: np.dtype, count: int, what: str) -> np.ndarray:
        left = len(self._content) - self.offset
        needed = count * dtype.itemsize
        if count < 0:
            raise self.fail(f"{what} has the length {count} at byte {self.offset}")
        if needed > left:
            raise DataError(
                f"{self._path} is truncated, or no Torch7 file: {needed:,} bytes of {what} are due"
                f" at byte {self.offset:,}, but only {left:,} are left."
            )
        values = np.frombuffer(self._content, dtype, count, self.offset)
        self.offset += needed
        return values


def _is_within(stored: int, shape: Iterable[int], strides: Iterable[int], first: int) -> bool:
    """Whether a storage of so many numbers has all elements of a tensor.

    NumPy's check of the same overflows: with strides near 2⁶⁰ it lets reads outside memory pass.
    """
    sizes = [int(n) for n in shape]
    if 0 in sizes:
        return True
    steps = [(n - 1) * int(stride) for n, stride in zip(sizes, strides, strict=True)]
    lowest = first + sum(step for step in steps if step < 0)
    highest = first + sum(step for step in steps if step > 0)
    return lowest >= 0 and highest < stored
