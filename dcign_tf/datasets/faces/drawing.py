"""What one example of `dcign_faces` shows: a sweep of images in which one factor varies.

Everything here is a function of the settings, the split and the index of the
example, so that any process can make any example. Runs in the rendering
processes: NumPy and the ray caster, no TensorFlow.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dcign_tf.datasets.pictures import encode_png
from dcign_tf.datasets.seeding import named_rng
from dcign_tf.datasets.sweeps import SUBSETS
from dcign_tf.factors import INTRINSIC
from dcign_tf.rendering.camera import Framing
from dcign_tf.rendering.face_models import load_face_model
from dcign_tf.rendering.morphable_model import MorphableModel
from dcign_tf.rendering.raycaster import RENDERER_VERSION, FaceScene
from dcign_tf.rendering.topology import Topology

FACTORS = ("azimuth", "elevation", "light_azimuth", INTRINSIC)
INDEPENDENT = "independent"
"""In place of a factor: all factors are drawn anew for every image."""

# Of the numeric settings; 1 for those that are not named.
_MINIMUM = {"seed": 0, "image_size": 8, "sweep_length": 2}


class ModelSummary(NamedTuple):
    """What data made with a face model are known by; see `MorphableModel`."""

    name: str
    fingerprint: str
    num_coefficients: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class FaceSettings:
    """Everything that the images of `dcign_faces` depend on; the defaults are the paper's.

    Attributes:
        image_size: pixels, height and width.
        channels: 1 (grey) or 3 (RGB).
        train_sweeps: number of training sweeps of each factor.
        validation_sweeps: number of validation sweeps of each factor.
        test_sweeps: number of test sweeps of each factor.
        independent_images: size of the split in which all factors are independent.
        train_identities: number of identities in training sweeps.
        validation_identities: number of other identities in validation sweeps.
        test_identities: number of yet other identities in test splits.
        sweep_length: images in a sweep; an intrinsic sweep shows as many identities.
        azimuth_range_deg: azimuths are uniform between minus this and this.
        elevation_range_deg: the same for elevations.
        light_azimuth_range_deg: the same for the azimuths of the light.
        seed: other seeds give other sweeps and identities.
        face_model: file of a morphable model; None is the procedural head.

    Raises:
        ValueError: if a number is too small, or a subset has fewer identities
            than an intrinsic sweep shows.
    """

    image_size: int = 150
    channels: int = 1
    train_sweeps: int = 3000
    validation_sweeps: int = 50
    test_sweeps: int = 350
    independent_images: int = 2000
    train_identities: int = 2000
    validation_identities: int = 100
    test_identities: int = 200
    sweep_length: int = 20
    azimuth_range_deg: float = 60.0
    elevation_range_deg: float = 25.0
    light_azimuth_range_deg: float = 80.0
    seed: int = 0
    face_model: str | None = None

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if field.default is not None:
                self._normalize(field)
        if self.channels not in (1, 3):
            raise ValueError(f"channels is {self.channels}; it must be 1 (grey) or 3 (RGB).")
        for subset in SUBSETS:
            count = len(self.identities(subset))
            if count < self.sweep_length:
                raise ValueError(
                    f"{subset}_identities is {count}, but an intrinsic sweep shows "
                    f"{self.sweep_length} different ones; it must be at least that."
                )

    def _normalize(self, field: dataclasses.Field) -> None:
        """Makes 60 and 60.0 one setting, and rejects what no image can be made from."""
        value = getattr(self, field.name)
        number = type(field.default)(value)
        minimum = _MINIMUM.get(field.name, 1)
        if not (number == value and number >= minimum):
            kind = "a whole number" if isinstance(number, int) else "a number"
            raise ValueError(f"{field.name} is {value}; it must be {kind} of at least {minimum}.")
        object.__setattr__(self, field.name, number)

    def identities(self, subset: str) -> range:
        """The identities of `train`, `validation` or `test`: disjoint ranges of numbers."""
        start = 0
        for name in SUBSETS:
            stop = start + getattr(self, f"{name}_identities")
            if name == subset:
                return range(start, stop)
            start = stop
        raise ValueError(f"Unknown subset '{subset}'; there are {', '.join(SUBSETS)}.")

    def num_examples(self) -> dict[str, int]:
        """Number of examples in each split."""
        sweeps = {
            split_name(subset, factor): getattr(self, f"{subset}_sweeps")
            for subset in SUBSETS
            for factor in FACTORS
        }
        return {**sweeps, split_name("test", INDEPENDENT): self.independent_images}

    def images_per_example(self, split: str) -> int:
        """Images in an example of `split`: a sweep, or one where all factors are independent."""
        return 1 if split.endswith(INDEPENDENT) else self.sweep_length

    def framing(self) -> Framing:
        """The camera, so placed that every pose drawn fits."""
        return Framing(
            max_azimuth_deg=self.azimuth_range_deg, max_elevation_deg=self.elevation_range_deg
        )

    def model(self) -> MorphableModel:
        """The face model, loaded once a process, for those processes that render.

        Raises:
            OSError, ValueError: if `face_model` cannot be read.
        """
        return _load_model(self.face_model)

    def model_summary(self) -> ModelSummary:
        """What must be known of the face model where nothing is rendered.

        Raises:
            OSError, ValueError: if `face_model` cannot be read.
        """
        return _summarize_model(self.face_model)

    def fingerprint(self) -> str:
        """12 characters that change with every setting, the face model and the renderer."""
        described = json.dumps(self.describe(), sort_keys=True)
        return hashlib.sha256(described.encode()).hexdigest()[:12]

    def describe(self) -> dict[str, Any]:
        """The settings, and the face model and the renderer by name and version."""
        model = self.model_summary()
        face_model = {"name": model.name, "fingerprint": model.fingerprint}
        described = {**dataclasses.asdict(self), "face_model": face_model}
        return {**described, "renderer_version": RENDERER_VERSION}


def split_name(subset: str, factor: str) -> str:
    """Name of the split with the sweeps of one factor, e.g. `train_light_azimuth`."""
    return f"{subset}_{factor}"


def render_example(settings: FaceSettings, split: str, index: int) -> dict[str, Any]:
    """Example `index` of a split.

    Returns:
        The labels that `draw_labels` returns; `coefficients`, float32 [n, K], of
        the identity of each image; and `image`, a list of n PNG files.
    """
    labels = draw_labels(settings, split, index)
    angles_deg = [labels[f"{factor}_deg"] for factor in FACTORS if factor != INTRINSIC]
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

    def per_image(name: str, draw: Callable[[int], np.ndarray]) -> np.ndarray:
        return np.broadcast_to(draw(count if factor in (name, INDEPENDENT) else 1), count)

    labels: dict[str, Any] = {"factor": factor}
    for name in ("azimuth", "elevation", "light_azimuth"):
        bound = getattr(settings, f"{name}_range_deg")
        angles = per_image(name, lambda size, bound=bound: rng.uniform(-bound, bound, size))
        labels[f"{name}_deg"] = angles.astype(np.float32)
    known = settings.identities(subset)
    labels["identity"] = per_image(INTRINSIC, lambda size: rng.choice(known, size, replace=False))
    return labels


def identity_coefficients(settings: FaceSettings, identity: int) -> np.ndarray:
    """Coefficients [K] of an identity, in whatever split and sweep it appears."""
    rng = named_rng(settings.seed, "identity", int(identity))
    return settings.model().draw_coefficients(rng, 1)[0]


def _render(settings: FaceSettings, coefficients: np.ndarray, *angles_deg: Any) -> np.ndarray:
    model = settings.model()
    topology = _topology(model)
    scene = FaceScene.of(model, coefficients, topology=topology, framing=settings.framing())
    return scene.render(*angles_deg, image_size=settings.image_size, channels=settings.channels)


@functools.cache
def _topology(model: MorphableModel) -> Topology:
    return Topology(model.triangles, len(model.mean_mm))


@functools.cache
def _summarize_model(path: str | None) -> ModelSummary:
    """Keeps the summary and not the model: a Basel Face Model takes 250 MB."""
    model = load_face_model(path)
    return ModelSummary(model.name, model.fingerprint, model.num_coefficients)


@functools.cache
def _load_model(path: str | None) -> MorphableModel:
    return load_face_model(path)
