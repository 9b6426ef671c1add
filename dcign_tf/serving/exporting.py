"""Writes a trained model as a SavedModel, for TensorFlow Serving or any other runtime.

Makes `OUTPUT/1`, or the number after the largest there is: a version that exists is
never changed, and a server that watches `OUTPUT` sees a new one only when it is whole.
It needs neither this package nor Keras to run; docs/serving.md says how to serve it.

    saved_model.pb, variables/                 signatures: dcign_tf/serving/signatures.py
    assets.extra/tf_serving_warmup_requests    what a server runs before it serves
    model_card.md, config.json                 what it is, and what it was trained with
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Callable, Iterator

import tensorflow as tf

from dcign_tf.datasets.registry import dataset_facts
from dcign_tf.errors import UserError, of_tensorflow
from dcign_tf.evaluation.report.documents import document
from dcign_tf.evaluation.scores import are_current
from dcign_tf.files import aside, private_to, write_json, writing
from dcign_tf.locks import lock
from dcign_tf.readouts.calibrated_factor import CalibrationError
from dcign_tf.runs.checkpoint_files import not_calibrated
from dcign_tf.runs.checkpoints import load_model
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.serving.signatures import ServedModel
from dcign_tf.serving.warmup import input_specs, write_warmup_requests


def export_model(
    run: RunDirectory | str | os.PathLike,
    output: str | os.PathLike,
    *,
    checkpoint: str = "last",
    show: Callable[[str], None] = print,
) -> pathlib.Path:
    """Writes the next version.

    Args:
        run: a run directory, or its path; evaluated: evaluation calibrates the model.
        output: folder of the versions; made if there is none.
        checkpoint: `"last"` or `"best"`.
        show: takes lines on what was written, and what could not be.

    Returns:
        The version's directory.

    Raises:
        UserError: for whatever the user can mend; nothing is written then.
    """
    run = RunDirectory(run)
    config = run.read_config()
    model = load_model(run.checkpoint(checkpoint))
    facts = dataset_facts(config)
    try:
        calibration = model.checked_calibration()
    except CalibrationError as error:
        raise not_calibrated(run, checkpoint) from error
    served = ServedModel(model, background=facts.background, fit=facts.fit)
    signatures = served.signatures()
    scores = run.read_scores()
    if not are_current(scores, calibration.step):
        scores = None  # of the other checkpoint, or another release's
    card = document(
        "served_model.md.jinja",
        config=config,
        environment=run.read_environment(),
        calibration=calibration,
        scores=scores,
        values=served.values,
        signatures={
            name: (input_specs(function), function.structured_outputs)
            for name, function in signatures.items()
        },
        facts=facts,
    )
    with _new_version(pathlib.Path(output)) as (folder, version):
        try:
            tf.saved_model.save(served, os.fspath(folder), signatures=signatures)
            write_warmup_requests(folder, signatures)
        except tf.errors.OpError as error:
            reason = of_tensorflow(error.message)
            raise UserError(f"Cannot write {version}: {reason}.") from error
        write_json(folder / "config.json", config)
        (folder / "model_card.md").write_text(card, encoding="utf-8")
    for calibrated in calibration.factors.values():
        if calibrated.reason:
            show(f"Left out of infer_scene and rerender: {calibrated.remark}")
    show(f"{version}: {', '.join(signatures)}")
    if readers := private_to(version):
        show(f"It can be read by {readers}; for a server of another user: chmod -R a+rX {output}")
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
            waiting = f"Waiting: another process is exporting to {output}"
            stack.enter_context(lock(output / ".lock", waiting=waiting))
        names = (entry.name for entry in output.iterdir())
        numbers = [int(name) for name in names if name.isascii() and name.isdecimal()]
        version = output / str(max(numbers, default=0) + 1)
        with writing(version), aside(version) as folder:
            folder.mkdir()
            yield folder, version
