"""What one example of `dcign_faces` shows: a sweep of images in which one factor varies.

Everything here is a function of the settings, the split and the index of the
example, so that any process can make any example. Runs in the rendering
processes: NumPy and the ray caster, no TensorFlow.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any, NamedTuple

import numpy as np

from dcign_tf.datasets.faces.settings import EXTRINSIC, INDEPENDENT, FaceSettings
from dcign_tf.datasets.pictures import encode_png
from dcign_tf.datasets.seeding import named_rng
from dcign_tf.datasets.settings import fingerprint
from dcign_tf.factors import INTRINSIC
from dcign_tf.rendering.camera import Framing
from dcign_tf.rendering.face_models import load_face_model
from dcign_tf.rendering.raycaster import RENDERER_VERSION, FaceScene

face_model = functools.cache(load_face_model)
"""Loaded once a process: to render."""


class ModelSummary(NamedTuple):
    """What data made with a face model are known by; see `MorphableModel`."""

    name: str
    fingerprint: str
    num_coefficients: int


def framing(settings: FaceSettings) -> Framing:
    """The camera, so placed that every pose drawn fits."""
    return Framing(
        max_azimuth_deg=settings.azimuth_range_deg, max_elevation_deg=settings.elevation_range_deg
    )


@functools.cache
def summarize_model(path: str | None) -> ModelSummary:
    """What must be known of a face model where nothing is rendered.

    It is kept, and the model is not: a Basel Face Model takes 250 MB.

    Raises:
        OSError, ValueError: if the file cannot be read.
    """
    model = load_face_model(path)
    return ModelSummary(model.name, model.fingerprint, model.num_coefficients)


def describe(settings: FaceSettings) -> dict[str, Any]:
    """The settings, and the face model and the renderer by name and version."""
    model = summarize_model(settings.face_model)
    described = dataclasses.asdict(settings)
    described["face_model"] = {"name": model.name, "fingerprint": model.fingerprint}
    return {**described, "renderer_version": RENDERER_VERSION}


def data_fingerprint(settings: FaceSettings) -> str:
    """12 characters that change with every setting, the face model and the renderer."""
    return fingerprint(json.dumps(describe(settings), sort_keys=True))


def render_example(settings: FaceSettings, split: str, index: int) -> dict[str, Any]:
    """Example `index` of a split.

    Returns:
        The labels that `draw_labels` returns; `coefficients`, float32 [n, K], of
        the identity of each image; and `image`, a list of n PNG files.
    """
    labels = draw_labels(settings, split, index)
    angles_deg = [labels[f"{factor}_deg"] for factor in EXTRINSIC]
    coefficients = np.stack([identity_coefficients(settings, i) for i in labels["identity"]])
    if labels["factor"] in (INTRINSIC, INDEPENDENT):
        poses = zip(coefficients, *angles_deg, strict=True)
        images = np.concatenate([_render(settings, *pose) for pose in poses])
    else:  # one identity: its scene is built once
        images = _render(settings, coefficients[0], *angles_deg)
    return {
        **labels,
        "coefficients": coefficients,
        "image": [encode_png(image) for image in images],
    }


def draw_labels(settings: FaceSettings, split: str, index: int) -> dict[str, Any]:
    """What example `index` of a split shows.

    Returns:
        A dict of `azimuth_deg`, `elevation_deg` and `light_azimuth_deg`, float32
        [n]; `identity`, int64 [n]; `factor`, the name of the one that varies.
    """
    subset, factor = split.split("_", maxsplit=1)
    count = settings.images_per_example(split)
    rng = named_rng(settings.seed, "sweep", split, index)

    def num_drawn(name: str) -> int:
        return count if factor in (name, INDEPENDENT) else 1

    labels: dict[str, Any] = {"factor": factor}
    for name in EXTRINSIC:
        bound = getattr(settings, f"{name}_range_deg")
        angles = np.broadcast_to(rng.uniform(-bound, bound, num_drawn(name)), count)
        labels[f"{name}_deg"] = angles.astype(np.float32)
    identities = rng.choice(settings.identities(subset), num_drawn(INTRINSIC), replace=False)
    labels["identity"] = np.broadcast_to(identities, count)
    return labels


def identity_coefficients(settings: FaceSettings, identity: int) -> np.ndarray:
    """Coefficients [K] of an identity, in whatever split and sweep it appears."""
    rng = named_rng(settings.seed, "identity", int(identity))
    return face_model(settings.face_model).draw_coefficients(rng, 1)[0]


def _render(settings: FaceSettings, coefficients: np.ndarray, *angles_deg: Any) -> np.ndarray:
    model = face_model(settings.face_model)
    scene = FaceScene.of(model, coefficients, framing=framing(settings))
    return scene.render(*angles_deg, image_size=settings.image_size, channels=settings.channels)
