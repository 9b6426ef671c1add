"""How long a step takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def median_seconds(work: Callable[[], object], count: int, untimed: int = 2) -> float:
    """The median of `count` times of some work, done `untimed` times before: it may compile."""
    seconds = []
    for _ in range(untimed + count):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[untimed:])
