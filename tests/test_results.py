"""What the documents say of trained networks is what the `scores.json` in `docs/results` say.

Twins are compared by what needs no calibration: an R² of about 0 may be the calibration's refusal
of a latent that folds back, and does tell something.
"""

from __future__ import annotations

import json
import re
import runpy
import shutil
from decimal import Decimal

import pytest

from dcign_tf.errors import UserError
from dcign_tf.evaluation.metrics.recognition import LESS_POSE, LESS_WITHIN
from dcign_tf.files import write_json
from dcign_tf.pretrained import pretrained_names, pretrained_run
from dcign_tf.runs.directory import RunDirectory
from tests.helpers import ROOT

RESULTS = ROOT / "docs" / "results"
FACTORS = ("azimuth", "elevation", "light_azimuth")  # of faces
SCORES = {
    file.parent.parent.name: json.loads(file.read_text(encoding="utf-8"))
    for file in sorted(RESULTS.glob("*/evaluation/scores.json"))
}
WITHOUT_CALIBRATION = ("spearman", "novel_view_ratio")


def by_factor(run: str, score: str) -> list[float]:
    """Of the extrinsic factors, in size if a latent may as well fall where its angle rises."""
    factors = SCORES[run]["factors"]
    values = [factors[factor][score] for factor in FACTORS if factor in factors]
    return [abs(value) for value in values] if score == "spearman" else values


ROWS = {
    "R² of the angle": lambda run: by_factor(run, "r2_calibrated"),
    r"\|Spearman\|": lambda run: by_factor(run, "spearman"),
    "new view from another": lambda run: by_factor(run, "novel_view_ratio"),
    "mean error": lambda run: by_factor(run, "mean_absolute_error"),
    "reconstruction": lambda run: [SCORES[run]["reconstruction_mse"]],
    "MIG": lambda run: [SCORES[run]["disentanglement"]["mig"]["mig"]],
}


def tables() -> dict[tuple[str, ...], str]:
    """Those of runs beside each other: the runs, and the rows."""
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| \| (`.*)\n((?:\|.*\n)+)", text, re.M)
    return {tuple(re.findall("`(.+?)`", heads)): rows for heads, rows in found}


@pytest.mark.parametrize("row", ROWS)
def test_the_tables_of_results_have_their_scores(row):
    assert sorted(run for runs in tables() for run in runs) == list(SCORES)
    compared = 0
    for runs, rows in tables().items():
        found = re.search(rf"^\| {re.escape(row)}.*?\| (.*) \|$", rows, re.M)
        for run, cell in zip(runs, found[1].split(" | "), strict=True) if found else ():
            shown = [Decimal(n) for n in re.sub("[°/]", " ", cell.replace("−", "-")).split()]
            for value, told in zip(ROWS[row](run), shown, strict=True):
                assert abs(Decimal(value).quantize(told)) == abs(told), (run, value)
                compared += 1
    assert compared


@pytest.mark.parametrize("run", SCORES)
def test_of_a_run_that_nobody_can_train_again_that_is_said(run):
    commit = RunDirectory(RESULTS / run).read_environment()["commit"]
    text = " ".join((RESULTS / "README.md").read_text(encoding="utf-8").split())
    said = f"commit {commit.removesuffix('-dirty')} with changes that no commit holds"
    assert (said in text) == commit.endswith("-dirty")


def test_no_further_one_is_kept(tmp_path, monkeypatch):
    keep = runpy.run_path(str(ROOT / "docs" / "make_results.py"))["keep"]
    results, dirty = tmp_path / "results", RunDirectory(tmp_path / "dirty")
    results.mkdir()
    monkeypatch.setitem(keep.__globals__, "RESULTS", results)
    shutil.copytree(RESULTS / "faces-best", dirty.path)
    environment = dirty.read_environment()
    write_json(dirty.environment_file, {**environment, "commit": f"{environment['commit']}-dirty"})
    with pytest.raises(UserError, match="with changes that are in no commit"):
        keep(dirty)
    assert list(results.iterdir()) == []


@pytest.mark.parametrize("name", pretrained_names())
def test_the_models_in_the_box_can_be_trained_again(name):
    assert not pretrained_run(name).read_environment()["commit"].endswith("-dirty")


@pytest.mark.parametrize("run", [run for run in SCORES if run.startswith("faces")])
@pytest.mark.parametrize("score", WITHOUT_CALIBRATION)
def test_twins_are_compared_by_scores_without_calibration(run, score):
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    (claim,) = (part for part in text.split("\n\n") if "entangled twins" in part)
    told = " / ".join(f"{value:.2f}".removeprefix("0") for value in by_factor(run, score))
    assert told in " ".join(claim.split())


def test_the_readmes_table_has_the_scores_of_the_model_in_the_box():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    scores = pretrained_run().read_scores()
    for factor in FACTORS:
        row = re.search(rf"^\| {factor.replace('_', ' ')} \| (.*) \|$", readme, re.M)[1]
        told = [Decimal(number) for number in re.findall(r"\d*\.?\d+", row)]
        of_factor, given = scores["factors"][factor], scores["rerendering"][factor]
        values = (
            of_factor["mean_absolute_error"],
            *scores["intervals"][f"factors.{factor}.mean_absolute_error"],
            scores["values"][factor]["guessing_error"],
            of_factor["r2_calibrated"],
            *scores["intervals"][f"factors.{factor}.r2_calibrated"],
            given["mse"]["network"] / given["mse"]["copy"],
            *scores["intervals"][f"rerendering.{factor}.over_copy"],
        )
        for value, shown in zip(values, told, strict=True):
            assert Decimal(value).quantize(shown) == shown, (factor, value)
    low, high = (f"{mse:.1e}" for mse in scores["intervals"]["reconstruction_mse"])
    components = scores["reconstruction_baselines"]["principal_components"]
    recognised = []
    for less in ("", LESS_POSE, LESS_WITHIN):
        name = f"intrinsic latents{less}"
        rank1 = scores["recognition"]["representations"][name]["rank1"]
        least, most = scores["intervals"][f"recognition.representations.{name}.rank1"]
        recognised.append(f"{100 * rank1:.1f} % [{100 * least:.1f}, {100 * most:.1f}]")
    for claim in (
        f"MSE {scores['reconstruction_mse']:.1e} [{low}, {high}]",
        f"200 principal components leave {components:.1e}",
        *recognised,
    ):
        assert claim.replace("e-0", "e-") in " ".join(readme.split()), claim


def test_the_readme_tells_the_scores_of_the_chairs_in_the_box():
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    scores = pretrained_run("chairs").read_scores()
    azimuth, given = scores["factors"]["azimuth"], scores["rerendering"]["azimuth"]["mse"]
    error, ratio = azimuth["mean_absolute_error"], given["network"] / given["copy"]
    least, most = scores["intervals"]["factors.azimuth.mean_absolute_error"]
    low, high = scores["intervals"]["rerendering.azimuth.over_copy"]
    for claim in (
        f"read to {error:.1f}° [{least:.1f}, {most:.1f}]",
        f"{azimuth['far_off_share']:.1%} of the readings".replace("%", " %"),
        f"MSE {scores['reconstruction_mse']:.1e}".replace("e-0", "e-"),
        f"is {ratio:.3f} [{low:.3f}, {high:.3f}] as wrong".replace("0.", "."),
    ):
        assert claim in readme, claim
