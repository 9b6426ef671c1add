"""Scores a trained DC-IGN on held-out identities and draws the figures.

    python evaluate.py --workdir=runs/faces-quick

Writes scores.json and PNGs into the run directory's evaluation/; docs/scores.md
says what each score means.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from dcign_tf import scripts

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Run directory of train.py.")
flags.DEFINE_string("data_dir", None, "Where datasets lie, if they were moved since training.")
flags.DEFINE_enum("checkpoint", "last", ["last", "best"], "Which one; best by validation ELBO.")


def parse_flags(argv: Sequence[str]) -> None:
    """Parses; `--workdir` is required."""
    scripts.reject_arguments(FLAGS(argv))
    if FLAGS.workdir is None:
        raise flags.Error("--workdir is missing: the run directory of train.py.")


def main() -> None:
    """Evaluates as the flags say."""
    from dcign_tf.run_directory import RunDirectory

    run = RunDirectory(FLAGS.workdir)
    run.read_config()  # says at once if this is no run directory
    with scripts.quiet_loading():
        from dcign_tf import experiment
    experiment.evaluate(run, data_dir=FLAGS.data_dir, checkpoint=FLAGS.checkpoint)


if __name__ == "__main__":
    scripts.run(main, parse_flags)
