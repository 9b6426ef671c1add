"""Commands that read their flags and call the package; each function's docstring is its help."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from dcign_tf.cli.definition import (
    CHECKPOINT,
    MOVED_DATA,
    PathParser,
    calibration_of,
    chosen_run,
    command,
    image,
    path,
    run_of,
    run_or_model,
    string,
    take_arguments,
)
from dcign_tf.cli.running import quiet_loading
from dcign_tf.datasets.pictures import check_picture
from dcign_tf.files import check_absent, check_writable
from dcign_tf.pretrained.hub import check_repository
from dcign_tf.runs.checkpoint_files import check_checkpoint
from dcign_tf.runs.comparable import comparable_runs
from dcign_tf.runs.directory import RunDirectory

FLAGS = flags.FLAGS

A_RUN = "the run directory of a training"
SPLIT = functools.partial(
    flags.DEFINE_enum,
    "split",
    "test",
    ["test", "validation"],
    "What to score: validation to choose settings by, test to report.",
)
OUTPUT = path("output", "Where a comparison goes; without it, into the first run.")


@command(*run_of("a training"), MOVED_DATA, SPLIT, workdir=A_RUN)
def evaluate() -> None:
    """Scores a trained DC-IGN on held-out identities and draws the figures.

        dcign-tf evaluate --workdir=runs/faces-quick
        dcign-tf evaluate --workdir=runs/faces-quick --split=validation

    Writes scores.json, PNGs and report.html, a page to read them on, into the run
    directory's evaluation/; docs/scores.md says what each score means.
    """
    run = chosen_run()
    run.read_environment()
    run.check_writable()
    with quiet_loading():
        from dcign_tf.evaluation.evaluate import evaluate_run
    evaluate_run(run, data_dir=FLAGS.data_dir, checkpoint=FLAGS.checkpoint, split=FLAGS.split)


def _parse_directories(argv: Sequence[str]) -> list[str]:
    return list(map(PathParser().parse, FLAGS(argv)[1:]))


@command(OUTPUT, CHECKPOINT, MOVED_DATA, parse=_parse_directories)
def compare(*directories: str) -> None:
    """Puts runs on the same data side by side, in tables, curves and pictures.

        dcign-tf compare runs/faces-quick runs/faces-entangled
        dcign-tf compare runs/faces-quick runs/faces-entangled --output=comparison

    Writes comparison.json, comparison.md, comparison.html and PNGs into the first run's
    comparison/ or into --output. A run without scores of its weights is evaluated first, on the
    split that the others were scored on; scores of different splits are not compared.
    """
    first, *_ = runs = list(comparable_runs(directories).values())  # says at once if they are not
    for run in runs:
        check_checkpoint(run.checkpoint(FLAGS.checkpoint))
        if run.read_scores() is None:
            run.check_writable()
    output = Path(FLAGS.output or first.comparison)
    check_writable(output, is_folder=True)
    with quiet_loading():
        from dcign_tf.evaluation.compare import compare
    compare(directories, output, data_dir=FLAGS.data_dir, checkpoint=FLAGS.checkpoint)


def _parse_mesh(argv: Sequence[str], **required: str) -> tuple[()]:
    from dcign_tf.rendering.mesh_files import FORMATS

    take_arguments(FLAGS(argv)[1:], **required)
    if Path(FLAGS.output).suffix.lower() not in FORMATS:
        raise flags.Error(f"--output={FLAGS.output} must end in {' or '.join(FORMATS)}.")
    return ()


@command(
    image("Picture of a face"),
    *run_or_model(),
    path("output", "Mesh to write: a name that ends in .obj or .ply."),
    parse=_parse_mesh,
    image="a picture of a face",
    output="the mesh to write",
)
def estimate_shape() -> None:
    """Estimates a face's shape and colours from one picture, and writes them as a mesh.

        dcign-tf estimate-shape photo.png --output=face.obj
        dcign-tf estimate-shape photo.png --workdir=runs/faces-quick --output=face.obj

    The picture (PNG, JPEG or another that docs/datasets.md names) is one such as the network was
    trained on: one head, whole, on black. The run must have been evaluated. The mesh (`.obj` or
    `.ply`) is in millimetres, looks along +z and has a colour at each vertex.
    """
    run, output = chosen_run(), Path(FLAGS.output)
    check_picture(FLAGS.image)  # says at once if it is none
    check_writable(output)
    with quiet_loading():
        from dcign_tf.editing.shape_estimation import estimate_shape
    estimate_shape(FLAGS.image, run, output, checkpoint=FLAGS.checkpoint)


@command(
    *run_or_model(),
    path("output", "Folder of the versions; made if there is none."),
    output="the folder of the versions",
)
def export() -> None:
    """Writes a trained model as a SavedModel, for TensorFlow Serving and other runtimes.

        dcign-tf export --workdir=runs/faces-quick --output=export

    Makes export/1, or the number after the largest there is; docs/serving.md says how to
    serve it. Without --workdir it is --model that is exported.
    """
    run, output = chosen_run(), Path(FLAGS.output)
    calibration_of(run)  # says at once if there is none
    check_writable(output, is_folder=True)
    with quiet_loading():
        from dcign_tf.serving.exporting import export_model
    export_model(run, output, checkpoint=FLAGS.checkpoint)


@command(
    *run_of("a training, evaluated"),
    path("twin", "Run directory of the entangled twin, for the model card."),
    path("output", "Folder to write; it must not exist yet."),
    string("hub", "owner/name on the Hugging Face Hub, to which the folder is to be uploaded."),
    workdir=A_RUN,
    output="what to write",
)
def pack() -> None:
    """Packs a trained, evaluated run so small that it can come with the package.

        dcign-tf pack --workdir=runs/faces-paper --output=packed/faces
        dcign-tf pack --workdir=runs/faces-paper --output=packed/faces --hub=owner/faces

    What is written is a run directory again, with the weights in half precision: any command
    takes it as --workdir. Its pictures are compared with those of the original weights. A
    model card is written beside it, with the scores of the entangled twin (--twin=DIR) too.
    With --hub it is the README.md that the Hugging Face Hub wants, and the folder is ready for
    `hf upload owner/faces packed/faces`; it needs its library: pip install 'dcign-tf[hub]'.
    """
    run, output = chosen_run(), Path(FLAGS.output)
    calibration_of(run)
    twin = RunDirectory(FLAGS.twin) if FLAGS.twin else None
    if twin is not None:
        twin.read_config()
    check_absent(output)
    if FLAGS.hub:
        check_repository(FLAGS.hub)
    with quiet_loading():
        from dcign_tf.pretrained.packing import pack
    pack(run, output, checkpoint=FLAGS.checkpoint, twin=twin, repository=FLAGS.hub)
