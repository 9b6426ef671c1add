"""`dcign-tf workers`: what becomes of the processes that it starts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dcign_tf.cli import workers as module
from dcign_tf.cli.workers import workers
from dcign_tf.errors import UserError
from tests.helpers.commands import execute_dcign_tf


@pytest.fixture
def started(flags_of, monkeypatch):
    """Runs the command with scripts in place of the workers' trainings, one for each."""
    flags_of(workers)
    monkeypatch.setattr(module, "_SECONDS_TO_END", 2.0)
    processes, popen = [], subprocess.Popen

    def run(*scripts: str):
        def start(arguments, env):
            assert arguments[-1] == "--x=y"
            number = len(processes)
            processes.append(popen([sys.executable, "-c", scripts[number]], env=env))
            return processes[number]

        monkeypatch.setattr(subprocess, "Popen", start)
        workers.work(*workers.parse(["workers", f"--num={len(scripts)}", "--", "train", "--x=y"]))

    yield run, processes
    assert all(process.poll() is not None for process in processes)


TELLS = "import os, sys, json; sys.exit(json.loads(os.environ['TF_CONFIG'])['task']['index'] != {})"


def test_each_is_told_which_it_is(started):
    run, processes = started
    run(TELLS.format(0), TELLS.format(1), TELLS.format(2))
    assert [process.returncode for process in processes] == [0, 0, 0]


@pytest.mark.parametrize("script", ["train", "train.py"])
def test_the_script_is_the_command(script, flags_of):
    flags_of(workers)
    command_line = ["workers", "--num=3", "--", script, "--dataset=faces"]
    assert workers.parse(command_line) == ["train", "--dataset=faces"]


@pytest.mark.parametrize(
    ("fails", "message"),
    [
        ("import sys; sys.exit(3)", "^Worker 1 ended with exit status 3; it said why\\.$"),
        (
            "import os; os.kill(os.getpid(), 9)",
            "^Worker 1 was killed \\(SIGKILL\\); the same command goes on\\.$",
        ),
    ],
)
def test_none_is_left_when_one_fails(started, fails, message):
    run, processes = started
    with pytest.raises(UserError, match=message):
        run("import time; time.sleep(100)", fails)
    assert processes[0].returncode == -15


def test_a_wrong_command_is_one_line():
    for arguments in (("--num=2",), ("--num=2", "--", "evaluate"), ("--num=1", "--", "train")):
        result = execute_dcign_tf("workers", *arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith("dcign-tf workers: ")
        assert result.stderr.count("\n") == 1


def test_what_each_says_is_seen():
    """Flags are wrong for both, which say so; nothing is loaded for it."""
    result = execute_dcign_tf("workers", "--", "train", "--dataset=cars")
    assert result.returncode == 1
    assert "dcign-tf train: --dataset cars is unknown" in result.stderr
    assert result.stderr.splitlines()[-1].endswith(" ended with exit status 2; it said why.")
