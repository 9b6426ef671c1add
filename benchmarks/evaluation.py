"""How long an evaluation takes, by part.

    python -m benchmarks.evaluation --workdir=runs/faces-paper

Evaluates a trained run again, scores and figures, under Python's profiler, and tells the parts that
the evaluation calls by name. The floor is what the multiply-adds of all pictures that are encoded
and of all codes that are decoded would take at the rate of a matrix product of 2,048³ in the same
process. Wants the machine for itself.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from typing import ClassVar

import numpy as np
from absl import app, flags

from benchmarks.floor import matrix_product, multiply_adds
from benchmarks.publishing import publish
from benchmarks.timing import median_seconds
from dcign_tf.cli.definition import PathParser
from dcign_tf.codec import Codec
from dcign_tf.concurrency import limit_threads
from dcign_tf.evaluation import evaluate
from dcign_tf.resources import keep_memory_of_tensors
from dcign_tf.runs.checkpoints import load_model
from dcign_tf.runs.directory import RunDirectory

FLAGS = flags.FLAGS
flags.DEFINE(PathParser(), "workdir", None, "Run directory of a training.", required=True)
flags.DEFINE(PathParser(), "data_dir", None, "Where its dataset lies now, if it was moved.")
flags.DEFINE_string("split", "test", "What is scored.")
flags.DEFINE_float("least_s", 1.0, "Parts that take less are told together.")


def parts(profile: cProfile.Profile) -> dict[str, float]:
    """Seconds of the package's functions that dcign_tf/evaluation/evaluate.py calls."""
    found: dict[str, float] = {}
    for (file, _, name), (*_, callers) in pstats.Stats(profile).stats.items():
        if "dcign_tf" in file and file != evaluate.__file__:
            calls = (
                times[3] for caller, times in callers.items() if caller[0] == evaluate.__file__
            )
            found[name] = found.get(name, 0.0) + sum(calls)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


class Counted(Codec):
    """A network that counts what it encodes and decodes."""

    encoded: ClassVar[list[int]] = []  # pictures of each call, whichever thread it is of
    decoded: ClassVar[list[int]] = []

    def posterior(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.encoded.append(len(images))
        return super().posterior(images)

    def decode(self, z: np.ndarray) -> np.ndarray:
        self.decoded.append(len(z))
        return super().decode(z)


def floor_seconds(run: RunDirectory) -> float:
    """What arithmetic alone would take for all that was counted."""
    model = load_model(run.checkpoint("last"))
    product, product_flop = matrix_product("float32")
    rate = product_flop / median_seconds(lambda: float(product()), 20)
    encoding = sum(Counted.encoded) * multiply_adds(model.encoder)
    return 2 * (encoding + sum(Counted.decoded) * multiply_adds(model.decoder)) / rate


def main(_) -> None:
    limit_threads()
    keep_memory_of_tensors()
    evaluate.Codec = Counted
    profile, start = cProfile.Profile(), time.perf_counter()
    with profile:
        evaluate.evaluate_run(
            RunDirectory(FLAGS.workdir),
            data_dir=FLAGS.data_dir,
            split=FLAGS.split,
            show=lambda line: print(line, file=sys.stderr),
        )
    whole = time.perf_counter() - start
    long = {f"`{name}`": s for name, s in parts(profile).items() if s >= FLAGS.least_s}
    rest = {"all else": whole - sum(long.values()), "**all**": whole}
    floor = {"the floor": floor_seconds(RunDirectory(FLAGS.workdir))}
    rows = [(name, s, f"{s / whole:.0%}") for name, s in (long | rest | floor).items()]
    facts = {
        "run": FLAGS.workdir,
        "split": FLAGS.split,
        "encoded": f"{sum(Counted.encoded):,}",
        "decoded": f"{sum(Counted.decoded):,}",
    }
    publish(facts, ("", "s", "of all"), rows)


if __name__ == "__main__":
    app.run(main)
