"""Makes the pictures of `images/` that are no results of a run.

    python docs/make_figures.py [people sweeps chairs clamped_batch turning turning_chairs]

`people`, `sweeps` and `chairs` are sheets of what is rendered to train on; `clamped_batch` is a
drawing of the method; `turning` and `turning_chairs` are moving pictures of the models in the box.
Without a name all are made.
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from PIL import Image, ImageDraw, ImageFont

from dcign_tf.editing.editor import SceneEditor
from dcign_tf.evaluation.figures.sheets import sheet
from dcign_tf.evaluation.figures.style import MUTED, factor_colours, save_figure, styled
from dcign_tf.files import write_aside
from dcign_tf.pretrained import pretrained_run
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


CODE = ("φ", "α", "$φ_L$", "who", "it", "is", "…")
LATENTS, BATCH = len(CODE), 5
CELL, GAP = 1.6, 2.6  # height of a cell that is 1 wide, and the space between matrices


@styled
def clamped_batch() -> Figure:
    """A batch in which the azimuth varies, its code, what the decoder sees, and what goes back.

    The numbers are drawn for the purpose: those of a trained network hardly differ where they
    should not.
    """
    model, rng = load_face_model(None), np.random.default_rng(3)
    person = FaceScene.of(model, model.draw_coefficients(rng, 1)[0])
    faces = person.render(np.linspace(-50, 50, BATCH), 0, 30, image_size=SIZE)[..., 0]
    code = rng.uniform(-0.8, 0.8, (BATCH, LATENTS))
    code[:, 0] = np.linspace(-1, 1, BATCH)
    mean = code.mean(axis=0)
    clamped = np.concatenate([code[:, :1], np.tile(mean[1:], (BATCH, 1))], axis=1)

    figure = Figure(figsize=(11, 4.2), dpi=110)
    bottom = BATCH * CELL
    page = figure.add_axes((0, 0, 1, 1), xlim=(-0.2, 32.5), ylim=(bottom + 2.7, -1.8))
    page.set_axis_off()
    for row, face in enumerate(faces):
        extent = (0, CELL, (row + 1) * CELL, row * CELL)
        page.imshow(face, cmap="gray", extent=extent, aspect="auto", interpolation="bilinear")
    lefts = CELL + GAP + (LATENTS + GAP) * np.arange(3)
    active = factor_colours(["azimuth"])["azimuth"]
    for left, matrix in zip(lefts, (code, clamped, 0.6 * (code - mean)), strict=True):
        _draw_matrix(page, left, matrix)
        style = {"fill": False, "edgecolor": active, "linewidth": 2.5, "zorder": 3}
        page.add_patch(Rectangle((left, 0), 1, bottom, **style))
    # Over the numbers of the active latent: its gradient is that of the loss.
    page.add_patch(Rectangle((lefts[2], 0), 1, bottom, facecolor="white"))
    for row in range(BATCH):
        middle = lefts[2] + 0.5, (row + 0.5) * CELL
        page.text(*middle, "∂L", ha="center", va="center", color=active)
    texts = {
        "code: z of each picture": "one factor varies: here the azimuth, φ.\n"
        "Its latent is active, all others inactive",
        "clamped: what is decoded": "the active latent as it is, the inactive ones\n"
        "replaced by their mean over the batch",
        "gradient of the code": "∂L from the decoder and the KL; of the\n"
        "inactive ones weight · (z − mean) alone",
    }
    for left, (title, note) in zip(lefts, texts.items(), strict=True):
        page.text(left, -1.1, title, weight="bold")
        page.text(left, bottom + 0.4, note, va="top", fontsize=9.5, linespacing=1.4)
    page.text(CELL / 2, -0.3, "batch", ha="center", fontsize=10)
    for start, label in (
        (CELL, "encoder"),
        (lefts[0] + LATENTS, "clamp"),
        (lefts[1] + LATENTS, "back"),
    ):
        ends = (start + 0.2, bottom / 2), (start + GAP - 0.2, bottom / 2)
        page.add_patch(FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=14, color=MUTED))
        style = {"ha": "center", "color": MUTED, "fontsize": 9.5}
        page.text(start + GAP / 2, bottom / 2 - 0.4, label, **style)
    return figure


def _draw_matrix(page: Axes, left: float, matrix: np.ndarray) -> None:
    """A row a picture, a column a latent, violet below zero and orange above."""
    colours = matplotlib.colormaps["PuOr_r"]((matrix + 1.3) / 2.6)
    for row, column in np.ndindex(*matrix.shape):
        style = {"facecolor": colours[row, column], "edgecolor": "white"}
        page.add_patch(Rectangle((left + column, row * CELL), 1, CELL, **style))
    for column, name in enumerate(CODE):
        page.text(left + column + 0.5, -0.3, name, ha="center", fontsize=10)


FRAMES, MILLISECONDS = 28, 90  # frames of each swing
EXAMPLES = (2, 3, 5, 7)
TITLE_PX, CAPTION_PX, GUTTER_PX = 26, 34, 8


Swings = Sequence[Mapping[str, np.ndarray]]
"""One after another: values asked for, a number for each frame."""


def face_swings(phase: np.ndarray) -> Swings:
    """From side to side, then lit from side to side."""
    swing = np.sin(2 * np.pi * phase)
    still = np.zeros_like(swing)
    return (
        {"azimuth_deg": 52 * swing, "light_azimuth_deg": still},
        {"azimuth_deg": still, "light_azimuth_deg": 70 * swing},
    )


def chair_swings(phase: np.ndarray) -> Swings:
    """All the way round, as in Fig. 8 of the paper."""
    return ({"azimuth_deg": 360 * phase},)


def turning(name: str, things: str, swings: Callable[[np.ndarray], Swings]) -> list[Image.Image]:
    """Frames: the one picture given of each of some test objects, and below it turned and relit.

    Args:
        name: of a model in the box.
        things: what its pictures show.
        swings: for each frame's place in its swing, in [0, 1), what is asked for; the caption tells
            the value that varies.
    """
    run = pretrained_run(name)
    editor = SceneEditor.of_run(run)
    files = [run.evaluation / "examples" / f"example{n}.png" for n in EXAMPLES]
    given = np.stack([editor.fit(file) for file in files])
    codes = editor.encode(given)
    frames = []
    for swing in swings(np.arange(FRAMES) / FRAMES):
        varied = max(swing, key=lambda value: np.ptp(swing[value]))
        for frame in range(FRAMES):
            asked = {value: values[frame] for value, values in swing.items()}
            drawn = editor.decode(np.stack([editor.changed(code, asked) for code in codes]))
            label = f"{varied.removesuffix('_deg').replace('_', ' ')} {asked[varied]:+.0f}°"
            frames.append(_frame((given[..., 0], drawn[..., 0]), things, label.replace("-", "−")))
    return frames


def _frame(rows: tuple[np.ndarray, np.ndarray], things: str, label: str) -> Image.Image:
    """Two rows of pictures, each with a line of text above or below."""
    size = rows[0].shape[1]
    width = len(EXAMPLES) * (size + GUTTER_PX) - GUTTER_PX
    below = TITLE_PX + size + TITLE_PX
    frame = Image.new("L", (width, below + size + CAPTION_PX))
    for top, row in zip((TITLE_PX, below), rows, strict=True):
        for column, picture in enumerate(row):
            frame.paste(Image.fromarray(picture), (column * (size + GUTTER_PX), top))
    draw, font = ImageDraw.Draw(frame), matplotlib.font_manager.findfont("DejaVu Sans")
    for top, text, points in (
        (4, f"given: one picture each, of {things} never seen in training", 14),
        (TITLE_PX + size + 4, "drawn by the network", 14),
        (below + size + 6, label, 17),
    ):
        draw.text((width / 2, top), text, 220, ImageFont.truetype(font, points), anchor="ma")
    return frame


def _save_moving(name: str, frames: list[Image.Image]) -> None:
    """A WebP that runs for ever; a GIF of so many greys is three times as large."""
    first, *others = (frame.convert("RGB") for frame in frames)
    options = {"save_all": True, "append_images": others, "duration": MILLISECONDS, "loop": 0}
    path = IMAGES / f"{name}.webp"
    write_aside(path, lambda file: first.save(file, "webp", quality=80, method=6, **options))


def _save_sheet(name: str, images: np.ndarray, columns: int, **options) -> None:
    rows = [images[start : start + columns] for start in range(0, len(images), columns)]
    save_figure(sheet(rows, **options), IMAGES / f"{name}.png")


SWEPT = ["azimuth\n−60° … 60°", "elevation\n−25° … 25°", "light\n−80° … 80°"]
FIGURES = {
    "people": lambda: _save_sheet("people", people(), 8),
    "sweeps": lambda: _save_sheet("sweeps", sweeps(), STEPS, row_labels=SWEPT),
    "chairs": lambda: _save_sheet("chairs", chairs(), STEPS),
    "clamped_batch": lambda: save_figure(clamped_batch(), IMAGES / "clamped_batch.png"),
    "turning": lambda: _save_moving("turning", turning("faces", "people", face_swings)),
    "turning_chairs": lambda: _save_moving(
        "turning_chairs", turning("chairs", "chairs", chair_swings)
    ),
}


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    if unknown := {*sys.argv[1:]} - {*FIGURES}:
        sys.exit(
            f"make_figures.py: there is no {', '.join(unknown)}; there is {', '.join(FIGURES)}."
        )
    for name in sys.argv[1:] or FIGURES:
        FIGURES[name]()
