"""Scores: from codes to the documented file and the table."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from dcign_tf.evaluation import metrics
from dcign_tf.evaluation.scores import make_scores, scores_table, write_scores
from dcign_tf.factors import GraphicsCode

CODE = GraphicsCode({"azimuth": 1, "elevation": 1, "intrinsic": 3})
DOCUMENT = Path(__file__).parents[1] / "docs" / "scores.md"


def sweeps_of(num_sweeps, seed):
    """Codes in which azimuth's latent is its angle and elevation's never moves."""
    rng = np.random.default_rng(seed)
    z_mean = {factor: np.zeros((num_sweeps, 20, 5)) for factor in CODE.factors}
    angle_deg = {factor: rng.uniform(-60, 60, (num_sweeps, 20)) for factor in CODE.extrinsic}
    z_mean["azimuth"][..., 0] = -angle_deg["azimuth"] / 30
    z_mean["intrinsic"][...] = rng.normal(0, 0.1, (num_sweeps, 20, 5)) * [1, 0, 1, 1, 1]
    return z_mean, angle_deg


@pytest.fixture
def scores():
    z_mean, angle_deg = sweeps_of(6, seed=0)
    fit_z_mean, fit_angle_deg = sweeps_of(50, seed=1)
    return make_scores(
        code=CODE,
        split="test",
        z_mean=z_mean,
        angle_deg=angle_deg,
        fit_z_mean=fit_z_mean,
        fit_angle_deg=fit_angle_deg,
        novel_view_ratio={"azimuth": 0.25, "elevation": 1.0, "intrinsic": np.float32(0.5)},
        reconstruction_mse=0.0125,
    )


def paths(node, prefix=()):
    """Every key path of nested dicts."""
    if not isinstance(node, dict):
        return {prefix}
    return set().union(*(paths(value, (*prefix, key)) for key, value in node.items()))


def test_scores_of_known_codes(scores):
    azimuth = scores["factors"]["azimuth"]
    assert azimuth["pearson"] == pytest.approx(-1)
    assert azimuth["spearman"] == pytest.approx(-1)
    assert azimuth["r2_monotone"] > 0.999
    assert azimuth["selectivity"] > 50  # variance of about (34.6°/30)² against 0.1²
    assert np.isnan(scores["factors"]["elevation"]["pearson"])
    assert np.isnan(scores["factors"]["elevation"]["selectivity"])
    assert scores["num_sweeps"] == dict.fromkeys(CODE.factors, 6)


def test_movement_in_scores_is_that_of_the_codes(scores):
    matrix = metrics.movement_matrix(sweeps_of(6, seed=0)[0], CODE)
    np.testing.assert_array_equal(scores["movement"]["variance"], matrix)


def test_file_is_strict_json_laid_out_as_documented(scores, tmp_path):
    path = tmp_path / "evaluation" / "scores.json"
    write_scores(scores, path)
    stored = json.loads(path.read_text(), parse_constant=pytest.fail)  # called for NaN, Infinity
    assert stored["factors"]["elevation"]["pearson"] is None
    assert stored["factors"]["azimuth"]["pearson"] == scores["factors"]["azimuth"]["pearson"]
    documented = json.loads(re.search(r"```json\n(.*?)```", DOCUMENT.read_text(), re.S)[1])
    assert paths(stored) == paths(documented)
    assert stored["schema_version"] == documented["schema_version"]


def test_infinity_becomes_null(tmp_path):
    write_scores({"a": [np.inf, {"b": -np.inf}, 1.5]}, tmp_path / "s.json")
    assert json.loads((tmp_path / "s.json").read_text()) == {"a": [None, {"b": None}, 1.5]}


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "scores.json"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_scores({"a": 1.0}, path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["scores.json"]


def test_table_shows_every_score_in_aligned_columns(scores):
    text = scores_table(scores)
    assert text.startswith("test: reconstruction MSE 1.2500e-02\n")
    blocks = [block.splitlines() for block in text.split("\n\n")]
    factor_lines, movement_lines = blocks[1], blocks[2][:4]
    assert [line.split()[0] for line in factor_lines[1:]] == list(CODE.factors)
    assert factor_lines[1].split()[1:4] == ["6", "-1.000", "-1.000"]
    assert factor_lines[3].split() == ["intrinsic", "6", "–", "–", "–", "–", "0.500"]
    for lines in (factor_lines, movement_lines):
        assert len({len(line) for line in lines}) == 1


def test_table_is_the_same_from_the_stored_file(scores, tmp_path):
    write_scores(scores, tmp_path / "scores.json")
    assert scores_table(json.loads((tmp_path / "scores.json").read_text())) == scores_table(scores)


def test_a_factor_of_two_latents_has_no_angle_latent():
    code = GraphicsCode({"azimuth": 2, "intrinsic": 3})
    z_mean = dict.fromkeys(code.factors, np.ones((1, 2, 5)))
    with pytest.raises(ValueError, match="'azimuth' has 2 latents"):
        make_scores(
            code=code,
            split="test",
            z_mean=z_mean,
            angle_deg={"azimuth": np.ones((1, 2))},
            fit_z_mean=z_mean,
            fit_angle_deg={"azimuth": np.ones((1, 2))},
            novel_view_ratio=dict.fromkeys(code.factors, 1.0),
            reconstruction_mse=0.0,
        )
