"""What is recorded of where a run takes place."""

from __future__ import annotations

import shlex
import sys

import pytest

from dcign_tf.training.environment import describe_environment


@pytest.mark.parametrize(
    ("program", "start"),
    [
        ("train.py", ["python", "train.py"]),
        ("/usr/local/bin/dcign-tf", ["dcign-tf"]),
        ("/somewhere/dcign_tf/__main__.py", ["python", "-m", "dcign_tf"]),
    ],
)
def test_the_command_is_one_that_starts_it_again(program, start, monkeypatch):
    arguments = ["train", "--config.factor_ratios=((0,(1, 1)))"]
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    assert shlex.split(describe_environment()["command"]) == [*start, *arguments]
