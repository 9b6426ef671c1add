"""Samples to learn from and samples to measure on, what belongs together on one side."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import GroupShuffleSplit


def split(
    count: int, train_fraction: float, seed: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the samples to learn from and of those to measure on, at least two of each.

    Args:
        count: of samples.
        train_fraction: of them, or of the groups, are to learn from.
        seed: of the choice.
        groups: of what each sample is, integers [N]: all of one are on one side.
            Without them each sample is of its own.

    Raises:
        ValueError: if there are too few, or not as many groups as samples.
    """
    own = np.arange(count) if groups is None else np.asarray(groups)
    if own.shape != (count,):
        raise ValueError(f"Groups {own.shape} must be [{count}], one a sample.")
    num_groups = len(np.unique(own))
    num_train = round(train_fraction * num_groups)
    train = test = np.zeros(0, int)
    if 0 < num_train < num_groups:
        splitter = GroupShuffleSplit(1, train_size=num_train, random_state=seed)
        train, test = next(splitter.split(own, groups=own))
    if len(train) < 2 or len(test) < 2:
        what = "" if groups is None else f" of {num_groups} groups"
        raise ValueError(
            f"{count} samples{what}, {train_fraction:g} of them to learn from: each part needs 2."
        )
    return train, test
