"""Circles: where one latent cuts them open, and what it knows of the angle then."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from dcign_tf.evaluation.metrics import circle

pytestmark = pytest.mark.usefixtures("no_warnings")

periods = st.sampled_from([360.0, 24.0, 2 * np.pi])


def spread(count, period=360.0, seed=0):
    return np.random.default_rng(seed).uniform(0, period, count)


def spearman_after(latent, angle, cut, period):
    return stats.spearmanr(latent, circle.unroll(angle, cut, period)).statistic


# --- arithmetic on the circle ---------------------------------------------------------


@given(angle=st.floats(-1e4, 1e4), cut=st.floats(-400, 400), period=periods)
def test_unrolled_angles_are_on_one_turn(angle, cut, period):
    unrolled = float(circle.unroll(angle, cut, period))
    assert 0 <= unrolled < period
    turns = (angle - cut - unrolled) / period
    assert turns == pytest.approx(round(turns), abs=1e-9)


def test_a_hair_below_zero_is_zero_and_not_once_round():
    assert circle.unroll(np.array([-1e-20]), 0.0, 360.0) == 0


def test_distances_are_the_shorter_way_round():
    distance = circle.circular_distance(np.array([350.0, 10, 180, 0, -90]), 0.0, 360.0)
    np.testing.assert_allclose(distance, [10, 10, 180, 0, 90])


@given(a=st.floats(-1e3, 1e3), b=st.floats(-1e3, 1e3), period=periods)
def test_distance_is_symmetric_and_at_most_half_round(a, b, period):
    distance = circle.circular_distance(a, b, period)
    assert 0 <= distance <= period / 2
    assert distance == pytest.approx(circle.circular_distance(b, a, period), abs=1e-9)


# --- circular-linear correlation ------------------------------------------------------


def test_a_sinusoid_correlates_perfectly_and_a_ramp_does_not():
    angle = np.arange(3600) / 10
    wave = 3 - 2 * np.sin(np.radians(angle + 77))
    assert circle.circular_linear_correlation(wave, angle, 360) == pytest.approx(1)
    ramp = circle.circular_linear_correlation((angle + 123) % 360, angle, 360)
    assert ramp == pytest.approx(np.sqrt(6) / np.pi, abs=1e-3)


@given(latent=arrays(np.float64, 12, elements=st.integers(-50, 50).map(float)), period=periods)
def test_correlation_is_mardias_closed_form(latent, period):
    angle = spread(12, period)
    turn = 2 * np.pi * angle / period
    if np.ptp(latent) == 0:
        assert np.isnan(circle.circular_linear_correlation(latent, angle, period))
        return
    corr = np.corrcoef([latent, np.cos(turn), np.sin(turn)])
    xc, xs, cs = corr[0, 1], corr[0, 2], corr[1, 2]
    expected = np.sqrt((xc**2 + xs**2 - 2 * xc * xs * cs) / (1 - cs**2))
    found = circle.circular_linear_correlation(latent, angle, period)
    assert found == pytest.approx(expected, abs=1e-6)
    turned = circle.circular_linear_correlation(5 - 3 * latent, angle + 0.3 * period, period)
    assert turned == pytest.approx(found, abs=1e-9)


def test_noise_hardly_correlates():
    latent = np.random.default_rng(1).normal(size=2000)
    assert circle.circular_linear_correlation(latent, spread(2000), 360) < 0.08  # √(2/n) = 0.03


def test_two_distinct_angles_are_no_division_by_zero():
    angle = np.array([10.0, 190, 10, 190])
    latent = np.array([0.0, 1, 0, 1])
    assert circle.circular_linear_correlation(latent, angle, 360) == pytest.approx(1)


# --- what is not known ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("latent", "angle"),
    [
        (np.ones(5), np.arange(5.0)),
        (np.arange(5.0), np.full(5, 30.0)),
        (np.arange(5.0), 360.0 * np.arange(5)),
        (np.array([0, 1, np.nan, 2, 3]), np.arange(5.0)),
        (np.arange(5.0), np.array([0, 1, np.inf, 2, 3])),
        (np.zeros(0), np.zeros(0)),
    ],
)
def test_undefined_is_nan(latent, angle):
    assert np.isnan(circle.circular_linear_correlation(latent, angle, 360))


def test_too_few_values_are_nan():
    assert np.isnan(circle.circular_linear_correlation([0.0, 1, 2], [10.0, 20, 30], 360))


def test_shapes_must_be_the_same():
    with pytest.raises(ValueError, match="differ"):
        circle.circular_linear_correlation(np.zeros(3), np.zeros((3, 1)), 360)


@given(st.floats(-1000, 1000), st.floats(-400, 400), st.floats(0, 360))
def test_angles_on_the_turn_around_an_interval(angle, low, width):
    turned = circle.on_turn(np.array(angle), low, low + width, 360.0)
    assert low + width / 2 - 180 - 1e-9 <= turned <= low + width / 2 + 180 + 1e-9
    assert circle.circular_distance(turned, angle, 360.0) == pytest.approx(0, abs=1e-9)
    assert circle.on_turn(np.array(angle), low, low + width, None) == angle


@pytest.mark.parametrize(
    ("values", "period", "expected"),
    [
        ([3.0, -2.0, 5.0, 0.0], None, (1, 2)),
        ([350.0, 10.0, 200.0], 360.0, (1, 2)),  # 170° apart; the numbers furthest apart are 20°
        ([7.0], 360.0, (0, 0)),
    ],
)
def test_the_two_values_furthest_apart(values, period, expected):
    assert circle.furthest_apart(np.array(values), period) == expected
