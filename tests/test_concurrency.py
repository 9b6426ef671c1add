"""Several things at a time, and yet as if one by one."""

from __future__ import annotations

import threading
import time

import pytest

from dcign_tf.concurrency import concurrently


def test_results_are_in_order_and_few_are_computed_ahead():
    begun = []

    def slow_at_first(item: int) -> int:
        begun.append(item)
        time.sleep(0.02 if item == 0 else 0)
        return -item

    results = concurrently(slow_at_first, iter(range(30)))
    assert next(results) == 0
    assert len(begun) <= 6
    assert list(results) == [-item for item in range(1, 30)]
    assert sorted(begun) == list(range(30))
    assert list(concurrently(slow_at_first, [])) == []


def test_two_are_computed_at_a_time():
    both = threading.Barrier(2, timeout=30)  # passed by two threads only
    assert len(list(concurrently(lambda _: both.wait(), range(4)))) == 4


def test_an_error_comes_in_its_turn_and_ends_it():
    begun = []

    def fails_at_three(item: int) -> int:
        begun.append(item)
        if item == 3:
            raise OSError("three")
        return item

    results = concurrently(fails_at_three, range(100))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="three"):
        list(results)
    assert len(begun) < 12
