"""The Dockerfile: its files are there, its steps work, its program is the package's."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import ROOT

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STEPS = re.findall(r"^([A-Z]+) (.*)$", TEXT, re.M)


TINY = [
    f"--config.{setting}"
    for setting in (
        "num_steps=20",
        "validate_every=10",
        "data.image_size=40",
        "data.train_sweeps=40",
        "data.validation_sweeps=10",
        "data.test_sweeps=10",
        "data.independent_images=300",
        "data.train_identities=40",
        "data.validation_identities=20",
        "data.test_identities=20",
    )
]


def of(instruction: str) -> list[str]:
    return [arguments for name, arguments in STEPS if name == instruction]


def copied() -> dict[str, str]:
    """Sources to their places in the image."""
    pairs = {}
    for arguments in of("COPY"):
        *sources, target = arguments.split()
        pairs |= dict.fromkeys(sources, target)
    return pairs


def test_what_is_copied_is_there_and_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    for source in copied():
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored


def test_the_program_is_process_1_and_the_packages():
    (entry,) = of("ENTRYPOINT")
    (program,) = json.loads(entry)  # no shell, which would keep signals to itself
    assert f'"{program} = dcign_tf.cli.main:main"' in (ROOT / "setup.py").read_text(
        encoding="utf-8"
    )


@pytest.mark.slow
def test_its_steps_install_a_package_that_anybody_can_use(tmp_path):
    """In a fresh environment in place of the image; the package then trains elsewhere."""
    environment, image, work = (tmp_path / name for name in ("venv", "image", "work"))
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    image.mkdir()
    work.mkdir()
    for source, target in copied().items():
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, image / target)
    path = {"PATH": f"{environment / 'bin'}:{os.environ['PATH']}"}
    pip = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))}
    for step in of("RUN"):
        subprocess.run(
            ["sh", "-euc", step], cwd=image, env={**path, **pip, "EXTRAS": ""}, check=True
        )
    shutil.rmtree(image)
    (program,) = json.loads(of("ENTRYPOINT")[0])
    for arguments in (["--help"], ["train", "--dataset=faces", "--preset=quick", *TINY]):
        subprocess.run(
            ["sh", "-euc", f'umask 077; exec {program} "$@"', program, *arguments],
            cwd=work,
            env=path,  # no HOME
            check=True,
        )
    assert (work / "runs" / "faces-quick" / "evaluation" / "scores.json").exists()
    assert {entry.name for entry in Path(work).iterdir()} == {"runs", "data"}
