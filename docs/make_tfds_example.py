"""Renders a TensorFlow Dataset with the labels of smallNORB: a stand-in, as nothing is downloaded.

    python docs/make_tfds_example.py DIR [--elevations=3] [--image_size=64]

`smallnorb_chairs`: five kinds of chairs in place of the five categories of toys (LeCun, Huang and
Bottou, CVPR 2004), ten of each; all azimuths and lightings of smallNORB, and some or all of its
nine elevations. The features are those of TFDS's `smallnorb`, but for `image2`, the view of a
second camera; half of each kind is in the split `train`, the other half in `test`, as there.
"""

from __future__ import annotations

import argparse
import itertools
import pathlib
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow_datasets as tfds

from dcign_tf.datasets.seeding import named_rng
from dcign_tf.rendering.camera import Framing
from dcign_tf.rendering.chairs.chair import Chair, chair_scene, draw_chair
from dcign_tf.rendering.light import Lighting

CATEGORIES = ("dining", "shell", "office", "club", "stool")
INSTANCES = 10
AZIMUTHS_DEG = range(0, 360, 20)
ELEVATIONS_DEG = range(30, 75, 5)
LIGHT_AZIMUTHS_DEG = range(-75, 76, 30)

FRAMING = Framing(
    max_azimuth_deg=180,
    max_elevation_deg=-ELEVATIONS_DEG[0],
    min_elevation_deg=-ELEVATIONS_DEG[-1],
    camera_distance_mm=4000,
)
LIGHTING = Lighting(ambient=0.1, diffuse=1.4, background=0.5)


class SmallnorbChairs(tfds.core.GeneratorBasedBuilder):
    """Chairs with the labels of smallNORB, rendered.

    Args:
        image_size: pixels, height and width; smallNORB has 96.
        elevations: how many of the nine, spread evenly.
        seed: of the chairs.
        **kwargs: of TFDS, e.g. `data_dir` and `file_format`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}  # noqa: RUF012 (TFDS's way)

    def __init__(self, *, image_size: int = 64, elevations: int = 3, seed: int = 0, **kwargs):
        self._image_size, self._seed = image_size, seed
        self._elevations = np.linspace(0, len(ELEVATIONS_DEG) - 1, elevations).round().astype(int)
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        label = tfds.features.ClassLabel
        features = {
            "image": tfds.features.Image(shape=(self._image_size, self._image_size, 1)),
            "label_category": label(names=CATEGORIES),
            "instance": label(num_classes=INSTANCES),
            "label_elevation": label(num_classes=len(ELEVATIONS_DEG)),
            "label_azimuth": label(num_classes=len(AZIMUTHS_DEG)),
            "label_lighting": label(num_classes=len(LIGHT_AZIMUTHS_DEG)),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label_category"),
        )

    def _split_generators(self, dl_manager) -> dict[str, Iterator]:
        del dl_manager  # nothing is downloaded
        return {
            split: self._generate_examples(range(first, INSTANCES, 2))
            for first, split in enumerate(("train", "test"))
        }

    def _generate_examples(self, instances: Iterable[int]) -> Iterator:
        grid = (range(len(AZIMUTHS_DEG)), self._elevations, range(len(LIGHT_AZIMUTHS_DEG)))
        views = np.array(list(itertools.product(*grid)))
        for (category, kind), instance in itertools.product(enumerate(CATEGORIES), instances):
            chair = draw_chair(named_rng(self._seed, kind, instance), kind)
            images = self._render(chair, views)
            for image, (azimuth, elevation, lighting) in zip(images, views.tolist(), strict=True):
                labels = {
                    "label_category": category,
                    "instance": instance,
                    "label_elevation": elevation,
                    "label_azimuth": azimuth,
                    "label_lighting": lighting,
                }
                yield "_".join(map(str, labels.values())), {"image": image, **labels}

    def _render(self, chair: Chair, views: np.ndarray) -> np.ndarray:
        """Images, uint8 [N, H, W, 1], large first, lest thin rods slip between the rays."""
        size = self._image_size
        images = chair_scene(chair, FRAMING, LIGHTING).render(
            np.take(AZIMUTHS_DEG, views[:, 0]),
            -np.take(ELEVATIONS_DEG, views[:, 1]),
            np.take(LIGHT_AZIMUTHS_DEG, views[:, 2]),
            image_size=2 * size,
        )
        return images.reshape(-1, size, 2, size, 2, 1).mean((2, 4)).round().astype(np.uint8)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--image_size", type=int, default=64)
    parser.add_argument("--elevations", type=int, default=3, choices=range(1, 10))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file_format", default="array_record", help="tfrecord, for example")
    arguments = vars(parser.parse_args())
    builder = SmallnorbChairs(data_dir=arguments.pop("directory"), **arguments)
    builder.download_and_prepare()
    counts = ", ".join(f"{s.num_examples:,} for {name}" for name, s in builder.info.splits.items())
    print(f"{counts}: pictures of {len(CATEGORIES) * INSTANCES} chairs are in {builder.data_dir}")
