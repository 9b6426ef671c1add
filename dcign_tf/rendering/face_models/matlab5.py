"""Reads matrices of numbers from files of MATLAB 5, which MATLAB still writes as version 6 and 7.

The format is that of MathWorks' "MAT-File Format": a header of 128 bytes, whose last two tell the
order of bytes, and elements: type and length, of 4 bytes each, and so many bytes. A variable is an
element of type 14, or is packed in one of type 15. In it are elements again, each filled up to a
multiple of 8 bytes, those of 4 bytes at most within the 8 of their type and length: flags, sizes
(int32), name, and the numbers, column by column.

Why not SciPy: a type of numbers that it does not know (SciPy 1.17.1) ends the whole process.
"""

from __future__ import annotations

import math
import os
import pathlib
import struct
import zlib
from collections.abc import Collection, Iterator

import numpy as np

from dcign_tf.rendering.face_models.basel import wrong
from dcign_tf.rendering.face_models.checks import MOST_BYTES

_HEADER_BYTES, _BLOCK_BYTES = 128, 1 << 16
_MATRIX, _PACKED = 14, 15
_DTYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"}
_DTYPES |= {12: "i8", 13: "u8"}
_NUMBERS, _COMPLEX = range(6, 16), 0x800  # classes of variables; a flag


def read_matrices(path: str | os.PathLike[str], names: Collection[str]) -> dict[str, np.ndarray]:
    """The variables of these names that the file has, each a matrix, of the type stored.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is damaged or larger than a face model can be, or one of the variables
            is no matrix of numbers.
    """
    content = memoryview(pathlib.Path(path).read_bytes())
    order = "<" if content[_HEADER_BYTES - 2 : _HEADER_BYTES] == b"IM" else ">"
    found = {}
    try:
        for variable in _variables(content, order):
            parts = _Elements(variable, order)
            flags, *_ = parts.numbers(6).tolist() or [0]
            sizes = parts.numbers(5, 6).tolist()
            name = bytes(parts.take(1, 16)[1]).decode("latin-1")
            if name not in names:
                continue
            if len(sizes) != 2 or flags & 0xFF not in _NUMBERS or flags & _COMPLEX:
                raise wrong(path, f"a matrix of numbers in {name}", "something else")
            values = parts.numbers(*_DTYPES)
            if values.size != math.prod(sizes) or min(sizes) < 0:
                raise _Damaged(f"{name} has {values.size:,} numbers for {sizes[0]} × {sizes[1]}")
            found[name] = values.reshape(sizes, order="F")
    except (_Damaged, struct.error, zlib.error) as error:
        raise wrong(path, "a whole MATLAB file", f"a damaged one ({error})") from error
    except _TooLarge:
        raise wrong(path, f"variables of {MOST_BYTES:,} bytes at most", "larger ones") from None
    return found


class _Damaged(Exception):
    """The file is not as it should be; says in what."""


class _TooLarge(Exception):
    """Its variables would take too much memory."""


class _Elements:
    """Takes one after the other off a variable's bytes."""

    def __init__(self, content: memoryview, order: str):
        self._left = content
        self._order = order

    def take(self, *kinds: int) -> tuple[int, memoryview]:
        """Type, one of these, and content of the next one."""
        kind, length = struct.unpack_from(f"{self._order}II", self._left)
        if is_small := kind >> 16:
            kind, length = kind & 0xFFFF, is_small
        start, end = (4, 8) if is_small else (8, 8 + -(-length // 8) * 8)
        content = self._left[start : start + length]
        if len(content) < length or (is_small and length > 4):
            raise _Damaged(f"an element of {length:,} bytes, of which there are not so many")
        if kind not in kinds:
            raise _Damaged(f"an element of type {kind}, which is unknown there")
        self._left = self._left[end:]
        return kind, content

    def numbers(self, *kinds: int) -> np.ndarray:
        """The content of the next one, of one of these types, as [n]."""
        kind, content = self.take(*kinds)
        dtype = np.dtype(f"{self._order}{_DTYPES[kind]}")
        return np.frombuffer(content, dtype, len(content) // dtype.itemsize)


def _variables(content: memoryview, order: str) -> Iterator[memoryview]:
    """What each holds, unpacked."""
    content, left = content[_HEADER_BYTES:], MOST_BYTES
    while content:
        kind, length = struct.unpack_from(f"{order}II", content)
        variable, content = content[8 : 8 + length], content[8 + length :]
        if kind == _PACKED:
            unpacked = _unpacked(variable, left)
            left -= len(unpacked)
            kind, length = struct.unpack_from(f"{order}II", unpacked)
            variable = memoryview(unpacked)[8 : 8 + length]
        if kind != _MATRIX or len(variable) < length:
            raise _Damaged(f"an element of type {kind} that is no variable, or only a part")
        yield variable


def _unpacked(packed: memoryview, most: int) -> bytearray:
    """What was packed by DEFLATE; raises `_TooLarge` before it is more than `most` bytes."""
    unpacked, stream = bytearray(), zlib.decompressobj()
    for start in range(0, len(packed), _BLOCK_BYTES):
        block = packed[start : start + _BLOCK_BYTES]
        while block:
            unpacked += stream.decompress(block, 64 * _BLOCK_BYTES)
            if len(unpacked) > most:
                raise _TooLarge
            block = stream.unconsumed_tail
    if not stream.eof:
        raise _Damaged("a packed variable that ends too early")
    return unpacked
