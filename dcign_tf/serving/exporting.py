"""Writes a trained model as a SavedModel, for TensorFlow Serving or any other runtime.

    python -m dcign_tf.serving.exporting --workdir=runs/faces-quick --output=export

Makes `export/1`, or the number after the largest there is: a version that exists is
never changed, and a server that watches `export` sees a new one only when it is whole.
It needs neither this package nor Keras to run; docs/serving.md says how to serve it.
Without --workdir it is the model in the box that is exported.

    saved_model.pb, variables/                 signatures: dcign_tf/serving/signatures.py
    assets.extra/tf_serving_warmup_requests    what a server runs before it serves
    model_card.md, config.json                 what it is, and what it was trained with
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence

from absl import flags

from dcign_tf.cli import running
from dcign_tf.errors import UserError
from dcign_tf.files import aside, write_json, writing
from dcign_tf.pretrained import pretrained_run
from dcign_tf.readouts.calibration import CalibrationError
from dcign_tf.runs.directory import RunDirectory

FLAGS = flags.FLAGS


def define_flags() -> None:
    """Not at import: other scripts have flags of these names."""
    flags.DEFINE_string("workdir", None, "Run directory of train.py; else the model in the box.")
    flags.DEFINE_string("output", None, "Folder of the versions; made if there is none.")
    flags.DEFINE_enum("checkpoint", "last", ["last", "best"], "The one evaluate.py was given.")


def parse_flags(argv: Sequence[str]) -> None:
    """Parses; `--output` is required."""
    running.reject_arguments(FLAGS(argv))
    if FLAGS.output is None:
        raise flags.Error("--output is missing: the folder of the versions.")


def main() -> None:
    """Exports as the flags say."""
    run = RunDirectory(FLAGS.workdir) if FLAGS.workdir else pretrained_run()
    run.read_config()  # says at once if this is no run directory
    export_model(run, pathlib.Path(FLAGS.output), checkpoint=FLAGS.checkpoint)


def export_model(
    run: RunDirectory,
    output: pathlib.Path,
    *,
    checkpoint: str = "last",
    show: Callable[[str], None] = print,
) -> pathlib.Path:
    """Writes the next version.

    Args:
        run: trained, and evaluated: evaluation calibrates the model.
        output: folder of the versions; made if there is none.
        checkpoint: `"last"` or `"best"`.
        show: takes lines on what was written, and what could not be.

    Returns:
        The version's directory.

    Raises:
        UserError: for whatever the user can mend; nothing is written then.
    """
    config = run.read_config()
    with running.quiet_loading():
        import tensorflow as tf

        from dcign_tf.datasets.registry import background_level
        from dcign_tf.evaluation.scores import are_current
        from dcign_tf.runs.checkpoints import load_model
        from dcign_tf.serving.serving_card import model_card
        from dcign_tf.serving.signatures import ServedModel
        from dcign_tf.serving.warmup import write_warmup_requests
    model = load_model(run.checkpoint(checkpoint))
    background = background_level(config)
    try:
        calibration = model.checked_calibration()
    except CalibrationError as error:
        raise UserError(
            f"{run.checkpoint(checkpoint)} is not calibrated: without degrees there is nothing to"
            f" ask it for. First: python evaluate.py --workdir={run.path} --checkpoint={checkpoint}"
        ) from error
    served = ServedModel(model, background=background)
    signatures = served.signatures()
    scores = run.read_scores()
    if not are_current(scores, calibration.step):
        scores = None  # of the other checkpoint, or another release's
    card = model_card(
        config=config,
        environment=run.read_environment(),
        calibration=calibration,
        values=served.values,
        signatures=signatures,
        scores=scores,
        background=background,
    )
    with _new_version(output) as (folder, version):
        try:
            tf.saved_model.save(served, os.fspath(folder), signatures=signatures)
        except tf.errors.OpError as error:
            raise UserError(f"Cannot write {version}: {error.message}") from error
        write_warmup_requests(folder, signatures)
        write_json(folder / "config.json", config)
        (folder / "model_card.md").write_text(card, encoding="utf-8")
    for known in calibration.factors.values():
        if known.reason:
            show(f"Left out of infer_scene and rerender: {known.remark}")
    show(f"{version}: {', '.join(signatures)}")
    return version


@contextlib.contextmanager
def _new_version(output: pathlib.Path) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
    """A directory to write into, which at the end becomes the next version.

    Servers take numbers for versions, and pass over every other name.

    Raises:
        UserError: if it cannot be written (a full disk, say).
    """
    with contextlib.ExitStack() as stack:
        with writing(output):
            output.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(open(output / ".lock", "w"))
            fcntl.flock(lock, fcntl.LOCK_EX)  # two exports at once: one after the other
        numbers = [int(entry.name) for entry in output.iterdir() if entry.name.isdecimal()]
        version = output / str(max(numbers, default=0) + 1)
        with writing(version), aside(version) as folder:
            folder.mkdir()
            yield folder, version


if __name__ == "__main__":
    define_flags()
    running.run(main, parse_flags)
