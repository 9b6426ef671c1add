"""What benchmarks compute beside their times."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from benchmarks import publishing
from dcign_tf.model import losses


def test_a_table_and_the_numbers_behind_it(tmp_path, capsys):
    file = tmp_path / "numbers.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "FLAGS", flags.FlagValues())
        flags.DEFINE_string("json", str(file), "", flag_values=publishing.FLAGS)
        publishing.FLAGS(["benchmark"])
        publishing.publish({"network": "paper"}, ("", "s"), [("ours", 0.12345), ("theirs", 1234.5)])
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].endswith("; network paper.")
    assert shown[2:] == ["|  | s |", "|---|---|", "| ours | 0.123 |", "| theirs | 1,234 |"]
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["rows"] == [["ours", 0.12345], ["theirs", 1234.5]]
    assert publishing.markdown(told["facts"], told["columns"], told["rows"]).splitlines() == shown


@pytest.fixture
def quality():
    """The module, without its flags: those of commands have the same names."""
    before = set(flags.FLAGS)
    yield pytest.importorskip("benchmarks.time_to_quality", exc_type=ImportError)
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)


def test_the_squared_error_behind_a_gaussian_likelihood(quality):
    rng = np.random.default_rng(0)
    images, logits = rng.random((6, 8, 8, 1), np.float32), rng.normal(size=(6, 8, 8, 1))
    likelihood = losses.likelihood(tf.constant(logits, tf.float32), "gaussian", 0.06)
    loss = -np.mean(likelihood.log_prob(images))
    expected = np.mean(np.square(images - 1 / (1 + np.exp(-logits))))
    line = {"val_reconstruction_loss": loss}
    assert quality.squared_error(line, pixels=64, stddev=0.06) == pytest.approx(expected, rel=1e-4)


def test_what_commands_print_goes_below_them():
    block = "\n```bash\npython -m benchmarks.{}\n```\n\n<!-- printed -->\n{}<!-- until here -->\n"
    page = block.format("growth --steps=3", "old\n") + block.format("startup", "old\n")
    runner = importlib.import_module("benchmarks.__main__")
    assert [found["module"] for found in runner.blocks(page)] == ["growth", "startup"]
    new = block.format("growth --steps=3", "old\n") + block.format("startup", "\n| s |\n\n")
    assert runner.with_printed(page, "benchmarks.startup", "| s |\n") == new


def test_every_command_of_the_page_is_of_a_benchmark():
    runner = importlib.import_module("benchmarks.__main__")
    page = runner.PAGE.read_text(encoding="utf-8")
    modules = [block["module"] for block in runner.blocks(page)]
    assert len(modules) == page.count("\npython -m benchmarks.") > 5
    assert all((runner.ROOT / "benchmarks" / f"{name}.py").exists() for name in modules)
