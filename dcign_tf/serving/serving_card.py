"""What whoever is handed a SavedModel has to know of it, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from dcign_tf.evaluation.report import card_parts
from dcign_tf.evaluation.report.sections import Table, markdown_table
from dcign_tf.readouts.calibration import Calibration, FactorCalibration
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

_NAN = "NaN keeps what the picture shows."

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
    factors = (*values.values(), *(f for f in calibration.factors.values() if f.reason))
    parts = [
        _INTRODUCTION,
        "## Signatures",
        _signature_table(signatures),
        _PICTURES.format(background=background),
        "## Values of the scene",
        card_parts.value_table(values) if values else "None can be asked for.",
        *(factor.remark for factor in factors if factor.remark),
        _NAN,
        "## Training",
        card_parts.training(config, environment, calibration.step),
        "## Scores",
        card_parts.scores_block(scores) if scores else "Not evaluated at this step.",
        _LIMITS,
    ]
    return card_parts.card(parts)


def _signature_table(signatures: Mapping[str, Any]) -> str:
    rows = [
        [f"`{name}`", _specs(input_specs(function)), _specs(function.structured_outputs)]
        for name, function in signatures.items()
    ]
    return markdown_table(Table(["signature", "inputs", "outputs"], rows))


def _specs(specs: Mapping[str, tf.TensorSpec]) -> str:
    return ", ".join(f"`{name}` {_spec(spec)}" for name, spec in specs.items())


def _spec(spec: tf.TensorSpec) -> str:
    sizes = ", ".join("B" if size is None else str(size) for size in spec.shape)
    return f"{spec.dtype.name} [{sizes}]"
