"""Writes tour.ipynb, the models in the box used from Python, and runs it top to bottom.

    pip install -e '.[notebook]' && python docs/make_tour.py

Its text and code stand here, where they are read and reviewed; its outputs in the notebook.
"""

from __future__ import annotations

import pathlib

import nbformat
from nbclient import NotebookClient

NOTEBOOK = pathlib.Path(__file__).with_name("tour.ipynb")

TEXT, CODE = "text", "code"
CELLS: tuple[tuple[str, str], ...] = (
    (
        TEXT,
        """
# A tour of the models in the box

A picture of a head goes in; out comes a *graphics code*, whose first latents are azimuth, elevation
and light azimuth and whose rest is who it is. Everything here runs on a CPU in two minutes.
`docs/make_tour.py` writes this notebook.
""",
    ),
    (
        CODE,
        """
import matplotlib.pyplot as plt
import numpy as np

import dcign_tf
from dcign_tf.cli.running import quiet_loading
from dcign_tf.datasets.pictures import fit_picture
from dcign_tf.pretrained import pretrained_run

with quiet_loading():  # TensorFlow has much to say of the machine
    model = dcign_tf.load_pretrained("faces")
size, _, channels = model.encoder.input_shape[1:]


def show(rows, title):
    # Rows of pictures [n, H, W, C] in [0, 1].
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    _, axes = plt.subplots(figsize=(11, 11 * sheet.shape[0] / sheet.shape[1]))
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=1)
    axes.set_title(title)
    axes.axis("off")
    plt.show()
""",
    ),
    (
        TEXT,
        """
## Encode

Eight pictures of people that training never saw, and what the network makes of them.
""",
    ),
    (
        CODE,
        """
files = sorted((pretrained_run().evaluation / "examples").glob("*.png"))
pictures = [fit_picture(file, image_size=size, channels=channels) for file in files]
images = np.stack(pictures).astype(np.float32) / 255
show([images, model(images).numpy()], "Above: pictures. Below: reconstructions")
""",
    ),
    (
        CODE,
        """
scene = {name: values.numpy() for name, values in model.infer_scene(images).items()}
for name in ("azimuth", "elevation", "light_azimuth"):
    pairs = zip(scene[f"{name}_deg"], scene[f"{name}_error_deg"], strict=True)
    print(f"{name:14}", "  ".join(f"{value:+4.0f}° ± {error:2.0f}°" for value, error in pairs))
""",
    ),
    (
        TEXT,
        """
## Turn

One value is replaced; who it is stays. Left, the picture.
""",
    ),
    (
        CODE,
        """
angles = np.linspace(-55, 55, 8)
turned = [model.rerender(images, azimuth_deg=angle).numpy() for angle in angles]
show([[images[i], *(view[i] for view in turned)] for i in range(3)], "Azimuth −55° to 55°")

tilts = np.linspace(-22, 22, 8)
tilted = [model.rerender(images, elevation_deg=angle).numpy() for angle in tilts]
show([[images[i], *(view[i] for view in tilted)] for i in range(3)], "Elevation −22° to 22°")
""",
    ),
    (
        TEXT,
        """
## Relight
""",
    ),
    (
        CODE,
        """
lights = np.linspace(-75, 75, 8)
relit = [model.rerender(images, light_azimuth_deg=angle).numpy() for angle in lights]
show([[images[i], *(view[i] for view in relit)] for i in range(3)], "Light azimuth −75° to 75°")
""",
    ),
    (
        TEXT,
        """
## All the way round

Another network has learned chairs. One number cannot follow a circle, so its azimuth has three
latents, and every angle can be asked for. Left, the picture; then every 45°, from the front.
""",
    ),
    (
        CODE,
        """
with quiet_loading():
    chairs = dcign_tf.load_pretrained("chairs")
files = sorted((pretrained_run("chairs").evaluation / "examples").glob("*.png"))[:4]
white = {"image_size": chairs.encoder.input_shape[1], "channels": 1, "background": 255}
given = np.stack([fit_picture(file, **white) for file in files]).astype(np.float32) / 255
seen = chairs.infer_scene(given)
print("seen from", "  ".join(f"{angle:.0f}°" for angle in seen["azimuth_deg"].numpy()))
turned = [chairs.rerender(given, azimuth_deg=angle).numpy() for angle in range(0, 360, 45)]
show([[given[i], *(view[i] for view in turned)] for i in range(4)], "Azimuth 0° to 315°")
""",
    ),
    (
        TEXT,
        """
## Sample

People that there are not: identities drawn from a Gaussian over the intrinsic latents of training
people, each seen from eight sides.
""",
    ),
    (
        CODE,
        """
from dcign_tf.editing.editor import SceneEditor

editor = SceneEditor.of_run(pretrained_run())
people = [editor.someone(seed) for seed in range(4)]
rows = [
    editor.decode(np.stack([editor.changed(code, {"azimuth_deg": a}) for a in angles])) / 255
    for code in people
]
show(rows, "Four people drawn at random, turned")
""",
    ),
    (
        TEXT,
        """
## Recognise

A hundred new people are rendered in four poses and lights each. One picture of each, seen from the
front, is the gallery; who is on each of the others? By the cosine between pixels, and between
intrinsic latents. Then less what a pose leaves in these, which the model knows from pictures of
turning heads. And once more where it is known in which directions people differ, and in which the
pictures of one do: `less_within` learns that from as many pictures of a hundred others.
""",
    ),
    (
        CODE,
        """
from dcign_tf.metrics import identify, less_within, similarity, standardised
from dcign_tf.readouts import scene
from dcign_tf.rendering.face_models import load_face_model
from dcign_tf.rendering.raycaster import FaceScene

rng = np.random.default_rng(2015)
face_model = load_face_model(None)


def photographed(num_people, num_views):
    views = []
    for coefficients in face_model.draw_coefficients(rng, num_people):
        pose = [rng.uniform(-most, most, num_views) for most in (45, 20, 60)]
        for angles_of in pose:
            angles_of[0] = 0  # from the front: the gallery's picture
        head = FaceScene.of(face_model, coefficients)
        views.append(head.render(*pose, image_size=size, channels=channels))
    return np.concatenate(views).astype(np.float32) / 255


def codes_of(pictures):
    return model.encode(pictures)[0].numpy()


def less_pose(codes):
    return scene.less_pose(codes, model.code, model.calibration)


num_people, num_views = 100, 4
views, others = photographed(num_people, num_views), photographed(num_people, num_views)
identities = np.repeat(np.arange(num_people), num_views)
gallery = np.arange(num_people) * num_views

codes, seen = codes_of(views), codes_of(others)
pixels = standardised(views.reshape(len(views), -1), others.reshape(len(others), -1))
where = model.code.slice("intrinsic")
latents, seen_latents = (standardised(z[:, where], seen[:, where]) for z in (codes, seen))
without_pose = standardised(less_pose(codes), less_pose(seen))
of_people = less_within(latents, seen_latents, identities)
print(f"{'by chance':30} {1 / num_people:4.0%}")
for name, features in (
    ("pixels", pixels),
    ("intrinsic latents", latents),
    ("less what a pose leaves", without_pose),
    ("less what varies within people", of_people),
):
    right = identify(similarity(features), identities, gallery)
    print(f"{name:30} {right.mean():4.0%} of {len(right)} pictures")
show([views[:num_views], views[num_views : 2 * num_views]], "Two of the hundred; left, the gallery")
""",
    ),
    (
        TEXT,
        """
## What it cannot do

A photograph is another domain: the network has seen rendered heads, whole and before black, and
nothing else. It draws what it knows all the same, and says so. (The photograph, of Grace
Hopper, is in the public domain and comes with Matplotlib.)
""",
    ),
    (
        CODE,
        """
from matplotlib import cbook

with cbook.get_sample_data("grace_hopper.jpg") as file:
    path = file.name
photograph = fit_picture(path, image_size=size, channels=channels)[np.newaxis] / np.float32(255)
print("unlike the training pictures:", bool(model.infer_scene(photograph)["is_unfamiliar"][0]))
shown = [photograph[0], model(photograph).numpy()[0]]
shown += [model.rerender(photograph, azimuth_deg=a).numpy()[0] for a in (-40, 0, 40)]
show([shown], "A photograph, its “reconstruction”, and that turned")
""",
    ),
)


def write_notebook() -> None:
    """Runs the cells and writes them with their outputs."""
    notebook = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}})
    makers = {TEXT: nbformat.v4.new_markdown_cell, CODE: nbformat.v4.new_code_cell}
    for number, (kind, content) in enumerate(CELLS):
        made = makers[kind](content.strip())
        made.id = f"cell-{number}"  # drawn at random otherwise: another at every run
        notebook.cells.append(made)
    NotebookClient(notebook, timeout=600).execute()
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    write_notebook()
