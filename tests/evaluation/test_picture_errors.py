"""Errors of pictures: how they are averaged, and whose they are."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from dcign_tf.evaluation.intervals import scored
from dcign_tf.evaluation.picture_errors import (
    SweepErrors,
    mean_over_pictures,
    reconstruction_scores,
    swapped_ratio,
)
from dcign_tf.evaluation.similarity import ssim


def errors_of(
    reconstruction, identities, pairs=(), swapped=(), copy=(), baselines=None
) -> SweepErrors:
    return SweepErrors(
        index=0,
        pairs=np.array(pairs, int).reshape(-1, 2),
        reconstruction=np.array(reconstruction, float),
        ssim=1 - np.array(reconstruction, float) / 100,
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


def test_three_measures_of_the_same_pictures():
    identities, of = reconstruction_scores(
        [[errors_of([0.1, 0.001], [0, 1])], [errors_of([1], [2])]]
    )
    np.testing.assert_array_equal(identities, [0, 1, 2])
    everything = np.arange(3)
    assert of["reconstruction_mse"](everything) == pytest.approx((0.0505 + 1) / 2)
    assert of["reconstruction_psnr"](everything) == pytest.approx((20 + 0) / 2)
    assert of["reconstruction_ssim"](everything) == pytest.approx(1 - (0.000505 + 0.01) / 2)
    exact = reconstruction_scores([[errors_of([0.0], [0])]])[1]
    assert exact["reconstruction_psnr"](np.array([0])) == np.inf


def test_structural_similarity_by_its_definition():
    """In one window of the whole of an image, weighted by a Gaussian of 1.5 pixels."""
    images, others = np.random.default_rng(0).random((2, 3, 9, 9, 1)).astype(np.float32)
    at = np.arange(9) - 4
    weights = np.exp(-(at**2) / (2 * 1.5**2))
    weights = np.outer(weights, weights)[..., np.newaxis] / weights.sum() ** 2
    for x, y, similarity in zip(images, others, ssim(images, others), strict=True):
        mean_x, mean_y = np.sum(weights * x), np.sum(weights * y)
        covariance = np.sum(weights * x * y) - mean_x * mean_y
        variances = np.sum(weights * (x**2 + y**2)) - mean_x**2 - mean_y**2
        of_means = (2 * mean_x * mean_y + 1e-4) / (mean_x**2 + mean_y**2 + 1e-4)
        expected = of_means * (2 * covariance + 9e-4) / (variances + 9e-4)
        assert similarity == pytest.approx(expected, abs=1e-4)
    np.testing.assert_allclose(ssim(images, images), 1, rtol=1e-5)


@pytest.mark.parametrize("shape", [(30, 41, 1), (12, 25, 3), (8, 14, 1)])
def test_structural_similarity_is_tensorflows(shape):
    rng = np.random.default_rng(0)
    images = gaussian_filter(rng.random((3, *shape)), (0, 2, 2, 0)).astype(np.float32)
    others = np.clip(images + 0.1 * rng.random((3, *shape), np.float32), 0, 1)
    window = min(11, *shape[:2])
    expected = tf.image.ssim(tf.constant(images), tf.constant(others), 1.0, filter_size=window)
    np.testing.assert_allclose(ssim(images, others), expected, rtol=1e-3)
