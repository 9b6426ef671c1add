"""Everything long that the commands do, to be stopped in the middle and begun again."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dcign_tf.runs.directory import RunDirectory
from tests.helpers import ROOT
from tests.helpers.commands import TINY, arrays, shards, train_command

DCIGN_TF = (sys.executable, "-m", "dcign_tf")


@dataclasses.dataclass
class Work:
    """Something long, done once to its end.

    Attributes:
        command: a folder to the command that does it there.
        result: a folder to what is done there: not the same before the end, nor after damage.
        start: what lies in the folder before; none if nothing does.
        whole: a folder where it is done.
        changes: how often its files were seen to change on the way.
    """

    command: Callable[[Path], list[str]]
    result: Callable[[Path], dict[str, Any]]
    whole: Path
    start: Path | None = None
    changes: int = dataclasses.field(init=False)

    def __post_init__(self):
        self.changes, status = self.run_until(math.inf, self.whole)
        assert status == 0

    def run_until(self, change: float, folder: Path, delay: float = 0) -> tuple[int, int]:
        """Does it in a new folder, and kills it some seconds after so many changes of its files.

        Returns:
            How many changes were seen, and the exit status.
        """
        self.begin(folder)
        seen, before = 0, _state(folder)
        with subprocess.Popen(
            self.command(folder), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            while process.poll() is None:
                time.sleep(0.005)
                now = _state(folder)
                seen, before = seen + (now != before), now
                if seen >= change:
                    time.sleep(delay)
                    process.kill()
                    break
        return seen, process.returncode

    def begin(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        if self.start:
            shutil.copytree(self.start, folder, dirs_exist_ok=True)

    def assert_done(self, folder: Path) -> None:
        """Raises unless every bit is that of the one that was never stopped."""
        result, expected = self.result(folder), self.result(self.whole)
        assert result.keys() == expected.keys()
        for name, value in expected.items():
            np.testing.assert_equal(result[name], value, err_msg=name)


def _state(folder: Path) -> set[tuple[str, int, int]]:
    """What a process that writes changes; taken while it does."""
    state = set()
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                file = os.stat(os.path.join(place, name))
                state.add((name, file.st_size, file.st_mtime_ns))
    return state


def bytes_below(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def generation(whole: Path) -> Work:
    """Of data, by several processes."""

    def command(folder: Path) -> list[str]:
        settings = (f"--config.{name}={value}" for name, value in TINY.items())
        asked = ("--dataset=faces", "--preset=quick", f"--data_dir={folder / 'data'}")
        return [*DCIGN_TF, "prepare", *asked, *settings]

    return Work(command, lambda folder: shards(folder / "data"), whole)


def training(whole: Path, data: Path) -> Work:
    """With checkpoints, validations and an evaluation at the end, on data that are there."""

    def result(folder: Path) -> dict[str, Any]:
        run = RunDirectory(folder / "run")
        validations = (
            {name: value for name, value in record.items() if name.startswith("val_")}
            for record in run.read_metrics()
        )
        return {
            "last checkpoint": arrays(run.last_checkpoint),
            "best checkpoint": arrays(run.best_checkpoint),
            # A line that an interrupt left parts the means of training losses in two.
            "validations": [*filter(None, validations)],
            **_evaluated(folder),
        }

    return Work(lambda folder: train_command(folder / "run", data), result, whole)


def evaluation(whole: Path, trained: Path) -> Work:
    """Of a training, with its figures and its report; the checkpoint is calibrated."""

    def command(folder: Path) -> list[str]:
        return [*DCIGN_TF, "evaluate", f"--workdir={folder / 'run'}"]

    return Work(command, _evaluated, whole, start=trained)


def _evaluated(folder: Path) -> dict[str, Any]:
    run = RunDirectory(folder / "run")
    return {
        "weights": arrays(run.last_checkpoint),
        "scores": run.read_scores(),
        "calibration": run.read_calibration(),
        "figures": {
            name: digest
            for name, digest in bytes_below(run.evaluation).items()
            if name.endswith(".png")
        },
    }


def export(whole: Path, trained: Path) -> Work:
    """A SavedModel of a training."""

    def command(folder: Path) -> list[str]:
        places = (f"--workdir={folder / 'run'}", f"--output={folder / 'export'}")
        return [*DCIGN_TF, "export", *places]

    def result(folder: Path) -> dict[str, Any]:
        *before, last = sorted((folder / "export").glob("[0-9]"))
        for version in before:  # killed when all was done
            assert bytes_below(version / "variables") == bytes_below(last / "variables")
        return {
            "variables": bytes_below(last / "variables"),
            "files": [*bytes_below(last)],
            "run": bytes_below(folder / "run"),
        }

    return Work(command, result, whole, start=trained)


def rerendering(whole: Path, pictures: Path) -> Work:
    """A folder of pictures, each from several sides."""

    def command(folder: Path) -> list[str]:
        asked = ("--azimuth_deg=-40:40", "--frames=5", f"--output={folder / 'output'}")
        return [*DCIGN_TF, "rerender", str(pictures), *asked]

    return Work(command, lambda folder: bytes_below(folder / "output"), whole)
