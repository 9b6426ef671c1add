"""Locks that go with the process that holds them, however it ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import pathlib
import sys
from collections.abc import Iterator

# Of some network file systems, among them NFS and Lustre.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})


@contextlib.contextmanager
def lock(file: pathlib.Path, *, waiting: str | None = None) -> Iterator[None]:
    """Makes a file, and its folder, and holds it against other processes.

    The holder may delete the file. Where the file system knows no locks, that is said once,
    and nothing is held.

    Args:
        file: of any content.
        waiting: what to say on standard error if another process holds it; it is then
            waited for.

    Raises:
        BlockingIOError: if another process holds it, and nothing was to be said.
        OSError: if it cannot be made.
    """
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            if not file.parent.is_dir():  # the last holder deleted it since the line before
                continue
            raise
        try:
            try:
                is_held = try_to_hold(descriptor)
            except BlockingIOError:
                if waiting is None:
                    raise
                print(waiting, file=sys.stderr, flush=True)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                is_held = True
            if not is_held:
                _say_unprotected(file.parent)
            # The holder before us may have deleted it, and who comes next makes another.
            if is_held and not _is_at(file, descriptor):
                continue
            yield
            return
        finally:
            os.close(descriptor)


def try_to_hold(descriptor: int) -> bool:
    """Locks an open file or folder without waiting; False where there are no locks.

    Raises:
        BlockingIOError: if another one holds it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True


def _is_at(path: pathlib.Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@functools.cache
def _say_unprotected(folder: pathlib.Path) -> None:
    print(
        f"Note: the file system of {folder} knows no locks;"
        " see to it that no other process writes there.",
        file=sys.stderr,
    )
