"""Peak memory of preparing, training and evaluating, each as a user would.

    python -m benchmarks.memory --data_dir=data
    python -m benchmarks.memory --data_dir=DIR --pictures=240000

Of a preset's data and network; or, with `--pictures`, of the manifest's, on so many 70×70 PNG files
of three factors, which are made in the data directory: hard links of two thousand noise fields,
which are all read and decoded. The resident memory of each command and all of its children is added
up ten times a second.
"""

from __future__ import annotations

import csv
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import psutil
from absl import app, flags
from PIL import Image
from scipy.ndimage import gaussian_filter

from benchmarks.publishing import publish
from dcign_tf.cli.definition import PathParser

FLAGS = flags.FLAGS
flags.DEFINE_string("dataset", "faces", "Of the preset.")
flags.DEFINE_string("preset", "paper", "What is trained.")
flags.DEFINE(PathParser(), "data_dir", "data", "Where its dataset lies, or is prepared.")
flags.DEFINE_integer("pictures", None, "Made for a manifest.", lower_bound=10_000)
flags.DEFINE_integer("steps", 50, "That are trained.", lower_bound=1)
flags.DEFINE_string("split", "test", "That is evaluated.")

DISTINCT = 2000
AZIMUTHS, ELEVATIONS, LIGHTS = 10, 4, 3
PER_IDENTITY = AZIMUTHS * ELEVATIONS * LIGHTS


def make_folder(folder: pathlib.Path, count: int) -> None:
    """Pictures, then the manifest: an existing one says that all is there."""
    originals = folder / "originals"
    originals.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(DISTINCT):
        field = gaussian_filter(rng.normal(size=(70, 70)), 4)
        levels = np.interp(field, (field.min(), field.max()), (0, 255)).astype(np.uint8)
        Image.fromarray(levels).save(originals / f"{number}.png")
    with open(folder / "manifest.part", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "identity", "azimuth_deg", "elevation_deg", "light_deg"))
        for index in range(count):
            identity, view = divmod(index, PER_IDENTITY)
            azimuth, rest = divmod(view, ELEVATIONS * LIGHTS)
            image = f"images/{identity}/{view}.png"
            (folder / image).parent.mkdir(parents=True, exist_ok=True)
            if not (folder / image).exists():
                os.link(originals / f"{index % DISTINCT}.png", folder / image)
            row = (image, identity, 10 * azimuth, 10 * (rest // LIGHTS), 10 * (rest % LIGHTS))
            writer.writerow(row)
    (folder / "manifest.part").rename(folder / "manifest.csv")


def resident(process: psutil.Process) -> int:
    """Bytes of a process and its children; what has just ended counts as nothing."""
    total = 0
    for each in (process, *process.children(recursive=True)):
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def peak_and_seconds(command: list[str]) -> tuple[int, float]:
    """Bytes at most, and how long it took.

    Raises:
        CalledProcessError: if the command fails.
    """
    peak, start = 0, time.monotonic()
    with subprocess.Popen(command, stdout=sys.stderr) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, resident(watched))
            time.sleep(0.1)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return peak, time.monotonic() - start


def main(_) -> None:
    data_dir = pathlib.Path(FLAGS.data_dir)
    if FLAGS.pictures and not (data_dir / "manifest.csv").exists():
        make_folder(data_dir, FLAGS.pictures)
    dataset, preset = ("manifest", "quick") if FLAGS.pictures else (FLAGS.dataset, FLAGS.preset)
    choice = [f"--dataset={dataset}", f"--preset={preset}", f"--data_dir={data_dir}"]
    rows = []
    with tempfile.TemporaryDirectory() as workdir:
        run = f"--workdir={workdir}"
        for command in (
            ["prepare", *choice],
            ["train", *choice, run, f"--config.num_steps={FLAGS.steps}", "--overwrite"],
            ["evaluate", run, f"--data_dir={data_dir}", f"--split={FLAGS.split}"],
        ):
            peak, seconds = peak_and_seconds([sys.executable, "-m", "dcign_tf", *command])
            rows.append((f"`dcign-tf {command[0]}`", peak / 2**30, seconds))
    facts = {"what": f"{dataset}, {preset}, {FLAGS.steps} steps"}
    publish(facts, ("all processes together", "GiB at most", "s"), rows)


if __name__ == "__main__":
    app.run(main)
