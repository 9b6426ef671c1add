"""Commands as a user runs them, on a dataset made tiny, and what they leave behind."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import load_preset
from tests.helpers import ROOT

LAST_STEP = 12


TINY = {
    "data.image_size": 36,
    "data.sweep_length": 4,
    "data.train_sweeps": 3,
    "data.validation_sweeps": 2,
    "data.test_sweeps": 2,
    "data.train_identities": 6,
    "data.validation_identities": 4,
    "data.test_identities": 4,
    "data.independent_images": 2,
    "batches_per_step": 2,
    "network.latent_dim": 6,
    "network.encoder_filters": (3, 3, 3),
    "network.decoder_base_filters": 3,
    "network.decoder_filters": (3, 3, 3),
    "optimizer.warmup_steps": 2,
    "num_steps": LAST_STEP,
    "log_every": 2,
    "validate_every": 4,
}


RATES = tuple(f"optimizer.{which}learning_rate" for which in ("first_", "", "final_"))


def tiny_config(**changes) -> dict:
    """TINY as `train.py` would resolve it."""
    config = load_preset("faces", "quick")
    config.update_from_flattened_dict({**TINY, **changes})
    return config.to_dict()


def command(script: str, *arguments: str) -> list[str]:
    """A script of the checkout."""
    return [sys.executable, str(ROOT / script), *arguments]


def execute_dcign_tf(*arguments: object, **kwargs) -> subprocess.CompletedProcess:
    """`dcign-tf` of the checkout, installed or not."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return execute(
        [sys.executable, "-m", "dcign_tf", *map(str, arguments)], env=environment, **kwargs
    )


def train_command(workdir: Path, data: Path, **changes) -> list[str]:
    settings = {**TINY, **changes}
    return command(
        "train.py",
        "--dataset=faces",
        "--preset=quick",
        f"--workdir={workdir}",
        f"--data_dir={data}",
        "--test",
        *(f"--config.{key}={value}" for key, value in settings.items()),
    )


def execute(arguments: list[str], **kwargs) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=400, **kwargs)


def kill_when(condition: Callable[[], bool], arguments: list[str], how=signal.SIGKILL):
    """Runs a command until the condition holds; its output and exit status."""
    with subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that a shell started in the background would hand down that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            deadline = time.monotonic() + 400
            while not condition():
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.002)
            process.send_signal(how)
            out, err = process.communicate(timeout=200)
        finally:
            process.kill()  # if it is still there, it is not to be waited for
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def arrays(checkpoint: Path) -> dict[str, np.ndarray]:
    """Everything in a .keras file: weights, step, optimiser, metrics."""
    content = zipfile.ZipFile(checkpoint).read("model.weights.h5")
    contents = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            contents[name] = item[()]

    h5py.File(io.BytesIO(content)).visititems(visit)
    return contents


def assert_same_run(run: RunDirectory, other: RunDirectory) -> None:
    ours, theirs = arrays(run.last_checkpoint), arrays(other.last_checkpoint)
    assert ours.keys() == theirs.keys()
    assert any("optimizer" in name for name in ours)
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)
    # A line that an interrupt left parts the means of training losses in two.
    records, others = (
        [{k: v for k, v in record.items() if k.startswith("val_")} for record in r.read_metrics()]
        for r in (run, other)
    )
    assert [*filter(None, records)] == [*filter(None, others)]
    assert run.read_scores() == other.read_scores()


def shards(data: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in data.glob("dcign_faces/*/1.0.0/*array_record*")
    }
