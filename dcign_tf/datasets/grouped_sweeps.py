"""Sweeps composed of single pictures by what is known of each, which nobody made for it.

The pictures of an identity that agree in all factors but one form groups (`grouping`); here the
identities are split, and sweeps drawn from the groups of each subset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from dcign_tf.datasets.grouping import Column, Groups, group_images
from dcign_tf.datasets.seeding import named_rng, shuffled
from dcign_tf.datasets.sweeps import SUBSETS, TRAIN_SWEEPS, NumberedSweeps
from dcign_tf.errors import DataError
from dcign_tf.factors import INTRINSIC
from dcign_tf.readouts.calibrated_factor import MIN_IMAGES

FEWEST_IDENTITIES = 2
"""Of a subset: an intrinsic sweep shows different ones."""


class GroupingSettings(Protocol):
    """Settings of a dataset on which the sweeps depend."""

    sweep_length: int
    validation_sweeps: int
    test_sweeps: int
    seed: int


class GroupedSweeps:
    """The groups of all subsets, and sweeps of them.

    Training sweeps are drawn from the groups of their factor, larger ones more often.
    Validation and test have each group once, or some of them, and what is repeated to
    fill a sweep stands behind the `distinct` images.

    Args:
        subset: int [N], of each picture, an index into `SUBSETS`.
        identity: int [N], of each picture.
        columns: factor to what is known of it.
        settings: how long sweeps are, and how many.
        names: factor to what its column is called where the pictures come from.
        where: that place, to begin errors with.
        remedy: what the user can do where there is nothing to validate on, to end an error with.

    Raises:
        DataError: if a factor has no group to train on, or none has one to validate on.
    """

    def __init__(
        self,
        subset: np.ndarray,
        identity: np.ndarray,
        columns: Mapping[str, Column],
        settings: GroupingSettings,
        *,
        names: Mapping[str, str],
        where: str,
        remedy: str,
    ):
        self._settings, self._names, self._where = settings, names, where
        self._is_one_object = len(np.unique(identity)) == 1
        self._groups = {
            name: group_images(np.flatnonzero(subset == i), identity, columns)
            for i, name in enumerate(SUBSETS)
        }
        for factor, groups in self._groups["train"].items():
            if not groups.num_groups and not (factor == INTRINSIC and self._is_one_object):
                raise DataError(self._no_group(factor, groups))
        if not any(groups.num_groups for groups in self._groups["validation"].values()):
            raise DataError(
                f"{where}: no two pictures held out for validation differ in one factor alone."
                f" {remedy}."
            )

    def sweeps(
        self,
        subset: str,
        of_images: Callable[[Callable[[int], np.ndarray], int], NumberedSweeps],
    ) -> dict[str, NumberedSweeps]:
        """Factor to the sweeps of `train`, `validation` or `test` in which it varies.

        Args:
            subset: one of these.
            of_images: makes the sweeps of a function, number of a sweep to its images, int [n],
                and of the number of sweeps.
        """
        return {
            factor: of_images(*self._compose(subset, factor, groups))
            for factor, groups in self._groups[subset].items()
        }

    def __str__(self) -> str:
        """The groups of every subset and factor; goes on where a sentence has begun."""
        row = "{:12}{:20}{:>10}{:>12}{:>14}".format
        lines = ["those that agree in all but one factor form groups:"]
        lines.append(row("subset", "factor", "groups", "pictures", "in no group"))
        for subset, factors in self._groups.items():
            for factor, groups in factors.items():
                numbers = (groups.num_groups, groups.num_images, groups.num_left_out)
                lines.append(row(subset, factor, *map("{:,}".format, numbers)))
        return "\n".join([*lines, *self._remarks()])

    def _remarks(self) -> Iterator[str]:
        """Sentences on what the splits do not allow."""
        if self._is_one_object:
            yield f"With one identity {INTRINSIC} cannot vary: it gets no batch, and no score."
        of_validation = self._groups["validation"]
        few = [factor for factor in self._names if of_validation[factor].num_images < MIN_IMAGES]
        if few:
            yield (
                f"Of {' and '.join(few)} there are fewer than {MIN_IMAGES} validation pictures in"
                " groups: too few to calibrate by, and then no value can be read or asked for. To"
                " hold out more: --config.data.validation_fraction."
            )

    def _compose(
        self, subset: str, factor: str, groups: Groups
    ) -> tuple[Callable[[int], np.ndarray], int]:
        """Sweeps of groups drawn anew to train on, or else each of them, or a sample, once."""
        seed, length = self._settings.seed, self._settings.sweep_length
        chosen = None
        if subset != "train":
            most = getattr(self._settings, f"{subset}_sweeps")
            chosen = groups.sample(named_rng(seed, "groups", subset, factor), most)

        def compose(index: int) -> np.ndarray:
            rng = named_rng(seed, "sweep", subset, factor, index)
            if chosen is None:
                return groups.draw(rng, length)
            return groups.show(chosen[index], rng, length)

        return compose, TRAIN_SWEEPS * bool(groups.num_groups) if chosen is None else len(chosen)

    def _no_group(self, factor: str, groups: Groups) -> str:
        held = [column for f, column in self._names.items() if f != factor]
        agree = f"agree in {', '.join(held)}" * bool(held)
        if factor == INTRINSIC:
            lacking = f"no two identities have pictures that {agree}"
        else:
            differ = f"differ in {self._names[factor]}"
            lacking = f"no identity has two that {' and '.join(filter(None, [agree, differ]))}"
        tolerance = f" or give a tolerance (--config.data.tolerances={held[0]}:1)" if held else ""
        return (
            f"{self._where}: nothing shows how {factor} alone varies: of the"
            f" {groups.num_left_out:,} pictures to train on, {lacking}. Add some{tolerance}."
        )


def split_identities(
    names: Sequence[str], shares: Sequence[float], seed: int, *, where: str, remedy: str
) -> np.ndarray:
    """Index into `SUBSETS` of each identity, by a seeded hash of its name.

    Args:
        names: of the identities.
        shares: of them that are held out: for validation, and for the test if it is of these.
        seed: of the hash.
        where: the pictures come from, to begin an error with.
        remedy: ends the error: what the user can do.

    Raises:
        DataError: if a subset gets too few identities.
    """
    count = len(names)
    held_out = [max(FEWEST_IDENTITIES, round(count * share)) for share in shares]
    if count - sum(held_out) < FEWEST_IDENTITIES:
        numbers = map("{} for {}".format, held_out, SUBSETS[1:])
        raise DataError(
            f"{where}: of {count} {'identity' if count == 1 else 'identities'} none can be held"
            f" out: {' and '.join(numbers)} leave {max(0, count - sum(held_out))} to train on."
            f" {remedy}."
        )
    subset = np.zeros(count, np.int64)
    held_out_first = shuffled(seed, names)
    subset[held_out_first[: sum(held_out)]] = np.repeat(range(1, 1 + len(held_out)), held_out)
    return subset
