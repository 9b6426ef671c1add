"""Face recognition on representations whose scores can be worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dcign_tf.evaluation.figures.roc_curves import recognition
from dcign_tf.evaluation.figures.style import save_figure
from dcign_tf.evaluation.metrics.recognition import (
    FALSE_ACCEPTANCE_RATES,
    METRICS,
    frontal_gallery,
    identify,
    less_within,
    pca_features,
    random_gallery,
    recognition_scores,
    similarity,
    standardised,
    verify,
)

pytestmark = pytest.mark.usefixtures("no_warnings")

PEOPLE, IMAGES = 6, 5
IDENTITIES = np.repeat(np.arange(PEOPLE) + 100, IMAGES)
ANGLES = {
    name: np.random.default_rng(index).uniform(-bound, bound, len(IDENTITIES))
    for index, (name, bound) in enumerate({"azimuth_deg": 60, "light_azimuth_deg": 80}.items())
}


def test_intervals_draw_the_people_of_the_probes():
    """Two of the six are always taken for each other."""
    features = one_hot()
    features[1:5], features[6:10] = one_hot()[5], one_hot()[0]
    gallery = {"azimuth_deg": np.arange(len(IDENTITIES)) % IMAGES}  # the first of each
    scored = recognition_scores({"own": features}, IDENTITIES, gallery)["representations"]["own"]
    low, high = scored["intervals"]["rank1"]
    assert (scored["rank1"], high) == (pytest.approx(4 / 6), 1)
    assert low == pytest.approx(2 / 6)  # the 2.5th percentile of a binomial of six
    low, high = scored["intervals"]["random_gallery.rank1.mean"]
    assert low < scored["random_gallery"]["rank1"]["mean"] <= high


def one_hot(identities=IDENTITIES) -> np.ndarray:
    return (identities[:, np.newaxis] == np.unique(identities)).astype(float)


def scores(features: np.ndarray, identities=IDENTITIES, **kwargs) -> dict:
    return recognition_scores({"it": features}, identities, ANGLES, **kwargs)["representations"][
        "it"
    ]


# --- whole protocol --------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_a_perfect_representation(metric):
    found = scores(one_hot(), metric=metric)
    assert found["rank1"] == found["auc"] == 1
    assert found["equal_error_rate"] == 0
    assert found["true_acceptance_rate"] == [1] * len(FALSE_ACCEPTANCE_RATES)
    for name, best in (("rank1", 1), ("auc", 1), ("equal_error_rate", 0)):
        assert found["random_gallery"][name] == {"mean": best, "std": 0}
    for binned in found["rank1_by_change"].values():
        assert set(binned["rank1"]) <= {1.0} | {np.nan}
        assert sum(binned["num_probes"]) == PEOPLE * (IMAGES - 1)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_a_constant_representation_is_chance_exactly(metric, constant):
    found = scores(np.full((len(IDENTITIES), 7), constant), metric=metric)
    assert found["rank1"] == pytest.approx(1 / PEOPLE)
    assert found["auc"] == found["equal_error_rate"] == 0.5
    np.testing.assert_allclose(found["true_acceptance_rate"], FALSE_ACCEPTANCE_RATES)


def test_noise_is_chance_within_sampling_error():
    rng = np.random.default_rng(0)
    identities = np.repeat(np.arange(40), 20)
    angle = {"azimuth_deg": rng.uniform(-60, 60, 800)}
    found = recognition_scores({"noise": rng.normal(size=(800, 30))}, identities, angle)
    chance, noise = found["protocol"]["chance"], found["representations"]["noise"]
    assert chance == 1 / 40
    assert noise["rank1"] == pytest.approx(chance, abs=4 * np.sqrt(chance / 760))
    assert noise["equal_error_rate"] == pytest.approx(0.5, abs=0.04)
    assert noise["auc"] == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("metric", METRICS)
def test_two_people_with_one_face(metric):
    """Each of their probes is at one with two gallery images: half are right."""
    features = one_hot()
    twins = np.isin(IDENTITIES, [100, 103])
    features[twins] = features[IDENTITIES == 100][0]
    found = scores(features, metric=metric)
    assert found["rank1"] == pytest.approx((PEOPLE - 2 + 2 * 0.5) / PEOPLE)
    # Of the pairs of two people, 2 of PEOPLE·(PEOPLE − 1) look like one; all others like none.
    lookalike = 2 / (PEOPLE * (PEOPLE - 1))
    assert found["auc"] == pytest.approx(1 - lookalike / 2)
    # From (lookalike, 1) the ROC falls straight to (0, 0): 1 − f/lookalike = f.
    assert found["equal_error_rate"] == pytest.approx(lookalike / (1 + lookalike))


def test_a_representation_of_the_pose_alone_is_worse_than_chance_far_from_the_gallery():
    azimuth = ANGLES["azimuth_deg"]
    pose = np.stack([np.cos(np.radians(azimuth)), np.sin(np.radians(azimuth))], axis=1)
    found = scores(pose, bins=3)["rank1_by_change"]["azimuth_deg"]
    assert found["rank1"][-1] < 1 / PEOPLE
    assert found["edges"][0] == 0


def test_change_is_counted_from_the_own_gallery_image():
    identities = np.array([0, 0, 0, 1, 1, 1])
    azimuth = np.array([10.0, 40.0, -20.0, -5.0, 1.0, 61.0])
    found = recognition_scores(
        {"it": one_hot(identities)}, identities, {"azimuth_deg": azimuth}, bins=2
    )
    # Gallery: 10 and 1. Changes 30, 30, 6, 60.
    binned = found["representations"]["it"]["rank1_by_change"]["azimuth_deg"]
    assert binned["edges"] == [0, 30, 60]
    assert binned["num_probes"] == [1, 3]


def test_scores_can_be_written_as_json_and_drawn(tmp_path):
    rng = np.random.default_rng(3)
    found = recognition_scores(
        {"intrinsic latents": one_hot() + rng.normal(0, 0.7, (len(IDENTITIES), PEOPLE))}
        | {f"{i} components": rng.normal(size=(len(IDENTITIES), 4)) for i in range(2)}
        | {
            f"197 {i}, less what varies within people": rng.normal(size=(len(IDENTITIES), 4))
            for i in ("principal components", "others")
        },
        IDENTITIES,
        ANGLES,
        num_random=3,
    )
    json.dumps(found)
    figure = recognition(found)
    save_figure(figure, tmp_path / "recognition.png")
    for panel in figure.axes:
        assert figure.bbox.containsx(panel.get_tightbbox().x1)  # titles too
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.containsx(legend.x1)
    assert not legend.overlaps(figure.axes[0].title.get_window_extent())
    verified, by_change = figure.axes[:2]
    ticks = [label.get_text() for label in verified.get_xticklabels()]
    assert {"0.1%", "1%", "10%", "100%"} <= set(ticks)  # no 0 %, which has no logarithm
    assert sum(int(text.get_text()) for text in by_change.texts) == len(IDENTITIES) - PEOPLE
    assert np.asarray(Image.open(tmp_path / "recognition.png").convert("L")).std() > 1
    with pytest.raises(ValueError, match="no representation"):
        recognition({**found, "representations": {}})


# --- parts -----------------------------------------------------------------------------


def test_the_frontal_gallery_counts_each_angle_by_its_own_range():
    identities = np.array([5, 5, 2, 2, 2])
    azimuth = np.array([0.0, 30.0, 60.0, -60.0, 6.0])
    light = np.array([8.0, 0.1, 0.0, 4.0, -8.0])
    gallery = frontal_gallery(identities, [azimuth, light])
    # Root mean squares: 41° and 5.4°. Of identity 2: 1.5, 1.7, 1.5; of 5: 1.5, 0.7.
    far = (azimuth / np.sqrt(np.mean(azimuth**2))) ** 2 + (light / np.sqrt(np.mean(light**2))) ** 2
    assert gallery.tolist() == [2 + int(np.argmin(far[2:])), int(np.argmin(far[:2]))]
    assert frontal_gallery(identities, []).tolist() == [2, 0]  # no angle: the first of each
    assert frontal_gallery(identities, [np.zeros(5)]).tolist() == [2, 0]


@given(st.lists(st.integers(0, 4), min_size=3, max_size=30), st.integers(0, 1000))
def test_a_random_gallery_has_one_image_of_each(identities, seed):
    identities = np.array(identities)
    if len(np.unique(identities)) in (1, len(identities)):
        with pytest.raises(ValueError, match="recognition needs two identities"):
            random_gallery(identities, np.random.default_rng(seed))
        return
    gallery = random_gallery(identities, np.random.default_rng(seed))
    assert identities[gallery].tolist() == np.unique(identities).tolist()


def test_a_random_gallery_has_each_image_equally_often():
    identities = np.array([1, 0, 0, 0, 1])
    rng = np.random.default_rng(0)
    drawn = np.stack([random_gallery(identities, rng) for _ in range(3000)])
    shares = np.bincount(drawn.ravel(), minlength=5) / 3000
    np.testing.assert_allclose(shares, [1 / 2, 1 / 3, 1 / 3, 1 / 3, 1 / 2], atol=0.04)


def test_verification_by_counting_pairs():
    """Against the definitions, threshold by threshold, over pairs counted one by one."""
    rng = np.random.default_rng(1)
    similar = similarity(one_hot() + rng.normal(0, 1, (len(IDENTITIES), PEOPLE)))
    gallery = frontal_gallery(IDENTITIES, list(ANGLES.values()))
    probes = [i for i in range(len(IDENTITIES)) if i not in gallery]
    own = [similar[p, g] for p in probes for g in gallery if IDENTITIES[p] == IDENTITIES[g]]
    other = [similar[p, g] for p in probes for g in gallery if IDENTITIES[p] != IDENTITIES[g]]
    found = verify(similar, IDENTITIES, gallery)
    assert found["auc"] == pytest.approx(np.mean([[o > f for f in other] for o in own]))
    rates = [
        (np.mean(np.array(other) >= t), np.mean(np.array(own) < t)) for t in sorted(own + other)
    ]
    closest = min(rates, key=lambda pair: abs(pair[0] - pair[1]))
    # Between two thresholds the two rates move by one pair at a time.
    assert found["equal_error_rate"] == pytest.approx(np.mean(closest), abs=1 / len(own))


def test_identification_by_hand():
    identities = np.array([0, 0, 1, 1])
    similar = np.array(
        [[1.0, 0.2, 0.9, 0.3], [0.2, 1.0, 0.7, 0.4], [0.9, 0.7, 1.0, 0.8], [0.3, 0.4, 0.8, 1.0]]
    )
    assert identify(similar, identities, np.array([0, 2])).tolist() == [0, 1]
    assert identify(similar, identities, np.array([3, 0])).tolist() == [0, 0]  # in any order


@given(st.floats(0.1, 100), st.integers(0, 50))
def test_what_similarity_does_not_depend_on(scale, seed):
    features = np.random.default_rng(seed).normal(size=(6, 4))
    np.testing.assert_allclose(similarity(scale * features), similarity(features), atol=1e-9)
    moved = similarity(features + scale, "euclidean")
    np.testing.assert_allclose(moved, similarity(features, "euclidean"), atol=1e-5)


def test_similarities():
    features = np.array([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]])
    np.testing.assert_allclose(similarity(features), [[1, 0.8, 0], [0.8, 1, 0], [0, 0, 0]])
    euclidean = -similarity(features, "euclidean")
    np.testing.assert_allclose(euclidean, [[0, 13**0.5, 5], [13**0.5, 0, 2], [5, 2, 0]])


def test_standardised_by_the_training_images():
    fit = np.array([[1.0, 2.0, 7.0], [3.0, 6.0, 7.0]])
    features = np.array([[2.0, 5.0, 9.0], [3.0, 0.0, 7.0]])
    np.testing.assert_array_equal(standardised(features, fit), [[0, 0.5, 0], [1, -2, 0]])
    bytes_ = np.array([[0, 200], [200, 200]], np.uint8)  # must not wrap round
    np.testing.assert_array_equal(standardised(bytes_, bytes_), [[-1, 0], [1, 0]])


def test_principal_components_are_those_of_the_training_images_and_white():
    rng = np.random.default_rng(0)
    fit = rng.normal(size=(400, 5)) @ rng.normal(size=(5, 12)) + 7
    images = fit[:40].reshape(40, 3, 4, 1)
    white = pca_features(fit.reshape(400, 3, 4, 1), fit.reshape(400, 3, 4, 1), 5)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.cov(white, rowvar=False), np.eye(5), atol=1e-6)
    np.testing.assert_allclose(pca_features(images, fit.reshape(400, 3, 4, 1), 5), white[:40])
    assert pca_features(images, fit[:3].reshape(3, 3, 4, 1), 50).shape == (40, 3)


@pytest.fixture(scope="module")
def people_and_pictures():
    """Pictures [2, 2400, 8] of 600 people, four each, to learn from and to test; who they are; and
    the covariances that they are drawn with: of people, and of the pictures of each."""
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.normal(size=(2, 8, 8)))[0]
    between = turned[0] @ np.diag([4.0, 2, 1, 0, 0, 0, 0, 0]) @ turned[0].T
    within = turned[1] @ np.diag([3.0, 2, 2, 1, 1, 1, 0.3, 0.3]) @ turned[1].T

    def pictures() -> np.ndarray:
        own = rng.multivariate_normal(np.zeros(8), between, 600, check_valid="ignore")
        return np.repeat(own, 4, axis=0) + rng.multivariate_normal(np.zeros(8), within, 2400)

    return np.stack([pictures(), pictures()]), np.repeat(np.arange(600), 4), between, within


def test_what_varies_within_people_is_taken_out(people_and_pictures):
    """Products of features are those of the people to be expected, in units of the scatter."""
    (fit, pictures), people, between, within = people_and_pictures
    found = less_within(pictures, fit, people)
    expected = pictures @ np.linalg.inv(between + within) @ between
    products = expected @ np.linalg.inv(within) @ expected.T
    error = np.linalg.norm(found @ found.T - products) / np.linalg.norm(products)
    assert error < 0.1


def test_people_are_recognised_by_what_does_not_vary_within_them():
    """Twenty directions tell people apart a little, twenty say much about the picture alone."""
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    people = np.repeat(np.arange(400), 4)

    def pictures() -> np.ndarray:
        own = np.repeat(rng.normal(size=(400, 20)), 4, axis=0)
        alone = rng.normal(size=(len(people), 40)) * np.repeat([0.5, 3], 20)
        return (np.pad(own, ((0, 0), (0, 20))) + alone) @ turned

    fit, tested = pictures(), pictures()[:400]
    rank1 = [
        identify(similarity(features), people[:400], np.arange(0, 400, 4)).mean()
        for features in (standardised(tested, fit), less_within(tested, fit, people))
    ]
    assert rank1[0] < 0.3
    assert rank1[1] > 0.8


def test_what_varies_within_people_takes_two_people_and_a_second_picture():
    rng = np.random.default_rng(0)
    fit = rng.normal(size=(40, 5))
    assert less_within(fit, fit, np.arange(40)) is None
    assert less_within(fit, fit, np.zeros(40, int)) is None
    people = np.minimum(np.arange(40), 30)  # one of them is seen ten times, the others once
    assert np.isfinite(less_within(fit, fit, people)).all()
    same = np.repeat(rng.normal(size=(20, 5)), 2, axis=0)  # nobody's pictures differ
    found = less_within(same, same, np.repeat(np.arange(20), 2))
    assert np.isfinite(found).all()
    nearest = np.argsort(-similarity(found), axis=1)[:, :2] // 2
    assert (nearest == np.repeat(np.arange(20), 2)[:, None]).all()


def test_representations_do_not_share_scores():
    found = recognition_scores(
        {"good": one_hot(), "bad": np.zeros((len(IDENTITIES), 1))}, IDENTITIES, ANGLES
    )["representations"]
    assert found["good"]["rank1"] == 1
    assert found["bad"]["rank1"] == pytest.approx(1 / PEOPLE)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: similarity(np.zeros((3, 2)), "cosin"), "Unknown metric 'cosin'"),
        (lambda: similarity(np.zeros(3)), "finite table"),
        (lambda: similarity(np.full((3, 2), np.nan)), "finite table"),
        (lambda: frontal_gallery(np.zeros(4), []), "two identities"),
        (lambda: frontal_gallery(np.arange(4), []), "second image"),
        (lambda: frontal_gallery(IDENTITIES, [np.zeros(3)]), "do not fit"),
        (lambda: identify(np.eye(30), IDENTITIES, np.array([0, 1])), "one image of each"),
        (lambda: identify(np.eye(30), IDENTITIES, np.arange(6)), "one image of each"),
        (lambda: verify(np.eye(4), IDENTITIES, np.arange(0, 30, 5)), "do not fit 30 images"),
    ],
)
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()
