"""Every reader, on damaged files: the right value or one sentence, in 2 GiB and little time.

In processes of their own, since a reader that fails may take its process along.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.helpers import ROOT

LIGHT = {"torch7", "manifest", "surrey", "mat", "hdf5"}
LIGHT |= {"png", "jpeg", "ppm", "tiff", "bmp", "gif", "webp"}


def fuzz(folder, group: str, *, seed: int, count: int) -> set[str]:
    """Runs the harness; returns which readers it has tried."""
    command = [sys.executable, "-m", "tests.fuzz.harness", group, str(seed), str(count)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return {line.split()[0] for line in done.stdout.splitlines()}


def test_some_inputs(tmp_path):
    assert fuzz(tmp_path, "light", seed=0, count=60) == LIGHT


def test_some_inputs_of_checkpoints_and_servers(tmp_path):
    assert fuzz(tmp_path, "heavy", seed=0, count=6) == {"keras", "served"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_ten_thousand_inputs(tmp_path, seed):
    fuzz(tmp_path, "light", seed=seed, count=1000)


@pytest.mark.slow
def test_many_inputs_of_checkpoints_and_servers(tmp_path):
    fuzz(tmp_path, "heavy", seed=1, count=300)
