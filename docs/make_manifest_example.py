"""Renders a folder of pictures and its manifest.csv: an example of one's own pictures.

    python docs/make_manifest_example.py DIR [--people=38]

As irregular as photographs are. The 64 lights of a person, of which a few are missing,
stand where they stood in a photographic set, the Extended Yale Face Database B
(Georghiades, Belhumeur and Kriegman, IEEE PAMI 23, 2001; Lee, Ho and Kriegman, IEEE PAMI
27, 2005): 1 to 13 azimuths at one elevation, 1 to 6 elevations at one azimuth. Nothing
else is taken from it. All look straight ahead; there is no column `split`.
"""

from __future__ import annotations

import argparse
import csv
import pathlib

import numpy as np
from PIL import Image

from dcign_tf.progress import Progress
from dcign_tf.rendering.camera import Framing
from dcign_tf.rendering.face_models import load_face_model
from dcign_tf.rendering.raycaster import FaceScene

HEIGHT, WIDTH = 192, 168
MISSING = 18 / 2432  # as many in a hundred as that set misses

# Light elevation in degrees to azimuths, each on both sides.
LIGHTS_DEG = {
    -40: (20, 50),
    -35: (0, 70),
    -20: (0, 10, 35, 60, 85, 110),
    -10: (5, 20),
    0: (0, 10, 25, 50, 70, 95, 120),
    10: (5, 20),
    15: (35, 110),
    20: (0, 15, 60, 85, 130),
    40: (35, 110),
    45: (0, 70),
    65: (35, 110),
    90: (0,),
}


def lights_deg() -> np.ndarray:
    """Azimuth and elevation of every light: [64, 2]."""
    pairs = {
        (side * azimuth, elevation)
        for elevation, azimuths in LIGHTS_DEG.items()
        for azimuth in azimuths
        for side in (-1, 1)
    }
    return np.array(sorted(pairs))


def make(directory: pathlib.Path, people: int, seed: int) -> int:
    """Renders the pictures and writes the manifest, last; returns the number of pictures."""
    model, rng = load_face_model(None), np.random.default_rng(seed)
    coefficients = model.draw_coefficients(rng, people)
    lights = lights_deg()
    there = np.ones(people * len(lights), bool)
    there[rng.choice(there.size, round(MISSING * there.size), replace=False)] = False
    rows = []
    with Progress(int(there.sum())) as progress:
        for person, own in enumerate(there.reshape(people, -1)):
            scene = FaceScene.of(
                model, coefficients[person], framing=Framing(max_azimuth_deg=0, max_elevation_deg=0)
            )
            azimuth, elevation = lights[own].T
            images = scene.render(0, 0, azimuth, light_elevation_deg=elevation, image_size=HEIGHT)
            side = (HEIGHT - WIDTH) // 2
            name = f"person{person + 1:02d}"
            (directory / name).mkdir(parents=True, exist_ok=True)
            for image, az, el in zip(images, azimuth, elevation, strict=True):
                path = f"{name}/azimuth{az:+04d}_elevation{el:+03d}.png"
                Image.fromarray(image[:, side:-side, 0]).save(directory / path)
                rows.append((path, name, az, el))
            progress.update(len(images))
    with open(directory / "manifest.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "identity", "light_azimuth_deg", "light_elevation_deg"))
        writer.writerows(rows)
    return len(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    count = make(arguments.directory, arguments.people, arguments.seed)
    print(f"{count:,} pictures of {arguments.people} people are in {arguments.directory}")
