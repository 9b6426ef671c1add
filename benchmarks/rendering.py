"""Images per second of the ray caster, beside trimesh's own ray API with the same rays.

    python benchmarks/rendering.py [--face_model PATH | --basel_sized] [--image_size 150]

CPU time is counted, of all threads, so that other work on the machine matters less.
For each factor a sweep of 20 images is rendered, scenes included: one for 20 images,
or 20 of them where the identity varies. The alternative rotates a `trimesh.Trimesh`
for each image and asks `trimesh.ray.ray_pyembree` about the very rays that the ray
caster cast for it; the identity's shape and the shading, which come on top, are not
charged to it.

With `--basel_sized` the procedural head is sampled anew, as an open mask as large as the
Basel Face Model of 2009, which is licensed and need not be at hand.
"""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import threadpoolctl
import trimesh
from absl import app, flags
from trimesh.ray.ray_pyembree import RayMeshIntersector

from dcign_tf.factors import INTRINSIC
from dcign_tf.rendering.camera import pose_rotation
from dcign_tf.rendering.face_models import load_face_model
from dcign_tf.rendering.morphable_model import MorphableModel
from dcign_tf.rendering.raycaster import FaceScene

FACE_MODEL = flags.DEFINE_string("face_model", None, "A face model's file; procedural if not set.")
BASEL_SIZED = flags.DEFINE_bool("basel_sized", False, "53,592 vertices, 199 + 199 components.")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 150, "Pixels.", lower_bound=8)
REPEATS = flags.DEFINE_integer("repeats", 5, "Sweeps of each factor.", lower_bound=1)

SWEEP = 20
COMPARED = 4  # images of a sweep also given to trimesh
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


def render_sweep(model: MorphableModel, coefficients: np.ndarray, angles: list[Angles]) -> float:
    """CPU seconds of a sweep: coefficients [1, K], or [20, K] where the identity varies."""
    start = time.process_time()
    for each, group in zip(coefficients, np.array_split(angles, len(coefficients)), strict=True):
        FaceScene.of(model, each).render(*group.T, image_size=IMAGE_SIZE.value)
    return time.process_time() - start


class _Recorder:
    """Stands in for a scene's Embree scene and keeps every query."""

    def __init__(self, embree):
        self._embree = embree
        self.queries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def run(self, origins, directions, **options):
        found = self._embree.run(origins, directions, **options)
        hit = found["primID"] if "output" in options else found
        self.queries.append((origins, np.broadcast_to(directions, origins.shape), hit >= 0))
        return found


def render_with_trimesh(model: MorphableModel, coefficients: np.ndarray, angles: Angles) -> float:
    """CPU seconds that trimesh takes for the rays of one image."""
    scene = FaceScene.of(model, coefficients)
    scene._embree = recorder = _Recorder(scene._embree)
    scene.render(*angles, image_size=IMAGE_SIZE.value)
    vertices = model.vertices_mm(coefficients)
    middle = (vertices.min(0) + vertices.max(0)) / 2
    rotation = pose_rotation(angles[0], angles[1])
    queries = [(o @ rotation.T, d @ rotation.T, hit) for o, d, hit in recorder.queries]
    start = time.process_time()
    mesh = trimesh.Trimesh((vertices - middle) @ rotation.T, model.triangles, process=False)
    intersector = RayMeshIntersector(mesh)
    found = []
    for index, (origins, directions, _) in enumerate(queries):
        if index % 2:  # shadow rays follow primary rays
            found.append(intersector.intersects_any(origins, directions))
        else:
            _, rays, _ = intersector.intersects_id(
                origins, directions, multiple_hits=False, return_locations=True
            )
            found.append(np.isin(np.arange(len(origins)), rays))
    seconds = time.process_time() - start
    for (_, _, expected), hit in zip(queries, found, strict=True):
        if np.mean(expected != hit) > 0.01:
            raise RuntimeError("trimesh's rays and ours hit different things.")
    return seconds


def main(_) -> None:
    threadpoolctl.threadpool_limits(1)
    model = load_face_model(FACE_MODEL.value)
    if BASEL_SIZED.value:
        model = basel_sized(model)
    topology = model.topology  # prepared now, not while the time is taken
    rng = np.random.default_rng(0)
    print(
        f"{model.name}: {topology.num_vertices:,} vertices, {len(model.triangles):,} triangles,"
        f" {IMAGE_SIZE.value} × {IMAGE_SIZE.value}, per core"
    )
    print(f"{'factor':15}{'images/s':>10}{'trimesh':>10}{'ratio':>8}")
    totals = np.zeros(2)
    for factor in ("azimuth", "elevation", "light_azimuth", INTRINSIC):
        ours, theirs = [], []
        for _ in range(REPEATS.value):
            angles = sweep_angles(factor, rng)
            coefficients = model.draw_coefficients(rng, SWEEP if factor == INTRINSIC else 1)
            ours.append(render_sweep(model, coefficients, angles) / SWEEP)
            theirs += [render_with_trimesh(model, coefficients[-1], a) for a in angles[:COMPARED]]
        seconds = np.array([np.median(ours), np.median(theirs)])
        totals += seconds
        _print_row(factor, seconds)
    _print_row("all, 1:1:1:1", totals / 4)


def _print_row(name: str, seconds: np.ndarray) -> None:
    ours, theirs = 1 / seconds
    print(f"{name:15}{ours:10.1f}{theirs:10.2f}{ours / theirs:8.1f}")


if __name__ == "__main__":
    app.run(main)
