"""Disentanglement scores: closed forms on codes whose scores can be worked out by hand.

The factors are a full factorial grid, so that they are exactly independent and
what is estimated from counts has no sampling error.
"""

from __future__ import annotations

import itertools
import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mutual_info_score
from sklearn.model_selection import GroupShuffleSplit

from dcign_tf.evaluation.metrics import mutual_information as mi
from dcign_tf.evaluation.metrics.dci import dci_of_importances, dci_scores
from dcign_tf.evaluation.metrics.disentanglement import disentanglement_scores
from dcign_tf.evaluation.metrics.explicitness import explicitness_score
from dcign_tf.evaluation.metrics.factor_vae import factor_vae_score
from dcign_tf.evaluation.metrics.mig import mutual_information_gap
from dcign_tf.evaluation.metrics.modularity import modularity_score
from dcign_tf.evaluation.metrics.sap import separated_attribute_predictability

pytestmark = pytest.mark.usefixtures("no_warnings")

LEVELS = 8
GRID = np.array(list(itertools.product(range(LEVELS), repeat=3)), float)  # [512, 3]
BINS = {"bins": LEVELS}


def noise(columns, seed=0, rows=LEVELS**3):
    return np.random.default_rng(seed).normal(size=(rows, columns))


def headline(codes, factors=GRID, **kwargs):
    """The one number, or three, of each score."""
    scores = disentanglement_scores(codes, factors, **BINS, **kwargs)
    d = scores["dci"]
    return {
        "mig": scores["mig"]["mig"],
        "modularity": scores["modularity"]["modularity"],
        "explicitness": scores["explicitness"]["explicitness"],
        "sap": scores["sap"]["sap"],
        "factor_vae": scores["factor_vae"]["factor_vae"],
        **{name: d[name] for name in ("disentanglement", "completeness", "informativeness")},
    }


# --- all of them ----------------------------------------------------------------------


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
@pytest.mark.parametrize("regressor", ["forest", "lasso"])
def test_a_perfect_code_in_any_order_and_either_direction(order, regressor):
    found = headline(GRID[:, order] * [1, -2, 0.5] + 3, regressor=regressor)
    for name in ("mig", "modularity", "explicitness", "sap", "factor_vae"):
        assert found[name] == pytest.approx(1), name
    assert found["disentanglement"] == pytest.approx(1, abs=0.01)
    assert found["completeness"] == pytest.approx(1, abs=0.01)
    assert found["informativeness"] == pytest.approx(0, abs=0.01)


def test_a_constant_code():
    found = headline(np.ones((len(GRID), 4)))
    assert found["mig"] == found["sap"] == 0
    assert found["explicitness"] == 0.5
    assert found["informativeness"] == pytest.approx(1, abs=0.02)  # it says the mean
    for name in ("modularity", "factor_vae", "disentanglement", "completeness"):
        assert np.isnan(found[name]), name


def test_one_latent_copied():
    """Whatever asks that a factor have one latent loses it; whatever does not, does not."""
    found = headline(np.column_stack([GRID, GRID[:, 0]]))
    assert found["mig"] == pytest.approx(2 / 3)
    assert found["sap"] == pytest.approx(2 / 3)
    for name in ("modularity", "explicitness", "factor_vae"):
        assert found[name] == pytest.approx(1), name
    assert found["disentanglement"] == pytest.approx(1, abs=0.01)
    # Trees take either copy: half the entropy there can be of four latents, for one factor of 3.
    assert found["completeness"] == pytest.approx(1 - 0.5 / 3, abs=0.03)
    assert found["informativeness"] == pytest.approx(0, abs=0.01)


def test_noise():
    factors = np.random.default_rng(7).uniform(-60, 60, (2000, 3))
    found = headline(noise(5, rows=2000), factors)
    assert found["mig"] < 0.01
    assert found["sap"] < 0.01
    assert found["factor_vae"] == pytest.approx(1 / 3, abs=0.05)
    assert found["explicitness"] == pytest.approx(0.5, abs=0.05)
    assert found["informativeness"] > 0.95
    assert found["disentanglement"] < 0.1
    assert found["completeness"] < 0.1
    assert found["modularity"] < 0.5  # not 0: chance favours one factor


def test_two_factors_turned_by_45_degrees():
    """Both latents tell both factors alike."""
    turned = np.column_stack([GRID[:, 0] + GRID[:, 1], GRID[:, 0] - GRID[:, 1], GRID[:, 2]])
    found = headline(turned, regressor="lasso")
    assert found["sap"] == pytest.approx(1 / 3)  # R² of 1/2 and 1/2, twice; and 1
    assert found["mig"] == pytest.approx(1 / 3, abs=0.02)
    # Of the two latents, 1 − ln 2 / ln 3; they have 2 of 3 parts of weight, or a little more.
    expected = 1 - 2 / 3 * np.log(2) / np.log(3)
    assert found["disentanglement"] == pytest.approx(expected, abs=0.05)
    assert found["completeness"] == pytest.approx(expected, abs=0.01)
    assert found["informativeness"] == pytest.approx(0, abs=0.01)


def test_results_say_what_they_were_computed_with_and_are_json():
    scores = disentanglement_scores(np.column_stack([GRID, noise(2)]), GRID, seed=3, **BINS)
    stored = json.loads(json.dumps(scores))
    assert stored["mig"]["settings"] == {"bins": LEVELS, "binning": "width", "num_samples": 512}
    assert stored["dci"]["settings"]["num_train"] == 410
    assert stored["factor_vae"]["settings"]["num_learned"] == 10_000
    assert stored["factor_vae"]["settings"]["num_scored"] == 5_000
    for name in ("dci", "factor_vae", "explicitness"):
        assert stored[name]["settings"]["seed"] == 3
    again = disentanglement_scores(np.column_stack([GRID, noise(2)]), GRID, seed=3, **BINS)
    assert again == scores


def test_the_order_and_the_scale_of_latents_do_not_matter():
    codes = np.column_stack([GRID + 0.5 * noise(3), noise(2)])
    changed = codes[:, [4, 2, 0, 3, 1]] * [3, 0.7, -2, 1, 5] - 4
    before, after = headline(codes), headline(changed)
    for name in ("mig", "modularity", "explicitness", "sap", "factor_vae"):
        assert after[name] == pytest.approx(before[name], abs=1e-6), name
    for name in ("disentanglement", "completeness", "informativeness"):
        assert after[name] == pytest.approx(before[name], abs=0.05), name


@given(exponent=st.integers(-40, 40))
@settings(max_examples=4)
def test_no_score_depends_on_the_scale_of_the_code(exponent):
    """By a power of two, so that not even rounding differs."""
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(20), 6)
    factors = np.column_stack([rng.uniform(-60, 60, 120), rng.normal(size=20)[people]])
    codes = np.column_stack([factors + rng.normal(size=factors.shape), rng.normal(size=(120, 2))])
    codes = np.column_stack([codes, 1e-3 * codes[:, 0]])  # collapsed
    scaled = codes * 2.0**exponent
    assert disentanglement_scores(scaled, factors, groups=people) == disentanglement_scores(
        codes, factors, groups=people
    )
    lasso = {"groups": people, "regressor": "lasso"}
    assert dci_scores(scaled, factors, **lasso) == dci_scores(codes, factors, **lasso)


def recognised_not_told(people: int = 100, images: int = 10):
    """Codes by which anybody is known again, and that tell nothing of what is each one's own."""
    rng = np.random.default_rng(1)
    person = np.repeat(np.arange(people), images)
    codes = rng.normal(size=(people, 40))[person] + 0.3 * rng.normal(size=(people * images, 40))
    return codes, rng.normal(size=(people, 2))[person], person


def test_what_is_learned_by_heart_of_people_scores_nothing_when_they_are_kept_apart():
    codes, factors, person = recognised_not_told()
    apart = headline(codes, factors, groups=person)
    assert apart["explicitness"] == pytest.approx(0.5, abs=0.1)
    assert apart["informativeness"] > 0.95
    mixed = headline(codes, factors)  # why: the same code seems to tell all
    assert mixed["explicitness"] > 0.75
    assert mixed["informativeness"] < 0.75


def test_the_lasso_chooses_its_penalty_by_people_it_is_not_fitted_on():
    """By images it would choose the least penalty: more weights, and a larger error."""
    codes, factors, person = recognised_not_told(people=40)
    result = dci_scores(codes, factors, groups=person, regressor="lasso")
    assert result["informativeness"] < 1.1


@pytest.mark.slow
def test_two_hundred_latents_and_six_factors_take_less_than_a_minute():
    import time

    factors = np.random.default_rng(0).normal(size=(2000, 6))
    codes = np.column_stack([factors, noise(194, rows=2000)])
    start = time.process_time()
    disentanglement_scores(codes, factors)
    assert time.process_time() - start < 60


# --- mutual information, MIG, modularity ----------------------------------------------


def test_width_bins_are_equally_wide_and_quantiles_equally_full():
    column = np.array([0.0, 1, 2, 3, 10])[:, np.newaxis]
    np.testing.assert_array_equal(mi.discretise(column, 5, "width").ravel(), [0, 0, 1, 1, 4])
    np.testing.assert_array_equal(mi.discretise(column, 5, "quantile").ravel(), range(5))


@given(
    values=arrays(
        np.float64, st.tuples(st.integers(1, 30), st.integers(1, 3)), elements=st.floats(-9, 9)
    ),
    bins=st.integers(2, 12),
    binning=st.sampled_from(mi.BINNINGS),
)
def test_bins_follow_order_and_equal_values_share_one(values, bins, binning):
    found = mi.discretise(values, bins, binning)
    assert found.shape == values.shape
    assert found.min() >= 0
    assert found.max() < bins
    for column, numbers in zip(values.T, found.T, strict=True):
        order = np.argsort(column)
        assert (np.diff(numbers[order]) >= 0).all()
        assert all(len(set(numbers[column == value])) == 1 for value in column)


def test_quantiles_of_few_values_keep_them_apart():
    column = np.array([0.0] * 6 + [1.0, 2.0])[:, np.newaxis]
    np.testing.assert_array_equal(mi.discretise(column, 2, "quantile").ravel(), [0] * 6 + [1, 1])


@given(seed=st.integers(0, 999), rows=st.integers(1, 40))
def test_mutual_information_is_that_of_scikit_learn(seed, rows):
    rng = np.random.default_rng(seed)
    codes, factors = rng.integers(0, 4, (rows, 3)), rng.integers(0, 6, (rows, 2))
    found = mi.mutual_information(codes, factors)
    for (i, j), value in np.ndenumerate(found):
        assert value == pytest.approx(mutual_info_score(codes[:, i], factors[:, j]), abs=1e-9)


def test_mig_of_a_latent_that_knows_half():
    """Of 8 levels it tells 4 pairs: ln 4 of ln 8."""
    codes = np.column_stack([GRID[:, 0] // 2, GRID[:, 1:]])
    result = mutual_information_gap(codes, GRID, **BINS)
    np.testing.assert_allclose(result["per_factor"], [2 / 3, 1, 1])
    assert result["mig"] == pytest.approx(8 / 9)


def test_mig_of_a_single_latent_is_its_lead_over_none():
    result = mutual_information_gap(GRID[:, :1], GRID, **BINS)
    np.testing.assert_allclose(result["per_factor"], [1, 0, 0], atol=1e-12)


def test_modularity_of_a_latent_that_tells_two_of_three_factors():
    both = LEVELS * GRID[:, 0] + GRID[:, 1]
    codes = np.column_stack([both, GRID[:, 2], np.zeros(len(GRID))])
    result = modularity_score(codes, GRID, bins=LEVELS**2)
    np.testing.assert_allclose(result["per_latent"], [0.5, 1, np.nan])
    assert result["modularity"] == pytest.approx(0.75)
    assert result["settings"]["num_latents_counted"] == 2


# --- SAP ------------------------------------------------------------------------------


def test_sap_is_the_lead_in_squared_correlation():
    codes = np.column_stack([GRID[:, 0] + noise(1)[:, 0], GRID[:, 0] + 3 * noise(1, 1)[:, 0]])
    r = [np.corrcoef(GRID[:, 0], z)[0, 1] for z in codes.T]
    result = separated_attribute_predictability(codes, GRID[:, :1])
    assert result["sap"] == pytest.approx(r[0] ** 2 - r[1] ** 2)


def test_a_collapsed_latent_leads_nothing_and_is_never_chosen():
    codes = np.column_stack([5e-3 * GRID[:, 0], GRID[:, 1:], noise(1)])
    result = separated_attribute_predictability(codes, GRID)
    np.testing.assert_allclose(result["per_factor"], [0, 1, 1], atol=0.02)
    assert result["settings"]["num_active"] == 3
    assert factor_vae_score(codes, GRID)["factor_vae"] < 0.95
    assert factor_vae_score(codes, GRID, least_share=0.0)["factor_vae"] == 1


# --- DCI ------------------------------------------------------------------------------


def test_dci_of_known_importances():
    importances = np.array([[1.0, 0, 0], [0, 0.5, 0.5], [0, 0.5, 0.5], [0, 0, 0]])
    disentanglement, completeness, per_factor = dci_of_importances(importances)
    lost = np.log(2) / np.log(3)
    assert disentanglement == pytest.approx(1 / 3 + 2 / 3 * (1 - lost))
    np.testing.assert_allclose(per_factor, [1, 0.5, 0.5])
    assert completeness == pytest.approx(2 / 3)


@given(
    importances=arrays(np.float64, (4, 3), elements=st.floats(0, 10).filter(lambda x: x != 0)),
    scale=st.floats(0.1, 10),
)
def test_dci_is_in_its_range_and_ignores_scale(importances, scale):
    disentanglement, completeness, per_factor = dci_of_importances(importances)
    for value in (disentanglement, completeness, *per_factor):
        assert -1e-9 <= value <= 1 + 1e-9
    assert dci_of_importances(scale * importances)[0] == pytest.approx(disentanglement, abs=1e-9)


def test_dci_of_nothing():
    disentanglement, completeness, per_factor = dci_of_importances(np.zeros((3, 2)))
    assert np.isnan([disentanglement, completeness, *per_factor]).all()
    assert np.isnan(dci_of_importances(np.ones((3, 1)))[0])
    assert np.isnan(dci_of_importances(np.ones((1, 3)))[1])


@pytest.mark.parametrize("regressor", ["forest", "lasso"])
def test_informativeness_is_the_share_of_spread_that_is_missed(regressor):
    """A factor of half signal, half what no latent knows: √½ of its deviation remains."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, (4000, 2)).astype(float)
    factors = np.column_stack([codes[:, 0], codes[:, 1] + rng.normal(0, 0.5, 4000)])
    result = dci_scores(codes, factors, regressor=regressor)
    np.testing.assert_allclose(result["informativeness_per_factor"], [0, np.sqrt(0.5)], atol=0.03)


@pytest.mark.parametrize("regressor", ["forest", "lasso"])
def test_constant_codes_predict_the_mean(regressor):
    result = dci_scores(np.ones((60, 2)), noise(2, rows=60), regressor=regressor)
    assert np.isnan(result["disentanglement"])
    assert result["informativeness"] == pytest.approx(1, abs=0.2)


def test_a_constant_factor_is_nan_in_its_own_place():
    factors = np.column_stack([GRID[:, 0], np.ones(len(GRID))])
    assert np.isnan(dci_scores(GRID, factors)["informativeness_per_factor"]).tolist() == [
        False,
        True,
    ]
    sap = separated_attribute_predictability(GRID, factors)["per_factor"]
    assert np.isnan(sap).tolist() == [False, True]
    assert np.isnan(explicitness_score(GRID, factors)["per_factor"]).tolist() == [False, True]
    mig = mutual_information_gap(GRID, factors)["per_factor"]
    assert np.isnan(mig).tolist() == [False, True]


def test_forests_see_the_values_as_they_are():
    """So that whoever has codes and factors can fit the very same trees, ties and all."""
    factors = np.repeat(noise(2, seed=1, rows=20), 5, axis=0).astype(np.float32)
    codes = (30 * noise(5, rows=100)).astype(np.float32)
    found = dci_scores(codes, factors, seed=3)
    train, test = next(
        GroupShuffleSplit(1, train_size=80, random_state=3).split(codes, groups=range(100))
    )
    for column, factor in enumerate(factors.T):
        forest = RandomForestRegressor(20, random_state=3).fit(codes[train], factor[train])
        importances = np.array(found["importances"])[:, column]
        np.testing.assert_allclose(importances, forest.feature_importances_, rtol=0, atol=1e-12)
        error = np.mean((forest.predict(codes[test]) - factor[test]) ** 2) ** 0.5
        assert found["informativeness_per_factor"][column] == pytest.approx(
            error / factor[test].std(), rel=1e-6
        )


# --- FactorVAE score and explicitness -------------------------------------------------


def test_factor_vae_score_of_a_code_that_knows_two_of_three_factors():
    """The votes for the third are right by chance at most, and never both of two."""
    codes = np.column_stack([GRID[:, 0], GRID[:, 1]])
    score = factor_vae_score(codes, GRID)["factor_vae"]
    assert score == pytest.approx(2 / 3, abs=0.02)


def test_factor_vae_score_has_votes_enough_for_a_hundred_latents():
    """Of most latents a few hundred votes tell nothing; 15,000 leave ± .005 over seeds."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(600, 3))
    codes = np.column_stack([np.tanh(factors[:, :1]), rng.normal(size=(600, 99))])
    scores = [factor_vae_score(codes, factors, seed=seed)["factor_vae"] for seed in range(2)]
    assert np.ptp(scores) < 0.03


def test_factor_vae_score_of_continuous_factors():
    factors = np.random.default_rng(0).normal(size=(2000, 3))
    assert factor_vae_score(np.tanh(factors), factors)["factor_vae"] == 1


def test_explicitness_of_middle_classes_by_one_latent():
    """Why it is two by default: of three classes a line tells the outer ones only."""
    result = explicitness_score(GRID[:, :1] + 0.01 * noise(1), GRID[:, :1], classes=4)
    assert 0.7 < result["explicitness"] < 0.9
    onehot = (GRID[:, :1] // 2 == np.arange(4)).astype(float)
    assert explicitness_score(onehot, GRID[:, :1], classes=4)["explicitness"] == pytest.approx(1)


# --- any data -------------------------------------------------------------------------


@given(
    data=st.integers(0, 9999),
    rows=st.integers(20, 40),
    latents=st.integers(1, 4),
    levels=st.integers(1, 4),
)
@settings(max_examples=6)
def test_coarse_data_with_ties_give_scores_in_range_or_nan(data, rows, latents, levels):
    warnings.simplefilter("ignore", ConvergenceWarning)  # the lasso's, of two dozen rows
    rng = np.random.default_rng(data)
    codes, factors = rng.integers(0, levels, (rows, latents)), rng.integers(0, 3, (rows, 2))
    for regressor in ("forest", "lasso"):
        found = headline(codes, factors, regressor=regressor)
        assert not found.pop("informativeness") < 0
        for value in found.values():
            assert np.isnan(value) or -1e-9 <= value <= 1 + 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: disentanglement_scores(GRID, GRID[:5]), "must be"),
        (lambda: disentanglement_scores(GRID[:, 0], GRID), "must be"),
        (lambda: disentanglement_scores(GRID[:1], GRID[:1]), "too little"),
        (lambda: disentanglement_scores(GRID[:, :0], GRID), "too little"),
        (lambda: disentanglement_scores(GRID * np.nan, GRID), "not all finite"),
        (lambda: modularity_score(GRID, GRID[:, :1]), "at least 2"),
        (lambda: mi.discretise(GRID, 1, "width"), "1 bins"),
        (lambda: mi.discretise(GRID, 4, "equal"), "Unknown binning"),
        (lambda: dci_scores(GRID, GRID, regressor="trees"), "Unknown regressor"),
        (lambda: dci_scores(GRID[:4], GRID[:4]), "each part needs 2"),
        (lambda: dci_scores(GRID, GRID, groups=GRID[:, 0] * 0), "of 1 groups"),
        (lambda: explicitness_score(GRID, GRID, groups=[1, 2]), r"must be \[512\]"),
        (lambda: factor_vae_score(GRID, GRID, num_scored=0), "1 is the least"),
    ],
)
def test_misuse_is_one_clear_line(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
