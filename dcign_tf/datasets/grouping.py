"""Which images may form a batch in which one factor varies and all else is held.

For images that were not made for it. A factor's groups hold the images of one
identity that agree in every other factor; the groups of `intrinsic` those that agree
in all factors, of different identities. The images of a group that agree in what
varies too are one *level* of it; a group has two levels at least.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from dcign_tf.factors import INTRINSIC


@dataclasses.dataclass(frozen=True)
class Column:
    """A factor's values, and when two of them are taken for the same.

    Attributes:
        values: float64 [N].
        tolerance: values no further apart than this may be; 0 for equal ones alone.
        period: of a factor that goes round a circle; None for one that does not.
    """

    values: np.ndarray
    tolerance: float = 0.0
    period: float | None = None

    def refine(self, labels: np.ndarray) -> np.ndarray:
        """Divides a partition of the images into parts that agree in this factor.

        Each part, from the smallest value on, takes what lies within the tolerance of
        its first: no two of its values are further apart than that.

        Args:
            labels: int [N], equal for images of the same part.

        Returns:
            int64 [N], numbers from 0 on, in the order of the labels and then the values.
        """
        values = self.values
        if self.period is not None:
            # Half the tolerance on, so that 359.9° and 0.1° are not torn apart.
            values = (values + self.tolerance / 2) % self.period
        order = np.lexsort((values, labels))
        begins = _begins(labels[order], values[order], self.tolerance)
        refined = np.empty(len(order), np.int64)
        refined[order] = np.cumsum(begins) - 1
        return refined


def _begins(labels: np.ndarray, values: np.ndarray, tolerance: float) -> np.ndarray:
    """True [N] where a part begins, of images sorted by label and value."""
    if tolerance == 0:
        return np.append(True, (np.diff(labels) != 0) | (np.diff(values) != 0))[: len(labels)]
    begins = np.zeros(len(labels), bool)
    label, limit = None, 0.0
    slack = 1e-9 * tolerance  # 0.7 + 0.1 is less than 0.8
    for position, (part, value) in enumerate(zip(labels.tolist(), values.tolist(), strict=True)):
        if part != label or value > limit:
            label, limit = part, value + tolerance + slack
            begins[position] = True
    return begins


class Groups:
    """The groups of one factor, and sweeps drawn from them.

    Args:
        images: int [M], numbers of the images that may be shown.
        level: int [M]; equal for images that agree in everything.
        group: int [M]; equal for images that agree in everything but the factor.

    Attributes:
        num_groups: groups of two levels at least.
        num_images: images in them.
        num_left_out: the other images.
    """

    def __init__(self, images: np.ndarray, level: np.ndarray, group: np.ndarray):
        order = np.lexsort((level, group))
        level, group = level[order], group[order]
        begins_group = np.append(True, np.diff(group) != 0)[: len(order)]
        begins_level = begins_group | np.append(True, np.diff(level) != 0)[: len(order)]
        number = np.cumsum(begins_group) - 1
        kept = (np.bincount(number[begins_level]) >= 2)[number]
        self._images = np.asarray(images)[order][kept]
        # Ranges of images: level i is first_of_level[i:i + 2]; ranges of levels likewise.
        begins_level, begins_group = begins_level[kept], begins_group[kept]
        self._first_of_level = np.append(np.flatnonzero(begins_level), len(self._images))
        first_levels = np.flatnonzero(begins_group[begins_level])
        self._first_of_group = np.append(first_levels, len(self._first_of_level) - 1)
        self._end_of_group = self._first_of_level[self._first_of_group[1:]]
        self.num_groups = len(self._end_of_group)
        self.num_images = len(self._images)
        self.num_left_out = len(order) - self.num_images

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Images of a group drawn at random, int64 [count].

        A group is the likelier the more images it holds. All its levels show equally
        often, or as many of them as there is room for.
        """
        group = np.searchsorted(self._end_of_group, rng.integers(self.num_images), side="right")
        first, end = self._first_of_group[group : group + 2]
        rounds = -(-count // (end - first))
        levels = np.concatenate([rng.permutation(np.arange(first, end)) for _ in range(rounds)])
        start, stop = self._first_of_level[levels[:count]], self._first_of_level[levels[:count] + 1]
        return self._images[rng.integers(start, stop)]

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Different groups, int64: all or `count` of them, the larger the likelier.

        In random order, so that the first few are not all of one identity.
        """
        sizes = np.diff(self._end_of_group, prepend=0)
        # Efraimidis and Spirakis (2006): the largest of these are a weighted sample.
        keys = np.log(rng.random(self.num_groups)) / sizes
        return np.argsort(-keys, kind="stable")[:count]

    def show(self, group: int, rng: np.random.Generator, count: int) -> np.ndarray:
        """The images of a group, int64 [count], repeated where it has fewer.

        Where it has more, levels come before further images of the same level.
        """
        first, end = self._first_of_group[group : group + 2]
        start, stop = self._first_of_level[first], self._first_of_level[end]
        shuffled = rng.permutation(np.arange(start, stop))
        level = np.searchsorted(self._first_of_level, shuffled, side="right") - 1
        by_level = np.argsort(level, kind="stable")
        before = np.argsort(by_level) - (self._first_of_level[level] - start)  # of its level
        chosen = shuffled[np.argsort(before, kind="stable")][:count]
        return self._images[np.resize(chosen, count)]


def group_images(
    images: np.ndarray, identity: np.ndarray, columns: Mapping[str, Column]
) -> dict[str, Groups]:
    """The groups of every factor and of `intrinsic` among some of the images.

    Args:
        images: int [M], numbers of images, say those of one subset.
        identity: int [N], of all images.
        columns: factor to its values [N].

    Returns:
        Factor to its groups, of which there may be none.
    """
    identity = np.asarray(identity)[images]
    shown = {
        factor: dataclasses.replace(column, values=column.values[images])
        for factor, column in columns.items()
    }

    def agreeing(labels: np.ndarray, varies: str) -> np.ndarray:
        """The partition refined by every factor but one."""
        for factor, column in shown.items():
            if factor != varies:
                labels = column.refine(labels)
        return labels

    groups = {}
    for factor, column in shown.items():
        held = agreeing(identity, factor)
        groups[factor] = Groups(images, column.refine(held), held)
    held = agreeing(np.zeros(len(images), np.int64), INTRINSIC)
    groups[INTRINSIC] = Groups(images, identity, held)
    return groups
