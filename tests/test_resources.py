"""What a process may use, by made-up control groups."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.resources import keep_memory_of_tensors, memory_bytes, num_cpus

GIB = 1 << 30
V1_CPU = "30 25 0:26 {root} /sys/fs/cgroup/cpu,cpuacct ro shared:1 - cgroup cgroup rw,cpu,cpuacct"
V1_MEMORY = "31 25 0:27 {root} /sys/fs/cgroup/memory ro - cgroup  rw,memory"
V2 = "32 25 0:28 {root} /sys/fs/cgroup ro,nosuid shared:2 - cgroup2 cgroup rw,nsdelegate"
OTHERS = "25 1 8:1 / / rw,relatime shared:3 - ext4 /dev/sda1 rw\n"


@pytest.fixture(autouse=True)
def host_of_64_cores_and_256_gib(monkeypatch):
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 256 * GIB // 4096}
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)


def make_root(
    root: Path, *mounts: str, groups: str, limits: Mapping[str, str] | None = None, top: str = "/"
) -> Path:
    """`/proc` of a process in these control groups, and `/sys/fs/cgroup` with their limits."""
    files = {f"sys/fs/cgroup/{name}": text for name, text in (limits or {}).items()}
    files["proc/self/cgroup"] = groups
    files["proc/self/mountinfo"] = OTHERS + "\n".join(m.format(root=top) for m in mounts)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


def test_without_control_groups_there_is_what_the_machine_has(tmp_path):
    assert (num_cpus(tmp_path), memory_bytes(tmp_path)) == (64, 256 * GIB)


@pytest.mark.parametrize(
    ("limit", "cpus"),
    [
        ("max 100000", 64),
        ("200000 100000", 2),
        ("150000 100000", 2),  # rounded up: with one, a third of the quota would lie idle
        ("1000 100000", 1),
        ("50000 25000", 2),
        ("9999999 1", 64),  # more than the host has
        ("", 64),
        ("nonsense 0", 64),
    ],
)
def test_version_2(tmp_path, limit, cpus):
    root = make_root(tmp_path, V2, groups="0::/", limits={"cpu.max": limit})
    assert num_cpus(root) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("-1", 64), ("200000", 2), ("250000", 3)])
def test_version_1(tmp_path, quota, cpus):
    limits = {"cpu,cpuacct/cpu.cfs_quota_us": quota, "cpu,cpuacct/cpu.cfs_period_us": "100000"}
    root = make_root(tmp_path, V1_CPU, groups="4:cpu,cpuacct:/", limits=limits)
    assert num_cpus(root) == cpus


@pytest.mark.parametrize(("limit", "gib"), [("max", 256), (str(3 * GIB), 3), (str(1 << 50), 256)])
def test_memory_of_version_2(tmp_path, limit, gib):
    root = make_root(tmp_path, V2, groups="0::/", limits={"memory.max": limit})
    assert memory_bytes(root) == gib * GIB


@pytest.mark.parametrize(("limit", "gib"), [("9223372036854771712", 256), (str(3 * GIB), 3)])
def test_memory_of_version_1(tmp_path, limit, gib):
    limits = {"memory/memory.limit_in_bytes": limit}
    root = make_root(tmp_path, V1_MEMORY, groups="7:memory:/", limits=limits)
    assert memory_bytes(root) == gib * GIB


@pytest.mark.parametrize("tightest", ["", "jobs.slice/", "jobs.slice/job_1/"])
def test_the_limits_of_all_groups_above_hold(tmp_path, tightest):
    """As in a job of Slurm or systemd, which sees the host's whole tree."""
    limits = {
        name: "1600000 100000"
        for name in ("cpu.max", "jobs.slice/cpu.max", "jobs.slice/job_1/cpu.max")
    }
    limits[f"{tightest}cpu.max"] = "300000 100000"
    limits["other.slice/cpu.max"] = "100000 100000"
    limits["jobs.slice/memory.max"] = str(5 * GIB)
    root = make_root(tmp_path, V2, groups="0::/jobs.slice/job_1", limits=limits)
    assert (num_cpus(root), memory_bytes(root)) == (3, 5 * GIB)


@pytest.mark.parametrize(
    ("group", "top"),
    [
        ("/docker/abc", "/docker/abc"),  # what it is told is the host's, what is mounted its own
        ("/", "/"),  # a namespace of its own
        ("/docker/abc", "/"),  # the same, entered later
        ("/../../elsewhere", "/"),
    ],
)
def test_a_container_sees_its_group_at_the_top(tmp_path, group, top):
    limits = {
        "cpu,cpuacct/cpu.cfs_quota_us": "200000",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
        "memory/memory.limit_in_bytes": str(GIB),
    }
    groups = f"7:memory:{group}\n4:cpu,cpuacct:{group}\n0::{group}"
    root = make_root(tmp_path, V1_CPU, V1_MEMORY, groups=groups, limits=limits, top=top)
    assert (num_cpus(root), memory_bytes(root)) == (2, GIB)


def test_affinity(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5})
    root = make_root(tmp_path, V2, groups="0::/", limits={"cpu.max": "800000 100000"})
    assert num_cpus(root) == 2


@given(st.integers(1, 10**8), st.integers(1, 10**6))
def test_a_quota_is_rounded_up_and_never_none(tmp_path_factory, quota, period):
    root = make_root(
        tmp_path_factory.mktemp("root"),
        V2,
        groups="0::/",
        limits={"cpu.max": f"{quota} {period}"},
    )
    assert num_cpus(root) == min(64, math.ceil(quota / period))


def test_here_there_is_something():
    assert num_cpus() >= 1
    assert memory_bytes() > 0


class TestMemoryOfTensors:
    @pytest.fixture(autouse=True)
    def _as_before(self, monkeypatch):
        for name in ("TF_CPU_ALLOCATOR_USE_BFC", "TF_CPU_BFC_MEM_LIMIT_IN_MB"):
            monkeypatch.setenv(name, "")  # so that it is as before at the end
            monkeypatch.delenv(name)

    def test_there_is_as_much_as_the_machine_has(self):
        keep_memory_of_tensors()
        assert os.environ["TF_CPU_BFC_MEM_LIMIT_IN_MB"] == str(memory_bytes() >> 20)

    def test_what_was_decided_outside_stays(self, monkeypatch):
        monkeypatch.setenv("TF_CPU_ALLOCATOR_USE_BFC", "false")
        keep_memory_of_tensors()
        assert os.environ["TF_CPU_ALLOCATOR_USE_BFC"] == "false"

    def test_tensorflow_asks_the_system_once(self):
        keep_memory_of_tensors()
        told = subprocess.run(
            [sys.executable, "-c", COUNT_PAGES], check=True, capture_output=True, text=True
        )
        new, of_a_tensor = map(int, told.stdout.split())
        assert new < of_a_tensor


COUNT_PAGES = """
import resource, tensorflow as tf
x = tf.zeros(2**24)
x = x + 1.0
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    x = x + 1.0
after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(after - before, 4 * 2**24 // resource.getpagesize())
"""
