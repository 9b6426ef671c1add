"""What the file of a checkpoint tells before TensorFlow is loaded."""

from __future__ import annotations

import json
import pathlib
import zipfile

from dcign_tf.archives import check_archive
from dcign_tf.errors import UserError
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.runs.directory import RunDirectory


def check_checkpoint(path: pathlib.Path) -> None:
    """Checks that a checkpoint is there, and whole as far as can be told without its weights.

    Raises:
        UserError: if it is missing or damaged.
    """
    if not path.exists():
        raise UserError(f"There is no checkpoint {path} yet; train first.")
    try:
        check_archive(path)
    except (PermissionError, IsADirectoryError) as error:
        raise UserError(f"Cannot read the checkpoint {path}: {error.strerror}.") from error
    except Exception as error:  # whatever damaged bytes lead to
        raise damaged_checkpoint(path, error) from error


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
    except Exception as error:
        raise damaged_checkpoint(path, error) from error


def not_calibrated(run: RunDirectory, which: str) -> UserError:
    return UserError(
        f"{run.checkpoint(which)} is not calibrated: without degrees there is nothing to ask it"
        f" for. First: dcign-tf evaluate --workdir={run.path} --checkpoint={which}"
    )


class DamagedCheckpoint(UserError):
    """Its bytes are not those that were written."""


def damaged_checkpoint(path: pathlib.Path, what: object) -> DamagedCheckpoint:
    reason = " ".join(str(what).partition("\n")[0].split()) or type(what).__name__
    return DamagedCheckpoint(
        f"The checkpoint {path} is damaged ({reason[:300].rstrip('.')})."
        " Restore it or delete it: the same training command goes on from the newest whole one."
    )
