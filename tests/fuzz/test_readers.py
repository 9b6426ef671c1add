"""Every reader, on damaged files: the right value or one sentence, in 2 GiB and little time.

In processes of their own, since a reader that fails may take its process along.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.helpers import ROOT

PICTURES = {"png", "jpeg", "ppm", "tiff", "bmp", "gif", "webp"}
READOUTS = {"identities", "shape_readout"}
READERS = {
    "light": {"torch7", "manifest", "surrey", "mat", "hdf5", *PICTURES, *READOUTS},
    "heavy": {"keras", "served"},
}


def fuzz(folder, group: str, *, seed: int, count: int) -> set[str]:
    """Runs the harness; returns which readers it has tried."""
    command = [sys.executable, "-m", "tests.fuzz.harness", group, str(seed), str(count)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return {line.split()[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize(("group", "count"), [("light", 60), ("heavy", 12)])
def test_some_inputs(tmp_path, group, count):
    assert fuzz(tmp_path, group, seed=0, count=count) == READERS[group]


@pytest.mark.slow
@pytest.mark.parametrize("group", ["light", "heavy"])
@pytest.mark.parametrize("seed", range(1, 11))
def test_ten_thousand_inputs(tmp_path, group, seed):
    assert fuzz(tmp_path, group, seed=seed, count=1000) == READERS[group]
