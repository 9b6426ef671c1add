"""`evaluation/report.html`: what was trained, how well it does, and every figure, in one file.

That of a run is made from the files of its directory alone.
"""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from dcign_tf.datasets.registry import dataset_facts
from dcign_tf.datasets.settings import DatasetFacts
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
from dcign_tf.readouts.calibration import Calibration
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
    return write_page(
        run.evaluation,
        scores,
        calibration,
        dataset_facts(config),
        config=config,
        environment=run.read_environment(),
        records=run.read_metrics(),
    )


def write_page(
    directory: pathlib.Path,
    scores: Mapping[str, Any],
    calibration: Calibration | None,
    facts: DatasetFacts,
    *,
    name: str = "",
    config: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
    records: Sequence[Mapping[str, Any]] = (),
) -> pathlib.Path:
    """Makes the page of an evaluation, of whatever network.

    Args:
        directory: with the figures; the page goes there.
        scores: as in scores.json.
        calibration: its remarks are shown.
        facts: of the dataset.
        name: what was evaluated; needed without a config.
        config: of the run that trained it, if one did.
        environment: likewise.
        records: rows of `metrics.jsonl`, likewise.

    Returns:
        Where it is.

    Raises:
        UserError: if a figure cannot be read, or the page not be written.
    """
    shown = list(pictures(directory, scores["factors"], facts.paper_figures))
    there = {path for path in directory.glob("*.png") if is_shown(path.name)}
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
        name=name,
        config=config,
        environment=environment,
        scores=scores,
        held_out=scores.get("held_out", facts.held_out),
        in_brackets=in_brackets(scores),
        records=records,
        factors=calibration.factors.values() if calibration else (),
        reasons=reasons(scores),
    )
    path = directory / REPORT_FILE
    write_text(path, text)
    return path
