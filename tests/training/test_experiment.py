"""How a training goes about it changes nothing that it learns."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from dcign_tf.datasets.registry import open_configured
from dcign_tf.errors import UserError
from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.precision import float32_copy
from dcign_tf.runs.checkpoints import load_model, save_model
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.training import experiment, models
from tests.helpers.commands import arrays, tiny_config

pytestmark = pytest.mark.usefixtures("set_dtype_policy")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    open_configured({**tiny_config(), "data_dir": str(folder)}).prepare()
    return folder


def trained(
    path: Path,
    data: Path,
    *,
    decoded_gib: float | None = None,
    strategy: str = "auto",
    **changes,
):
    """Trains and does not evaluate: the run, and the lines it showed."""
    run, lines = RunDirectory(path), []
    path.mkdir(exist_ok=True)
    config = tiny_config(precision="float32", **changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "evaluate_run", lambda *_, **__: {})
        experiment.run_experiment(
            config,
            run,
            str(data),
            decoded_gib=decoded_gib,
            strategy=strategy,
            show=lines.append,
        )
    return run, lines


@pytest.fixture(scope="module")
def plain(tmp_path_factory, data):
    return trained(tmp_path_factory.mktemp("runs") / "plain", data)


def test_images_in_memory_give_the_same_weights(plain, data, tmp_path):
    run, lines = trained(tmp_path / "run", data, decoded_gib=1.0)
    assert any("images are decoded" in line for line in lines)
    assert not any("decoded" in line for line in plain[1]), "without a GPU only if asked for"
    expected = arrays(plain[0].last_checkpoint)
    for name, values in arrays(run.last_checkpoint).items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


@pytest.mark.slow
def test_a_step_by_xla_is_the_same_but_for_rounding(plain, data, tmp_path):
    run, _ = trained(tmp_path / "run", data, jit_compile=True)
    assert run.read_config()["jit_compile"] is True
    assert load_model(run.last_checkpoint)._is_jitted
    assert not load_model(plain[0].last_checkpoint)._is_jitted
    ours, theirs = ([r["loss"] for r in each.read_metrics()] for each in (run, plain[0]))
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)


@pytest.mark.parametrize(
    ("is_seen", "num_replicas", "asked", "by_xla"),
    [
        (True, 1, None, True),
        (True, 2, None, False),
        (False, 1, None, False),
        (True, 1, False, False),
        (False, 1, True, True),
    ],
)
def test_what_xla_compiles(is_seen, num_replicas, asked, by_xla, data, monkeypatch):
    monkeypatch.setattr(models, "sees_gpu", lambda: is_seen)
    config = {**tiny_config(precision="float32", jit_compile=asked), "data_dir": str(data)}
    model, *_ = models.new_model(config, open_configured(config), num_replicas)
    assert model._is_jitted == by_xla


def test_a_run_goes_on_by_xla_where_a_gpu_is_seen(data, tmp_path, monkeypatch):
    run, _ = trained(tmp_path / "run", data, num_steps=2)
    state = [v.numpy() for v in load_model(run.last_checkpoint).optimizer.variables]
    began: list[DCIGN] = []
    monkeypatch.setattr(experiment.loop, "train", lambda model, *_, **__: began.append(model))
    for is_seen in (False, True):
        monkeypatch.setattr(models, "sees_gpu", lambda is_seen=is_seen: is_seen)
        trained(run.path, data)
    assert [model._is_jitted for model in began] == [False, True]
    for variable, value in zip(began[1].optimizer.variables, state, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)


def test_a_run_whose_optimiser_is_not_there_is_finished_and_does_not_go_on(plain, data, tmp_path):
    run, steps = RunDirectory(tmp_path / "run"), plain[0].read_config()["num_steps"]
    shutil.copytree(plain[0].path, run.path)
    save_model(float32_copy(load_model(run.last_checkpoint)), run.last_checkpoint)
    _, lines = trained(run.path, data)
    assert any("is finished" in line for line in lines)
    with pytest.raises(UserError, match=r"without its optimiser.*--init_from=DIR"):
        trained(run.path, data, num_steps=steps + 2)


@pytest.mark.parametrize("strategy", ["single", "mirrored"])
def test_it_is_finished_whoever_shares_its_steps(plain, data, tmp_path, strategy):
    run = RunDirectory(tmp_path / "run")
    shutil.copytree(plain[0].path, run.path)
    save_model(float32_copy(load_model(run.last_checkpoint)), run.last_checkpoint)
    _, lines = trained(run.path, data, strategy=strategy)
    assert any("is finished" in line for line in lines)


def test_a_run_interrupted_in_its_last_validation_is_not_finished(
    plain, data, tmp_path, monkeypatch
):
    whole, path = plain[0], tmp_path / "run"

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(experiment, "watch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            trained(path, data, validate_every=whole.read_config()["num_steps"])
    run = RunDirectory(path)
    assert not run.best_checkpoint.exists()
    _, lines = trained(path, data, validate_every=whole.read_config()["num_steps"])
    assert not any("is finished" in line for line in lines)
    assert run.best_checkpoint.exists()
    last = run.read_metrics()[-1]
    assert last["val_elbo"] == whole.read_metrics()[-1]["val_elbo"]
    _, lines = trained(path, data, validate_every=whole.read_config()["num_steps"])
    assert any("is finished" in line for line in lines)


def test_xla_compiles_no_step_of_several_devices(data):
    config = {**tiny_config(precision="float32", jit_compile=True), "data_dir": str(data)}
    with pytest.raises(UserError, match=r"2 replicas share this one: leave out --config\.jit_co"):
        models.new_model(config, open_configured(config), num_replicas=2)
