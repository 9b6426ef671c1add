"""codes.npz, and the disentanglement scores anew from it, by code written from the papers."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import mannwhitneyu, rankdata
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import GroupShuffleSplit

from dcign_tf.errors import UserError
from dcign_tf.evaluation.metrics.disentanglement import disentanglement_scores
from dcign_tf.evaluation.portraits import (
    CODES_FILE,
    LEAST_IMAGES,
    LEAST_PEOPLE,
    Portraits,
    score_disentanglement,
    write_codes,
)

IMAGES, PEOPLE = 900, 60
NAMES = [
    *("azimuth_deg", "elevation_deg", "light_azimuth_deg"),
    *("identity_1", "identity_2", "identity_3"),
]


def portraits(count: int = IMAGES) -> Portraits:
    rng = np.random.default_rng(0)
    people = rng.integers(0, PEOPLE, count)
    shown = Portraits(
        images=np.zeros((count, 1, 1, 1), np.uint8),
        codes=np.zeros((count, 0), np.float32),
        identities=people,
        coefficients=rng.normal(size=(PEOPLE, 5)).astype(np.float32)[people],
        angles_deg={
            name: rng.uniform(-limit, limit, count).astype(np.float32)
            for name, limit in zip(NAMES, (60, 25, 80), strict=False)
        },
    )
    return dataclasses.replace(shown, codes=encode(shown))


def encode(shown: Portraits) -> np.ndarray:
    """Some of everything: good latents, a bent one, a mixture, a copy, noise, one collapsed."""
    rng = np.random.default_rng(1)
    azimuth, elevation, light = (np.radians(angle) for angle in shown.angles_deg.values())
    latents = [
        azimuth,
        np.sin(2 * elevation),
        light + 0.3 * azimuth,
        shown.coefficients[:, 0],
        shown.coefficients[:, 1] + shown.coefficients[:, 2],
        shown.coefficients[:, 1] - 0.5 * shown.coefficients[:, 2],
        2 * azimuth,
        np.zeros(len(azimuth)),
    ]
    spread = np.array([0.05, 0.05, 0.1, 0.3, 0.2, 0.2, 0.5, 1.0])
    codes = np.column_stack(latents) + spread * rng.normal(size=(len(azimuth), len(spread)))
    return np.column_stack([codes, 0.005 * rng.normal(size=len(azimuth))]).astype(np.float32)


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> tuple[dict, np.ndarray, np.ndarray]:
    """The scores, and codes and factors as they stand in the file."""
    path = tmp_path_factory.mktemp("evaluation") / CODES_FILE
    shown = portraits()
    write_codes(path, shown, step=7)
    with np.load(path) as file:
        return score_disentanglement(shown), file["codes"], file["factors"]


# --- recomputed -----------------------------------------------------------------------


def information(x: np.ndarray, y: np.ndarray, bins: int) -> float:
    """Σ p(x, y) ln p(x, y) / p(x) p(y) of a histogram."""
    joint, _, _ = np.histogram2d(x, y, bins)
    joint /= joint.sum()
    total = 0.0
    for i, j in itertools.product(range(bins), repeat=2):
        if joint[i, j]:
            total += joint[i, j] * np.log(joint[i, j] / joint[i].sum() / joint[:, j].sum())
    return total


def informations(codes: np.ndarray, factors: np.ndarray, bins: int) -> np.ndarray:
    return np.array([[information(z, v, bins) for v in factors.T] for z in codes.T])


def test_mig(scored):
    scores, codes, factors = scored
    found = scores["mig"]
    bins = found["settings"]["bins"]
    gaps = []
    for told, factor in zip(informations(codes, factors, bins).T, factors.T, strict=True):
        second, first = sorted(told)[-2:]
        gaps.append((first - second) / information(factor, factor, bins))
    np.testing.assert_allclose(found["per_factor"], gaps, atol=1e-6)
    assert found["mig"] == pytest.approx(np.mean(gaps), abs=1e-6)


def test_modularity(scored):
    scores, codes, factors = scored
    found = scores["modularity"]
    per_latent = []
    for told in informations(codes, factors, found["settings"]["bins"]):
        own = told.argmax()
        template = np.where(np.arange(len(told)) == own, told[own], 0.0)
        deviation = ((told - template) ** 2).sum() / (told[own] ** 2 * (len(told) - 1))
        per_latent.append(1 - deviation)
    np.testing.assert_allclose(found["per_latent"], per_latent, atol=1e-6)
    assert found["modularity"] == pytest.approx(np.mean(per_latent), abs=1e-6)


def test_sap(scored):
    scores, codes, factors = scored
    found = scores["sap"]
    variances = [np.mean((z - z.mean()) ** 2) for z in codes.T.astype(float)]
    most = found["settings"]["least_share"] * max(variances)
    active = [z for z, v in zip(codes.T.astype(float), variances, strict=True) if v > most]
    assert found["settings"]["num_active"] == len(active) == codes.shape[1] - 1
    gaps = []
    for factor in factors.T.astype(float):
        r2 = []
        for z in active:
            predicted = np.polyval(np.polyfit(z, factor, 1), z)
            unexplained = ((factor - predicted) ** 2).sum()
            r2.append(1 - unexplained / ((factor - factor.mean()) ** 2).sum())
        second, first = sorted(r2)[-2:]
        gaps.append(first - second)
    np.testing.assert_allclose(found["per_factor"], gaps, atol=1e-6)
    assert found["sap"] == pytest.approx(np.mean(gaps), abs=1e-6)


def logistic_regression(x: np.ndarray, is_one: np.ndarray, inverse_penalty: float) -> np.ndarray:
    """Weights and, last, intercept that minimise |w|²/2 + C Σ ln(1 + exp(−y f(x)))."""
    sign = np.where(is_one, 1.0, -1.0)

    def loss(parameters):
        margin = sign * (x @ parameters[:-1] + parameters[-1])
        pull = -sign / (1 + np.exp(margin))
        gradient = np.append(parameters[:-1] + inverse_penalty * x.T @ pull, pull.sum())
        value = parameters[:-1] @ parameters[:-1] / 2
        return value + inverse_penalty * np.logaddexp(0, -margin).sum(), gradient

    return minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x


def people_apart(train_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which images are of people to learn from, and which of the others; as docs/scores.md says."""
    people = portraits().identities
    splitter = GroupShuffleSplit(1, train_size=round(train_fraction * PEOPLE), random_state=seed)
    train, test = next(splitter.split(people, groups=people))
    assert not set(people[train]) & set(people[test])
    return train, test


def test_explicitness(scored):
    scores, codes, factors = scored
    found = scores["explicitness"]
    settings = found["settings"]
    assert settings["classes"] == 2
    train, test = people_apart(0.5, settings["seed"])
    assert (len(train), len(test)) == (settings["num_train"], settings["num_test"])
    x = (codes - codes[train].mean(axis=0)) / codes[train].std(axis=0)
    areas = []
    for factor in factors.T:
        # Equal values are of one class; as many are in either, but for those.
        upper = factor > np.median(factor)
        if abs(upper.mean() - 0.5) > abs((factor >= np.median(factor)).mean() - 0.5):
            upper = factor >= np.median(factor)
        weights = logistic_regression(x[train], upper[train], settings["inverse_penalty"])
        told = x[test] @ weights[:-1]
        ones, others = told[upper[test]], told[~upper[test]]
        areas.append(mannwhitneyu(ones, others).statistic / len(ones) / len(others))
    # Either class against the other has the same area. Two solvers stop at 1e-4 of each other.
    np.testing.assert_allclose(found["per_factor"], areas, atol=1e-3)
    assert found["explicitness"] == pytest.approx(np.mean(areas), abs=1e-3)


def entropy(weights: np.ndarray, base: int) -> float:
    shares = [w / weights.sum() for w in weights if w]
    return -sum(p * np.log(p) for p in shares) / np.log(base)


def test_dci_of_the_importances_that_are_given(scored):
    found = scored[0]["dci"]
    importances = np.array(found["importances"])
    latents, factors = importances.shape
    disentanglement = [1 - entropy(row, factors) for row in importances]
    weights = importances.sum(axis=1) / importances.sum()
    assert found["disentanglement"] == pytest.approx(weights @ disentanglement, abs=1e-6)
    completeness = [1 - entropy(column, latents) for column in importances.T]
    np.testing.assert_allclose(found["completeness_per_factor"], completeness, atol=1e-6)
    assert found["completeness"] == pytest.approx(np.mean(completeness), abs=1e-6)


def test_dci_of_other_forests(scored):
    """The trees are left to chance."""
    scores, codes, factors = scored
    found = scores["dci"]
    train, test = people_apart(0.8, seed=0)
    importances, errors = np.zeros((codes.shape[1], factors.shape[1])), []
    for column, factor in enumerate(factors.T):
        forest = RandomForestRegressor(found["settings"]["num_trees"], random_state=5)
        forest.fit(codes[train], factor[train])
        importances[:, column] = forest.feature_importances_
        error = forest.predict(codes[test]) - factor[test]
        errors.append(np.sqrt((error**2).mean()) / factor[test].std())
    weights = importances.sum(axis=1) / importances.sum()
    disentanglement = [1 - entropy(row, len(row)) for row in importances]
    assert found["disentanglement"] == pytest.approx(weights @ disentanglement, abs=0.03)
    completeness = [1 - entropy(column, len(column)) for column in importances.T]
    np.testing.assert_allclose(found["completeness_per_factor"], completeness, atol=0.05)
    np.testing.assert_allclose(errors, found["informativeness_per_factor"], atol=0.1)
    assert np.mean(errors) == pytest.approx(found["informativeness"], abs=0.04)


def test_factor_vae_score_of_other_draws(scored):
    """Votes of our own; theirs leave a share right of ± 0.01."""
    scores, codes, factors = scored
    found = scores["factor_vae"]
    settings = found["settings"]
    active = codes[:, codes.var(axis=0) > settings["least_share"] * codes.var(axis=0).max()]
    scaled = active / active.std(axis=0)
    bins = (settings["bins"] * (rankdata(factors, axis=0) - 0.5) / len(factors)).astype(int)
    rng = np.random.default_rng(99)
    table = np.zeros((2, active.shape[1], 6), int)
    for vote in range(10_000):
        factor = rng.integers(6)
        alike = np.flatnonzero(bins[:, factor] == bins[rng.integers(len(bins)), factor])
        drawn = scaled[rng.choice(alike, settings["samples_per_vote"])]
        table[vote % 2, drawn.var(axis=0).argmin(), factor] += 1
    learned, scored_votes = table
    right = scored_votes[np.arange(len(learned)), learned.argmax(axis=1)].sum()
    assert found["factor_vae"] == pytest.approx(right / scored_votes.sum(), abs=0.05)
    assert 0.4 < found["factor_vae"] < 0.95  # neither chance nor perfect: something was compared


# --- the file -------------------------------------------------------------------------


def test_the_file_holds_what_was_scored(scored, tmp_path):
    scores, shown = scored[0], portraits()
    write_codes(tmp_path / CODES_FILE, shown, step=7, face_model="head")
    with np.load(tmp_path / CODES_FILE) as file:  # which allows no pickles
        assert file["factor_names"].tolist() == scores["factors"] == NAMES
        assert (file["codes"].dtype, file["factors"].dtype) == (np.float32, np.float32)
        assert file["factors"].shape == (IMAGES, 6)
        np.testing.assert_array_equal(file["factors"][:, 1], shown.angles_deg["elevation_deg"])
        np.testing.assert_array_equal(file["factors"][:, 4], shown.coefficients[:, 1])
        np.testing.assert_array_equal(file["identities"], shown.identities)
        np.testing.assert_array_equal(file["coefficients"], shown.coefficients)
        assert (file["step"].item(), file["face_model"].item()) == (7, "head")
        again = disentanglement_scores(file["codes"], file["factors"], groups=file["identities"])
    assert again.items() <= scores.items()
    assert (scores["num_images"], scores["num_identities"]) == (IMAGES, PEOPLE)
    assert [entry.name for entry in tmp_path.iterdir()] == [CODES_FILE]


def test_a_face_model_of_few_coefficients():
    shown = portraits(30)
    few = dataclasses.replace(shown, coefficients=shown.coefficients[:, :2])
    assert list(few.factors) == NAMES[:5]


def test_too_few_images_are_not_scored():
    for count, known in ((LEAST_IMAGES - 1, False), (LEAST_IMAGES, True)):
        assert (score_disentanglement(portraits(count)) is not None) == known


def test_too_few_people_are_not_scored():
    """They could not be parted into some to learn from and others to measure on."""
    shown = portraits(40)
    for count, known in ((LEAST_PEOPLE - 1, False), (LEAST_PEOPLE, True)):
        few = dataclasses.replace(shown, identities=np.arange(40) % count)
        assert (score_disentanglement(few) is not None) == known


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(UserError, match=r"Cannot write .*codes\.npz"):
        write_codes(tmp_path / "file" / CODES_FILE, portraits(30))
