"""Trained models that come with the package, each as a run directory of its own.

What takes a run directory takes these: config, environment, checkpoint, scores,
calibration, shape read-out, example pictures. Only what training alone needs is
missing (optimiser, metrics, TensorBoard files), and the weights are in half
precision. `dcign-tf pack` packs them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dcign_tf.errors import UserError
from dcign_tf.runs.directory import RunDirectory

if TYPE_CHECKING:
    from dcign_tf.model.dcign import DCIGN

FOLDER = Path(__file__).parent
"""Where the models lie, each in a folder of its name."""
DEFAULT = "faces"


def pretrained_run(name: str = DEFAULT) -> RunDirectory:
    """The run directory of a model in the box; it is to be read only.

    Raises:
        UserError: if there is no such model.
    """
    there = sorted(file.parent.name for file in FOLDER.glob("*/config.json"))
    if name not in there:
        raise UserError(
            f"No model '{name}' comes with this installation (there is"
            f" {', '.join(there) or 'none'}). Give the run directory of a training instead."
        )
    return RunDirectory(FOLDER / name)


def load_pretrained(name: str = DEFAULT) -> DCIGN:
    """A trained model out of the box: calibrated, in float32.

    Example:
        >>> model = dcign_tf.load_pretrained("faces")
        >>> model.rerender(images, azimuth_deg=30)  # float32 [B, 150, 150, 1] in [0, 1]

    Raises:
        UserError: if there is no such model.
    """
    from dcign_tf.runs.checkpoints import load_model

    return load_model(pretrained_run(name).last_checkpoint)
