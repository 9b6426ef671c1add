"""Solids against trimesh (closed, outward, of the right volume) and against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from dcign_tf.rendering.chairs.outlines import (
    curve,
    evenly,
    fillet,
    path_positions,
    rounded_rectangle,
    superellipse,
)
from dcign_tf.rendering.chairs.solids import (
    Mesh,
    board,
    box,
    column,
    drape,
    lathe,
    level_board,
    lying,
    mirrored,
    moved,
    slab,
    sweep,
    tube,
    turned,
)


def _closed_volume(mesh: Mesh) -> float:
    """mm³, by trimesh, once it has found the mesh closed and turned outwards."""
    body = trimesh.Trimesh(*mesh, process=False)
    body.merge_vertices(merge_norm=True)
    body.update_faces(body.nondegenerate_faces())
    assert body.is_watertight
    assert body.is_winding_consistent
    assert body.volume > 0
    return body.volume


_SIZE = st.floats(20, 900)


@given(size=st.tuples(_SIZE, _SIZE, _SIZE), center=st.tuples(*[st.floats(-500, 500)] * 3))
@settings(max_examples=20)
def test_box(size, center):
    mesh = box(size, center)
    assert _closed_volume(mesh) == pytest.approx(math.prod(size))
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), size)
    np.testing.assert_allclose(mesh.vertices.min(0) + np.divide(size, 2), center, atol=1e-6)


def test_rounding_takes_little_from_a_box_and_nothing_from_its_size():
    mesh = box((400, 300, 200), (0, 0, 0), edge=20)
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), (400, 300, 200))
    assert 0.95 < _closed_volume(mesh) / (400 * 300 * 200) < 0.995


def test_a_box_has_sharp_edges_and_a_cushion_has_none():
    def sharpest(mesh):
        """Largest angle between a face and the mean of the normals at its corners."""
        body = trimesh.Trimesh(*mesh, process=False)
        body.update_faces(body.nondegenerate_faces())
        normals = body.vertex_normals[body.faces]
        return np.einsum("tci,ti->tc", normals, body.face_normals).min()

    assert sharpest(box((100, 100, 100), (0, 0, 0))) == pytest.approx(1)
    cushion = slab(superellipse(400, 300, 3), 60, edge=28, dome=10)
    assert sharpest(cushion) > math.cos(math.radians(30))


@given(
    width=_SIZE,
    height=_SIZE,
    radius=st.just(0.0) | st.floats(2, 300),
    share=st.floats(0.4, 1.6),
    thickness=st.floats(5, 150),
    edge=st.just(0.0) | st.floats(1, 80),
    dome=st.floats(0, 30),
)
@settings(max_examples=40)
def test_slabs_are_closed_and_as_large_as_asked(
    width, height, radius, share, thickness, edge, dome
):
    outline = rounded_rectangle(width, height, radius, top_width=share * width)
    mesh = slab(outline, thickness, edge=min(edge, 0.4 * min(width, height)), dome=dome)
    assert _closed_volume(mesh) > 0
    np.testing.assert_allclose(np.ptp(mesh.vertices[:, :2], axis=0), np.ptp(outline, axis=0))
    assert np.ptp(mesh.vertices[:, 2]) == pytest.approx(thickness + dome * 4 / 3, rel=1e-3)


@given(
    top=st.tuples(st.floats(-200, 200), st.floats(100, 700), st.floats(-200, 200)),
    sizes=st.tuples(st.floats(10, 60), st.floats(10, 60)),
)
@settings(max_examples=20)
def test_legs_are_level_at_both_ends(top, sizes):
    mesh = column(top, (0, 0, 0), *sizes)
    a, b = sizes
    assert _closed_volume(mesh) == pytest.approx(top[1] * (a * a + a * b + b * b) / 3)
    assert set(mesh.vertices[:, 1].round(6)) == {0.0, round(top[1], 6)}
    round_leg = column(top, (0, 0, 0), *sizes, round_=True)
    assert 0.95 < _closed_volume(round_leg) / (math.pi / 4 * _closed_volume(mesh)) < 1


def test_lathe_turns_a_cone_upright_and_slanting():
    upright = _closed_volume(lathe([(30, 0), (10, 600)], count=96))
    assert upright == pytest.approx(math.pi * 600 * (900 + 300 + 100) / 3, rel=2e-3)
    slanting = lathe([(30, 0), (10, 1)], axis=(100, 600, 50), count=96)
    assert _closed_volume(slanting) == pytest.approx(upright)
    np.testing.assert_allclose(slanting.vertices[slanting.vertices[:, 1] == 0].mean(0), 0, atol=5)


@pytest.mark.parametrize("closed", [False, True])
def test_a_bent_tube_has_its_length_times_its_section(closed):
    # Not in one plane, as the frame of a cantilever chair is not.
    corners = [(-200, 0, -200), (-200, 0, 200), (-200, 400, 200), (200, 400, 200), (200, 0, 200)]
    path = fillet([*corners, (200, 0, -200)], 60, closed=closed)
    ends = [path[:1]] if closed else []
    length = path_positions(np.concatenate([path, *ends]))[-1]
    mesh = tube(path, 24, closed=closed, count=40)
    assert _closed_volume(mesh) == pytest.approx(math.pi * 12**2 * length, rel=0.02)
    distance = np.linalg.norm(
        mesh.vertices[: 40 * len(path)].reshape(-1, 40, 3) - path[:, None], 2, -1
    )
    np.testing.assert_allclose(distance, 12, rtol=1e-6)


def test_closed_tubes_do_not_twist_where_they_close():
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    path = 200 * np.stack([np.cos(angle), np.sin(angle), 0.4 * np.sin(2 * angle)], 1)
    rings = tube(path, 30, closed=True).vertices.reshape(60, -1, 3)
    steps = np.linalg.norm(np.roll(rings, -1, 0) - rings, axis=-1)
    between = np.linalg.norm(np.roll(path, -1, 0) - path, axis=-1)[:, None]
    assert (np.abs(steps - between) < 3).all()


def test_boards_lie_as_their_side_says():
    mesh = board(np.array([(0, 0, 0), (0, 500, 0)]), 90, 20, (1, 0, 0))
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), (90, 500, 20))
    slanting = level_board([(0, 0, 0), (30, 400, 80)], 20, 50)
    assert _closed_volume(slanting) == pytest.approx(20 * 50 * 400)


def test_sweep_scales_its_section_on_the_way():
    path = np.linspace((0, 0, 0), (0, 0, 300), 4)
    mesh = sweep(path, rounded_rectangle(10, 10), side=(1, 0, 0), scale=np.array([1, 2, 3, 4.0]))
    widths = [np.ptp(mesh.vertices[mesh.vertices[:, 2] == z, 0]) for z in (0, 100, 200, 300)]
    np.testing.assert_allclose(widths, [10, 20, 30, 40])


def test_drape_bends_about_the_surface():
    radius = 300.0

    def cylinder(x, y):
        return np.stack([radius * np.sin(x / radius), y, -radius * np.cos(x / radius)], 1)

    flat = slab(rounded_rectangle(400, 200), 20, rings=12)
    mesh = drape(flat, cylinder)
    assert _closed_volume(mesh) == pytest.approx(400 * 200 * 20, rel=0.01)
    from_axis = np.hypot(mesh.vertices[:, 0], mesh.vertices[:, 2])
    np.testing.assert_allclose(from_axis, radius - flat.vertices[:, 2], rtol=1e-4)


def test_moving_turning_and_mirroring_keep_a_solid_closed():
    mesh = moved(box((10, 20, 30), (0, 0, 0)), (100, 0, 0))
    np.testing.assert_allclose(turned(mesh, 90).vertices.mean(0), (0, 0, -100), atol=1e-9)
    np.testing.assert_allclose(mirrored(mesh).vertices.mean(0), (-100, 0, 0), atol=1e-9)
    np.testing.assert_allclose(np.ptp(lying(mesh).vertices, axis=0), (10, 30, 20))
    for other in (turned(mesh, 33, axis=2), mirrored(mesh), lying(mesh, 5)):
        assert _closed_volume(other) == pytest.approx(6000)


def test_curves_pass_through_their_points_at_even_steps():
    points = np.array([(0, 0), (100, 50), (200, 0), (220, -100.0)])
    path = curve(points, 60)
    steps = np.diff(path_positions(path))
    assert steps.std() < 0.02 * steps.mean()
    for point in points:
        assert np.linalg.norm(path - point, axis=1).min() < steps.mean()
    np.testing.assert_allclose(evenly(np.array([(0, 0), (1, 0), (9, 0.0)]), 4)[:, 0], [0, 3, 6, 9])


def test_fillets_keep_ends_and_leave_out_corners():
    path = fillet([(0, 0), (100, 0), (100, 100)], 20)
    np.testing.assert_allclose(path[[0, -1]], [(0, 0), (100, 100)])
    assert np.linalg.norm(path - (100, 0), axis=1).min() > 5
    assert {(80.0, 0.0), (100.0, 20.0)} <= set(map(tuple, path.round(6)))
    # Larger than the lines allow: as round as they allow.
    assert (np.abs(fillet([(0, 0), (10, 0), (10, 10)], 500) - 5) <= 5 + 1e-9).all()
