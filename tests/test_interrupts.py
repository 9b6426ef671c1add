"""An interrupt that a library swallows."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest

from dcign_tf import interrupts
from dcign_tf.concurrency import concurrently


def interrupt_and_swallow() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)


@pytest.fixture(autouse=True)
def _as_python_starts():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_what_was_swallowed_is_raised_when_work_asks():
    with interrupts.remembered():
        interrupts.check()
        interrupt_and_swallow()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
    interrupts.check()


def test_what_is_done_several_at_a_time_asks():
    with interrupts.remembered():
        results = concurrently(abs, [-1, -2, -3])
        assert next(results) == 1
        interrupt_and_swallow()
        with pytest.raises(KeyboardInterrupt):
            next(results)


def test_a_process_that_ignores_interrupts_goes_on_ignoring_them():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts.remembered():
        os.kill(os.getpid(), signal.SIGINT)
        interrupts.check()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
