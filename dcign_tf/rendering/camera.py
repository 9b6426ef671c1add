"""Where things stand when a picture is taken: the object's pose and the camera.

The object turns by its azimuth about its own vertical axis, then tilts by its
elevation about the camera's horizontal axis. The camera looks along −z with x to
the right and y up.
"""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np


@dataclasses.dataclass(frozen=True)
class Framing:
    """The camera's distance, and the poses none of which may leave the frame.

    Attributes:
        max_azimuth_deg: azimuths from minus this to this fit.
        max_elevation_deg: elevations to this fit, …
        min_elevation_deg: … from this, or from minus `max_elevation_deg` if it is None.
        camera_distance_mm: from the camera to the axis about which the object turns.
        margin: what stays free on each side, as a part of the frame's half width.
    """

    max_azimuth_deg: float = 60.0
    max_elevation_deg: float = 25.0
    min_elevation_deg: float | None = None
    camera_distance_mm: float = 1000.0
    margin: float = 0.03


def pose_rotation(azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    """[3, 3]; its rows are the camera's right, up and backward axes in the object's frame."""
    sin_a, cos_a = math.sin(math.radians(azimuth_deg)), math.cos(math.radians(azimuth_deg))
    sin_e, cos_e = math.sin(math.radians(elevation_deg)), math.cos(math.radians(elevation_deg))
    turn = np.array([[cos_a, 0, sin_a], [0, 1, 0], [-sin_a, 0, cos_a]])
    tilt = np.array([[1, 0, 0], [0, cos_e, sin_e], [0, -sin_e, cos_e]])
    return tilt @ turn


def _spread(low_deg: float, high_deg: float, step_deg: float) -> np.ndarray:
    """Angles from low to high, both included, their middle too, at most a step apart."""
    return np.linspace(low_deg, high_deg, 1 + 2 * math.ceil((high_deg - low_deg) / 2 / step_deg))


class Camera:
    """A perspective camera that keeps one object in a square frame, in all of its poses.

    Scale and centre are the tightest that keep every pose of `framing` inside;
    they are the same in all poses, so that neither tells the pose.

    Args:
        vertices_mm: float32 [V, 3] of the object, about the point it turns about.
        framing: distance, poses and margin.

    Raises:
        ValueError: if the object has no size or does not stand before the camera.
    """

    def __init__(self, vertices_mm: np.ndarray, framing: Framing):
        self._distance = np.float32(framing.camera_distance_mm)
        radius = float(np.linalg.norm(vertices_mm, axis=1).max())
        if not 0 < radius < self._distance:
            raise ValueError(
                f"The object reaches {radius:.0f} mm from its middle and the camera stands at"
                f" {self._distance:.0f} mm: it must stand outside, and the object have a size."
            )
        self._vertices = np.ascontiguousarray(vertices_mm.T)
        lowest_deg, highest_deg = framing.min_elevation_deg, framing.max_elevation_deg
        if lowest_deg is None:
            lowest_deg = -highest_deg
        # Between the poses tried, at most 15° and 12.5° apart, a point can reach out further
        # by 1.5 %: cos 7.5° · cos 6.25° = 0.985. The margin covers that.
        azimuths_deg = _spread(-framing.max_azimuth_deg, framing.max_azimuth_deg, 15.0)
        poses_deg = itertools.product(azimuths_deg, _spread(lowest_deg, highest_deg, 12.5))
        planes = [self._project(pose_rotation(*pose_deg)) for pose_deg in poses_deg]
        low = np.min([plane.min(1) for plane in planes], 0)
        high = np.max([plane.max(1) for plane in planes], 0)
        self._center = (low + high) / 2
        self._half_width = float((high - low).max() / 2 / (1 - framing.margin))

    def _project(self, rotation: np.ndarray) -> np.ndarray:
        """Vertices on the image plane at unit distance: [2, V], x right, y up."""
        turned = rotation.astype(np.float32) @ self._vertices
        return turned[:2] / (self._distance - turned[2])

    def rectangle(self, rotation: np.ndarray, image_size: int) -> tuple[slice, slice]:
        """Rows and columns that the object may touch, and one more on each side."""
        plane = self._project(rotation)
        low, high = plane.min(1) - self._center, plane.max(1) - self._center
        scale = image_size / 2 / self._half_width
        middle = (image_size - 1) / 2
        columns = middle + scale * low[0], middle + scale * high[0]
        rows = middle - scale * high[1], middle - scale * low[1]
        return tuple(
            slice(max(0, math.floor(first) - 1), max(0, min(image_size, math.ceil(last) + 2)))
            for first, last in (rows, columns)
        )

    def rays(
        self, rotation: np.ndarray, row: np.ndarray, column: np.ndarray, image_size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rays through points of the image, in the object's frame.

        Args:
            rotation: float32 [3, 3], the object's pose.
            row: [n]; 0 is the middle of the topmost pixels, fractions are allowed.
            column: [n]; 0 is the middle of the leftmost pixels.
            image_size: pixels.

        Returns:
            Their common origin, float32 [3], and directions, float32 [3, n].
        """
        right, up, backward = rotation
        pixel, middle = 2 * self._half_width / image_size, (image_size - 1) / 2
        x = (self._center[0] + pixel * (column - middle)).astype(np.float32)
        y = (self._center[1] - pixel * (row - middle)).astype(np.float32)
        directions = right[:, None] * x + up[:, None] * y - backward[:, None]
        return self._distance * backward, directions
