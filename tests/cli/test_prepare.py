"""`dcign-tf prepare`, in this process: it makes the data of an experiment, and nothing else."""

from __future__ import annotations

import contextlib
import sys

import pytest

from dcign_tf.cli.prepare import prepare as command
from dcign_tf.datasets.registry import open_configured
from dcign_tf.datasets.storage import beam
from dcign_tf.errors import UserError
from tests.helpers.commands import TINY, tiny_config


@pytest.fixture
def asked(flags_of, tmp_path, monkeypatch):
    """The command's arguments, for data in a folder of the test's own; parsed."""
    monkeypatch.chdir(tmp_path)
    flags_of(command)

    def parse(*arguments: str) -> None:
        settings = [f"--config.{name}={value}" for name, value in TINY.items()]
        command.parse(["prepare", "--dataset=faces", "--preset=quick", *settings, *arguments])

    return parse


def test_the_data_of_an_experiment_are_made_and_nothing_else(asked, tmp_path, capsys):
    asked()
    command.work()
    told = "Data of --dataset=faces --preset=quick are in data.\n"
    assert capsys.readouterr().out.endswith(told)
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]
    data = open_configured({**tiny_config(), "data_dir": "data"})
    assert len(data.sweeps("train")["azimuth"]) == 3


def test_paths_are_those_that_training_takes(asked, monkeypatch):
    def stop(config):
        raise UserError(config["face_model"])

    monkeypatch.setattr(sys.modules["dcign_tf.cli.prepare"], "open_configured", stop)
    monkeypatch.setenv("HOME", "/home/somebody")
    asked("--config.face_model=~/model.h5")
    with pytest.raises(UserError, match=r"^/home/somebody/model\.h5$"):
        command.work()


def test_nothing_is_told_of_what_it_loads(asked, monkeypatch):
    """TensorFlow's notes at its start are kept from the screen."""
    is_quiet = []

    @contextlib.contextmanager
    def quiet():
        is_quiet.append(True)
        yield
        is_quiet.clear()

    def open_quietly(config):
        assert is_quiet
        raise UserError("opened")

    module = sys.modules["dcign_tf.cli.prepare"]
    monkeypatch.setattr(module, "quiet_loading", quiet)
    monkeypatch.setattr(module, "open_configured", open_quietly)
    asked()
    with pytest.raises(UserError, match="opened"):
        command.work()


def test_with_options_of_beam_it_is_beam_that_makes_them(asked, monkeypatch):
    asked("--beam_options=--runner=FlinkRunner '--job_name=a b'")
    monkeypatch.setattr(beam, "find_spec", lambda name: object())
    made = []

    def make_parts(directory, parts, **how):
        made.append(beam._options.get())
        raise UserError("made elsewhere")

    monkeypatch.setattr(beam, "make_parts", make_parts)
    with pytest.raises(UserError, match="made elsewhere"):
        command.work()
    assert made == [["--runner=FlinkRunner", "--job_name=a b"]]
