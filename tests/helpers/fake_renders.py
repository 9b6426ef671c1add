"""What the workers of test_generation.py render; imports little, since every worker does."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from pathlib import Path


def render(split: str, index: int) -> bytes:
    """Takes longer for even indices, so that results come back out of order."""
    time.sleep(0.004 * (index % 2 == 0))
    return b"".join(
        hashlib.sha256(f"{split}{index}{block}".encode()).digest() for block in range(300)
    )


def render_slowly(split: str, index: int) -> bytes:
    """Leaves its process number behind, and time to be killed before the second file is full."""
    Path(f"pid-{os.getpid()}").touch()
    time.sleep(60 if (split, index) == ("a", 9) else 0.05)
    return render(split, index)


def render_badly(split: str, index: int) -> bytes:
    if (split, index) == ("a", 4):
        raise ZeroDivisionError("no such face")
    return render(split, index)


def render_and_die(split: str, index: int) -> bytes:
    if (split, index) == ("a", 4):
        os.kill(os.getpid(), signal.SIGKILL)
    return render(split, index)


def render_and_be_told_to_end(split: str, index: int) -> bytes:
    os.kill(os.getpid(), signal.SIGTERM)
    return render(split, index)


def render_and_print(split: str, index: int) -> bytes:
    print("a library that prints", flush=True)
    return render(split, index)


def render_and_exit(split: str, index: int) -> bytes:
    print("a warning\nno graphics here", file=sys.stderr, flush=True)
    os._exit(3)
