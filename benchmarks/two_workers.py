"""Two workers on two cores of one machine: images a second and scores, beside one process's.

    python -m benchmarks.two_workers --workdir=runs/two_workers

Trains the quick preset of faces to its end, as a user would, four times, one after the other,
evaluates each on the test split, and prints a table in Markdown:

- by one process;
- by two workers that share the same batches;
- by two workers, each with as many batches as the one process has: twice the images;
- by two such workers in half the steps, the rates as `learning_rate_scaling=sqrt` raises them: the
  same number of images.

Images a second are the median of what is logged, validation left out. What is finished is not
trained again. Wants the machine for itself; `--part=0.01` shows that all of it runs.
"""

from __future__ import annotations

import pathlib
import statistics
import subprocess
import sys

from absl import app, flags

from dcign_tf.cli.definition import PathParser
from dcign_tf.concurrency import available_workers
from dcign_tf.evaluation.report.score_tables import headline
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import flattened, load_preset

FLAGS = flags.FLAGS
flags.DEFINE(PathParser(), "workdir", "runs/two_workers", "A folder for the run directories.")
flags.DEFINE(PathParser(), "data_dir", "data", "Where the faces lie, or are prepared.")
flags.DEFINE_float("part", 1.0, "Of the preset's steps and of all that is counted in steps.")

_COUNTED_IN_STEPS = (
    *("num_steps", "warmup_steps", "log_every", "validate_every"),
    *("optimizer.warmup_steps", "optimizer.decay_steps"),
)
_TWO = ("workers", "--num=2", "--")


def schedule(part: float) -> dict[str, int]:
    """Settings of so much of the preset's training."""
    settings = flattened(load_preset("faces", "quick").to_dict())
    return {name: max(1, round(part * settings[name])) for name in _COUNTED_IN_STEPS}


def trained(name: str, launcher: tuple[str, ...], settings: dict[str, object]) -> RunDirectory:
    """A run of these settings, finished and evaluated."""
    run = RunDirectory(pathlib.Path(FLAGS.workdir) / name)
    run.path.parent.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "dcign_tf", *launcher, "train", "--test"),
        *("--dataset=faces", "--preset=quick"),
        *(f"--workdir={run.path}", f"--data_dir={FLAGS.data_dir}"),
        *(f"--config.{key}={value}" for key, value in settings.items()),
    ]
    print(f"\n{' '.join(command[1:])}", file=sys.stderr)
    subprocess.run(command, check=True, stdout=sys.stderr)
    return run


def row(title: str, run: RunDirectory, images_per_step: int) -> list[str]:
    """What is measured of a run; of its scores those that the report's cards show."""
    records = run.read_metrics()
    rate = statistics.median(record["images_per_second"] for record in records)
    scores = [shown for _, shown, _ in headline(run.read_scores())]
    steps = f"{records[-1]['step']:,}"
    seconds = f"{images_per_step / rate:.3f}"
    return [title, steps, f"{images_per_step}", seconds, f"{rate:.0f}", *scores]


def main(_) -> None:
    config = load_preset("faces", "quick")
    batches, images = config.batches_per_step, config.images_per_batch
    same = {"batches_per_step": batches // 2}
    rates = {"optimizer.learning_rate_scaling": "sqrt"}
    whole, half = schedule(FLAGS.part), schedule(FLAGS.part / 2)
    variants = (
        ("one process", "one", (), whole, 1),
        ("two workers, the same batches", "two", _TWO, whole | same, 1),
        ("two workers, twice the batches", "twice", _TWO, whole, 2),
        ("the same in half the steps, `sqrt`", "half", _TWO, half | rates, 2),
    )
    rows = []
    for title, name, launcher, settings, times in variants:
        run = trained(name, launcher, settings)
        rows.append(row(title, run, times * batches * images))
    cards = [what for what, *_ in headline(run.read_scores())]
    header = ["", "steps", "images a step", "seconds a step", "images/s", *cards]
    print(f"{available_workers()} cores; scores of the test split:\n")
    for line in (header, ["---"] * len(header), *rows):
        print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    app.run(main)
