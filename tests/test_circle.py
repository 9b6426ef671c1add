"""Circles: where one latent cuts them open, and what it knows of the angle then."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from dcign_tf.evaluation import circle, metrics

periods = st.sampled_from([360.0, 24.0, 2 * np.pi])


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


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


# --- the cut --------------------------------------------------------------------------


@given(
    cut=st.floats(0, 0.999),
    sign=st.sampled_from([1, -1]),
    period=periods,
    seed=st.integers(0, 99),
)
def test_a_perfect_code_is_cut_where_it_jumps(cut, sign, period, seed):
    angle = spread(60, period, seed).reshape(3, 20)
    latent = sign * np.exp(circle.unroll(angle, cut * period, period) / period)
    found = circle.cut_angle(latent, angle, period)
    assert 0 <= found < period
    assert spearman_after(latent.ravel(), angle.ravel(), found, period) == pytest.approx(sign)
    parted = np.diff(np.sort(angle.ravel()), append=angle.min() + period)
    assert circle.circular_distance(found, cut * period, period) <= parted.max()


@given(
    latent=arrays(np.float64, 15, elements=st.integers(0, 6).map(float)),
    angle=arrays(np.float64, 15, elements=st.integers(-400, 400).map(lambda a: 40.0 * a)),
)
def test_no_cut_is_better(latent, angle):
    """Against SciPy's correlation at every cut there is, ties and all."""
    found = circle.cut_angle(latent, angle, 360.0)
    distinct = np.unique(angle % 360)
    if distinct.size < 3 or np.ptp(latent) == 0:
        assert np.isnan(found)
        return
    every = [abs(spearman_after(latent, angle, c + 20, 360.0)) for c in distinct]
    assert abs(spearman_after(latent, angle, found, 360.0)) == pytest.approx(max(every))


@given(shift=st.integers(0, 35), seed=st.integers(0, 20))
def test_the_cut_turns_with_the_angles(shift, seed):
    rng = np.random.default_rng(seed)
    angle = spread(50, seed=seed)
    latent = circle.unroll(angle, 200, 360) + rng.normal(0, 20, 50)
    before = circle.cut_angle(latent, angle, 360)
    after = circle.cut_angle(latent, angle + 10 * shift, 360)
    assert circle.circular_distance(after, before + 10 * shift, 360) < 1e-6


def test_a_soft_and_noisy_jump_is_cut_in_its_middle():
    """As networks have it: the latent falls back over 30 degrees, and is never exact."""
    rng = np.random.default_rng(0)
    angle = spread(3000)
    since = circle.unroll(angle, 105 + 15, 360)
    latent = np.where(since < 330, since / 330, 1 - (since - 330) / 30)
    latent = latent + rng.normal(0, 0.1, angle.size)
    assert circle.circular_distance(circle.cut_angle(latent, angle, 360), 105, 360) < 4


def test_noise_is_cut_somewhere_and_knows_nothing_on_other_data():
    rng = np.random.default_rng(3)
    angle, latent = spread(500, seed=4), rng.normal(size=500)
    cut = circle.cut_angle(latent, angle, 360)
    other = spearman_after(rng.normal(size=500), spread(500, seed=5), cut, 360)
    assert abs(other) < 0.15  # a standard error of 0.045


def test_a_sinusoid_keeps_three_quarters_after_the_best_cut():
    """It correlates perfectly with the circle, and does not tell the angle (docs/scores.md)."""
    angle = (np.arange(3600) + 0.5) / 10
    latent = np.sin(np.radians(angle))
    cut = circle.cut_angle(latent, angle, 360)
    from_cut = circle.unroll(angle, cut, 360)
    assert spearman_after(latent, angle, cut, 360) == pytest.approx(0.75, abs=1e-3)
    read = metrics.read_off(latent_fit=latent, value_fit=from_cut, latent=latent)
    assert metrics.r2(read, from_cut) == pytest.approx(0.75, abs=1e-3)


def test_half_a_circle_is_cut_in_the_half_that_is_missing():
    angle = np.linspace(-90, 90, 19)
    assert circle.cut_angle(-angle, angle, 360) == pytest.approx(180)


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
    assert np.isnan(circle.cut_angle(latent, angle, 360))
    assert np.isnan(circle.circular_linear_correlation(latent, angle, 360))


def test_too_few_values_are_nan():
    assert np.isnan(circle.cut_angle([0.0, 1, 0], [10.0, 20, 10], 360))
    assert np.isnan(circle.circular_linear_correlation([0.0, 1, 2], [10.0, 20, 30], 360))


def test_shapes_must_be_the_same():
    for score in (circle.cut_angle, circle.circular_linear_correlation):
        with pytest.raises(ValueError, match="differ"):
            score(np.zeros(3), np.zeros((3, 1)), 360)


@given(st.floats(-1000, 1000), st.floats(-400, 400), st.floats(0, 360))
def test_angles_on_the_turn_around_an_interval(angle, low, width):
    turned = circle.on_turn(np.array(angle), low, low + width, 360.0)
    assert low + width / 2 - 180 - 1e-9 <= turned <= low + width / 2 + 180 + 1e-9
    assert circle.circular_distance(turned, angle, 360.0) == pytest.approx(0, abs=1e-9)


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
