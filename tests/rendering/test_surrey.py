"""The Surrey loader on small files of its format, and on the real one where it is at hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcign_tf.rendering.face_models import load_face_model, surrey_paint
from dcign_tf.rendering.face_models.surrey import load_surrey
from dcign_tf.rendering.raycaster import FaceScene
from tests.helpers import ROOT
from tests.helpers.grids import grid_triangles

REAL_FILE = ROOT.parent / "shared" / "data" / "sfm_shape_3448.bin"
TRAILER = bytes(40)  # stands for the empty colour model and the texture coordinates


def _matrix(values):
    """A matrix as the format has it: int32 rows and columns, float32 in column order."""
    return np.array(values.shape, "<i4").tobytes() + values.astype("<f4").tobytes(order="F")


def _parts():
    """A curved 9 × 12 grid that looks along +z, three components, and its triangles."""
    x, y = (g.ravel() for g in np.meshgrid(np.linspace(-70, 70, 9), np.linspace(-80, 100, 12)))
    mean = np.stack([x, y, -((x / 10) ** 2) - (y / 20) ** 2], axis=1)
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((mean.size, 3)))[0]
    return {
        "version": 1,
        "mean": mean.reshape(-1, 1),
        "basis": basis,
        "variance": np.array([[400.0], [100.0], [25.0]]),
        "triangles": grid_triangles(12, 9)[:, ::-1],  # rows run up
    }


def _bytes(**changes):
    parts = _parts() | changes
    return b"".join(
        [
            np.int32(parts["version"]).tobytes(),
            _matrix(parts["mean"]),
            _matrix(parts["basis"]),
            _matrix(parts["variance"]),
            np.uint64(len(parts["triangles"])).tobytes(),
            parts["triangles"].astype("<i4").tobytes(),
        ]
    )


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "model.bin"
    file.write_bytes(_bytes() + TRAILER)
    return file


def test_reads_what_was_written(path):
    model = load_face_model(str(path))
    parts = _parts()
    np.testing.assert_allclose(model.mean_mm, parts["mean"].reshape(-1, 3), rtol=1e-6)
    np.testing.assert_array_equal(model.triangles, parts["triangles"])
    coefficients = np.zeros(model.num_coefficients, np.float32)
    coefficients[:3] = [1.0, -2.0, 0.5]
    # One standard deviation is the square root of the variance.
    change = parts["basis"] @ [20.0 * 1.0, 10.0 * -2.0, 5.0 * 0.5]
    expected = parts["mean"].reshape(-1, 3) + change.reshape(-1, 3)
    np.testing.assert_allclose(model.vertices_mm(coefficients), expected, atol=1e-4)
    assert model.num_shape == 3
    assert model.num_coefficients - model.num_shape >= 10
    for array in (model.mean_mm, model.shape_basis_mm, model.mean_albedo, model.albedo_basis):
        assert array.dtype == np.float32


def test_fingerprint_follows_the_bytes(path):
    first = load_surrey(path).fingerprint
    assert load_surrey(path).fingerprint == first
    path.write_bytes(_bytes() + TRAILER[:-1] + b"\1")
    assert load_surrey(path).fingerprint != first


_WHOLE = _bytes()


@given(length=st.integers(4, len(_WHOLE) - 1))
@settings(max_examples=60, deadline=None)
def test_truncated_file_is_refused(tmp_path_factory, length):
    path = tmp_path_factory.getbasetemp() / "truncated.bin"
    path.write_bytes(_WHOLE[:length])
    with pytest.raises(ValueError, match=r"truncated\.bin .*expected \d+ bytes of .* found") as it:
        load_face_model(path)
    assert "\n" not in str(it.value)


_PARTS = _parts()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mean": _PARTS["mean"][:-1]}, "expected a mean of 3V × 1, found 323 × 1"),
        ({"basis": _PARTS["basis"][:-3]}, "a basis of 324 rows, as the mean has, found 321 rows"),
        ({"variance": _PARTS["variance"][:2]}, "expected 3 variances, none negative, found 2 × 1"),
        ({"variance": -_PARTS["variance"]}, "none negative, found 3 × 1, the least -400"),
        ({"mean": _PARTS["mean"] * np.nan}, "a mean of finite numbers"),
        ({"triangles": _PARTS["triangles"] + 1}, "triangles of 108 vertices"),
        ({"triangles": _PARTS["triangles"][:0]}, "triangles of 108 vertices"),
        ({"mean": 1e-3 * _PARTS["mean"]}, "a face of 50 to 1000 mm, found one of 0.18 mm"),
        ({"mean": 1e3 * _PARTS["mean"]}, r"a face of 50 to 1000 mm, found one of 1.8e\+05 mm"),
        ({"mean": 1e30 * _PARTS["mean"]}, "a face of 50 to 1000 mm"),
        ({"mean": 3e38 * np.sign(_PARTS["mean"])}, "a face of 50 to 1000 mm, found one of inf mm"),
        ({"variance": 1e30 * _PARTS["variance"]}, "by more than the face's 180 mm, found one of"),
        ({"basis": 3e38 * np.sign(_PARTS["basis"])}, "than the face's 180 mm, found one of inf mm"),
        ({"mean": -_PARTS["mean"]}, "a face that looks along"),
        ({"mean": _PARTS["mean"][:0]}, "expected a mean, found a matrix of 0 × 1"),
    ],
)
def test_inconsistent_file_is_refused(tmp_path, changes, message):
    path = tmp_path / "wrong.bin"
    path.write_bytes(_bytes(**changes))
    with pytest.raises(ValueError, match=message) as caught:
        load_surrey(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_triangles_wound_the_other_way_are_turned_over(path):
    forward = load_face_model(path)
    path.write_bytes(_bytes(triangles=_PARTS["triangles"][:, ::-1]))
    turned = load_face_model(path)
    np.testing.assert_array_equal(np.sort(turned.triangles), np.sort(forward.triangles))
    normals = [model.topology.vertex_normals(model.mean_mm) for model in (forward, turned)]
    np.testing.assert_allclose(*normals, atol=1e-6)


def test_a_model_with_colours_is_none_of_surrey(path):
    """As eos writes a Basel Face Model into the same container."""
    path.write_bytes(_bytes() + _matrix(np.full((324, 1), 0.5)))
    with pytest.raises(ValueError, match=r"expected no colours, .* found 324 values of a mean col"):
        load_face_model(path)


def test_other_versions_and_files_are_refused(tmp_path):
    path = tmp_path / "other.bin"
    for version in (0, 2, 3):
        path.write_bytes(_bytes(version=version))
        with pytest.raises(
            ValueError, match=f"version 1 of eos's container, found ver.* {version}"
        ):
            load_face_model(path)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n")
    with pytest.raises(ValueError, match=r"other\.bin is a pointer of Git LFS, .*git lfs pull"):
        load_face_model(path)
    for content in (b"\x89HDF\r\n", b"", b"\1\2\3\4 and so on"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"other\.bin is no face model"):
            load_face_model(str(path))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.bin"):
        load_face_model(str(tmp_path / "nowhere.bin"))


def test_golden_paint():
    """Guards surrey_paint.VERSION: where this fails on purpose, raise it and renew the numbers."""
    assert surrey_paint.VERSION == 1
    x, y = (g.ravel() for g in np.meshgrid(np.linspace(-70, 70, 71), np.linspace(-80, 100, 91)))
    mean, basis = surrey_paint.paint(np.stack([x, y, -np.hypot(x, y)], axis=1))
    np.testing.assert_allclose(mean.mean(0), [0.4865, 0.3408, 0.2701], atol=2e-4)
    strength_percent = 100 * np.sqrt((basis**2).mean((1, 2)))
    np.testing.assert_allclose(
        strength_percent,
        [
            11.35,
            2.35,
            0.5,
            0.99,
            0.76,
            0.36,
            0.33,
            3.37,
            0.55,
            0.34,
            0.15,
            0.76,
            0.86,
            1.27,
            0.66,
            0.45,
            0.52,
        ],
        atol=0.01,
    )


def test_without_a_path_it_is_the_procedural_head():
    assert load_face_model(None).name.startswith("procedural-head")


@pytest.fixture(scope="module")
def surrey():
    if not REAL_FILE.exists():
        pytest.skip(f"needs {REAL_FILE.name}")
    return load_face_model(str(REAL_FILE))


def test_real_file_has_its_published_sizes(surrey):
    assert surrey.mean_mm.shape == (3448, 3)
    assert surrey.triangles.shape == (6736, 3)
    assert surrey.num_shape == 63
    spread_mm = np.sqrt((surrey.shape_basis_mm**2).sum((1, 2)) / 3448)
    assert spread_mm[0] == pytest.approx(4.05, abs=0.02)  # √(56502 / 3448)
    assert (np.diff(spread_mm) <= 0).all()


def test_paint_lies_on_the_lips(surrey):
    """The mouth is the only opening of the mask: its rim must be painted as lips."""
    edges = np.sort(surrey.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, count = np.unique(edges, axis=0, return_counts=True)
    rim = np.unique(edges[count == 1])
    mouth = rim[np.abs(surrey.mean_mm[rim, 0]) < 20]
    mouth = mouth[np.abs(surrey.mean_mm[mouth, 1]) < 60]
    assert len(mouth) > 20
    x, y = surrey.mean_mm[:, 0], surrey.mean_mm[:, 1]
    forehead = surrey.mean_albedo[(np.abs(x) < 40) & (y > 70)]
    assert surrey.mean_albedo[mouth].mean() < 0.6 * forehead.mean()


def test_eyes_and_brows_are_the_darkest_of_the_upper_face(surrey):
    scene = FaceScene.of(surrey, np.zeros(surrey.num_coefficients, np.float32))
    picture = scene.render(0, 0, 0, image_size=150)[0, ..., 0].astype(float)
    rows = np.flatnonzero(picture.any(1))
    nose_tip = (rows.min() + rows.max()) // 2
    eye = picture[rows.min() + 5 : nose_tip - 5, 75 + 12 : 75 + 28].mean(1)  # from brow to cheek
    dark = np.flatnonzero(eye < 0.75 * np.median(eye))
    assert 4 < len(dark) < len(eye) // 2
    assert len(eye) // 4 < dark.min()
    assert dark.max() < len(eye) - 5


def test_drawn_colours_stay_plausible(surrey):
    for coefficients in surrey.draw_coefficients(np.random.default_rng(0), 20):
        albedo = surrey.albedo(coefficients)
        skin = np.median(albedo, axis=0)
        assert skin[0] > skin[1] > skin[2]
        assert 0.1 < skin.mean() < 0.8
        assert ((albedo == 0) | (albedo == 1)).mean() < 0.05
