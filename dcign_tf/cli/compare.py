"""Puts runs on the same data side by side, in tables, curves and pictures.

    dcign-tf compare runs/faces-quick runs/faces-entangled
    dcign-tf compare runs/faces-quick runs/faces-entangled --output=comparison

Writes comparison.json, comparison.md, comparison.html and PNGs into the first run's
comparison/ or into --output. A run without scores of its weights is evaluated first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from absl import flags

from dcign_tf.cli import running, shared_flags
from dcign_tf.runs.comparable import comparable_runs

FLAGS = flags.FLAGS


def define_flags() -> None:
    define_output()
    shared_flags.define_checkpoint()
    shared_flags.define_moved_data()


def define_output() -> None:
    flags.DEFINE_string("output", None, "Where a comparison goes; without it, into the first run.")


def parse_flags(argv: Sequence[str]) -> Callable[[], None]:
    """Parses; what is no flag is a run directory."""
    return functools.partial(compare_runs, FLAGS(argv)[1:])


def compare_runs(directories: Sequence[str]) -> None:
    """Compares as the flags say."""
    comparable_runs(directories)  # says at once if they are not
    with running.quiet_loading():
        from dcign_tf.evaluation.compare import compare
    compare(directories, FLAGS.output, data_dir=FLAGS.data_dir, checkpoint=FLAGS.checkpoint)
