"""Images a second of the ray caster, a core, beside VTK off-screen on the same meshes.

    python -m benchmarks.rendering
    python -m benchmarks.rendering --basel_sized --repeats=3

CPU time is counted, of all threads, so that other work on the machine matters less. For each factor
sweeps of 20 images are rendered, scenes included: one for 20 images, or 20 of them where the
identity varies. The identity's shape is not charged to VTK, which rasterises by OpenGL in software
(Mesa), with the colours of the vertices and one light, without cast shadows; what it sees of the
object is shown to be the same.

The floor is what Intel Embree takes for the rays that are cast, and for its hierarchy of the mesh,
as embreex calls it: what is left is NumPy, and handing the mesh to Embree.

With `--basel_sized` the procedural head is sampled anew, as an open mask as large as the Basel Face
Model of 2009, which is licensed and need not be at hand. Wants `pip install -e '.[benchmarks]'`.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any, NamedTuple

import numpy as np
import threadpoolctl
import trimesh
from absl import app, flags
from embreex.rtcore_scene import EmbreeScene
from trimesh.ray.ray_pyembree import RayMeshIntersector
from vtkmodules import vtkRenderingOpenGL2  # noqa: F401 (makes windows)
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints, vtkUnsignedCharArray, vtkVersion
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkLight,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkRenderWindow,
)

from benchmarks.publishing import publish
from dcign_tf.factors import INTRINSIC
from dcign_tf.rendering import raycaster
from dcign_tf.rendering.camera import Camera, Framing, pose_rotation
from dcign_tf.rendering.face_models import load_face_model
from dcign_tf.rendering.light import light_direction
from dcign_tf.rendering.morphable_model import MorphableModel
from dcign_tf.rendering.raycaster import FaceScene

FACE_MODEL = flags.DEFINE_string("face_model", None, "A face model's file; procedural if not set.")
BASEL_SIZED = flags.DEFINE_bool("basel_sized", False, "53,592 vertices, 199 + 199 components.")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 150, "Pixels.", lower_bound=8)
REPEATS = flags.DEFINE_integer("repeats", 5, "Sweeps of each factor.", lower_bound=1)

SWEEP = 20
Angles = tuple[float, float, float]


def basel_sized(model: MorphableModel) -> MorphableModel:
    """The front of a head, sampled on a grid of 232 × 231 directions from its middle.

    The Basel Face Model of 2009 has 53,490 vertices and 106,466 triangles.
    """
    turn = np.radians(np.linspace(-95, 95, 231))
    tilt = np.radians(np.linspace(70, -60, 232))[:, None]
    outwards = np.stack(
        np.broadcast_arrays(np.cos(tilt) * np.sin(turn), np.sin(tilt), np.cos(tilt) * np.cos(turn)),
        axis=-1,
    ).reshape(-1, 3)
    middle = (model.mean_mm.min(0) + model.mean_mm.max(0)) / 2
    head = trimesh.Trimesh(model.mean_mm - middle, model.triangles, process=False)
    triangle, ray, points = RayMeshIntersector(head).intersects_id(
        500 * outwards, -outwards, multiple_hits=False, return_locations=True
    )
    order = np.argsort(ray)
    triangle, points = triangle[order], points[order]
    weights = trimesh.triangles.points_to_barycentric(head.triangles[triangle], points)
    weights = weights.astype(np.float32)

    def sample(values: np.ndarray) -> np.ndarray:
        return np.einsum("vk,...vkc->...vc", weights, values[..., model.triangles[triangle], :])

    def sample_basis(basis: np.ndarray) -> np.ndarray:
        repeats = 199 / len(basis)
        return sample(basis / np.sqrt(repeats))[np.arange(199) % len(basis)]

    corner = (np.arange(231)[:, None] * 231 + np.arange(230)).ravel()
    below = corner + 231
    triangles = [[corner, below, below + 1], [corner, below + 1, corner + 1]]
    return dataclasses.replace(
        model,
        name=f"{model.name}, as large as the Basel Face Model",
        mean_mm=sample(model.mean_mm),
        triangles=np.concatenate([np.stack(part, axis=1) for part in triangles]),
        shape_basis_mm=sample_basis(model.shape_basis_mm),
        mean_albedo=sample(model.mean_albedo),
        albedo_basis=sample_basis(model.albedo_basis),
    )


def sweep_angles(factor: str, rng: np.random.Generator) -> list[Angles]:
    """Azimuth, elevation and light azimuth of a sweep of one factor."""
    ranges_deg = {"azimuth": 60.0, "elevation": 25.0, "light_azimuth": 80.0}
    columns = [
        np.broadcast_to(rng.uniform(-bound, bound, SWEEP if name == factor else 1), SWEEP)
        for name, bound in ranges_deg.items()
    ]
    return list(zip(*columns, strict=True))


class TimedEmbree(EmbreeScene):
    """Counts the CPU seconds of casting rays; the first of a scene wait for its hierarchy."""

    seconds = 0.0

    def run(self, *arguments: Any, **options: Any) -> Any:
        start = time.process_time()
        found = super().run(*arguments, **options)
        TimedEmbree.seconds += time.process_time() - start
        return found


def render_sweep(
    model: MorphableModel, coefficients: np.ndarray, angles: list[Angles]
) -> tuple[float, float]:
    """CPU seconds of a sweep, and Embree's part: coefficients [1, K], [20, K] of identities."""
    start, TimedEmbree.seconds = time.process_time(), 0.0
    for each, group in zip(coefficients, np.array_split(angles, len(coefficients)), strict=True):
        FaceScene.of(model, each).render(*group.T, image_size=IMAGE_SIZE.value)
    return time.process_time() - start, TimedEmbree.seconds


def render_with_vtk(
    vtk: VtkFace, model: MorphableModel, coefficients: np.ndarray, angles: list[Angles]
) -> float:
    """CPU seconds of VTK for the same sweep."""
    seconds = 0.0
    for each, group in zip(coefficients, np.array_split(angles, len(coefficients)), strict=True):
        frame = Frame.of(model, each)
        start = time.process_time()
        vtk.show(frame)
        for one in group:
            vtk.render(*one)
        seconds += time.process_time() - start
    return seconds


class Frame(NamedTuple):
    """One identity, and where the ray caster's camera has it."""

    vertices: np.ndarray  # [V, 3], about the point it turns about
    albedo: np.ndarray  # [V, 3]
    camera: Camera

    @classmethod
    def of(cls, model: MorphableModel, coefficients: np.ndarray) -> Frame:
        vertices = model.vertices_mm(coefficients)
        vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
        return cls(vertices, model.albedo(coefficients), Camera(vertices, Framing()))


class VtkFace:
    """A face in VTK's window, off-screen."""

    def __init__(self, model: MorphableModel, image_size: int):
        triangles = np.insert(model.triangles, 0, 3, axis=1).astype(np.int64)
        cells = vtkCellArray()
        cells.ImportLegacyFormat(numpy_to_vtkIdTypeArray(triangles.ravel(), deep=True))
        self._mesh = vtkPolyData()
        self._mesh.SetPolys(cells)
        self._actor = vtkActor()
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(self._mesh)
        self._actor.SetMapper(mapper)
        self._actor.GetProperty().SetAmbient(0.1)
        self._light = vtkLight()
        renderer = vtkRenderer()
        renderer.AddActor(self._actor)
        renderer.AddLight(self._light)
        self._camera = renderer.GetActiveCamera()
        self._window = vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(4)
        self._window.SetSize(image_size, image_size)
        self._window.AddRenderer(renderer)
        self._size = image_size

    def show(self, face: Frame) -> None:
        """Another identity, in the frame in which the ray caster has it."""
        points = vtkPoints()
        points.SetData(numpy_to_vtk(face.vertices, deep=True))
        self._mesh.SetPoints(points)
        colours = numpy_to_vtk((255 * face.albedo).astype(np.uint8), deep=True)
        self._mesh.GetPointData().SetScalars(colours)
        half_width, distance = face.camera._half_width, float(face.camera._distance)
        self._camera.SetPosition(0, 0, distance)
        self._camera.SetFocalPoint(0, 0, 0)
        self._camera.SetClippingRange(distance / 2, 2 * distance)
        self._camera.SetViewAngle(2 * np.degrees(np.arctan(half_width)))
        # The frame lies aside of the axis.
        self._camera.SetWindowCenter(*(face.camera._center / half_width))

    def render(self, azimuth_deg: float, elevation_deg: float, light_deg: float) -> np.ndarray:
        """uint8 [size, size, 3], its rows from the top."""
        turned = np.eye(4)
        turned[:3, :3] = pose_rotation(azimuth_deg, elevation_deg)
        matrix = vtkMatrix4x4()
        matrix.DeepCopy(turned.ravel())
        self._actor.SetUserMatrix(matrix)
        self._light.SetPosition(*light_direction(light_deg))
        self._window.Render()
        pixels = vtkUnsignedCharArray()
        self._window.GetRGBACharPixelData(0, 0, self._size - 1, self._size - 1, 0, pixels)
        return vtk_to_numpy(pixels).reshape(self._size, self._size, 4)[::-1, :, :3]


def check_same(model: MorphableModel, vtk: VtkFace, rng: np.random.Generator) -> None:
    """Of a few poses.

    Raises:
        RuntimeError: if the two renderers do not see the same.
    """
    for angles in sweep_angles("azimuth", rng)[:4]:
        coefficients = model.draw_coefficients(rng, 1)[0]
        vtk.show(Frame.of(model, coefficients))
        theirs = vtk.render(*angles).max(-1) > 0
        ours = FaceScene.of(model, coefficients).render(*angles, image_size=IMAGE_SIZE.value)
        if np.mean(theirs != (ours[0, ..., 0] > 0)) > 0.01:
            raise RuntimeError("VTK and the ray caster draw different things.")


def row(name: str, seconds: np.ndarray) -> tuple[str | float, ...]:
    """A line of the table from an image's seconds: the ray caster's, Embree's part, VTK's."""
    ours, floor, vtk = seconds
    return name, 1 / ours, f"{floor / ours:.0%}", 1 / vtk, vtk / ours


def main(_) -> None:
    threadpoolctl.threadpool_limits(1)
    raycaster.EmbreeScene = TimedEmbree
    model = load_face_model(FACE_MODEL.value)
    if BASEL_SIZED.value:
        model = basel_sized(model)
    topology = model.topology  # prepared now, not while the time is taken
    vtk = VtkFace(model, IMAGE_SIZE.value)
    rng = np.random.default_rng(0)
    check_same(model, vtk, rng)
    rows, totals = [], np.zeros(3)
    for factor in ("azimuth", "elevation", "light_azimuth", INTRINSIC):
        seconds = []
        for _ in range(REPEATS.value):
            angles = sweep_angles(factor, rng)
            coefficients = model.draw_coefficients(rng, SWEEP if factor == INTRINSIC else 1)
            work = (model, coefficients, angles)
            seconds.append((*render_sweep(*work), render_with_vtk(vtk, *work)))
        medians = np.median(seconds, axis=0) / SWEEP
        totals += medians
        rows.append(row(factor, medians))
    rows.append(row("all, as many of each", totals / len(rows)))
    mesh = f"{topology.num_vertices:,} vertices, {len(model.triangles):,} triangles"
    facts = {
        "face": f"{model.name}, {mesh}",
        "pixels": f"{IMAGE_SIZE.value}×{IMAGE_SIZE.value}",
        "VTK": vtkVersion.GetVTKVersion(),
    }
    names = ("what varies", "images/s a core", "floor / time", "VTK, images/s", "times VTK")
    publish(facts, names, rows)


if __name__ == "__main__":
    app.run(main)
