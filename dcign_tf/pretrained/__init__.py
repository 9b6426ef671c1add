"""Trained models that come with the package, each as a run directory of its own.

What takes a run directory takes these: config, environment, checkpoint, scores,
calibration, shape read-out, example pictures. Only what training alone needs is
missing (optimiser, metrics, TensorBoard files), and the weights are in half
precision. `dcign-tf pack` packs them, also for the Hugging Face Hub, from which they are
fetched by an address (`hub`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dcign_tf.errors import UserError
from dcign_tf.pretrained import hub
from dcign_tf.runs.directory import RunDirectory

if TYPE_CHECKING:
    from dcign_tf.model.dcign import DCIGN

FOLDER = Path(__file__).parent
"""Where the models lie, each in a folder of its name."""
DEFAULT = "faces"


def pretrained_names() -> list[str]:
    """Names of the models in the box, the one that is taken unless another is named first."""
    names = sorted(file.parent.name for file in FOLDER.glob("*/config.json"))
    return sorted(names, key=lambda name: name != DEFAULT)


def pretrained_run(name: str = DEFAULT) -> RunDirectory:
    """The run directory of a packed model; it is to be read only.

    Args:
        name: of a model in the box, or `hf://owner/name[@revision]`.

    Raises:
        UserError: if there is no such model, or it cannot be fetched.
    """
    if name.startswith(hub.SCHEME):
        return RunDirectory(hub.fetched(name))
    there = pretrained_names()
    if name not in there:
        raise UserError(
            f"No model '{name}' comes with this installation (there is"
            f" {', '.join(there) or 'none'}). Give the run directory of a training instead."
        )
    return RunDirectory(FOLDER / name)


def load_pretrained(name: str = DEFAULT) -> DCIGN:
    """A trained model out of the box, or from the Hugging Face Hub: calibrated, in float32.

    Examples:
        >>> model = dcign_tf.load_pretrained("faces")
        >>> model.rerender(images, azimuth_deg=30)  # float32 [B, 150, 150, 1] in [0, 1]

    Args:
        name: of a model in the box; or `hf://owner/name`, a packed model on the hub
            (`pip install 'dcign-tf[hub]'`), followed by `@` and a branch, a tag or a commit if it
            is not its newest version that is wanted.

    Raises:
        UserError: if there is no such model, it cannot be fetched, or it is damaged.
    """
    from dcign_tf.runs.checkpoints import load_model

    return load_model(pretrained_run(name).last_checkpoint)
