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
    told = "\n```bash\npython -m benchmarks.{}\n```\n\n<!-- printed -->\n{}<!-- until here -->\n"
    page = told.format("growth --steps=3", "old\n") + told.format("startup", "old\n")
    runner = importlib.import_module("benchmarks.__main__")
    assert [block["module"] for block in runner.blocks(page)] == ["growth", "startup"]
    new = told.format("growth --steps=3", "old\n") + told.format("startup", "\n| s |\n\n")
    assert runner.with_printed(page, "benchmarks.startup", "| s |\n") == new


def test_every_command_of_the_page_is_of_a_benchmark():
    runner = importlib.import_module("benchmarks.__main__")
    page = runner.PAGE.read_text(encoding="utf-8")
    modules = [block["module"] for block in runner.blocks(page)]
    assert len(modules) == page.count("\npython -m benchmarks.") > 5
    assert all((runner.ROOT / "benchmarks" / f"{name}.py").exists() for name in modules)
