"""Runs side by side: which can be, what differs, and how it is written down."""

from __future__ import annotations

import dataclasses
import json
import re
import statistics
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dcign_tf.cli.commands import compare
from dcign_tf.errors import UserError
from dcign_tf.evaluation.compared_scores import EvaluatedRun, compare_runs
from dcign_tf.evaluation.figures.catalogue import Picture
from dcign_tf.evaluation.figures.error_curves import rerendering
from dcign_tf.evaluation.report.comparison_tables import comparison_tables
from dcign_tf.evaluation.report.documents import document
from dcign_tf.evaluation.report.tables import as_text
from dcign_tf.evaluation.scores import write_scores
from dcign_tf.evaluation.seeds import group_by_seed, spread
from dcign_tf.evaluation.side_by_side import choose_examples, comparison_sheet, turn
from dcign_tf.files import write_json
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.readouts.leakage import Leakage
from dcign_tf.runs.comparable import comparable_runs
from dcign_tf.runs.directory import RunDirectory
from tests.evaluation.test_given_values import AZIMUTH, LENGTH, TEST, Exact, calibration, measure
from tests.helpers import ROOT
from tests.helpers.html_reading import check_page


def scores(tmp_path: Path, **given) -> dict:
    """What a run's scores.json would hold."""
    network = given.pop("network", None)
    run_scores = {
        "step": given.pop("step", 500),
        "reconstruction_mse": 0.01,
        "reconstruction_baselines": {"mean_image": 0.04, "num_components": 9},
        "factors": {"azimuth": {"pearson": 0.9, "spearman": np.nan, "novel_view_ratio": 0.5}},
        "values": {"azimuth": {"key": "azimuth_deg", "guessing_error": 25.0}},
        "recognition": {
            "representations": {
                "own": {"rank1": 0.75, "auc": 0.8},
                "own, less what a pose leaves": {"rank1": 0.875},
                "pixels": {"rank1": 0.125},
                "7 principal components": {"rank1": 0.25},
            }
        },
        "rerendering": {"azimuth": measure(network, **given)},
        "intervals": {
            "factors.azimuth.novel_view_ratio": [0.4, 0.625],
            "rerendering.azimuth.over_copy": [0.001, 0.25],
            "recognition.representations.7 principal components.rank1": [0.2, 0.301],
        },
    }
    write_scores(run_scores, tmp_path / "scores.json")
    return json.loads((tmp_path / "scores.json").read_text())


@pytest.fixture
def runs(tmp_path) -> dict[str, EvaluatedRun]:
    """The first exact, the second off, the third, entangled like the second, not calibrated."""
    config = {"procedure": "clamped", "data_dir": "/a", "optimizer": {"learning_rate": 1e-3}}
    other = {"procedure": "entangled", "data_dir": "/b", "optimizer": {"learning_rate": 1e-4}}
    silent = calibration(reason="its latent folds back")
    return {
        "ours": EvaluatedRun(config, scores(tmp_path, known=calibration(-10.0, 50.0))),
        "theirs": EvaluatedRun(other, scores(tmp_path, network=Exact(offset=0.2), step=400), 2000),
        "silent": EvaluatedRun({**other, "seed": 1}, scores(tmp_path, known=silent)),
    }


@pytest.fixture
def compared(runs) -> dict:
    return {**compare_runs(runs), "dataset": "faces", "data_fingerprint": "abc"}


def page_of(compared: dict, *pictures: Picture, template: str = "comparison.md.jinja") -> str:
    tables, shown = comparison_tables(compared), {"rerendering": pictures}
    return document(template, title="Runs", tables=tables, pictures=shown)


class TestComparison:
    def test_settings_that_differ(self, compared):
        expected = {"procedure": "entangled", "step": 400, "steps_before": 2000}
        assert compared["runs"]["theirs"] == expected
        assert compared["settings"] == {
            "procedure": {"ours": "clamped", "theirs": "entangled", "silent": "entangled"},
            "optimizer.learning_rate": {"ours": 1e-3, "theirs": 1e-4, "silent": 1e-4},
            "seed": {"ours": None, "theirs": None, "silent": 1},
        }

    def test_errors_and_their_ratios(self, compared, runs):
        table = compared["rerendering"]["azimuth"]
        mse = runs["ours"].scores["rerendering"]["azimuth"]["mse"]
        ours, theirs = table["networks"]["ours"], table["networks"]["theirs"]
        assert (table["copy"], table["mean_image"]) == (mse["copy"], mse["mean_image"])
        assert ours["mse"] == mse["network"] > 0
        assert theirs["mse"] == pytest.approx(0.04, rel=1e-5)
        assert ours["over_copy"] == pytest.approx(mse["network"] / mse["copy"])
        assert ours["over_entangled"] == {
            "theirs": pytest.approx(mse["network"] / theirs["mse"]),
            "silent": pytest.approx(ours["mse"] / table["networks"]["silent"]["unchanged"]),
        }
        assert set(theirs["over_entangled"]) == {"silent"}
        assert 0 < ours["clipped"] < 1
        assert table["networks"]["silent"]["mse"] is None
        assert table["networks"]["silent"]["over_entangled"] == {"theirs": None}
        assert table["why_null"] == {"silent": "not calibrated: its latent folds back"}

    def test_scores_beside_each_other(self, compared):
        beside = {path: set(values.values()) for path, values in compared["scores"].items()}
        assert beside == {  # what no run has is left out
            "reconstruction_mse": {0.01},
            "reconstruction_baselines.mean_image": {0.04},
            "factors.azimuth.pearson": {0.9},
            "factors.azimuth.novel_view_ratio": {0.5},
            "values.azimuth.guessing_error": {25.0},
            "recognition.rank1": {0.75},
            "recognition.rank1.latents_less_pose": {0.875},
            "recognition.rank1.pixels": {0.125},
            "recognition.rank1.principal_components": {0.25},
            "recognition.auc": {0.8},
        }

    def test_intervals_of_each_run(self, compared, runs):
        expected = {
            "factors.azimuth.novel_view_ratio": [0.4, 0.625],
            "rerendering.azimuth.over_copy": [0.001, 0.25],
            "recognition.rank1.principal_components": [0.2, 0.301],
        }
        of_runs = {key: {name: interval for name in runs} for key, interval in expected.items()}
        assert compared["intervals"] == of_runs

    def test_runs_that_nothing_was_measured_of(self, tmp_path):
        run = EvaluatedRun({"procedure": "clamped"}, scores(tmp_path, quantities={}))
        compared = {**compare_runs({"a": run, "b": run}), "dataset": "x"}
        assert compared["rerendering"] == compared["settings"] == {}
        assert comparison_tables(compared)["rerendering"] == []
        assert "Re-rendering" not in page_of(compared)
        check_page(page_of(compared, template="comparison.html"))


class TestTables:
    def test_markdown(self, compared):
        text = page_of(compared, Picture(Path("a.png"), "Shown.", "A figure."))
        assert text.startswith("# Runs\n\n## What differs\n\n| setting | ours | theirs |")
        assert "| optimizer.learning_rate | 0.001 | 0.0001 | 0.0001 |" in text
        assert "| seed | – | – | 1 |" in text
        assert "| training steps | 500 | 2,400 | 500 |" in text
        assert (
            "|  | network | not turned | ceiling | network / given | / theirs | / silent |" in text
        )
        assert "| theirs | 4.00e-02 | " in text
        assert "its latent folds back. / silent is over its picture not turned." in text
        assert "of the angles lie beyond its calibrated range" in text
        assert "| Pearson | 0.900 | 0.900 | 0.900 |" in text
        assert "| guessing | 25° | 25° | 25° |" in text
        assert "| mean squared error | 1.0000e-02 |" in text
        assert "| mean training picture | 4.0000e-02 |" in text
        assert text.count("### reconstruction\n") == 1
        assert "| rank 1, by principal components | 25.0% [20.0, 30.1] |" in text
        assert "| error of the new view | 0.500 [.400, .625] |" in text
        (theirs,) = re.findall(r"\| theirs \| (4.00e-02 .*) \|\n", text)
        assert theirs.split(" | ")[3].endswith(" [.001, .250]")
        assert "![A figure.](a.png)" in text
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert all(line.endswith("|") for line in rows)

    def test_page(self, compared, tmp_path):
        Image.fromarray(np.zeros((5, 9), np.uint8)).save(tmp_path / "a.png")
        picture = Picture(tmp_path / "a.png", "Shown.", "A figure.")
        text = page_of(compared, picture, template="comparison.html")
        check_page(text)
        for told in ("ours", "4.00e-02", "A figure.", "its latent folds back", "rank 1"):
            assert told in text

    def test_screen(self, compared):
        lines = as_text(comparison_tables(compared)["rerendering"]).splitlines()
        assert lines[0].split()[:2] == ["azimuth", "network"]
        assert max(map(len, lines)) <= 100


class TestSheet:
    def test_the_pictures_furthest_apart_one_way_and_the_other(self):
        examples = choose_examples({"azimuth": TEST}, AZIMUTH)
        assert len(examples) == 3
        for number, example in enumerate(examples):
            values = TEST[4 * number]["azimuth_deg"]
            wanted = values.min() if number % 2 else values.max()
            assert example.value == wanted
            shown = TEST[4 * number]["image"][list(values).index(wanted)]
            np.testing.assert_allclose(example.wanted * 255, shown, rtol=1e-6)
        assert examples[0].label.startswith("azimuth\n−")
        assert "° → " in examples[0].label
        assert choose_examples({"azimuth": TEST}, {}) == []

    def test_nothing_to_turn_in_sweeps_of_one_value(self):
        still = [{"image": TEST[0]["image"], "azimuth_deg": np.zeros(LENGTH)}]
        assert choose_examples({"azimuth": still}, AZIMUTH) == []

    def test_an_exact_network_shows_the_true_pictures(self):
        examples = choose_examples({"azimuth": TEST}, AZIMUTH)
        turned = turn(Exact(), calibration(), examples)
        np.testing.assert_allclose(turned.images, [e.wanted for e in examples], atol=1e-6)
        np.testing.assert_allclose(turned.errors, 0, atol=1e-12)
        assert not turned.is_swapped.any()

    def test_what_the_angle_given_left_is_taken_out(self):
        examples = choose_examples({"azimuth": TEST}, AZIMUTH)
        leakage = Leakage.of(np.zeros(3), 0.01, np.ones((3, 2)))
        turned = turn(
            Exact(), dataclasses.replace(calibration(), leakage={"azimuth": leakage}), examples
        )
        assert (turned.errors > 0).all()

    def test_a_latent_that_tells_no_value_is_taken_from_the_true_picture(self):
        examples = choose_examples({"azimuth": TEST}, AZIMUTH)
        for uncalibrated in (calibration(reason="silent"), Calibration({})):
            turned = turn(Exact(offset=0.1), uncalibrated, examples)
            np.testing.assert_allclose(turned.errors, 0.01, rtol=1e-4)
            assert turned.is_swapped.all()
        exact = turn(Exact(), calibration(), examples)
        columns = {"a": exact, "a-name-of-some-length": turned}
        title, *texts = (
            text.get_text() for text in comparison_sheet(examples, columns).axes[0].texts
        )
        assert sum(text.endswith("10.0 *") for text in texts) == len(examples)
        assert sum(text.startswith("a\n0.0") for text in texts) == 1
        assert "is taken from the true picture" in " ".join(title.split())
        title = comparison_sheet(examples, {"a": exact}).axes[0].texts[0].get_text()
        assert "is taken from" not in " ".join(title.split())


RECORD = {"dataset": "faces", "preset": "quick", "data": {}, "data_dir": "data"}


class TestRuns:
    @pytest.fixture
    def made(self, tmp_path):
        def make(name: str, fingerprint: str = "abc") -> Path:
            run = RunDirectory(tmp_path / name)
            write_json(run.config_file, {**RECORD, "procedure": "clamped"})
            write_json(run.environment_file, {"data_fingerprint": fingerprint})
            return run.path

        return make

    def test_names(self, made):
        paths = [made("a"), made("x/b"), made("c/")]
        assert list(comparable_runs(paths)) == ["a", "b", "c"]
        paths = [made("x/one/run"), made("y/one/run"), made("y/two/run")]
        assert list(comparable_runs(paths)) == ["x/one/run", "y/one/run", "y/two/run"]

    def test_scores_from_before_there_were_two_splits_are_of_test_people(self, made):
        paths = [made("a"), made("b")]
        for path, scores in zip(paths, ({"schema_version": 4}, {"split": "test"}), strict=True):
            write_json(RunDirectory(path).evaluation / "scores.json", scores)
        assert list(comparable_runs(paths)) == ["a", "b"]

    def test_scores_of_two_splits_are_not_mixed(self, made):
        paths = [made("a"), made("b"), made("unscored")]
        for path, split in zip(paths, ("validation", "test"), strict=False):
            write_json(RunDirectory(path).evaluation / "scores.json", {"split": split})
        expected = rf"a has scores of the validation split, {paths[1]} of the test split: dcign-tf"
        with pytest.raises(UserError, match=expected):
            comparable_runs(paths)
        assert len(comparable_runs([paths[0], paths[2]])) == 2

    def test_a_run_to_be_scored_that_cannot_be_written_is_told_before_any_other_is(
        self, made, tmp_path, flags_of
    ):
        paths = [made("a"), made("b")]
        for run in map(RunDirectory, paths):
            run.last_checkpoint.parent.mkdir()
            with zipfile.ZipFile(run.last_checkpoint, "w") as archive:
                archive.writestr("config.json", "{}")
        (paths[1] / "evaluation").symlink_to("/nowhere/evaluation")
        flags_of(compare)
        arguments = compare.parse(["compare", *map(str, paths), f"--output={tmp_path / 'out'}"])
        with pytest.raises(UserError, match=r"Cannot write .*b/evaluation: No such file"):
            compare.work(*arguments)

    def test_what_cannot_be_compared(self, made, tmp_path):
        a, other = made("a"), made("other", "def")
        for paths, message in (
            ([a], "two run directories"),
            ([a, a / ".." / "a"], "is given twice"),
            ([a, tmp_path], "is no run directory"),
            (
                [a, other],
                rf"other was trained on other data \(fingerprint def\) than {a} \(abc\): only",
            ),
        ):
            with pytest.raises(UserError, match=message):
                comparable_runs(paths)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--compare=none"], "Comparing takes two run directories"),
            (["--compare", "none", "other"], "none is no run directory"),
            (["--workdir=a", "--compare=b"], "--workdir evaluates one run, --compare several"),
            (["--workdir=a", "--output=b"], "--output is where a comparison goes"),
            (["--compare=a", "--split=test"], "--split is for one run"),
        ],
    )
    def test_one_line_for_a_wrong_command(self, arguments, message, tmp_path):
        result = subprocess.run(
            [sys.executable, str(ROOT / "evaluate.py"), *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=100,
        )
        assert result.returncode in (1, 2)
        assert result.stderr.startswith(f"evaluate.py: {message}")
        assert result.stderr.count("\n") == 1


class TestSeeds:
    """Three runs of the same settings, and one of others."""

    ERRORS = (0.01, 0.02, 0.06)

    @pytest.fixture
    def compared(self, tmp_path):
        runs = {}
        for seed, error in enumerate(self.ERRORS):
            own = scores(tmp_path, network=Exact(offset=error))
            own["reconstruction_mse"] = error
            own["factors"]["azimuth"]["pearson"] = 0.9 * (-1) ** seed
            runs[f"seed{seed}"] = EvaluatedRun(
                {"procedure": "clamped", "seed": seed, "data_dir": f"/{seed}"}, own
            )
        runs["other"] = EvaluatedRun({"procedure": "entangled", "seed": 0}, scores(tmp_path))
        return {**compare_runs(runs), "dataset": "faces", "data_fingerprint": "abc"}

    def test_they_are_a_group(self, compared):
        assert compared["groups"] == {
            "seed0 (3 seeds)": ["seed0", "seed1", "seed2"],
            "other": ["other"],
        }

    def test_they_are_one_curve_in_a_band(self):
        measured = [measure(Exact(offset=error)) for error in self.ERRORS]
        curves = {str(number): {"azimuth": of_run} for number, of_run in enumerate(measured)}
        (panel,) = rerendering(curves, AZIMUTH, {"all": list(curves)}).axes
        errors = np.array([of_run["by_change"]["mse"]["network"] for of_run in measured])
        drawn = [line.get_ydata() for line in panel.lines if line.get_marker() == "o"]
        np.testing.assert_allclose(drawn, [errors.mean(axis=0)])
        (band,) = panel.collections
        edges = band.get_paths()[0].vertices[:, 1]
        assert {errors.min(), errors.max()} <= set(edges)

    def test_what_is_not_alike_is_no_group(self):
        config = {"procedure": "clamped", "seed": 0, "optimizer": {"learning_rate": 1e-3}}
        slower = {**config, "seed": 1, "optimizer": {"learning_rate": 1e-4}}
        configs = {"a": config, "slower": slower, "longer": {**config, "seed": 2}}
        groups = group_by_seed(configs, {"a": 5, "slower": 5, "longer": 9})
        assert groups == {name: [name] for name in configs}

    def test_their_spread(self, compared):
        assert compared["spread"]["reconstruction_mse"] == {
            "seed0 (3 seeds)": {
                "mean": pytest.approx(0.03),
                "std": pytest.approx(np.sqrt((0.02**2 + 0.01**2 + 0.03**2) / 2)),
                **{"low": 0.01, "high": 0.06},
            }
        }
        # Which way a latent runs is chance: without the sign.
        assert compared["spread"]["factors.azimuth.pearson"]["seed0 (3 seeds)"]["mean"] == 0.9

    def test_they_are_one_column_and_one_row(self, compared):
        text = page_of(compared)
        assert "| setting | seed0 (3 seeds) | other |" in text
        assert "| seed | 0, 1, 2 | 0 |" in text
        assert "seed0 (3 seeds): seed0, seed1, seed2." in text
        expected = "3.0000e-02 ± 2.6458e-02 1.0000e-02 to 6.0000e-02 | 1.0000e-02"
        assert f"| mean squared error | {expected} |" in text
        assert "| Pearson | 0.900 ± 0.000 0.900 to 0.900 | 0.900 |" in text
        (row,) = re.findall(r"\| seed0 \(3 seeds\) \| (\S+ ± \S+ \S+ to \S+) \|", text)
        assert row == "1.37e-03 ± 1.94e-03 1.00e-04 to 3.60e-03"
        lines = as_text(comparison_tables(compared)["rerendering"]).splitlines()
        assert max(map(len, lines)) <= 100

    @given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9))
    def test_any_spread(self, values):
        mean, std, low, high = spread(values)
        assert (low, high) == (min(values), max(values))
        assert mean == pytest.approx(statistics.mean(values), abs=1e-6)
        assert std == pytest.approx(statistics.stdev(values), abs=1e-5)

    @pytest.mark.parametrize("values", [[], [1.0], [1.0, None]])
    def test_no_spread(self, values):
        assert spread(values) is None
