"""Procedural chairs: twenty kinds, drawn part by part, and the scene they are rendered in.

Stands in for the 1,393 models of Aubry et al. (Seeing 3D chairs, CVPR 2014) where they
are not at hand: white background, a camera that looks down by 20° or 30°, no floor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import trimesh

from dcign_tf.rendering.camera import Framing
from dcign_tf.rendering.chairs import leisure, modern, shells, upholstered, wooden
from dcign_tf.rendering.chairs.draw import Draw, Part
from dcign_tf.rendering.light import Lighting
from dcign_tf.rendering.raycaster import Scene

CHAIRS_VERSION = 1
"""Raised whenever the same random numbers no longer give the same chair or picture of it."""

KINDS: Mapping[Callable[[Draw], list[Part]], float] = {
    wooden.dining: 6.0,
    wooden.windsor: 2.0,
    wooden.bistro: 1.5,
    wooden.medallion: 1.2,
    wooden.stool: 1.2,
    leisure.easy: 1.5,
    leisure.garden: 0.7,
    leisure.folding: 0.7,
    leisure.director: 0.6,
    modern.office: 3.0,
    shells.shell: 3.0,
    shells.bucket: 2.0,
    modern.cantilever: 1.5,
    modern.school: 1.2,
    modern.boards: 1.0,
    upholstered.club: 2.5,
    upholstered.wing: 1.2,
    upholstered.barrel: 1.5,
    upholstered.parsons: 2.0,
    leisure.lounge: 1.2,
}
"""Kinds of chairs and how often each is drawn, relative to the others."""

MIN_ELEVATION_DEG = 15.0
MAX_ELEVATION_DEG = 35.0
"""The camera looks down by so much; what lies between fits into the frame."""

_LIGHT_AZIMUTH_DEG = -35.0
_SMALLEST_RENDERED = 140
"""Pixels; smaller images are means of squares, or rods of 12 mm would slip between rays."""
_FRAMING = Framing(
    max_azimuth_deg=180.0,
    max_elevation_deg=-MIN_ELEVATION_DEG,
    min_elevation_deg=-MAX_ELEVATION_DEG,
    camera_distance_mm=4000.0,
    margin=0.05,
)
_LIGHTING = Lighting(ambient=0.22, diffuse=0.75, headlight=0.28, background=1.0)


class Chair(NamedTuple):
    """One chair, x to the sitter's left, y up from the floor, z to the front, in mm."""

    kind: str  # name of its kind, e.g. `windsor`
    parts: list[Part]


def draw_chair(rng: np.random.Generator, kind: str | None = None) -> Chair:
    """A chair drawn at random; a function of its arguments and the generator's state alone.

    Args:
        rng: what draws.
        kind: name of one of `KINDS`; without it, the kind is drawn too.
    """
    kinds, weights = {make.__name__: make for make in KINDS}, np.array(list(KINDS.values()))
    if kind is None:
        kind = list(kinds)[rng.choice(len(kinds), p=weights / weights.sum())]
    parts = kinds[kind](Draw(rng))
    stretch = rng.uniform([0.93, 0.95, 0.95], [1.07, 1.05, 1.05])
    parts = [p._replace(mesh=p.mesh._replace(vertices=p.mesh.vertices * stretch)) for p in parts]
    return Chair(kind, parts)


def chair_scene(chair: Chair, framing: Framing, lighting: Lighting) -> Scene:
    """A chair as `draw_chair` makes it, for any camera and light."""
    meshes = [part.mesh for part in chair.parts]
    vertices, triangles = trimesh.util.append_faces(*zip(*meshes, strict=True))
    colours = [[part.albedo] * 3 for part in chair.parts]
    albedo = np.repeat(colours, [len(mesh.vertices) for mesh in meshes], axis=0)
    return Scene(vertices, triangles, albedo, framing=framing, lighting=lighting)


class ChairScene:
    """A chair as `draw_chair` makes it, ready to be rendered from all sides, as the release is."""

    def __init__(self, chair: Chair):
        self._scene = chair_scene(chair, _FRAMING, _LIGHTING)

    def render(
        self, azimuth_deg: np.ndarray | float, elevation_deg: np.ndarray | float, *, image_size: int
    ) -> np.ndarray:
        """Grey images: uint8 [N, image_size, image_size], background 255.

        Args:
            azimuth_deg: [N] or one for all; at 0 the chair faces the camera, at 90 the
                viewer's right.
            elevation_deg: [N] or one for all; of the camera above the horizon, from
                `MIN_ELEVATION_DEG` to `MAX_ELEVATION_DEG` if nothing is to be cut off.
            image_size: pixels, at least 8.

        Raises:
            ValueError: if angles are not finite or differ in number, or the size is
                impossible.
        """
        if image_size < 8:
            raise ValueError(f"image_size must be at least 8 pixels, got {image_size}.")
        tilt_deg = -np.asarray(elevation_deg, float)
        factor = -(-_SMALLEST_RENDERED // image_size)
        size = factor * image_size
        images = self._scene.render(azimuth_deg, tilt_deg, _LIGHT_AZIMUTH_DEG, image_size=size)
        blocks = images.reshape(-1, image_size, factor, image_size, factor)
        return np.round(blocks.mean((2, 4))).astype(np.uint8)
