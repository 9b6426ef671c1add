"""Anybody's encoder and decoder on anybody's data."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import dcign_tf
from dcign_tf.factors import GraphicsCode
from tests.evaluation.test_evaluate import CODE, SHAPE, Data
from tests.helpers import ROOT
from tests.helpers.html_reading import check_page


class Mine(Data):
    extrinsic, fingerprint = CODE.extrinsic, "mine"

    def prepare(self):
        self.is_prepared = True


def encode(images):
    return images[:, 0, : CODE.latent_dim, 0].astype(np.float64)


def decode(codes):
    images = np.zeros((len(codes), *SHAPE))
    images[:, 0, : CODE.latent_dim, 0] = codes
    return images.tolist()


def test_the_documents_example(tmp_path, monkeypatch):
    """Which ends in scores, figures and a page."""
    section = (ROOT / "docs" / "using.md").read_text().split("## Scores for anybody's code")[1]
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL)[:2]:
        exec(block, names)
    scores, folder = names["scores"], tmp_path / "evaluation"
    assert scores["factors"]["x"]["r2_calibrated"] > 0.95
    assert scores["reconstruction_ssim"] > 0.9
    assert scores["found_latents"]["x"]["latents"]
    assert json.loads((folder / "scores.json").read_text())["split"] == "test"
    figures = {path.stem for path in folder.glob("*.png")}
    assert {"equivariance", "traversal_x", "worst_reconstructions"} <= figures
    page = (folder / "report.html").read_text()
    check_page(page)
    assert "<h1>PCA of blobs</h1>" in page
    assert "What was trained" not in page


@pytest.fixture
def without_figures(monkeypatch):
    from dcign_tf.evaluation import evaluate

    monkeypatch.setattr(evaluate.drawing, "figures", lambda *_: [])
    monkeypatch.setattr(evaluate, "worst_figures", lambda *_: [])


@pytest.mark.usefixtures("without_figures")
def test_latents_where_the_code_says(tmp_path):
    data = Mine()
    scores = dcign_tf.evaluate(encode, decode, data, tmp_path, code=CODE, show=str)
    assert data.is_prepared
    assert scores["reconstruction_mse"] == pytest.approx(0, abs=1e-12)
    assert scores["factors"]["azimuth"]["spearman"] == pytest.approx(1)
    assert "found_latents" not in scores
    assert scores["step"] == 0


class Untrained(Mine):
    def sweeps(self, subset):
        return {**super().sweeps(subset), "intrinsic": []}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"encode": lambda x: encode(x)[:, :3]}, r"encode gave an array \(\d+, 3\); it must be"),
        ({"encode": lambda x: encode(x) * np.nan}, "encode gave numbers that are not finite"),
        ({"encode": lambda x: x, "code": None}, r"encode gave an array .* codes are \[images"),
        ({"decode": lambda z: z}, r"decode gave an array .*; it must be \(\d+, 20, 18, 1\)"),
        ({"code": GraphicsCode({"x": 1, "intrinsic": 5})}, "has the factors x, the dataset azim"),
        ({"dataset": Untrained()}, "no intrinsic training sweep"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_written(given, message, tmp_path):
    usual = {"encode": encode, "decode": decode, "dataset": Mine(), "code": CODE, "show": str}
    with pytest.raises(ValueError, match=message):
        dcign_tf.evaluate(**{**usual, "directory": tmp_path / "new", **given})
    assert not (tmp_path / "new").exists()


def test_what_a_function_meets_is_not_taken_for_a_file_that_cannot_be_written(tmp_path):
    calls = []

    def of_server(images):
        calls.append(images)
        if len(calls) > 3:
            raise ConnectionError("refused")
        return encode(images)

    with pytest.raises(RuntimeError, match="encode failed: refused"):
        dcign_tf.evaluate(of_server, decode, Mine(), tmp_path / "new", code=CODE, show=str)


def test_functions_are_not_called_at_the_same_time(tmp_path):
    """They may be of a framework that cannot bear it."""
    from dcign_tf.concurrency import concurrently
    from dcign_tf.evaluation.functions import FunctionCodec

    running: list[int] = []

    def alone(images):
        running.append(1)
        assert len(running) == 1
        codes = encode(images)
        running.pop()
        return codes

    network = FunctionCodec(alone, decode, CODE, SHAPE)
    assert not network.decodes_means  # nobody knows
    images = np.zeros((2, *SHAPE), np.float32)
    assert len(list(concurrently(lambda _: network.encode(images), range(50)))) == 50
