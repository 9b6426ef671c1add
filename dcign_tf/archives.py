"""Zip files that a stranger may have made, as checkpoints and .npz files are: what they claim."""

from __future__ import annotations

import os
import pathlib
import zipfile
from collections.abc import Mapping

import numpy as np

from dcign_tf.errors import UserError
from dcign_tf.files import stand_in

_MOST_PACKED, _SMALL = 4, 1 << 24


def most_bytes(path: pathlib.Path) -> int:
    """What an archive can hold: Keras and NumPy compress nothing, but who packs it anew may."""
    return _MOST_PACKED * path.stat().st_size + _SMALL


def check_archive(path: pathlib.Path) -> None:
    """Looks at an archive before anything in it is unpacked.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is none, or claims to hold more than it can.
    """
    with path.open("rb") as file:
        if pointer := stand_in(file.read(200)):
            raise ValueError(f"it is {pointer}")
    if not zipfile.is_zipfile(path):  # of which Keras says that it is not found
        raise ValueError("it is cut short, or of another kind")
    with zipfile.ZipFile(path) as archive:
        claimed = sum(entry.file_size for entry in archive.infolist())
    if claimed > most_bytes(path):
        raise ValueError(f"it claims to hold {claimed:,} bytes, more than such a file can")


def read_arrays(
    path: str | os.PathLike, dimensions: Mapping[str, str | None], what: str
) -> dict[str, np.ndarray]:
    """Arrays of an .npz file that an evaluation wrote.

    Args:
        path: of the file.
        dimensions: name of each array wanted to a letter for each of its dimensions, the same
            for those that are equally long (`{"mean": "n", "covariance": "nn"}`); None for text.
        what: the file holds, to begin a message with, e.g. "The shape read-out".

    Returns:
        The arrays; of numbers, all are finite.

    Raises:
        FileNotFoundError: if there is no such file.
        UserError: if it cannot be read, is damaged, or lacks such an array.
    """
    file = pathlib.Path(path)
    try:
        check_archive(file)
        with np.load(file) as archive:
            arrays = {name: archive[name] for name in dimensions}
        _check_arrays(arrays, dimensions)
    except FileNotFoundError:
        raise
    except (PermissionError, IsADirectoryError) as error:
        raise UserError(f"Cannot read {file}: {error.strerror}.") from error
    except Exception as error:  # whatever damaged bytes lead to
        reason = " ".join(str(error).partition("\n")[0].split()) or type(error).__name__
        raise UserError(
            f"{what} {file} is damaged ({reason[:300].rstrip('.')}); dcign-tf evaluate makes it"
            " anew."
        ) from error
    return arrays


def _check_arrays(arrays: Mapping[str, np.ndarray], dimensions: Mapping[str, str | None]) -> None:
    sizes: dict[str, int] = {}
    for name, letters in dimensions.items():
        array, kinds = arrays[name], "U" if letters is None else "fiu"
        if array.dtype.kind not in kinds or array.ndim != len(letters or ""):
            raise ValueError(f"{name} is {array.dtype} of {array.ndim} dimensions")
        for letter, size in zip(letters or "", array.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ValueError(f"{name} is {array.shape}, and others are of {sizes[letter]:,}")
        if kinds != "U" and not np.isfinite(array).all():
            raise ValueError(f"{name} holds numbers that are not finite")
