"""What all model cards say, in Markdown: values of the scene, training, scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dcign_tf.evaluation.report.score_tables import scores_table
from dcign_tf.evaluation.report.sections import Table, markdown_table
from dcign_tf.readouts.calibration import FactorCalibration


def card(parts: Iterable[str]) -> str:
    """Paragraphs and headings as one file."""
    return "\n\n".join(part.strip() for part in parts) + "\n"


def value_table(values: Mapping[str, FactorCalibration]) -> str:
    """What can be asked for, in which range, and how far off it is inferred.

    Args:
        values: names to calibrations.
    """
    rows = [
        [
            f"`{name}`",
            "{:.4g} to {:.4g}".format(*calibration.range) + ", round" * bool(calibration.period),
            f"{min(calibration.read_errors):.3g} to {max(calibration.read_errors):.3g}",
        ]
        for name, calibration in values.items()
    ]
    return (
        markdown_table(Table(["value", "range", "error"], rows))
        + "\n\nThe error is the root mean square error of what is inferred, from the smallest to"
        "\nthe largest along the range, for objects that training never saw."
    )


def training(config: Mapping[str, Any], environment: Mapping[str, Any], step: int) -> str:
    """What it was trained on, how, and where.

    Args:
        config: of the run, resolved.
        environment: in which the run began.
        step: of the model.
    """
    lines = [
        f"dataset `{config['dataset']}`, preset `{config['preset']}`",
        "data: " + ", ".join(f"{key} {value}" for key, value in config["data"].items()),
        f"procedure `{config['procedure']}`, {step:,} steps, seed {config['seed']}",
    ]
    for key in ("precision", "data_fingerprint", "commit", "tensorflow", "keras"):
        if key in environment:
            lines.append(f"{key.replace('_', ' ')}: {environment[key]}")
    return "\n".join(f"- {line}" for line in lines) + "\n\nThe whole config is in `config.json`."


def scores_block(scores: Mapping[str, Any]) -> str:
    """All scores, as evaluation prints them."""
    return f"```text\n{scores_table(scores)}```"
