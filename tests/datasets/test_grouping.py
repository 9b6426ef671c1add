"""Groups of images that agree in all but one factor, against what the words say."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dcign_tf.datasets.grouping import Column, Groups, group_images
from dcign_tf.factors import INTRINSIC

# Three identities, a full grid of 3 azimuths × 2 elevations, and a few irregular ones.
GRID = [(who, az, el) for who in range(3) for az in (-30, 0, 40) for el in (0, 15)]
EXTRA = [(0, 90, 0), (1, 0, 70), (3, 0, 0), (3, 17, 33)]
IDENTITY, AZIMUTH, ELEVATION = np.array([*GRID, *EXTRA], float).T
COLUMNS = {"azimuth": Column(AZIMUTH), "elevation": Column(ELEVATION)}
ALL = np.arange(len(IDENTITY))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def members(groups: Groups) -> list[list[int]]:
    """The images of each group, in order."""
    count = groups.num_images
    return [sorted(set(groups.show(g, rng(), count).tolist())) for g in range(groups.num_groups)]


class TestGroupImages:
    @pytest.fixture(scope="class")
    def groups(self) -> dict[str, Groups]:
        return group_images(ALL, IDENTITY, COLUMNS)

    def test_counts(self, groups):
        counts = {f: (g.num_groups, g.num_images, g.num_left_out) for f, g in groups.items()}
        assert counts == {
            # Every identity at either elevation; (1, 0, 70) and both of identity 3 are alone.
            "azimuth": (6, 19, 3),
            # Every identity at every azimuth; (0, 90, 0) and both of identity 3 are alone.
            "elevation": (9, 19, 3),
            # Every pose of the grid; the front one of identity 3 too.
            INTRINSIC: (6, 19, 3),
        }

    def test_only_the_factor_varies_within_a_group(self, groups):
        table = np.stack([AZIMUTH, ELEVATION, IDENTITY])
        for number, factor in enumerate(groups):
            for images in members(groups[factor]):
                varies = [len(np.unique(row)) > 1 for row in table[:, images]]
                expected = [False, False, False]
                expected[number] = True
                assert varies == expected

    def test_some_of_the_images(self):
        subset = np.flatnonzero(IDENTITY == 1)
        groups = group_images(subset, IDENTITY, COLUMNS)
        shown = [image for group in members(groups["elevation"]) for image in group]
        assert sorted(shown) == subset.tolist()
        assert groups[INTRINSIC].num_groups == 0
        assert groups[INTRINSIC].num_left_out == len(subset)

    def test_one_factor_alone(self):
        groups = group_images(ALL, IDENTITY, {"azimuth": Column(AZIMUTH)})
        assert len(members(groups["azimuth"])) == 4
        assert len(members(groups[INTRINSIC])) == 3

    def test_none_of_the_images(self):
        groups = group_images(ALL[:0], IDENTITY, COLUMNS)
        assert {g.num_groups for g in groups.values()} == {0}
        assert {g.num_left_out for g in groups.values()} == {0}

    def test_a_tolerance_of_what_is_held(self):
        noisy = ELEVATION + rng(1).uniform(-1, 1, len(ELEVATION))
        exact = group_images(ALL, IDENTITY, {**COLUMNS, "elevation": Column(noisy)})
        assert exact["azimuth"].num_groups == exact[INTRINSIC].num_groups == 0
        columns = {**COLUMNS, "elevation": Column(noisy, tolerance=2)}
        tolerant = group_images(ALL, IDENTITY, columns)
        expected = group_images(ALL, IDENTITY, COLUMNS)
        assert sorted(members(tolerant["azimuth"])) == sorted(members(expected["azimuth"]))
        assert sorted(members(tolerant[INTRINSIC])) == sorted(members(expected[INTRINSIC]))

    def test_a_tolerance_of_what_varies(self):
        """Values within it do not vary."""
        values = np.array([0.0, 0.5, 10.0, 10.4, 20.0, 20.3])
        identity = np.array([0, 0, 0, 1, 1, 2])
        group = group_images(np.arange(6), identity, {"azimuth": Column(values, tolerance=1)})
        assert members(group["azimuth"]) == [[0, 1, 2], [3, 4]]

    def test_a_circle(self):
        identity, azimuth = np.zeros(4), np.array([0, 360, 90, 450])
        line = group_images(np.arange(4), identity, {"azimuth": Column(azimuth, 0)})["azimuth"]
        circle = Column(azimuth, period=360)
        groups = group_images(np.arange(4), identity, {"azimuth": circle})["azimuth"]
        drawn = azimuth[line.draw(rng(), 4)]
        assert sorted(drawn) == [0, 90, 360, 450]
        for seed in range(20):
            assert sorted(azimuth[groups.draw(rng(seed), 2)] % 360) == [0, 90]

    def test_a_circle_is_not_cut_within_the_tolerance(self):
        column = Column(np.array([359.8, 0.3, 180.0, -0.2]), tolerance=1, period=360)
        labels = column.refine(np.zeros(4, int))
        assert labels[0] == labels[1] == labels[3] != labels[2]


@st.composite
def partitions(draw):
    """Labels, values and a tolerance."""
    size = draw(st.integers(0, 40))
    labels = draw(hnp.arrays(np.int64, size, elements=st.integers(0, 4)))
    values = draw(hnp.arrays(np.float64, size, elements=st.integers(-30, 30).map(lambda n: n / 7)))
    return labels, values, draw(st.sampled_from([0, 1 / 7, 0.5, 3.0]))


@given(partitions())
def test_refining_divides_and_respects_the_tolerance(partition):
    labels, values, tolerance = partition
    refined = Column(values, tolerance).refine(labels)
    for part in range(refined.max(initial=-1) + 1):
        own = refined == part
        assert own.any()
        assert len(set(labels[own])) == 1
        assert np.ptp(values[own]) <= tolerance + 1e-6
    # No two neighbouring parts of a label would fit together from the first's start on.
    for label in set(labels):
        own = labels == label
        starts = [values[own][refined[own] == part].min() for part in set(refined[own])]
        assert (np.diff(sorted(starts)) > tolerance).all()


@given(partitions())
def test_equal_values_stay_together(partition):
    labels, values, tolerance = partition
    refined = Column(values, tolerance).refine(labels)
    for i in range(len(labels)):
        same = (labels == labels[i]) & (values == values[i])
        assert (refined[same] == refined[i]).all()


@st.composite
def tables(draw):
    """Group and level of some images, by which at least one group has two levels."""
    size = draw(st.integers(2, 30))
    group = draw(hnp.arrays(np.int64, size, elements=st.integers(0, 5)))
    level = draw(hnp.arrays(np.int64, size, elements=st.integers(0, 3)))
    group[:2], level[:2] = 3, [0, 1]
    return group, level


@given(tables(), st.integers(2, 25), st.integers(0, 2**32))
def test_a_sweep_shows_one_group_and_two_levels_at_least(table, count, seed):
    group, level = table
    images = 100 + np.arange(len(group))
    groups = Groups(images, level, group)
    shown = [groups.draw(rng(seed), count)]
    shown += [groups.show(g, rng(seed), count) for g in range(groups.num_groups)]
    for sweep in shown:
        assert sweep.shape == (count,)
        assert len(set(group[sweep - 100])) == 1
        of_group = group == group[sweep[0] - 100]
        held, there = level[sweep - 100], set(level[of_group])
        assert len(set(held)) == min(count, len(there)) >= 2
    for sweep in shown[1:]:  # nothing is repeated while there is more to show
        own = np.flatnonzero(group == group[sweep[0] - 100]) + 100
        assert len(set(sweep)) == min(count, len(own))
        assert len(set(sweep[: len(set(sweep))])) == len(set(sweep))
    _, often = np.unique(level[shown[0] - 100], return_counts=True)
    assert np.ptp(often) <= 1


def test_larger_groups_count_for_more():
    sizes = np.array([2, 3, 15])
    group = np.repeat(np.arange(3), sizes)
    groups = Groups(np.arange(20), np.arange(20), group)
    stream = rng()
    draws = group[[groups.draw(stream, 2)[0] for _ in range(4000)]]
    np.testing.assert_allclose(np.bincount(draws) / 4000, sizes / 20, atol=0.02)
    samples = np.array([groups.sample(stream, 1)[0] for _ in range(4000)])
    np.testing.assert_allclose(np.bincount(samples) / 4000, sizes / 20, atol=0.02)
    assert groups.sample(rng(), 2).shape == (2,)
    assert sorted(groups.sample(rng(), 100)) == [0, 1, 2]


def test_every_image_of_a_level_is_drawn():
    groups = Groups(np.arange(5), np.array([0, 0, 0, 1, 1]), np.zeros(5, int))
    drawn = np.concatenate([groups.draw(rng(seed), 4) for seed in range(500)])
    share = np.bincount(drawn) / len(drawn)
    np.testing.assert_allclose(share, [1 / 6] * 3 + [1 / 4] * 2, atol=0.03)


def test_240_000_images_take_seconds():
    count = 240_000
    draw = rng(5)
    identity = draw.integers(0, 2000, count)
    columns = {
        "azimuth": Column(draw.integers(0, 31, count) * 12.0, period=360),
        "elevation": Column(draw.normal(0, 20, count), tolerance=5),
        "light": Column(draw.integers(0, 5, count) * 10.0),
    }
    start = time.process_time()
    groups = group_images(np.arange(count), identity, columns)
    assert time.process_time() - start < 8
    assert all(g.num_groups > 1000 and g.num_images > count / 5 for g in groups.values())
