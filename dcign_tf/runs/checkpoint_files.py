"""What the file of a checkpoint tells before TensorFlow is loaded."""

from __future__ import annotations

import json
import pathlib
import zipfile

from dcign_tf.errors import UserError
from dcign_tf.readouts.calibration import Calibration


def check_checkpoint(path: pathlib.Path) -> None:
    """Checks that a checkpoint is there, and whole as far as can be told without its weights.

    Raises:
        UserError: if it is missing or damaged.
    """
    if not path.exists():
        raise UserError(f"There is no checkpoint {path} yet; train first.")
    if not zipfile.is_zipfile(path):  # of which Keras says that it is not found
        raise damaged_checkpoint(path, "it is cut short, or no Keras file")


def stored_calibration(path: pathlib.Path) -> Calibration | None:
    """The calibration that a checkpoint was saved with, if there was one.

    Raises:
        UserError: if it is missing or damaged.
    """
    check_checkpoint(path)
    try:
        with zipfile.ZipFile(path) as archive:
            stored = json.loads(archive.read("config.json"))["config"].get("calibration")
        return stored and Calibration.from_config(stored)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise damaged_checkpoint(path, error) from error


def damaged_checkpoint(path: pathlib.Path, what: object) -> UserError:
    reason, _, _ = str(what).partition("\n")
    return UserError(
        f"The checkpoint {path} is damaged ({reason})."
        " Restore it or delete it; without its last.keras a run starts from the beginning."
    )
