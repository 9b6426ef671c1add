"""What an installed package holds: the experiments, the model in the box, its marks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.helpers import ROOT
from tests.helpers.commands import execute


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The tree that a wheel holds."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "setup.py", "-q", "build_py", f"--build-lib={folder}"]
    result = execute(command, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    return folder


def test_files_that_are_no_python(built):
    package = built / "dcign_tf"
    assert (package / "py.typed").exists()
    assert (package / "demo" / "style.css").exists()
    model = ROOT / "dcign_tf" / "pretrained" / "faces"
    for file in filter(Path.is_file, model.rglob("*")):
        copy = package / "pretrained" / "faces" / file.relative_to(model)
        assert copy.read_bytes() == file.read_bytes()


def test_the_experiments_are_installed_with_the_package(built, tmp_path):
    code = (
        "from dcign_tf.runs.presets import *\n"
        "import dcign_tf.configs; print(dcign_tf.configs.__file__)\n"
        "for dataset, names in presets().items():\n"
        "    for preset in names: load_preset(dataset, preset); print(f'{dataset}_{preset}')"
    )
    environment = {**os.environ, "PYTHONPATH": str(built)}
    result = execute([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    assert result.returncode == 0, result.stderr
    where, *names = result.stdout.splitlines()
    assert Path(where) == built / "dcign_tf" / "configs" / "__init__.py"
    assert names == sorted(file.stem for file in (ROOT / "configs").glob("[a-z]*_*.py"))
