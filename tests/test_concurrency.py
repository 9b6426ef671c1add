"""Several things at a time, and yet as if one by one."""

from __future__ import annotations

import builtins
import io
import os
import threading
import time

import pytest

from dcign_tf import concurrency
from dcign_tf.concurrency import (
    available_bytes,
    available_workers,
    concurrently,
    limit_workers,
)


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


class TestAvailableWorkers:
    @pytest.fixture(autouse=True)
    def machine_of_64_cores(self, monkeypatch):
        monkeypatch.setattr(os, "cpu_count", lambda: 64)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
        monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "64")

    @pytest.mark.parametrize(
        "control_group",
        [
            {"/sys/fs/cgroup/cpu.max": "200000 100000\n"},
            {
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
        ],
        ids=["version 2", "version 1"],
    )
    def test_a_container_of_two_cores_has_two(self, monkeypatch, control_group):
        def exists(path):
            return path in control_group if "cgroup" in str(path) else os.path.lexists(path)

        def open_file(path, *args, **kwargs):
            if path in control_group:
                return io.StringIO(control_group[path])
            return open_before(path, *args, **kwargs)

        open_before = builtins.open
        assert available_workers() == 64 or os.path.exists("/sys/fs/cgroup/cpu.max")
        monkeypatch.setattr(os.path, "exists", exists)
        monkeypatch.setattr(builtins, "open", open_file)
        assert available_workers() == 2

    @pytest.mark.parametrize(
        ("told", "expected"),
        [("1000000\n", 1_000_000), ("max\n", None), (None, None), ("9223372036854771712\n", None)],
    )
    def test_memory_is_what_the_container_allows(self, monkeypatch, tmp_path, told, expected):
        """Nothing, "max" and a number beyond any machine's are no limit."""
        file = tmp_path / "memory.max"
        if told is not None:
            file.write_text(told)
        monkeypatch.setattr(concurrency, "_MEMORY_LIMITS", (file,))
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        assert available_bytes() == (expected or physical)

    def test_a_limit_is_kept_by_processes_and_threads(self):
        limit_workers(1)
        assert available_workers() == 1
        at_a_time, most = [], []

        def count(_: int) -> None:
            at_a_time.append(1)
            most.append(len(at_a_time))
            time.sleep(0.02)
            at_a_time.pop()

        list(concurrently(count, range(5)))
        assert max(most) == 1
