"""`evaluation/report.html`: what was trained, how well it does, and every figure, in one file.

Made from the files of a run directory alone.
"""

from __future__ import annotations

import collections
import pathlib

from dcign_tf.datasets.registry import dataset_facts
from dcign_tf.errors import UserError
from dcign_tf.evaluation.figures.catalogue import Picture, pictures
from dcign_tf.evaluation.report.documents import document
from dcign_tf.evaluation.report.score_tables import (
    headline,
    in_brackets,
    reasons,
    tables_of_run,
)
from dcign_tf.files import write_text
from dcign_tf.folders import is_shown
from dcign_tf.quantities import display_name
from dcign_tf.runs.directory import RunDirectory

REPORT_FILE = "report.html"
"""Its name in a run's evaluation directory."""


def write_report(run: RunDirectory) -> pathlib.Path:
    """Makes the page of an evaluated run, anew; what its scores have nothing of is left out.

    Args:
        run: with `config.json`, `environment.json`, and in `evaluation/` the scores and
            whatever figures there are. Remarks on the calibration are shown if there is
            `calibration.json`, and training time is told if there is `metrics.jsonl`.

    Returns:
        Where it is.

    Raises:
        UserError: if one of these is missing or damaged, or the page cannot be written.
    """
    scores, calibration, config = run.read_scores(), run.read_calibration(), run.read_config()
    if scores is None:
        raise UserError(f"{run.path} has no evaluation/scores.json; run dcign-tf evaluate first.")
    facts = dataset_facts(config)
    shown = list(pictures(run.evaluation, scores["factors"], facts.paper_figures))
    there = {path for path in run.evaluation.glob("*.png") if is_shown(path.name)}
    others = sorted(there - {picture.path for picture in shown})
    shown += [Picture(path, *[display_name(path.stem)] * 2) for path in others]
    of_section = collections.defaultdict(list)
    for picture in shown:
        of_section[picture.section].append(picture)
    text = document(
        "report.html",
        tables=tables_of_run(scores),
        pictures=of_section,
        cards=headline(scores),
        config=config,
        environment=run.read_environment(),
        scores=scores,
        held_out=scores.get("held_out", facts.held_out),
        in_brackets=in_brackets(scores),
        records=run.read_metrics(),
        factors=calibration.factors.values() if calibration else (),
        reasons=reasons(scores),
    )
    path = run.evaluation / REPORT_FILE
    write_text(path, text)
    return path
