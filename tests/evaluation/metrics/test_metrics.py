"""Metrics: closed forms, invariances, and SciPy where it knows the answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from dcign_tf.evaluation.metrics.correlation import correlations, r2
from dcign_tf.evaluation.metrics.novel_views import (
    novel_view_pairs,
    novel_view_ratio,
    squared_errors,
)
from dcign_tf.factors import GraphicsCode

pytestmark = pytest.mark.usefixtures("no_warnings")

CODE = GraphicsCode({"azimuth": 1, "elevation": 1, "light_azimuth": 1, "intrinsic": 4})

# Latents on a grid of 1/1000: distinct values stay distinct under the maps below.
grid_values = st.integers(-4000, 4000).map(lambda value: value / 1000)
sweeps = arrays(np.float64, (3, 8), elements=grid_values)


@pytest.fixture
def angle_deg():
    return np.random.default_rng(0).uniform(-60, 60, (30, 20))


def noisy_latent(angle_deg, seed=1):
    return np.tanh(angle_deg / 40) + np.random.default_rng(seed).normal(0, 0.2, angle_deg.shape)


# --- correlations ---------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
def test_linear_latent_correlates_perfectly(angle_deg, sign):
    scores = correlations(sign * 0.03 * angle_deg + 0.4, angle_deg)
    assert scores["pearson"] == pytest.approx(sign)
    assert scores["spearman"] == pytest.approx(sign)


@pytest.mark.parametrize("sign", [1, -1])
def test_monotone_latent_has_perfect_ranks_but_is_not_linear(angle_deg, sign):
    scores = correlations(sign * np.exp(angle_deg / 10), angle_deg)
    assert scores["spearman"] == pytest.approx(sign)
    assert abs(scores["pearson"]) < 0.8


def test_correlations_are_those_of_scipy_on_pooled_data(angle_deg):
    latent = noisy_latent(angle_deg)
    scores = correlations(latent, angle_deg)
    assert scores["pearson"] == pytest.approx(
        stats.pearsonr(latent.ravel(), angle_deg.ravel()).statistic
    )
    assert scores["spearman"] == pytest.approx(
        stats.spearmanr(latent.ravel(), angle_deg.ravel()).statistic
    )


def test_noise_does_not_correlate(angle_deg):
    noise = np.random.default_rng(5).normal(size=angle_deg.shape)
    scores = correlations(noise, angle_deg)
    assert abs(scores["pearson"]) < 0.15  # 600 points: a standard error of 0.04
    assert abs(scores["spearman"]) < 0.15


@pytest.mark.parametrize(
    "bad", [np.zeros(4), np.array([0, 1, np.nan, 2]), np.array([0, 1, 2, np.inf])]
)
def test_undefined_correlations_are_nan(bad):
    good = np.arange(4.0)
    for pair in ((bad, good), (good, bad)):
        assert np.isnan(list(correlations(*pair).values())).all()


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_values_to_correlate_are_nan(count):
    assert np.isnan(list(correlations(np.ones(count), np.ones(count)).values())).all()


def test_a_latent_that_hardly_moves_gives_no_warning():
    scores = correlations(1 + 1e-15 * np.arange(10), np.arange(10.0))
    assert scores["spearman"] > 0.9


@given(latent=sweeps, angle=sweeps)
def test_spearman_ignores_monotone_maps(latent, angle):
    before = correlations(latent, angle)["spearman"]
    after = correlations(np.exp(latent), angle)["spearman"]
    np.testing.assert_allclose(after, before, atol=1e-12)
    falling = correlations(-(latent**3), angle)["spearman"]
    np.testing.assert_allclose(falling, -before, atol=1e-12)


@given(latent=sweeps, angle=sweeps, scale=st.floats(0.01, 100), shift=st.floats(-10, 10))
def test_pearson_ignores_scale_and_shift(latent, angle, scale, shift):
    before = correlations(latent, angle)["pearson"]
    np.testing.assert_allclose(
        correlations(-scale * latent + shift, angle)["pearson"], -before, atol=1e-6
    )


# --- r2 -------------------------------------------------------------------------------


def test_r2_of_exact_of_the_mean_and_of_the_reverse(angle_deg):
    assert r2(angle_deg, angle_deg) == 1
    assert r2(np.full_like(angle_deg, angle_deg.mean()), angle_deg) == pytest.approx(0)
    assert r2(angle_deg / 2, angle_deg) == pytest.approx(0.75, abs=0.05)  # 1 − (1/2)²
    assert r2(-angle_deg, angle_deg) < -1


def test_r2_of_constants_nothing_and_nan_is_not_known():
    ramp = np.arange(6.0)
    assert np.isnan(r2(ramp, np.ones(6)))
    assert np.isnan(r2(np.zeros(0), np.zeros(0)))
    holed = np.where(ramp == 2, np.nan, ramp)
    for pair in ((ramp, holed), (holed, ramp)):
        assert np.isnan(r2(*pair))


# --- novel views and reconstructions --------------------------------------------------


@given(num_images=st.integers(2, 25), seed=st.integers(0, 2**32 - 1), data=st.data())
def test_pairs_differ_and_do_not_repeat(num_images, seed, data):
    num_pairs = data.draw(st.integers(1, num_images * (num_images - 1)))
    pairs = novel_view_pairs(num_images, num_pairs, seed)
    assert pairs.shape == (num_pairs, 2)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert pairs.min() >= 0
    assert pairs.max() < num_images
    assert len(set(map(tuple, pairs))) == num_pairs
    np.testing.assert_array_equal(pairs, novel_view_pairs(num_images, num_pairs, seed))


def test_pairs_depend_on_the_seed():
    assert (novel_view_pairs(20, 40, 0) != novel_view_pairs(20, 40, 1)).any()


def test_novel_view_ratio_closed_forms():
    rng = np.random.default_rng(0)
    source_mse = rng.random(6) + 0.1
    assert novel_view_ratio(0 * source_mse, source_mse) == 0
    assert novel_view_ratio(source_mse, source_mse) == pytest.approx(1)
    assert novel_view_ratio(source_mse / 4, source_mse) == pytest.approx(0.25)
    assert novel_view_ratio(source_mse, 0 * source_mse) == np.inf
    assert np.isnan(novel_view_ratio(0 * source_mse, 0 * source_mse))


def test_ratio_averages_before_it_divides():
    """Else a pair of almost equal images would outweigh all others."""
    predicted_mse, source_mse = np.array([0.25, 0.25]), np.array([1.0, 0.0])
    assert novel_view_ratio(predicted_mse, source_mse) == pytest.approx(0.5)


def test_squared_errors_in_grey_values():
    black, white = np.zeros((2, 3, 4, 4, 1), np.uint8), np.ones((2, 3, 4, 4, 1), np.float32)
    np.testing.assert_array_equal(squared_errors(black, white), [1, 1])
    np.testing.assert_array_equal(squared_errors(255 - black, white), [0, 0])
    half = squared_errors(black, white * np.float32(0.5))
    np.testing.assert_allclose(half, [0.25, 0.25])
    # float32 squares, summed in float64: no drift over many pixels
    many = np.full((2, 512, 512, 1), 0.1, np.float32)
    errors = squared_errors(many, many * 0)
    np.testing.assert_allclose(errors, np.float32(0.1) ** 2, rtol=1e-6)


def test_bad_pixels_and_no_pixels_are_nan():
    image = np.zeros((2, 3, 3, 1))
    for value in (np.nan, np.inf):
        assert np.isnan(squared_errors(np.full_like(image, np.inf), image + value)).all()
    assert squared_errors(image[:0], image[:0]).shape == (0,)
    assert np.isnan(novel_view_ratio(np.zeros(0), np.zeros(0)))


# --- errors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: correlations(np.zeros(3), np.zeros((3, 1))), "differ"),
        (lambda: r2(np.zeros(3), np.zeros(4)), "differ"),
        (lambda: novel_view_pairs(1, 1, 0), "0 ordered pairs"),
        (lambda: novel_view_pairs(3, 7, 0), "6 ordered pairs"),
        (lambda: squared_errors(np.zeros((1, 2)), np.zeros((2, 1))), "differ"),
        (lambda: squared_errors(np.zeros(2, int), np.zeros(2)), "int64"),
    ],
)
def test_misuse_is_one_clear_line(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
