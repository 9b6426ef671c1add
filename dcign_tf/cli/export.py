"""Writes a trained model as a SavedModel, for TensorFlow Serving and other runtimes.

    dcign-tf export --workdir=runs/faces-quick --output=export

Makes export/1, or the number after the largest there is; docs/serving.md says how to
serve it. Without --workdir it is the model in the box that is exported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags

from dcign_tf.cli import running, shared_flags

FLAGS = flags.FLAGS


def define_flags() -> None:
    shared_flags.define_run()
    flags.DEFINE_string("output", None, "Folder of the versions; made if there is none.")


def parse_flags(argv: Sequence[str]) -> Callable[[], None]:
    """Parses; `--output` is required."""
    shared_flags.reject_arguments(FLAGS(argv)[1:])
    shared_flags.require(output="the folder of the versions")
    return export


def export() -> None:
    """Exports as the flags say."""
    run = shared_flags.chosen_run()
    with running.quiet_loading():
        from dcign_tf.serving.exporting import export_model
    export_model(run, Path(FLAGS.output), checkpoint=FLAGS.checkpoint)
