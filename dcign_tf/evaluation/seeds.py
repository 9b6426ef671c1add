"""Runs of the same settings but for their seed: which belong together, and how far they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dcign_tf.runs.presets import flattened

NOT_TRAINED_ON = frozenset({"data_dir", "face_model"})
"""Settings that say where things lie, nothing of what was trained."""
_SEEDS = frozenset({"seed", "data.seed"})


class Spread(NamedTuple):
    """How far a number differs between runs.

    Attributes:
        mean: of them.
        std: their sample standard deviation.
        low: the smallest.
        high: the largest.
    """

    mean: float
    std: float
    low: float
    high: float


def spread(values: Sequence[float | None]) -> Spread | None:
    """Of two numbers or more; None if one of them is not known."""
    if len(values) < 2 or None in values:
        return None
    known = np.array(values, np.float64)
    deviation = np.std(known, ddof=1)
    return Spread(*map(float, (known.mean(), deviation, known.min(), known.max())))


def group_by_seed(
    configs: Mapping[str, Mapping[str, Any]], steps: Mapping[str, int]
) -> dict[str, list[str]]:
    """Runs that differ in their seeds alone.

    Args:
        configs: name of a run to its config.
        steps: likewise to how long it was trained.

    Returns:
        What a group is called to its runs, in their order: by the name of the first, behind which
        stands how many they are if they are several.
    """
    alike: dict[str, list[str]] = {}
    for name, config in configs.items():
        settings = flattened(config)
        told = {k: v for k, v in settings.items() if k not in NOT_TRAINED_ON | _SEEDS}
        key = json.dumps([steps[name], told], sort_keys=True, default=str)
        alike.setdefault(key, []).append(name)
    return {
        f"{names[0]} ({len(names)} seeds)" if len(names) > 1 else names[0]: names
        for names in alike.values()
    }
