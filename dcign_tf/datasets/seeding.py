"""Random streams named by what they are for, so that nothing depends on the order of work."""

from __future__ import annotations

import zlib

import numpy as np


def named_rng(seed: int, *names: str | int) -> np.random.Generator:
    """A generator that is a function of its arguments alone.

    Streams of different names are independent, so example 7 can be drawn
    without drawing 0 to 6, by any process, before or after a restart.

    Args:
        seed: seed of the whole dataset or run, at least 0.
        *names: what the stream is for, e.g. `"sweep", "train_azimuth", 7`.

    Raises:
        ValueError: if a number is negative.
    """
    key = [zlib.crc32(name.encode()) if isinstance(name, str) else name for name in names]
    return np.random.default_rng([seed, *key])
