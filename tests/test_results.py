"""What the documents say of trained networks is what the `scores.json` in `docs/results` say.

Twins are compared by what needs no calibration: an R² of about 0 may be the calibration's refusal
of a latent that folds back, and does tell something.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest

from tests.helpers import ROOT

RESULTS = ROOT / "docs" / "results"
FACTORS = ("azimuth", "elevation", "light_azimuth")
SCORES = {
    file.parent.parent.name: json.loads(file.read_text(encoding="utf-8"))
    for file in sorted(RESULTS.glob("*/evaluation/scores.json"))
}
WITHOUT_CALIBRATION = ("spearman", "novel_view_ratio")


def by_factor(run: str, score: str) -> list[float]:
    """Of the extrinsic factors, in size if a latent may as well fall where its angle rises."""
    values = [SCORES[run]["factors"][factor][score] for factor in FACTORS]
    return [abs(value) for value in values] if score == "spearman" else values


ROWS = {
    "R² of the angle": lambda run: by_factor(run, "r2_calibrated"),
    r"\|Spearman\|": lambda run: by_factor(run, "spearman"),
    "new view from another": lambda run: by_factor(run, "novel_view_ratio"),
    "mean error": lambda run: by_factor(run, "mean_absolute_error"),
    "reconstruction": lambda run: [SCORES[run]["reconstruction_mse"]],
    "MIG": lambda run: [SCORES[run]["disentanglement"]["mig"]["mig"]],
}


@pytest.mark.parametrize("row", ROWS)
def test_the_table_of_results_has_their_scores(row):
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    runs = re.findall("`(.+?)`", re.search(r"^\| \| (`.*)", text, re.M)[1])
    assert sorted(runs) == list(SCORES)
    cells = re.search(rf"^\| {re.escape(row)}.*?\| (.*) \|$", text, re.M)[1].split(" | ")
    for run, cell in zip(runs, cells, strict=True):
        shown = [Decimal(n) for n in re.sub("[°/]", " ", cell.replace("−", "-")).split()]
        for value, told in zip(ROWS[row](run), shown, strict=True):
            assert abs(Decimal(value).quantize(told)) == abs(told), (run, value)


@pytest.mark.parametrize("run", SCORES)
@pytest.mark.parametrize("score", WITHOUT_CALIBRATION)
def test_the_readme_compares_twins_by_scores_without_calibration(run, score):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (claim,) = (part for part in readme.split("\n\n") if "entangled twins" in part)
    told = " / ".join(f"{value:.2f}".removeprefix("0") for value in by_factor(run, score))
    assert told in " ".join(claim.split())
