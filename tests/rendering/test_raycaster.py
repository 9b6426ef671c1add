"""The ray caster against analytic spheres, projected points and its own larger images."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcign_tf.rendering import raycaster, srgb
from dcign_tf.rendering.camera import Framing
from dcign_tf.rendering.light import LIGHT_ELEVATION_DEG, Lighting, light_direction
from dcign_tf.rendering.raycaster import FaceScene, Scene
from dcign_tf.rendering.topology import Topology
from tests.helpers.grids import grid_triangles

RADIUS_MM = 100.0
DISTANCE_MM = 1000.0


def _srgb(linear):
    return 255 * srgb.encode(np.clip(linear, 0, 1))


def _linear(levels):
    return srgb.decode(levels / 255)


def _ellipsoid(radii=(RADIUS_MM,) * 3, rows=60, columns=80):
    """Vertices and triangles of a closed ellipsoid whose poles lie on the y axis."""
    polar = np.linspace(0, np.pi, rows)[:, None]
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    sphere = np.stack(
        np.broadcast_arrays(
            np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)
        ),
        axis=-1,
    ).reshape(-1, 3)
    return sphere * radii, grid_triangles(rows, columns, wrap=True)


def _head():
    """An ellipsoid with a nose and dark eyes: nothing about it is symmetric but left and right."""
    vertices, triangles = _ellipsoid((80, 115, 95))
    nose = np.exp(-((vertices - [0, -5, 95]) ** 2).sum(1) / (2 * 14**2))
    vertices[:, 2] += 30 * nose
    albedo = np.full_like(vertices, 0.6) * [1, 0.8, 0.7]
    eyes = np.hypot(np.abs(vertices[:, 0]) - 30, vertices[:, 1] - 25) < 11
    albedo[eyes & (vertices[:, 2] > 0)] = 0.08
    return vertices, triangles, albedo


@pytest.fixture(scope="module")
def head():
    return FaceScene(*_head())


@pytest.fixture(scope="module")
def spotted_ball():
    """A dark ball with one bright spot, where a face has its nose."""
    vertices, triangles = _ellipsoid(rows=120, columns=160)
    spot = np.linalg.norm(vertices - [0, 0, RADIUS_MM], axis=1) < 15
    return FaceScene(vertices, triangles, np.where(spot[:, None], [[0.9] * 3], [[0.02] * 3]))


def _spot(image):
    """Mean row and column of the bright spot."""
    rows, columns = np.nonzero(image[..., 0] > 120)
    assert len(rows) > 20
    return rows.mean(), columns.mean()


def _ball_frame(size):
    """x, y of pixel columns and rows, at unit distance, of a frame around the ball."""
    margin = Framing().margin
    half = RADIUS_MM / math.sqrt(DISTANCE_MM**2 - RADIUS_MM**2) / (1 - margin)
    return half * ((np.arange(size) + 0.5) * 2 / size - 1)


@pytest.mark.parametrize(
    ("light_azimuth_deg", "height"),
    [
        (-70, {}),
        (0, {}),
        (35, {}),
        (130, {"light_elevation_deg": 20}),
        (-20, {"light_elevation_deg": -40}),
        (0, {"light_elevation_deg": 90}),
    ],
)
def test_sphere_is_shaded_as_lambert_says(light_azimuth_deg, height):
    vertices, triangles = _ellipsoid(rows=160, columns=240)
    albedo = 0.55
    scene = FaceScene(vertices, triangles, np.full_like(vertices, albedo))
    size = 120
    image = scene.render(20, -10, light_azimuth_deg, **height, image_size=size)[0, ..., 0]
    x = _ball_frame(size)
    directions = np.stack(np.broadcast_arrays(x, -x[:, None], -1.0), axis=-1)
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    nearest = -DISTANCE_MM * directions[..., 2]
    root = RADIUS_MM**2 - (DISTANCE_MM**2 - nearest**2)
    inside = root > (0.15 * RADIUS_MM) ** 2  # off the outline, which is antialiased
    t = nearest - np.sqrt(np.maximum(root, 0))
    normals = ([0, 0, DISTANCE_MM] + t[..., None] * directions) / RADIUS_MM
    incidence = normals @ light_direction(light_azimuth_deg, *height.values())
    error = np.abs(image - _srgb(albedo * (0.05 + 1.6 * np.maximum(incidence, 0))))
    assert inside.mean() > 0.6
    terminator = np.abs(incidence) < 0.02  # there facets shade themselves
    assert error[inside & ~terminator].max() < 2
    assert error[inside].max() < 6
    assert (image[root < -((0.2 * RADIUS_MM) ** 2)] == 0).all()


@given(azimuth=st.floats(-50, 50), elevation=st.floats(-25, 25))
@settings(max_examples=25, deadline=None)
def test_turns_by_azimuth_then_tilts_by_elevation(spotted_ball, azimuth, elevation):
    a, e = math.radians(azimuth), math.radians(elevation)
    right, up = math.sin(a), math.cos(a) * math.sin(e)
    depth = DISTANCE_MM / RADIUS_MM - math.cos(a) * math.cos(e)
    size = 120
    grid = _ball_frame(size)
    image = spotted_ball.render(azimuth, elevation, azimuth, image_size=size)[0]
    row, column = _spot(image)
    assert column == pytest.approx(np.interp(right / depth, grid, np.arange(size)), abs=1.5)
    assert row == pytest.approx(np.interp(-up / depth, grid, np.arange(size)), abs=1.5)


def test_signs_of_the_angles(spotted_ball, head):
    row, column = _spot(spotted_ball.render(0, 0, 0, image_size=100)[0])
    assert _spot(spotted_ball.render(30, 0, 0, image_size=100)[0])[1] > column + 15
    assert _spot(spotted_ball.render(0, 20, 0, image_size=100)[0])[0] < row - 10
    left, right = np.split(head.render(0, 0, 60, image_size=100)[0].astype(float), 2, axis=1)
    assert right.mean() > 1.5 * left.mean()


def test_light_stays_with_the_camera():
    vertices, triangles = _ellipsoid()
    ball = FaceScene(vertices, triangles, np.full_like(vertices, 0.5))
    images = ball.render([0, 50, -30], [0, 10, 25], 40, image_size=80).astype(int)
    difference = np.abs(images - images[0])[(images > 0).all(0)[None].repeat(3, 0)]
    assert difference.mean() < 1  # the facets differ, the light does not


def test_plate_casts_its_shadow_away_from_the_light():
    def plate(half, z):
        return np.array([[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]])

    vertices = np.concatenate([plate(100, 0), plate(12, 25)])
    triangles = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    scene = FaceScene(vertices, triangles, np.full((8, 3), 0.5))
    shadow_level = _srgb(0.5 * 0.05)
    for light_azimuth_deg in (-45, 45):
        image = scene.render(0, 0, light_azimuth_deg, image_size=150)[0, ..., 0]
        rows, columns = np.nonzero(np.abs(image - shadow_level) < 1.5)
        assert 80 < len(rows) < 600
        to_light = light_direction(light_azimuth_deg)
        drift_mm = -25 * to_light[:2] / to_light[2]
        plate_px = np.count_nonzero(image[75]) / 200
        assert columns.mean() - 74.5 == pytest.approx(drift_mm[0] * plate_px, abs=5)
        assert 74.5 - rows.mean() == pytest.approx(drift_mm[1] * plate_px, abs=5)


def test_inside_of_an_open_mask_is_black():
    vertices, triangles = _ellipsoid()
    mask = triangles[(vertices[triangles][..., 2] > -5).all(1)]
    scene = FaceScene(vertices, mask, np.full_like(vertices, 0.5))
    assert scene.render(0, 0, 0, image_size=60)[0, 30, 30, 0] > 150
    assert (scene.render(180, 0, 0, image_size=60) == 0).all()


@given(
    radii=st.tuples(*[st.floats(50, 130)] * 3),
    azimuth=st.floats(-60, 60),
    elevation=st.floats(-25, 25),
)
@settings(max_examples=40, deadline=None)
def test_no_pose_touches_the_border(radii, azimuth, elevation):
    vertices, triangles = _ellipsoid(radii, rows=24, columns=30)
    scene = FaceScene(vertices, triangles, np.full_like(vertices, 0.9))
    image = scene.render([azimuth, -60, 60, 60], [elevation, 25, 25, -25], 0, image_size=150)
    border = np.concatenate([image[:, [0, -1]].ravel(), image[:, :, [0, -1]].ravel()])
    assert (border == 0).all()


def test_object_fills_the_frame(head):
    azimuths, elevations = np.meshgrid([-60, -30, 0, 30, 60], [-25, 0, 25])
    images = head.render(azimuths.ravel(), elevations.ravel(), 0, image_size=100)
    rows, columns, _ = np.nonzero(images.max(0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 >= 94
    assert abs(rows.max() + rows.min() - 99) <= 2
    assert abs(columns.max() + columns.min() - 99) <= 2
    assert (images > 0).mean() > 0.4


def test_elevations_need_not_be_symmetric():
    vertices, triangles = _ellipsoid((60, 130, 60))
    framing = Framing(max_azimuth_deg=180, min_elevation_deg=-30, max_elevation_deg=-20)
    scene = Scene(vertices, triangles, np.full_like(vertices, 0.9), framing=framing)
    images = scene.render([0, 100, 200, 300], [-20, -24, -27, -30], 0, image_size=100)
    rows, columns, _ = np.nonzero(images.max(0))
    assert 94 <= np.ptp(rows) + 1 <= 98
    assert abs(rows.max() + rows.min() - 99) <= 2
    assert abs(columns.max() + columns.min() - 99) <= 2


@pytest.mark.parametrize("channels", [1, 3])
def test_background_and_headlight(channels):
    vertices, triangles = _ellipsoid(rows=160, columns=240)
    lighting = Lighting(ambient=0.2, diffuse=0.0, headlight=0.5, background=1.0)
    scene = Scene(vertices, triangles, np.full_like(vertices, 0.5), lighting=lighting)
    image = scene.render(70, -20, 30, image_size=100, channels=channels)[0]
    assert (image[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
    assert image[50, 50, 0] == pytest.approx(_srgb(0.5 * 0.7), abs=1)
    # The outline blends surface and background: nothing is darker than the surface at its rim.
    assert (image >= _srgb(0.5 * 0.2) - 1).all()
    assert (np.sort(image[..., 0], axis=1)[:, 0] < 255).sum() >= 96


def test_antialiasing_comes_near_a_finer_image(head, monkeypatch):
    def mean_error():
        image = head.render(25, 10, 50, image_size=64)[0, ..., 0]
        return np.abs(image - fine).mean()

    fine = _linear(head.render(25, 10, 50, image_size=64 * 6)[0, ..., 0])
    fine = _srgb(fine.reshape(64, 6, 64, 6).mean((1, 3)))
    antialiased = mean_error()
    monkeypatch.setattr(raycaster, "_EDGE_LEVELS", 255)  # no pixel differs by more than that
    assert antialiased < 0.7
    assert mean_error() > 2.5 * antialiased


def test_grey_is_the_luminance_of_colour(head):
    grey = head.render(-20, 5, 30, image_size=60)[0, ..., 0].astype(float)
    colour = _linear(head.render(-20, 5, 30, image_size=60, channels=3)[0])
    difference = np.abs(_srgb(colour @ [0.2126, 0.7152, 0.0722]) - grey)
    assert np.quantile(difference, 0.99) < 1  # a few pixels are an edge in colour only
    red, green, blue = colour[30, 30]
    assert red > green > blue


_POSES = st.sampled_from([(-60.0, 25.0), (0.0, 0.0), (17.3, -8.1)])


@given(
    requests=st.lists(st.tuples(_POSES, st.floats(-80, 80)), min_size=2, max_size=6),
    channels=st.sampled_from([1, 3]),
    image_size=st.integers(8, 70),
)
@settings(max_examples=30, deadline=None)
def test_an_image_does_not_depend_on_its_company(head, requests, channels, image_size):
    angles = np.array([(*pose, light) for pose, light in requests])
    options = {"image_size": image_size, "channels": channels}
    together = head.render(*angles.T, **options)
    apart = np.concatenate([head.render(*each, **options) for each in angles])
    np.testing.assert_array_equal(together, apart)


def test_light_sweep_at_full_size_equals_single_images(head):
    lights = np.linspace(-80, 80, 8)
    sweep = head.render(15, 5, lights, image_size=150)
    single = np.concatenate([head.render(15, 5, light, image_size=150) for light in lights])
    np.testing.assert_array_equal(sweep, single)
    assert np.abs(np.diff(sweep.astype(int), axis=0)).max(axis=(1, 2, 3)).min() > 20


def test_shared_topology_gives_the_same_bytes(head):
    vertices, triangles, albedo = _head()
    shared = FaceScene(vertices, Topology(triangles, len(vertices)), albedo)
    np.testing.assert_array_equal(
        shared.render([0, 40], 5, -30, image_size=64), head.render([0, 40], 5, -30, image_size=64)
    )


def test_vertex_normals_of_a_sphere():
    vertices, triangles = _ellipsoid()
    normals = Topology(triangles, len(vertices)).vertex_normals(vertices.astype(np.float32))
    off_poles = np.abs(vertices[:, 1]) < 99  # where many vertices share one place
    np.testing.assert_allclose(normals[off_poles], vertices[off_poles] / RADIUS_MM, atol=0.02)


_V, _T = _ellipsoid(rows=6, columns=6)
_A = np.full_like(_V, 0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((_V[:, :2], _T, _A), r"vertices_mm must be \[V, 3\]"),
        ((_V, _T, _A[:-1]), r"albedo must be \[36, 3\], got \[35, 3\]"),
        ((_V, _T + 1, _A), "0 to 35"),
        ((_V, _T[:0], _A), "at least one"),
        ((_V, _T.astype(float), _A), "must be integers"),
        ((_V, Topology(_T, 40), _A), "has 36 vertices, its triangles need 40"),
        ((np.where(_V > 99, np.nan, _V), _T, _A), "vertices_mm has values that are not finite"),
        ((_V, _T, _A * np.inf), "albedo has values that are not finite"),
        ((_V * 20, _T, _A), "the camera stands at 1000 mm"),
        ((_V * 0, _T, _A), "have a size"),
    ],
)
def test_bad_meshes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        FaceScene(*arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("angles", "options", "message"),
    [
        ((0, 0, [np.nan]), {"image_size": 16}, "finite"),
        (([0, 1], [0, 1, 2], 0), {"image_size": 16}, "alike in N"),
        (([0, 1], 0, 0), {"image_size": 16, "light_elevation_deg": [0, 1, 2]}, "alike in N"),
        ((np.zeros((2, 2)), 0, 0), {"image_size": 16}, "alike in N"),
        ((0, 0, 0), {"image_size": 7}, "at least 8 pixels, got 7"),
        ((0, 0, 0), {"image_size": 16, "channels": 2}, "1 or 3, got 2"),
    ],
)
def test_bad_requests_are_refused(head, angles, options, message):
    with pytest.raises(ValueError, match=message):
        head.render(*angles, **options)


def test_no_angles_no_images(head):
    assert head.render([], [], [], image_size=16).shape == (0, 16, 16, 1)


# Mean levels of 4 × 4 blocks of three images.
_GOLDEN_BLOCKS = [
    [
        [0.9, 127.8, 151.2, 2.0],
        [17.4, 164.9, 210.5, 47.5],
        [10.8, 84.7, 171.7, 40.7],
        [0.4, 39.1, 70.6, 1.2],
    ],
    [
        [11.2, 138.6, 86.3, 0.1],
        [104.0, 210.2, 161.3, 26.5],
        [108.7, 181.2, 90.0, 9.0],
        [23.7, 86.2, 29.1, 0.1],
    ],
    [
        [0.1, 58.8, 158.6, 44.6],
        [9.8, 52.3, 142.4, 126.7],
        [18.0, 42.0, 82.8, 87.7],
        [0.1, 21.6, 29.2, 7.3],
    ],
]


def test_golden_images():
    """Guards RENDERER_VERSION: where this fails on purpose, raise it and renew the numbers."""
    assert raycaster.RENDERER_VERSION == 3
    assert LIGHT_ELEVATION_DEG == 40
    images = FaceScene(*_head()).render([0, 45, -60], [0, 20, -25], [30, -60, 80], image_size=96)
    blocks = images[..., 0].reshape(3, 4, 24, 4, 24).mean((2, 4))
    np.testing.assert_allclose(blocks, _GOLDEN_BLOCKS, atol=1)
