"""The report, on a code that is known to be right and on a real network."""

from __future__ import annotations

import dataclasses
import json
import types
import warnings
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dcign_tf.codec import TRAVERSAL_STEPS, Codec
from dcign_tf.datasets.settings import DatasetFacts
from dcign_tf.evaluation import evaluate as evaluation
from dcign_tf.evaluation.figures import charts
from dcign_tf.evaluation.held_out import held_out_sweeps
from dcign_tf.evaluation.picture_baselines import BASELINES
from dcign_tf.factors import GraphicsCode
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.readouts.identities import IDENTITIES_FILE, IdentityDistribution
from dcign_tf.readouts.leakage import Leakage
from dcign_tf.training.monitoring import WATCHED, watch
from tests.helpers.tiny import tiny_model

CODE = GraphicsCode.faces(6)
SHAPE = (20, 18, 1)
LENGTH = 4
FIGURES = {"movement", "sweeps", "novel_views", "reconstructions", "worst_reconstructions"} | {
    f"traversal_{factor}" for factor in CODE.extrinsic
}
KNOWN = {"equivariance", "rerendering"}  # drawn only where values are
CALIBRATED = KNOWN | {"worst_readings"}  # where they are enough to calibrate the latents
SUBSETS = ["validation", "test", "train"]
RANGE_DEG = 60


def sweep(factor: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Images that *are* their graphics code: pixel i of the first row is latent i."""
    code = np.repeat(rng.integers(5, 250, (1, CODE.latent_dim)), LENGTH, axis=0)
    where = CODE.slice(factor)
    code[:, where] = rng.integers(5, 250, (LENGTH, where.stop - where.start))
    images = np.zeros((LENGTH, *SHAPE), np.uint8)
    images[:, 0, : CODE.latent_dim, 0] = code
    angles = {f"{f}_deg": angle_deg(code[:, CODE.slice(f).start]) for f in CODE.extrinsic}
    return {"image": images, **angles}


def angle_deg(latent: np.ndarray) -> np.ndarray:
    return (RANGE_DEG * (latent / 127.5 - 1)).astype(np.float32)


FACTS = DatasetFacts()


class Data:
    """Sweeps as a `SweepDataset` gives them, so many of each factor."""

    count = 4
    image_shape: ClassVar = SHAPE
    values: ClassVar = {f: f"{f}_deg" for f in CODE.extrinsic}
    periods: ClassVar = {}

    def sweeps(self, subset: str) -> dict[str, list]:
        rng = np.random.default_rng(SUBSETS.index(subset))
        return {factor: [sweep(factor, rng) for _ in range(self.count)] for factor in CODE.factors}


class Oracle:
    """Encodes and decodes those images exactly; `offset` spoils the decoder."""

    code = CODE
    procedure, clamp_mode = "clamped", "mean"
    encoder = types.SimpleNamespace(input_shape=(None, *SHAPE))

    def __init__(self, offset: float = 0.0):
        self.offset = offset
        self.step = tf.constant(7, tf.int64)  # no tensor at import: see conftest.py

    def encode(self, images):
        z = images[:, 0, : CODE.latent_dim, 0]
        return z, tf.zeros_like(z)

    def decode(self, z):
        row = tf.pad(z, [[0, 0], [0, SHAPE[1] - CODE.latent_dim]])
        image = tf.pad(row[:, tf.newaxis], [[0, 0], [0, SHAPE[0] - 1], [0, 0]])
        return image[..., tf.newaxis] + self.offset


def evaluate(model, directory, data=None) -> tuple[dict, list[str]]:
    lines: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        scores = evaluation.evaluate_model(
            model, data or Data(), directory, facts=FACTS, image_sweeps=3, show=lines.append
        )
    return scores, lines


def watched(model, data=None, most_sweeps=4):
    return watch(Codec(model), data or Data(), most_sweeps=most_sweeps)


def figures_in(directory) -> set[str]:
    """Their names, after a look at each."""
    for path in directory.glob("*.png"):
        assert np.asarray(Image.open(path).convert("L")).std() > 1
    return {path.stem for path in directory.glob("*.png")}


class Scrambled(Oracle):
    """The same, trained without clamping: its latents lie anywhere."""

    procedure = "entangled"
    places: ClassVar = [3, 0, 5, 1, 2, 4]  # of the code's latents in this network's

    def encode(self, images):
        z, z_log_var = super().encode(images)
        return tf.gather(z, np.argsort(self.places), axis=1), z_log_var

    def decode(self, z):
        return super().decode(tf.gather(z, self.places, axis=1))


@pytest.fixture(scope="module")
def perfect(tmp_path_factory):
    """A perfect network's directory, scores and the lines shown."""
    directory = tmp_path_factory.mktemp("run") / "evaluation"
    return directory, *evaluate(Oracle(), directory)


def test_a_perfect_network(perfect):
    directory, scores, lines = perfect
    assert scores["step"] == 7
    assert scores["split"] == "test"
    assert scores["num_sweeps"] == dict.fromkeys(CODE.factors, 4)
    assert scores["num_image_sweeps"] == dict.fromkeys(CODE.factors, 3)
    assert scores["reconstruction_mse"] == pytest.approx(0, abs=1e-12)
    assert scores["reconstruction_ssim"] == pytest.approx(1)
    without = scores["reconstruction_baselines"]
    assert 0 < without["principal_components"] < without["mean_image"] < without["contrast"]
    assert without["foreground_share"] == pytest.approx(CODE.latent_dim / (20 * 18))
    assert (without["num_components"], without["num_images"]) == (6, 64)
    for factor in CODE.extrinsic:
        own = scores["factors"][factor]
        assert own["pearson"] == pytest.approx(1, abs=1e-5)
        assert own["spearman"] == pytest.approx(1)
        assert own["novel_view_ratio"] == pytest.approx(0, abs=1e-9)
    moved = np.array(scores["movement"]["variance"])
    assert (np.diag(moved) > 0.01).all()
    np.testing.assert_allclose(moved - np.diag(np.diag(moved)), 0, atol=1e-12)
    for factor in CODE.extrinsic:  # 16 validation images are too few to calibrate
        own = scores["rerendering"][factor]
        assert set(own["why_null"]) == {"network"}
        assert own["mse"]["ceiling"] == pytest.approx(0, abs=1e-12)
        assert 0 < own["mse"]["copy"] < own["mse"]["mean_image"]
    assert "azimuth" in lines[-2]
    assert "light_azimuth: re-rendering (network). Reason: not calibrated: 16" in lines[-2]
    assert str(directory) in lines[-1]


@pytest.mark.usefixtures("without_figures")
def test_an_entangled_network_is_scored_by_the_latents_found_on_validation_people(
    perfect, tmp_path
):
    model = Scrambled()
    scores, _ = evaluate(model, tmp_path)
    found = scores.pop("found_latents")
    assert {f: own["latents"] for f, own in found.items()} == {
        "azimuth": (3,),
        "elevation": (0,),
        "light_azimuth": (5,),
    }
    assert all(own["relative_variance"] == (1.0,) for own in found.values())
    np.testing.assert_equal(scores, perfect[1])
    calibration = json.loads((tmp_path / "calibration.json").read_text())
    assert calibration["latents"] == {f: list(own["latents"]) for f, own in found.items()}
    assert model.calibration.latents == {f: own["latents"] for f, own in found.items()}


@pytest.mark.usefixtures("without_figures")
def test_identities_are_those_of_the_latents_that_the_model_keeps(tmp_path, monkeypatch):
    """Half of the validation people may find others than all of them."""
    find, calls = evaluation.with_found_latents, []

    def found(network, codes):
        calls.append(network)
        if len(calls) > 1:
            return find(network, codes)
        places = {"azimuth": (4,), "elevation": (0,), "light_azimuth": (5,)}
        network = network.rearranged(places)
        codes = {factor: own.rearranged(network.order) for factor, own in codes.items()}
        told = {f: {"latents": own, "relative_variance": (1.0,)} for f, own in places.items()}
        return network, codes, told

    monkeypatch.setattr(evaluation, "with_found_latents", found)
    model, data = Scrambled(), Data()
    evaluation.evaluate_model(
        model, data, tmp_path, facts=FACTS, split="validation", show=lambda line: None
    )
    assert len(calls) == 2
    images = np.concatenate([s["image"] for s in data.sweeps("train")["intrinsic"]]) / 255
    where = CODE.slice("intrinsic")
    as_kept = Codec(model).rearranged(model.calibration.latents)
    expected = as_kept.encode(images.astype(np.float32))[:, where].mean(axis=0)
    identities = IdentityDistribution.load(tmp_path / IDENTITIES_FILE)
    np.testing.assert_allclose(identities.mean, expected, rtol=1e-5)


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize("split", ["test", "validation"])
def test_the_calibration_has_the_limits_of_what_is_familiar_to_all_validation_people(
    tmp_path, split
):
    """Of the network's own latents, wherever they are found."""
    known = {}
    for kind in (Oracle, Scrambled):
        model = kind(offset=0.3)
        evaluation.evaluate_model(
            model, Data(), tmp_path, facts=FACTS, split=split, show=lambda line: None
        )
        known[kind] = model.calibration.familiarity
        written = json.loads((tmp_path / "calibration.json").read_text())["familiarity"]
        assert written["z_mean"] == list(known[kind].z_mean)
    images = np.concatenate([s["image"] for of in Data().sweeps("validation").values() for s in of])
    of_code = images[:, 0, : CODE.latent_dim, 0].mean(axis=0) / 255
    np.testing.assert_allclose(known[Oracle].z_mean, of_code, rtol=1e-5)
    np.testing.assert_allclose(np.take(known[Scrambled].z_mean, Scrambled.places), of_code, 1e-5)
    assert known[Oracle].most_error == pytest.approx(1.15 * 0.3, rel=1e-5)


class Leaky(Oracle):
    """Its fourth latent, of who it is, holds half of the azimuth's besides."""

    def encode(self, images):
        z, z_log_var = super().encode(images)
        return z + tf.constant([0, 0, 0, 0.5, 0, 0]) * z[:, :1], z_log_var


@pytest.mark.usefixtures("without_figures")
def test_what_a_pose_leaves_is_taken_out_of_a_clamped_networks_codes_alone(tmp_path, monkeypatch):
    model, data, errors = Leaky(), Data(), {}
    data.count = 20  # with fewer nothing is calibrated
    for procedure, clamp_mode, known in (
        ("entangled", "mean", set()),
        ("clamped", "first", set()),
        ("grouped", "first", {"azimuth"}),  # it takes means, whatever it clamps to
        ("clamped", "mean", {"azimuth"}),
    ):
        model.procedure, model.clamp_mode = procedure, clamp_mode
        evaluate(model, tmp_path, data)
        written = json.loads((tmp_path / "calibration.json").read_text())["leakage"]
        assert set(model.calibration.leakage) == set(written) == known
    for kept in ("as it is", "nothing is taken out"):
        scores, _ = evaluate(model, tmp_path, data)
        errors[kept] = scores["rerendering"]["azimuth"]["mse"]["network"]
        monkeypatch.setattr(evaluation, "encode_some", lambda *args: {})
    assert errors["as it is"] < 0.75 * errors["nothing is taken out"]


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize("split", ["test", "validation"])
def test_who_is_scored_does_not_choose_what_is_taken_out(tmp_path, monkeypatch, split):
    chosen_by = []

    def fit(code, train, held_out, calibration):
        chosen_by.append(rows(held_out["azimuth"].z_mean))
        return {}

    def rows(sweeps) -> set:
        return {tuple(np.round(np.float64(z), 3)) for sweep in sweeps for z in sweep}

    monkeypatch.setattr(evaluation, "fit_leakage", fit)
    model, data = Oracle(), Data()
    evaluation.evaluate_model(model, data, tmp_path, facts=FACTS, split=split, show=lambda _: None)
    _, scored = held_out_sweeps(data, split)
    codes = [sweep["image"][:, 0, : CODE.latent_dim, 0] / 255 for sweep in scored["azimuth"]]
    assert not chosen_by[0] & rows(codes)
    if split == "validation":  # what is kept is of all its people
        assert rows(codes) <= chosen_by[1]


@pytest.mark.usefixtures("without_figures")
def test_half_of_the_validation_split_is_scored_and_the_model_keeps_what_all_of_it_tells(
    perfect, tmp_path
):
    tested, validated = Scrambled(), Scrambled()
    evaluate(tested, tmp_path / "test")
    scores = evaluation.evaluate_model(
        validated,
        Data(),
        tmp_path / "validation",
        facts=FACTS,
        split="validation",
        show=lambda line: None,
    )
    assert scores["split"] == "validation"
    assert scores["num_sweeps"] == {**dict.fromkeys(CODE.extrinsic, 2), "intrinsic": 4}
    assert scores["factors"]["azimuth"]["spearman"] == pytest.approx(1)
    assert "8 validation images show it" in scores["rerendering"]["azimuth"]["why_null"]["network"]
    assert validated.calibration == tested.calibration
    stored = json.loads((tmp_path / "validation" / "calibration.json").read_text())
    assert {**stored, "checksum": None} == {**validated.calibration.get_config(), "checksum": None}


@pytest.mark.usefixtures("without_figures")
def test_a_decoder_that_is_wrong_by_a_known_amount(tmp_path):
    scores, _ = evaluate(Oracle(offset=0.25), tmp_path)
    assert scores["reconstruction_mse"] == pytest.approx(0.0625, rel=1e-5)
    assert scores["reconstruction_psnr"] == pytest.approx(12.041, abs=1e-3)
    assert 0 < scores["reconstruction_ssim"] < 1
    assert all(own["novel_view_ratio"] > 1 for own in scores["factors"].values())


def test_files(perfect):
    directory, scores, _ = perfect
    read = json.loads((directory / "scores.json").read_text())
    for name in ("schema_version", "reconstruction_mse", "step", "num_sweeps"):
        assert read[name] == scores[name]
    assert figures_in(directory) == KNOWN | FIGURES  # no records, no training curves


@pytest.fixture
def one_figure(monkeypatch):
    """That of Fig. 6, to be quick."""
    figure = charts.movement(np.eye(2), ["a", "b"])
    monkeypatch.setattr(evaluation.drawing, "figures", lambda *_: [("equivariance", figure)])
    monkeypatch.setattr(evaluation, "worst_figures", lambda *_: [])


@pytest.mark.usefixtures("one_figure")
def test_figures_have_the_papers_numbers_and_replace_those_of_before(tmp_path):
    for name in ("equivariance.png", "traversal_azimuth.png", "mine.png", "mine.txt"):
        (tmp_path / name).write_bytes(b"before")
    facts = dataclasses.replace(FACTS, paper_figures={"equivariance": 6})
    evaluation.evaluate_model(Oracle(), Data(), tmp_path, facts=facts, show=lambda _: None)
    left = {path.name for path in tmp_path.iterdir() if path.suffix in (".png", ".txt")}
    assert left == {"figure_6_equivariance.png", "mine.png", "mine.txt"}


def test_scores_are_written_when_all_figures_are(tmp_path, monkeypatch):
    def fail(figure, path):
        raise OSError("No space left on device")

    monkeypatch.setattr(evaluation, "save_figure", fail)
    with pytest.raises(OSError, match="No space"):
        evaluate(Oracle(), tmp_path)
    assert not (tmp_path / "scores.json").exists()


class DataWithoutValues(Data):
    values: ClassVar = {}


def test_data_without_values(perfect, tmp_path):
    """All but the comparison with values, and a reason for what is missing."""
    scores, lines = evaluate(Oracle(), tmp_path, DataWithoutValues())
    _, known, _ = perfect
    for factor in CODE.extrinsic:
        own, reasons = scores["factors"][factor], scores["why_null"][factor]
        errors = {"mean_absolute_error", "median_absolute_error"}
        unknown = {"pearson", "spearman", "r2_calibrated", *errors}
        assert set(reasons) == {*unknown, "selectivity"}  # which is infinite
        same = set(own) - set(reasons)
        assert {name: own[name] for name in same} == {
            name: known["factors"][factor][name] for name in same
        }
        assert own["own_share"] == pytest.approx(1)
        assert own["invariance"] == pytest.approx(1)
    ordered = {f"ordered_{factor}" for factor in CODE.extrinsic}
    assert figures_in(tmp_path) == FIGURES | ordered
    assert "Not known of azimuth, elevation, light_azimuth: Pearson" in lines[-2]
    assert json.loads((tmp_path / "scores.json").read_text())["values"] == {}


class Circle(Data):
    """The azimuth goes round; its latent begins at 100 degrees."""

    values: ClassVar = {f: f"{f}_deg" for f in CODE.extrinsic}
    periods: ClassVar = {"azimuth": 360.0}

    def sweeps(self, subset):
        rng = np.random.default_rng(SUBSETS.index(subset))
        sweeps = {f: [sweep(f, rng) for _ in range(40)] for f in CODE.factors}
        for example in (example for each in sweeps.values() for example in each):
            latent = example["image"][:, 0, 0, 0].astype(float)
            example["azimuth_deg"] = (latent / 256 * 360 + 100) % 360
        return sweeps


def test_a_circle(tmp_path):
    scores, lines = evaluate(Oracle(), tmp_path, Circle())
    azimuth = scores["factors"]["azimuth"]
    assert azimuth["cut"] == pytest.approx(100, abs=15)  # latents run from 5 to 249 of 256
    assert azimuth["spearman"] == pytest.approx(1)
    assert azimuth["r2_calibrated"] > 0.99
    assert azimuth["mean_absolute_error"] < 3
    of_factor = ("spearman", "r2_calibrated", "mean_absolute_error", "median_absolute_error")
    assert set(scores["intervals"]) == {
        *("reconstruction_mse", "reconstruction_ssim", "factors.azimuth.far_off_share"),
        *(f"reconstruction_baselines.{name}" for name in BASELINES),
        *(f"factors.{f}.novel_view_ratio" for f in CODE.factors),
        *(f"factors.{f}.{name}" for f in CODE.extrinsic for name in of_factor),
        *(f"rerendering.{f}.over_copy" for f in CODE.extrinsic),
    }
    low, high = scores["intervals"]["factors.azimuth.mean_absolute_error"]
    assert low < azimuth["mean_absolute_error"] < high
    rerendered = scores["rerendering"]["azimuth"]
    assert rerendered["mse"]["network"] < rerendered["mse"]["copy"] / 50
    assert rerendered["by_change"]["edges"][-1] <= 180
    assert "rendered at a value" in lines[-2]
    calibration = json.loads((tmp_path / "calibration.json").read_text())
    assert calibration["step"] == 7
    assert set(calibration["factors"]) == set(CODE.extrinsic)
    assert any("The circle is cut open at azimuth_deg" in line for line in lines)
    assert "circular correlation" in lines[-2]
    # Turned to given angles beside the truth, the azimuth is not swept as well.
    expected = {"rotation_azimuth", *CALIBRATED, *FIGURES} - {"traversal_azimuth"}
    assert figures_in(tmp_path) == expected


class Turning(Data):
    """The azimuth goes round, and so do its two latents: no cut is needed."""

    code = GraphicsCode.with_intrinsic(("azimuth", "elevation"), 6, (2, 1))
    values: ClassVar = {"azimuth": "azimuth_deg"}
    periods: ClassVar = {"azimuth": 360.0}
    radius = 100  # of 256 levels

    def sweeps(self, subset):
        rng = np.random.default_rng(SUBSETS.index(subset))

        def one(factor):
            azimuth_deg = np.full(20, rng.uniform(0, 360))
            latents = np.repeat(rng.integers(5, 250, (1, 6)), 20, axis=0)
            where = self.code.slice(factor)
            latents[:, where] = rng.integers(5, 250, (20, where.stop - where.start))
            if factor == "azimuth":
                azimuth_deg = rng.uniform(0, 360, 20)
            turn = np.radians(azimuth_deg)
            latents[:, 0], latents[:, 1] = (
                (128 + self.radius * wave(turn)).round() for wave in (np.cos, np.sin)
            )
            images = np.zeros((20, *SHAPE), np.uint8)
            images[:, 0, :6, 0] = latents
            return {"image": images, "azimuth_deg": azimuth_deg.astype(np.float32)}

        return {factor: [one(factor) for _ in range(10)] for factor in self.code.factors}


@pytest.mark.parametrize("network", [Oracle, Scrambled])
def test_two_latents_of_a_circle(network, tmp_path, monkeypatch):
    """Scored, turned and drawn with both; those of an entangled network are found."""
    monkeypatch.setattr(network, "code", Turning.code)
    scores, lines = evaluate(network(), tmp_path, Turning())
    azimuth = scores["factors"]["azimuth"]
    assert azimuth["mean_absolute_error"] < 1
    assert azimuth["far_off_share"] == 0
    assert azimuth["r2_calibrated"] > 0.999
    assert azimuth["novel_view_ratio"] < 1e-6
    if network is Scrambled:
        assert sorted(scores["found_latents"]["azimuth"]["latents"]) == [0, 3]
    rerendered = scores["rerendering"]["azimuth"]
    assert rerendered["mse"]["network"] < rerendered["mse"]["copy"] / 1000
    assert (rerendered["clipped"], rerendered["why_null"]) == (0, {})
    assert "azimuth: Pearson, Spearman, circular correlation, cut. Reason: it is told by 2" in (
        " ".join(lines[-2].split())
    )
    written = json.loads((tmp_path / "calibration.json").read_text())["factors"]["azimuth"]
    np.testing.assert_allclose(written["points"][0], written["points"][-1])
    assert figures_in(tmp_path) == {
        *FIGURES - {"traversal_azimuth", "traversal_light_azimuth"},
        *CALIBRATED,
        "rotation_azimuth",
        "ordered_elevation",
    }


def test_while_it_is_trained_two_latents_are_led_round_a_circle(monkeypatch):
    monkeypatch.setattr(Oracle, "code", Turning.code)
    pictures = watched(Oracle(), Turning(), most_sweeps=100).pictures
    swept = pictures["traversal/azimuth"][0, 0].reshape(TRAVERSAL_STEPS, SHAPE[1])[:, :2] * 255
    np.testing.assert_allclose(np.hypot(*(swept - 128).T), Turning.radius, rtol=0.2)
    assert np.ptp(swept, axis=0).min() > 1.7 * Turning.radius


class Irregular(Data):
    """Few sweeps, filled up by repetition; one factor in a unit of its own, one without sweeps."""

    values: ClassVar = {"azimuth": "azimuth_deg", "light_azimuth": "light distance/m"}
    counts: ClassVar = {"azimuth": 3, "elevation": 0, "light_azimuth": 1, "intrinsic": 2}

    def __init__(self, filling: int = 0):
        self.filling = filling

    def sweeps(self, subset):
        rng = np.random.default_rng(SUBSETS.index(subset))
        sweeps = {f: [sweep(f, rng) for _ in range(n)] for f, n in self.counts.items()}
        for number, example in enumerate(e for each in sweeps.values() for e in each):
            distinct = [1, 2, 3, 4, 2, 3][number]
            example["light distance/m"] = np.exp(example["light_azimuth_deg"] / 60)
            for key, array in example.items():
                kept = array[:distinct]
                example[key] = np.concatenate([kept, *[kept[-1:]] * self.filling])
            example["distinct"] = distinct
        return sweeps


def test_irregular_data(tmp_path):
    scores, lines = evaluate(Oracle(), tmp_path, Irregular(filling=3))
    azimuth, light = (scores["factors"][f] for f in ("azimuth", "light_azimuth"))
    assert azimuth["spearman"] == pytest.approx(1)
    assert light["spearman"] == pytest.approx(1)
    assert light["pearson"] < 0.999
    assert np.isnan(light["consistency"])
    assert set(scores["why_null"]["elevation"].values()) == {
        "the dataset holds no true values of this factor",
        "no test sweep varies this factor",
    }
    assert scores["num_image_sweeps"] == {**Irregular.counts}
    assert scores["reconstruction_mse"] == pytest.approx(0, abs=1e-12)
    assert "Not known of elevation" in lines[-2]
    expected = (KNOWN | FIGURES) - {"traversal_elevation"}
    assert figures_in(tmp_path) == expected


@pytest.fixture
def without_figures(monkeypatch):
    """Scores alone, which are quicker."""
    monkeypatch.setattr(evaluation.drawing, "figures", lambda *_: [])
    monkeypatch.setattr(evaluation, "worst_figures", lambda *_: [])


@pytest.mark.usefixtures("without_figures")
def test_repetitions_enter_no_score(tmp_path):
    network = Oracle(offset=0.1)
    alone, _ = evaluate(network, tmp_path / "a", Irregular())
    filled, _ = evaluate(network, tmp_path / "b", Irregular(filling=5))
    np.testing.assert_equal(filled, alone)


class Nothing(Data):
    """But training sweeps, without which there would be no network."""

    def sweeps(self, subset):
        sweeps = super().sweeps(subset)
        return sweeps if subset == "train" else {factor: [] for factor in CODE.factors}


def test_no_held_out_sweep_at_all(tmp_path):
    scores, lines = evaluate(Oracle(), tmp_path, Nothing())
    assert np.isnan(scores["reconstruction_mse"])
    assert "no test sweep varies this factor" in lines[-2].replace("\n  ", " ")
    assert figures_in(tmp_path) == {"movement"}
    seen = watched(Oracle(), Nothing())
    assert (seen.numbers, seen.histograms, seen.pictures) == ({}, {}, {})


@pytest.mark.usefixtures("without_figures")
def test_a_published_error_is_shown_beside(tmp_path):
    lines = []
    facts = dataclasses.replace(
        FACTS, published_mse={"theirs": 0.5}, published_image_shape=Data.image_shape
    )
    scores = evaluation.evaluate_model(Oracle(), Data(), tmp_path, facts=facts, show=lines.append)
    assert scores["reference_mse"] == {"theirs": 0.5}
    shown = [lines[-2].index(text) for text in ("this network", "theirs", "5.0000e-01")]
    assert shown == sorted(shown)


class TestNetwork:
    @pytest.fixture(scope="class")
    def model(self):
        return tiny_model()

    @pytest.fixture(scope="class")
    def network(self, model):
        return Codec(model)

    def test_is_the_models_arithmetic(self, model, network):
        images = np.random.default_rng(0).random((4, *SHAPE), np.float32)
        np.testing.assert_allclose(network.encode(images), model.encode(images)[0], atol=1e-6)
        np.testing.assert_allclose(network.reconstruct(images), model(images), atol=1e-6)
        pairs = np.array([[0, 3], [2, 1]])
        views = network.novel_views(network.encode(images), "elevation", pairs)
        z = network.encode(images[pairs[:, 1]])[:, model.code.slice("elevation")]
        expected = model.rerender(images[pairs[:, 0]], elevation=z)
        np.testing.assert_allclose(views, expected, atol=1e-6)

    def test_a_sweep_changes_one_factor(self, model, network):
        image = np.random.default_rng(1).random((1, *SHAPE), np.float32)
        latents = np.linspace(-1, 2, 5)[:, np.newaxis]
        swept = network.swept(image[0], "azimuth", latents)
        assert swept.shape == (5, *SHAPE)
        for decoded, latent in zip(swept, latents, strict=True):
            expected = model.rerender(image, azimuth=latent)[0]
            np.testing.assert_allclose(decoded, expected, atol=1e-6)

    def test_what_the_factor_left_in_the_others_is_taken_out(self, model, network):
        image = np.random.default_rng(1).random((1, *SHAPE), np.float32)
        weights = np.ones((model.code.latent_dim, model.code.size("intrinsic")))
        leakage = Leakage.of(np.zeros(len(weights)), 1.0, weights)
        known = Calibration({}, leakage={"azimuth": leakage})
        swept = network.swept(image[0], "azimuth", np.full((1, 1), 2.0), known)
        z = scene.changed(network.encode(image), model.code, {"azimuth": 2.0}, known)
        np.testing.assert_allclose(swept, network.decode(z), atol=1e-6)
        assert np.abs(swept - model.rerender(image, azimuth=2.0)).max() > 1e-3

    def test_traces_once_for_all_batch_sizes(self, network):
        for size in (1, 2, 5, 7):
            network.reconstruct(np.zeros((size, *SHAPE), np.float32))
        assert network._encode.experimental_get_tracing_count() == 1
        assert network._decode.experimental_get_tracing_count() == 1


def test_pictures_for_tensorboard():
    pictures = watched(Oracle()).pictures
    height, width, channels = SHAPE
    expected = {"originals_and_reconstructions": (1, 2 * height, 8 * width, channels)}
    for factor in CODE.extrinsic:
        expected[f"traversal/{factor}"] = (1, height, TRAVERSAL_STEPS * width, channels)
    assert {name: picture.shape for name, picture in pictures.items()} == expected
    both = pictures["originals_and_reconstructions"][0]
    np.testing.assert_allclose(both[:height], both[height:], atol=1e-6)
    azimuth = pictures["traversal/azimuth"][0, 0, :: SHAPE[1], 0]  # its own latent, step by step
    assert (np.diff(azimuth) > 0).all()
    scrambled = watched(Scrambled()).pictures
    np.testing.assert_allclose(scrambled["traversal/azimuth"], pictures["traversal/azimuth"])


def test_while_it_is_trained_the_scores_of_the_validation_split_are_seen(tmp_path):
    seen = watched(Oracle(offset=0.1), most_sweeps=100)
    scores = evaluation.evaluate_model(
        Oracle(offset=0.1), Data(), tmp_path, facts=FACTS, split="validation"
    )
    for factor, of_factor in scores["factors"].items():
        for name in WATCHED:
            expected = of_factor.get(name)
            if name == "spearman" and expected is not None:
                expected = abs(expected)
            assert seen.numbers.get(f"val_{name}/{factor}") == pytest.approx(expected)
    assert seen.histograms["z/azimuth"].shape[1:] == (1,)
