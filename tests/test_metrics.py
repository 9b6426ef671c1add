"""Metrics: closed forms, invariances, and SciPy where it knows the answer."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from dcign_tf.evaluation import metrics
from dcign_tf.factors import GraphicsCode

CODE = GraphicsCode({"azimuth": 1, "elevation": 1, "light_azimuth": 1, "intrinsic": 4})

# Latents on a grid of 1/1000: distinct values stay distinct under the maps below.
grid_values = st.integers(-4000, 4000).map(lambda value: value / 1000)
sweeps = arrays(np.float64, (3, 8), elements=grid_values)


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def angle_deg():
    return np.random.default_rng(0).uniform(-60, 60, (30, 20))


def noisy_latent(angle_deg, seed=1):
    return np.tanh(angle_deg / 40) + np.random.default_rng(seed).normal(0, 0.2, angle_deg.shape)


# --- correlations ---------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
def test_linear_latent_correlates_perfectly(angle_deg, sign):
    scores = metrics.correlations(sign * 0.03 * angle_deg + 0.4, angle_deg)
    assert scores["pearson"] == pytest.approx(sign)
    assert scores["spearman"] == pytest.approx(sign)


@pytest.mark.parametrize("sign", [1, -1])
def test_monotone_latent_has_perfect_ranks_but_is_not_linear(angle_deg, sign):
    scores = metrics.correlations(sign * np.exp(angle_deg / 10), angle_deg)
    assert scores["spearman"] == pytest.approx(sign)
    assert abs(scores["pearson"]) < 0.8


def test_correlations_are_those_of_scipy_on_pooled_data(angle_deg):
    latent = noisy_latent(angle_deg)
    scores = metrics.correlations(latent, angle_deg)
    assert scores["pearson"] == pytest.approx(
        stats.pearsonr(latent.ravel(), angle_deg.ravel()).statistic
    )
    assert scores["spearman"] == pytest.approx(
        stats.spearmanr(latent.ravel(), angle_deg.ravel()).statistic
    )


def test_noise_does_not_correlate(angle_deg):
    noise = np.random.default_rng(5).normal(size=angle_deg.shape)
    scores = metrics.correlations(noise, angle_deg)
    assert abs(scores["pearson"]) < 0.15  # 600 points: a standard error of 0.04
    assert abs(scores["spearman"]) < 0.15


@pytest.mark.parametrize(
    "bad", [np.zeros(4), np.array([0, 1, np.nan, 2]), np.array([0, 1, 2, np.inf])]
)
def test_undefined_correlations_are_nan(bad):
    good = np.arange(4.0)
    for pair in ((bad, good), (good, bad)):
        assert np.isnan(list(metrics.correlations(*pair).values())).all()


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_values_to_correlate_are_nan(count):
    assert np.isnan(list(metrics.correlations(np.ones(count), np.ones(count)).values())).all()


def test_a_latent_that_hardly_moves_gives_no_warning():
    scores = metrics.correlations(1 + 1e-15 * np.arange(10), np.arange(10.0))
    assert scores["spearman"] > 0.9


@given(latent=sweeps, angle=sweeps)
def test_spearman_ignores_monotone_maps(latent, angle):
    before = metrics.correlations(latent, angle)["spearman"]
    after = metrics.correlations(np.exp(latent), angle)["spearman"]
    np.testing.assert_allclose(after, before, atol=1e-12)
    falling = metrics.correlations(-(latent**3), angle)["spearman"]
    np.testing.assert_allclose(falling, -before, atol=1e-12)


@given(latent=sweeps, angle=sweeps, scale=st.floats(0.01, 100), shift=st.floats(-10, 10))
def test_pearson_ignores_scale_and_shift(latent, angle, scale, shift):
    before = metrics.correlations(latent, angle)["pearson"]
    np.testing.assert_allclose(
        metrics.correlations(-scale * latent + shift, angle)["pearson"], -before, atol=1e-6
    )


# --- r2 of what is read off ----------------------------------------------------------------------


def r2_monotone(*, latent_fit, angle_fit, latent, angle):
    read = metrics.read_off(latent_fit=latent_fit, value_fit=angle_fit, latent=latent)
    return metrics.r2(read, angle)


@pytest.mark.parametrize("sign", [1, -1])
def test_monotone_latent_predicts_the_angle(sign):
    """A curve through the angles themselves, so that interpolation adds no error."""
    angle = np.tile(np.linspace(-60, 60, 20), (5, 1))
    latent = sign * np.exp(angle / 20)
    r2 = r2_monotone(latent_fit=latent, angle_fit=angle, latent=latent[:2], angle=angle[:2])
    assert r2 == pytest.approx(1)


def test_fit_decides_the_direction_and_the_scale(angle_deg):
    reversed_r2 = r2_monotone(
        latent_fit=-angle_deg, angle_fit=angle_deg, latent=angle_deg, angle=angle_deg
    )
    assert reversed_r2 < -1
    doubled_r2 = r2_monotone(
        latent_fit=2 * angle_deg, angle_fit=angle_deg, latent=angle_deg, angle=angle_deg
    )
    assert doubled_r2 == pytest.approx(0.75, abs=0.05)  # 1 − (1/2)²: it reads half the angle


def test_latent_beyond_the_fit_is_clipped():
    r2 = r2_monotone(
        latent_fit=np.array([0.0, 1.0]),
        angle_fit=np.array([0.0, 10.0]),
        latent=np.array([-5.0, 0.5, 9.0]),
        angle=np.array([0.0, 5.0, 10.0]),
    )
    assert r2 == pytest.approx(1)


def test_noise_predicts_nothing(angle_deg):
    rng = np.random.default_rng(2)
    fit, latent = rng.normal(size=(2, *angle_deg.shape))
    r2 = r2_monotone(latent_fit=fit, angle_fit=angle_deg, latent=latent, angle=angle_deg)
    assert -0.2 < r2 < 0.1


def test_an_offset_between_identities_costs_r2_but_not_order_within_a_sweep(angle_deg):
    offsets = np.random.default_rng(3).normal(0, 60, (30, 1))
    r2 = r2_monotone(
        latent_fit=angle_deg, angle_fit=angle_deg, latent=angle_deg + offsets, angle=angle_deg
    )
    assert r2 < 0.5


def test_degenerate_fits():
    ramp = np.arange(6.0)
    constant = np.ones(6)
    score = r2_monotone
    assert score(latent_fit=constant, angle_fit=ramp, latent=ramp, angle=ramp) == pytest.approx(0)
    assert score(latent_fit=ramp, angle_fit=constant, latent=ramp, angle=ramp) < 0
    assert np.isnan(score(latent_fit=ramp, angle_fit=ramp, latent=ramp, angle=constant))
    for name in ("latent_fit", "angle_fit", "latent", "angle"):
        inputs = dict.fromkeys(("latent_fit", "angle_fit", "latent", "angle"), ramp)
        assert np.isnan(score(**{**inputs, name: np.where(ramp == 2, np.nan, ramp)}))
    empty = np.zeros(0)
    assert np.isnan(score(latent_fit=empty, angle_fit=empty, latent=ramp, angle=ramp))
    assert np.isnan(score(latent_fit=ramp, angle_fit=ramp, latent=empty, angle=empty))


@given(latent=sweeps, angle=sweeps)
@settings(max_examples=50)
def test_r2_on_its_own_fit_is_a_share(latent, angle):
    r2 = r2_monotone(latent_fit=latent, angle_fit=angle, latent=latent, angle=angle)
    assert np.isnan(r2) or -1e-9 <= r2 <= 1 + 1e-9


# --- novel views and reconstructions --------------------------------------------------


@given(num_images=st.integers(2, 25), seed=st.integers(0, 2**32 - 1), data=st.data())
def test_pairs_differ_and_do_not_repeat(num_images, seed, data):
    num_pairs = data.draw(st.integers(1, num_images * (num_images - 1)))
    pairs = metrics.novel_view_pairs(num_images, num_pairs, seed)
    assert pairs.shape == (num_pairs, 2)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert pairs.min() >= 0
    assert pairs.max() < num_images
    assert len(set(map(tuple, pairs))) == num_pairs
    np.testing.assert_array_equal(pairs, metrics.novel_view_pairs(num_images, num_pairs, seed))


def test_pairs_depend_on_the_seed():
    assert (metrics.novel_view_pairs(20, 40, 0) != metrics.novel_view_pairs(20, 40, 1)).any()


def test_swap_takes_the_slice_and_nothing_else():
    source, target = np.zeros((2, 3, 7)), np.ones((2, 3, 7))
    swapped = metrics.swap_latents(source, target, CODE.slice("elevation"))
    np.testing.assert_array_equal(swapped, np.broadcast_to([0, 1, 0, 0, 0, 0, 0], (2, 3, 7)))
    assert not source.any()


def test_novel_view_ratio_closed_forms():
    rng = np.random.default_rng(0)
    source_mse = rng.random(6) + 0.1
    assert metrics.novel_view_ratio(0 * source_mse, source_mse) == 0
    assert metrics.novel_view_ratio(source_mse, source_mse) == pytest.approx(1)
    assert metrics.novel_view_ratio(source_mse / 4, source_mse) == pytest.approx(0.25)
    assert metrics.novel_view_ratio(source_mse, 0 * source_mse) == np.inf
    assert np.isnan(metrics.novel_view_ratio(0 * source_mse, 0 * source_mse))


def test_ratio_averages_before_it_divides():
    """Else a pair of almost equal images would outweigh all others."""
    predicted_mse, source_mse = np.array([0.25, 0.25]), np.array([1.0, 0.0])
    assert metrics.novel_view_ratio(predicted_mse, source_mse) == pytest.approx(0.5)


def test_squared_errors_in_grey_values():
    black, white = np.zeros((2, 3, 4, 4, 1), np.uint8), np.ones((2, 3, 4, 4, 1), np.float32)
    np.testing.assert_array_equal(metrics.squared_errors(black, white), [1, 1])
    np.testing.assert_array_equal(metrics.squared_errors(255 - black, white), [0, 0])
    half = metrics.squared_errors(black, white * np.float32(0.5))
    np.testing.assert_allclose(half, [0.25, 0.25])
    # float32 squares, summed in float64: no drift over many pixels
    many = np.full((2, 512, 512, 1), 0.1, np.float32)
    errors = metrics.squared_errors(many, many * 0)
    np.testing.assert_allclose(errors, np.float32(0.1) ** 2, rtol=1e-6)


def test_bad_pixels_and_no_pixels_are_nan():
    image = np.zeros((2, 3, 3, 1))
    for value in (np.nan, np.inf):
        assert np.isnan(metrics.squared_errors(np.full_like(image, np.inf), image + value)).all()
    assert metrics.squared_errors(image[:0], image[:0]).shape == (0,)
    assert np.isnan(metrics.novel_view_ratio(np.zeros(0), np.zeros(0)))


# --- errors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.correlations(np.zeros(3), np.zeros((3, 1))), "differ"),
        (
            lambda: r2_monotone(
                latent_fit=np.zeros(3), angle_fit=np.zeros(3), latent=np.zeros(3), angle=np.zeros(4)
            ),
            "differ",
        ),
        (lambda: metrics.novel_view_pairs(1, 1, 0), "0 ordered pairs"),
        (lambda: metrics.novel_view_pairs(3, 7, 0), "6 ordered pairs"),
        (lambda: metrics.swap_latents(np.zeros(3), np.zeros(4), slice(0, 1)), "differ"),
        (lambda: metrics.squared_errors(np.zeros((1, 2)), np.zeros((2, 1))), "differ"),
        (lambda: metrics.squared_errors(np.zeros(2, int), np.zeros(2)), "int64"),
    ],
)
def test_misuse_is_one_clear_line(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
