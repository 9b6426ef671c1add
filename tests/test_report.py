"""The report, on a code that is known to be right and on a real network."""

from __future__ import annotations

import json
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tiny import tiny_model

from dcign_tf.evaluation import report
from dcign_tf.factors import GraphicsCode

CODE = GraphicsCode.faces(6)
SHAPE = (20, 18, 1)
LENGTH = 4
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


class Data:
    """Sweeps as a `SweepDataset` gives them."""

    def sweeps(self, subset: str) -> dict[str, list]:
        rng = np.random.default_rng(["validation", "test"].index(subset))
        return {factor: [sweep(factor, rng) for _ in range(4)] for factor in CODE.factors}


class Oracle:
    """Encodes and decodes those images exactly; `offset` spoils the decoder."""

    code = CODE
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


def evaluate(model, directory) -> tuple[dict, list[str]]:
    lines: list[str] = []
    scores = report.evaluate(model, Data(), directory, image_sweeps=3, show=lines.append)
    return scores, lines


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
    for factor in CODE.extrinsic:
        own = scores["factors"][factor]
        assert own["pearson"] == pytest.approx(1, abs=1e-5)
        assert own["spearman"] == pytest.approx(1)
        assert own["r2_monotone"] > 0.99
        assert own["novel_view_ratio"] == pytest.approx(0, abs=1e-9)
    moved = np.array(scores["movement"]["variance"])
    assert (np.diag(moved) > 0.01).all()
    np.testing.assert_allclose(moved - np.diag(np.diag(moved)), 0, atol=1e-12)
    assert "azimuth" in lines[-2]
    assert str(directory) in lines[-1]


def test_a_decoder_that_is_wrong_by_a_known_amount(tmp_path):
    scores, _ = evaluate(Oracle(offset=0.25), tmp_path)
    assert scores["reconstruction_mse"] == pytest.approx(0.0625, rel=1e-5)
    assert all(own["novel_view_ratio"] > 1 for own in scores["factors"].values())


def test_files(perfect):
    directory, scores, _ = perfect
    read = json.loads((directory / "scores.json").read_text())
    for name in ("schema_version", "reconstruction_mse", "step", "num_sweeps"):
        assert read[name] == scores[name]
    figures = sorted(path.stem for path in directory.glob("*.png"))
    traversals = [f"traversal_{factor}" for factor in CODE.extrinsic]
    expected = ["equivariance", "movement", "novel_views", "reconstructions", *traversals]
    assert figures == sorted(expected)  # no records, no training curves
    for path in directory.glob("*.png"):
        assert np.asarray(Image.open(path).convert("L")).std() > 1


def test_scores_are_written_when_all_figures_are(tmp_path, monkeypatch):
    def fail(figure, path):
        raise OSError("No space left on device")

    monkeypatch.setattr(report, "save_figure", fail)
    with pytest.raises(OSError, match="No space"):
        evaluate(Oracle(), tmp_path)
    assert not (tmp_path / "scores.json").exists()


class TestNetwork:
    @pytest.fixture(scope="class")
    def model(self):
        return tiny_model()

    @pytest.fixture(scope="class")
    def network(self, model):
        return report._Network(model)

    def test_is_the_models_arithmetic(self, model, network):
        images = np.random.default_rng(0).random((4, *SHAPE), np.float32)
        np.testing.assert_allclose(network.encode(images), model.encode(images)[0], atol=1e-6)
        np.testing.assert_allclose(network.reconstruct(images), model(images), atol=1e-6)
        pairs = np.array([[0, 3], [2, 1]])
        views = network.novel_views(images, "elevation", pairs)
        z = network.encode(images[pairs[:, 1]])[:, model.code.slice("elevation")]
        expected = model.rerender(images[pairs[:, 0]], elevation=z)
        np.testing.assert_allclose(views, expected, atol=1e-6)

    def test_a_traversal_changes_one_latent(self, model, network):
        images = np.random.default_rng(1).random((2, *SHAPE), np.float32)
        factors, swept, values = network.traversals(images, {"azimuth": (-1.0, 2.0)})
        assert factors == ["azimuth"]
        assert (values["azimuth"][0], values["azimuth"][-1]) == (-1, 2)
        steps = report.TRAVERSAL_STEPS
        assert swept["azimuth"].shape == (2 * steps, *SHAPE)
        for index in (0, steps - 1):
            expected = model.rerender(images, azimuth=float(values["azimuth"][index]))
            np.testing.assert_allclose(swept["azimuth"][index::steps], expected, atol=1e-6)

    def test_traces_once_for_all_batch_sizes(self, network):
        for size in (1, 2, 5, 7):
            network.reconstruct(np.zeros((size, *SHAPE), np.float32))
        assert network._encode.experimental_get_tracing_count() == 1
        assert network._decode.experimental_get_tracing_count() == 1


def test_pictures_for_tensorboard():
    pictures = report.Pictures(Oracle(), Data().sweeps("validation"))()
    height, width, channels = SHAPE
    expected = {"originals_and_reconstructions": (1, 2 * height, LENGTH * width, channels)}
    for factor in CODE.extrinsic:
        expected[f"traversal/{factor}"] = (1, height, report.TRAVERSAL_STEPS * width, channels)
    assert {name: picture.shape for name, picture in pictures.items()} == expected
    both = pictures["originals_and_reconstructions"][0]
    np.testing.assert_allclose(both[:height], both[height:], atol=1e-6)
    azimuth = pictures["traversal/azimuth"][0, 0, :: SHAPE[1], 0]  # its own latent, step by step
    assert (np.diff(azimuth) > 0).all()
