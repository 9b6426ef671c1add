"""How long it takes until something happens: import, a command's help, the first training step.

    python -m benchmarks.startup

Each in a fresh interpreter, several times; the first time is left out, which reads the files from
the disk. Wants the machine for itself.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from absl import app, flags

from benchmarks.publishing import publish

FLAGS = flags.FLAGS
flags.DEFINE_integer("repeats", 3, "Of each.", lower_bound=1)

_FIRST_STEP = """
import numpy as np, keras
from dcign_tf.factors import GraphicsCode
from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.networks import build_decoder, build_encoder
model = DCIGN(build_encoder(), build_decoder(), GraphicsCode.faces())
model.compile(keras.optimizers.Adam())
batch = {"image": np.zeros((20, 150, 150, 1), np.float32), "factor": np.zeros(20, np.int32)}
model.train_on_batch(batch)
"""
_WORK = {
    "`import dcign_tf`": ["-c", "import dcign_tf"],
    "`dcign-tf train --help`": ["-m", "dcign_tf", "train", "--help"],
    "`import tensorflow`, to compare with": ["-c", "import tensorflow"],
    "`from dcign_tf import DCIGN`": ["-c", "from dcign_tf import DCIGN"],
    "`load_pretrained('faces')`": [
        *("-c", "from dcign_tf import load_pretrained; load_pretrained('faces')"),
    ],
    "the first training step of the paper's network": ["-c", _FIRST_STEP],
}


def seconds_of(arguments: list[str]) -> list[float]:
    """Of a fresh interpreter that does this, each time."""
    seconds = []
    for _ in range(1 + FLAGS.repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def main(_) -> None:
    rows = []
    for name, arguments in _WORK.items():
        seconds = seconds_of(arguments)
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        rows.append((name, statistics.median(seconds), spread))
    publish({"Python": sys.version.split()[0]}, ("in a fresh interpreter", "s", "range"), rows)


if __name__ == "__main__":
    app.run(main)
