"""Packs a trained, evaluated run so small that it can come with the package.

    dcign-tf pack --workdir=runs/faces-paper --output=dcign_tf/pretrained/faces

What is written is a run directory again, with the weights in half precision: any command
takes it as --workdir. Its pictures are compared with those of the original weights. A
model card is written beside it, with the scores of the entangled twin (--twin=DIR) too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags

from dcign_tf.cli import running, shared_flags
from dcign_tf.runs.directory import RunDirectory

FLAGS = flags.FLAGS


def define_flags() -> None:
    shared_flags.define_run("a training, evaluated")
    flags.DEFINE_string("twin", None, "Run directory of the entangled twin, for the model card.")
    flags.DEFINE_string("output", None, "Folder to write; it must not exist yet.")


def parse_flags(argv: Sequence[str]) -> Callable[[], None]:
    """Parses; `--workdir` and `--output` are required."""
    shared_flags.reject_arguments(FLAGS(argv)[1:])
    shared_flags.require(workdir="the run directory of train.py", output="what to write")
    return pack_run


def pack_run() -> None:
    """Packs as the flags say."""
    run = shared_flags.chosen_run()
    with running.quiet_loading():
        from dcign_tf.pretrained.packing import pack
    twin = RunDirectory(FLAGS.twin) if FLAGS.twin else None
    pack(run, Path(FLAGS.output), checkpoint=FLAGS.checkpoint, twin=twin)
