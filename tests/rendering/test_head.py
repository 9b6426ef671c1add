"""The procedural head: a sound model, symmetric on average, varied, and always the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from dcign_tf.rendering import head
from dcign_tf.rendering.head import sculpture
from dcign_tf.rendering.head.mesh import Part, head_mesh
from dcign_tf.rendering.head.shape_basis import ASYMMETRIC, SYMMETRIC


@pytest.fixture(scope="module")
def model():
    return head.procedural_head()


@pytest.fixture(scope="module")
def mesh():
    return head_mesh()


def _mirror_of(mesh) -> np.ndarray:
    """Index of the vertex at the mirror image of each vertex, which must exist."""
    part = np.where(mesh.part == Part.RIGHT_EAR, Part.LEFT_EAR, mesh.part)
    points = np.concatenate([mesh.skin_mm, 1000 * part[:, None]], axis=1)
    distance, index = cKDTree(points).query(points * [-1, 1, 1, 1])
    assert distance.max() < 0.05
    return index


def test_sizes(model):
    assert len(model.mean_mm) >= 4000
    assert model.num_shape >= 40
    assert len(model.albedo_basis) >= 15
    for array in (model.mean_mm, model.shape_basis_mm, model.mean_albedo, model.albedo_basis):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
    assert model.triangles.dtype == np.int32
    assert model.fingerprint == model.name == head.VERSION


def test_anthropometry(model, mesh):
    skin = mesh.vertices_mm[mesh.part == Part.SKIN]
    breadth, _, length = np.ptp(skin, axis=0)
    assert 140 < breadth < 165
    assert 185 < length < 235  # with the nose
    nose_tip = skin[skin[:, 2].argmax()]
    assert abs(nose_tip[0]) < 5
    assert -45 < nose_tip[1] < -25
    chin = skin[(np.abs(skin[:, 0]) < 10) & (skin[:, 2] > 75)]
    assert 205 < skin[:, 1].max() - chin[:, 1].min() < 240


def test_vertices_lie_on_the_sculpture(mesh):
    skin = mesh.vertices_mm[mesh.part == Part.SKIN]
    residual = np.abs(sculpture.head_distance(skin))
    assert np.quantile(residual, 0.99) < 0.05
    assert residual.max() < 2.0


def test_skin_is_closed(model, mesh):
    """Every edge of the skin belongs to two triangles, once in either direction."""
    triangles = model.triangles[mesh.part[model.triangles[:, 0]] == Part.SKIN]
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    assert len(np.unique(edges, axis=0)) == len(edges)
    assert set(map(tuple, edges)) == set(map(tuple, edges[:, ::-1]))


@pytest.mark.parametrize("part", [Part.SKIN, Part.HAIR, Part.BEARD])
def test_triangles_face_outwards(model, mesh, part):
    corners = model.mean_mm[model.triangles[mesh.part[model.triangles[:, 0]] == part]]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outwards = corners.mean(axis=1) - sculpture.CENTRE_MM
    assert ((normals * outwards).sum(axis=1) > 0).mean() > 0.98


@pytest.mark.parametrize(("part", "side"), [(Part.LEFT_EAR, 1), (Part.RIGHT_EAR, -1)])
def test_ears_enclose_a_volume_on_their_side(model, mesh, part, side):
    corners = mesh.vertices_mm[model.triangles[mesh.part[model.triangles[:, 0]] == part]]
    assert (side * corners[..., 0] > 40).all()
    corners = corners - corners.mean(axis=(0, 1))
    volume = np.einsum("ti,ti->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert volume > 1000  # mm³, positive only if the triangles face outwards


def test_mean_is_symmetric_but_for_locks_of_hair(model, mesh):
    mirror = _mirror_of(mesh)
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(mirror)))
    bare = mesh.part != Part.HAIR
    mirrored = model.mean_mm[mirror] * np.float32([-1, 1, 1])
    np.testing.assert_allclose(mirrored[bare], model.mean_mm[bare], atol=0.05)


def test_components_are_symmetric_where_said(model, mesh):
    assert model.num_shape == len(SYMMETRIC) + len(ASYMMETRIC)
    mirror = _mirror_of(mesh)
    flipped = model.shape_basis_mm[:, mirror] * np.float32([-1, 1, 1])
    difference = np.abs(flipped - model.shape_basis_mm).max(axis=(1, 2))
    assert difference[: len(SYMMETRIC)].max() < 0.1
    assert difference[len(SYMMETRIC) :].min() > 1.0


def test_components_are_independent_directions(model):
    for basis in (model.shape_basis_mm, model.albedo_basis):
        flat = basis.reshape(len(basis), -1).astype(np.float64)
        flat /= np.linalg.norm(flat, axis=1, keepdims=True)
        singular = np.linalg.svd(flat, compute_uv=False)
        assert singular[-1] > 0.05  # 1 if orthogonal, 0 if one component is a sum of others


def test_every_component_shows(model):
    assert np.linalg.norm(model.shape_basis_mm, axis=2).max(axis=1).min() > 0.4  # mm
    assert np.abs(model.albedo_basis).max(axis=(1, 2)).min() > 0.005


def test_identities_differ(model):
    people = model.draw_coefficients(np.random.default_rng(0), 12)
    shapes = np.stack([model.vertices_mm(c) for c in people])
    colours = np.stack([model.albedo(c) for c in people])
    for one in range(len(people)):
        for other in range(one):
            apart = np.linalg.norm(shapes[one] - shapes[other], axis=1)
            assert np.sqrt((apart**2).mean()) > 4  # mm
    assert colours.min() >= 0
    assert colours.max() <= 1


def test_mean_albedo_is_that_of_skin_and_hair(model, mesh):
    grey = model.mean_albedo.mean(axis=1)
    assert model.mean_albedo.min() > 0
    assert model.mean_albedo.max() < 0.9
    assert grey[mesh.part == Part.SKIN].mean() > 1.5 * grey[mesh.part == Part.HAIR].mean()


@pytest.mark.parametrize("sign", [-3, 3])
def test_no_component_breaks_the_face(model, mesh, sign):
    """Three standard deviations of any one component leave hardly a triangle of skin flipped."""
    triangles = model.triangles[mesh.part[model.triangles[:, 0]] == Part.SKIN]

    def normals(vertices):
        corners = vertices[triangles]
        return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])

    before = normals(model.mean_mm)
    for index, component in enumerate(model.shape_basis_mm):
        after = normals(model.mean_mm + sign * component)
        flipped = ((before * after).sum(axis=1) < 0).mean()
        assert flipped < 0.01, list(SYMMETRIC | ASYMMETRIC)[index]


def test_deterministic(model, mesh):
    again = head.procedural_head.__wrapped__()
    assert again is not model
    for field in ("mean_mm", "triangles", "shape_basis_mm", "mean_albedo", "albedo_basis"):
        np.testing.assert_array_equal(getattr(again, field), getattr(model, field))


def _summary(model) -> list[float]:
    """Numbers that change with any part of the model, but hardly with a processor's rounding."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((len(model.mean_mm), 3)) / np.sqrt(len(model.mean_mm))

    def project(field: np.ndarray) -> float:
        values = np.tensordot(field.astype(np.float64), weights, axes=2)
        return float(values @ np.linspace(1, 2, len(values)) if field.ndim == 3 else values)

    order = np.linspace(1, 2, len(model.triangles)) @ model.triangles @ [1.0, 2.0, 3.0]
    return [
        project(model.mean_mm),
        project(model.shape_basis_mm),
        project(model.mean_albedo),
        project(model.albedo_basis),
        float(order / model.triangles.size),
    ]


GOLDEN = {"procedural-head-3": [30.36423, -0.95952, 0.15105, 0.11046, 15097.44689]}


def test_output_changes_only_with_the_version(model):
    """When this fails on purpose, bump `head.VERSION` and put the new numbers beside it."""
    assert head.VERSION in GOLDEN, f"numbers of this version: {_summary(model)}"
    np.testing.assert_allclose(_summary(model), GOLDEN[head.VERSION], rtol=1e-4, atol=1e-4)
