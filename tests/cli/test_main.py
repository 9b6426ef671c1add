"""`dcign-tf`: what it says of its commands, and what it needs for that."""

from __future__ import annotations

import importlib
import re
import sys

import pytest
from absl import flags

from dcign_tf.cli.definition import Command
from dcign_tf.cli.main import COMMANDS
from tests.helpers import ROOT
from tests.helpers.commands import execute, execute_dcign_tf


def test_overview_has_a_line_for_each_command():
    result = execute_dcign_tf("--help")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[-len(COMMANDS) :]] == list(COMMANDS)
    assert all(len(line) <= 100 and line.endswith(".") for line in lines[-len(COMMANDS) :])
    assert execute_dcign_tf().stdout == result.stdout


def test_every_command_is_offered():
    modules = (f"dcign_tf.cli.{path.stem}" for path in (ROOT / "dcign_tf" / "cli").glob("*.py"))
    defined = [vars(importlib.import_module(module)).values() for module in modules]
    commands = {id(value) for values in defined for value in values if isinstance(value, Command)}
    assert commands == set(map(id, COMMANDS.values()))


def test_messages_name_no_script_of_a_checkout():
    """An installed package has none: it has the commands."""
    package = [path.read_text(encoding="utf-8") for path in (ROOT / "dcign_tf").rglob("*.py")]
    assert not [text for text in package if re.search(r"python (train|evaluate)\.py", text)]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_home_folder_is_known_in_every_path(name, flags_of, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    before = set(flags.FLAGS)
    flags_of(COMMANDS[name])
    paths = {"workdir", "data_dir", "init_from", "export", "output", "twin", "image"}
    own = sorted(paths & (set(flags.FLAGS) - before))
    assert own or name in ("compare", "workers")
    for flag in own:
        flags.FLAGS[flag].parse("~/x")
        assert flags.FLAGS[flag].value == "/home/someone/x"
        with pytest.raises(flags.IllegalFlagValueError, match="no path: mount the bucket"):
            flags.FLAGS[flag].parse("gs://bucket/x")


def test_a_home_folder_is_known_in_an_argument(flags_of, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    flags_of(COMMANDS["rerender"])
    COMMANDS["rerender"].parse(["rerender", "~/a.png", "--azimuth_deg=1", "--output=o"])
    assert flags.FLAGS.image == "/home/someone/a.png"
    assert COMMANDS["compare"].parse(["compare", "~/a", "b"]) == ["/home/someone/a", "b"]


def test_an_unknown_command():
    result = execute_dcign_tf("trian", "--dataset=faces")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(
        "dcign-tf: Unknown command 'trian'. Did you mean 'train'? There is train, workers, "
    )
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command(name):
    """Examples and its own flags, none of the libraries'; and no TensorFlow is loaded."""
    code = (
        "import sys\nfrom dcign_tf.cli import main\n"
        f"sys.argv[1:] = ['{name}', '--help']\nmain.main()\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    result = execute([sys.executable, "-c", code], cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, "")
    description, _, flags = result.stdout.partition("\nFlags:\n")
    assert description == f"{COMMANDS[name].help}\n"
    assert f"    dcign-tf {name}" in description
    flag_names = re.findall(r"^--(?:\[no\])?(\w+):", flags, re.MULTILINE)
    assert len(flag_names) == len(COMMANDS[name].flags) + 1
    assert "num_processes" in flag_names  # which every command has
    assert not {"verbosity", "alsologtostderr", "pdb"} & set(flag_names)


FACE = "dcign_tf/pretrained/faces/evaluation/examples/example1.png"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--datset=faces"], "train: Unknown command line flag 'datset'"),
        (["train", "--dataset=faces", "--preset=x"], "train: --preset=x is unknown; there is best"),
        (["evaluate"], "evaluate: --workdir is missing: the run directory of a training."),
        (["evaluate", "--compare=a"], "evaluate: Unknown command line flag 'compare'"),
        (["compare", "none"], "compare: Comparing takes two run directories"),
        (["compare", "none", "--output=o", "other"], "compare: none is no run directory"),
        (["rerender", "--output=o.png"], "rerender: --image is missing: a picture, or a folder"),
        (["estimate-shape", "a.png"], "estimate-shape: --output is missing: the mesh to write."),
        (["export"], "export: --output is missing: the folder of the versions."),
        (["export", "--output=/proc/sys/x"], "export: Cannot write /proc/sys/x: "),
        (["train", "--dataset=faces", "--preset=quick", "--export=/proc/sys/x"], "train: Cannot w"),
        (["train", "--dataset=faces", "--preset=quick", "--init_from=x"], "train: There is no che"),
        (
            ["train", "--dataset=faces", "--preset=quick", "--config.num_steps=0"],
            "train: --config.",
        ),
        (
            ["train", "--dataset=faces", "--preset=quick", "--config.data.image_size=7"],
            "train: Cannot make the dataset 'faces': image_size is 7",
        ),
        (
            ["prepare", "--dataset=chairs", "--preset=quick", "--config.data.image_size=7"],
            "prepare: Cannot make the dataset 'chairs': image_size is 7",
        ),
        (
            ["rerender", FACE, "--azimuth_deg=99", "--output=o.png"],
            "rerender: azimuth_deg=99 is ou",
        ),
        (["rerender", FACE, "--height", "3", "--output=o.png"], "rerender: Unknown value 'height'"),
        (["rerender", FACE, "--azimuth_deg=9", "--output=/proc/sys/o.png"], "rerender: Cannot wri"),
        (
            ["rerender", "setup.py", "--azimuth_deg=9", "--output=o.png"],
            "rerender: setup.py is no ",
        ),
        (
            ["rerender", "docs/serving", "--azimuth_deg=9", "--output=o"],
            "rerender: There is no pict",
        ),
        (["estimate-shape", "a.png", "--output=o.obj"], "estimate-shape: a.png cannot be read as"),
        (["estimate-shape", FACE, "--output=/proc/sys/o.obj"], "estimate-shape: Cannot write /pr"),
        (["evaluate", "--workdir=tests"], "evaluate: tests is no run directory"),
        (["demo", "--max_upload_mb=nan"], "demo: flag --max_upload_mb=nan: it must be a finite nu"),
        (
            ["train", "--dataset=faces", "--preset=quick", "--checkpoint_minutes=inf"],
            "train: flag --checkpoint_minutes=inf: it must be a finite number",
        ),
        (
            ["prepare", "--dataset=faces", "--preset=quick", "--beam_options=--x='a"],
            "prepare: flag --beam_options=--x='a: No closing quotation",
        ),
        (["demo", "x"], "demo: Unexpected argument 'x'; every setting is a --flag=value."),
        (["pack", "--output=o"], "pack: --workdir is missing: the run directory of a training."),
    ],
)
def test_what_is_wrong_is_said_without_tensorflow(arguments, message, tmp_path):
    """TensorFlow's own loading would say so: it cannot be imported here."""
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was loaded')")
    code = f"import sys; sys.path.insert(1, {str(tmp_path)!r})\n" + (
        f"from dcign_tf.cli import main; sys.argv[1:] = {arguments!r}; main.main()"
    )
    result = execute([sys.executable, "-c", code], cwd=ROOT)
    assert result.returncode in (1, 2)
    assert result.stdout == ""
    assert result.stderr.startswith(f"dcign-tf {message}")
    assert result.stderr.count("\n") == 1
