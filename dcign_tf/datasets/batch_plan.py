"""Who decides what a batch shows: which factor varies in it, and which of its sweeps it is of.

The paper (§3.1) draws the factor of every batch with fixed ratios. Here that draw,
and the shuffling of each factor's sweeps, are pure functions of the seed and the
step: a run that is resumed, lengthened, or given other ratios from some step on
sees the same batches up to there. What is read for a batch is `factor_batches`' part.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from typing import cast

import numpy as np

from dcign_tf.datasets.seeding import named_rng

Ratios = Sequence[float] | Sequence[tuple[int, Sequence[float]]]
"""Relative frequencies of the factors, or `(from_step, frequencies)` pairs, the first from 0.

Frequencies are one number for each factor, or two: that of every extrinsic factor and
that of the intrinsic one, which is the last. The paper's 1:1:1:10 is also (1, 10).
"""

_BLOCK = 4096


class BatchPlan:
    """An endless sequence of (factor, sweep), both by index.

    A step may take R entries: batch r of step s is of entry s·R + r. Every factor's sweeps
    are used once, in random order, before one is used again. A factor without sweeps is
    never drawn.

    Examples:
        >>> plan = BatchPlan([250, 250, 250, 250], ratios=[1, 1, 1, 10], seed=0)
        >>> factor, sweep = plan[7]

    Args:
        num_sweeps: number of sweeps of each factor.
        ratios: see `Ratios`.
        seed: another seed draws other factors and other orders.
        batches_per_step: R.

    Raises:
        ValueError: if ratios do not fit the factors, or at some step leave none that has sweeps.
    """

    def __init__(
        self, num_sweeps: Sequence[int], *, ratios: Ratios, seed: int, batches_per_step: int = 1
    ):
        self._num_sweeps = list(num_sweeps)
        self._from_step, self._cumulative = _parse(ratios, np.array(self._num_sweeps) > 0)
        if batches_per_step < 1:
            raise ValueError(f"batches_per_step is {batches_per_step}; it must be at least 1.")
        self._seed = seed
        self._batches_per_step = batches_per_step
        self._factors: list[np.ndarray] = []  # blocks of `_BLOCK` entries
        self._uses: list[np.ndarray] = []  # how often an entry's factor came before it
        self._total_uses = np.zeros(len(self._num_sweeps), np.int64)
        self._lock = threading.Lock()
        self._order = functools.lru_cache(maxsize=2 * len(self._num_sweeps))(self._shuffle)

    def __getitem__(self, entry: int) -> tuple[int, int]:
        block, position = divmod(int(entry), _BLOCK)
        with self._lock:
            while len(self._factors) <= block:
                self._append_block()
            factor = int(self._factors[block][position])
            epoch, rank = divmod(int(self._uses[block][position]), self._num_sweeps[factor])
            return factor, int(self._order(factor, epoch)[rank])

    def _append_block(self) -> None:
        block = len(self._factors)
        steps = (block * _BLOCK + np.arange(_BLOCK)) // self._batches_per_step
        cumulative = self._cumulative[np.searchsorted(self._from_step, steps, side="right") - 1]
        drawn = named_rng(self._seed, "factor", block).random(_BLOCK)
        factors = (drawn[:, np.newaxis] >= cumulative).sum(axis=1, dtype=np.int32)
        uses = np.empty(_BLOCK, np.int64)
        for factor, before in enumerate(self._total_uses):
            chosen = factors == factor
            uses[chosen] = before + np.arange(chosen.sum())
            self._total_uses[factor] += chosen.sum()
        self._factors.append(factors)
        self._uses.append(uses)

    def _shuffle(self, factor: int, epoch: int) -> np.ndarray:
        rng = named_rng(self._seed, "order", factor, epoch)
        return rng.permutation(self._num_sweeps[factor])


def _parse(ratios: Ratios, has_sweeps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First steps [P] of the periods, and cumulative probabilities in each [P, num_factors].

    Args:
        ratios: as they were given.
        has_sweeps: of each factor, bool [num_factors].
    """
    is_constant = all(np.isscalar(ratio) for ratio in ratios)
    schedule = cast(Sequence[tuple[int, Sequence[float]]], [(0, ratios)] if is_constant else ratios)
    from_step = np.array([start for start, _ in schedule])
    if not len(from_step) or from_step[0] != 0 or (np.diff(from_step) <= 0).any():
        raise ValueError(
            f"The steps of a schedule of ratios must begin with 0 and increase, "
            f"got {from_step.tolist()}."
        )
    rows = [_frequencies(frequencies, len(has_sweeps)) for _, frequencies in schedule]
    cumulative = np.cumsum(np.array(rows) * has_sweeps, axis=1)
    if not cumulative[:, -1].all():
        raise ValueError("A factor is drawn, but none that is has a sweep.")
    return from_step, cumulative / cumulative[:, -1:]


def _frequencies(given: Sequence[float], num_factors: int) -> np.ndarray:
    """A number for each factor, float64 [num_factors]."""
    values = np.asarray(given, float)
    if values.shape == (2,):
        values = np.repeat(values, [num_factors - 1, 1])
    possible = np.isfinite(values).all() and (values >= 0).all() and values.any()
    if values.shape != (num_factors,) or not possible:
        raise ValueError(
            f"Ratios must be {num_factors} numbers of at least 0, not all 0, one for each factor, "
            f"or two, (each extrinsic, intrinsic); got {list(given)}."
        )
    return values
