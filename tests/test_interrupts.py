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
    as_started = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in as_started.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.01)  # it comes between two instructions of the main thread


@pytest.mark.parametrize(
    ("number", "raised"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, interrupts.Terminated)],
)
def test_what_is_put_off_is_raised_when_work_asks(number, raised):
    """A second Ctrl-C at once, and the first at once where work may be torn apart."""
    with interrupts.remembered(), interrupts.put_off():
        assert not interrupts.is_asked()
        send(number)
        assert interrupts.is_asked()
        with pytest.raises(raised):
            interrupts.check()
        with pytest.raises(raised), interrupts.let_through():
            pass
        send(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
    with interrupts.remembered():
        assert not interrupts.is_asked()
        with interrupts.put_off(), interrupts.let_through(), pytest.raises(raised):
            send(number)
        with pytest.raises(raised):
            send(number)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


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


def test_an_error_of_what_the_same_signal_ended_is_not_told():
    """A scheduler sends it to all processes, those of libraries too."""

    def ended(_: int) -> None:
        interrupts._asked = interrupts.Terminated
        raise OSError("a process ended")

    with interrupts.remembered(), pytest.raises(interrupts.Terminated):
        list(concurrently(ended, [1]))


def test_a_process_that_ignores_interrupts_goes_on_ignoring_them():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts.remembered():
        os.kill(os.getpid(), signal.SIGINT)
        interrupts.check()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
