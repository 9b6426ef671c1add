"""Peak memory of preparing and training on many pictures of one's own.

    python benchmarks/memory.py DIR [--num_images 240000] [--num_steps 200]

Makes a folder of so many 70×70 PNG files with a manifest of three factors in DIR (they
are hard links of two thousand rendered noise fields, which are all read and decoded),
runs `train.py --dataset=manifest --preset=quick` on it as a user would, and adds up the
resident memory of that process and all of its children ten times a second.
"""

from __future__ import annotations

import csv
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import psutil
from absl import app, flags
from PIL import Image
from scipy.ndimage import gaussian_filter

NUM_IMAGES = flags.DEFINE_integer("num_images", 240_000, "Pictures.", lower_bound=10_000)
NUM_STEPS = flags.DEFINE_integer("num_steps", 200, "Training steps.", lower_bound=1)

ROOT = pathlib.Path(__file__).resolve().parents[1]
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


def main(argv) -> None:
    folder = pathlib.Path(argv[1]).resolve()
    if not (folder / "manifest.csv").exists():
        make_folder(folder, NUM_IMAGES.value)
    command = [
        *(sys.executable, "train.py", "--dataset=manifest", "--preset=quick", "--overwrite"),
        *(f"--data_dir={folder}", f"--workdir={folder / 'run'}"),
        f"--config.num_steps={NUM_STEPS.value}",
    ]
    peaks, start = {}, time.monotonic()
    with subprocess.Popen(command, cwd=ROOT) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            # The pool of images gets its name, without a suffix, when it is complete.
            pools = [p for p in (folder / "dcign_manifest").glob("*") if not p.suffix]
            phase = "training and evaluating" if pools else "preparing"
            now = resident(watched)
            peaks[phase] = max(peaks.get(phase, 0), now)
            time.sleep(0.1)
    for phase, peak in peaks.items():
        print(f"{phase}: at most {peak / 2**30:.2f} GiB")
    print(f"{time.monotonic() - start:.0f} s, exit status {process.returncode}")


if __name__ == "__main__":
    app.run(main)
