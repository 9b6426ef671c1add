"""Several things at a time, in threads: one sweep is read while another one is encoded."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def concurrently(
    function: Callable[[Item], Result], items: Iterable[Item], *, at_once: int = 2
) -> Iterator[Result]:
    """Yields `function` of each item, in order; a few are computed ahead.

    More than two sweeps at once take more memory and no less time.

    Raises:
        Exception: what the function raises, in its turn; nothing is begun after that.
    """
    items = iter(items)
    pool = ThreadPoolExecutor(at_once)
    ahead = collections.deque(
        pool.submit(function, item) for item in itertools.islice(items, 2 * at_once)
    )
    try:
        while ahead:
            result = ahead.popleft().result()
            ahead.extend(pool.submit(function, item) for item in itertools.islice(items, 1))
            yield result
    finally:  # without waiting: whoever is interrupted may have to end what is running
        pool.shutdown(wait=False, cancel_futures=True)
