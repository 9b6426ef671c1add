"""Files that are written whole or not at all, and read with one line for what is wrong."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from dcign_tf.errors import DataError, UserError


@contextlib.contextmanager
def writing(path: pathlib.Path) -> Iterator[None]:
    """Turns the failure to write `path` (a full disk, say) into a `UserError`."""
    try:
        yield
    except FileExistsError as error:  # where a directory is to be made
        raise UserError(f"Cannot write {path}: {error.filename} is not a directory.") from error
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror or error}.") from error


@contextlib.contextmanager
def aside(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A name beside `path` for a file or a folder, which at the end is renamed to `path`.

    After an error `path` is as it was, and nothing lies beside it. The temporary name keeps
    the suffix, from which many libraries tell the format.

    Raises:
        OSError: if the folders above cannot be made, or the renaming fails.
    """
    temporary = path.with_name(f".aside-{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    delete(temporary)  # of a process that was killed
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            delete(temporary)


def delete(path: pathlib.Path) -> None:
    """Deletes a file, or a folder and what is in it; there may be none."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_aside(path: pathlib.Path, write: Callable[[pathlib.Path], Any]) -> None:
    """Lets `write` make a file beside `path` and renames it: never half a file.

    Raises:
        UserError: if the file cannot be written (a full disk, say).
    """
    with writing(path), aside(path) as temporary:
        write(temporary)


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes strict JSON, indented, aside and renamed."""
    text = json.dumps(value, indent=2, allow_nan=False) + "\n"
    write_aside(path, lambda aside: aside.write_text(text))


def read_json(path: pathlib.Path, missing: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(missing) from error
    except (OSError, ValueError) as error:
        raise damaged(path, error) from error
    if not isinstance(value, dict):
        raise damaged(path, "it holds no JSON object")
    return value


def sha256(path: pathlib.Path) -> str:
    """The checksum of a file's content, hexadecimal; the file may be larger than the memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_arrays(path: str | os.PathLike, names: Iterable[str], what: str) -> dict[str, np.ndarray]:
    """Arrays of an .npz file that an evaluation wrote.

    Args:
        path: of the file.
        names: of the arrays wanted.
        what: the file holds, to begin a message with, e.g. "The shape read-out".

    Raises:
        FileNotFoundError: if there is no such file.
        UserError: if it is damaged, or lacks an array.
    """
    try:
        with np.load(path) as arrays:
            return {name: arrays[name] for name in names}
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{what} {os.fspath(path)} is damaged ({error}); evaluate.py makes it anew."
        ) from error


def check_disk_space(folder: pathlib.Path, needed: float, what: str) -> None:
    """Raises `DataError` if a folder's disk has less free than `what` needs, in bytes."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"Too little disk space in {folder}: the {what} {needed / 1e9:.2f} GB and"
            f" {free / 1e9:.2f} GB are free; free some or choose another data directory."
        )


def damaged(path: pathlib.Path, what: object) -> UserError:
    return UserError(f"{path} is damaged: {what}. Restore it or delete it.")
