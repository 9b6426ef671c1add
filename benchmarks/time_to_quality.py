"""CPU-seconds until a preset's network reaches given marks on validation pictures.

    python -m benchmarks.time_to_quality --dataset=faces --preset=quick --workdir=runs/quality

Trains the preset as a user would, data prepared before, and notes at each validation what the
process and its children have taken of all cores: validation itself included, evaluation at the end
not. A mark of R² is reached when all extrinsic factors have it, one of the error when the
reconstruction has it, Gaussian likelihoods only. What else runs on the machine matters little.
"""

from __future__ import annotations

import math
import pathlib
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import psutil
from absl import app, flags

from benchmarks.publishing import publish
from dcign_tf.cli.definition import PathParser
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import load_preset

FLAGS = flags.FLAGS
flags.DEFINE_string("dataset", "faces", "Of the preset.")
flags.DEFINE_string("preset", "quick", "What is trained.")
flags.DEFINE(PathParser(), "data_dir", "data", "Where its dataset lies, or is prepared.")
flags.DEFINE(PathParser(), "workdir", "runs/time_to_quality", "Of the run, a new one.")
flags.DEFINE_list("r2", ["0.9", "0.95", "0.98", "0.99"], "Marks of R² calibrated.")
flags.DEFINE_list("mse", ["0.01", "0.005", "0.0035", "0.003"], "Marks of the mean squared error.")
flags.DEFINE_integer("seed", 0, "Of the run; the data stay the same.", lower_bound=0)
flags.DEFINE_integer(
    "steps", None, "Ends after so many; the schedule stays the preset's.", lower_bound=1
)
flags.DEFINE_integer("validate_every", 250, "Steps between validations.", lower_bound=1)

Validation = Mapping[str, Any]


def cpu_seconds(process: psutil.Process) -> float:
    """Of a process and its children, those that have ended included."""
    own = process.cpu_times()
    running = 0.0
    for child in process.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        running += times.user + times.system
    return own.user + own.system + own.children_user + own.children_system + running


def validations(command: list[str], run: RunDirectory, last_step: int) -> list[Validation]:
    """Trains to the validation at `last_step`; the lines of all, each with `cpu_seconds`."""
    found: list[Validation] = []
    with subprocess.Popen(command, stdout=sys.stderr) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None and (not found or found[-1]["step"] < last_step):
            time.sleep(0.5)
            lines = run.read_metrics() if run.metrics_file.exists() else []
            new = [line for line in lines if "val_elbo" in line][len(found) :]
            found += [{**line, "cpu_seconds": cpu_seconds(watched)} for line in new]
        process.terminate()  # all that is asked has been told
    if not found or found[-1]["step"] < last_step:
        raise RuntimeError(f"{' '.join(command[1:])} ended with {process.returncode}.")
    return found


def lowest_r2(line: Validation, factors: list[str]) -> float:
    return min(line.get(f"val_r2_calibrated/{factor}", -math.inf) for factor in factors)


def squared_error(line: Validation, pixels: int, stddev: float) -> float:
    """From the mean of −log P(x | z) of a Gaussian likelihood."""
    constant = 0.5 * pixels * math.log(2 * math.pi * stddev**2)
    return (line["val_reconstruction_loss"] - constant) * 2 * stddev**2 / pixels


def main(_) -> None:
    config = load_preset(FLAGS.dataset, FLAGS.preset)
    run = RunDirectory(pathlib.Path(FLAGS.workdir))
    choice = [f"--dataset={FLAGS.dataset}", f"--preset={FLAGS.preset}"]
    choice.append(f"--data_dir={FLAGS.data_dir}")
    dcign_tf = [sys.executable, "-m", "dcign_tf"]
    subprocess.run([*dcign_tf, "prepare", *choice], check=True, stdout=sys.stderr)
    command = [*dcign_tf, "train", *choice, f"--workdir={run.path}", "--overwrite"]
    command.append(f"--config.validate_every={FLAGS.validate_every}")
    command.append(f"--config.seed={FLAGS.seed}")
    steps = FLAGS.steps or config.num_steps
    lines = validations(command, run, steps)
    prefix = "val_r2_calibrated/"
    factors = sorted({k.removeprefix(prefix) for line in lines for k in line if prefix in k})
    rows = []

    def add(mark: str, reached: list[Validation]) -> None:
        first = reached[0] if reached else None
        rows.append((mark, *((first["step"], first["cpu_seconds"]) if first else ("–", "–"))))

    for mark in map(float, FLAGS.r2):
        add(f"R² ≥ {mark:g}", [line for line in lines if lowest_r2(line, factors) >= mark])
    if config.likelihood == "gaussian":
        pixels, stddev = config.data.image_size**2, config.observation_stddev
        for mark in map(float, FLAGS.mse):
            reached = [line for line in lines if squared_error(line, pixels, stddev) <= mark]
            add(f"MSE ≤ {mark:g}", reached)
    facts = {
        "trained": f"{FLAGS.dataset}, {FLAGS.preset}",
        "steps": f"{steps:,} of {config.num_steps:,}",
        "seed": FLAGS.seed,
    }
    publish(facts, ("reached", "step", "CPU-seconds"), rows)


if __name__ == "__main__":
    app.run(main)
