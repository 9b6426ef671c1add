"""Intervals over identities: as wide as they must be, and of whole identities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dcign_tf.evaluation.metrics.bootstrap import bootstrap_intervals
from dcign_tf.evaluation.metrics.correlation import correlations, spearman_of

pytestmark = pytest.mark.usefixtures("no_warnings")


def interval_of_mean(values, identities, **kwargs) -> tuple[float, float]:
    values = np.asarray(values, float)
    statistics = {"mean": lambda items: values[items].mean()}
    return bootstrap_intervals(np.asarray(identities), statistics, **kwargs)["mean"]


def test_of_a_mean_of_independent_values_it_is_that_of_the_normal_distribution():
    values = np.random.default_rng(0).normal(3, 2, 400)
    expected = values.mean() + np.array([-1.96, 1.96]) * values.std() / np.sqrt(400)
    interval = interval_of_mean(values, np.arange(400), num_resamples=4000)
    np.testing.assert_allclose(interval, expected, atol=0.02)


def test_it_is_scipys_where_identities_have_an_image_each():
    values = np.random.default_rng(1).exponential(size=30)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", random_state=0
    ).confidence_interval
    ours = interval_of_mean(values, np.arange(30), num_resamples=4000)
    np.testing.assert_allclose(ours, expected, atol=0.03)


def test_images_of_a_person_that_agree_tell_no_more_than_one_of_them():
    values, people = np.random.default_rng(2).normal(size=50).repeat(16), np.arange(50).repeat(16)
    over_people = np.ptp(interval_of_mean(values, people))
    over_images = np.ptp(interval_of_mean(values, np.arange(800)))
    assert over_people == pytest.approx(4 * over_images, rel=0.1)  # √16
    one_image = interval_of_mean(values[::16], people[::16])
    np.testing.assert_allclose(interval_of_mean(values, people), one_image, rtol=1e-9)


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=20), st.integers(0, 5))
def test_whole_identities_are_drawn_as_many_as_there_are(identities, seed):
    people, counts = np.unique(identities, return_counts=True)
    seen = []

    def look(items):
        times = np.bincount(items, minlength=len(identities))
        of_person = [set(times[people_of == person]) for person in people]
        assert all(len(each) == 1 for each in of_person)
        assert sum(each.pop() for each in of_person) == len(people)
        seen.append(len(items))
        return float(len(items))

    people_of = np.array(identities)
    low, high = bootstrap_intervals(people_of, {"n": look}, num_resamples=9, seed=seed)["n"]
    if len(people) > 1:
        assert len(seen) == 9
        assert len(people) * counts.min() <= low <= high <= len(people) * counts.max()
    else:
        assert np.isnan([low, high]).all()


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(3).normal(size=40)
    first = interval_of_mean(values, np.arange(40))
    assert first == interval_of_mean(values, np.arange(40))
    assert first != interval_of_mean(values, np.arange(40), seed=1)
    assert np.ptp(first) > np.ptp(interval_of_mean(values, np.arange(40), level=0.5))


def test_all_scores_are_of_the_same_samples_and_do_not_spoil_each_other():
    values = np.arange(12.0)
    intervals = bootstrap_intervals(
        np.arange(12) // 2,
        {
            "sum": lambda items: values[items].sum(),
            "less": lambda items: -values[items].sum(),
            "undefined of some": lambda items: np.nan if 0 in items else 1.0,
        },
    )
    assert intervals["less"] == tuple(-bound for bound in reversed(intervals["sum"]))
    assert np.isnan(intervals["undefined of some"]).all()


@pytest.mark.parametrize("identities", [[], [7, 7, 7]])
def test_fewer_than_two_identities_have_none(identities):
    assert np.isnan(interval_of_mean(np.ones(len(identities)), identities)).all()


def test_identities_of_another_shape():
    with pytest.raises(ValueError, match=r"Identities \(2, 3\) must be \[N\]"):
        interval_of_mean(np.ones(6), np.zeros((2, 3)))


NUMBERS = st.lists(st.integers(-3, 3), min_size=2, max_size=12)


@given(NUMBERS, NUMBERS, st.integers(0, 99))
def test_spearman_of_a_sample_is_that_of_its_values(latent, value, seed):
    count = min(len(latent), len(value))
    latent, value = np.array(latent[:count]) / 3, np.array(value[:count]) * 1e9
    items = np.random.default_rng(seed).integers(count, size=count)
    ours = spearman_of(latent, value)(items)
    expected = correlations(latent[items], value[items])["spearman"]
    np.testing.assert_allclose(ours, expected, atol=1e-9)


def test_spearman_of_values_that_are_not_finite():
    latent = np.array([0.0, np.nan, 1.0])
    assert np.isnan(spearman_of(latent, np.arange(3))(np.array([0, 2])))


def test_a_score_that_is_infinite_of_some_samples_has_no_interval():
    values = np.array([np.inf, np.inf, 1.0, 2.0])
    statistics = {"it": lambda items: float(np.mean(values[items])), "other": lambda items: 1.0}
    intervals = bootstrap_intervals(np.arange(4), statistics, num_resamples=50)
    assert np.isnan(intervals["it"]).all()
    assert intervals["other"] == (1.0, 1.0)
