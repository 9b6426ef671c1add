"""The run directory: its lock, its checks, and files that survive whatever happens."""

from __future__ import annotations

import errno
import itertools
import json
import math
import random
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.datasets.registry import dataset_facts
from dcign_tf.errors import UserError
from dcign_tf.files import sealed, write_aside, write_json
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.runs.directory import CHANGEABLE_KEYS, RunDirectory
from dcign_tf.runs.presets import completed, load_preset, presets, training_command
from tests.fuzz.harness import misstated

CONFIG = {
    "dataset": "faces",
    "preset": "quick",
    "data_dir": "data",
    "seed": 0,
    "num_steps": 10,
    "ratios": [1, 2],
    "data": {"size": 36, "num_steps": 1},
    "batches_per_step": 1,
    "latents_per_factor": [1],
    "beta": 1.0,
    "optimizer": {"name": "adam", "learning_rate_scaling": "none", "learning_rate": 0.001},
}
ENVIRONMENT = {"threads": 2, "commit": "abc", "data_fingerprint": "f1"}


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    (tmp_path / "run").mkdir()
    return RunDirectory(tmp_path / "run")


def contents(run: RunDirectory) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}


class TestLock:
    def test_one_at_a_time(self, run):
        with (
            run.locked(),
            pytest.raises(UserError, match=r"Another process is using .*run\. Wait"),
            RunDirectory(run.path).locked(),
        ):
            pass
        with run.locked():
            pass

    def test_goes_with_the_process(self, run):
        code = (
            "import sys, time; from dcign_tf.runs.directory import RunDirectory\n"
            "with RunDirectory(sys.argv[1]).locked(): print('held', flush=True); time.sleep(60)"
        )
        command = [sys.executable, "-c", code, str(run.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(UserError, match="Another process"), run.locked():
                pass
            holder.send_signal(signal.SIGKILL)
            holder.wait()
        with run.locked():
            pass

    def test_makes_the_directory_and_leaves_none_for_nothing(self, tmp_path):
        run = RunDirectory(tmp_path / "a" / "b")
        assert not run.path.exists()
        with pytest.raises(UserError, match=r"it has no config\.json"), run.locked():
            run.read_config()
        assert not run.path.exists()
        with run.locked():
            write_json(run.config_file, CONFIG)
        assert run.read_config() == CONFIG

    def test_a_link_to_a_run_is_held_and_stays(self, tmp_path):
        (tmp_path / "scratch").mkdir()
        (tmp_path / "run").symlink_to("scratch")
        with RunDirectory(tmp_path / "run").locked():
            pass
        assert list((tmp_path / "run").iterdir()) == []

    def test_a_folder_of_it_that_cannot_be_written_to_is_told_at_once(self, run):
        run.last_checkpoint.parent.symlink_to("/nowhere/scratch")
        with pytest.raises(UserError, match=r"Cannot write .*checkpoints: No such"), run.locked():
            pass

    def test_what_a_killed_evaluation_left_is_deleted(self, run):
        (run.evaluation / ".aside-x").mkdir(parents=True)
        (run.evaluation / ".aside-x" / "figure.png").touch()
        with run.locked():
            pass
        assert list(run.evaluation.iterdir()) == []

    def test_unwritable(self, tmp_path):
        (tmp_path / "file").touch()
        for path in (tmp_path / "file", tmp_path / "file" / "run"):
            with (
                pytest.raises(UserError, match=f"Cannot write to the run directory {path}: "),
                RunDirectory(path).locked(),
            ):
                pass


class TestConfig:
    def test_the_same_again(self, run):
        run.record({**CONFIG, "ratios": (1, 2)}, ENVIRONMENT)  # JSON knows no tuples
        run.check_config({**CONFIG, "ratios": (1, 2)})

    @given(st.sets(st.sampled_from([*CHANGEABLE_KEYS, "seed", "ratios", "new", "data.size"])))
    def test_every_forbidden_change_is_named(self, tmp_path_factory, keys):
        run = RunDirectory(tmp_path_factory.mktemp("run"))
        recorded = {
            **CONFIG,
            **{
                key: 0 if key.endswith(("steps", "every", "used")) else "a"
                for key in CHANGEABLE_KEYS
            },
        }
        run.record(recorded, ENVIRONMENT)
        wanted = json.loads(json.dumps(recorded))
        for key in keys:
            *path, last = key.split(".")
            (wanted[path[0]] if path else wanted)[last] = "other"
        forbidden = keys - CHANGEABLE_KEYS
        if not forbidden:
            run.check_config(wanted)
            return
        with pytest.raises(UserError, match="was started with another config") as caught:
            run.check_config(wanted)
        named = str(caught.value).split(": ", 1)[1].split(". Use")[0]
        assert {change.split(":")[0] for change in named.split("; ")} == forbidden

    def test_a_run_that_began_before_there_was_a_setting_goes_on(self, run):
        """It did what the setting now stands for, and nothing else."""
        since = ("batches_per_step", "latents_per_factor", "beta", "optimizer")
        earlier = {k: v for k, v in CONFIG.items() if k not in since}
        run.record({**earlier, "optimizer": {"learning_rate": 0.001}}, ENVIRONMENT)
        assert run.read_config() == CONFIG
        run.check_config({**CONFIG, "latents_per_factor": (1,)})
        with pytest.raises(UserError, match=r"config: latents_per_factor: \[1\] → \[2\]\. Use"):
            run.check_config({**CONFIG, "latents_per_factor": (2,)})

    def test_a_folder_of_pictures_is_what_it_was_before_there_were_further_settings(self, run):
        now = {**load_preset("manifest", "quick").to_dict(), "data_dir": "own"}
        earlier = {**now["data"]}
        del earlier["fit"], earlier["hold_out"]
        run.record({**now, "data": earlier}, ENVIRONMENT)
        run.check_config(now)
        with pytest.raises(UserError, match=r"config: data\.fit: contain → cover\. Use"):
            run.check_config({**now, "data": {**now["data"], "fit": "cover"}})

    def test_a_key_may_change_only_where_it_was_meant(self, run):
        run.record(CONFIG, ENVIRONMENT)
        with pytest.raises(UserError, match=r"data\.num_steps: 1 → 2"):
            run.check_config({**CONFIG, "data": {"size": 36, "num_steps": 2}})

    def test_a_changed_number_of_steps_is_recorded(self, run):
        run.record(CONFIG, ENVIRONMENT)
        run.record({**CONFIG, "num_steps": 20}, ENVIRONMENT)
        assert run.read_config()["num_steps"] == 20

    @pytest.mark.parametrize("content", [b'{"seed": ', b"[1]", b"\xff"])
    @pytest.mark.parametrize("name", ["config", "environment"])
    def test_damage(self, run, name, content):
        run.record(CONFIG, ENVIRONMENT)
        (run.path / f"{name}.json").write_bytes(content)
        with pytest.raises(UserError, match=rf"{name}\.json is damaged: .*Restore it or delete"):
            getattr(run, f"read_{name}")()

    def test_a_config_of_nothing(self, run):
        write_json(run.config_file, {})
        with pytest.raises(UserError, match=r"it has no dataset, preset, data, data_dir\. Restore"):
            run.read_config()

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"dataset": "fcaes"}, "dataset is 'fcaes'; it must be one of chairs, dcign_torch7, "),
            ({"dataset": ["faces"]}, r"dataset is \['faces'\]; it must be one of"),
            ({"data": None}, "data is None; it must be a group of settings"),
            ({"data": {"image_size": "70"}}, "data.image_size is '70'; it must be a whole number"),
            ({"data": {"azimuth_range_deg": None}}, "data.azimuth_range_deg is None; .* a number"),
            ({"optimizer": {"beta_1": math.nan}}, "optimizer.beta_1 is nan; it must be a number"),
            (
                {"network": {"encoder_filters": 32}},
                "network.encoder_filters is 32; it must be a list",
            ),
            ({"seed": True}, "seed is True; it must be a whole number"),
            ({"jit_compile": 1}, "jit_compile is 1; it must be true or false"),
            ({"face_model": 3}, "face_model is 3; it must be text"),
            ({"data_dir": None}, "data_dir is None; it must be text"),
        ],
    )
    def test_a_value_of_the_wrong_kind_is_named(self, run, changes, message):
        run.config_file.write_text(json.dumps({**CONFIG, **changes}))
        with pytest.raises(
            UserError, match=rf"config\.json: {message}.*Mend it or restore"
        ) as caught:
            run.read_config()
        assert "\n" not in str(caught.value)

    def test_paths_may_be_edited_and_settings_of_other_releases_are_no_error(self, run):
        """The checksum leaves paths out: nothing else says where data and a face model are now."""
        run.record({**CONFIG, "face_model": None}, ENVIRONMENT)
        moved = {"data_dir": "/elsewhere", "face_model": "/elsewhere/model.h5"}
        recorded = json.loads(run.config_file.read_text())
        run.config_file.write_text(json.dumps({**recorded, **moved}))
        assert run.read_config() == {**CONFIG, **moved}
        run.config_file.write_text(json.dumps({**recorded, "seed": 1}))
        with pytest.raises(UserError, match=r"\(only data_dir and face_model may be edited"):
            run.read_config()
        optimizer = {"name": "adam", "learning_rate": 1, "momentum": "x"}
        old = {"preset": "gone", "optimizer": optimizer}
        config = {**CONFIG, "images_per_batch": None, **moved, **old}
        run.config_file.write_text(json.dumps(config))
        assert run.read_config() == completed(config)

    @pytest.mark.parametrize("dataset", presets())
    def test_whatever_it_says_is_taken_or_refused_in_a_line(self, run, dataset):
        """By those who act on it, too."""
        config = {**load_preset(dataset, "quick").to_dict(), "data_dir": "data", "init_from": None}
        rng, refusals = random.Random(0), []
        for _ in range(200):
            run.config_file.write_bytes(misstated(rng, json.dumps(config).encode()))
            try:
                read = run.read_config()
                assert 0 <= dataset_facts(read).background <= 255
                assert read["dataset"] in training_command(read)
                run.check_config(config)
            except UserError as error:
                refusals.append(str(error))
        assert 50 < len(refusals) < 200
        assert "\n" not in "".join(refusals)

    @pytest.mark.parametrize("name", ["config", "environment"])
    def test_a_checkpoint_of_which_nothing_is_known(self, run, name):
        run.record(CONFIG, ENVIRONMENT)
        run.check_config(CONFIG)
        write_aside(run.last_checkpoint, lambda aside: aside.write_bytes(b"weights"))
        run.check_config(CONFIG)
        (run.path / f"{name}.json").unlink()
        with pytest.raises(UserError, match=rf"has a checkpoint but no {name}\.json: .*Restore"):
            run.check_config(CONFIG)

    def test_no_run_directory(self, tmp_path):
        for path in (tmp_path, tmp_path / "missing"):
            with pytest.raises(UserError, match=r"no run directory \(it has no config\.json\)"):
                RunDirectory(path).read_config()
        assert not (tmp_path / "missing").exists()


def test_calibration_is_read_if_there_is_one(run):
    assert run.read_calibration() is None
    write_json(run.evaluation / "calibration.json", {"step": 3, "factors": {}})
    assert run.read_calibration() == Calibration({}, step=3)
    huge = '{"step": 1, "factors": {}, "familiarity": {"z_mean": [0], "z_spread": [1], '
    huge += f'"most_distance": 1{"0" * 400}, "most_error": 1}}}}'
    for damaged in (
        huge,
        200_000 * "[",
        "{",
        '{"step": 3}',
        '{"step": 3, "factors": {"a": {"nam": 1}}}',
        "[]",
    ):
        (run.evaluation / "calibration.json").write_text(damaged)
        with pytest.raises(UserError, match=r"calibration\.json is damaged"):
            run.read_calibration()


@pytest.mark.parametrize("name", ["scores", "calibration", "metrics", "environment", "config"])
def test_one_bit_of_what_is_acted_on_is_noticed(run, name):
    """Whatever it says then: another number, another key, nothing that JSON allows."""
    run.append_metrics({"step": 4, "seconds": 1.5, "val_elbo": -321.5})
    write_json(run.evaluation / "scores.json", sealed({"step": 4, "schema_version": 5}))
    write_json(run.evaluation / "calibration.json", sealed({"step": 4, "factors": {}}))
    run.record(CONFIG, ENVIRONMENT)
    beside = run.evaluation if name in ("scores", "calibration") else run.path
    file = run.metrics_file if name == "metrics" else beside / f"{name}.json"
    read = getattr(run, f"read_{name}")
    expected, whole = read(), file.read_bytes()
    flips = itertools.product(range(len(whole)), range(8))
    # Settings are checked besides, which takes ten times as long.
    for place, bit in itertools.islice(flips, 0, None, 5 if name == "config" else 1):
        content = bytearray(whole)
        content[place] ^= 1 << bit
        file.write_bytes(content)
        try:
            found = read()
        except UserError as error:
            found = str(error).partition(": ")[0]
        if name in ("scores", "environment", "config") and isinstance(found, dict):
            # The checksum's own name has changed, or where the data lie.
            found = {key: found[key] for key in expected}
            found |= {key: expected[key] for key in expected if key == "data_dir"}
        # White space may change, and a kill may cut off a last line.
        assert found in (f"{file} is damaged", expected, [])
    file.write_bytes(whole)
    assert read() == expected


class TestEnvironment:
    def test_what_changed_is_said_and_the_beginning_kept(self, run):
        assert run.record(CONFIG, ENVIRONMENT) == []
        now = {**ENVIRONMENT, "threads": 4, "commit": "def", "command": "python train.py again"}
        (note,) = run.record(CONFIG, now)
        assert note.startswith("Note: threads was 2 when this run began and is now 4")
        assert run.read_environment() == ENVIRONMENT

    def test_other_data_change_nothing(self, run):
        run.record(CONFIG, ENVIRONMENT)
        before = contents(run)
        with pytest.raises(UserError, match=r"trained on other data \(fingerprint f1, now f2\)"):
            run.record({**CONFIG, "num_steps": 20}, {**ENVIRONMENT, "data_fingerprint": "f2"})
        assert contents(run) == before


class TestMetrics:
    def test_cut_back_to_a_checkpoint(self, run):
        records = [{"step": step, "loss": step / 3} for step in (5, 10, 15, 20)]
        for record in records:
            run.append_metrics(record)
        run.cut_metrics(10)
        assert run.read_metrics() == records[:2]
        run.append_metrics(records[2])
        assert run.read_metrics() == records[:3]

    @given(kept=st.integers(1, 30))
    def test_a_line_cut_short_by_a_kill(self, tmp_path_factory, kept):
        run = RunDirectory(tmp_path_factory.mktemp("run"))
        run.append_metrics({"step": 1, "loss": 2.0})
        whole = run.metrics_file.read_text()
        run.metrics_file.write_text(whole + '{"step": 2, "loss": 123.456789}'[:kept])
        run.cut_metrics(1)
        assert run.metrics_file.read_text() == whole

    def test_strict_json(self, run):
        run.append_metrics({"step": 1, "loss": math.nan, "kl": math.inf, "elbo": -1.5})
        assert run.read_metrics() == [{"step": 1, "elbo": -1.5}]

    def test_none_yet(self, run):
        assert run.read_metrics() == []

    @pytest.mark.parametrize(
        "content",
        [
            b'nonsense\n{"step": 1}\n',
            b"[1]\n",
            b'{"loss": 2.0}\n',
            b"\xff\n",
            b'{"step": [1]}\n',
            b'{"step": 1, "loss": 1' + 400 * b"0" + b"}\n",
            200_000 * b"[" + b"\n",
        ],
    )
    def test_damage(self, run, content):
        run.metrics_file.write_bytes(content)
        with pytest.raises(UserError, match=r"metrics\.jsonl is damaged: .*Restore it or delete"):
            run.read_metrics()

    def test_full_disk(self, run):
        run.metrics_file.symlink_to("/dev/full")
        with pytest.raises(UserError, match=r"Cannot write .*metrics\.jsonl: No space left"):
            run.append_metrics({"step": 1})


class TestWriteAside:
    def test_full_disk_keeps_the_old_file(self, tmp_path):
        path = tmp_path / "sub" / "last.keras"
        write_aside(path, lambda aside: aside.write_bytes(b"old"))

        def fill_the_disk(aside):
            assert aside.suffix == ".keras"
            aside.write_bytes(b"ne")
            raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.raises(UserError, match=rf"^Cannot write {path}: No space left on device\.$"):
            write_aside(path, fill_the_disk)
        assert [p.read_bytes() for p in path.parent.iterdir()] == [b"old"]

    def test_an_error_of_another_kind_passes(self, tmp_path):
        with pytest.raises(ZeroDivisionError):
            write_aside(tmp_path / "file", lambda aside: 1 / 0)
        assert list(tmp_path.iterdir()) == []

    def test_json_is_strict(self, run):
        write_json(run.config_file, CONFIG)
        with pytest.raises(ValueError, match="not JSON compliant"):
            write_json(run.config_file, {"seed": math.nan})
        assert run.read_config() == CONFIG


class TestClear:
    @pytest.fixture
    def used(self, run):
        run.record(CONFIG, ENVIRONMENT)
        run.append_metrics({"step": 1})
        write_aside(run.last_checkpoint, lambda aside: aside.write_bytes(b"weights"))
        write_json(run.evaluation / "scores.json", {})
        (run.path / "notes.txt").write_text("the user's own")
        return run

    def test_takes_what_a_run_leaves_and_nothing_else(self, used):
        used.clear()
        assert contents(used) == {"notes.txt": b"the user's own"}

    def test_refuses_what_is_no_run_directory(self, used):
        used.config_file.unlink()
        before = contents(used)
        with pytest.raises(UserError, match="is no run directory; it is not overwritten"):
            used.clear()
        assert contents(used) == before

    @pytest.mark.parametrize("folder", ["checkpoints", "tensorboard", "evaluation"])
    def test_of_a_folder_elsewhere_only_the_link_goes(self, used, tmp_path, folder):
        (used.path / "tensorboard").mkdir()
        (used.path / folder).rename(tmp_path / "scratch")
        (tmp_path / "scratch" / "file").write_text("theirs")
        (used.path / folder).symlink_to(tmp_path / "scratch")
        used.clear()
        assert contents(used) == {"notes.txt": b"the user's own"}
        assert not (used.path / folder).is_symlink()
        assert (tmp_path / "scratch" / "file").read_text() == "theirs"

    def test_a_link_that_leads_nowhere_goes_too(self, used):
        (used.path / "comparison").symlink_to("nowhere")
        used.clear()
        assert not (used.path / "comparison").is_symlink()

    def test_what_cannot_be_deleted_is_named(self, used, monkeypatch):
        def refuse(path):
            raise OSError(errno.EBUSY, "Device or resource busy", str(path))

        monkeypatch.setattr("dcign_tf.runs.directory.delete", refuse)
        with pytest.raises(UserError, match=r"Cannot delete .*environment\.json: Device or res"):
            used.clear()

    def test_interrupted_it_can_be_repeated(self, used, monkeypatch):
        def interrupt(path):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("shutil.rmtree", interrupt)
            with pytest.raises(KeyboardInterrupt):
                used.clear()
        used.clear()
        assert list(contents(used)) == ["notes.txt"]
