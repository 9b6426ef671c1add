"""Small TensorFlow Datasets with the features of smallNORB, 3D Shapes and dSprites."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

NORB_AZIMUTHS, NORB_ELEVATIONS, NORB_LIGHTINGS = (0, 4, 9, 17), (0, 3, 8), (1, 5)
ORIENTATIONS = np.linspace(0, 2 * np.pi, 40, dtype=np.float32)
"""Of dSprites: the first is the last."""


def level_of(*labels: int) -> int:
    """The grey level of all pixels of the picture with these labels: no two near each other."""
    return int(np.ravel_multi_index(labels, (10,) * len(labels)) * 37 % 251)


def _norb(instances: range) -> list[dict[str, Any]]:
    views = itertools.product(range(2), instances, NORB_ELEVATIONS, NORB_AZIMUTHS, NORB_LIGHTINGS)
    return [
        {
            "image": np.full((96, 96, 1), level_of(c, i, e, a % 10, light), np.uint8),
            "image2": np.zeros((96, 96, 1), np.uint8),
            "label_category": c,
            "instance": i,
            "label_elevation": e,
            "label_azimuth": a,
            "label_lighting": light,
        }
        for c, i, e, a, light in views
    ]


def _with_values(
    names: str, labels: Mapping[str, Any], values: Mapping[str, Any], draw: Callable
) -> list[dict[str, Any]]:
    """All combinations of labels, of which `values` says what they stand for."""
    rows = []
    for combination in itertools.product(*labels.values()):
        row = dict(zip(names.split(), combination, strict=True))
        told = {f"value_{n}": np.float32(values.get(n, np.arange(50))[v]) for n, v in row.items()}
        rows.append({"image": draw(**row), **{f"label_{n}": v for n, v in row.items()}, **told})
    return rows


def _shapes() -> list[dict[str, Any]]:
    hues = np.arange(10) / 10
    labels = {
        "floor_hue": (0, 9),
        "wall_hue": (2, 5),
        "object_hue": (1, 4, 7),
        "scale": (0, 7),
        "shape": range(4),
        "orientation": (0, 7, 14),
    }
    values = {
        **dict.fromkeys(("floor_hue", "wall_hue", "object_hue"), hues),
        "scale": np.linspace(0.75, 1.25, 8),
        "orientation": np.linspace(-30, 30, 15),
    }

    def draw(**labels: int) -> np.ndarray:
        colour = [20 * labels["floor_hue"], 20 * labels["wall_hue"], 20 * labels["object_hue"]]
        return np.broadcast_to(np.array(colour, np.uint8), (64, 64, 3))

    return _with_values(" ".join(labels), labels, values, draw)


def _sprites() -> list[dict[str, Any]]:
    labels = {
        "shape": range(3),
        "scale": range(4),
        "orientation": (0, 13, 39),
        "x_position": (0, 31),
        "y_position": (0, 15),
    }
    places = np.linspace(0, 1, 32)
    values = {"orientation": ORIENTATIONS, "x_position": places, "y_position": places}

    def draw(x_position: int, y_position: int, **labels: int) -> np.ndarray:
        image = np.zeros((64, 64, 1), np.uint8)
        image[y_position : y_position + 16, x_position : x_position + 16] = 1
        return image

    return _with_values(" ".join(labels), labels, values, draw)


def write_dataset(data_dir: Path, name: str, file_format: str = "array_record") -> None:
    """Writes one of `smallnorb`, `shapes3d` and `dsprites` as TFDS does."""
    splits = {
        "smallnorb": lambda: {"train": _norb(range(0, 10, 2)), "test": _norb(range(1, 10, 2))},
        "shapes3d": lambda: {"train": _shapes()},
        "dsprites": lambda: {"train": _sprites()},
    }[name]()
    write_rows(data_dir, name, splits, file_format)


def write_rows(
    data_dir: Path,
    name: str,
    splits: Mapping[str, list[dict[str, Any]]],
    file_format: str = "array_record",
) -> None:
    """Writes a dataset of pictures (`image…`), values (`value…`) and labels from 0 to 49."""
    import tensorflow_datasets as tfds

    features = {}
    for key, value in splits["train"][0].items():
        if key.startswith("image"):
            features[key] = tfds.features.Image(shape=value.shape)
        elif key.startswith("value"):
            features[key] = tfds.features.Tensor(shape=(), dtype=np.float32)
        else:
            features[key] = tfds.features.ClassLabel(num_classes=50)

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("2.0.0")
        code_path = None  # TFDS looks for a file with checksums of downloads there

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                disable_shuffling=True,
            )

        def _split_generators(self, dl_manager):
            return {split: enumerate(rows) for split, rows in splits.items()}

        def _generate_examples(self):
            raise NotImplementedError  # `_split_generators` has the examples

    Builder.name = name
    Builder(data_dir=data_dir, file_format=file_format).download_and_prepare()
