"""From one picture of a face to its shape and colours, as a mesh.

The picture is fitted into the network's square and encoded; a linear read-out, which the
run's evaluation has fitted, turns the code into coefficients of the face model.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dcign_tf.datasets.pictures import fit_picture
from dcign_tf.errors import UserError
from dcign_tf.files import write_aside
from dcign_tf.pixels import to_unit
from dcign_tf.readouts.face_shape import READOUT_FILE, ShapeReadout
from dcign_tf.readouts.familiarity import remark
from dcign_tf.rendering.face_models import load_face_model
from dcign_tf.rendering.mesh_files import write_mesh
from dcign_tf.rendering.morphable_model import MorphableModel
from dcign_tf.runs.checkpoints import load_model
from dcign_tf.runs.directory import RunDirectory


def estimate_shape(
    image: str | os.PathLike,
    run: RunDirectory,
    output: Path,
    *,
    checkpoint: str = "last",
    show: Callable[[str], None] = print,
) -> None:
    """Writes the mesh of the face in a picture.

    Args:
        image: file of the picture.
        run: of a network trained on faces, and evaluated.
        output: the mesh, `.obj` or `.ply`; its folder is made if there is none.
        checkpoint: `"last"` or `"best"`, which one `dcign-tf evaluate` was given.
        show: takes a line on what was written.

    Raises:
        UserError: for whatever the user can mend; nothing is written then.
    """
    config = run.read_config()
    if "face_model" not in config:
        raise UserError(
            f"{run.path} was trained on '{config['dataset']}', whose pictures were not made from a"
            " face model: there are no coefficients to estimate. Use a run of --dataset=faces."
        )
    try:
        readout = ShapeReadout.load(run.evaluation / READOUT_FILE)
    except FileNotFoundError as error:
        raise UserError(
            f"{run.path} has no shape read-out yet. Make it with: dcign-tf evaluate"
            f" --workdir={run.path}"
        ) from error
    face_model = _load_face_model(config["face_model"], readout)
    code, doubt = _encode(run, image, readout, checkpoint)
    coefficients = readout.coefficients(code)[0]
    write_aside(output, lambda path: write_mesh(path, face_model, coefficients))
    show(
        f"{output}: {len(face_model.mean_mm):,} vertices, {len(face_model.triangles):,} triangles,"
        f" in millimetres; a face of {face_model.name}."
    )
    if doubt:
        show(f"{image}: {doubt}")


def _load_face_model(path: str | None, readout: ShapeReadout) -> MorphableModel:
    """The face model whose coefficients the read-out gives."""
    try:
        face_model = load_face_model(path)
    except (OSError, ValueError) as error:
        raise UserError(f"The face model cannot be read: {error}") from error
    if face_model.fingerprint != readout.face_model:
        raise UserError(
            f"The read-out gives coefficients of another face model (fingerprint"
            f" {readout.face_model}) than {face_model.name} ({face_model.fingerprint}) is."
            " Restore that model, or train on this one."
        )
    return face_model


def _encode(
    run: RunDirectory, image: str | os.PathLike, readout: ShapeReadout, checkpoint: str
) -> tuple[np.ndarray, str]:
    """The code [1, latent_dim] of a picture, and what to say if it is unlike those of training."""
    path = run.checkpoint(checkpoint)
    model = load_model(path)
    if (step := int(model.step.numpy())) != readout.step:
        raise UserError(
            f"The shape read-out was fitted at step {readout.step:,}, {path} is of step {step:,}."
            f" Fit it anew: dcign-tf evaluate --workdir={run.path} --checkpoint={checkpoint}"
        )
    if not readout.fits(model.code.latent_dim):
        raise UserError(
            f"The shape read-out is that of another network than {path}."
            f" Fit it anew: dcign-tf evaluate --workdir={run.path} --checkpoint={checkpoint}"
        )
    size, _, channels = model.encoder.input_shape[1:]
    pixels = fit_picture(image, image_size=size, channels=channels)
    images = to_unit(pixels[np.newaxis])
    z_mean, _ = model.encode(images)
    return z_mean.numpy(), remark(model.judged(images, z_mean))
