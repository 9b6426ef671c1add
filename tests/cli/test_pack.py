"""`dcign-tf pack`, in this process and as a user runs it."""

from __future__ import annotations

import json
import re

import keras
import pytest
from absl import flags

from dcign_tf.cli.commands import pack as command
from tests.helpers.commands import execute_dcign_tf
from tests.helpers.trained_runs import LATENTS, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "run")[0]


def test_the_command(run, tmp_path, flags_of, capsys):
    output = tmp_path / "packed"
    flags_of(command)
    command.parse(["dcign-tf pack", f"--workdir={run.path}", f"--output={output}"])
    command.work()
    assert capsys.readouterr().out.count("\n") == 1
    assert keras.models.load_model(output / "checkpoints" / "last.keras").code.latent_dim == LATENTS
    assert json.loads((output / "config.json").read_text())["dataset"] == "faces"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output=packed"], "--workdir is missing: the run directory of a training."),
        (["--workdir=run"], "--output is missing: what to write."),
    ],
)
def test_wrong_flags(arguments, message, flags_of):
    flags_of(command)
    with pytest.raises(flags.Error, match=re.escape(message)):
        command.parse(["dcign-tf pack", *arguments])


@pytest.mark.slow
def test_as_a_user_packs(run, tmp_path):
    output = tmp_path / "packed"
    result = execute_dcign_tf("pack", f"--workdir={run.path}", f"--output={output}")
    assert (result.returncode, result.stderr) == (0, "")
    assert (output / "checkpoints" / "last.keras").exists()
