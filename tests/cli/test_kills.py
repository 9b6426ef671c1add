"""SIGKILL at seeded moments of everything long; the same command then ends with the same bits.

The slow tests have fifty moments; the default run has one of them, and a killed training
(`test_commands.py`).
"""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from dcign_tf.pretrained import pretrained_run
from dcign_tf.runs.directory import RunDirectory
from tests.helpers import ROOT
from tests.helpers.commands import assert_same_run, execute, shards, train_command

DCIGN_TF = (sys.executable, "-m", "dcign_tf")


class Work(NamedTuple):
    """Something long, done to its end.

    Attributes:
        command: a folder to the command that does it there.
        seconds: how long it took.
        assert_done: raises unless it is done in a folder just so.
    """

    command: Callable[[Path], list[str]]
    seconds: float
    assert_done: Callable[[Path], None]


def bytes_below(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def timed(command: list[str]) -> float:
    started = time.monotonic()
    finished = execute(command, cwd=ROOT)
    assert finished.returncode == 0, finished.stderr
    return time.monotonic() - started


@pytest.fixture(scope="module")
def training(tmp_path_factory) -> Work:
    """Generation, training, checkpoints, evaluation and export: `train.py` does them all."""

    def command(folder: Path) -> list[str]:
        export = f"--export={folder / 'export'}"
        return [*train_command(folder / "run", folder / "data"), export]

    whole = tmp_path_factory.mktemp("training")
    seconds = timed(command(whole))

    def assert_done(folder: Path) -> None:
        assert shards(folder / "data") == shards(whole / "data")
        assert_same_run(RunDirectory(folder / "run"), RunDirectory(whole / "run"))
        variables = Path("export", "1", "variables")
        assert bytes_below(folder / variables) == bytes_below(whole / variables)
        assert [entry.name for entry in (folder / "export").iterdir()] == ["1"]

    return Work(command, seconds, assert_done)


@pytest.fixture(scope="module")
def rerendering(tmp_path_factory) -> Work:
    """A folder of pictures, each from several sides."""
    pictures = tmp_path_factory.mktemp("pictures")
    shutil.copytree(pretrained_run().evaluation / "examples", pictures, dirs_exist_ok=True)

    def command(folder: Path) -> list[str]:
        asked = ("--azimuth_deg=-40:40", "--frames=5", f"--output={folder / 'output'}")
        return [*DCIGN_TF, "rerender", str(pictures), *asked]

    whole = tmp_path_factory.mktemp("rerendering")
    seconds = timed(command(whole))
    expected = bytes_below(whole / "output")
    assert len(expected) > 40

    def assert_done(folder: Path) -> None:
        assert bytes_below(folder / "output") == expected

    return Work(command, seconds, assert_done)


def kill_at(moment: float, work: Work, folder: Path) -> None:
    """Begins the work, kills it after this share of its time, and does it to its end."""
    with subprocess.Popen(
        work.command(folder), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            process.wait(moment * work.seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    again = execute(work.command(folder), cwd=ROOT)
    assert again.returncode == 0, again.stderr
    work.assert_done(folder)


def moments(count: int) -> list[float]:
    """Shares of the time that the work takes, past the second or two of starting Python."""
    draw = random.Random(2026)
    return [round(draw.uniform(0.1, 1), 3) for _ in range(count)]


def test_a_folder_killed_while_it_is_rendered(rerendering, tmp_path):
    kill_at(0.9, rerendering, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("moment", moments(40))
def test_a_training_killed_at_any_moment(training, tmp_path, moment):
    kill_at(moment, training, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("moment", moments(10))
def test_a_folder_killed_at_any_moment(rerendering, tmp_path, moment):
    kill_at(moment, rerendering, tmp_path)
