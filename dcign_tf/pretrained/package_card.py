"""What whoever uses a model in the box has to know of it, in Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from dcign_tf.evaluation.report import card_parts
from dcign_tf.pretrained.photograph import CREDIT
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.runs.config import flattened
from dcign_tf.runs.presets import load_preset, presets

PHOTOGRAPH = "photograph.png"
"""Beside the card."""

_INTRODUCTION = """
# {name}: a trained Deep Convolutional Inverse Graphics Network

Kulkarni, Whitney, Kohli, Tenenbaum, NIPS 2015. A picture of {height}×{width} pixels goes in; out
comes a graphics code of {latent_dim} latents, one for each value below, the rest for who it is.
The weights are kept in half precision and loaded as float32: no pixel of its pictures differs by
more than {levels:.2f} of 255 levels from those of the weights as trained.

```python
model = dcign_tf.load_pretrained("{name}")
model.rerender(images, azimuth_deg=30)  # float32 [B, {height}, {width}, {channels}] in [0, 1]
```
"""

_LIMITS = """
## What it cannot do

It knows such pictures as it was trained on: one rendered head, whole, before black. A photograph
is another domain: of it the network infers a scene and draws a head all the same, which is
nobody's, and nothing in the answer says that it means nothing. It recognises no people, and must
not be used to decide anything about them. Renderings are as soft as the scores say.

![A photograph, what the model makes of it, and that turned]({photograph})

({credit}.)
"""

_LICENCE = """
## Licence

Apache 2.0, as the rest of dcign_tf. The training pictures are rendered by the project itself from
a procedural head: no person, photograph or scan is in them.
"""


def model_card(
    *,
    name: str,
    image_shape: tuple[int, int, int],
    latent_dim: int,
    difference: float,
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    calibration: Calibration,
    scores: Mapping[str, Any],
    twin_scores: Mapping[str, Any] | None,
) -> str:
    """The model card.

    Args:
        name: by which it is loaded.
        image_shape: height, width and channels.
        latent_dim: length of the code.
        difference: largest of any pixel, in [0, 1], from the pictures of the original weights.
        config: of the run, resolved.
        environment: in which the run began.
        calibration: of the model.
        scores: as in `scores.json`.
        twin_scores: of the same network trained without clamping, if there is one.
    """
    height, width, channels = image_shape
    factors = calibration.factors.values()
    twin = []
    if twin_scores is not None:
        twin = [
            "The same network, data and optimiser without the clamping procedure, its factors'"
            " latents\nbeing those that vary most (paper §4.1.1):",
            card_parts.scores_block(twin_scores),
        ]
    parts = [
        _INTRODUCTION.format(
            name=name,
            height=height,
            width=width,
            channels=channels,
            latent_dim=latent_dim,
            levels=255 * difference,
        ),
        "## Values of the scene",
        card_parts.value_table({factor.name: factor for factor in factors if not factor.reason}),
        *(factor.remark for factor in factors if factor.remark),
        "## Training",
        f"```bash\n{training_command(config)}\n```",
        card_parts.training(config, environment, calibration.step),
        "## Scores",
        "On people that training never saw; docs/scores.md says what each score means.",
        card_parts.scores_block(scores),
        *twin,
        _LIMITS.format(photograph=PHOTOGRAPH, credit=CREDIT),
        _LICENCE,
    ]
    return card_parts.card(parts)


def training_command(config: Mapping[str, Any]) -> str:
    """The command that trains a run with this config, as short as it can be.

    Of a preset that there is no longer, it names all settings.
    """
    dataset, preset, defaults = config["dataset"], config["preset"], {}
    if preset in presets().get(dataset, ()):
        defaults = flattened(load_preset(dataset, preset).to_dict())
    words = ["python", "train.py", f"--dataset={dataset}", f"--preset={preset}"]
    for key, value in flattened(config).items():
        is_flag = key in ("dataset", "preset", "data_dir", "init_from")
        if not is_flag and _as_json(value) != _as_json(defaults.get(key)):
            words.append(f"--config.{key}={_text(value)}")
    if config.get("init_from"):
        words.append(f"--init_from={config['init_from']}")
    return " \\\n  ".join([" ".join(words[:4]), *map(shlex.quote, words[4:])])


def _as_json(value: Any) -> Any:
    """Tuples as lists, as config.json holds them."""
    return list(map(_as_json, value)) if isinstance(value, list | tuple) else value


def _text(value: Any) -> str:
    """As a flag takes it: (32,48,64)."""
    if isinstance(value, list | tuple):
        return f"({','.join(map(_text, value))}{',' * (len(value) == 1)})"
    return str(value)
