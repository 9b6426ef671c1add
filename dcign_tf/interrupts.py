"""Ctrl-C and SIGTERM: no library loses them, and work that must not be torn apart ends first.

Where a library's C code calls Python back and takes any error for "no", the KeyboardInterrupt
that is raised just then is gone. So it is remembered here, and long work asks for it. SIGTERM, with
which schedulers and containers give notice, is an interrupt like Ctrl-C.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

_asked: type[KeyboardInterrupt] | None = None
_is_put_off = False


class Terminated(KeyboardInterrupt):
    """SIGTERM in place of Ctrl-C."""


_RAISED = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}
_UNCHANGED = (signal.default_int_handler, signal.SIG_DFL)


@contextlib.contextmanager
def remembered() -> Iterator[None]:
    """Remembers an interrupt, which is raised at once but where `put_off` holds.

    For the main thread of a process. A signal that the process was started to ignore, or that
    somebody else handles, is left alone.
    """
    global _asked
    before = {number: signal.getsignal(number) for number in _RAISED}
    ours = [number for number, handler in before.items() if handler in _UNCHANGED]
    for number in ours:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
        _asked = None


def _interrupt(number: int, frame: object) -> None:
    global _asked
    is_first, _asked = _asked is None, _RAISED[signal.Signals(number)]
    is_insisted_on = number == signal.SIGINT and not is_first
    if not _is_put_off or is_insisted_on:
        raise _asked


@contextlib.contextmanager
def put_off() -> Iterator[None]:
    """Within it an interrupt raises nothing; `is_asked` tells of it. Only a second Ctrl-C raises.

    A second SIGTERM is no more than the first: schedulers send it to a process and to its group.
    """
    global _is_put_off
    _is_put_off = True
    try:
        yield
    finally:
        _is_put_off = False


@contextlib.contextmanager
def let_through() -> Iterator[None]:
    """Within `put_off`, of work that may be torn apart: raises the interrupt, if there was one."""
    global _is_put_off
    before, _is_put_off = _is_put_off, False
    try:
        check()
        yield
    finally:
        _is_put_off = before


def ask() -> None:
    """As if there had been a SIGTERM: another process of the same work was told to stop."""
    global _asked
    _asked = _asked or Terminated


def is_asked() -> bool:
    """Whether there was an interrupt."""
    return _asked is not None


def check() -> None:
    """Raises what an interrupt does if there was one, and whoever was to hear of it did not."""
    if _asked is not None:
        raise _asked
