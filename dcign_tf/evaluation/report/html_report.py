"""`evaluation/report.html`: what was trained, how well it does, and every figure, in one file.

Made from the files of a run directory alone.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from dcign_tf.datasets.registry import dataset_facts
from dcign_tf.errors import UserError
from dcign_tf.evaluation.figures.catalogue import Picture, pictures
from dcign_tf.evaluation.report.html_page import page
from dcign_tf.evaluation.report.score_tables import headline, missing, reasons, score_sections
from dcign_tf.evaluation.report.sections import Section
from dcign_tf.files import write_aside
from dcign_tf.progress import duration
from dcign_tf.quantities import display_name
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.runs.directory import RunDirectory

REPORT_FILE = "report.html"
"""Its name in a run's evaluation directory."""

_PROCEDURES = {
    "clamped": "in each mini-batch one factor varies, and the latents of all others are held at"
    " their mean (the paper's procedure)",
    "entangled": "the same network without clamping, the paper's baseline: nothing tells its"
    " latents what to stand for",
}
_SOFTWARE = {"tensorflow": "TensorFlow", "keras": "Keras", "python": "Python"}


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
    is_entangled = config.get("procedure") == "entangled"
    what = (
        "An entangled baseline" if is_entangled else "A Deep Convolutional Inverse Graphics Network"
    )
    sections = {
        **score_sections(scores),
        "people": Section("New people"),
        "training": Section("Training"),
        "": Section("Further figures"),
    }
    for name, section in sections.items():
        of_section = [picture for picture in shown if picture.section == name]
        sections[name] = dataclasses.replace(section, pictures=of_section)
    kind = "Entangled baseline" if is_entangled else "DC-IGN"
    return page(
        f"{kind} on {config['dataset']} ({config['preset']} preset)",
        [
            _trained(config, environment, scores, records),
            *sections.values(),
            _unknown(scores, calibration),
        ],
        lead=f"{what}, trained on {config['dataset']} and measured on the identities of its"
        f" {scores['split']} split, none of whom it had seen.",
        cards=headline(scores),
    )


def _trained(
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    scores: Mapping[str, Any],
    records: Sequence[Mapping[str, float]],
) -> Section:
    data, step = config.get("data", {}), scores.get("step")
    facts = {"Data": f"{config['dataset']}, preset {config['preset']}"}
    if size := data.get("image_size"):
        facts["Pictures"] = f"{size} × {size}, " + _count(data.get("channels", 1), "channel")
    sweeps = (f"{display_name(f)} {count:,}" for f, count in scores["num_sweeps"].items())
    facts["Measured on"] = f"{scores['split']} sweeps: {', '.join(sweeps)}"
    procedure = config.get("procedure", "clamped")
    facts["Procedure"] = f"{procedure}: {_PROCEDURES.get(procedure, '')}"
    if step is not None:
        facts["Training steps"] = f"{step:,} of {config['num_steps']:,}"
    if seconds := [r["seconds"] for r in records if "seconds" in r and r["step"] <= (step or 0)]:
        facts["Training time"] = duration(seconds[-1])
    machine = [str(d).removeprefix("/physical_device:") for d in environment.get("devices", [])]
    if threads := environment.get("threads"):
        machine.append(_count(threads, "thread"))
    facts["Machine"] = ", ".join([*machine, environment.get("precision", "")])
    versions = (f"{_SOFTWARE[key]} {environment[key]}" for key in _SOFTWARE if key in environment)
    facts["Software"] = ", ".join(versions)
    facts["Seeds"] = f"{config.get('seed')}; of the data {data.get('seed')}"
    code = {}
    if environment.get("commit"):
        code["Commit"] = environment["commit"]
    if command := environment.get("command"):
        # A flag a line, so that it is read, and can be pasted, however wide the page is.
        code["Command"] = re.sub(r" (?='?--)", " \\\n  ", command)
    else:
        facts["Command"] = "not recorded; the settings below say it all"
    return Section(
        "What was trained",
        facts=facts,
        code=code,
        listings={
            "All settings (config.json)": json.dumps(config, indent=2),
            "Environment (environment.json)": json.dumps(environment, indent=2),
        },
    )


def _unknown(scores: Mapping[str, Any], calibration: Calibration | None) -> Section:
    factors = calibration.factors.values() if calibration else ()
    remarks = [factor.remark for factor in factors if factor.remark]
    return Section(
        "What could not be measured, and what to know",
        items=[*remarks, *reasons(scores), *missing(scores)] or ["Nothing is missing here."],
        note="– stands for what is not known or not defined. scores.json, beside this page, has"
        " every number, and docs/scores.md what each means.",
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
