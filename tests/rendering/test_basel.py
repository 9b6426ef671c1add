"""The Basel loaders on small files of their formats: the real models are licensed."""

from __future__ import annotations

import time

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from dcign_tf.datasets.faces import sampling
from dcign_tf.datasets.faces.sampling import render_example
from dcign_tf.datasets.faces.settings import FaceSettings
from dcign_tf.rendering import srgb
from dcign_tf.rendering.face_models import load_face_model, matlab5
from dcign_tf.rendering.raycaster import FaceScene
from dcign_tf.rendering.topology import Topology
from tests.helpers.basel_files import (
    COLOUR_STDDEV,
    NUM_VERTICES,
    SHAPE_STDDEV_MM,
    colour_components,
    matlab_variables,
    mean_colour,
    mean_mm,
    shape_components,
    statismo_datasets,
    triangles,
    write_matlab,
    write_matlab_73,
    write_statismo,
)
from tests.helpers.grids import grid_triangles

SHAPE_COEFFICIENTS = [1.0, -2.0, 0.5]
COLOUR_COEFFICIENTS = [-1.0, 1.5]


def _matlab_73_double(path):
    """As MATLAB saves what it computed itself: in double precision."""
    return write_matlab_73(path, **{k: v.astype(float) for k, v in matlab_variables().items()})


def _big_matlab_integers(path):
    return write_matlab(path, tl=triangles()[:, [0, 2, 1]].astype(np.int32) + 1)


def _statismo_08(path):
    """Version 0.8: components multiplied by their deviations, and no version in the file."""
    return write_statismo(
        path,
        shape__model__pcaBasis=shape_components() * SHAPE_STDDEV_MM,
        color__model__pcaBasis=colour_components() * COLOUR_STDDEV,
        shape__version__majorVersion=None,
        color__version__minorVersion=np.int32(8),
    )


def _statismo_1(path):
    """Version 1, triangles a row each, matrices in compressed chunks, neutral by omission."""
    write_statismo(
        path,
        shape__version__majorVersion=np.int32(1),
        color__version__majorVersion=np.int32(1),
        shape__representer__cells=triangles(),
    )
    with h5py.File(path, "r+") as file:
        del file["expression"], file["shape/model/pcaBasis"]
        file.create_dataset(
            "shape/model/pcaBasis", data=shape_components(), chunks=(50, 2), compression="gzip"
        )
    return path


def _statismo_old_cells(path):
    return write_statismo(
        path,
        shape__representer__cells=None,
        **{"shape__representer__reference-mesh__triangle-list": triangles()},
    )


WRITERS = {
    "2009": write_matlab,
    "2009 compressed": lambda path: write_matlab(path, compressed=True),
    "2009 with integers": _big_matlab_integers,
    "2009 saved by MATLAB 7.3": write_matlab_73,
    "2009 saved by MATLAB 7.3 in double": _matlab_73_double,
    "2017": write_statismo,
    "statismo 0.8": _statismo_08,
    "statismo 1": _statismo_1,
    "statismo with old cells": _statismo_old_cells,
}


@pytest.fixture(params=list(WRITERS))
def model(request, tmp_path):
    return load_face_model(WRITERS[request.param](tmp_path / "a-name-that-tells-nothing"))


@pytest.fixture(scope="module")
def basel(tmp_path_factory):
    return load_face_model(write_statismo(tmp_path_factory.mktemp("basel") / "model"))


def test_every_format_is_the_same_face(model):
    coefficients = np.array(SHAPE_COEFFICIENTS + COLOUR_COEFFICIENTS, np.float32)
    assert (model.num_shape, model.num_coefficients) == (3, 5)
    change_mm = shape_components() @ (SHAPE_STDDEV_MM * SHAPE_COEFFICIENTS)
    expected_mm = mean_mm() + change_mm.reshape(-1, 3)
    np.testing.assert_allclose(model.vertices_mm(coefficients), expected_mm, atol=1e-4)
    change = colour_components() @ (COLOUR_STDDEV * COLOUR_COEFFICIENTS)
    expected = np.clip(mean_colour() + change.reshape(-1, 3), 0, 1)
    np.testing.assert_allclose(model.albedo(coefficients), srgb.decode(expected), atol=1e-6)
    for array in (model.mean_mm, model.shape_basis_mm, model.mean_albedo, model.albedo_basis):
        assert array.dtype == np.float32
    assert model.albedo(coefficients).dtype == np.float32


def test_every_format_is_wound_outwards(model):
    def first_corner_first(corners):
        return [tuple(np.roll(row, -row.argmin())) for row in corners]

    assert set(first_corner_first(model.triangles)) == set(first_corner_first(triangles()))
    normals = Topology(model.triangles, NUM_VERTICES).vertex_normals(model.mean_mm)
    assert (normals[:, 2] > 0.3).all()


def test_other_winding_is_turned_over(tmp_path):
    def image(path):
        return FaceScene.of(load_face_model(path), np.zeros(5)).render(20, 5, 30, image_size=40)

    expected = image(write_matlab(tmp_path / "plain"))
    turned_over = write_matlab(tmp_path / "turned", tl=triangles() + 1.0)
    np.testing.assert_array_equal(image(turned_over), expected)
    cells = triangles()[:, ::-1].T
    turned_over = write_statismo(tmp_path / "turned.h5", shape__representer__cells=cells)
    np.testing.assert_array_equal(image(turned_over), expected)


def _ball(*, without_y_below_mm):
    """A head without a face, 200 mm high: vertices [V, 3], triangles [T, 3]."""
    polar, turn = np.radians(np.linspace(6, 174, 29)), np.radians(np.arange(0, 360, 12))
    a, b = (g.ravel() for g in np.meshgrid(polar, turn, indexing="ij"))
    vertices = 100 * np.stack([np.sin(a) * np.sin(b), np.cos(a), np.sin(a) * np.cos(b)], axis=1)
    cells = grid_triangles(29, 30, wrap=True)
    return vertices, cells[(vertices[cells][..., 1] > without_y_below_mm).all(1)]


def _write_bare(path, vertices, cells):
    """A model whose one component changes nothing."""
    arrays = {}
    for group, mean in (("shape", vertices), ("color", np.full_like(vertices, 0.5))):
        arrays |= {
            f"{group}__model__mean": mean.ravel(),
            f"{group}__model__pcaBasis": np.eye(mean.size, 1),
            f"{group}__model__pcaVariance": np.zeros(1),
        }
    return write_statismo(path, **arrays, shape__representer__cells=cells.T)


@pytest.mark.parametrize("without_y_below_mm", [-101, -60])
@pytest.mark.parametrize("turned_over", [False, True])
def test_whole_heads_are_wound_outwards(tmp_path, without_y_below_mm, turned_over):
    """Of the fullHead model: nothing of it looks more to the front than to the back."""
    vertices, cells = _ball(without_y_below_mm=without_y_below_mm)
    path = _write_bare(tmp_path / "head", vertices, cells[:, ::-1] if turned_over else cells)
    model = load_face_model(path)
    normals = Topology(model.triangles, len(vertices)).vertex_normals(model.mean_mm)
    used = np.unique(cells)
    assert np.einsum("ij,ij->i", normals, vertices / 100)[used].min() > 0.9


@pytest.mark.parametrize("axes", [[0, 1, -2], [0, 2, 1], [2, 1, 0]])
def test_a_face_that_looks_elsewhere_is_refused(tmp_path, axes):
    """Backwards, up or to the side; -2 stands for -z."""
    vertices = mean_mm()[:, np.abs(axes)] * [1, 1, -1 if axes[2] < 0 else 1]
    if axes == [0, 2, 1]:
        vertices[:, 1] *= -1  # as heads lie that have z up
    path = write_statismo(tmp_path / "turned", shape__model__mean=vertices.ravel())
    with pytest.raises(ValueError, match=r"a face that looks along \+z, y being up, found one"):
        load_face_model(path)


def test_is_seen_upright_from_the_front_and_not_from_behind(basel):
    scene = FaceScene.of(basel, np.zeros(5))
    image = scene.render(0, 0, 0, image_size=80, channels=3)[0].astype(int)
    columns = np.flatnonzero(image.any((0, 2)))
    middle = image[:, columns.mean().astype(int)]
    rows = np.flatnonzero(middle.any(-1))
    assert 4 * middle[rows[3]].max() < middle[rows[-4]].min()
    left, right = image[40, columns[2]], image[40, columns[-3]]
    assert right[0] > 2 * right[1]
    assert left[0] < 1.5 * left[1]
    assert not scene.render([180, 160, 200], 0, 20, image_size=40).any()


def test_light_does_not_come_through_the_open_back(basel):
    """Seen from its side, under lights in front of it, beside it and behind it."""
    scene = FaceScene.of(basel, np.zeros(5))
    front, side, *behind = scene.render(-90, 0, [-60, 0, 100, 130], image_size=60)
    assert min(front.max(), side.max()) > 150
    assert np.max(behind) < 80
    np.testing.assert_array_equal(*behind)


def test_fingerprint_follows_the_bytes(tmp_path):
    first = load_face_model(write_statismo(tmp_path / "a")).fingerprint
    assert load_face_model(write_statismo(tmp_path / "b")).fingerprint == first
    other = load_face_model(write_statismo(tmp_path / "c", more=np.ones(1)))
    assert other.fingerprint != first


def test_names_tell_the_kind(tmp_path):
    assert load_face_model(write_matlab(tmp_path / "a.h5")).name == "basel-2009-108"
    assert load_face_model(write_statismo(tmp_path / "b.mat")).name == "statismo-108"


def test_is_rendered_by_the_dataset(tmp_path, monkeypatch):
    path = str(write_matlab(tmp_path / "01_MorphableModel.mat"))
    small = {"train_identities": 4, "validation_identities": 4, "test_identities": 4}
    chosen = FaceSettings(image_size=24, sweep_length=4, face_model=path, **small)
    assert sampling.describe(chosen)["face_model"]["name"] == "basel-2009-108"
    assert sampling.summarize_model(path).num_coefficients == 5
    example = render_example(chosen, "train_intrinsic", 0)
    assert example["coefficients"].shape == (4, 5)
    assert len(set(example["image"])) == 4


def test_what_renders_nothing_keeps_no_model(tmp_path, monkeypatch):
    path = str(write_matlab(tmp_path / "01_MorphableModel.mat"))
    before = sampling.face_model.cache_info().currsize
    sampling.data_fingerprint(FaceSettings(face_model=path))
    assert sampling.face_model.cache_info().currsize == before


SMALL = {"2009": write_matlab, "2009 by 7.3": write_matlab_73, "2017": write_statismo}


@pytest.fixture(scope="module", params=["2009", "2009 compressed", "2009 by 7.3", "2017"])
def whole(request, tmp_path_factory):
    write = {**SMALL, "2009 compressed": WRITERS["2009 compressed"]}[request.param]
    return write(tmp_path_factory.mktemp("whole") / "model").read_bytes()


@given(part=st.floats(0, 1, exclude_max=True))
@settings(max_examples=40)
def test_truncated_file_is_refused(whole, tmp_path_factory, part):
    path = tmp_path_factory.getbasetemp() / "truncated"
    path.write_bytes(whole[: int(part * len(whole))])
    refusal = r"truncated is no .*(expected .* found|this file with)"
    with pytest.raises(ValueError, match=refusal) as caught:
        load_face_model(path)
    assert "\n" not in str(caught.value)


def _check_refused(path, message):
    with pytest.raises(ValueError, match=message) as caught:
        load_face_model(path)
    assert str(caught.value).startswith(f"{path} is no Basel face model: expected ")
    assert "\n" not in str(caught.value)


_MU, _PC = matlab_variables()["shapeMU"], matlab_variables()["shapePC"]
_NAN = np.where(np.arange(_PC.size).reshape(_PC.shape) == 500, np.nan, _PC).astype(np.float32)


@pytest.mark.parametrize("write", [write_matlab, write_matlab_73])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tl": None}, "expected a (variable|dataset) tl, found only .*shapeMU"),
        ({"shapePC": None}, "expected a (variable|dataset) shapePC"),
        ({"shapeMU": _MU[:-1]}, "expected a mean shape of 3V values, found 323"),
        ({"shapeMU": _MU[:-3]}, "expected 321 × 3 values of shape components.* found 324 × 3"),
        ({"shapeEV": np.ones((2, 1))}, "expected 324 × 2 values of shape components"),
        ({"shapeEV": -np.ones((3, 1))}, "shape deviations, none negative, found -1"),
        ({"shapePC": _NAN}, "a shape model of finite numbers, found others"),
        ({"texMU": matlab_variables()["texMU"] * np.inf}, "a colour model of finite numbers"),
        ({"texMU": matlab_variables()["texMU"] / 255}, "reach up to about 1, .* 0.00353"),
        ({"shapePC": 3e38 * np.sign(_PC)}, "by more than the face's 180 mm, found one of inf mm"),
        ({"shapeEV": np.full((3, 1), 1e300)}, "by more than the face's 180 mm, found one of inf"),
        ({"texEV": np.full((2, 1), 1e30)}, "change no colour by more than 1.2, found one of"),
        ({"shapeMU": _MU / 1000}, "a face of 50 to 1000 mm, found one of 0.18 mm"),
        ({"tl": triangles() + 0.5}, "whole numbers of vertices in tl"),
        ({"tl": triangles() * np.nan}, "whole numbers of vertices in tl"),
        ({"tl": triangles() + 1e30}, "whole numbers of vertices in tl"),
        ({"tl": triangles() + 2.0}, "triangles of 108 vertices, found .* 0 to 107"),
        ({"tl": triangles() + 0.0}, "triangles of 108 vertices"),
        ({"tl": triangles()[:, :2] + 1.0}, "triangles of 108 vertices"),
    ],
)
def test_wrong_2009_file_is_refused(tmp_path, write, changes, message):
    _check_refused(write(tmp_path / "wrong.mat", **changes), message)


def test_fewer_colours_than_vertices_are_refused(tmp_path):
    half = {name: matlab_variables()[name][:162] for name in ("texMU", "texPC")}
    with pytest.raises(ValueError, match="colours of 108 vertices, found 54"):
        load_face_model(write_matlab(tmp_path / "half.mat", **half))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"scores": np.eye(3)}, "expected a variable shapeMU, found only others"),
        ({**matlab_variables(), "tl": "text"}, "a matrix of numbers in tl, found something else"),
        ({**matlab_variables(), "shapePC": {"a": 1}}, "a matrix of numbers in shapePC"),
    ],
)
def test_other_matlab_files_are_refused(tmp_path, variables, message):
    path = tmp_path / "other.mat"
    scipy.io.savemat(path, variables)
    with pytest.raises(ValueError, match=message):
        load_face_model(path)


_BASIS = statismo_datasets()["shape/model/pcaBasis"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape__model__mean": None}, "a dataset shape/model/mean, found only catalog, color"),
        ({"color__model__pcaBasis": None}, "a dataset color/model/pcaBasis"),
        ({"color__model__pcaVariance": None}, "a dataset color/model/pcaVariance"),
        ({"shape__representer__cells": None}, "a dataset shape/representer/cells"),
        ({"shape__model__mean": np.ones(323)}, "a mean shape of 3V values, found 323"),
        ({"shape__model__mean": np.ones(0)}, "a mean shape of 3V values, found 0"),
        ({"shape__model__pcaBasis": _BASIS.T}, "324 × 3 values of shape .*, found 3 × 324"),
        ({"shape__model__pcaBasis": _BASIS.ravel()}, r"a matrix shape/model/pcaBasis, found .*972"),
        ({"shape__model__pcaBasis": _BASIS * np.nan}, "a shape model of finite numbers"),
        ({"color__model__pcaVariance": -np.ones(2)}, "none negative, found -1"),
        ({"color__model__pcaVariance": np.ones(2) * np.nan}, "none negative, found nan"),
        ({"shape__model__pcaBasis": 3e38 * np.sign(_BASIS)}, "the face's 180 mm, found one of inf"),
        ({"color__model__mean": 255 * mean_colour().ravel()}, "about 1, found a greatest of 230"),
        ({"shape__model__mean": 1e3 * mean_mm().ravel()}, r"one of 1.8e\+05 mm"),
        ({"shape__representer__cells": triangles()[:, :2]}, r"3 × T corners, found .*\(176, 2\)"),
        ({"shape__representer__cells": triangles() + 1}, "triangles of 108 vertices"),
        ({"shape__representer__cells": triangles() + 0.0}, "must be integers"),
        ({"shape__model__mean": np.bytes_("text")}, "numbers in shape/model/mean, found"),
        ({"shape__version__minorVersion": np.int32(7)}, "0.8, 0.9 or 1 of .*, found 0.7"),
    ],
)
def test_wrong_2017_file_is_refused(tmp_path, changes, message):
    _check_refused(write_statismo(tmp_path / "wrong.h5", **changes), message)


def test_numbers_that_a_file_claims_and_does_not_hold_are_not_made(tmp_path):
    """Of 10 GB, of which nothing is stored."""
    path = write_statismo(tmp_path / "claims.h5", shape__model__pcaBasis=None)
    with h5py.File(path, "r+") as file:
        file.create_dataset("shape/model/pcaBasis", (324, 8_000_000), np.float32)
    message = "found 10,368,000,000 bytes claimed for 0 stored"
    _check_refused(path, f"numbers in shape/model/pcaBasis that the file can hold.*{message}")


def test_a_matlab_file_is_not_unpacked_beyond_measure(tmp_path, monkeypatch):
    path = write_matlab(tmp_path / "large.mat", compressed=True)
    monkeypatch.setattr(matlab5, "MOST_BYTES", 5_000)
    _check_refused(path, "variables of 5,000 bytes at most, found larger ones")
    monkeypatch.setattr(matlab5, "MOST_BYTES", 40_000)
    assert load_face_model(path).num_shape == 3


def test_other_hdf5_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(ValueError, match=r"a dataset shape/model/mean, found only nothing"):
        load_face_model(tmp_path / "empty.h5")


def test_what_cannot_be_read_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_face_model(tmp_path / "nowhere.h5")
    with pytest.raises(IsADirectoryError):
        load_face_model(tmp_path)


def test_a_mask_as_large_as_the_real_ones_is_cast_quickly():
    """More than 20 images of 150 × 150 a second on one core, with a scene that is ready."""
    rows, columns = 232, 231
    turn, polar = np.meshgrid(np.linspace(-1.6, 1.6, columns), np.linspace(0.5, 2.6, rows))
    mask = np.stack(
        [80 * np.sin(polar) * np.sin(turn), 115 * np.cos(polar), 95 * np.sin(polar) * np.cos(turn)],
        axis=-1,
    ).reshape(-1, 3)
    mask[:, 2] += 30 * np.exp(-((mask - [0, -5, 95]) ** 2).sum(1) / 400)
    assert len(mask) >= 53_490
    scene = FaceScene(mask, grid_triangles(rows, columns), np.full_like(mask, 0.4))
    poses = np.linspace(-60, 60, 10)
    scene.render(0, 0, 0, image_size=150)  # builds the hierarchy
    seconds = []
    for _ in range(3):
        start = time.process_time()
        scene.render(poses, 10, 30, image_size=150)
        seconds.append(time.process_time() - start)
    assert len(poses) / min(seconds) > 20
