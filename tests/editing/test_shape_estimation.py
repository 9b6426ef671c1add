"""Meshes of pictures, by an untrained network and a made-up read-out."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh

from dcign_tf.editing.shape_estimation import estimate_shape
from dcign_tf.errors import UserError
from dcign_tf.model.dcign import DCIGN
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.readouts.face_shape import READOUT_FILE, ShapeReadout
from dcign_tf.readouts.familiarity import UNFAMILIAR, Familiarity
from dcign_tf.rendering.head import procedural_head
from dcign_tf.runs.checkpoints import load_model, save_model
from dcign_tf.runs.directory import RunDirectory
from tests.helpers.shape_runs import (
    LATENTS,
    expected_coefficients,
    write_jpeg,
    write_run_with_readout,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[RunDirectory, DCIGN]:
    return write_run_with_readout(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def run(trained, tmp_path) -> RunDirectory:
    """A copy that a test may spoil."""
    return RunDirectory(shutil.copytree(trained[0].path, tmp_path / "run"))


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    return write_jpeg(tmp_path_factory.mktemp("pictures") / "someone.jpg")


def estimate(image, run: RunDirectory, output, **kwargs) -> list[str]:
    lines: list[str] = []
    estimate_shape(image, run, Path(output), show=lines.append, **kwargs)
    return lines


@pytest.mark.parametrize("suffix", [".obj", ".PLY"])
def test_the_mesh_is_the_face_that_the_readout_says(trained, picture, tmp_path, suffix):
    run, model = trained
    output = tmp_path / "new" / f"face{suffix}"
    lines = estimate(picture, run, output)
    assert lines[0].startswith(f"{output}: 9,398 vertices")
    assert [entry.name for entry in output.parent.iterdir()] == [output.name]
    head, coefficients = procedural_head(), expected_coefficients(run, model, picture)
    mesh = trimesh.load(output, process=False)
    np.testing.assert_allclose(mesh.vertices, head.vertices_mm(coefficients), atol=1e-3)
    np.testing.assert_array_equal(mesh.faces, head.triangles)
    albedo = head.albedo(coefficients)
    srgb = np.where(albedo <= 0.0031308, 12.92 * albedo, 1.055 * albedo ** (1 / 2.4) - 0.055)
    colours = np.asarray(mesh.visual.vertex_colors)[:, :3]
    assert np.abs(colours - 255 * srgb).max() <= 0.51
    assert colours.std(axis=0).min() > 1  # skin, eyes and lips


def test_a_picture_unlike_those_of_training_is_said_to_be_one(run, picture, tmp_path):
    assert len(estimate(picture, run, tmp_path / "face.obj")) == 1  # it has no limits
    model = load_model(run.last_checkpoint)
    limits = Familiarity((0.0,) * LATENTS, (1.0,) * LATENTS, most_distance=1e-6, most_error=1.0)
    model.calibration = Calibration({}, step=int(model.step.numpy()), familiarity=limits)
    save_model(model, run.last_checkpoint)
    lines = estimate(picture, run, tmp_path / "face.obj")
    assert lines[1:] == [f"{picture}: {UNFAMILIAR}"]


def test_no_readout_yet(run, picture, tmp_path):
    (run.evaluation / READOUT_FILE).unlink()
    with pytest.raises(UserError) as caught:
        estimate(picture, run, tmp_path / "face.obj")
    assert str(caught.value) == (
        f"{run.path} has no shape read-out yet. Make it with:"
        f" dcign-tf evaluate --workdir={run.path}"
    )


def test_the_picture_cannot_be_read(run, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    for image, message in ((broken, "is no picture"), (tmp_path / "none.png", "No such file")):
        with pytest.raises(UserError, match=message):
            estimate(image, run, tmp_path / "face.obj")
    assert not (tmp_path / "face.obj").exists()


def test_data_without_coefficients(run, picture, tmp_path):
    config = {**run.read_config(), "dataset": "manifest", "data": {}}
    del config["face_model"]
    run.config_file.write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"trained on 'manifest'.*not made from a face model"):
        estimate(picture, run, tmp_path / "face.obj")


def test_no_run_directory(picture, tmp_path):
    with pytest.raises(UserError, match="is no run directory"):
        estimate(picture, RunDirectory(tmp_path), tmp_path / "face.obj")


def test_a_readout_of_other_weights_or_another_face_model(run, picture, tmp_path):
    path = run.evaluation / READOUT_FILE
    readout = ShapeReadout.load(path)
    dataclasses.replace(readout, step=6).save(path)
    with pytest.raises(UserError, match=r"fitted at step 6, .*last\.keras is of step 7\. Fit it"):
        estimate(picture, run, tmp_path / "face.obj")
    dataclasses.replace(readout, first_latent=4).save(path)
    with pytest.raises(UserError, match=r"is that of another network than .*last\.keras\. Fit it"):
        estimate(picture, run, tmp_path / "face.obj")
    dataclasses.replace(readout, face_model="another").save(path)
    with pytest.raises(UserError, match=r"another face model \(fingerprint another\)"):
        estimate(picture, run, tmp_path / "face.obj")
    assert not (tmp_path / "face.obj").exists()


def test_the_other_checkpoint(run, picture, tmp_path):
    with pytest.raises(UserError, match=r"There is no checkpoint .*best\.keras"):
        estimate(picture, run, tmp_path / "face.obj", checkpoint="best")


def test_a_face_model_that_has_gone(run, picture, tmp_path):
    config = {**run.read_config(), "face_model": str(tmp_path / "gone.bin")}
    run.config_file.write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"The face model cannot be read: .*gone\.bin"):
        estimate(picture, run, tmp_path / "face.obj")


def test_an_output_that_cannot_be_written(run, picture, tmp_path):
    """And what stood there before stays."""
    folder = tmp_path / "face.obj"
    folder.mkdir()
    with pytest.raises(UserError, match=r"Cannot write .*face\.obj: Is a directory"):
        estimate(picture, run, folder)
    (tmp_path / "file").write_text("a file")
    with pytest.raises(UserError, match=r"face\.obj: .*/file is not a directory"):
        estimate(picture, run, tmp_path / "file" / "face.obj")
    assert {entry.name for entry in tmp_path.iterdir()} == {"run", "face.obj", "file"}
