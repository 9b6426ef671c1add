"""The dataset `dcign_faces`, as it is read back."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import filecmp
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
import trimesh

from dcign_tf.datasets.faces.builder import DcignFaces, DcignFacesConfig
from dcign_tf.datasets.faces.sampling import data_fingerprint, draw_labels, framing
from dcign_tf.datasets.faces.settings import FACTORS, FaceSettings
from dcign_tf.datasets.factor_batches import clear_data_errors, factor_batches
from dcign_tf.datasets.registry import open_dataset
from dcign_tf.datasets.sweeps import SUBSETS, decode_images
from dcign_tf.errors import DataError
from dcign_tf.factors import GraphicsCode
from dcign_tf.rendering.face_models import load_face_model
from dcign_tf.rendering.raycaster import FaceScene

LENGTH = 6
TINY = {
    "image_size": 24,
    "channels": 3,
    "train_sweeps": 4,
    "validation_sweeps": 2,
    "test_sweeps": 2,
    "independent_images": 12,
    "train_identities": 8,
    "validation_identities": 7,
    "test_identities": 8,
    "sweep_length": LENGTH,
    "azimuth_range_deg": 40,
}
SPLITS = [f"{subset}_{factor}" for subset in SUBSETS for factor in FACTORS] + ["test_independent"]
ANGLES = ("azimuth_deg", "elevation_deg", "light_azimuth_deg")


@pytest.fixture(scope="module")
def face_model(tmp_path_factory) -> str:
    """A mask with a few dozen triangles, in the file format of the Surrey Face Model."""
    mesh = trimesh.creation.icosphere(subdivisions=2)
    mesh.update_faces(mesh.triangles_center[:, 2] > 0)
    mesh.remove_unreferenced_vertices()
    vertices = np.asarray(mesh.vertices * [70, 100, 60], "<f4")
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.standard_normal((vertices.size, 3)))
    path = tmp_path_factory.mktemp("model") / "mask.bin"
    with path.open("wb") as file:
        file.write(np.array([1], "<i4").tobytes())
        for matrix in (vertices.reshape(-1, 1), basis, np.full((3, 1), 2500.0)):
            file.write(np.array(matrix.shape, "<i4").tobytes())
            file.write(np.asarray(matrix.T, "<f4").tobytes())
        file.write(np.array([len(mesh.faces)], "<u8").tobytes())
        file.write(np.asarray(mesh.faces, "<i4").tobytes())
    return str(path)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("data")


def prepared(data_dir: Path, **settings) -> DcignFaces:
    faces = open_dataset("faces", data_dir, preset="custom", settings=settings)
    faces.prepare()
    return faces


@contextlib.contextmanager
def processes(count: int) -> Iterator[None]:
    """The number of processes that render."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dcign_tf.datasets.storage.generation.available_workers", lambda _: count)
        yield


@pytest.fixture(scope="module")
def faces(face_model, data_dir) -> DcignFaces:
    with processes(2):
        return prepared(data_dir, face_model=face_model, **TINY)


@pytest.fixture(scope="module")
def examples(faces) -> dict[str, list[dict[str, np.ndarray]]]:
    return {split: list(read_split(faces, split)) for split in faces.info.splits}


@pytest.fixture
def damaged(faces, tmp_path) -> Path:
    """A copy of the dataset, to be damaged."""
    copy = tmp_path / "data"
    shutil.copytree(faces.data_dir_root, copy)
    return copy


def dataset_of(data_dir: Path) -> Path:
    (path,) = data_dir.glob("dcign_faces/*/*")
    return path


def read_split(faces: DcignFaces, split: str) -> Iterator[dict[str, np.ndarray]]:
    """In order, with `image` decoded to uint8 [n, H, W, C]."""
    for example in faces.examples(split):
        yield {**example, "image": decode_images(example["image"])}


def varying(example: dict[str, np.ndarray]) -> set[str]:
    """The factors that are not the same in all images of a sweep."""
    labels = {
        "azimuth": example["azimuth_deg"],
        "elevation": example["elevation_deg"],
        "light_azimuth": example["light_azimuth_deg"],
        "intrinsic": example["identity"],
    }
    return {factor for factor, values in labels.items() if len(set(values.tolist())) > 1}


def test_splits_and_sizes(examples):
    assert list(examples) == SPLITS
    sizes = [len(examples[split]) for split in SPLITS]
    assert sizes == [4] * 4 + [2] * 8 + [12]


@pytest.mark.parametrize("split", SPLITS[:-1])
def test_exactly_one_factor_varies_in_a_sweep(examples, split):
    factor = split.split("_", 1)[1]
    for example in examples[split]:
        assert varying(example) == {factor}
        assert example["factor"] == FACTORS.index(factor)
        assert len(np.unique(example["image"], axis=0)) == LENGTH
        coefficients = np.unique(example["coefficients"], axis=0)
        assert len(coefficients) == (LENGTH if factor == "intrinsic" else 1)


@pytest.mark.parametrize("split", SPLITS[:-1])
def test_the_other_factors_are_drawn_afresh_for_each_sweep(examples, split):
    for name, factor in zip((*ANGLES, "identity"), FACTORS, strict=True):
        if not split.endswith(f"_{factor}") and name != "identity":  # identities may come twice
            values = [example[name][0] for example in examples[split]]
            assert len(set(values)) == len(values)


def test_the_independent_split_draws_every_factor_for_every_image(examples):
    for name in ANGLES:
        values = [example[name].tolist() for example in examples["test_independent"]]
        assert {len(value) for value in values} == {1}
        assert len({value[0] for value in values}) == 12
    assert len({example["identity"][0] for example in examples["test_independent"]}) > 3


def test_no_identity_is_in_two_subsets(examples):
    seen = {
        subset: {
            int(identity)
            for split, content in examples.items()
            if split.startswith(subset)
            for example in content
            for identity in example["identity"]
        }
        for subset in SUBSETS
    }
    assert seen["train"] <= set(range(8))
    assert seen["validation"] <= set(range(8, 15))
    assert seen["test"] <= set(range(15, 23))
    assert all(len(identities) >= LENGTH for identities in seen.values())


def test_coefficients_belong_to_identities(examples):
    known: dict[int, np.ndarray] = {}
    for content in examples.values():
        for example in content:
            for identity, row in zip(example["identity"], example["coefficients"], strict=True):
                np.testing.assert_array_equal(known.setdefault(int(identity), row), row)
    assert len(np.unique(np.stack(list(known.values())), axis=0)) == len(known)


def test_angles_fill_their_ranges(examples):
    for name, bound in zip(ANGLES, (40, 25, 80), strict=True):
        split = f"train_{name.removesuffix('_deg')}"
        drawn = np.concatenate([example[name] for example in examples[split]])
        assert np.abs(drawn).max() <= bound
        assert drawn.min() < -0.6 * bound
        assert drawn.max() > 0.6 * bound


def test_images_show_what_their_labels_say(examples, face_model):
    model = load_face_model(face_model)
    camera = framing(FaceSettings(face_model=face_model, **TINY))
    for split in ("train_elevation", "validation_intrinsic", "test_independent"):
        for example in examples[split][:2]:
            for i, image in enumerate(example["image"]):
                scene = FaceScene.of(model, example["coefficients"][i], framing=camera)
                angles = [example[name][i] for name in ANGLES]
                np.testing.assert_array_equal(
                    scene.render(*angles, image_size=24, channels=3)[0], image
                )


def test_the_same_bytes_with_another_number_of_processes(faces, face_model, tmp_path):
    with processes(1):
        other = prepared(tmp_path, face_model=face_model, **TINY)
    names = sorted(os.listdir(faces.data_dir))
    assert names == sorted(os.listdir(other.data_dir))
    _, different, unread = filecmp.cmpfiles(faces.data_dir, other.data_dir, names, False)
    assert not different
    assert not unread


def test_what_is_there_is_not_made_again(faces, face_model, data_dir):
    before = {path: path.stat().st_mtime_ns for path in Path(faces.data_dir).iterdir()}
    again = prepared(data_dir, face_model=face_model, **TINY)
    assert again.data_dir == faces.data_dir
    assert before == {path: path.stat().st_mtime_ns for path in Path(again.data_dir).iterdir()}
    assert os.listdir(Path(faces.data_dir).parent) == ["1.0.0"]


def test_every_setting_makes_another_version(face_model):
    name = DcignFacesConfig.from_settings(face_model=face_model, **TINY).name
    names = {name}
    changes = {
        field.name: 1 if field.name == "channels" else TINY.get(field.name, field.default) + 1
        for field in dataclasses.fields(FaceSettings)
        if field.name != "face_model"
    }
    for setting, value in changes.items():
        settings = {**TINY, setting: value, "face_model": face_model}
        names.add(DcignFacesConfig.from_settings(**settings).name)
    names.add(DcignFacesConfig.from_settings(**TINY).name)  # the procedural head
    assert len(names) == len(changes) + 2
    same = {**TINY, "azimuth_range_deg": 40.0, "face_model": face_model}
    assert DcignFacesConfig.from_settings(**same).name == name


def test_what_is_drawn_is_that_of_the_version():
    """If this fails, other data would get an old name: raise `DcignFaces.VERSION` too."""
    people = {"train_identities": 1000, "test_identities": 100}
    settings = FaceSettings(seed=5, **people)
    assert DcignFaces.VERSION == "1.0.0"
    drawn = draw_labels(settings, "train_azimuth", 7)
    first = [drawn[name][0] for name in (*ANGLES, "identity")]
    np.testing.assert_allclose(first, [18.4964, 13.4193, -19.2232, 126], atol=1e-3)
    drawn = draw_labels(settings, "test_intrinsic", 7)
    assert drawn["identity"][:3].tolist() == [1146, 1165, 1140]


def test_another_renderer_makes_another_version(face_model, monkeypatch):
    settings = FaceSettings(face_model=face_model, **TINY)
    before = data_fingerprint(settings)
    monkeypatch.setattr("dcign_tf.datasets.faces.sampling.RENDERER_VERSION", -1)
    assert data_fingerprint(settings) != before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": 2}, "channels is 2"),
        ({"image_size": 4}, "image_size is 4; it must be a whole number of at least 8"),
        ({"train_sweeps": 2.5}, "train_sweeps is 2.5; it must be a whole number"),
        ({"seed": -1}, "seed is -1"),
        ({"azimuth_range_deg": float("nan")}, "azimuth_range_deg is nan"),
        ({"test_identities": 19}, "test_identities is 19, but an intrinsic sweep shows 20"),
    ],
)
def test_impossible_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        FaceSettings(**settings)


class TestReading:
    def test_tfds_opens_the_folder(self, faces, examples):
        opened = tfds.builder_from_directory(faces.data_dir)
        assert opened.info.splits["train_azimuth"].num_examples == 4
        source = opened.as_data_source("validation_intrinsic")
        expected = examples["validation_intrinsic"][1]
        np.testing.assert_array_equal(np.stack(source[1]["image"]), expected["image"])
        np.testing.assert_array_equal(source[1]["identity"], expected["identity"])

    def test_as_dataset(self, faces, examples):
        read = list(faces.as_dataset(split="train_elevation").as_numpy_iterator())
        for example, expected in zip(read, examples["train_elevation"], strict=True):
            assert example.keys() == expected.keys()
            for name, value in expected.items():
                np.testing.assert_array_equal(example[name], value)

    def test_as_dataset_shuffles_and_slices(self, faces, examples):
        config = tfds.ReadConfig(shuffle_seed=1)
        dataset = faces.as_dataset(
            split="test_independent[2:]", shuffle_files=True, read_config=config
        )
        order = [float(example["azimuth_deg"][0]) for example in dataset.as_numpy_iterator()]
        expected = [float(e["azimuth_deg"][0]) for e in examples["test_independent"][2:]]
        assert order != expected
        assert sorted(order) == sorted(expected)

    def test_factor_batches(self, faces, examples):
        code = GraphicsCode.faces(10)
        sweeps = faces.sweeps("train")
        dataset = factor_batches(sweeps, code, ratios=[1, 1, 1, 1], seed=0, num_steps=12)
        for batch in dataset.as_numpy_iterator():
            images = np.round(255 * batch["image"]).astype(np.uint8)
            content = examples[f"train_{code.factors[batch['factor'][0]]}"]
            assert sum((images == example["image"]).all() for example in content) == 1

    def test_unknown_split(self, faces):
        with pytest.raises(DataError, match=r"No split 'train_smile' in .* it has train_azimuth,"):
            faces.examples("train_smile")


class TestDamage:
    """Each is one line that names the file."""

    def test_truncated_file(self, damaged, face_model):
        path = next(dataset_of(damaged).glob("*train_intrinsic*"))
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(DataError, match=f"{path} is damaged: it has") as caught:
            prepared(damaged, face_model=face_model, **TINY)
        assert "\n" not in str(caught.value)

    def test_other_bytes_are_found_when_read(self, damaged, face_model):
        path = next(dataset_of(damaged).glob("*train_intrinsic*"))
        content = np.fromfile(path, np.uint8)
        content[200:400] ^= 255  # in the first record
        content.tofile(path)
        faces = prepared(damaged, face_model=face_model, **TINY)
        with pytest.raises(DataError, match=f"{path} is damaged: wrong checksum"):
            list(read_split(faces, "train_intrinsic"))
        code = GraphicsCode.faces(10)
        sweeps = faces.sweeps("train")
        dataset = factor_batches(sweeps, code, ratios=[0, 0, 0, 1], seed=0, num_steps=8)
        with pytest.raises(DataError, match=f"{path} is damaged"), clear_data_errors():
            list(dataset)

    def test_one_bit_of_any_file_or_its_end(self, faces, examples, damaged, face_model):
        """Named as soon as it is opened or read, unless it changes nothing of what is read."""
        rng, files = random.Random(0), sorted(dataset_of(damaged).iterdir())
        outcomes = collections.Counter()
        for number in range(60):
            path = rng.choice(files)
            whole = path.read_bytes()
            content = bytearray(whole)
            place = rng.choice([place for place, byte in enumerate(whole) if byte])  # no padding
            content[place] ^= 1 << rng.randrange(8)
            path.write_bytes(content if number % 4 else whole[:place])
            try:
                again = prepared(damaged, face_model=face_model, **TINY)
                for split in examples:
                    read = list(read_split(again, split))
                    np.testing.assert_equal(read, examples[split], err_msg=f"{path} at {place}")
                outcomes["unchanged"] += 1
            except DataError as error:
                assert str(path) in str(error)  # noqa: PT017
                outcomes["named"] += 1
            path.write_bytes(whole)
        print(f"data: {outcomes.total()} damaged, {dict(outcomes)}")
        assert outcomes["named"] > 40

    def test_one_bit_of_the_metadata(self, damaged, face_model):
        """Another number of sweeps, in a file of the same size."""
        path = dataset_of(damaged) / "dataset_info.json"
        text = path.read_text()
        number = text.partition("shardLengths")[2].split('"')[2]
        changed = text.replace(f'"{number}"', f'"{int(number) ^ 1}"')
        assert len(changed) == len(text)
        path.write_text(changed)
        with pytest.raises(DataError, match=r"dataset_info\.json is damaged: wrong checksum"):
            prepared(damaged, face_model=face_model, **TINY)

    def test_metadata(self, damaged, face_model):
        path = dataset_of(damaged) / "dataset_info.json"
        path.write_text("{")
        with pytest.raises(DataError, match=r"dataset_info\.json is damaged; delete"):
            prepared(damaged, face_model=face_model, **TINY)

    def test_a_data_dir_that_is_a_file(self, face_model, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(DataError, match=r"Cannot write data to .*: Not a directory"):
            prepared(tmp_path / "file", face_model=face_model, **TINY)


def test_presets_by_name(tmp_path):
    quick = tfds.builder("dcign_faces/quick", data_dir=str(tmp_path))
    paper = tfds.builder("dcign_faces/paper", data_dir=str(tmp_path))
    assert isinstance(quick, DcignFaces)
    assert quick.builder_config.settings.train_sweeps < 3000
    assert paper.builder_config.settings == FaceSettings()
    assert paper.data_dir.startswith(str(tmp_path / "dcign_faces" / "paper-"))
    with pytest.raises(ValueError, match="Unknown preset 'papre'; there are quick, paper"):
        DcignFaces(config="papre", data_dir=str(tmp_path))


def test_the_paper_preset_is_the_papers():
    settings = FaceSettings()
    sizes = settings.num_examples()
    assert [sizes[f"train_{factor}"] for factor in FACTORS] == [3000] * 4
    assert [sizes[f"test_{factor}"] for factor in FACTORS] == [350] * 4
    assert settings.images_per_example("train_azimuth") == 20
    assert [len(settings.identities(subset)) for subset in SUBSETS] == [2000, 100, 200]


def test_the_procedural_head(tmp_path):
    tiny = {**TINY, "image_size": 40, "channels": 1, "train_sweeps": 1, "independent_images": 1}
    with processes(1):
        faces = prepared(tmp_path, **tiny)
    example = next(read_split(faces, "train_azimuth"))
    assert example["image"].shape == (LENGTH, 40, 40, 1)
    assert example["coefficients"].shape == (LENGTH, load_face_model(None).num_coefficients)
    filled = (example["image"] > 0).mean(axis=(1, 2, 3))
    assert ((filled > 0.1) & (filled < 0.9)).all()
