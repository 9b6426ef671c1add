"""Where chairs come from: a copy of Aubry et al.'s release, or the generator.

Runs in worker processes too: NumPy, Pillow and the ray caster, no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from dcign_tf.datasets.pictures import encode_png
from dcign_tf.datasets.seeding import named_rng
from dcign_tf.rendering.chairs.chair import CHAIRS_VERSION, ChairScene, draw_chair
from dcign_tf.rendering.raycaster import RENDERER_VERSION

_AZIMUTHS = 31
_ELEVATIONS_DEG = (20.0, 30.0)


class ChairSource(Protocol):
    """Chairs, each of which is seen in the same views.

    Attributes:
        names: of the chairs, all different.
        keys: for each chair what its images depend on.
        settings: what all images depend on, as JSON has it.
        azimuths_deg: all around.
        elevations_deg: of the camera, above the horizon.
        verb: what is done to make the images.
    """

    names: Sequence[str]
    keys: Sequence[str]
    settings: Mapping[str, Any]
    azimuths_deg: Sequence[float]
    elevations_deg: Sequence[float]
    verb: str

    def __str__(self) -> str: ...

    def make(self, chair: int) -> list[bytes]:
        """PNG files of a chair, grey: elevation after elevation, all azimuths of each.

        Raises:
            DataError: if they cannot be made.
        """


class ProceduralChairs:
    """Chairs drawn at random; chair i is a function of the seed and i.

    Args:
        count: how many there are.
        image_size: pixels of the images' side.
        seed: another seed draws others.
    """

    verb = "Rendering"

    def __init__(self, count: int, *, image_size: int, seed: int):
        self._image_size, self._seed = image_size, seed
        self.names = self.keys = tuple(map(str, range(count)))
        self.settings = {
            "source": "procedural",
            "version": [CHAIRS_VERSION, RENDERER_VERSION],
            "image_size": image_size,
            "seed": seed,
        }
        self.azimuths_deg = [360 * i / _AZIMUTHS for i in range(_AZIMUTHS)]
        self.elevations_deg = list(_ELEVATIONS_DEG)

    def __str__(self) -> str:
        return "procedural chairs"

    def make(self, chair: int) -> list[bytes]:
        scene = ChairScene(draw_chair(named_rng(self._seed, "chair", chair)))
        azimuths = np.tile(self.azimuths_deg, len(self.elevations_deg))
        elevations = np.repeat(self.elevations_deg, len(self.azimuths_deg))
        images = scene.render(azimuths, elevations, image_size=self._image_size)
        return [encode_png(image[..., None]) for image in images]
