"""Files that are written whole or not at all, and read with one line for what is wrong."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from dcign_tf.errors import DataError, UserError
from dcign_tf.locks import try_to_hold
from dcign_tf.quantities import data_size

_ASIDE = ".aside-"  # begins the name of a folder
_HELD = ".held"  # is in it


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
    """A name for a file or a folder, which at the end is renamed to `path`.

    It lies in a folder of its own beside `path`, so that several processes can write the same,
    and has the name of `path`, from which many libraries tell the format. After an error `path`
    is as it was, and nothing lies beside it. A process that is killed leaves its folder to
    `sweep`.

    Raises:
        OSError: if the folders above cannot be made, or the renaming fails.
    """
    folder, descriptor = _folder_aside(path.parent)
    try:
        yield folder / path.name
        os.replace(folder / path.name, path)
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            delete(folder)


def _folder_aside(parent: pathlib.Path) -> tuple[pathlib.Path, int]:
    """A new folder, and the descriptor of a file in it that is held against `sweep`."""
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent.absolute())
    while True:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=_ASIDE, dir=parent))
        with contextlib.suppress(FileNotFoundError, BlockingIOError):  # just being swept
            descriptor = os.open(folder / _HELD, os.O_RDWR | os.O_CREAT)
            try:
                try_to_hold(descriptor)
                os.stat(folder)
            except BaseException:
                os.close(descriptor)
                raise
            return folder, descriptor


@functools.cache
def sweep(folder: pathlib.Path) -> None:
    """Deletes what killed processes left aside in a folder; what living ones write stays.

    Where the file system knows no locks, which tell them apart, all stays. Looks only once:
    a folder of many files takes long to list.
    """
    for left in folder.glob(f"{_ASIDE}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(left / _HELD, os.O_RDWR | os.O_CREAT)
            try:
                if left.is_symlink() or not try_to_hold(descriptor):
                    continue
                dead = left.rename(f"{left}-dead")  # who was about to hold it makes another
            finally:
                os.close(descriptor)
            delete(dead)


def delete(path: pathlib.Path) -> None:
    """Deletes a file, or a folder and what is in it; there may be none.

    Of a link only the link is deleted: what it leads to may be another's.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check_writable(path: pathlib.Path, *, is_folder: bool = False) -> None:
    """Checks that a file, or files in a folder, can be written, before anything slow is done.

    Args:
        path: of the file or the folder, which need not exist, nor those above it.
        is_folder: which one.

    Raises:
        UserError: if the place is read-only, or something else lies there.
    """
    with writing(path):
        if not is_folder and path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
        folder = (path if is_folder else path.parent).absolute()
        while not os.path.lexists(folder):
            folder = folder.parent
        tempfile.TemporaryFile(dir=folder).close()


def private_to(path: pathlib.Path) -> str | None:
    """Who alone can read a folder, for a line that says so; None if everybody can."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o005 == 0o005:
        return None
    group = " and its group" if mode & 0o050 == 0o050 else ""
    return f"its owner{group} (mode {mode:o})"


def check_absent(path: pathlib.Path) -> None:
    """Raises `UserError` if there is something at `path`, or nothing can be written there."""
    if os.path.lexists(path):
        raise UserError(f"{path} exists already; delete it or choose another --output.")
    check_writable(path)


def write_aside(path: pathlib.Path, write: Callable[[pathlib.Path], Any]) -> None:
    """Lets `write` make a file beside `path` and renames it: never half a file.

    Raises:
        UserError: if the file cannot be written (a full disk, say).
    """
    with writing(path), aside(path) as temporary:
        write(temporary)


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes text as UTF-8, whatever the locale, aside and renamed."""
    write_aside(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes strict JSON, indented, aside and renamed."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: pathlib.Path, missing: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(missing) from error
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(value, dict):
        raise damaged(path, "it holds no JSON object")
    return value


def sealed(value: Mapping[str, Any], editable: Collection[str] = ()) -> dict[str, Any]:
    """A JSON object with a checksum of all else as its last entry.

    Args:
        value: the object; a checksum that it has is made anew.
        editable: the keys of what a person may change, which it leaves out.
    """
    rest = {key: entry for key, entry in value.items() if key != _SEAL}
    return {**rest, _SEAL: _checksum(rest, editable)}


def unsealed(value: Mapping[str, Any], editable: Collection[str] = ()) -> dict[str, Any]:
    """The object without the checksum of `sealed`, if it has one: earlier releases' has none.

    Raises:
        ValueError: if it does not fit.
    """
    rest = {key: entry for key, entry in value.items() if key != _SEAL}
    if _SEAL in value and value[_SEAL] != _checksum(rest, editable):
        but = f" (only {' and '.join(editable)} may be edited)" if editable else ""
        raise ValueError(f"its content does not fit its checksum{but}")
    return rest


def read_sealed(path: pathlib.Path, missing: str, editable: Collection[str] = ()) -> dict[str, Any]:
    """As `read_json`, of an object that was `sealed`; without its checksum."""
    content = read_json(path, missing)
    try:
        return unsealed(content, editable)
    except ValueError as error:
        raise damaged(path, error) from error


def _checksum(value: Mapping[str, Any], but: Collection[str]) -> str:
    """8 hexadecimal digits of the text that JSON makes of all but these entries."""
    text = json.dumps({key: entry for key, entry in value.items() if key not in but})
    return f"{zlib.crc32(text.encode()):08x}"


def sha256(path: pathlib.Path) -> str:
    """The checksum of a file's content, hexadecimal; the file may be larger than the memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


_SEAL = "checksum"
_PLAIN = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,79}", re.ASCII)
_WITH_DIGEST = re.compile(r".*-[0-9a-f]{10}", re.DOTALL)


def safe_name(name: str) -> str:
    """A name for a file, or a part of one, on any disk; different for different names.

    Short ones of small letters, digits, `_`, `-` and `.` stay as they are; others are made such
    as far as they can be, with a digest of the whole: disks may not tell a from A, or ö from o¨.
    """
    if _PLAIN.fullmatch(name) and not _WITH_DIGEST.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    readable = re.sub(r"[^a-z0-9]+", "_", name.lower(), flags=re.ASCII).strip("_")[:60]
    return f"{readable}-{digest}"


_STAND_INS = {
    b"version https://git-lfs.github.com/spec/": ("Git LFS", "git lfs pull"),
    b"/annex/objects/": ("git-annex", "git annex get"),
}


def stand_in(start: bytes) -> str | None:
    """What a file is, if a version control system left it in place of the one meant.

    Args:
        start: of its content, 100 bytes at least if there are so many.

    Returns:
        The end of a sentence, without its full stop; None for any other file.
    """
    for begins, (system, command) in _STAND_INS.items():
        if start.startswith(begins):
            return (
                f"a pointer of {system}, a few lines of text in place of the file:"
                f" run `{command}` where it was cloned, or download the file itself"
            )
    return None


def pointer_in(path: pathlib.Path) -> str | None:
    """What a file is, as `stand_in` says of its content; None where it cannot be read."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        return stand_in(file.read(200))
    return None


def check_disk_space(folder: pathlib.Path, needed: float, what: str) -> None:
    """Raises `DataError` if a folder's disk has less free than `what` needs, in bytes."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"Too little disk space in {folder}: the {what} {data_size(needed)} and"
            f" {data_size(free)} are free; free some or choose another data directory."
        )


def damaged(path: pathlib.Path, what: object) -> UserError:
    """The error of a file that says `what`, or of what a version control system left for it."""
    if pointer := pointer_in(path):
        return UserError(f"{path} is {pointer}.")
    return UserError(f"{path} is damaged: {what}. Restore it or delete it.")
