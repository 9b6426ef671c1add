"""What whoever is handed a SavedModel has to know of it, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from dcign_tf.calibration import Calibration, FactorCalibration
from dcign_tf.evaluation.score_tables import scores_table
from dcign_tf.serving.warmup import input_specs

_INTRODUCTION = """
# Deep Convolutional Inverse Graphics Network

A picture goes in, a *graphics code* comes out: a latent for each factor of the scene, and the rest
for what it is a picture of. Set a factor to another value, decode the code: the same object,
turned or relit (Kulkarni, Whitney, Kohli, Tenenbaum, NIPS 2015). Exported by dcign_tf; needs
TensorFlow and nothing else.
"""

_PICTURES = """
Pictures that come as tensors are in [0, 1]. PNG and JPEG files are fitted, whole, into the middle
of the square, before grey level {background}. A wrong request fails with INVALID_ARGUMENT.
All is computed in float32.
"""

_VALUES = """
NaN keeps what the picture shows. The error is the root mean square error of what is inferred, from
the smallest to the largest along the range, for objects that training never saw.
"""

_LIMITS = """
## What it cannot do

It knows such pictures as it was trained on. Of others (photographs, several objects, another
background or framing) it infers a scene all the same, and nothing in the answer says that it means
nothing. Renderings are as soft as the scores say.
"""


def model_card(
    *,
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    calibration: Calibration,
    values: Mapping[str, FactorCalibration],
    signatures: Mapping[str, Any],
    scores: Mapping[str, Any] | None,
    background: int,
) -> str:
    """The model card.

    Args:
        config: of the run, resolved.
        environment: in which the run began.
        calibration: of the model.
        values: names of inputs to the calibrations that can be asked for.
        signatures: name to concrete function.
        scores: of the same weights, as in `scores.json`; None if there are none.
        background: grey level of what a picture leaves free.
    """
    known = (*values.values(), *(k for k in calibration.factors.values() if k.reason))
    parts = [
        _INTRODUCTION,
        "## Signatures",
        _signature_table(signatures),
        _PICTURES.format(background=background),
        "## Values of the scene",
        _value_table(values) if values else "None can be asked for.",
        *(factor.remark for factor in known if factor.remark),
        _VALUES,
        "## Training",
        _list(_training(config, environment, calibration.step)),
        "The whole config is in `config.json`.",
        "## Scores",
        f"```text\n{scores_table(scores)}```" if scores else "Not evaluated at this step.",
        _LIMITS,
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _signature_table(signatures: Mapping[str, Any]) -> str:
    rows = [
        (
            f"`{name}`",
            _specs(input_specs(function)),
            _specs(function.structured_outputs),
        )
        for name, function in signatures.items()
    ]
    return _table(("signature", "inputs", "outputs"), rows)


def _specs(specs: Mapping[str, tf.TensorSpec]) -> str:
    return ", ".join(f"`{name}` {_spec(spec)}" for name, spec in specs.items())


def _spec(spec: tf.TensorSpec) -> str:
    sizes = ", ".join("B" if size is None else str(size) for size in spec.shape)
    return f"{spec.dtype.name} [{sizes}]"


def _value_table(values: Mapping[str, FactorCalibration]) -> str:
    rows = [
        (
            f"`{name}`",
            "{:.4g} to {:.4g}".format(*known.range) + (", round" if known.period else ""),
            f"{min(known.read_errors):.3g} to {max(known.read_errors):.3g}",
        )
        for name, known in values.items()
    ]
    return _table(("input", "range", "error"), rows)


def _training(
    config: Mapping[str, Any], environment: Mapping[str, Any], step: int
) -> Iterable[str]:
    yield f"dataset `{config['dataset']}`, preset `{config['preset']}`"
    yield "data: " + ", ".join(f"{key} {value}" for key, value in config["data"].items())
    yield f"procedure `{config['procedure']}`, {step:,} steps, seed {config['seed']}"
    for key in ("precision", "data_fingerprint", "commit", "tensorflow", "keras"):
        if key in environment:
            yield f"{key.replace('_', ' ')}: {environment[key]}"


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
