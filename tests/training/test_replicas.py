"""Several replicas train what one does on all their batches, in one process or in two."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf

from dcign_tf.cli.workers import free_ports
from dcign_tf.concurrency import tensorflow_threads
from dcign_tf.datasets.registry import open_configured
from dcign_tf.errors import UserError
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.training import experiment
from dcign_tf.training.cluster import Cluster
from dcign_tf.training.models import new_model
from dcign_tf.training.replicas import Replicas
from tests.helpers import ROOT
from tests.helpers.commands import (
    LAST_STEP,
    arrays,
    assert_same_run,
    execute,
    tiny_config,
    train_command,
)

pytestmark = pytest.mark.usefixtures("mirrored_strategy", "set_dtype_policy")

FLOAT32 = {"precision": "float32"}
LONG = {"num_steps": 120, "validate_every": 20, "log_every": 20}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    open_configured({**tiny_config(), "data_dir": str(folder)}).prepare()
    return folder


@pytest.fixture(scope="module", autouse=True)
def two_workers(tmp_path_factory, data):
    """They train while other tests run: a function that waits for them."""
    run = RunDirectory(tmp_path_factory.mktemp("runs") / "two")
    with subprocess.Popen(
        workers_command(run.path, data, **FLOAT32),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:

        def finished() -> tuple[RunDirectory, str]:
            out, err = process.communicate(timeout=300)
            assert process.returncode == 0, err
            return run, out

        yield finished
        process.terminate()


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory, data) -> RunDirectory:
    """Two replicas in one process, to the end."""
    return trained(RunDirectory(tmp_path_factory.mktemp("mirrored")), data, "mirrored")


def workers_command(workdir: Path, data: Path, **changes) -> list[str]:
    training = train_command(workdir, data, **changes)[2:]  # without the script
    threads = f"--num_processes={tensorflow_threads()}"  # as here: bits depend on it
    return [
        *(sys.executable, "-m", "dcign_tf", "workers", "--num=2", "--", "train"),
        *(*training, threads),
    ]


def trained(run: RunDirectory, data: Path, strategy: str, lines=None, **changes) -> RunDirectory:
    """Trains in this process, and does not evaluate."""
    run.path.mkdir(exist_ok=True)
    show = (lambda line: None) if lines is None else lines.append
    config = tiny_config(**{**FLOAT32, **changes})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "evaluate_run", lambda *_, **__: {})
        experiment.run_experiment(config, run, str(data), strategy=strategy, show=show)
    return run


def losses(run: RunDirectory) -> list[dict[str, float]]:
    measured = ("seconds", "images_per_second")
    return [{k: v for k, v in r.items() if k not in measured} for r in run.read_metrics()]


def assert_nearly_the_same(run: RunDirectory, other: RunDirectory) -> None:
    """But for the last bits: of many batches in one step the sums are taken in another order."""
    for ours, theirs in zip(losses(run), losses(other), strict=True):
        assert ours.keys() == theirs.keys()
        for name in filter(lambda name: "loss" in name or "elbo" in name, ours):
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, err_msg=name)
    ours, theirs = arrays(run.last_checkpoint), arrays(other.last_checkpoint)
    for name in filter(lambda name: "coder" in name, ours):
        atol = 1e-2 * np.abs(theirs[name]).max()
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=atol, err_msg=name)


def test_two_replicas_train_what_one_does_on_all_their_batches(mirrored, data, tmp_path):
    one = trained(RunDirectory(tmp_path / "one"), data, "single", batches_per_step=4)
    assert len(losses(one)) == LAST_STEP / 2
    assert_nearly_the_same(mirrored, one)
    assert mirrored.read_environment()["replicas"] == 2


def test_two_trainings_of_one_process_do_not_share_their_sums():
    """TensorFlow took the second one's first sum for the first one's, of another shape."""
    for size in (3, 5):
        replicas = Replicas("mirrored")

        def replica_step(batch, size=size):
            ones = tf.ones(size) * batch["factor"][0]
            summed = tf.distribute.get_replica_context().all_reduce("SUM", ones)
            return {"loss": tf.reduce_sum(summed) / 2}  # the step adds up both

        numbers = replicas.distributed(
            lambda here: tf.data.Dataset.range(here.start, here.stop, output_type=tf.float32).map(
                lambda number: {"factor": tf.fill([4], number + 1)}
            )
        )
        done = replicas.compiled(replica_step)(next(iter(numbers)), np.zeros(2, np.int32))
        assert float(done.loss) == size * (1 + 2)


@pytest.mark.slow
def test_a_run_keeps_its_batches_whoever_goes_on_with_it(mirrored, data, tmp_path):
    run, lines = RunDirectory(tmp_path / "run"), []
    trained(run, data, "mirrored", num_steps=LAST_STEP // 2 + 2)
    trained(run, data, "single", lines)
    assert_nearly_the_same(run, mirrored)
    assert any(line.startswith("Note: replicas was 2 when this run began") for line in lines)


def test_replicas_that_cannot_share_a_step_evenly_are_told(data, tmp_path):
    run = RunDirectory(tmp_path / "run")
    trained(run, data, "single", batches_per_step=1, num_steps=2)
    before = arrays(run.last_checkpoint)
    with pytest.raises(UserError, match=r"^A step of this run is of 1 factor batches, which"):
        trained(run, data, "mirrored", batches_per_step=1)
    after = arrays(run.last_checkpoint)
    assert all((after[name] == before[name]).all() for name in before)


@pytest.mark.slow
def test_a_run_that_xla_compiled_on_one_device_goes_on_on_two(data, tmp_path):
    run = RunDirectory(tmp_path / "run")
    trained(run, data, "single", num_steps=2, jit_compile=True)
    trained(run, data, "mirrored", num_steps=4, jit_compile=True)
    plain = RunDirectory(tmp_path / "plain")
    trained(plain, data, "single", num_steps=2)
    trained(plain, data, "single", num_steps=4)
    assert_nearly_the_same(run, plain)


def test_two_processes_train_the_bits_of_two_replicas_in_one(two_workers, mirrored):
    run, told = two_workers()
    assert losses(run) == losses(mirrored)
    ours, theirs = arrays(run.last_checkpoint), arrays(mirrored.last_checkpoint)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)
    lines = told.splitlines()
    assert sorted(lines[:2]) == [f"Worker {i} of 2 waits for the others." for i in (0, 1)]
    steps = [line.split()[0] for line in lines if line.lstrip()[:1].isdigit() and "/12" in line]
    assert steps == [f"{step}/12" for step in range(2, 13, 2)]  # told once
    assert len(list(run.tensorboard.iterdir())) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("who", "how", "message"),
    [
        (0, signal.SIGKILL, "Worker 1 of 2 lost another, whose own messages say why."),
        (1, signal.SIGKILL, "Worker 0 of 2 lost another, whose own messages say why."),
        (1, signal.SIGTERM, "Terminated. Run the same command again to go on."),
    ],
)
def test_all_end_with_one_and_go_on_from_the_checkpoint(who, how, message, data, tmp_path):
    whole, run = (RunDirectory(tmp_path / name) for name in ("whole", "run"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    execute(workers_command(whole.path, data, **LONG), env=environment)
    command = workers_command(run.path, data, **LONG)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        while not run.last_checkpoint.exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        workers = sorted(psutil.Process(process.pid).children(), key=lambda child: child.pid)
        workers[who].send_signal(how)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"dcign-tf train: {message}" in err
    assert "Traceback" not in out + err
    assert not any(worker.is_running() for worker in workers)
    assert execute(command, env=environment).returncode == 0
    assert_same_run(run, whole)


@pytest.mark.slow
def test_one_that_is_killed_and_started_again_waits_for_the_others(data, tmp_path):
    """Each started by hand with its own TF_CONFIG, as on hosts of their own."""
    run, whole = (RunDirectory(tmp_path / name) for name in ("run", "whole"))
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    command = train_command(run.path, data, **FLOAT32, **LONG)
    command.append(f"--num_processes={tensorflow_threads()}")

    def start(index: int) -> subprocess.Popen:
        told = {"TF_CONFIG": Cluster(addresses, index).tf_config()}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return started.enter_context(subprocess.Popen(command, env={**os.environ, **told}, **pipes))

    with contextlib.ExitStack() as started:
        chief, worker = start(0), start(1)
        while not run.last_checkpoint.exists():
            assert chief.poll() is None, chief.communicate()
            time.sleep(0.01)
        worker.kill()
        worker = start(1)
        _, err = chief.communicate(timeout=300)
        assert chief.returncode == 1
        assert "train.py: Worker 0 of 2 lost another, whose own messages say why." in err
        chief = start(0)
        out, err = chief.communicate(timeout=300)
        assert chief.returncode == 0, err
        assert "Going on from step " in out
        assert worker.wait(timeout=300) == 0
    trained(whole, data, "mirrored", **LONG)
    ours, theirs = arrays(run.last_checkpoint), arrays(whole.last_checkpoint)
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)


@pytest.mark.parametrize(("scaling", "factor"), [("none", 1), ("sqrt", 2), ("linear", 4)])
def test_how_rates_rise_with_the_number_of_replicas(scaling, factor, data):
    config = tiny_config(**{"optimizer.learning_rate_scaling": scaling, **FLOAT32})
    faces = open_configured({**config, "data_dir": str(data)})
    rates = []
    for replicas in (1, 4):
        optimizer = new_model(config, faces, replicas)[0].optimizer
        schedule = keras.optimizers.serialize(optimizer)["config"]["learning_rate"]["config"]
        steps = (0, schedule["warmup_steps"], schedule["decay_steps"] + schedule["warmup_steps"])
        rates.append([float(optimizer._learning_rate(step)) for step in steps])
    np.testing.assert_allclose(rates[1], np.multiply(factor, rates[0]), rtol=1e-5)
    wanted = [config["optimizer"][f"{which}learning_rate"] for which in ("first_", "", "final_")]
    np.testing.assert_allclose(rates[0], wanted, rtol=1e-5)


class TestOneOfTwo:
    """What a process says of another, without one."""

    @pytest.fixture
    def replicas(self):
        one = Replicas()
        one.cluster = Cluster(("a:1", "b:1"), index=1)
        return one

    def test_that_it_has_gone(self, replicas):
        gone = tf.errors.UnavailableError(None, None, "Socket closed")
        lost = pytest.raises(UserError, match=r"^Worker 1 of 2 lost another")
        with lost as caught, replicas.together():
            raise gone
        assert "\n" not in str(caught.value)
        with pytest.raises(tf.errors.UnavailableError), Replicas().together():
            raise gone

    def test_that_it_is_another(self, replicas, monkeypatch):
        def from_chief(own):
            return [own[0], own[1] + 1]

        monkeypatch.setattr(replicas, "_from_chief", from_chief)
        told = r"^Worker 1 differs from worker 0 in keras \(3\.15\)\."
        with pytest.raises(UserError, match=told):
            replicas.check_same({"numpy": "2.0", "keras": "3.15"})
        monkeypatch.setattr(replicas, "_from_chief", lambda own: own)
        replicas.check_same({"numpy": "2.0", "keras": "3.15"})
