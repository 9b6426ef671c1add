"""Several things at a time, and yet as if one by one."""

from __future__ import annotations

import os
import threading
import time

import numpy as np  # noqa: F401  (whose BLAS has threads)
import pytest
import threadpoolctl

from dcign_tf import resources
from dcign_tf.concurrency import (
    available_workers,
    concurrently,
    limit_threads,
    set_workers,
    tensorflow_threads,
)

VARIABLES = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


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
    assert len(list(concurrently(lambda _: both.wait(), range(4), at_once=2))) == 4


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


@pytest.fixture
def machine(monkeypatch):
    """One of 64 cores of which a container has 8, and 5 GiB of memory; nothing is set by hand."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr(resources, "num_cpus", lambda: 8)
    monkeypatch.setattr(resources, "memory_bytes", lambda: 5 << 30)
    yield
    set_workers(None)


@pytest.mark.usefixtures("machine")
class TestWorkers:
    @pytest.mark.parametrize(
        ("bytes_each", "expected"), [(0, 8), (1 << 20, 8), (1 << 30, 5), (3 << 30, 1), (9 << 30, 1)]
    )
    def test_there_are_as_many_as_cores_that_memory_has_room_for(self, bytes_each, expected):
        assert available_workers(bytes_each) == expected

    def test_by_hand_is_by_hand(self):
        set_workers(20)
        assert available_workers() == available_workers(1 << 40) == 20

    def test_one_by_hand_is_one_thread(self):
        set_workers(1)
        at_a_time, most = [], []

        def count(_: int) -> None:
            at_a_time.append(1)
            most.append(len(at_a_time))
            time.sleep(0.02)
            at_a_time.pop()

        list(concurrently(count, range(5)))
        assert max(most) == 1


@pytest.mark.usefixtures("machine")
class TestThreadsOfLibraries:
    @pytest.fixture(autouse=True)
    def _as_before(self, monkeypatch):
        for name in VARIABLES:
            monkeypatch.setenv(name, "")  # so that it is as before at the end
            monkeypatch.delenv(name)
        with threadpoolctl.threadpool_limits():
            yield

    def test_they_are_those_of_the_container(self):
        assert tensorflow_threads() == 64
        limit_threads()
        assert [os.environ[name] for name in VARIABLES] == ["8", "8", "8"]
        assert tensorflow_threads() == 8

    def test_libraries_that_are_loaded_are_told(self):
        set_workers(1)
        limit_threads()
        of_blas = [i for i in threadpoolctl.threadpool_info() if i["user_api"] == "blas"]
        assert {info["num_threads"] for info in of_blas} == {1}

    def test_without_a_limit_they_are_left_to_themselves(self):
        set_workers(64)
        limit_threads()
        assert not {*VARIABLES} & {*os.environ}

    def test_what_was_decided_outside_stays(self, monkeypatch):
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
        limit_threads()
        assert tensorflow_threads() == 3
