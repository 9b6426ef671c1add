"""Several things at a time: how many, and in threads, so that one is read beside another."""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from dcign_tf import interrupts

Item = TypeVar("Item")
Result = TypeVar("Result")


def limit_workers(count: int) -> None:
    """Lets no more than so many processes or threads of ours work at a time, from now on.

    Nothing that is made depends on how many there are.
    """
    os.environ["LOKY_MAX_CPU_COUNT"] = str(count)  # joblib's own limit, scikit-learn's too


def available_workers() -> int:
    """The CPU cores that this process may use, by affinity and by a container's quota.

    Or fewer, by `limit_workers`.
    """
    import joblib  # which the processes that render do without

    return joblib.cpu_count()


def available_bytes() -> int:
    """Memory that this process may use: the machine's, or what its container allows."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for file in _MEMORY_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # none such, or "max"
            limits.append(int(file.read_text(encoding="ascii")))
    return min(limits)


_MEMORY_LIMITS = (
    pathlib.Path("/sys/fs/cgroup/memory.max"),  # version 2 of control groups
    pathlib.Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),  # version 1
)


def concurrently(
    function: Callable[[Item], Result], items: Iterable[Item], *, at_once: int | None = None
) -> Iterator[Result]:
    """Yields `function` of each item, in order; a few are computed ahead.

    Args:
        function: of an item; called in threads.
        items: of which a few are taken ahead.
        at_once: threads. Without it two, if there are two cores: more sweeps at once take
            more memory and no less time.

    Raises:
        Exception: what the function raises, in its turn; nothing is begun after that.
    """
    items, at_once = iter(items), at_once or min(2, available_workers())
    pool = ThreadPoolExecutor(at_once)
    ahead = collections.deque(
        pool.submit(function, item) for item in itertools.islice(items, 2 * at_once)
    )
    try:
        while ahead:
            result = ahead.popleft().result()
            interrupts.check()
            ahead.extend(pool.submit(function, item) for item in itertools.islice(items, 1))
            yield result
    finally:  # without waiting: whoever is interrupted may have to end what is running
        pool.shutdown(wait=False, cancel_futures=True)
