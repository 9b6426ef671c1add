"""`dcign-tf estimate-shape`, in this process and as a user runs it."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
import trimesh
from absl import flags

from dcign_tf import pretrained
from dcign_tf.cli.commands import estimate_shape as command
from dcign_tf.rendering.head import procedural_head
from tests.helpers.commands import execute_dcign_tf
from tests.helpers.shape_runs import expected_coefficients, write_jpeg, write_run_with_readout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return write_run_with_readout(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    return write_jpeg(tmp_path_factory.mktemp("pictures") / "someone.jpg")


@pytest.mark.parametrize("from_the_box", [False, True])
def test_the_command(trained, picture, tmp_path, flags_of, capsys, monkeypatch, from_the_box):
    """Of a run, and of the model in the box."""
    run, model = trained
    shutil.copytree(run.path, tmp_path / "box" / "faces")
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "box")
    flags_of(command)
    output = tmp_path / "face.ply"
    arguments = [str(picture), f"--output={output}"]
    if not from_the_box:
        arguments.append(f"--workdir={run.path}")
    command.parse(["dcign-tf estimate-shape", *arguments])
    command.work()
    assert capsys.readouterr().out.count("\n") == 1
    vertices = trimesh.load(output, process=False).vertices
    coefficients = expected_coefficients(run, model, picture)
    np.testing.assert_allclose(vertices, procedural_head().vertices_mm(coefficients), atol=1e-3)


@pytest.mark.slow
def test_as_a_user_runs_it(trained, picture, tmp_path):
    output = tmp_path / "face.ply"
    options = (f"--workdir={trained[0].path}", f"--output={output}")
    result = execute_dcign_tf("estimate-shape", picture, *options)
    assert (result.returncode, result.stderr) == (0, "")
    assert output.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.png", "--workdir=w"], "--output is missing: the mesh to write."),
        (["a.png", "--workdir=w", "--output=face.stl"], "must end in .obj or .ply."),
        (["--workdir=w", "--output=face.obj"], "--image is missing: a picture of a face."),
        (["a.png", "b.png", "--workdir=w", "--output=f.obj"], "Unexpected argument 'b.png'"),
    ],
)
def test_wrong_flags(flags_of, arguments, message):
    flags_of(command)
    with pytest.raises(flags.Error, match=re.escape(message)):
        command.parse(["dcign-tf estimate-shape", *arguments])
