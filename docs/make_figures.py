"""Renders sheets of procedural heads, people.png and sweeps.png, and of chairs, chairs.png.

python docs/make_figures.py
"""

from __future__ import annotations

import pathlib

import numpy as np

from dcign_tf.evaluation.figures.sheets import sheet
from dcign_tf.evaluation.figures.style import save_figure
from dcign_tf.rendering.chairs.chair import ChairScene, draw_chair
from dcign_tf.rendering.face_models import load_face_model
from dcign_tf.rendering.raycaster import FaceScene

IMAGES = pathlib.Path(__file__).parent / "images"
SIZE = 150
STEPS = 9


def people(count: int = 24) -> np.ndarray:
    """Different people in moderate poses: uint8 [count, SIZE, SIZE, 1]."""
    model, rng = load_face_model(None), np.random.default_rng(7)
    coefficients = model.draw_coefficients(rng, count)
    return np.concatenate(
        [
            FaceScene.of(model, c).render(
                rng.uniform(-35, 35), rng.uniform(-10, 10), rng.uniform(-60, 60), image_size=SIZE
            )
            for c in coefficients
        ]
    )


def sweeps() -> np.ndarray:
    """One row a factor, each of another person: uint8 [3 · STEPS, SIZE, SIZE, 1]."""
    model = load_face_model(None)
    coefficients = model.draw_coefficients(np.random.default_rng(11), 3)
    ramp = np.linspace(-1, 1, STEPS)
    poses = [(60 * ramp, 0, 30), (20, 25 * ramp, 30), (20, 0, 80 * ramp)]
    return np.concatenate(
        [
            FaceScene.of(model, c).render(*pose, image_size=SIZE)
            for c, pose in zip(coefficients, poses, strict=True)
        ]
    )


def chairs(rows: int = 4) -> np.ndarray:
    """Different chairs, then two that turn: uint8 [(rows + 2) · STEPS, SIZE, SIZE, 1]."""
    rng = np.random.default_rng(4)
    still = [
        ChairScene(draw_chair(rng)).render(azimuth, 20, image_size=SIZE)
        for azimuth in rng.uniform(-70, 70, rows * STEPS)
    ]
    round_ = np.arange(STEPS) * 360 / STEPS
    turning = [ChairScene(draw_chair(rng)).render(round_, 30, image_size=SIZE) for _ in range(2)]
    return np.concatenate([*still, *turning])[..., np.newaxis]


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    save_figure(sheet(people(), columns=8), IMAGES / "people.png")
    labels = ["azimuth\n−60° … 60°", "elevation\n−25° … 25°", "light\n−80° … 80°"]
    save_figure(sheet(sweeps(), columns=STEPS, row_labels=labels), IMAGES / "sweeps.png")
    save_figure(sheet(chairs(), columns=STEPS, dark=False), IMAGES / "chairs.png")
