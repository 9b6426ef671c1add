"""Whoever reads batches can always end."""

from __future__ import annotations

import subprocess
import sys

from tests.helpers import ROOT

_SCRIPT = """
import time
import numpy as np
from dcign_tf.datasets.factor_batches import factor_batches
from dcign_tf.datasets.sweeps import NumberedSweeps
from dcign_tf.factors import GraphicsCode

def read(index):
    time.sleep(0.3)  # the interpreter ends in the midst of it
    return {"image": np.zeros((4, 8, 8, 1), np.uint8)}

code = GraphicsCode({"azimuth": 1, "intrinsic": 2})
sweeps = {factor: NumberedSweeps(9, read) for factor in code.factors}
batches = iter(factor_batches(sweeps, code, ratios=[1, 1], seed=0))
print(next(batches)["image"].shape, flush=True)
raise ValueError("of the script")
"""


def test_a_script_ends_while_batches_are_read_ahead():
    result = subprocess.run(
        [sys.executable, "-c", _SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert result.stdout == "(4, 8, 8, 1)\n"
    assert result.returncode == 1
    assert result.stderr.endswith("\nValueError: of the script\n")
