"""Several things at a time: how many, and in threads, so that one is read beside another."""

from __future__ import annotations

import collections
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from dcign_tf import interrupts, resources

Item = TypeVar("Item")
Result = TypeVar("Result")


_by_hand: int | None = None


def set_workers(count: int | None) -> None:
    """Says how many processes and threads may work at a time, whatever the machine has.

    Args:
        count: from now on; with None it is counted again.
    """
    global _by_hand
    _by_hand = count


def available_workers(bytes_each: int = 0) -> int:
    """How many processes or threads may work at a time: one for each core that this process has.

    Nothing that is made depends on how many there are.

    Args:
        bytes_each: what one needs; there are no more than the memory has room for.
    """
    if _by_hand is not None:
        return _by_hand
    count = resources.num_cpus()
    if bytes_each:
        count = min(count, resources.memory_bytes() // bytes_each)
    return max(1, count)


def limit_threads() -> None:
    """Keeps the threads of libraries to `available_workers`; to be called before TensorFlow runs.

    They count the cores of the host that a process may be put on, whatever a container's quota is.
    What whoever started this process decided by these variables is left as it is.
    """
    count = available_workers()
    if count >= len(os.sched_getaffinity(0)):
        return
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(count))
    import threadpoolctl  # scikit-learn's

    threadpoolctl.threadpool_limits(count)  # of libraries that are loaded already


def tensorflow_threads() -> int:
    """How many threads TensorFlow shares the work of an operation among: bits may depend on it."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS") or len(os.sched_getaffinity(0)))


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
            try:
                result = ahead.popleft().result()
            finally:  # its error may be of what the same signal ended
                interrupts.check()
            ahead.extend(pool.submit(function, item) for item in itertools.islice(items, 1))
            yield result
    finally:  # without waiting: whoever is interrupted may have to end what is running
        pool.shutdown(wait=False, cancel_futures=True)
