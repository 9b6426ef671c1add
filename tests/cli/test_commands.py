"""train.py and evaluate.py as a user runs them, on a dataset made tiny."""

from __future__ import annotations

import errno
import html
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcign_tf.errors import UserError
from dcign_tf.evaluation import evaluate as evaluation
from dcign_tf.evaluation.compare import compare
from dcign_tf.evaluation.evaluate import evaluate_run
from dcign_tf.files import sealed, write_json
from dcign_tf.locks import lock
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.runs.checkpoints import load_model
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.training.experiment import run_experiment
from tests.helpers import ROOT
from tests.helpers.commands import (
    LAST_STEP,
    RATES,
    arrays,
    assert_same_run,
    command,
    execute,
    kill_when,
    shards,
    tiny_config,
    train_command,
)
from tests.helpers.html_reading import check_page


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, data) -> tuple[RunDirectory, subprocess.CompletedProcess]:
    workdir = tmp_path_factory.mktemp("runs") / "uninterrupted"
    return RunDirectory(workdir), execute(train_command(workdir, data))


@pytest.fixture
def finished(uninterrupted, tmp_path) -> RunDirectory:
    """A copy that a test may spoil."""
    return RunDirectory(shutil.copytree(uninterrupted[0].path, tmp_path / "finished"))


class TestTrain:
    def test_what_the_user_sees(self, uninterrupted):
        run, result = uninterrupted
        assert result.returncode == 0, result.stderr
        lines = result.stdout.splitlines()
        assert lines[0].startswith("Precision: ")
        header = lines[1].split()
        assert [header[0], header[-1]] == ["step", "left"]
        assert [line.split()[0] for line in lines[2:8]] == [f"{s}/12" for s in range(2, 13, 2)]
        for factor in ("azimuth", "elevation", "light azimuth"):
            assert any(line.startswith(f"{factor} ") for line in lines)
        assert lines[-2] == f"Scores and figures are in {run.evaluation}"
        assert lines[-1] == f"The page to read them on is {run.evaluation}/report.html"
        assert max(map(len, lines[:-1])) <= 120
        # Nothing but rendering is told on standard error: no library's chatter.
        told = [line for line in result.stderr.splitlines() if line.strip()]
        assert told[0].startswith("Rendering ")
        assert all("images" in line for line in told), result.stderr

    def test_what_it_leaves(self, uninterrupted):
        run, _ = uninterrupted
        assert {entry.name for entry in run.path.iterdir()} == {
            ".lock",
            "config.json",
            "environment.json",
            "metrics.jsonl",
            "tensorboard",
            "checkpoints",
            "evaluation",
        }
        assert run.read_config()["num_steps"] == LAST_STEP
        environment = run.read_environment()
        assert environment["threads"] >= 1
        assert environment["precision"] in ("float32", "mixed_bfloat16", "mixed_float16")
        assert run.best_checkpoint.exists()
        scores = json.loads((run.evaluation / "scores.json").read_text())
        assert scores["step"] == LAST_STEP
        assert scores["num_sweeps"] == dict.fromkeys(scores["factors"], 2)
        figures = {path.stem for path in run.evaluation.glob("*.png")}
        assert {"movement", "reconstructions", "novel_views", "training"} <= figures
        paper = {
            "figure_4_traversal_elevation",
            "figure_4_traversal_light_azimuth",
            "figure_5_traversal_azimuth",
            "figure_6_equivariance",
        }
        assert paper == {name for name in figures if name.startswith("figure_")}
        for path in run.evaluation.glob("*.png"):
            assert np.asarray(Image.open(path).convert("L")).std() > 1
        assert shlex.split(environment["command"])[0] == "python"
        page = check_page((run.evaluation / "report.html").read_text(encoding="utf-8"))
        assert len(page.attributes("src")) == len(figures)
        told = page.source.replace(" \\\n  ", " ")  # a flag a line
        assert environment["command"] in html.unescape(told)

    @pytest.mark.slow
    def test_killed_as_it_renders_it_ends_with_the_same_bits(self, uninterrupted, data, tmp_path):
        run = RunDirectory(tmp_path / "run")
        other_data = tmp_path / "data"
        again = train_command(run.path, other_data)

        def rendering() -> bool:
            return any(other_data.glob("dcign_faces/*/1.0.0.rendering/*array_record*"))

        assert kill_when(rendering, again).returncode == -signal.SIGKILL
        assert not run.last_checkpoint.exists()
        result = execute(again)
        assert result.returncode == 0, result.stderr
        assert shards(other_data) == shards(data)
        assert len(shards(data)) == 13
        assert_same_run(run, uninterrupted[0])

    def test_terminated_it_ends_with_the_same_bits(self, uninterrupted, data, tmp_path):
        run = RunDirectory(tmp_path / "run")
        again = train_command(run.path, data)
        terminated = kill_when(run.last_checkpoint.exists, again, signal.SIGTERM)
        assert terminated.returncode == 143, terminated.stderr
        told = terminated.stderr.strip()
        assert told == "train.py: Terminated. Run the same command again to go on."
        assert run.read_scores() is None
        result = execute(again)
        assert result.returncode == 0, result.stderr
        assert "Going on from step " in result.stdout
        assert_same_run(run, uninterrupted[0])

    def test_a_second_process_stops(self, uninterrupted, data):
        run, _ = uninterrupted
        with run.locked():
            result = execute([*train_command(run.path, data), "--overwrite"])
        assert result.returncode == 1
        assert result.stderr.startswith(f"train.py: Another process is using {run.path}. Wait")
        assert result.stderr.count("\n") == 1
        assert run.read_scores()["step"] == LAST_STEP

    def test_the_preset_depends_on_the_machine(self, monkeypatch):
        import tensorflow as tf

        from dcign_tf.cli import train

        for devices, expected in (([], "quick"), (["a GPU"], "paper")):
            monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind, d=devices: d)
            preset, reason = train.default_preset()
            assert preset == expected
            assert "GPU is visible" in reason


@pytest.mark.usefixtures("set_dtype_policy", "undrawn_figures")
class TestExperiment:
    """The same, in this process."""

    @pytest.fixture
    def go(self, data, finished) -> Callable:
        """Runs again in a finished run's directory, or another; returns the lines shown."""

        def run_again(
            run=finished, data_dir=data, overwrite=False, init_from=None, test=True, **changes
        ):
            lines: list[str] = []
            config = {**tiny_config(**changes), "init_from": init_from}
            arguments = (config, run, str(data_dir))
            run_experiment(*arguments, overwrite=overwrite, test=test, show=lines.append)
            return lines

        return run_again

    def test_a_finished_run_says_so(self, go, finished):
        before = finished.last_checkpoint.read_bytes()
        lines = go()
        assert f"{finished.path} is finished (step 12). To go on, give a larger" in lines[0]
        assert "--overwrite" in lines[0]
        assert str(finished.evaluation) in lines[-1]
        assert finished.last_checkpoint.read_bytes() == before

    def test_an_unevaluated_one_is_evaluated(self, go, finished):
        scores = finished.read_scores()
        shutil.rmtree(finished.evaluation)
        go()
        assert finished.read_scores() == scores

    def test_one_that_was_killed_before_its_checkpoint_was_calibrated_is_evaluated(
        self, go, finished
    ):
        model = load_model(finished.last_checkpoint)
        model.calibration = None
        model.save(finished.last_checkpoint)
        go()
        assert load_model(finished.last_checkpoint).calibration.step == LAST_STEP

    def test_data_that_cannot_be_made_keep_what_was_to_be_overwritten(self, go, finished, tmp_path):
        before = finished.last_checkpoint.read_bytes()
        (tmp_path / "file").touch()
        with pytest.raises(UserError, match="Cannot write data to"):
            go(overwrite=True, data_dir=tmp_path / "file" / "data")
        assert finished.last_checkpoint.read_bytes() == before
        assert finished.read_scores() is not None

    def test_it_ends_with_validation_scores_unless_those_of_test_are_asked_for(self, go, finished):
        tested = finished.read_scores()
        go(test=False)
        assert finished.read_scores() == tested  # a finished run keeps those that it has
        shutil.rmtree(finished.evaluation)
        lines = go(test=False)
        assert any(line.startswith("Evaluating on the validation split: ident") for line in lines)
        validated = finished.read_scores()
        assert (tested["split"], validated["split"]) == ("test", "validation")
        assert "disentanglement" not in validated
        page = (finished.evaluation / "report.html").read_text()
        assert "measured on its validation split" in page
        go(test=True)
        assert finished.read_scores() == tested

    def test_it_is_extended_by_more_steps(self, go, finished):
        lines = go(num_steps=14)
        assert any("Going on from step 12" in line for line in lines)
        assert finished.read_metrics()[-1]["step"] == 14
        assert finished.read_scores()["step"] == 14
        assert finished.read_config()["num_steps"] == 14

    def test_it_is_overwritten(self, go, finished):
        go(overwrite=True, num_steps=1, seed=3)
        assert [record["step"] for record in finished.read_metrics()] == [1]
        assert finished.read_config()["seed"] == 3
        assert finished.read_scores()["step"] == 1

    def test_an_impossible_setting_deletes_nothing(self, go, finished):
        before = {p: p.stat().st_mtime_ns for p in finished.path.rglob("*")}
        with pytest.raises(UserError, match="Unknown procedure 'clamp'"):
            go(overwrite=True, procedure="clamp")
        with pytest.raises(UserError, match="procedure: clamped → entangled"):
            go(procedure="entangled")
        assert {p: p.stat().st_mtime_ns for p in finished.path.rglob("*")} == before

    def test_other_weights_to_start_from(self, go, finished, tmp_path):
        run = RunDirectory(tmp_path / "new")
        go(
            run,
            init_from=str(finished.path),
            num_steps=1,
            **dict.fromkeys(RATES, 1e-30),
        )
        ours, theirs = arrays(run.last_checkpoint), arrays(finished.last_checkpoint)
        for name, array in ours.items():
            if name.startswith(("encoder", "decoder")):
                np.testing.assert_array_equal(array, theirs[name])
        go(RunDirectory(tmp_path / "newer"), init_from=str(run.path), num_steps=1)
        first, second = RunDirectory(tmp_path / "newer").read_environment()["trained_before"]
        assert f"--config.num_steps={LAST_STEP}" in first["command"].split()
        assert f"--init_from={finished.path}" in second["command"].split()
        assert (first["step"], second["step"]) == (LAST_STEP, 1)
        assert second["commit"] == run.read_environment()["commit"]
        with pytest.raises(UserError, match=r"--init_from: that run's network has other shapes"):
            go(
                RunDirectory(tmp_path / "x"),
                init_from=str(finished.path),
                **{"network.latent_dim": 7},
            )
        with pytest.raises(UserError, match="There is no checkpoint"):
            go(RunDirectory(tmp_path / "x"), init_from=str(tmp_path))

    def test_a_loss_that_is_not_finite(self, go, tmp_path):
        run = RunDirectory(tmp_path / "new")
        rates = dict.fromkeys(RATES, 1e30)
        sweep = r"\w+, train sweep \d+"
        message = rf"The loss became (nan|inf) in step 2 \({sweep}; {sweep}\)"
        with pytest.raises(UserError, match=message):
            go(run, **rates)

    def test_a_damaged_data_file(self, go, finished, data, tmp_path):
        damaged = shutil.copytree(data, tmp_path / "data")
        path = next(damaged.glob("dcign_faces/*/1.0.0/*train_azimuth*"))
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(UserError, match=rf"{path} is damaged") as caught:
            go(data_dir=damaged, num_steps=14)
        assert "\n" not in str(caught.value)

    def test_other_data(self, go, finished):
        recorded = finished.read_environment()
        recorded["data_fingerprint"] = "another"
        write_json(finished.environment_file, sealed(recorded))
        with pytest.raises(UserError, match="was trained on other data"):
            go()

    def test_too_little_disk(self, go, tmp_path, monkeypatch):
        usage = shutil.disk_usage("/")
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
        with pytest.raises(UserError, match="Too little disk space"):
            go(RunDirectory(tmp_path / "new"), data_dir=tmp_path / "new-data")


@pytest.mark.usefixtures("undrawn_figures")
class TestEvaluate:
    def test_from_elsewhere_with_data_that_were_moved(self, finished, data, tmp_path):
        scores = finished.read_scores()
        shutil.rmtree(finished.evaluation)
        config = json.loads(finished.config_file.read_text())
        finished.config_file.write_text(json.dumps({**config, "data_dir": "/nowhere"}))
        (tmp_path / "moved").symlink_to(data)
        result = execute(
            command("evaluate.py", "--workdir=finished", "--data_dir=moved"), cwd=tmp_path
        )
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        assert finished.read_scores() == scores
        assert "light_azimuth" in result.stdout
        assert result.stdout.endswith("read them on is finished/evaluation/report.html\n")

    def test_missing_data_are_made_anew(self, finished, tmp_path, capfd):
        scores = finished.read_scores()
        shutil.rmtree(finished.evaluation)
        data_dir = str(tmp_path / "data")
        evaluate_run(finished, data_dir=data_dir, show=lambda line: None)
        assert "Rendering" in capfd.readouterr().err
        assert finished.read_scores() == scores

    def test_the_best_checkpoint(self, finished, data):
        validated = {r["step"]: r.get("val_elbo", -np.inf) for r in finished.read_metrics()}
        scores = evaluate_run(
            finished, data_dir=str(data), checkpoint="best", show=lambda line: None
        )
        assert scores["step"] == max(validated, key=validated.get)

    def test_the_checkpoint_is_calibrated_and_otherwise_the_same(self, finished, data):
        before = arrays(finished.last_checkpoint)
        evaluate_run(finished, data_dir=str(data), show=lambda line: None)
        calibration = load_model(finished.last_checkpoint).calibration
        written = json.loads((finished.evaluation / "calibration.json").read_text())
        assert calibration == Calibration.from_config(written)
        assert calibration.step == LAST_STEP
        assert set(calibration.factors) == {"azimuth", "elevation", "light_azimuth"}
        after = arrays(finished.last_checkpoint)
        assert before.keys() == after.keys()
        for name, array in before.items():
            np.testing.assert_array_equal(array, after[name], err_msg=name)

    def test_a_checkpoint_in_use_is_left_as_it_is(self, finished, data):
        before, lines = finished.last_checkpoint.read_bytes(), []
        with finished.locked():
            evaluate_run(finished, data_dir=str(data), show=lines.append)
        assert "is in use: its checkpoint is left as it is" in lines[0]
        assert finished.last_checkpoint.read_bytes() == before

    def test_of_two_at_once_the_second_waits(self, finished, data, monkeypatch, capfd):
        done = []
        monkeypatch.setattr(evaluation, "evaluate_model", lambda *_, **__: done.append("evaluated"))
        thread = threading.Thread(
            target=evaluate_run, args=[finished], kwargs={"data_dir": str(data), "show": str}
        )
        with lock(finished.evaluation / ".lock"):
            thread.start()
            while "Waiting: another process is evaluating" not in capfd.readouterr().err:
                assert thread.is_alive()
            done.append("first")
        thread.join()
        assert done == ["first", "evaluated"]

    def test_a_run_that_cannot_be_written_to_is_not_taken_for_one_in_use(
        self, finished, data, monkeypatch
    ):
        def read_only(file, **_):
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr("dcign_tf.runs.directory.lock", read_only)
        with pytest.raises(UserError, match=r"Cannot write to the run directory .*: Read-only"):
            evaluate_run(finished, data_dir=str(data))

    def test_scores_of_other_weights_go_before_their_figures(self, finished, data, monkeypatch):
        """Interrupted, it leaves no scores beside figures that are not theirs."""

        def interrupt(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(evaluation, "save_figure", interrupt)
        with pytest.raises(KeyboardInterrupt):
            evaluate_run(finished, data_dir=str(data), show=str)
        assert finished.read_scores()["step"] == LAST_STEP
        other = load_model(finished.last_checkpoint)
        other.step.assign(3)
        other.save(finished.best_checkpoint)
        with pytest.raises(KeyboardInterrupt):
            evaluate_run(finished, data_dir=str(data), checkpoint="best", show=str)
        assert finished.read_scores() is None

    def test_a_damaged_run(self, finished, data):
        content = finished.last_checkpoint.read_bytes()
        finished.last_checkpoint.write_bytes(content[:-100])
        with pytest.raises(UserError, match=r"is damaged \(it is cut short"):
            evaluate_run(finished, data_dir=str(data))
        finished.last_checkpoint.write_bytes(content)
        config = finished.read_config()
        del config["data"]
        finished.config_file.write_text(json.dumps(config))
        with pytest.raises(UserError, match=r"config\.json is damaged: it has no data\."):
            evaluate_run(finished, data_dir=str(data))

    def test_what_is_no_run_directory(self, tmp_path):
        result = execute(command("evaluate.py", f"--workdir={tmp_path / 'none'}"))
        assert result.returncode == 1
        assert result.stderr.startswith("evaluate.py: ")
        assert "is no run directory" in result.stderr
        assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("undrawn_figures")
def test_runs_side_by_side(finished, data, tmp_path):
    """The second as if it were trained without clamping, and not evaluated yet."""
    twin = RunDirectory(shutil.copytree(finished.path, tmp_path / "entangled"))
    shutil.rmtree(twin.evaluation)
    model = load_model(twin.last_checkpoint)
    model.procedure = "entangled"
    model.save(twin.last_checkpoint)
    settings = {**twin.read_config(), "procedure": "entangled", "data_dir": "elsewhere"}
    twin.config_file.write_text(json.dumps(settings))

    lines: list[str] = []
    directories = [finished.path, twin.path]
    where = finished.path / "comparison"
    with (
        twin.locked(),
        pytest.raises(UserError, match=r"entangled is in use, and has no scores of its weights"),
    ):
        compare(directories, data_dir=str(data), show=str)
    where.mkdir()
    for stale in ("entangled.png", "mine.png"):
        (where / stale).write_bytes(b"of before")
    compared = compare(directories, data_dir=str(data), show=lines.append)
    assert lines[0] == f"{twin.path} has no scores of these weights yet."
    assert set(twin.read_scores()["found_latents"]) == {"azimuth", "elevation", "light_azimuth"}
    assert load_model(twin.last_checkpoint).calibration.latents
    assert compared["settings"] == {"procedure": {"finished": "clamped", "entangled": "entangled"}}
    for factor, comparison in compared["rerendering"].items():
        both = [run.read_scores()["rerendering"][factor] for run in (finished, twin)]
        # Pairs, and what needs no network, are those of the data.
        for method in ("copy", "mean_image"):
            assert comparison[method] == both[0]["mse"][method] == both[1]["mse"][method] > 0
        assert comparison["networks"]["entangled"]["ceiling"] == both[1]["mse"]["ceiling"] > 0
    assert (where / "mine.png").read_bytes() == b"of before"  # it is no figure of ours
    (where / "mine.png").unlink()
    assert json.loads((where / "comparison.json").read_text()) == compared
    assert "## Re-rendering at a given angle" in (where / "comparison.md").read_text()
    assert {path.name for path in where.iterdir()} == {
        "comparison.json",
        "comparison.md",
        "comparison.html",
        "comparison.png",
        "figure_7_entangled.png",
    }
    for path in where.glob("*.png"):
        assert np.asarray(Image.open(path).convert("L")).std() > 1
    assert lines[-1] == f"Tables and figures are in {where}"


FACES = ("--dataset=faces", "--preset=quick")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*FACES, "--nope"], "Unknown command line flag 'nope'"),
        ([], "--dataset is missing; there is "),
        (["--config.seed=1"], "--dataset is missing; there is "),
        (["--datset=faces", "--config.seed=1"], "Unknown command line flag 'datset'. Did you mean"),
        (["--dataset=cars"], "--dataset cars is unknown; there is "),
        (["--dataset=faces", "--preset=huge"], "--preset=huge is unknown; there is best, paper"),
        (
            [*FACES, "--config.nope=1"],
            "No such setting: --config.nope; configs/faces_quick.py has ",
        ),
        (
            [*FACES, "--config.num_steps=1.5"],
            "--config.num_steps=1.5 is impossible; it must be a whole number.",
        ),
        (
            [*FACES, "--config.beta=a: b"],
            "--config.beta=a: b is impossible; it must be a number.",
        ),
        (
            [*FACES, "--config.jit_compile=maybe"],
            "--config.jit_compile=maybe is impossible; it must be true or false.",
        ),
        ([*FACES, "--config.optimizer=3"], "flag --config.optimizer=3: Failed to parse"),
        ([*FACES, "--config.factor_ratios=((0,(1,"], "flag --config.factor_ratios=((0,(1,: Error"),
        (
            [*FACES, "--config.factor_ratios[0]=1"],
            "--config.factor_ratios[0] cannot be set: a tuple",
        ),
        ([*FACES, "--config.preset=../x"], "--config.preset cannot be set; choose with --preset."),
        ([*FACES, "--config.dataset=cars"], "--config.dataset cannot be set; choose with --data"),
        ([*FACES, "stray"], "Unexpected argument 'stray'"),
        ([*FACES, "--workdir=/dev/null"], "Cannot write to the run directory /dev/null: File ex"),
        ([*FACES, "--workdir=/dev/null/x"], "Cannot write to the run directory /dev/null/x: Not"),
    ],
)
def test_one_line_for_a_wrong_command(arguments, message, tmp_path):
    result = execute(command("train.py", *arguments), cwd=tmp_path)
    assert result.returncode in (1, 2)
    assert result.stderr.startswith(f"train.py: {message}")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_loading_notes_are_hidden_and_errors_are_not():
    """Also those of a process that dies while it loads."""
    code = (
        "import os\nfrom dcign_tf.cli import running\n"
        "with running.quiet_loading():\n"
        "    os.write(2, b'I0000 00:00:1 7 port.cc:153] oneDNN custom operations are on.\\n')\n"
        "    os.write(2, b'E0000 00:00:1 7 cuda.cc:1] out of luck\\n')\n"
        "    {end}\n"
        "os.write(2, b'I0000 later\\n')"
    )
    error = "E0000 00:00:1 7 cuda.cc:1] out of luck\n"
    bare = {**os.environ, "PATH": ""}  # no command is to be found
    result = execute([sys.executable, "-c", code.format(end="pass")], cwd=ROOT, env=bare)
    assert result.stderr == f"{error}I0000 later\n"
    result = execute([sys.executable, "-c", code.format(end="os.abort()")], cwd=ROOT)
    assert result.stderr == error
    assert result.returncode == -signal.SIGABRT
