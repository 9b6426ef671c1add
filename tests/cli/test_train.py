"""`dcign-tf train`: what it says of settings that there are not, in this process."""

from __future__ import annotations

import re

import pytest
from absl import flags

from dcign_tf.cli.train import train
from dcign_tf.runs.presets import flattened, load_preset

SETTINGS = list(flattened(load_preset("faces", "quick").to_dict()))


@pytest.fixture
def answer_to(flags_of):
    """What is said of `--config.NAME=1`."""
    flags_of(train)

    def answer(name: str) -> str:
        with pytest.raises(flags.Error) as caught:
            train.parse(["train", "--dataset=faces", "--preset=quick", f"--config.{name}=1"])
        return str(caught.value)

    return answer


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("num_stps", "num_steps"),
        ("sed", "seed"),
        ("data.sed", "data.seed"),
        ("datta.seed", "data.seed"),
        ("learning_rate", "optimizer.learning_rate"),
        ("learning_rat", "optimizer.learning_rate"),
        ("network.warmup_steps", "warmup_steps"),
        ("optimizer.num_steps", "num_steps"),
        ("validation_sweeps", "data.validation_sweeps"),  # not validation_sweeps_used
    ],
)
def test_the_nearest_setting_is_named(wrong, meant, answer_to):
    told = f"No such setting: --config.{wrong}. Did you mean --config.{meant}? configs/faces_quick"
    assert answer_to(wrong).startswith(told)


def test_every_setting_is_found_by_its_last_part(answer_to):
    for setting in SETTINGS:
        leaf = setting.rpartition(".")[2]
        if leaf not in SETTINGS:
            meant = re.search(r"Did you mean --config\.(\S+)\?", answer_to(leaf))[1]
            assert meant.rpartition(".")[2] == leaf


@pytest.mark.parametrize("wrong", ["nope", "data.nope", "lr", "x.y.z"])
def test_nothing_near_is_no_guess(wrong, answer_to):
    told = f"No such setting: --config.{wrong}; configs/faces_quick.py has them, and docs/datasets"
    assert answer_to(wrong).startswith(told)
