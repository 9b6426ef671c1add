"""The README keeps its promises: two commands, and an example that runs as far as its imports."""

import re
import subprocess

import dcign_tf
from tests.helpers import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_exactly_two_commands():
    train, test = blocks("bash")
    assert train == "pip install -e . && python train.py --dataset=faces\n"
    assert test == "pip install -e '.[test]' && python -m pytest -n 2 --dist loadfile\n"


def test_ci_runs_the_second_command():
    script = (ROOT / ".ci" / "run").read_text()
    extraction = re.search(r"command=\$\((.*)\)\n", script)[1]
    extracted = subprocess.run(
        ["bash", "-c", extraction], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert extracted.stdout == blocks("bash")[1]


def test_python_example_uses_names_that_exist():
    (example,) = blocks("python")
    compile(example, "README.md", "exec")
    imports = [line for line in example.splitlines() if line.startswith(("import", "from"))]
    assert imports == ["import keras", "import dcign_tf"]
    for name in re.findall(r"\bdcign_tf\.(\w+)", example):
        assert name in dcign_tf.__all__
