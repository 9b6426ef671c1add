"""Which share of pictures a model says to be unlike those that it was trained on.

    python -m benchmarks.familiarity --workdir=runs/faces-best

Of its own test pictures every one is a false alarm. Beside them stand pictures of nothing, of
something else, and test pictures changed: photographs are squares cut out of scikit-learn's two,
a temple and a flower; heads and chairs are rendered here. The run must have been evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from absl import app, flags
from PIL import Image
from sklearn.datasets import load_sample_images

from dcign_tf.datasets.sweeps import distinct_images, evenly
from dcign_tf.errors import UserError
from dcign_tf.evaluation.evaluate import open_data
from dcign_tf.model.dcign import DCIGN
from dcign_tf.pixels import to_unit
from dcign_tf.rendering.chairs.chair import ChairScene, draw_chair
from dcign_tf.rendering.face_models import load_face_model
from dcign_tf.rendering.raycaster import FaceScene
from dcign_tf.runs.checkpoints import load_model
from dcign_tf.runs.directory import RunDirectory

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Run directory of train.py, evaluated.", required=True)
flags.DEFINE_string("data_dir", None, "Where datasets lie, if they were moved since training.")
flags.DEFINE_integer("sweeps", 25, "Test sweeps of each factor.", lower_bound=1)

_CHANGED = 100  # test pictures
_OTHERS = 25  # of each kind
_BATCH = 50


def test_pictures(data) -> np.ndarray:
    """float32 [N, H, W, C] in [0, 1]; every second of a sweep, whose neighbours are alike."""
    of_factors = data.sweeps("test").values()
    return np.concatenate(
        [distinct_images(of[i])[::2] for of in of_factors for i in evenly(of, FLAGS.sweeps)]
    )


def photographs(size: int) -> np.ndarray:
    """Squares from the left, the middle and the right, of three sizes: float32 [18, S, S, 1]."""
    squares = []
    for photograph in load_sample_images().images:
        image = Image.fromarray(photograph).convert("L")
        for share in (1.0, 0.6, 0.4):
            side = round(share * image.height)
            top = (image.height - side) // 2
            for left in np.linspace(0, image.width - side, 3, dtype=int):
                square = image.crop((left, top, left + side, top + side))
                squares.append(np.asarray(square.resize((size, size), Image.Resampling.BICUBIC)))
    return to_unit(np.stack(squares))[..., np.newaxis]


def heads(size: int, rng: np.random.Generator) -> np.ndarray:
    """Procedural heads in moderate poses: float32 [N, S, S, 1]."""
    model = load_face_model(None)
    rendered = [
        FaceScene.of(model, person).render(*rng.uniform(-25, 25, 3), image_size=size)[0]
        for person in model.draw_coefficients(rng, _OTHERS)
    ]
    return to_unit(np.stack(rendered))


def chairs(size: int, rng: np.random.Generator) -> np.ndarray:
    """Procedural chairs on white from all around: float32 [N, S, S, 1]."""
    rendered = [
        ChairScene(draw_chair(rng)).render(azimuth, 20, image_size=size)[0]
        for azimuth in rng.uniform(0, 360, _OTHERS)
    ]
    return to_unit(np.stack(rendered))[..., np.newaxis]


def kinds(data) -> Iterator[tuple[str, np.ndarray]]:
    """Names and pictures, float [N, H, W, C] in [0, 1]."""
    own, rng = test_pictures(data), np.random.default_rng(0)
    height, width, channels = data.image_shape
    yield "test pictures of its own dataset", own
    yield "noise", rng.random((_OTHERS, *data.image_shape))
    for name, level in (("black", 0.0), ("grey", 0.5), ("white", 1.0)):
        yield name, np.full((1, *data.image_shape), level)
    for name, shown in (
        ("photographs", photographs(width)),
        ("procedural heads on black", heads(width, rng)),
        ("procedural chairs on white", chairs(width, rng)),
    ):
        yield name, np.repeat(shown, channels, axis=-1)
    some = own[rng.choice(len(own), min(_CHANGED, len(own)), replace=False)]
    yield "inverted", 1 - some
    yield "upside down", some[:, ::-1]
    yield "mirrored", some[:, :, ::-1]
    yield "moved by a sixth of the width", np.roll(some, width // 6, axis=2)
    for name, rows, columns in (
        ("lower half covered", slice(height // 2, None), slice(None)),
        ("upper half covered", slice(height // 2), slice(None)),
        ("right half covered", slice(None), slice(width // 2, None)),
        ("a sixth covered, grey", slice(height // 4, height // 2), slice(width // 6, -width // 6)),
    ):
        covered = some.copy()
        covered[:, rows, columns] = 0.5 if "grey" in name else 0.0
        yield name, covered
    yield "with noise of 0.1", np.clip(some + rng.normal(0, 0.1, some.shape), 0, 1)


def unfamiliarity(model: DCIGN, images: np.ndarray) -> np.ndarray:
    """[N]; 1 is the limit."""
    batches = (images[i : i + _BATCH].astype(np.float32) for i in range(0, len(images), _BATCH))
    judged = [model.judged(batch, model.encode(batch)[0]) for batch in batches]
    return np.concatenate([each["unfamiliarity"] for each in judged])


def main(_) -> None:
    run = RunDirectory(FLAGS.workdir)
    model = load_model(run.last_checkpoint)
    if model.checked_calibration().familiarity is None:
        raise UserError(f"{run.path} has no limits; first: dcign-tf evaluate --workdir={run.path}")
    print(f"{'':34}{'pictures':>10}{'flagged':>10}{'median':>10}")
    for name, images in kinds(open_data(run, FLAGS.data_dir)):
        off = unfamiliarity(model, images)
        print(f"{name:34}{len(off):10,}{np.mean(off > 1):10.1%}{np.median(off):10.2f}", flush=True)


if __name__ == "__main__":
    app.run(main)
