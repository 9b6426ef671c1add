"""Ctrl-C that no library loses.

Where a library's C code calls Python back and takes any error for "no", the KeyboardInterrupt
that is raised just then is gone. So it is remembered here, and long work asks for it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

_asked = threading.Event()


@contextlib.contextmanager
def remembered() -> Iterator[None]:
    """Remembers an interrupt, which is raised as ever; for the main thread of a process.

    A process that was started with interrupts ignored goes on ignoring them.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        _asked.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _asked.clear()


def check() -> None:
    """Raises `KeyboardInterrupt` if there was one, and whoever was to hear of it did not."""
    if _asked.is_set():
        raise KeyboardInterrupt
