"""Checksums of many files, computed again only for files that have changed.

As version control does it: a file whose name, size and time of modification are as
they were has the content that it had. One that was copied or touched is read again
and keeps its checksum; 240,000 pictures need not be read at every start.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from dcign_tf.concurrency import available_workers, concurrently
from dcign_tf.datasets.pictures import MOST_BYTES
from dcign_tf.files import aside
from dcign_tf.progress import Progress

_BYTES = 16
_CHUNK = 256

Item = TypeVar("Item")
Result = TypeVar("Result")


def describe_files(folder: Path, names: Sequence[str]) -> list[bytes | OSError]:
    """What tells of each file, by its name in the folder, that it is as it was.

    Returns:
        16 bytes for each, or the reason why it cannot be used.
    """

    def describe(name: str) -> bytes | OSError:
        try:
            status = os.stat(os.path.join(folder, name))
        except OSError as error:
            return error
        except ValueError as error:  # a name that no file can have
            return OSError(0, str(error))
        if not stat.S_ISREG(status.st_mode):
            return OSError(0, "It is no file")
        if status.st_size > MOST_BYTES:
            return OSError(0, f"It has {status.st_size:,} bytes; at most {MOST_BYTES:,} are taken")
        return _digest(f"{name}\0{status.st_size}\0{status.st_mtime_ns}".encode())

    return list(_of_each(describe, names))


def checksums(
    folder: Path, names: Sequence[str], descriptions: Sequence[bytes], record: Path
) -> list[bytes]:
    """A checksum of the content of each file, 16 bytes.

    Args:
        folder: where the files lie.
        names: of the files.
        descriptions: of `describe_files`.
        record: where checksums are kept from one call to the next.

    Raises:
        OSError: if a file cannot be read, or `record` not be written.
    """
    known = _read_record(record)
    missing = [i for i, description in enumerate(descriptions) if description not in known]
    if missing:
        print(f"Reading {len(missing):,} files for their checksums", file=sys.stderr)
        try:
            with Progress(len(missing)) as progress:
                paths = [Path(folder, names[i]) for i in missing]
                computed = _of_each(lambda path: _digest(path.read_bytes()), paths)
                for index, checksum in zip(missing, computed, strict=True):
                    known[descriptions[index]] = checksum
                    progress.update(1)
        finally:
            _write_record(record, {d: known[d] for d in descriptions if d in known})
    return [known[description] for description in descriptions]


def _of_each(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yields `function` of each item, in order, by threads that wait for a disk or a network."""
    chunks = (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
    at_once = min(8, 4 * available_workers())
    for results in concurrently(lambda c: list(map(function, c)), chunks, at_once=at_once):
        yield from results


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_BYTES).digest()


def _read_record(path: Path) -> dict[bytes, bytes]:
    """Description to checksum; nothing where there is no file, or it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    whole = len(content) // (2 * _BYTES) * 2 * _BYTES
    halves = [content[i : i + _BYTES] for i in range(0, whole, _BYTES)]
    *rows, seal = list(zip(halves[::2], halves[1::2], strict=True)) or [None]
    return dict(rows) if len(content) == whole and seal == _seal(rows) else {}


def _write_record(path: Path, known: dict[bytes, bytes]) -> None:
    rows = list(known.items())
    with aside(path) as temporary:
        temporary.write_bytes(b"".join(map(b"".join, [*rows, _seal(rows)])))


def _seal(rows: Sequence[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """The last row: a checksum of the others, or one bit here would make other data of the same."""
    checksum = _digest(b"".join(map(b"".join, rows)))
    return checksum, checksum
