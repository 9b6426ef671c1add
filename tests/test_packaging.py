"""What an installed package holds: the experiments, the model in the box, its marks."""

from __future__ import annotations

import os
import re
import runpy
import sys
from pathlib import Path

import pytest
import setuptools

import dcign_tf
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


@pytest.fixture(scope="module")
def setup_script() -> dict:
    """What setup.py defines; under `given`, what it tells setuptools."""
    given: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", given.update)
        patch.chdir(ROOT)
        return {**runpy.run_path(str(ROOT / "setup.py")), "given": given}


def test_the_index_is_told_what_there_is(setup_script):
    given = setup_script["given"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert (
        given["version"] == dcign_tf.__version__ == re.search("^version: (.*)", citation, re.M)[1]
    )
    pythons = [int(c.rpartition(".")[2]) for c in given["classifiers"] if "Python :: 3." in c]
    assert given["python_requires"] == f">=3.{min(pythons)},<3.{max(pythons) + 1}"
    known = setup_script["repository"](citation) is not None
    assert ("Source" in given["project_urls"]) == known
    assert all(url.startswith("https://") for url in given["project_urls"].values())


def test_a_repository_is_found_in_the_citation(setup_script):
    find = setup_script["repository"]
    assert find("title: x\nrepository-code: 'https://host/us/it/'\n") == "https://host/us/it"
    assert find('repository-code: "https://host/us/it"') == "https://host/us/it"
    assert find("title: x\nurl: https://host\n") is None


def test_the_readme_on_an_index_links_to_the_repository(setup_script):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = setup_script["long_description"](readme, "https://host/us/it")
    assert "](https://host/us/it/raw/HEAD/docs/images/turning.webp)" in shown
    assert "](https://host/us/it/blob/HEAD/docs/method.md)" in shown
    assert not re.search(r"\]\((?!https://)", shown)
    assert shown.count("](") == readme.count("](")


def test_the_readme_on_an_index_has_no_dead_link_where_no_repository_is_known(setup_script):
    shown = setup_script["long_description"]
    assert shown(
        "![a face](docs/a.png)\n[the method](docs/method.md), [it](https://x.y)", None
    ) == ("\nthe method, [it](https://x.y)")
    readme = shown((ROOT / "README.md").read_text(encoding="utf-8"), None)
    assert not re.search(r"\]\((?!https://)|<img", readme)
    assert "pip install -e . && python train.py --dataset=faces\n" in readme
