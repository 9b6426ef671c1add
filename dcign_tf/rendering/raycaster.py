"""A mesh in, images out: perspective ray casting with cast shadows, on the CPU.

Intel Embree finds what a ray hits; the rest is NumPy. The bounding volume
hierarchy is built once for an identity, and for a new pose the rays and the light
are turned into the mesh's frame, not the mesh. Only rays within the object's
bounding rectangle are cast, images that share a pose share them, and only pixels
that differ from a neighbour (outline, shadow boundary, edge of a colour) are
supersampled. An image depends on its own angles alone, to the byte, not on the
images that are rendered with it.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import scipy.sparse
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from dcign_tf.rendering.morphable_model import MorphableModel

RENDERER_VERSION = 1
"""Raised whenever the same mesh and angles no longer give the same image."""

LIGHT_ELEVATION_DEG = 25.0
AMBIENT = 0.12
DIFFUSE = 1.15
"""Radiance of a white surface: AMBIENT + DIFFUSE · cos(angle of incidence), where lit."""

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Rec. 709 weights of linear RGB: grey images hold luminance."""

# Rows and columns, in pixels: a rotated grid, which serves near-vertical and
# near-horizontal edges, the ones that show most, with four distinct levels.
_SUBPIXEL = np.array([[-0.125, -0.375], [-0.375, 0.125], [0.125, 0.375], [0.375, -0.125]])
_EDGE_LEVELS = 12
"""Pixels that differ by more grey levels than this from a neighbour are supersampled."""
_SHADOW_OFFSET = 0.004
"""How far, in object radii, shadow rays start off the surface, so that it does not shade itself."""


def _srgb_table(size: int = 8192) -> np.ndarray:
    """8-bit sRGB level of each of `size` equal steps of linear light from 0 to 1."""
    linear = np.linspace(0, 1, size)
    display = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * display).astype(np.uint8)


_SRGB = _srgb_table()


@dataclasses.dataclass(frozen=True)
class Framing:
    """The camera, and the poses none of which may leave the frame.

    Attributes:
        max_azimuth_deg: azimuths from minus this to this fit.
        max_elevation_deg: elevations from minus this to this fit.
        camera_distance_mm: from the camera to the axis about which the object turns.
        margin: what stays free on each side, as a part of the frame's half width.
    """

    max_azimuth_deg: float = 60.0
    max_elevation_deg: float = 25.0
    camera_distance_mm: float = 1000.0
    margin: float = 0.02


class Topology:
    """Triangles, prepared once for all the identities that share them.

    Args:
        triangles: int [T, 3], counter-clockwise seen from outside.
        num_vertices: V.

    Raises:
        ValueError: if the shape is wrong or a corner is no vertex.
    """

    def __init__(self, triangles: np.ndarray, num_vertices: int):
        triangles = np.asarray(triangles)
        if triangles.ndim != 2 or triangles.shape[1] != 3 or triangles.dtype.kind not in "iu":
            raise ValueError(
                f"triangles must be integers [T, 3], got {triangles.dtype} {triangles.shape}."
            )
        if not len(triangles) or triangles.min() < 0 or triangles.max() >= num_vertices:
            raise ValueError(f"triangles must name vertices 0 to {num_vertices - 1}, at least one.")
        self.num_vertices = num_vertices
        self.corners = np.ascontiguousarray(triangles.T, dtype=np.int32)
        # embreex reads one element at a time: tuples are 5 times quicker for it than rows.
        self.tuples = np.empty(len(triangles), object)
        self.tuples[:] = list(map(tuple, triangles.tolist()))
        incidence = (np.ones(triangles.size, np.float32), triangles.ravel())
        rows = np.arange(0, triangles.size + 1, 3)
        shape = (len(triangles), num_vertices)
        self._vertex_of_triangles = scipy.sparse.csr_array((*incidence, rows), shape).T.tocsr()

    def vertex_normals(self, vertices: np.ndarray) -> np.ndarray:
        """Area-weighted unit normals, float32 [V, 3], of vertices [V, 3]."""
        first, second, third = vertices[self.corners]
        normals = self._vertex_of_triangles @ np.cross(second - first, third - first)
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        return normals / np.maximum(length, np.float32(1e-12))


@dataclasses.dataclass
class _Hits:
    """What rays hit: `ray` [n] into the rays that were cast, columns of the rest belong to it."""

    ray: np.ndarray
    shadow_origin: np.ndarray  # [3, n]
    normal: np.ndarray  # [3, n]
    albedo: np.ndarray  # [channels, n]

    def where(self, keep: np.ndarray) -> _Hits:
        """The hits of rays for which `keep` is true."""
        chosen = np.flatnonzero(keep[self.ray])
        return _Hits(*(getattr(self, f.name)[..., chosen] for f in dataclasses.fields(self)))


class FaceScene:
    """One identity, ready to be rendered in any pose and light.

    Args:
        vertices_mm: [V, 3]; x to the viewer's right, y up, z towards the viewer.
        triangles: int [T, 3], counter-clockwise seen from outside, or the
            `Topology` made of them, which saves time with each further identity.
        albedo: [V, 3], linear RGB reflectance in [0, 1].
        framing: camera, and poses that must fit. Scale and centre follow from
            it and from the identity's own size, and are the same in all poses.

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
        framing = framing or Framing()
        # The object turns about the middle of its box, which becomes the origin.
        vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
        self._vertices = vertices
        self._corners = triangles.corners
        self._distance = framing.camera_distance_mm
        radius = float(np.linalg.norm(vertices, axis=1).max())
        if not 0 < radius < self._distance:
            raise ValueError(
                f"The object reaches {radius:.0f} mm from its middle, the camera stands at"
                f" {self._distance:.0f} mm: it must stand outside, and the object have a size."
            )
        offset = np.float32(_SHADOW_OFFSET * radius)
        normals = triangles.vertex_normals(vertices)
        surface = [(vertices + offset * normals).T, normals.T]
        grey = (albedo * LUMINANCE).sum(1)[None]
        self._attributes = {1: np.concatenate([*surface, grey])}
        self._attributes[3] = np.concatenate([*surface, albedo.T])
        self._center, self._half = self._frame(framing)
        self._embree = EmbreeScene()
        # Again for embreex's sake: it reads Python floats quicker than NumPy's.
        TriangleMesh(self._embree, vertices.astype(object), triangles.tuples)

    @classmethod
    def of(
        cls,
        model: MorphableModel,
        coefficients: np.ndarray,
        *,
        topology: Topology | None = None,
        framing: Framing | None = None,
    ) -> FaceScene:
        """The scene of one identity of `model`, from its coefficients [S + A]."""
        return cls(
            model.vertices_mm(coefficients),
            model.triangles if topology is None else topology,
            model.albedo(coefficients),
            framing=framing,
        )

    def render(
        self,
        azimuth_deg: np.ndarray | float,
        elevation_deg: np.ndarray | float,
        light_azimuth_deg: np.ndarray | float,
        *,
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
                camera's frame, `LIGHT_ELEVATION_DEG` above it, positive on the
                viewer's right.
            image_size: pixels, at least 8.
            channels: 1 (luminance) or 3 (RGB).

        Raises:
            ValueError: if angles are not finite or differ in number, or the size
                or the number of channels is impossible.
        """
        angles = _angles(azimuth_deg, elevation_deg, light_azimuth_deg)
        if channels not in (1, 3):
            raise ValueError(f"channels must be 1 or 3, got {channels}.")
        if image_size < 8:
            raise ValueError(f"image_size must be at least 8 pixels, got {image_size}.")
        images = np.zeros((len(angles), image_size, image_size, channels), np.uint8)
        poses: dict[tuple[float, float], list[int]] = {}
        for index, (azimuth, elevation, _) in enumerate(angles):
            poses.setdefault((azimuth, elevation), []).append(index)
        for (azimuth, elevation), indices in poses.items():
            rotation = _rotation(azimuth, elevation)
            lights = [_light_direction(angles[index][2]) @ rotation for index in indices]
            self._render_pose(rotation, lights, images, indices)
        return images

    def _render_pose(self, rotation, lights, images, indices) -> None:
        """Fills `images[indices]`, which show one pose, each in a light of its own."""
        image_size, channels = images.shape[2:]
        rows, columns = self._rectangle(rotation, image_size)
        row, column = np.mgrid[rows, columns].reshape(2, -1)
        rotation = rotation.astype(np.float32)
        hits = self._cast(rotation, row, column, image_size, channels)
        edges = []
        for index, light in zip(indices, lights, strict=True):
            window = images[index, rows, columns]
            levels = np.zeros((len(row), channels), np.uint8)
            levels[hits.ray] = _SRGB[_table_index(self._shade(hits, light))].T
            window[:] = levels.reshape(window.shape)
            edges.append(_edges(window).ravel())
        pixel = np.flatnonzero(np.logical_or.reduce(edges))
        samples = [row[pixel] + _SUBPIXEL[:, :1], column[pixel] + _SUBPIXEL[:, 1:]]
        fine = self._cast(rotation, *(s.ravel() for s in samples), image_size, channels)
        for index, light, edge in zip(indices, lights, edges, strict=True):
            own = edge[pixel]
            own_hits = fine if own.all() else fine.where(np.tile(own, len(_SUBPIXEL)))
            light_sum = np.zeros((channels, len(_SUBPIXEL) * len(pixel)), np.float32)
            light_sum[:, own_hits.ray] = self._shade(own_hits, light)
            a, b, c, d = np.split(light_sum, len(_SUBPIXEL), axis=1)
            mean = ((a + b + c + d) * np.float32(0.25))[:, own]
            images[index, row[pixel[own]], column[pixel[own]]] = _SRGB[_table_index(mean)].T

    def _cast(self, rotation, row, column, image_size, channels) -> _Hits:
        """Hits of the rays through pixels [n], whose rows and columns may be fractions."""
        right, up, towards = rotation
        pixel = 2 * self._half / image_size
        x = (self._center[0] + pixel * (column - (image_size - 1) / 2)).astype(np.float32)
        y = (self._center[1] - pixel * (row - (image_size - 1) / 2)).astype(np.float32)
        direction = right[:, None] * x + up[:, None] * y - towards[:, None]
        eye = np.broadcast_to(np.float32(self._distance) * towards, (len(x), 3))
        found = self._embree.run(eye, direction.T, output=1)
        ray = np.flatnonzero(found["primID"] >= 0)
        corners = self._corners.take(found["primID"][ray], axis=1)
        u, v = found["u"][ray], found["v"][ray]
        weights = np.stack([1 - u - v, u, v])
        values = (self._attributes[channels].take(corners, axis=1) * weights).sum(1)
        normal = values[3:6]
        normal /= np.maximum(np.sqrt(_dot(normal, normal)), np.float32(1e-12))
        return _Hits(ray, values[:3], normal, values[6:])

    def _shade(self, hits: _Hits, light: np.ndarray) -> np.ndarray:
        """Linear radiance [channels, n] of hits under `light` [3], a direction in their frame."""
        light = light.astype(np.float32)
        incidence = _dot(hits.normal, light)
        facing = np.flatnonzero(incidence > 0)
        origins = hits.shadow_origin.take(facing, axis=1).T
        blocker = self._embree.run(origins, light[None], query="OCCLUDED")
        lit = facing[blocker == -1]
        irradiance = np.full(len(incidence), AMBIENT, np.float32)
        irradiance[lit] += np.float32(DIFFUSE) * incidence[lit]
        return hits.albedo * irradiance

    def _project(self, rotation: np.ndarray) -> np.ndarray:
        """Vertices on the image plane at unit distance: [2, V], x right, y up."""
        x, y, depth = rotation.astype(np.float32) @ self._vertices.T
        return np.stack([x, y]) / (np.float32(self._distance) - depth)

    def _frame(self, framing: Framing) -> tuple[np.ndarray, float]:
        """Centre [2] and half width of the frame on the image plane at unit distance."""
        bounds = []
        for azimuth in np.linspace(-framing.max_azimuth_deg, framing.max_azimuth_deg, 13):
            for elevation in np.linspace(-framing.max_elevation_deg, framing.max_elevation_deg, 5):
                plane = self._project(_rotation(azimuth, elevation))
                bounds.append([plane.min(1), plane.max(1)])
        low, high = np.min(bounds, axis=(0, 1)), np.max(bounds, axis=(0, 1))
        return (low + high) / 2, float((high - low).max() / 2 / (1 - framing.margin))

    def _rectangle(self, rotation: np.ndarray, image_size: int) -> tuple[slice, slice]:
        """Rows and columns the object may touch, and one pixel more on each side."""
        plane = self._project(rotation)
        pixels = (plane - self._center[:, None]) * (image_size / 2 / self._half) * [[1], [-1]]
        pixels += (image_size - 1) / 2
        low = np.clip(np.floor(pixels.min(1)).astype(int) - 1, 0, image_size)
        high = np.clip(np.ceil(pixels.max(1)).astype(int) + 2, 0, image_size)
        return slice(low[1], high[1]), slice(low[0], high[0])


def _rotation(azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    """[3, 3]; its rows are the camera's right, up and backward axes in the mesh's frame."""
    sin_a, cos_a = math.sin(math.radians(azimuth_deg)), math.cos(math.radians(azimuth_deg))
    sin_e, cos_e = math.sin(math.radians(elevation_deg)), math.cos(math.radians(elevation_deg))
    turn = np.array([[cos_a, 0, sin_a], [0, 1, 0], [-sin_a, 0, cos_a]])
    tilt = np.array([[1, 0, 0], [0, cos_e, sin_e], [0, -sin_e, cos_e]])
    return tilt @ turn


def _light_direction(azimuth_deg: float) -> np.ndarray:
    """Unit vector [3] towards the light, in the camera's frame."""
    azimuth, elevation = math.radians(azimuth_deg), math.radians(LIGHT_ELEVATION_DEG)
    level = math.cos(elevation)
    return np.array([level * math.sin(azimuth), math.sin(elevation), level * math.cos(azimuth)])


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Dot products of the columns. Not a matrix product, whose rounding depends on their number."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _table_index(linear: np.ndarray) -> np.ndarray:
    """Entry of `_SRGB` for linear light, what is brighter than white taken for white."""
    return (np.minimum(linear, np.float32(1)) * (len(_SRGB) - 1) + np.float32(0.5)).astype(np.intp)


def _edges(image: np.ndarray) -> np.ndarray:
    """True [H, W] where a pixel of `image` [H, W, C] differs from its neighbour, on both sides."""
    levels = image.astype(np.int16)
    edge = np.zeros(image.shape[:2], bool)
    across = (np.abs(levels[:, 1:] - levels[:, :-1]) > _EDGE_LEVELS).any(-1)
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    down = (np.abs(levels[1:] - levels[:-1]) > _EDGE_LEVELS).any(-1)
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def _finite(values: np.ndarray, name: str, num_vertices: int | None = None) -> np.ndarray:
    """`values` as float32 [V, 3], checked."""
    values = np.asarray(values, np.float32)
    rows = "V" if num_vertices is None else num_vertices
    if values.ndim != 2 or values.shape[1] != 3 or len(values) != (num_vertices or len(values)):
        raise ValueError(f"{name} must be [{rows}, 3], got {list(values.shape)}.")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has values that are not finite.")
    return values


def _angles(*angles_deg: np.ndarray | float) -> list[tuple[float, float, float]]:
    """The three angles of each image, from one for all images or [N] each."""
    names = "azimuth_deg, elevation_deg and light_azimuth_deg"
    arrays = [np.atleast_1d(np.asarray(a, np.float64)) for a in angles_deg]
    lengths = {len(a) for a in arrays if a.shape != (1,)}
    if any(a.ndim != 1 for a in arrays) or len(lengths) > 1:
        shapes = ", ".join(str(np.shape(a)) for a in angles_deg)
        raise ValueError(f"{names} must be numbers or [N], alike in N; got shapes {shapes}.")
    if not all(np.isfinite(a).all() for a in arrays):
        raise ValueError(f"{names} must be finite.")
    return list(zip(*(a.tolist() for a in np.broadcast_arrays(*arrays)), strict=True))
