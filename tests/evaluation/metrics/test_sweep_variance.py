"""Variance within and between sweeps: closed forms, invariances, irregular sweeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dcign_tf.evaluation.metrics import sweep_variance
from dcign_tf.factors import GraphicsCode

pytestmark = pytest.mark.usefixtures("no_warnings")

CODE = GraphicsCode({"azimuth": 1, "elevation": 1, "light_azimuth": 1, "intrinsic": 4})


# --- movement and selectivity ---------------------------------------------------------


def test_movement_of_known_variances():
    """Each factor moves its own latents by ±own and azimuth's latent by ±leak as well."""
    signs = np.tile([1.0, -1.0], 5)[None, :, None]  # variance 1
    offsets = np.random.default_rng(0).normal(size=(7, 1, CODE.latent_dim)) * 10
    codes = {}
    for row, factor in enumerate(CODE.factors):
        amplitude = CODE.active_masks()[row] * (row + 1)
        amplitude[0] = max(amplitude[0], 0.5)
        codes[factor] = offsets + signs * amplitude
    matrix = sweep_variance.movement_matrix(codes, CODE)
    expected = np.diag([1.0, 4.0, 9.0, 16.0])
    expected[0, 1:] = 0.25
    np.testing.assert_allclose(matrix, expected, atol=1e-9)
    ratios = sweep_variance.selectivity(matrix, CODE)
    assert list(ratios) == ["azimuth", "elevation", "light_azimuth"]
    assert ratios["azimuth"] == pytest.approx(4)


def test_group_is_a_mean_over_its_latents():
    codes = {factor: np.zeros((2, 4, CODE.latent_dim)) for factor in CODE.factors}
    codes["intrinsic"][:, ::2, 3] = 2.0  # one of four intrinsic latents, variance 1
    matrix = sweep_variance.movement_matrix(codes, CODE)
    assert matrix[3, 3] == pytest.approx(0.25)
    assert matrix.sum() == pytest.approx(0.25)


def test_selectivity_is_against_the_worst_other_factor():
    matrix = np.array([[8, 1, 2, 0.5], [9, 3, 0, 0], [1, 1, 1, 1], [9, 9, 9, 9]])
    ratios = sweep_variance.selectivity(matrix, CODE)
    assert ratios == {"azimuth": 4, "elevation": pytest.approx(1 / 3), "light_azimuth": 1}


def test_selectivity_edge_cases():
    matrix = np.array([[2.0, 0, 0, 0], [0, 0, 0, 0], [1, 1, np.nan, 1], [9, 9, 9, 9]])
    ratios = sweep_variance.selectivity(matrix, CODE)
    assert ratios["azimuth"] == np.inf
    assert np.isnan(ratios["elevation"])
    assert np.isnan(ratios["light_azimuth"])
    matrix[0, 1] = np.nan  # elevation has no sweep
    assert sweep_variance.selectivity(matrix, CODE)["azimuth"] == np.inf
    matrix[0, 1:] = np.nan
    assert np.isnan(sweep_variance.selectivity(matrix, CODE)["azimuth"])
    alone = GraphicsCode({"azimuth": 2})
    assert np.isnan(sweep_variance.selectivity(np.ones((1, 1)), alone)["azimuth"])


def test_a_column_of_bad_codes_is_nan_and_the_others_are_not():
    codes = {factor: np.ones((2, 4, CODE.latent_dim)) for factor in CODE.factors}
    codes["azimuth"][0, 0, 0] = np.nan
    codes["elevation"] = np.zeros((0, 4, CODE.latent_dim))
    matrix = sweep_variance.movement_matrix(codes, CODE)
    assert np.isnan(matrix[:, :2]).all()
    assert (matrix[:, 2:] == 0).all()


codes_of_any_kind = arrays(
    np.float32, (2, 5, CODE.latent_dim), elements=st.floats(-100, 100, width=32)
)


@given(
    constant=arrays(np.float32, (3, 1, CODE.latent_dim), elements=st.floats(-1e6, 1e6, width=32))
)
def test_constant_codes_do_not_move(constant):
    codes = {factor: np.repeat(constant, 7, axis=1) for factor in CODE.factors}
    assert (sweep_variance.movement_matrix(codes, CODE) == 0).all()


@given(z_mean=codes_of_any_kind, scale=st.floats(0.1, 10), seed=st.integers(0, 99))
def test_movement_ignores_order_and_offset_and_is_quadratic(z_mean, scale, seed):
    codes = dict.fromkeys(CODE.factors, z_mean)
    order = np.random.default_rng(seed).permutation(5)
    changed = dict.fromkeys(CODE.factors, scale * z_mean[:, order].astype(np.float64) + 3)
    before, after = (sweep_variance.movement_matrix(c, CODE) for c in (codes, changed))
    np.testing.assert_allclose(after, scale**2 * before, rtol=1e-6, atol=1e-9)
    within = np.var(z_mean.astype(np.float64), axis=1).mean(axis=0)
    np.testing.assert_allclose(before[0], within[0], rtol=1e-6, atol=1e-9)


def test_sweeps_of_different_lengths_count_alike():
    short, long = np.zeros((2, CODE.latent_dim)), np.zeros((10, CODE.latent_dim))
    short[1, 0], long[::2, 0] = 2.0, 6.0  # variances 1 and 9
    codes = {factor: [short, long] for factor in CODE.factors}
    assert sweep_variance.movement_matrix(codes, CODE)[0, 0] == pytest.approx(5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: sweep_variance.movement_matrix({"azimuth": np.zeros((1, 2, 7))}, CODE),
            "must be azimuth",
        ),
        (
            lambda: sweep_variance.movement_matrix(
                dict.fromkeys(CODE.factors, np.zeros((3, 2, 6))), CODE
            ),
            "factor 'azimuth' has codes of shape",
        ),
        (lambda: sweep_variance.selectivity(np.zeros((2, 3)), CODE), "shape"),
    ],
)
def test_misuse_is_one_clear_line(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


# --- shares of variance ---------------------------------------------------------------

OWN = slice(1, 3)


def random_sweeps(rng, sizes, *, within, between):
    """Sweeps of given lengths; `within` and `between` are standard deviations a latent."""
    return [
        rng.normal(0, between, len(between)) + rng.normal(0, within, (size, len(within)))
        for size in sizes
    ]


def test_own_share_of_known_variances():
    signs = np.array([1.0, -1.0])[:, np.newaxis]
    still, moving = signs * np.array([0.0, 0, 0, 1]), signs * np.array([0.0, 3, 0, 0])
    assert sweep_variance.own_share([moving], OWN) == 1
    assert sweep_variance.own_share([still], OWN) == 0
    assert sweep_variance.own_share([moving, still], OWN) == pytest.approx(0.9)  # 9 of 9 + 1
    assert np.isnan(sweep_variance.own_share([0 * still], OWN))


def test_a_latent_that_follows_its_factor_alone_is_consistent_and_the_rest_invariant():
    ramp = np.linspace(-1, 1, 20)
    identities = np.random.default_rng(0).normal(size=(8, 5))
    sweeps = np.repeat(identities[:, np.newaxis], 20, axis=1)
    sweeps[:, :, OWN] = ramp[:, np.newaxis] * [1, -2]
    assert sweep_variance.consistency(sweeps, OWN) == pytest.approx(1)
    assert sweep_variance.invariance(sweeps, OWN) == pytest.approx(1)
    frozen = np.repeat(identities[:, np.newaxis], 20, axis=1)
    assert sweep_variance.consistency(frozen, OWN) == 0
    leaking = sweeps + ramp[:, np.newaxis] * [5, 0, 0, 0, 0]
    assert sweep_variance.invariance(leaking, OWN) < 0.3


def test_noise_without_identities_lies_within():
    sweeps = random_sweeps(np.random.default_rng(1), [20] * 200, within=[1, 2], between=[0, 0])
    assert sweep_variance.within_share(sweeps) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("sizes", [[20] * 2000, [2, 3, 13] * 1500, [1, 2, 5] * 3000])
def test_share_is_that_of_the_variances_drawn_from_whatever_the_lengths(sizes):
    rng = np.random.default_rng(2)
    sweeps = random_sweeps(rng, sizes, within=[1, 0.5], between=[2, 0])
    expected = (1 + 0.25) / (1 + 0.25 + 4)
    assert sweep_variance.within_share(sweeps) == pytest.approx(expected, abs=0.02)


def test_share_is_one_less_the_intraclass_correlation():
    """Shrout and Fleiss (1979), Table 2: six targets, four ratings each; their ICC(1,1) is 0.17."""
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    sweeps = np.array(ratings, float)[..., np.newaxis]
    assert 1 - sweep_variance.within_share(sweeps) == pytest.approx(0.17, abs=0.005)


@pytest.mark.parametrize(
    "sweeps",
    [
        [],
        [np.random.default_rng(0).normal(size=(20, 2))],  # one sweep: nothing to compare with
        [np.ones((3, 2)), np.ones((5, 2))],  # constant
        [np.ones((1, 2)), np.zeros((1, 2))],  # no sweep of two images
        [np.full((3, 2), np.nan), np.ones((3, 2))],
        [np.zeros((3, 0)), np.zeros((4, 0))],  # no latents
    ],
)
def test_undefined_shares_are_nan(sweeps):
    assert np.isnan(sweep_variance.within_share(sweeps))


# On a grid: 1e-39 would be lost beside the 3 that is added below, and a constant has no share.
irregular = st.lists(
    st.integers(1, 6).flatmap(
        lambda n: arrays(
            np.float64, (n, 4), elements=st.integers(-10_000, 10_000).map(lambda v: v / 100)
        )
    ),
    max_size=5,
)


@given(sweeps=irregular, scale=st.floats(0.1, 10), seed=st.integers(0, 99))
def test_scores_of_any_sweeps_are_shares_or_nan(sweeps, scale, seed):
    """Ties, constants, single images, no sweeps at all: no warning, no crash."""
    rng = np.random.default_rng(seed)
    moved = [scale * rng.permutation(sweep).astype(float) + 3 for sweep in sweeps]
    for score in (sweep_variance.own_share, sweep_variance.consistency, sweep_variance.invariance):
        share = score(sweeps, OWN)
        assert np.isnan(share) or -1e-9 <= share <= 1 + 1e-9
        if not np.isnan(share) and max(np.ptp(s, axis=0).max() for s in sweeps) > 1e-2:
            assert score(moved, OWN) == pytest.approx(share, abs=1e-4)
