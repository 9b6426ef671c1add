"""Estimates a face's shape and colours from one picture, and writes them as a mesh.

    dcign-tf estimate-shape photo.png --output=face.obj
    dcign-tf estimate-shape photo.png --workdir=runs/faces-quick --output=face.obj

The picture (PNG, JPEG or whatever Pillow reads) is one such as the network was trained on:
one head, whole, on black. The run must have been evaluated. The mesh (`.obj` or `.ply`) is
in millimetres, looks along +z and has a colour at each vertex.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags

from dcign_tf.cli import running, shared_flags

FLAGS = flags.FLAGS


def define_flags() -> None:
    shared_flags.define_image("Picture of a face")
    shared_flags.define_run()
    flags.DEFINE_string("output", None, "Mesh to write: a name that ends in .obj or .ply.")


def parse_flags(argv: Sequence[str]) -> Callable[[], None]:
    """Parses; picture and `--output` are required."""
    from dcign_tf.rendering.mesh_files import FORMATS

    shared_flags.take_image(FLAGS(argv)[1:])
    shared_flags.require(image="a picture of a face", output="the mesh to write")
    if Path(FLAGS.output).suffix.lower() not in FORMATS:
        raise flags.Error(f"--output={FLAGS.output} must end in {' or '.join(FORMATS)}.")
    return estimate


def estimate() -> None:
    """Estimates as the flags say."""
    run = shared_flags.chosen_run()
    with running.quiet_loading():
        from dcign_tf.editing.shape_estimation import estimate_shape
    estimate_shape(FLAGS.image, run, Path(FLAGS.output), checkpoint=FLAGS.checkpoint)
