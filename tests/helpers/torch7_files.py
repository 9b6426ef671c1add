"""Writes files as Torch7's `torch.save` does, and a small copy of the authors' dataset."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from dcign_tf.errors import DataError

SETS = ("AZ_VARIED", "EL_VARIED", "LIGHT_AZ_VARIED", "SHAPE_VARIED")
KINDS = {"f4": "Float", "f8": "Double", "u1": "Byte"}


def string(text: str) -> bytes:
    return struct.pack("<i", len(text)) + text.encode()


def torch_object(index: int, class_name: str, content: bytes) -> bytes:
    return struct.pack("<ii", 4, index) + string("V 1") + string(class_name) + content


def reference(index: int, kind: int = 4) -> bytes:
    """An object that the file already holds."""
    return struct.pack("<ii", kind, index)


def table(index: int, *entries: tuple[bytes, bytes]) -> bytes:
    content = b"".join(key + value for key, value in entries)
    return struct.pack("<iii", 3, index, len(entries)) + content


def key(text: str) -> bytes:
    return struct.pack("<i", 2) + string(text)


def storage(index: int, values: np.ndarray) -> bytes:
    content = struct.pack("<q", values.size) + values.tobytes()
    return torch_object(index, f"torch.{KINDS[values.dtype.str[1:]]}Storage", content)


def tensor(index: int, kind: str, shape: tuple, strides: tuple, first: int, stored: bytes) -> bytes:
    """`first`, counted from 0, and `strides` in numbers; `stored` is its storage's object."""
    content = struct.pack(f"<i{len(shape)}q", len(shape), *shape)
    content += struct.pack(f"<{len(strides)}qq", *strides, first + 1)
    return torch_object(index, f"torch.{kind}Tensor", content + stored)


def saved(array: np.ndarray) -> bytes:
    """What `torch.save` writes: for an expanded number itself alone, else all in C order."""
    stored = np.ascontiguousarray(array.flat[:1] if not any(array.strides) else array)
    strides = tuple(stride // array.itemsize for stride in array.strides)
    if stored.size > 1:
        strides = tuple(stride // array.itemsize for stride in stored.strides)
    kind = KINDS[array.dtype.str[1:]]
    return tensor(1, kind, array.shape, strides, 0, storage(2, stored))


def black(length: int = 20, size: int = 150) -> np.ndarray:
    """A batch that takes hardly any space, in memory or file."""
    return np.broadcast_to(np.float32(0), (length, 1, size, size))


def batch(seed: int, length: int = 20, size: int = 150) -> np.ndarray:
    """Grey levels of 8 bits, float32 [n, 1, H, W] in [0, 1]."""
    levels = np.random.default_rng(seed).integers(0, 256, (length, 1, size, size))
    return (levels / 255).astype("<f4")


def write_release(
    root: Path,
    make: Callable[[int], np.ndarray] = lambda _: black(),
    training: tuple[int, ...] = (1, 2, 10),
    test: tuple[int, ...] = (1, 2),
) -> None:
    """The four sets, with batches of these numbers.

    `make` gives the tensor for a seed, of which each batch has its own: 1, 2, … in the
    order of sets, parts and `training` or `test`.
    """
    seed = 0
    for name in SETS:
        for part, numbers in (("FT_training", training), ("FT_test", test)):
            folder = root / f"th_{name}" / part
            folder.mkdir(parents=True)
            for number in numbers:
                seed += 1
                (folder / f"batch{number}").write_bytes(saved(make(seed)))


def write_png_folders(
    root: Path, faces: int = 4, images: int = 4, size: int = 36, mode: str = "RGB"
) -> None:
    """The four sets as folders of PNG files; image k of a folder has the level 10·k all over."""
    for name in SETS:
        for face in range(1, faces + 1):
            folder = root / name / f"face_{face}"
            folder.mkdir(parents=True)
            for k in range(images):
                image = Image.new("L", (size, size), 10 * k)
                image.convert(mode).save(folder / f"{k}.png")


def refusal(act: Callable[[], object]) -> str:
    """What a `DataError` says, if there is one; any other error passes."""
    try:
        act()
    except DataError as error:
        return str(error)
    return ""
