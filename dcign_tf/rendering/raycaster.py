"""A mesh in, images out: perspective ray casting with cast shadows, on the CPU.

A face is rendered by `FaceScene.of(model, coefficients).render(angles)`: `camera` says
where its pixels' rays go, `light` where the light stands, and `Scene` what they hit.

Intel Embree finds what a ray hits; the rest is NumPy. The bounding volume
hierarchy is built once for an identity, and for a new pose the rays and the light
are turned into the mesh's frame, not the mesh. Only rays within the object's
bounding rectangle are cast, images that share a pose share them, and only pixels
that differ from a neighbour (outline, shadow boundary, edge of a colour) are
supersampled. An image depends on its own angles alone, to the byte, not on the
images that are rendered with it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from dcign_tf.pixels import to_levels
from dcign_tf.rendering import srgb
from dcign_tf.rendering.camera import Camera, Framing, pose_rotation
from dcign_tf.rendering.light import LIGHT_ELEVATION_DEG, LUMINANCE, Lighting, light_direction
from dcign_tf.rendering.morphable_model import MorphableModel
from dcign_tf.rendering.topology import Topology

RENDERER_VERSION = 3
"""Raised whenever the same mesh and angles no longer give the same image."""

# Rows and columns, in pixels: a rotated grid, which serves near-vertical and
# near-horizontal edges, the ones that show most, with four distinct levels.
_SUBPIXEL = np.array([[-0.125, -0.375], [-0.375, 0.125], [0.125, 0.375], [0.375, -0.125]])
_EDGE_LEVELS = 24
"""Pixels that differ by more grey levels than this from a neighbour are supersampled.

At half of it a third more rays leave just as many pixels visibly (20 levels) off.
"""
_SHADOW_OFFSET = 0.004
"""How far, in object radii, shadow rays start off the surface, so that it does not shade itself."""
_SRGB_LEVELS = to_levels(srgb.encode(np.linspace(0, 1, 8192)))
"""8-bit sRGB levels of equal steps of linear light from 0 to 1: a look-up is quicker."""


class _Hits(NamedTuple):
    """What rays hit: `ray` [n] into the rays that were cast, columns of the rest belong to it."""

    ray: np.ndarray
    shadow_origin: np.ndarray  # [3, n]
    normal: np.ndarray  # [3, n]
    albedo: np.ndarray  # [channels, n]

    def where(self, keep: np.ndarray) -> _Hits:
        """The hits of rays for which `keep` is true."""
        chosen = np.flatnonzero(keep[self.ray])
        return _Hits(*(values[..., chosen] for values in self))


class Scene:
    """One object, ready to be rendered in any pose and light.

    Args:
        vertices_mm: [V, 3]; x to the viewer's right, y up, z towards the viewer.
        triangles: int [T, 3], counter-clockwise seen from outside, or the
            `Topology` made of them, which saves time with each further identity.
        albedo: [V, 3], linear RGB reflectance in [0, 1].
        framing: camera, and poses that must fit. Scale and centre follow from
            it and from the object's own size, and are the same in all poses.
        lighting: brightness of the lights and of the background.

    Raises:
        ValueError: if a shape is wrong or a value is not finite.
    """

    def __init__(
        self,
        vertices_mm: np.ndarray,
        triangles: np.ndarray | Topology,
        albedo: np.ndarray,
        *,
        framing: Framing | None = None,
        lighting: Lighting | None = None,
    ):
        vertices = _finite(vertices_mm, "vertices_mm")
        albedo = _finite(albedo, "albedo", len(vertices))
        if not isinstance(triangles, Topology):
            triangles = Topology(triangles, len(vertices))
        if triangles.num_vertices != len(vertices):
            raise ValueError(
                f"vertices_mm has {len(vertices)} vertices, its triangles need"
                f" {triangles.num_vertices}."
            )
        # The object turns about the middle of its box, which becomes the origin.
        vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
        self._camera = Camera(vertices, framing or Framing())
        self._lighting = lighting or Lighting()
        self._corners = triangles.corners
        offset = np.float32(_SHADOW_OFFSET * np.linalg.norm(vertices, axis=1).max())
        normals = triangles.vertex_normals(vertices)
        surface = [(vertices + offset * normals).T, normals.T]
        grey = (albedo * LUMINANCE).sum(1)[None]
        self._attributes = {1: np.concatenate([*surface, grey])}
        self._attributes[3] = np.concatenate([*surface, albedo.T])
        # Robust: without it one in twenty rays that meet an edge slips through.
        self._embree = EmbreeScene(robust=True)
        # Again for embreex's sake: it reads Python floats quicker than NumPy's.
        TriangleMesh(self._embree, vertices.astype(object), triangles.tuples)

    def render(
        self,
        azimuth_deg: np.ndarray | float,
        elevation_deg: np.ndarray | float,
        light_azimuth_deg: np.ndarray | float,
        *,
        light_elevation_deg: np.ndarray | float = LIGHT_ELEVATION_DEG,
        image_size: int,
        channels: int = 1,
    ) -> np.ndarray:
        """Images of the object: uint8 [N, image_size, image_size, channels], sRGB levels.

        Args:
            azimuth_deg: [N] or one for all; positive when the face turns to the
                viewer's right. The object turns about its own vertical axis first,
            elevation_deg: [N] or one for all; then tilts about the camera's
                horizontal axis, positive when the face looks up.
            light_azimuth_deg: [N] or one for all; of a directional light in the
                camera's frame, positive on the viewer's right.
            light_elevation_deg: [N] or one for all; of the light above the camera's
                horizon, 90 being straight above.
            image_size: pixels, at least 8.
            channels: 1 (luminance) or 3 (RGB).

        Raises:
            ValueError: if angles are not finite or differ in number, or the size
                or the number of channels is impossible.
        """
        angles = _angles(azimuth_deg, elevation_deg, light_azimuth_deg, light_elevation_deg)
        if channels not in (1, 3):
            raise ValueError(f"channels must be 1 or 3, got {channels}.")
        if image_size < 8:
            raise ValueError(f"image_size must be at least 8 pixels, got {image_size}.")
        shape = (len(angles), image_size, image_size, channels)
        images = np.full(shape, _levels(np.float32(self._lighting.background)))
        poses: dict[tuple[float, float], list[int]] = {}
        for index, (azimuth, elevation, *_) in enumerate(angles):
            poses.setdefault((azimuth, elevation), []).append(index)
        for (azimuth, elevation), indices in poses.items():
            rotation = pose_rotation(azimuth, elevation)
            lights = [light_direction(*angles[index][2:]) @ rotation for index in indices]
            self._render_pose(rotation, lights, images, indices)
        return images

    def _render_pose(
        self,
        rotation: np.ndarray,
        lights: list[np.ndarray],
        images: np.ndarray,
        indices: list[int],
    ) -> None:
        """Fills `images[indices]`, which show one pose, each in a light of its own."""
        image_size, channels = images.shape[2:]
        rows, columns = self._camera.rectangle(rotation, image_size)
        row, column = np.mgrid[rows, columns].reshape(2, -1)
        rotation = rotation.astype(np.float32)
        hits = self._cast(rotation, row, column, image_size, channels)
        edges = []
        for index, light in zip(indices, lights, strict=True):
            window = images[index, rows, columns]
            levels = window.reshape(-1, channels)
            levels[hits.ray] = _levels(self._shade(hits, light, rotation[2])).T
            window[:] = levels.reshape(window.shape)
            edges.append(_edges(window).ravel())
        pixel = np.flatnonzero(np.logical_or.reduce(edges))
        samples = [row[pixel] + _SUBPIXEL[:, :1], column[pixel] + _SUBPIXEL[:, 1:]]
        fine = self._cast(rotation, *(s.ravel() for s in samples), image_size, channels)
        for index, light, edge in zip(indices, lights, edges, strict=True):
            on_edge = edge[pixel]
            hits = fine if on_edge.all() else fine.where(np.tile(on_edge, len(_SUBPIXEL)))
            rays = channels, len(_SUBPIXEL) * len(pixel)
            radiance = np.full(rays, self._lighting.background, np.float32)
            radiance[:, hits.ray] = self._shade(hits, light, rotation[2])
            mean = radiance.reshape(channels, len(_SUBPIXEL), -1).mean(1)[:, on_edge]
            images[index, row[pixel[on_edge]], column[pixel[on_edge]]] = _levels(mean).T

    def _cast(
        self,
        rotation: np.ndarray,
        row: np.ndarray,
        column: np.ndarray,
        image_size: int,
        channels: int,
    ) -> _Hits:
        """Hits of the rays through pixels [n], whose rows and columns may be fractions."""
        eye, direction = self._camera.rays(rotation, row, column, image_size)
        eyes = np.broadcast_to(eye, direction.T.shape)
        nearest = self._embree.run(eyes, direction.T, output=1)
        # What is seen from behind, through the openings of a mask, is background like the rest.
        front = _dot(nearest["Ng"].T, direction) < 0
        ray = np.flatnonzero((nearest["primID"] >= 0) & front)
        attributes = self._attributes[channels]
        corners = self._corners.take(nearest["primID"][ray], axis=1)
        u, v = nearest["u"][ray], nearest["v"][ray]
        first, second, third = (
            attributes.take(corner, axis=1) * weight
            for corner, weight in zip(corners, (1 - u - v, u, v), strict=True)
        )
        values = first + second + third
        normal = values[3:6]
        normal /= np.maximum(np.sqrt(_dot(normal, normal)), np.float32(1e-12))
        return _Hits(ray, values[:3], normal, values[6:])

    def _shade(self, hits: _Hits, light: np.ndarray, to_camera: np.ndarray) -> np.ndarray:
        """Linear radiance [channels, n] of hits; both directions, [3], are in their frame."""
        light = light.astype(np.float32)
        incidence = _dot(hits.normal, light)
        turned_to = np.flatnonzero(incidence > 0)
        origins = hits.shadow_origin.take(turned_to, axis=1).T
        blocker = self._embree.run(origins, light[None], query="OCCLUDED")
        lit = turned_to[blocker == -1]
        irradiance = np.full(len(incidence), self._lighting.ambient, np.float32)
        irradiance[lit] += np.float32(self._lighting.diffuse) * incidence[lit]
        if self._lighting.headlight:
            facing = np.maximum(_dot(hits.normal, to_camera), np.float32(0))
            irradiance += np.float32(self._lighting.headlight) * facing
        return hits.albedo * irradiance


class FaceScene(Scene):
    """One identity of a face model."""

    @classmethod
    def of(
        cls, model: MorphableModel, coefficients: np.ndarray, *, framing: Framing | None = None
    ) -> FaceScene:
        """The scene of one identity of `model`, from its coefficients [S + A]."""
        return cls(
            model.vertices_mm(coefficients),
            model.topology,
            model.albedo(coefficients),
            framing=framing,
        )


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Dot products of the columns. Not a matrix product, whose rounding depends on their number."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _levels(linear: np.ndarray) -> np.ndarray:
    """uint8 sRGB levels of linear light, what is brighter than white taken for white."""
    steps = len(_SRGB_LEVELS) - 1
    index = np.minimum(linear, np.float32(1)) * steps + np.float32(0.5)
    return _SRGB_LEVELS[index.astype(np.intp)]


def _edges(image: np.ndarray) -> np.ndarray:
    """True [H, W] where a pixel of `image` [H, W, C] differs from its neighbour, on both sides."""
    levels = image.astype(np.int16)
    edges = np.zeros(image.shape[:2], bool)
    for lines, edge in ((levels, edges), (levels.swapaxes(0, 1), edges.T)):
        differs = (np.abs(lines[1:] - lines[:-1]) > _EDGE_LEVELS).any(-1)
        edge[1:] |= differs
        edge[:-1] |= differs
    return edges


def _finite(values: np.ndarray, name: str, num_vertices: int | None = None) -> np.ndarray:
    """`values` as float32 [V, 3], checked."""
    values = np.asarray(values, np.float32)
    rows = "V" if num_vertices is None else num_vertices
    if values.ndim != 2 or values.shape[1] != 3 or len(values) != (num_vertices or len(values)):
        raise ValueError(f"{name} must be [{rows}, 3], got {list(values.shape)}.")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has values that are not finite.")
    return values


def _angles(*angles_deg: np.ndarray | float) -> list[tuple[float, float, float, float]]:
    """The four angles of each image, from one for all images or [N] each."""
    names = "azimuth_deg, elevation_deg, light_azimuth_deg and light_elevation_deg"
    arrays = [np.atleast_1d(np.asarray(a, np.float64)) for a in angles_deg]
    lengths = {len(a) for a in arrays if a.shape != (1,)}
    if any(a.ndim != 1 for a in arrays) or len(lengths) > 1:
        shapes = ", ".join(str(np.shape(a)) for a in angles_deg)
        raise ValueError(f"{names} must be numbers or [N], alike in N; got shapes {shapes}.")
    if not all(np.isfinite(a).all() for a in arrays):
        raise ValueError(f"{names} must be finite.")
    return list(zip(*(a.tolist() for a in np.broadcast_arrays(*arrays)), strict=True))
