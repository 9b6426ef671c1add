"""How long an evaluation takes, by part.

    python -m benchmarks.evaluation --workdir=runs/faces-paper

Evaluates a trained run again, scores and figures, under Python's profiler, and tells the parts that
the evaluation calls by name. Wants the machine for itself.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time

from absl import app, flags

from benchmarks.publishing import publish
from dcign_tf.cli.definition import PathParser
from dcign_tf.concurrency import limit_threads
from dcign_tf.evaluation import evaluate
from dcign_tf.resources import keep_memory_of_tensors
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


def main(_) -> None:
    limit_threads()
    keep_memory_of_tensors()
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
    rows = [(name, s, f"{s / whole:.0%}") for name, s in (long | rest).items()]
    publish({"run": FLAGS.workdir, "split": FLAGS.split}, ("", "s", "of all"), rows)


if __name__ == "__main__":
    app.run(main)
