"""Errors of pictures: how they are averaged, and whose they are."""

from __future__ import annotations

import numpy as np
import pytest

from dcign_tf.evaluation.intervals import scored
from dcign_tf.evaluation.picture_errors import SweepErrors, mean_over_pictures, swapped_ratio


def errors_of(
    reconstruction, identities, pairs=(), swapped=(), copy=(), baselines=None
) -> SweepErrors:
    return SweepErrors(
        index=0,
        pairs=np.array(pairs, int).reshape(-1, 2),
        reconstruction=np.array(reconstruction, float),
        swapped=np.array(swapped, float),
        unchanged=np.array(copy, float),
        copy=np.array(copy, float),
        identities=np.array(identities),
        baselines=baselines or {},
    )


def scores_of(sampled) -> tuple[float, tuple[float, float] | None]:
    identities, statistic = sampled
    scores, intervals = scored("", identities, {"it": statistic})
    return scores["it"], intervals.get("it")


def reconstruction_mse(errors):
    return mean_over_pictures(errors, lambda sweep: sweep.reconstruction)


def test_pictures_sweeps_and_factors_count_alike():
    azimuth = [errors_of([1, 3], [0, 0]), errors_of([4], [1])]
    intrinsic = [errors_of([0, 1, 2, 5], [0, 1, 2, 3])]
    mse, interval = scores_of(reconstruction_mse([azimuth, intrinsic, []]))
    assert mse == pytest.approx(((2 + 4) / 2 + 2) / 2)
    assert interval[0] < mse < interval[1]


def test_of_a_sample_what_a_person_is_drawn_for_counts_repeatedly():
    azimuth = [errors_of([1, 3], [0, 0]), errors_of([4], [1])]
    identities, mse = reconstruction_mse([azimuth, [errors_of([0, 8], [0, 2])]])
    np.testing.assert_array_equal(identities, [0, 0, 1, 0, 2])
    assert mse(np.array([0, 1, 3, 0, 1, 3, 2])) == pytest.approx(((2 + 2 + 4) / 3 + 0) / 2)
    assert mse(np.array([2])) == 4  # nobody was drawn who is in the other factor's sweeps
    assert np.isnan(mse(np.array([], int)))


def test_a_pair_is_of_the_person_in_the_picture_given():
    sweep = errors_of(
        [0, 0, 0], [7, 8, 9], pairs=[[2, 0], [0, 1]], swapped=[1.0, 3.0], copy=[2.0, 6.0]
    )
    identities, ratio = swapped_ratio([sweep])
    np.testing.assert_array_equal(identities, [9, 7])
    assert ratio(np.array([0, 0])) == 0.5


def test_the_ratio_is_that_of_means_over_sweeps_of_means_over_pairs():
    long = errors_of([0, 0], [0, 0], [[0, 1], [1, 0]], swapped=[1.0, 3.0], copy=[4.0, 4.0])
    short = errors_of([0, 0], [1, 1], [[0, 1]], swapped=[6.0], copy=[12.0])
    single = errors_of([0], [2])  # a sweep of one picture has no pair
    ratio, interval = scores_of(swapped_ratio([long, short, single]))
    assert ratio == pytest.approx((2 + 6) / (4 + 12))
    assert interval == (0.5, 0.5)  # of either person alone, too


def test_nothing_to_score():
    assert np.isnan(scores_of(reconstruction_mse([[], []]))[0])
    assert np.isnan(scores_of(swapped_ratio([]))[0])
