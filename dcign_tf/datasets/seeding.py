"""Randomness that is a function of a seed and of names, so that no order of work matters."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence

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


def shuffled(seed: int, names: Sequence[str]) -> np.ndarray:
    """Indices of the names, int64 [n], in random order: by a hash of the seed and the name.

    Two names stand in the same order whatever names there are besides, and however they
    are arranged: what is split by it stays split when some are added.
    """
    hashes = [hashlib.sha256(f"{seed} {name}".encode()).digest() for name in names]
    return np.argsort(np.array(hashes, dtype="S32"), kind="stable")
