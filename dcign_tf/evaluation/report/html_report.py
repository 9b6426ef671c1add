"""`evaluation/report.html`: what was trained, how well it does, and every figure, in one file.

Made from the files of a run directory alone.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from dcign_tf.datasets.registry import dataset_facts
from dcign_tf.errors import UserError
from dcign_tf.evaluation.figures.catalogue import Picture, pictures
from dcign_tf.evaluation.report.html_page import page
from dcign_tf.evaluation.report.score_tables import headline, missing, reasons, score_sections
from dcign_tf.evaluation.report.sections import Section
from dcign_tf.files import write_aside
from dcign_tf.quantities import display_name
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.runs.directory import RunDirectory

REPORT_FILE = "report.html"
"""Its name in a run's evaluation directory."""


def write_report(run: RunDirectory) -> pathlib.Path:
    """Makes the page of an evaluated run, anew.

    Args:
        run: with `config.json`, `environment.json`, and in `evaluation/` the scores and
            whatever figures there are. Training time is told if there is `metrics.jsonl`.

    Returns:
        Where it is.

    Raises:
        UserError: if one of these is missing or damaged, or the page cannot be written.
    """
    scores, calibration, config = run.read_scores(), run.read_calibration(), run.read_config()
    if scores is None:
        raise UserError(f"{run.path} has no evaluation/scores.json; run evaluate.py first.")
    numbers = dataset_facts(config["dataset"]).paper_figures
    shown = list(pictures(run.evaluation, scores["factors"], numbers))
    others = sorted({*run.evaluation.glob("*.png")} - {picture.path for picture in shown})
    shown += [Picture(path, *[display_name(path.stem)] * 2) for path in others]
    text = report_page(
        config=config,
        environment=run.read_environment(),
        scores=scores,
        calibration=Calibration.from_config(calibration) if calibration else None,
        shown=shown,
        records=run.read_metrics(),
    )
    path = run.evaluation / REPORT_FILE
    write_aside(path, lambda aside: aside.write_text(text, encoding="utf-8"))
    return path


def report_page(
    *,
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    scores: Mapping[str, Any],
    calibration: Calibration | None = None,
    shown: Sequence[Picture] = (),
    records: Sequence[Mapping[str, float]] = (),
) -> str:
    """The page itself; what the scores have nothing of is left out.

    Args:
        config: `config.json`.
        environment: `environment.json`.
        scores: `scores.json`.
        calibration: of the model; its remarks are shown.
        shown: pictures of the evaluation, each in its section.
        records: rows of `metrics.jsonl`.

    Returns:
        HTML, to be written as UTF-8.
    """
    sections = {
        **score_sections(scores),
        "people": Section("New people"),
        "training": Section("Training"),
        "": Section("Further figures"),
    }
    for name, section in sections.items():
        of_section = [picture for picture in shown if picture.section == name]
        sections[name] = dataclasses.replace(section, pictures=of_section)
    remarks = [factor.remark for factor in calibration.factors.values()] if calibration else []
    kind = "Entangled baseline" if config.get("procedure") == "entangled" else "DC-IGN"
    return page(
        f"{kind} on {config['dataset']} ({config['preset']} preset)",
        sections.values(),
        cards=headline(scores),
        template="report.html",
        config=config,
        environment=environment,
        scores=scores,
        records=records,
        unknown=[*filter(None, remarks), *reasons(scores), *missing(scores)],
    )
