"""Functions of Python that pipelines of tf.data call, and what becomes of them at the end.

The ending interpreter frees iterators that are still there, such as a script's, and those wait for
their threads. A thread that then wants to call Python is stopped by the interpreter, and waited for
for ever. So before that, calls come to nothing, until what pipelines read ahead is full of that.
"""

from __future__ import annotations

import atexit
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

_QUIET_S = 0.05  # if no call came in it, none comes
_PATIENCE_S = 10.0


class _Calls:
    """Those of all pipelines of this process."""

    def __init__(self):
        self._lock = threading.Lock()
        self._begun = self._ended = 0
        self._are_over = False

    def begin(self) -> None:
        """Raises `StopIteration` at the end: TensorFlow reports no such one."""
        with self._lock:
            self._begun += 1
            if self._are_over:
                self._ended += 1
                raise StopIteration

    def end(self) -> None:
        with self._lock:
            self._ended += 1

    def be_over(self) -> None:
        """Waits until no call is under way, or comes."""
        deadline, seen = time.monotonic() + _PATIENCE_S, 0
        self._are_over = True
        while time.monotonic() < deadline:
            with self._lock:
                before, seen = seen, self._begun
                if self._ended == self._begun == before:
                    return
            time.sleep(_QUIET_S)


_calls = _Calls()
atexit.register(_calls.be_over)


def numpy_function(function: Callable[..., Any], inputs: list[tf.Tensor], types: Any) -> Any:
    """As `tf.numpy_function` of a function without state; the interpreter can always end."""

    @functools.wraps(function)
    def called(*arguments: Any) -> Any:
        _calls.begin()
        try:
            return function(*arguments)
        finally:
            _calls.end()

    return tf.numpy_function(called, inputs, types, stateful=False)
