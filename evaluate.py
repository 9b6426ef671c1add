"""Scores a trained DC-IGN on held-out identities and draws the figures.

    python evaluate.py --workdir=runs/faces-quick

Writes scores.json, PNGs and report.html, a page to read them on, into the run
directory's evaluation/; docs/scores.md says what each score means. Runs on the same
data are put side by side, in the first one's comparison/ or in --output, by

    python evaluate.py --compare runs/faces-quick runs/faces-entangled
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from dcign_tf.cli import running

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Run directory of train.py.")
flags.DEFINE_string("data_dir", None, "Where datasets lie, if they were moved since training.")
flags.DEFINE_multi_string("compare", None, "Run directories, two or more, to put side by side.")
flags.DEFINE_string("output", None, "Where a comparison goes; without it, into the first run.")
flags.DEFINE_enum("checkpoint", "last", ["last", "best"], "Which one; best by validation ELBO.")


def parse_flags(argv: Sequence[str]) -> None:
    """Parses; `--workdir` is required, or else `--compare`, with other runs after it."""
    program, *others = FLAGS(argv)
    if FLAGS.compare is None:
        running.reject_arguments([program, *others])
        if FLAGS.workdir is None:
            raise flags.Error("--workdir is missing: the run directory of train.py.")
        if FLAGS.output is not None:
            raise flags.Error("--output is where a comparison goes; there is none to --compare.")
    elif FLAGS.workdir is not None:
        raise flags.Error("--workdir evaluates one run, --compare several: give one of them.")
    else:
        FLAGS.compare = [*FLAGS.compare, *others]


def main() -> None:
    """Evaluates or compares as the flags say."""
    from dcign_tf.runs.comparable import comparable_runs
    from dcign_tf.runs.directory import RunDirectory

    settings = {"data_dir": FLAGS.data_dir, "checkpoint": FLAGS.checkpoint}
    if FLAGS.compare:
        comparable_runs(FLAGS.compare)  # says at once if they are not
        with running.quiet_loading():
            from dcign_tf.evaluation import compare
        compare.compare(FLAGS.compare, FLAGS.output, **settings)
        return
    run = RunDirectory(FLAGS.workdir)
    run.read_config()  # says at once if this is no run directory
    with running.quiet_loading():
        from dcign_tf.evaluation.evaluate import evaluate
    evaluate(run, **settings)


if __name__ == "__main__":
    running.run(main, parse_flags)
