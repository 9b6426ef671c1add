"""The README keeps its promises: two commands, and an example that runs."""

import re
import shutil
import subprocess

import numpy as np
from PIL import Image

from dcign_tf.pretrained import pretrained_run
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


def test_the_ten_lines_of_python_do_what_they_say(tmp_path, monkeypatch, capsys):
    (example,) = blocks("python")
    assert sum(bool(line.strip()) for line in example.splitlines()) <= 10
    picture = pretrained_run().evaluation / "examples" / "example1.png"
    shutil.copyfile(picture, tmp_path / "face.png")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)
    assert capsys.readouterr().out == "turned by -31° ± 2°\n"
    with Image.open("turned.png") as turned:
        again = np.asarray(turned, np.float32)[None, ..., None] / 255
    read = names["model"].infer_scene(again)
    assert abs(float(read["azimuth_deg"][0]) - 30) < 8
    assert abs(float(read["light_azimuth_deg"][0]) + 45) < 15  # of a picture already drawn
