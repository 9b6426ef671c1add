"""How many CPUs and how much memory this process may use, and who keeps the memory.

What it may use is a container's, not the host's.

Linux limits a container by control groups. A process is in one of them, and the limits of those
above it hold for it, too. Version 1 has a tree of groups for each kind of resource, version 2 one
for all; some machines have both.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_NO_LIMIT = 1 << 60  # bytes; version 1 has a number near 2^63 for none


def num_cpus(root: Path = Path("/")) -> int:
    """The CPU cores for this process: by affinity and by quotas of its control groups, rounded up.

    Args:
        root: where `proc` and `sys` lie.
    """
    return max(1, min([len(os.sched_getaffinity(0)), *map(math.ceil, _cpu_quotas(root))]))


def memory_bytes(root: Path = Path("/")) -> int:
    """The memory for this process and those beside it in its control groups, in bytes.

    Args:
        root: where `proc` and `sys` lie.
    """
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_memory_limits(root)])


def keep_memory_of_tensors() -> None:
    """Has TensorFlow keep freed memory for its next tensors; to be called before it runs.

    Without that the system takes maps of tens of MB back after each operation, and gives others out
    page by page: a tenth of a training step (docs/performance.md). What whoever started this
    process decided by these variables is left as it is.
    """
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    # The default is 64 GiB, whatever the machine has.
    os.environ.setdefault("TF_CPU_BFC_MEM_LIMIT_IN_MB", str(memory_bytes() >> 20))


def _cpu_quotas(root: Path) -> Iterator[float]:
    """CPU time per time, of each control group that has a limit."""
    for folder in _groups(root, "cpu"):
        whole = _words(folder / "cpu.max")
        parts = _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
        for words in (whole, parts):
            # No limit is "max" in version 2, and -1 in version 1.
            if len(words) == 2 and all(word.isdecimal() and int(word) for word in words):
                yield int(words[0]) / int(words[1])


def _memory_limits(root: Path) -> Iterator[int]:
    for folder in _groups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            for word in _words(folder / name):
                if word.isdecimal() and int(word) < _NO_LIMIT:
                    yield int(word)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's control groups, and of those above, as far as they are seen."""
    of_process = [line.split(":", 2) for line in _lines(root / "proc/self/cgroup")]
    for line in _lines(root / "proc/self/mountinfo"):
        mount, _, file_system = line.partition(" - ")
        *_, mount_root, mount_point = mount.split(" ")[:5]
        kind, _, options = file_system.split(" ")[:3]  # the source may be empty
        if not (kind == "cgroup2" or (kind == "cgroup" and controller in options.split(","))):
            continue
        top = root / mount_point.lstrip("/")
        yield top
        for _, controllers, group in of_process:
            wanted = "" if kind == "cgroup2" else controller
            # A container sees its own group as the top, though it may be told of the host's path.
            below = os.path.relpath(group, mount_root)
            if wanted in controllers.split(",") and not below.startswith("."):
                folder = top / below
                yield from (folder, *(above for above in folder.parents if top in above.parents))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # of another system, or not to be seen
        return []


def _words(file: Path) -> list[str]:
    return " ".join(_lines(file)).split()
