"""Scores a trained DC-IGN on held-out identities and draws the figures.

    dcign-tf evaluate --workdir=runs/faces-quick

Writes scores.json, PNGs and report.html, a page to read them on, into the run
directory's evaluation/; docs/scores.md says what each score means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from absl import flags

from dcign_tf.cli import running, shared_flags

FLAGS = flags.FLAGS


def define_flags() -> None:
    shared_flags.define_run("a training")
    shared_flags.define_moved_data()


def parse_flags(argv: Sequence[str]) -> Callable[[], None]:
    """Parses; `--workdir` is required."""
    shared_flags.reject_arguments(FLAGS(argv)[1:])
    shared_flags.require(workdir="the run directory of train.py")
    return evaluate


def evaluate() -> None:
    """Evaluates as the flags say."""
    run = shared_flags.chosen_run()
    with running.quiet_loading():
        from dcign_tf.evaluation.evaluate import evaluate
    evaluate(run, data_dir=FLAGS.data_dir, checkpoint=FLAGS.checkpoint)
