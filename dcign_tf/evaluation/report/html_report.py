"""`evaluation/report.html`: what was trained, how well it does, and every figure, in one file.

Made from the files of a run directory alone.
"""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from dcign_tf.errors import UserError
from dcign_tf.evaluation.report import html_people, html_scores
from dcign_tf.evaluation.report.html_figures import OTHERS, figures
from dcign_tf.evaluation.report.html_page import (
    Section,
    cards,
    code,
    details,
    facts,
    items,
    listing,
    page,
    paragraph,
)
from dcign_tf.evaluation.report.score_tables import reasons
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
    scores, calibration = run.read_scores(), run.read_calibration()
    if scores is None:
        raise UserError(f"{run.path} has no evaluation/scores.json; run evaluate.py first.")
    text = report_page(
        config=run.read_config(),
        environment=run.read_environment(),
        scores=scores,
        calibration=Calibration.from_config(calibration) if calibration else None,
        pictures=sorted(run.evaluation.glob("*.png")),
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
    pictures: Sequence[pathlib.Path] = (),
    records: Sequence[Mapping[str, float]] = (),
) -> str:
    """The page itself; what the scores have nothing of is left out.

    Args:
        config: `config.json`.
        environment: `environment.json`.
        scores: `scores.json`.
        calibration: of the model; its remarks are shown.
        pictures: PNG files of the evaluation.
        records: rows of `metrics.jsonl`.

    Returns:
        HTML, to be written as UTF-8.
    """
    entangled = config.get("procedure") == "entangled"
    shown = figures(pictures)
    what = "An entangled baseline" if entangled else "A Deep Convolutional Inverse Graphics Network"
    lead = paragraph(
        f"{what}, trained on {config['dataset']} and measured on the identities of its"
        f" {scores['split']} split, none of whom it had seen."
    )
    sections = [
        ("What was trained", _trained(config, environment, scores, records)),
        (
            "Factors read off one picture",
            [
                *html_scores.found_latents(scores),
                *html_scores.values_read(scores),
                *shown.get("values", []),
            ],
        ),
        (
            "New views",
            [
                *html_scores.new_views(scores),
                *html_scores.rerendering(scores),
                *shown.get("views", []),
            ],
        ),
        (
            "Does each latent answer to its own factor?",
            [*html_scores.answers(scores), *shown.get("answers", [])],
        ),
        (
            "Reconstruction",
            [*html_scores.reconstruction(scores), *shown.get("reconstruction", [])],
        ),
        ("Disentanglement, as the field measures it", html_people.disentanglement(scores)),
        ("Recognising people", [*html_people.recognition(scores), *shown.get("recognition", [])]),
        ("The shape of the face", [*html_people.shape(scores), *shown.get("shape", [])]),
        ("New people", shown.get("people", [])),
        ("Training", shown.get("training", [])),
        ("Further figures", shown.get(OTHERS, [])),
        ("What could not be measured, and what to know", _unknown(scores, calibration)),
    ]
    kind = "Entangled baseline" if entangled else "DC-IGN"
    return page(
        f"{kind} on {config['dataset']} ({config['preset']} preset)",
        [Section(heading, parts) for heading, parts in sections],
        lead=[lead, cards(html_scores.headline(scores))],
    )


def _trained(
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    scores: Mapping[str, Any],
    records: Sequence[Mapping[str, float]],
) -> list[Element]:
    data, step = config.get("data", {}), scores.get("step")
    told: dict[str, Element | str] = {"Data": f"{config['dataset']}, preset {config['preset']}"}
    if size := data.get("image_size"):
        told["Pictures"] = f"{size} × {size}, " + _count(data.get("channels", 1), "channel")
    sweeps = (f"{display_name(f)} {count:,}" for f, count in scores["num_sweeps"].items())
    told["Measured on"] = f"{scores['split']} sweeps: {', '.join(sweeps)}"
    procedure = config.get("procedure", "clamped")
    told["Procedure"] = f"{procedure}: {_PROCEDURES.get(procedure, '')}"
    if step is not None:
        told["Training steps"] = f"{step:,} of {config['num_steps']:,}"
    if seconds := [r["seconds"] for r in records if "seconds" in r and r["step"] <= (step or 0)]:
        told["Training time"] = duration(seconds[-1])
    machine = [str(d).removeprefix("/physical_device:") for d in environment.get("devices", [])]
    if threads := environment.get("threads"):
        machine.append(_count(threads, "thread"))
    told["Machine"] = ", ".join([*machine, environment.get("precision", "")])
    told["Software"] = ", ".join(
        f"{name} {environment[key]}"
        for key, name in (("tensorflow", "TensorFlow"), ("keras", "Keras"), ("python", "Python"))
        if key in environment
    )
    if environment.get("commit"):
        told["Commit"] = code(environment["commit"])
    told["Seeds"] = f"{config.get('seed')}; of the data {data.get('seed')}"
    command = environment.get("command")
    # A flag a line, so that it is read, and can be pasted, wherever the page is wide or narrow.
    told["Command"] = (
        listing(re.sub(r" (?='?--)", " \\\n  ", command))
        if command
        else "not recorded; the settings below say it all"
    )
    return [
        facts(told),
        details("All settings (config.json)", listing(json.dumps(config, indent=2))),
        details("Environment (environment.json)", listing(json.dumps(environment, indent=2))),
    ]


def _unknown(scores: Mapping[str, Any], calibration: Calibration | None) -> list[Element]:
    remarks = [k.remark for k in calibration.factors.values() if k.remark] if calibration else []
    sentences = [*remarks, *reasons(scores), *html_scores.missing(scores)]
    return [
        items(sentences) if sentences else paragraph("Nothing is missing here."),
        paragraph(
            "– stands for what is not known or not defined. scores.json, beside this page, has"
            " every number, and docs/scores.md what each means.",
            note=True,
        ),
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
