"""TensorFlow Datasets with labels: smallNORB, 3D Shapes and dSprites made small, and any other."""

from __future__ import annotations

import concurrent.futures
import importlib.util
import itertools
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.datasets import registry
from dcign_tf.datasets.labelled import dataset as module
from dcign_tf.datasets.labelled.dataset import LabelledPictures
from dcign_tf.datasets.labelled.settings import KNOWN, parse_factors
from dcign_tf.datasets.pictures import FITS
from dcign_tf.errors import DataError
from dcign_tf.factors import INTRINSIC
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import load_preset
from tests.helpers import ROOT
from tests.helpers import hostile_pictures as hostile
from tests.helpers.tfds_files import (
    NORB_AZIMUTHS,
    NORB_ELEVATIONS,
    level_of,
    write_dataset,
    write_rows,
)

SUBSETS = ("train", "validation", "test")
DATASETS = ("smallnorb", "shapes3d", "dsprites")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """All three as TFDS stores them for random access; not to be changed."""
    folder = tmp_path_factory.mktemp("tfds")
    for name in DATASETS:
        write_dataset(folder, name)
    return folder


@pytest.fixture(scope="module")
def as_tfrecord(tmp_path_factory) -> Path:
    """smallNORB as TFDS stores datasets unless it is told otherwise."""
    folder = tmp_path_factory.mktemp("tfrecord")
    write_dataset(folder, "smallnorb", "tfrecord")
    return folder


def opened(folder: Path, name: str = "smallnorb", **settings) -> LabelledPictures:
    settings = {"name": name, "sweep_length": 6, **settings}
    return registry.open_dataset("tfds", folder, preset="quick", settings=settings)


def show(monkeypatch, *pictures: bytes) -> None:
    """Every example has this content for its picture."""
    feature = SimpleNamespace(bytes_list=SimpleNamespace(value=pictures))
    monkeypatch.setattr(module, "read_example", lambda *_: {"image": feature})


def some(sweeps) -> list:
    return [sweeps[index] for index in range(min(len(sweeps), 25))]


@pytest.mark.parametrize("name", DATASETS)
class TestKnownDatasets:
    def test_the_pictures_of_a_batch_agree_in_all_but_its_factor(self, folder, name):
        data = opened(folder, name)
        names = [f.column for f in parse_factors(KNOWN[name].factors)]
        columns = {**dict(zip(data.extrinsic, names, strict=True)), INTRINSIC: "identity"}
        for subset in SUBSETS:
            sweeps = data.sweeps(subset)
            assert list(sweeps) == list(columns)
            for factor, own in columns.items():
                assert len(sweeps[factor]) > 0
                for sweep in some(sweeps[factor]):
                    assert sweep["image"].shape == (6, *data.image_shape)
                    periods = {columns[f]: period for f, period in data.periods.items()}
                    varying = [
                        column
                        for column in columns.values()
                        if len(np.unique(np.round(sweep[column] % periods.get(column, 1e6), 3))) > 1
                    ]
                    assert set(varying) == {own}

    def test_no_identity_is_in_two_subsets(self, folder, name):
        data = opened(folder, name)
        people = [
            {p for sweep in some(data.sweeps(subset)[INTRINSIC]) for p in sweep["identity"]}
            for subset in SUBSETS
        ]
        assert all(len(own) >= 2 for own in people)
        assert sum(map(len, people)) == len(set.union(*people)) == len(data._labels.identities)

    def test_nothing_is_written(self, folder, name):
        before = sorted(folder.rglob("*"))
        opened(folder, name).prepare()
        assert sorted(folder.rglob("*")) == before


class TestSmallnorb:
    def test_what_it_says_of_itself(self, folder):
        data = opened(folder)
        assert data.extrinsic == ("azimuth", "elevation", "lighting")
        assert data.values == {"azimuth": "azimuth_deg", "elevation": "elevation_deg"}
        assert data.periods == {"azimuth": 360}
        assert data.image_shape == (64, 64, 1)
        assert opened(folder, channels=3, image_size=40).image_shape == (40, 40, 3)

    def test_labels_become_degrees_and_pictures_are_theirs(self, folder, as_tfrecord):
        for data in (opened(folder), opened(as_tfrecord)):
            shown = some(data.sweeps("train")["azimuth"]) + some(data.sweeps("test")["elevation"])
            for sweep in shown:
                labels = (
                    sweep[k].astype(int) for k in ("azimuth_deg", "elevation_deg", "lighting")
                )
                for image, person, azimuth, elevation, lighting in zip(
                    sweep["image"], sweep["identity"], *labels, strict=True
                ):
                    az, el = azimuth // 20, (elevation - 30) // 5
                    assert (az in NORB_AZIMUTHS, el in NORB_ELEVATIONS) == (True, True)
                    category, instance = map(int, data._labels.identities[person].split())
                    assert (image == level_of(category, instance, el, az % 10, lighting)).all()

    def test_the_test_split_has_its_own_objects(self, folder):
        data = opened(folder)
        names = np.array(data._labels.identities)[data._labels.identity]
        of_test = {int(name.split()[1]) % 2 for name in names[data._subset == 2]}
        assert of_test == {1}
        assert (data._subset[:240] < 2).all()

    def test_the_format_of_the_files_makes_no_difference(self, folder, as_tfrecord):
        assert opened(folder).fingerprint == opened(as_tfrecord).fingerprint

    def test_several_threads_may_read(self, folder, as_tfrecord):
        for data in (opened(folder), opened(as_tfrecord)):
            numbers = list(range(len(data._records))) * 3
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                read = list(pool.map(data._records.__getitem__, numbers))
            assert read == [data._records[number] for number in numbers]

    def test_a_part_of_a_split(self, as_tfrecord):
        data = opened(as_tfrecord, split="train[50%:]", test_split="test")
        assert len(data._records) == 120 + 240
        assert data._records[0] == opened(as_tfrecord)._records[120]

    def test_the_fingerprint_changes_with_settings(self, folder):
        changes = ({}, {"seed": 1}, {"periods": "azimuth:180"}, {"factors": "label_azimuth"})
        assert len({opened(folder, **change).fingerprint for change in changes}) == 4


def test_shapes_are_held_out_as_combinations_of_shape_and_colour(folder):
    data = opened(folder, "shapes3d")
    assert data.image_shape == (64, 64, 3)
    assert data.periods == {"floor_hue": 1, "wall_hue": 1}
    assert len(data._labels.identities) == 4 * 3
    angles = np.unique(data._labels.columns["orientation_deg"])
    np.testing.assert_allclose(angles, [-30, 0, 30])
    sweep = data.sweeps("train")["floor_hue"][0]
    np.testing.assert_allclose(sweep["image"][:, 0, 0, 0], 200 * sweep["floor_hue"], atol=0.01)


def test_sprites_are_white_and_their_circle_is_closed(folder):
    data = opened(folder, "dsprites")
    np.testing.assert_allclose(np.unique(data._labels.columns["orientation_deg"]), [0, 120, 360])
    for sweep in some(data.sweeps("validation")["orientation"]):
        assert set(np.unique(sweep["image"])) == {0, 255}
        assert sweep["distinct"] == 3  # of two angles
    sweep = data.sweeps("train")["x_position"][0]
    edges = sweep["image"][..., 0].any(1).argmax(1)
    np.testing.assert_array_equal(edges, np.round(31 * sweep["x_position"]))


def test_a_dataset_of_ones_own(folder):
    """The settings say what the labels are; the name is not known."""
    own = folder.parent / "own"
    shutil.copytree(folder / "dsprites", own / "mine")
    info = own / "mine" / "2.0.0" / "dataset_info.json"
    info.write_text(info.read_text().replace('"dsprites"', '"mine"'))
    for file in info.parent.glob("dsprites-*"):
        file.rename(file.with_name(file.name.replace("dsprites", "mine")))
    with pytest.raises(DataError, match=r"mine are is not known: --config\.data\.factors"):
        opened(own, "mine")
    data = opened(
        own,
        "mine",
        factors="x=label_x_position*2+1,label_orientation",
        identity="label_scale,label_shape",
        categories="orientation",
        split="train",
    )
    assert data.extrinsic == ("x", "orientation")
    assert data.values == {"x": "x"}
    assert set(data._labels.columns["x"]) == {1, 63}
    assert data.sweeps("train")["x"][0]["image"].max() == 1  # of 255


numbers = st.floats(-1e4, 1e4, allow_nan=False).map(lambda x: round(x, 3))
words = st.from_regex(r"[a-z]\w{0,8}", fullmatch=True).filter(lambda w: not w.endswith("_deg"))


@given(words, words, numbers.filter(bool), numbers, st.booleans())
def test_factors_are_read_as_they_are_written(name, feature, scale, offset, in_degrees):
    column = f"of_{name}{'_deg' * in_degrees}"
    (factor,) = parse_factors(f" {column} = {feature} * {scale} + {offset} ,")
    assert (factor.column, factor.feature) == (column, feature)
    assert (factor.scale, factor.offset) == (scale, offset)
    (plain,) = parse_factors(f"label_of_{name}")
    assert (plain.column, plain.scale, plain.offset) == (f"of_{name}", 1, 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"name": "smallnorb_chairs"},
            r"Dataset smallnorb_chairs in .*tfds build smallnorb_chairs --data_dir=/",
        ),
        ({"factors": "azimuth_deg=label_azimut"}, "has no feature label_azimut; there is image, "),
        ({"factors": "azimuth=label_azimuth*x"}, r"factors: 'azimuth=label_azimuth\*x' is imposs"),
        ({"factors": "azimuth=label_azimuth*0"}, "is impossible"),
        ({"factors": "intrinsic=label_azimuth"}, "no factor is called intrinsic"),
        ({"factors": "a=label_azimuth,a_deg=instance"}, "two factors are called a"),
        ({"factors": "image"}, "is impossible"),
        ({"factors": "a=image2"}, "image2 holds more than one number"),
        ({"identity": "category"}, "has no feature category"),
        ({"image": "instance"}, r"instance is no picture .*; there is image, image2"),
        ({"categories": "light"}, "there is no factor light; there is azimuth_deg, elevation_deg"),
        ({"periods": "light:6"}, "periods: 'light:6' is impossible"),
        ({"split": "training"}, "has no split training; there is t"),
        (
            {"identity": "label_category"},
            r"2 of 2 identities are in the splits train and test both",
        ),
        ({"validation_fraction": 0.9}, "leave 1 to train on. Hold fewer out"),
        ({"factors": "instance"}, "nothing shows how instance alone varies"),
        ({"channels": 2}, "channels is 2"),
        ({"image_size": 4}, "image_size is 4"),
        ({"fit": "stretch"}, "fit is stretch; it must be one of contain, cover"),
        ({"folds": 2}, "unexpected keyword argument 'folds'"),
    ],
)
def test_what_is_wrong_is_one_line(folder, settings, message):
    with pytest.raises(DataError, match=message) as caught:
        opened(folder, **settings)
    assert "\n" not in str(caught.value)


class TestDamage:
    def damage(self, source: Path, to: Path, change) -> Path:
        shutil.copytree(source / "smallnorb", to / "smallnorb")
        (file,) = to.rglob("smallnorb-train.*")
        file.write_bytes(change(file.read_bytes()))
        return to

    def test_a_file_that_ends_too_soon(self, as_tfrecord, tmp_path):
        self.damage(as_tfrecord, tmp_path, lambda content: content[:-10])
        with pytest.raises(DataError, match=r"Cannot read .*ends within record 239"):
            opened(tmp_path)

    @pytest.mark.parametrize("source", ["folder", "as_tfrecord"])
    def test_a_file_that_is_none(self, request, tmp_path, source):
        self.damage(request.getfixturevalue(source), tmp_path, lambda content: b"x" * 5000)
        with pytest.raises(DataError, match=r"Cannot read|is damaged") as caught:
            opened(tmp_path)
        assert "\n" not in str(caught.value)

    def test_a_missing_file(self, as_tfrecord, tmp_path):
        self.damage(as_tfrecord, tmp_path, bytes)
        next(tmp_path.rglob("smallnorb-test.*")).unlink()
        with pytest.raises(DataError, match=r"Cannot read .*No such file"):
            opened(tmp_path)

    def test_a_damaged_picture(self, as_tfrecord, tmp_path):
        broken = self.damage(as_tfrecord, tmp_path, lambda c: c.replace(b"IHDR", b"ABCD"))
        data = opened(broken)
        with pytest.raises(DataError, match="example 0 is no picture of a known"):
            data._picture(0)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (hostile.png_header(7100, 7100), "has 7100×7100 pixels; at most 50,000,000 are taken"),
            (hostile.png_header(13_300, 13_300), "has far too many pixels"),
            (hostile.jpeg_of_scans(101), "is a JPEG of 101 scans"),
            (b"%!PS-Adobe-3.0 EPSF-3.0", "is no picture of a known format"),
            (None, "is damaged"),
        ],
        ids=["a large", "a huge", "of many scans", "of another format", "none"],
    )
    def test_a_strangers_picture_has_the_limits_of_any(self, folder, monkeypatch, content, message):
        data = opened(folder)
        show(monkeypatch, *([] if content is None else [content]))
        with pytest.raises(DataError, match=f"smallnorb.*: example 0 {message}"):
            data._picture(0)

    def test_metadata_do_not_decide_whether_its_pixels_are_read(self, folder, monkeypatch):
        data, plain = opened(folder), hostile.saved(hostile.ramp(), "PNG")
        show(monkeypatch, plain)
        expected = data._picture(0)
        for content in hostile.png_metadata(plain).values():
            show(monkeypatch, content)
            np.testing.assert_array_equal(data._picture(0), expected)

    def test_a_pointer_of_version_control(self, folder, as_tfrecord, tmp_path):
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n"
        for number, (source, name) in enumerate(
            [
                (folder, "smallnorb-train.*"),
                (as_tfrecord, "smallnorb-train.*"),
                (folder, "dataset_info.json"),
                (folder, "features.json"),
            ]
        ):
            to = tmp_path / str(number)
            shutil.copytree(source / "smallnorb", to / "smallnorb")
            (file,) = to.rglob(name)
            file.write_bytes(pointer)
            with pytest.raises(DataError, match=rf"{file} is a pointer of Git LFS, .*git lfs pull"):
                opened(to)

    def test_a_damaged_description(self, folder, tmp_path):
        shutil.copytree(folder / "smallnorb", tmp_path / "smallnorb")
        (tmp_path / "smallnorb" / "2.0.0" / "dataset_info.json").write_text("{")
        with pytest.raises(DataError, match="Cannot read the TensorFlow Dataset") as caught:
            opened(tmp_path)
        assert "\n" not in str(caught.value)


def test_where_datasets_are_looked_for_is_tfds_own_folder():
    from tensorflow_datasets.core.constants import DATA_DIR

    facts = registry.dataset_facts(load_preset("tfds", "quick").to_dict())
    assert Path(facts.data_dir).expanduser() == Path(DATA_DIR)


@pytest.mark.parametrize(
    ("settings", "held_out"),
    [
        ({"name": "smallnorb"}, "identities that training never saw"),
        (
            {"name": "dsprites"},
            "combinations of label_shape and label_scale that training never saw",
        ),
        ({"name": "dsprites", "identity": "label_shape"}, "identities that training never saw"),
    ],
)
def test_what_is_held_out_is_said(settings, held_out):
    facts = registry.dataset_facts({"dataset": "tfds", "data": settings})
    assert facts.held_out == held_out
    assert (facts.background, facts.fit) == (0, "contain")


def test_pictures_that_are_not_square_are_fitted_as_ones_own_are(tmp_path):
    stripes = np.repeat(np.array([0, 100, 200], np.uint8), 8)  # across 24 pixels
    image = np.broadcast_to(stripes[:, np.newaxis], (16, 24, 1))
    labels = itertools.product(range(8), range(2))
    write_rows(tmp_path, "wide", {"train": [{"image": image, "a": a, "b": b} for a, b in labels]})
    own = {"image_size": 16, "background": 50, "factors": "b", "identity": "a"}
    shown = [opened(tmp_path, "wide", fit=fit, **own)._picture(0)[..., 0] for fit in FITS]
    contained, covered = shown
    assert (contained[:2] == 50).all()
    assert (contained[-2:] == 50).all()
    assert {0, 100, 200} <= set(contained[8].tolist())
    np.testing.assert_array_equal(covered[0], np.repeat([0, 100, 200], [4, 8, 4]))


TINY = {
    "data.sweep_length": 4,
    "data.image_size": 36,
    "batches_per_step": 2,
    "network.latent_dim": 8,
    "network.encoder_filters": (3, 3, 3),
    "network.decoder_base_filters": 3,
    "network.decoder_filters": (3, 3, 3),
    "num_steps": 8,
    "log_every": 4,
    "validate_every": 4,
}


@pytest.mark.usefixtures("set_dtype_policy", "undrawn_figures")
def test_from_a_dataset_to_scores(folder, tmp_path):
    from dcign_tf.runs.checkpoints import load_model
    from dcign_tf.training import experiment

    config = load_preset("tfds", "quick")
    config.update_from_flattened_dict(TINY)
    config = config.to_dict()
    run = RunDirectory(tmp_path / "run")
    experiment.run_experiment(config, run, str(folder), test=True, show=lambda line: None)
    scores = run.read_scores()
    assert set(scores["factors"]) == {"azimuth", "elevation", "lighting", INTRINSIC}
    assert scores["step"] == 8
    code = load_model(run.last_checkpoint).code
    sizes = [len(range(8)[code.slice(factor)]) for factor in code.factors]
    assert sizes == [2, 1, 1, 4]  # two for the circle


def test_the_example_of_the_documentation(tmp_path, monkeypatch):
    path = ROOT / "docs" / "make_tfds_example.py"
    spec = importlib.util.spec_from_file_location("make_tfds_example", path)
    example = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, spec.name, example)
    spec.loader.exec_module(example)
    monkeypatch.setattr(example, "CATEGORIES", ("stool",))
    monkeypatch.setattr(example, "LIGHT_AZIMUTHS_DEG", (-60, 60))
    monkeypatch.setattr(example, "AZIMUTHS_DEG", range(0, 360, 180))
    builder = example.SmallnorbChairs(
        data_dir=tmp_path, image_size=16, elevations=2, file_format="array_record"
    )
    builder.download_and_prepare()
    data = opened(tmp_path, "smallnorb_chairs", image_size=16)
    assert len(data._records) == 10 * 2 * 2 * 2
    assert set(data._labels.columns["elevation_deg"]) == {30, 70}
    images = data.sweeps("train")["lighting"][0]["image"][:2].astype(float)
    assert np.abs(images[0] - images[1]).max() > 20
