"""The training loop: exact to resume, and never a bad checkpoint."""

from __future__ import annotations

import errno
import math
import os
import shutil
import signal
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf import interrupts
from dcign_tf.errors import UserError
from dcign_tf.progress import duration
from dcign_tf.runs.checkpoints import load_model, load_newest
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.training.loop import _next_stop, train
from dcign_tf.training.monitoring import Watched
from dcign_tf.training.replicas import Replicas
from tests.helpers.tiny import CODE, black, blinded, tiny_batches, tiny_model

INTERVALS = (6, 2, 3)  # num_steps, log_every, validate_every
STEPS = tiny_batches(20)
VALIDATION = tiny_batches(3)


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    return RunDirectory(tmp_path / "run")


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> RunDirectory:
    """Trained to the end, once for all."""
    run = RunDirectory(tmp_path_factory.mktemp("original"))
    train_in(run)
    return run


@pytest.fixture
def finished(original, run) -> RunDirectory:
    """A copy of it that a test may spoil."""
    shutil.copytree(original.path, run.path)
    return run


def train_in(run: RunDirectory, model=None, intervals=INTERVALS, batches=STEPS, **kwargs):
    """Trains from the model's step on."""
    run.path.mkdir(exist_ok=True)
    model = model or tiny_model()
    step = int(model.step.numpy())
    remaining = {name: np.stack([b[name] for b in batches[step:]]) for name in batches[0]}
    dataset = tf.data.Dataset.from_tensor_slices(remaining)
    due = dict(zip(("num_steps", "log_every", "validate_every"), intervals, strict=True))
    train(model, dataset, VALIDATION, run, **due, **{"show": lambda line: None, **kwargs})
    return model


def notified(model, at: int):
    """A model that is told to stop while it makes this step."""

    def tell(step: np.ndarray) -> np.ndarray:
        if step == at - 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return step

    plain = model.train_step

    def train_step(batch):
        with tf.control_dependencies([tf.numpy_function(tell, [model.step], model.step.dtype)]):
            return plain(batch)

    model.train_step = train_step
    return model


def step_of(checkpoint: Path) -> int:
    return int(load_model(checkpoint).step.numpy())


def validations(run: RunDirectory) -> list[dict[str, float]]:
    kept = [{k: v for k, v in r.items() if k.startswith("val_")} for r in losses(run)]
    return [record for record in kept if record]


def arrays(model) -> list[np.ndarray]:
    """Weights, step and optimiser."""
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def losses(run: RunDirectory) -> list[dict[str, float]]:
    """What was logged, but for what depends on the machine."""
    measured = ("seconds", "images_per_second")
    return [{k: v for k, v in r.items() if k not in measured} for r in run.read_metrics()]


def assert_same(model, other) -> None:
    for ours, theirs in zip(arrays(model), arrays(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_validation_is_told_by_its_loss_whichever_of_its_terms_fails():
    model = tiny_model()
    batch = {name: tf.constant(value) for name, value in VALIDATION[0].items()}
    told = Replicas().compiled(model.test_step)(batch, np.zeros(2, np.int32)).loss
    assert float(told) == -float(model.loss_means["test"]["elbo"].result()["elbo"])


@given(st.integers(1, 300), st.integers(1, 50), st.integers(1, 50))
def test_stops_where_something_is_due_and_nowhere_else(num_steps, log, validate):
    stops, step = [], 0
    while step < num_steps:
        step = _next_stop(step, num_steps, log, validate)
        stops.append(step)
    due = {s for s in range(1, num_steps + 1) if s % log == 0 or s % validate == 0}
    assert stops == sorted(due | {num_steps})


class TestResuming:
    def test_equals_an_uninterrupted_run(self, original, run):
        train_in(run, intervals=(3, 2, 3))
        run.append_metrics({"step": 4, "seconds": 0, "loss": 1.0})  # logged, then killed
        run.cut_metrics(3)
        resumed = train_in(run, load_model(run.last_checkpoint))
        assert int(resumed.step.numpy()) == 6
        assert_same(resumed, load_model(original.last_checkpoint))
        assert losses(run) == losses(original)
        assert [record["step"] for record in losses(run)] == [2, 3, 4, 6]

    def test_weights_do_not_depend_on_what_is_logged_when(self, original, run):
        model = train_in(run, intervals=(6, 5, 1))
        assert_same(model, load_model(original.last_checkpoint))
        assert_same(model, load_model(run.last_checkpoint))

    @pytest.mark.parametrize("at", [3, 5])
    def test_a_notice_ends_the_step_and_saves_it(self, original, run, at):
        """Whatever is due then, but for the first, which is traced; all goes on as before."""
        with interrupts.remembered(), pytest.raises(interrupts.Terminated):
            train_in(run, notified(tiny_model(), at))
        assert step_of(run.last_checkpoint) == at
        resumed = train_in(run, load_model(run.last_checkpoint))
        assert_same(resumed, load_model(original.last_checkpoint))
        assert validations(run) == validations(original)
        assert step_of(run.best_checkpoint) == step_of(original.best_checkpoint)
        assert sorted({at, 2, 3, 4, 6}) == [record["step"] for record in losses(run)]

    def test_a_notice_during_validation_leaves_it_to_whoever_goes_on(self, original, run):
        def look() -> Watched:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
            raise AssertionError("it was not interrupted")

        with interrupts.remembered(), pytest.raises(interrupts.Terminated):
            train_in(run, look=look)
        assert [record["step"] for record in losses(run)] == [2, 3]
        assert validations(run) == []
        resumed = train_in(run, load_model(run.last_checkpoint))
        assert_same(resumed, load_model(original.last_checkpoint))
        assert losses(run) == losses(original)
        assert step_of(run.best_checkpoint) == step_of(original.best_checkpoint)

    def test_the_last_ones_are_kept_and_the_newest_whole_one_goes_on(self, original, run):
        train_in(run, intervals=(4, 1, 1), checkpoints_kept=3)
        files = run.last_checkpoints()
        assert [file.name for file in files] == ["last.keras", "last-1.keras", "last-2.keras"]
        assert [step_of(file) for file in files] == [4, 3, 2]
        content = bytearray(files[0].read_bytes())
        content[len(content) // 2] ^= 1
        files[0].unlink()  # or the copies that share its bytes would be damaged, too
        files[0].write_bytes(content)
        lines: list[str] = []
        model = load_newest(run, lines.append)
        assert int(model.step.numpy()) == 3
        assert "last.keras is damaged" in lines[0]
        assert lines[1] == f"Going on from {files[1]}, the checkpoint before."
        assert [step_of(file) for file in run.last_checkpoints()] == [3, 2]
        run.cut_metrics(3)
        assert_same(train_in(run, model), load_model(original.last_checkpoint))
        for file in run.last_checkpoints():
            file.write_bytes(b"nothing")
        with pytest.raises(UserError, match=r"last\.keras is damaged"):
            load_newest(run, lines.append)

    def test_no_checkpoint_is_older_than_was_asked(self, run):
        train_in(run, intervals=(5, 5, 5), checkpoint_seconds=0, checkpoints_kept=9)
        assert [step_of(file) for file in run.last_checkpoints()] == [5, 4, 3, 2, 1]

    def test_a_finished_run_has_nothing_to_do(self, finished):
        before = finished.last_checkpoint.read_bytes()
        train_in(finished, load_model(finished.last_checkpoint))
        assert finished.last_checkpoint.read_bytes() == before
        assert len(finished.read_metrics()) == 4

    def test_the_newest_whole_one_takes_the_place_of_all_damaged_ones(self, run):
        train_in(run, intervals=(4, 1, 1), checkpoints_kept=4)
        for file in run.last_checkpoints()[:2]:
            file.unlink()  # or the copies that share its bytes would be damaged, too
            file.write_bytes(b"")
        assert int(load_newest(run, str).step.numpy()) == 2
        assert [step_of(file) for file in run.last_checkpoints()] == [2, 1]

    @pytest.mark.parametrize("damage", ["empty", "nonsense", "cut short", "a flipped bit"])
    def test_a_damaged_checkpoint(self, finished, damage):
        path = finished.last_checkpoint
        content = bytearray(path.read_bytes())
        half = len(content) // 2
        content[half] ^= 1
        damaged = {"empty": b"", "cut short": content[:half], "a flipped bit": content}
        path.write_bytes(damaged.get(damage, damage.encode()))
        with pytest.raises(UserError, match=r"last\.keras is damaged .*delete it") as caught:
            load_model(path)
        assert "\n" not in str(caught.value)

    def test_another_kind_of_model(self, tmp_path):
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "last.keras")
        with pytest.raises(UserError, match=r"last\.keras is damaged \(it holds another kind"):
            load_model(tmp_path / "last.keras")

    def test_a_missing_checkpoint(self, run):
        with pytest.raises(UserError, match=r"There is no checkpoint .*last\.keras yet"):
            load_model(run.last_checkpoint)


class TestBadLoss:
    def test_nan_keeps_the_last_checkpoint(self, run):
        batches = [*STEPS[:4], black(STEPS[4]), STEPS[5]]
        with pytest.raises(UserError, match=r"loss became nan in step 5 \(train 4\); .*is kept"):
            train_in(run, blinded(tiny_model()), batches=batches, sweep_of="{} {}".format)
        kept = load_model(run.last_checkpoint)
        assert int(kept.step.numpy()) == 3
        assert all(np.isfinite(a).all() for a in arrays(kept))
        assert run.read_metrics()[-1]["step"] == 4

    def test_an_update_that_no_training_loss_has_seen(self, run):
        """The last step before a checkpoint spoils the weights; its own loss was finite."""
        rate = keras.optimizers.schedules.PiecewiseConstantDecay([4], [1e-3, 1e38])
        with pytest.raises(UserError, match=r"ELBO became -?(nan|inf) after step 6 .*is kept"):
            train_in(run, tiny_model(keras.optimizers.SGD(rate)))
        assert int(load_model(run.last_checkpoint).step.numpy()) == 3

    @pytest.mark.parametrize("of_optimizer", [False, True])
    def test_a_weight_that_shows_in_no_loss(self, run, of_optimizer):
        """NaN becomes −3e38 in max-pooling and 0 in ReLU: losses stay finite."""
        model = tiny_model(keras.optimizers.SGD(1e-3, momentum=0.9))
        kernel = model.encoder.trainable_variables[0]
        candidates = model.optimizer.variables if of_optimizer else [kernel]
        spoilt = next(variable for variable in candidates if variable.shape == kernel.shape)
        spoilt.assign(np.full(spoilt.shape, np.nan))
        with pytest.raises(
            UserError, match=rf"by step 3 \({kernel.path} holds numbers that are not"
        ):
            train_in(run, model, (3, 4, 4), sweep_of="{} {}".format)
        assert not run.last_checkpoint.exists()

    def test_a_checkpoint_with_such_a_weight_is_not_loaded(self, finished):
        model = load_model(finished.last_checkpoint)
        kernel = model.encoder.trainable_variables[0]
        kernel.assign(np.full(kernel.shape, np.nan))
        model.save(finished.last_checkpoint)
        with pytest.raises(
            UserError, match=rf"last\.keras is damaged \({kernel.path} holds numbers"
        ):
            load_model(finished.last_checkpoint)

    def test_validation_names_its_sweep(self, run):
        spoilt = [*VALIDATION[:1], black(VALIDATION[1])]
        run.path.mkdir()
        batches = tf.data.Dataset.from_tensor_slices(
            {name: np.stack([b[name] for b in STEPS]) for name in STEPS[0]}
        )
        model = blinded(tiny_model())
        due = {"num_steps": 2, "log_every": 2, "validate_every": 2}
        with pytest.raises(UserError, match=r"ELBO became nan after step 2 \(validation batch 1\)"):
            train(model, batches, spoilt, run, **due, show=lambda line: None)

    def test_before_any_checkpoint(self, run):
        batches = [black(STEPS[0]), *STEPS[1:]]
        with pytest.raises(UserError, match="no checkpoint had been written yet"):
            train_in(run, blinded(tiny_model()), batches=batches)
        assert not run.last_checkpoint.exists()


class TestFiles:
    def test_best_is_the_checkpoint_with_the_highest_validation_elbo(self, run):
        rate = keras.optimizers.schedules.PiecewiseConstantDecay([4], [1e-3, -1e-3])
        train_in(run, tiny_model(keras.optimizers.SGD(rate)), (12, 4, 4))
        elbo = {r["step"]: r["val_elbo"] for r in run.read_metrics()}
        assert max(elbo, key=elbo.get) == 4  # else the test shows nothing
        assert int(load_model(run.best_checkpoint).step.numpy()) == 4
        assert int(load_model(run.last_checkpoint).step.numpy()) == 12

    def test_full_disk_keeps_the_old_checkpoint(self, finished, monkeypatch):
        model = load_model(finished.last_checkpoint)
        before = finished.last_checkpoint.read_bytes()

        def fill_the_disk(path):
            path.write_bytes(b"half a checkpoint")
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(model, "save", fill_the_disk)
        with pytest.raises(UserError, match=r"Cannot write .*\.keras: No space left on device"):
            train_in(finished, model, (9, 2, 3))
        assert finished.last_checkpoint.read_bytes() == before
        names = {p.name for p in finished.last_checkpoint.parent.iterdir()}
        assert names == {"last.keras", "best.keras"}

    def test_tensorboard(self, run):
        picture = np.linspace(0, 1, 6).reshape(1, 2, 3, 1)
        watched = Watched(
            {"val_spearman/azimuth": 0.5},
            latent_kl=np.array([2.0, 0.0, 1.0]),
            histograms={"z/prior": np.arange(5.0)},
            pictures={"traversal/azimuth": picture},
        )
        train_in(run, look=lambda: watched)
        scalars, images, histograms = {}, [], []
        for file in run.tensorboard.iterdir():
            for event in tf.compat.v1.train.summary_iterator(str(file)):
                for value in event.summary.value:
                    tensor = tf.make_ndarray(value.tensor)
                    if value.metadata.plugin_data.plugin_name == "images":
                        images.append((event.step, value.tag, tensor[2]))
                    elif value.metadata.plugin_data.plugin_name == "histograms":
                        histograms.append((event.step, value.tag, tensor[:, 2].sum()))
                    else:
                        scalars[value.tag, event.step] = float(tensor)
        for record in losses(run):
            step = record.pop("step")
            assert record.pop("val_latent_kl", [2, 0, 1]) == [2, 0, 1]
            assert record.get("val_spearman/azimuth", 0.5) == 0.5
            for name, value in record.items():
                assert scalars.pop((name, step)) == pytest.approx(value, rel=1e-6)
        assert {name for name, _ in scalars} == {"images_per_second"}
        expected = [("z/prior", 5), ("latent_kl", 3)]
        assert histograms == [(step, *each) for step in (3, 6) for each in expected]
        assert [(step, tag) for step, tag, _ in images] == [
            (step, "traversal/azimuth") for step in (3, 6)
        ]
        shown = tf.io.decode_png(images[0][2]).numpy()
        np.testing.assert_allclose(shown / 255, picture[0], atol=1 / 255)

    def test_tensorboard_that_cannot_be_written(self, run):
        run.path.mkdir()
        run.tensorboard.touch()
        with pytest.raises(UserError, match=r"Cannot write to .*tensorboard"):
            train_in(run)

    def test_losses_of_every_factor(self, original):
        record = original.read_metrics()[-1]
        assert record["val_elbo"] == pytest.approx(
            -(record["val_reconstruction_loss"] + record["val_kl_loss"]), rel=1e-6
        )
        for factor in CODE.factors:
            assert math.isfinite(record[f"val_elbo/{factor}"])
        # Steps 5 and 6 showed the second and third factor.
        assert "loss/azimuth" not in record
        assert {f"loss/{factor}" for factor in CODE.factors[1:]} <= set(record)


class TestProgress:
    def test_the_loss_scale_of_float16(self, run, set_dtype_policy):
        set_dtype_policy("mixed_float16")
        model = train_in(run)
        assert run.read_metrics()[-1]["loss_scale"] == float(model.optimizer.dynamic_scale) > 1000

    @pytest.mark.parametrize("procedure", ["clamped", "entangled"])
    def test_a_table(self, run, procedure):
        lines: list[str] = []
        train_in(run, tiny_model(procedure=procedure), show=lines.append)
        header, *rows = lines
        assert len(rows) == 4  # at 2, 3, 4 and 6
        assert {len(line) for line in lines} == {len(header)}
        assert len(header) <= 100
        record = run.read_metrics()[-1]
        cells = rows[-1].split()
        assert cells[0] == "6/6"
        reconstruction, kl = (
            ("clamped_reconstruction_loss", "active_kl_loss")
            if procedure == "clamped"
            else ("reconstruction_loss", "kl_loss")
        )
        for cell, name in zip(
            cells[1:], ("loss", reconstruction, kl, "invariance_loss", "val_elbo"), strict=False
        ):
            assert cell == f"{record[name]:.2f}"
        assert rows[-1].endswith("0 s")
        assert len(rows[0].split()) == len(cells) - 1  # no validation then

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(0.2, "0 s"), (59.6, "1 min 00 s"), (750, "12 min 30 s"), (3900, "1 h 05 min")],
    )
    def test_duration(self, seconds, words):
        assert duration(seconds) == words
