"""The command that makes a mesh of a picture, on an untrained network and a made-up read-out."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import trimesh
from absl import flags
from PIL import Image

from dcign_tf import pretrained
from dcign_tf.cli import estimate_shape as script
from dcign_tf.cli.estimate_shape import estimate_shape
from dcign_tf.datasets.pictures import fit_picture
from dcign_tf.errors import UserError
from dcign_tf.factors import GraphicsCode
from dcign_tf.model.dcign import DCIGN
from dcign_tf.readouts.face_shape import READOUT_FILE, ShapeReadout
from dcign_tf.rendering.head import procedural_head
from dcign_tf.runs.directory import RunDirectory
from tests.helpers import ROOT
from tests.helpers.tiny import tiny_model

SIZE, LATENTS = 20, 6


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[RunDirectory, DCIGN]:
    """An evaluated run, as far as the command looks at it."""
    run = RunDirectory(tmp_path_factory.mktemp("runs") / "run")
    run.evaluation.mkdir(parents=True)
    run.last_checkpoint.parent.mkdir()
    code = GraphicsCode.faces(LATENTS)
    model = tiny_model(code=code, image_shape=(SIZE, SIZE, 1), step=7)
    model.optimizer.build(model.trainable_variables)  # as after training
    model.save(run.last_checkpoint)
    config = {
        "dataset": "faces",
        "preset": "quick",
        "face_model": None,
        "data": {"image_size": SIZE, "channels": 1},
        "data_dir": "data",
    }
    run.config_file.write_text(json.dumps(config))
    head, rng = procedural_head(), np.random.default_rng(0)
    ShapeReadout(
        weights=rng.normal(0, 5, (LATENTS - 3, head.num_coefficients)).astype(np.float32),
        intercept=rng.normal(0, 0.5, head.num_coefficients).astype(np.float32),
        alpha=1.0,
        num_images=10,
        num_identities=5,
        first_latent=3,
        face_model=head.fingerprint,
        step=7,
    ).save(run.evaluation / READOUT_FILE)
    return run, model


@pytest.fixture
def run(trained, tmp_path) -> RunDirectory:
    """A copy that a test may spoil."""
    return RunDirectory(shutil.copytree(trained[0].path, tmp_path / "run"))


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    """Not square, in colour, larger than the network's square."""
    path = tmp_path_factory.mktemp("pictures") / "someone.jpg"
    noise = np.random.default_rng(1).integers(0, 256, (40, 33, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def estimate(image, run: RunDirectory, output, **kwargs) -> list[str]:
    lines: list[str] = []
    estimate_shape(image, run, Path(output), show=lines.append, **kwargs)
    return lines


def command(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "dcign_tf.cli.estimate_shape", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=400,
        cwd=ROOT,
    )


def expected_coefficients(run: RunDirectory, model: DCIGN, picture: Path) -> np.ndarray:
    image = fit_picture(picture, image_size=SIZE, channels=1)[np.newaxis] / np.float32(255)
    code = model.encode(image.astype(np.float32))[0].numpy()
    readout = ShapeReadout.load(run.evaluation / READOUT_FILE)
    return code[0, 3:] @ readout.weights + readout.intercept


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


def test_the_command(trained, picture, tmp_path, own_flags, capsys):
    run, model = trained
    own_flags(script)
    output = tmp_path / "face.ply"
    script.parse_flags(["", str(picture), f"--workdir={run.path}", f"--output={output}"])
    script.main()
    assert capsys.readouterr().out.count("\n") == 1
    vertices = trimesh.load(output, process=False).vertices
    coefficients = expected_coefficients(run, model, picture)
    np.testing.assert_allclose(vertices, procedural_head().vertices_mm(coefficients), atol=1e-3)


@pytest.mark.slow
def test_as_a_user_runs_it(trained, picture, tmp_path):
    output = tmp_path / "face.ply"
    result = command(picture, f"--workdir={trained[0].path}", f"--output={output}")
    assert (result.returncode, result.stderr) == (0, "")
    assert output.exists()


def test_one_line_for_a_wrong_command():
    result = command("a.png", "--workdir=w")
    assert result.returncode == 2
    assert result.stderr == "estimate_shape.py: --output is missing: the mesh to write.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.png", "--workdir=w", "--output=face.stl"], "must end in .obj or .ply."),
        (["--workdir=w", "--output=face.obj"], "--image is missing: a picture of a face."),
        (["a.png", "b.png", "--workdir=w", "--output=f.obj"], "Unexpected argument 'b.png'"),
    ],
)
def test_wrong_flags(own_flags, arguments, message):
    own_flags(script)
    with pytest.raises(flags.Error, match=re.escape(message)):
        script.parse_flags(["", *arguments])


def test_without_a_run_it_is_the_model_in_the_box(trained, picture, tmp_path, monkeypatch):
    box = tmp_path / "box"
    shutil.copytree(trained[0].path, box / "faces")
    monkeypatch.setattr(pretrained, "FOLDER", box)
    given = types.SimpleNamespace(
        image=picture, workdir=None, output=tmp_path / "face.ply", checkpoint="last"
    )
    monkeypatch.setattr(script, "FLAGS", given)
    script.main()
    vertices = trimesh.load(given.output, process=False).vertices
    coefficients = expected_coefficients(*trained, picture)
    np.testing.assert_allclose(vertices, procedural_head().vertices_mm(coefficients), atol=1e-3)


def test_no_readout_yet(run, picture, tmp_path):
    (run.evaluation / READOUT_FILE).unlink()
    with pytest.raises(UserError) as caught:
        estimate(picture, run, tmp_path / "face.obj")
    assert str(caught.value) == (
        f"{run.path} has no shape read-out yet. Make it with:"
        f" python evaluate.py --workdir={run.path}"
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
