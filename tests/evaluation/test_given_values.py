"""Re-rendering at an angle, measured: a network that is exact, and what is to be had without."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dcign_tf.codec import Codec
from dcign_tf.datasets.sweeps import shown_identities
from dcign_tf.evaluation.figures.error_curves import can_be_drawn, rerendering
from dcign_tf.evaluation.given_values import METHODS, fit_mean_images, rerendering_scores
from dcign_tf.evaluation.metrics.novel_views import novel_view_pairs
from dcign_tf.evaluation.picture_errors import image_errors
from dcign_tf.evaluation.sweep_codes import Codes, Evaluated
from dcign_tf.factors import GraphicsCode
from dcign_tf.quantities import Quantity
from dcign_tf.readouts.calibration import Calibration, FactorCalibration

CODE = GraphicsCode.chairs(3)
SHAPE = (2, 3, 1)
LENGTH = 6
AZIMUTH = {"azimuth": Quantity("azimuth_deg")}


def sweep(seed: int, low: float = -50, high: float = 50) -> dict[str, np.ndarray]:
    """Images of which one pixel is the angle, and the others tell who it is."""
    rng = np.random.default_rng(seed)
    azimuth_deg = rng.integers(low, high, LENGTH, endpoint=True).astype(np.float32)
    images = np.zeros((LENGTH, *SHAPE), np.uint8)
    images[:, 0, 0, 0] = np.mod(azimuth_deg, 360) / 2 + 40 if low >= 0 else azimuth_deg + 100
    images[:, 1, 1:, 0] = rng.integers(0, 255, 2)
    return {"image": images, "azimuth_deg": azimuth_deg}


class Exact(Codec):
    """Its codes are those pixels; with an `offset`, its pictures are off."""

    code = CODE

    def __init__(self, offset: float = 0.0):
        self.offset = offset

    def encode(self, images: np.ndarray) -> np.ndarray:
        return np.stack([images[:, 0, 0, 0], images[:, 1, 1, 0], images[:, 1, 2, 0]], axis=1)

    def decode(self, z: np.ndarray) -> np.ndarray:
        images = np.zeros((len(z), *SHAPE), np.float32)
        images[:, 0, 0, 0], images[:, 1, 1, 0], images[:, 1, 2, 0] = z.T
        return images + np.float32(self.offset)


def calibration(low: float = -50.0, high: float = 50.0, reason: str = "") -> Calibration:
    latents = ((low + 100) / 255, (high + 100) / 255)
    known = FactorCalibration(
        name="azimuth_deg",
        read_latents=latents,
        read_values=(low, high),
        read_errors=(0.0, 0.0),
        write_values=(low, high),
        write_latents=latents,
        reason=reason,
    )
    return Calibration({"azimuth": known})


TEST = [sweep(seed) for seed in range(9)]
TRAIN = [sweep(seed) for seed in range(100, 130)]


def measure(*args, **kwargs) -> dict:
    """What `rerendering_scores` says of the azimuth."""
    return rerendered(*args, **kwargs)[0]["azimuth"]


def rerendered(network=None, known=None, test=TEST, train=TRAIN, quantities=AZIMUTH, count=5):
    network = network or Exact()
    z = [network.encode(example["image"] / np.float32(255)) for example in test]
    codes = Codes(
        z,
        [example["azimuth_deg"] for example in test],
        identities=[shown_identities(example, index) for index, example in enumerate(test)],
    )
    evaluated = Evaluated(
        network,
        sweeps={"azimuth": test},
        test={"azimuth": codes},
        fit={},
        quantities=quantities,
        calibration=known or calibration(),
    )
    errors = {"azimuth": image_errors(evaluated, "azimuth", count)}
    return rerendering_scores(evaluated, {"azimuth": train}, errors)


def by_hand(count: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images given and wanted of the pairs of the sweeps used, [P, H, W, C], and their change."""
    source, target, change = [], [], []
    for index in np.rint(np.linspace(0, len(TEST) - 1, count)).astype(int):
        pairs = novel_view_pairs(LENGTH, 20, seed=index)
        images, values = TEST[index]["image"] / 255, TEST[index]["azimuth_deg"]
        source.append(images[pairs[:, 0]])
        target.append(images[pairs[:, 1]])
        change.append(np.abs(values[pairs[:, 0]] - values[pairs[:, 1]]))
    return np.concatenate(source), np.concatenate(target), np.concatenate(change)


def test_an_exact_network_makes_no_error():
    scores = measure()
    assert scores["mse"]["network"] == pytest.approx(0, abs=1e-12)
    assert scores["mse"]["ceiling"] == pytest.approx(0, abs=1e-12)
    source, target, _ = by_hand()
    copied = np.mean((source - target) ** 2)
    assert scores["mse"]["copy"] == pytest.approx(copied, rel=1e-6)
    assert scores["mse"]["unchanged"] == pytest.approx(copied, rel=1e-6)
    assert (scores["num_sweeps"], scores["num_pairs"], scores["clipped"]) == (5, 100, 0.0)
    assert scores["why_null"] == {}


def test_a_network_whose_pictures_are_all_off_by_the_same():
    scores = measure(Exact(offset=0.25))
    assert scores["mse"]["network"] == pytest.approx(0.0625, rel=1e-5)
    assert scores["mse"]["ceiling"] == pytest.approx(0.0625, rel=1e-5)


def test_the_mean_image_is_the_mean_of_the_training_images_at_that_angle():
    """With few different angles, each has a mean of its own: by hand."""
    coarse = [
        {**example, "azimuth_deg": 20 * np.round(example["azimuth_deg"] / 20)} for example in TRAIN
    ]
    test = [
        {**example, "azimuth_deg": 20 * np.round(example["azimuth_deg"] / 20)} for example in TEST
    ]
    scores = measure(test=test, train=coarse, count=9)
    images = np.concatenate([example["image"] for example in coarse]) / 255
    values = np.concatenate([example["azimuth_deg"] for example in coarse])
    errors = []
    for index, example in enumerate(test):
        for target in novel_view_pairs(LENGTH, 20, seed=index)[:, 1]:
            mean = images[values == example["azimuth_deg"][target]].mean(axis=0)
            errors.append(np.mean((mean - example["image"][target] / 255) ** 2))
    assert scores["mse"]["mean_image"] == pytest.approx(np.mean(errors), rel=1e-6)


def test_the_curve_is_the_same_errors_by_the_size_of_the_change():
    scores = measure(Exact(offset=0.1))
    curve, (_, _, change) = scores["by_change"], by_hand()
    counts, edges = np.histogram(change, bins=8, range=(0, change.max()))
    np.testing.assert_allclose(curve["edges"], edges)
    assert sum(curve["num_pairs"]) == counts.sum() == 100
    assert curve["change"][-1] == pytest.approx(change[change > edges[-2]].mean())
    for method in METHODS:
        assert np.average(curve["mse"][method], weights=curve["num_pairs"]) == pytest.approx(
            scores["mse"][method]
        )


def test_an_angle_beyond_the_calibrated_range_is_taken_to_its_end():
    scores = measure(known=calibration(-10.0, 50.0))
    _, target, _ = by_hand()
    beyond = np.minimum(target[:, 0, 0, 0] - 90 / 255, 0)  # of the pixel that is the angle
    assert scores["clipped"] == pytest.approx(np.mean(beyond < -1e-6))
    assert scores["mse"]["network"] == pytest.approx(np.mean(beyond**2) / 6, rel=1e-4)


def test_the_error_over_that_of_the_picture_given_has_an_interval_over_people():
    network = Exact(offset=0.1)
    scores, intervals = rerendered(network, count=9)
    low, high = intervals.pop("rerendering.azimuth.over_copy")
    assert intervals == {}
    mse = scores["azimuth"]["mse"]
    assert low < mse["network"] / mse["copy"] < high
    one_person = [{**example, "identity": np.full(LENGTH, 4)} for example in TEST]
    for nobody_else in ({"test": one_person}, {"known": calibration(reason="it folds back")}):
        assert rerendered(network, **nobody_else)[1] == {}


def test_a_latent_that_is_not_calibrated():
    """The pairs, and all that needs no calibration, stay as they are."""
    scores, known = measure(known=calibration(reason="its latent folds back")), measure()
    assert math.isnan(scores["mse"]["network"])
    assert math.isnan(scores["clipped"])
    assert scores["why_null"] == {"network": "not calibrated: its latent folds back"}
    for method in METHODS[1:]:
        assert scores["mse"][method] == known["mse"][method]
    assert scores["by_change"]["num_pairs"] == known["by_change"]["num_pairs"]
    missing = measure(known=Calibration({}))
    assert missing["why_null"] == {"network": "not calibrated: no validation sweep varies it"}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"quantities": {}}, "the dataset holds no true values of this factor"),
        ({"test": []}, "no test sweep varies this factor"),
        (
            {"test": [{key: array[:1] for key, array in TEST[0].items()}]},
            "no test sweep has two images",
        ),
    ],
)
def test_what_cannot_be_measured_says_why(given, reason):
    scores = measure(**given)
    assert scores["why_null"] == dict.fromkeys(METHODS, reason)
    assert all(math.isnan(mse) for mse in scores["mse"].values())
    assert scores["by_change"] is None
    assert not can_be_drawn({"azimuth": scores})


def test_no_training_image_at_such_angles():
    scores = measure(train=[sweep(0, 90, 120)])
    assert scores["why_null"] == {"mean_image": "no training sweep shows such values"}
    assert math.isnan(scores["mse"]["mean_image"])
    assert scores["mse"]["network"] == pytest.approx(0, abs=1e-12)
    assert measure(train=[])["why_null"] == scores["why_null"]


def test_on_a_circle_the_shorter_way_round_counts():
    test = [sweep(seed, 0, 359) for seed in range(9)]
    turn = {"azimuth": Quantity("azimuth_deg", period=360.0)}
    scores = measure(test=test, train=test, quantities=turn)
    assert 90 < scores["by_change"]["edges"][-1] <= 180


def test_a_part_of_a_circle_that_is_counted_from_elsewhere():
    """Angles from 310° through 0° to 50°, calibrated as −50° to 50°."""
    wrapped = [{**e, "azimuth_deg": np.mod(e["azimuth_deg"], 360)} for e in TEST]
    turn = {"azimuth": Quantity("azimuth_deg", period=360.0)}
    scores = measure(test=wrapped, train=wrapped, quantities=turn)
    assert scores["mse"]["network"] == pytest.approx(0, abs=1e-12)
    assert scores["clipped"] == 0
    assert scores["mse"]["copy"] == measure()["mse"]["copy"]
    assert scores["by_change"]["edges"] == pytest.approx(measure()["by_change"]["edges"])


# === Mean images ===


@given(
    hnp.arrays(float, st.integers(1, 25), elements=st.integers(-100, 100)),
    st.sampled_from([None, 90.0]),
)
def test_mean_images_of_images_that_are_their_value(values, period):
    """At the nodes they are those of the nodes, also the other way round a circle."""
    shown = values if period is None else np.mod(values, period)
    images = (shown + 100).astype(np.uint8)[:, np.newaxis, np.newaxis, np.newaxis]
    sweeps = [{"image": images, "x": values}]
    means = fit_mean_images(sweeps, Quantity("x", period), values, count=1)

    def at(asked: np.ndarray) -> np.ndarray:
        return means(asked).ravel() * 255 - 100

    np.testing.assert_allclose(at(values), shown, atol=1e-4)
    if period is None:
        between = np.linspace(values.min(), values.max(), 7)
        np.testing.assert_allclose(at(between), between, atol=1e-4)
    else:
        np.testing.assert_allclose(at(values - period), shown, atol=1e-4)


def test_many_values_are_gathered_at_evenly_spread_nodes():
    rng = np.random.default_rng(0)
    values = rng.uniform(-60, 60, (50, 20))
    images = [np.rint(v + 100).astype(np.uint8)[:, None, None, None] for v in values]
    sweeps = [{"image": i, "x": v} for i, v in zip(images, values, strict=True)]
    means = fit_mean_images(sweeps, Quantity("x"), values, count=50)
    asked = np.linspace(-55, 55, 31)
    np.testing.assert_allclose(means(asked).ravel() * 255 - 100, asked, atol=2)
    nodes = np.linspace(values.min(), values.max(), 25)
    middle = means((nodes[1:] + nodes[:-1]) / 2)
    np.testing.assert_allclose(middle, (means(nodes[1:]) + means(nodes[:-1])) / 2)
    few = fit_mean_images(sweeps, Quantity("x"), values, count=2)(asked)
    assert few.shape == (31, 1, 1, 1)
    assert np.isfinite(few).all()


def test_training_images_beyond_the_values_wanted_do_not_count():
    images = np.array([10, 20, 30, 200], np.uint8)[:, None, None, None]
    sweeps = [{"image": images, "x": np.array([0.0, 1.0, 1.0, 5.0]), "distinct": 4}]
    means = fit_mean_images(sweeps, Quantity("x"), np.array([0.0, 1.0]), count=1)
    np.testing.assert_allclose(means(np.array([0, 1, 5])).ravel() * 255, [10, 25, 25], rtol=1e-6)


# === Charts ===


def test_a_chart_of_one_network():
    scores = {"azimuth": measure(Exact(offset=0.1)), "distance": measure(quantities={})}
    figure = rerendering({"network": scores}, AZIMUTH)
    (panel,) = figure.axes
    assert panel.get_xlabel() == "change of azimuth (°)"
    assert panel.get_ylabel() == "mean squared error"
    assert panel.get_ylim()[0] == panel.get_xlim()[0] == 0
    heights = {tuple(np.round(line.get_ydata(), 9)) for line in panel.get_lines()}
    curves = scores["azimuth"]["by_change"]["mse"]
    assert heights == {tuple(np.round(curve, 9)) for curve in curves.values()}
    assert len(figure.legends[0].get_texts()) == len(METHODS)


def test_a_chart_of_several_networks_says_which_is_not_calibrated():
    runs = {
        "one": {"azimuth": measure()},
        "two": {"azimuth": measure(known=calibration(reason="it is silent"))},
    }
    figure = rerendering(runs, AZIMUTH)
    assert [text.get_text() for text in figure.axes[0].texts] == ["two: not calibrated"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:2] == ["one", "two"]
    with pytest.raises(ValueError, match="not compared on the same pairs"):
        rerendering({**runs, "two": {"azimuth": measure(count=3)}}, AZIMUTH)
    with pytest.raises(ValueError, match="nothing to draw"):
        rerendering({"one": {"azimuth": measure(quantities={})}}, {})
