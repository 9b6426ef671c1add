"""`dcign-tf export`, in this process and as a user runs it."""

from __future__ import annotations

import shutil

import pytest
from absl import flags

from dcign_tf import pretrained
from dcign_tf.cli.commands import export as command
from dcign_tf.errors import UserError
from dcign_tf.serving import exporting
from tests.helpers.commands import execute, execute_dcign_tf, train_command
from tests.helpers.exports import small_model, small_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("runs") / "run", small_model())


def test_without_a_run_it_is_the_model_in_the_box(run, tmp_path, flags_of, monkeypatch):
    flags_of(command)
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    command.parse(["dcign-tf export", f"--output={tmp_path / 'out'}"])
    with pytest.raises(UserError, match="No model 'faces' comes with this installation"):
        command.work()
    shutil.copytree(run.path, tmp_path / "faces")
    exported = []
    monkeypatch.setattr(exporting, "export_model", lambda run, *_, **__: exported.append(run.path))
    command.work()
    assert exported == [tmp_path / "faces"]


def test_another_model_is_named(run, tmp_path, flags_of, monkeypatch):
    flags_of(command)
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "box")
    shutil.copytree(run.path, tmp_path / "box" / "chairs")
    exported = []
    monkeypatch.setattr(exporting, "export_model", lambda run, *_, **__: exported.append(run.path))
    command.parse(["dcign-tf export", f"--output={tmp_path / 'out'}", "--model=chairs"])
    command.work()
    assert exported == [tmp_path / "box" / "chairs"]
    command.parse(["dcign-tf export", f"--workdir={run.path}"])
    with pytest.raises(UserError, match="--workdir and --model are both given; give one"):
        command.work()


def test_the_folder_must_be_said(flags_of):
    flags_of(command)
    with pytest.raises(flags.Error, match="--output is missing: the folder of the versions"):
        command.parse(["dcign-tf export"])


@pytest.mark.slow
def test_as_a_user_runs_it(run, tmp_path):
    finished = execute_dcign_tf("export", f"--workdir={run.path}", "--output=out", cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    assert finished.stdout.startswith("out/1: encode, decode, ")
    assert (tmp_path / "out" / "1" / "saved_model.pb").exists()


@pytest.mark.slow
def test_train_exports_at_its_end(tmp_path):
    command = train_command(tmp_path / "run", tmp_path / "data")
    finished = execute([*command, f"--export={tmp_path / 'out'}"])
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1].startswith(f"{tmp_path / 'out' / '1'}: encode, ")
    assert (tmp_path / "out" / "1" / "saved_model.pb").exists()
