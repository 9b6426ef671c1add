"""The authors' dataset in both of its forms, and training on it."""

from __future__ import annotations

import functools
import re
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dcign_tf.datasets.factor_batches import clear_data_errors, factor_batches
from dcign_tf.datasets.pictures import resize_area
from dcign_tf.datasets.registry import open_dataset
from dcign_tf.datasets.torch7.dataset import DcignTorch7
from dcign_tf.datasets.torch7.settings import Torch7Settings
from dcign_tf.errors import DataError
from dcign_tf.factors import GraphicsCode
from dcign_tf.files import write_json
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import load_preset
from dcign_tf.training.experiment import run_experiment
from tests.helpers import torch7_files as t7

FACTORS = ("azimuth", "elevation", "light_azimuth", "intrinsic")
LENGTH, SIZE = 4, 36
CODE = GraphicsCode.faces(6)


def small(seed: int) -> np.ndarray:
    return t7.batch(seed, LENGTH, SIZE)


def opened(root: Path, **settings) -> DcignTorch7:
    settings = {"image_size": SIZE, "sweep_length": LENGTH, **settings}
    return DcignTorch7(root, Torch7Settings(**settings))


def numbers(data: DcignTorch7, subset: str, factor: str) -> list[int]:
    """Which batches a subset has, told by the seeds that `write_release` counted."""
    sweeps = data.sweeps(subset)[factor]
    images = [sweeps[i]["image"] for i in range(len(sweeps))]
    levels = {(small(seed) * 255).round().astype(np.uint8).tobytes(): seed for seed in range(1, 99)}
    return [levels[image.tobytes()] for image in images]


@pytest.fixture
def release(tmp_path) -> Path:
    t7.write_release(tmp_path, small)
    return tmp_path


@pytest.fixture
def pngs(tmp_path) -> Path:
    t7.write_png_folders(tmp_path, images=LENGTH, size=SIZE)
    return tmp_path


@pytest.fixture(scope="module")
def tiny_release(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("release")
    t7.write_release(root, lambda _: t7.black(2, 4), training=(1, 2), test=(1,))
    return root


@pytest.fixture(scope="module")
def tiny_pngs(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("pngs")
    t7.write_png_folders(root, faces=3, images=2, size=8)
    return root


class TestRelease:
    def test_the_last_training_batches_are_for_validation(self, tmp_path):
        """By number: 10 comes after 2, and numbers need not begin at 1 or be all there."""
        t7.write_release(tmp_path, small, training=(10, 2, 7, 3), test=(5, 40))
        data = opened(tmp_path, validation_fraction=0.25)
        for index, factor in enumerate(FACTORS):
            written = [6 * index + k for k in range(1, 7)]  # the seeds of 10, 2, 7, 3; 5, 40
            assert numbers(data, "train", factor) == [written[1], written[3], written[2]]
            assert numbers(data, "validation", factor) == [written[0]]
            assert numbers(data, "test", factor) == written[4:]

    def test_as_a_dataset(self, release):
        settings = {"image_size": SIZE, "sweep_length": LENGTH}
        data = open_dataset("dcign_torch7", release, preset="quick", settings=settings)
        assert data.extrinsic == CODE.extrinsic
        assert (data.image_shape, data.values, data.periods) == ((SIZE, SIZE, 1), {}, {})
        for subset in ("train", "validation", "test"):
            assert tuple(data.sweeps(subset)) == FACTORS
        example = data.sweeps("test")["elevation"][0]
        assert example.keys() == {"image"}
        assert (example["image"].shape, example["image"].dtype) == ((LENGTH, SIZE, SIZE, 1), "u1")

    def test_grey_levels_of_8_bits_come_back_exactly(self, tmp_path):
        levels = np.resize(np.arange(256, dtype=np.uint8), (LENGTH, 1, SIZE, SIZE))
        for dtype in ("<f4", "<f8"):
            t7.write_release(tmp_path / dtype, lambda _, d=dtype: (levels / 255).astype(d))
            image = opened(tmp_path / dtype).sweeps("train")["azimuth"][0]["image"]
            np.testing.assert_array_equal(image, levels.reshape(image.shape))
        t7.write_release(tmp_path / "u1", lambda _: levels)
        image = opened(tmp_path / "u1").sweeps("train")["azimuth"][0]["image"]
        np.testing.assert_array_equal(image, levels.reshape(image.shape))

    @given(value=st.floats(0, 1, width=32))
    def test_other_values_are_rounded(self, tiny_release, value):
        path = tiny_release / "th_AZ_VARIED" / "FT_training" / "batch1"
        path.write_bytes(t7.saved(np.full((2, 1, 4, 4), value, "<f4")))
        data = opened(tiny_release, image_size=4, sweep_length=2)
        image = data.sweeps("train")["azimuth"][0]["image"]
        assert np.abs(image / 255 - value).max() <= 0.5001 / 255

    def test_what_arithmetic_leaves_beyond_the_range(self, tmp_path):
        """A weighted sum of white's three channels may be a little more than 1."""
        t7.write_release(tmp_path, lambda _: np.full((LENGTH, 1, SIZE, SIZE), 1.000001, "<f4"))
        assert opened(tmp_path).sweeps("test")["azimuth"][0]["image"].min() == 255

    def test_made_smaller_by_averaging(self, tmp_path):
        t7.write_release(tmp_path, small)
        image = opened(tmp_path, image_size=SIZE // 3).sweeps("train")["azimuth"][0]["image"]
        blocks = small(1).reshape(LENGTH, 12, 3, 12, 3).mean((2, 4))
        np.testing.assert_allclose(image[..., 0] / 255, blocks, atol=0.501 / 255)

    def test_files_are_read_when_their_batch_is_due(self, tmp_path):
        """Thousands of batches, of which the memory holds a few."""
        t7.write_release(tmp_path, lambda _: t7.black(LENGTH, SIZE), training=tuple(range(1000)))
        content = t7.saved(small(0))
        for path in (tmp_path / "th_AZ_VARIED" / "FT_training").iterdir():
            path.write_bytes(content)
        data = opened(tmp_path, validation_fraction=0.001)
        sweeps = data.sweeps("train")["azimuth"]
        sweeps[0]
        tracemalloc.start()
        for index in range(len(sweeps)):
            sweeps[index]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(sweeps) == 999
        assert peak < 6 * len(content)

    def test_batches_of_the_pipeline(self, release):
        data = opened(release)
        ratios, settings = [1, 1, 1, 1], {"seed": 0, "num_steps": 20}
        for batch in factor_batches(data.sweeps("train"), CODE, ratios=ratios, **settings):
            factor = FACTORS[int(batch["factor"][0])]
            own = [small(seed)[:, 0] for seed in range(1, 21)]
            seed = 1 + int(np.argmin([np.abs(b - batch["image"][..., 0]).max() for b in own]))
            np.testing.assert_allclose(batch["image"][..., 0], own[seed - 1], atol=1e-6)
            assert FACTORS[(seed - 1) // 5] == factor
            assert (seed - 1) % 5 < 2  # a training batch: not the third, nor a test batch

    def test_the_fingerprint(self, release):
        before = opened(release).fingerprint
        assert re.fullmatch("[0-9a-f]{12}", before)
        copy = release / "copy"
        shutil.copytree(release, copy)
        assert opened(copy).fingerprint == before
        assert opened(copy, image_size=20).fingerprint != before
        assert opened(copy, validation_fraction=0.4).fingerprint != before
        path = copy / "th_SHAPE_VARIED" / "FT_test" / "batch2"
        path.write_bytes(t7.saved(small(0).astype("<f8")))
        assert opened(copy).fingerprint != before
        path.unlink()
        assert opened(copy).fingerprint != before

    def test_other_files_do_not_matter(self, release):
        before = opened(release).fingerprint
        for name in ("._batch1", ".DS_Store", "batch", "batch1.bak", "list.txt"):
            (release / "th_EL_VARIED" / "FT_training" / name).write_bytes(b"x")
        (release / "th_EL_VARIED" / "FT_training" / "batch99").mkdir()
        assert opened(release).fingerprint == before


class TestPngFolders:
    def test_split_by_the_folders_order(self, tmp_path):
        t7.write_png_folders(tmp_path, faces=20, images=LENGTH, size=SIZE)
        for name in t7.SETS:  # to be told apart, face k shows 10·k in its first image
            for face in range(1, 21):
                Image.new("L", (SIZE, SIZE), 10 * face).save(
                    tmp_path / name / f"face_{face}" / "0.png"
                )
        data = opened(tmp_path, validation_fraction=0.1, test_fraction=0.1)
        faces = {
            subset: [int(sweeps[i]["image"][0, 0, 0, 0]) // 10 for i in range(len(sweeps))]
            for subset in ("train", "validation", "test")
            for sweeps in [data.sweeps(subset)["light_azimuth"]]
        }
        assert faces["train"] == list(range(1, 17))
        assert (faces["validation"], faces["test"]) == ([17, 18], [19, 20])

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P"])
    def test_equal_channels_are_exact(self, tmp_path, mode):
        t7.write_png_folders(tmp_path, images=LENGTH, size=SIZE, mode=mode)
        data = opened(tmp_path)
        example = data.sweeps("train")["intrinsic"][0]
        assert example.keys() == {"image"}
        assert np.unique(example["image"], axis=0).shape[0] == LENGTH
        np.testing.assert_array_equal(example["image"][:, 5, 5, 0], [0, 10, 20, 30])

    def test_colours_are_weighted_as_the_authors_did(self, pngs):
        Image.new("RGB", (SIZE, SIZE), (100, 200, 50)).save(pngs / "AZ_VARIED/face_1/0.png")
        image = opened(pngs).sweeps("train")["azimuth"][0]["image"]
        assert image[0, 0, 0, 0] == round(0.21 * 100 + 0.72 * 200 + 0.07 * 50)

    def test_images_are_in_order_of_their_numbers(self, tmp_path):
        t7.write_png_folders(tmp_path, images=12, size=SIZE)
        image = opened(tmp_path, sweep_length=12).sweeps("train")["azimuth"][0]["image"]
        assert image[:, 0, 0, 0].tolist() == list(range(0, 120, 10))

    def test_of_more_images_some_are_taken(self, tmp_path):
        t7.write_png_folders(tmp_path, images=10, size=SIZE)
        example = opened(tmp_path).sweeps("train")["azimuth"][0]
        assert example["image"][:, 0, 0, 0].tolist() == [0, 30, 60, 90]
        assert "distinct" not in example

    def test_fewer_images_are_repeated(self, tmp_path):
        t7.write_png_folders(tmp_path, images=3, size=SIZE)
        example = opened(tmp_path, sweep_length=7).sweeps("train")["azimuth"][0]
        assert example["image"][:, 0, 0, 0].tolist() == [0, 10, 20, 0, 10, 20, 0]
        assert example["distinct"] == 3

    def test_the_fingerprint_knows_every_file(self, pngs):
        before = opened(pngs).fingerprint
        for name in ("._0.png", ".DS_Store", "list.txt"):
            (pngs / "AZ_VARIED" / "face_3" / name).write_bytes(b"x")
        assert opened(pngs).fingerprint == before
        (pngs / "AZ_VARIED" / "face_3" / "2.png").rename(pngs / "AZ_VARIED/face_3/9.png")
        assert opened(pngs).fingerprint != before


class TestErrors:
    """One line that names what is wrong."""

    def fails(self, act, message: str) -> None:
        with pytest.raises(DataError, match=message) as caught:
            act()
        assert "\n" not in str(caught.value)

    def test_nothing_there(self, tmp_path):
        expected = "holds no DC-IGN faces: expected th_AZ_VARIED.* --data_dir"
        self.fails(lambda: opened(tmp_path), expected)
        self.fails(lambda: opened(tmp_path / "missing"), "missing " + expected)

    @pytest.mark.parametrize("name", t7.SETS)
    @pytest.mark.parametrize("part", ["FT_training", "FT_test"])
    def test_a_folder_is_missing(self, release, name, part):
        folder = release / f"th_{name}" / part
        for path in folder.iterdir():
            path.unlink()
        self.fails(lambda: opened(release), f"th_{name}/{part} holds no batches: .*batch1, batch2")
        folder.rmdir()
        self.fails(lambda: opened(release), f"th_{name}/{part} is missing")
        shutil.rmtree(folder.parent)
        self.fails(lambda: opened(release), f"th_{name}/FT_training is missing")

    def test_a_set_of_pngs_is_missing(self, pngs):
        shutil.rmtree(pngs / "LIGHT_AZ_VARIED")
        self.fails(lambda: opened(pngs), r"/LIGHT_AZ_VARIED is missing")

    def test_too_few_batches(self, tmp_path):
        t7.write_release(tmp_path / "release", training=(1,))
        self.fails(lambda: opened(tmp_path / "release"), "FT_training holds too few batches")
        t7.write_png_folders(tmp_path / "pngs", faces=2, images=2)
        self.fails(lambda: opened(tmp_path / "pngs"), "pngs/AZ_VARIED holds too few batches")

    def test_a_truncated_batch_shows_at_once(self, release):
        path = release / "th_EL_VARIED" / "FT_training" / "batch2"
        path.write_bytes(path.read_bytes()[:-1])
        self.fails(lambda: opened(release), "th_EL_VARIED/FT_training/batch2 is truncated")

    @pytest.mark.parametrize("shape", [(5, 1, 36, 36), (4, 3, 36, 36), (4, 36, 36), ()])
    def test_another_shape(self, release, shape):
        path = release / "th_SHAPE_VARIED" / "FT_test" / "batch2"
        path.write_bytes(t7.saved(np.zeros(shape or (0,), "<f4")))
        described = "×".join(map(str, shape or (0,)))
        message = f"batch2 holds a tensor of {described}; expected 4×1×height×width"
        self.fails(lambda: opened(release), message)

    def test_different_sizes(self, release):
        path = release / "th_SHAPE_VARIED" / "FT_test" / "batch1"
        path.write_bytes(t7.saved(t7.batch(0, LENGTH, SIZE + 1)))
        message = "batch1 holds images of 37×37 pixels, but .*th_AZ_VARIED.*batch1 of 36×36"
        self.fails(lambda: opened(release), message)

    @pytest.mark.parametrize(("height", "width"), [(36, 40), (35, 35)])
    def test_not_square_or_too_small(self, tmp_path, height, width):
        t7.write_release(tmp_path, lambda _: np.zeros((LENGTH, 1, height, width), "<f4"))
        message = f"holds images of {height}×{width} pixels; expected square ones of at least 36×36"
        self.fails(lambda: opened(tmp_path), message)

    @pytest.mark.parametrize("value", [1.5, -0.1, 255, np.nan, np.inf])
    def test_no_grey_values(self, release, value):
        batch = small(0)
        batch[2, 0, 7, 7] = value
        path = release / "th_EL_VARIED" / "FT_test" / "batch1"
        path.write_bytes(t7.saved(batch))
        sweeps = opened(release).sweeps("test")["elevation"]
        self.fails(lambda: sweeps[0], "FT_test/batch1 holds values from .* expected grey values")

    def test_when_its_step_comes(self, release):
        """What `prepare` could not see is one line too, not a report of TensorFlow's."""
        data = opened(release)
        path = release / "th_AZ_VARIED" / "FT_training" / "batch2"
        path.write_bytes(bytes(path.stat().st_size))

        def train():
            with clear_data_errors():
                settings = {"ratios": [1, 1, 1, 1], "seed": 0, "num_steps": 20}
                list(factor_batches(data.sweeps("train"), CODE, **settings))

        self.fails(train, "th_AZ_VARIED/FT_training/batch2 is damaged")

    def test_folders_of_too_few_images(self, pngs):
        for name in ("1.png", "2.png", "3.png"):
            (pngs / "EL_VARIED" / "face_2" / name).unlink()
        self.fails(lambda: opened(pngs), "EL_VARIED/face_2 holds 1 PNG file")

    @given(data=st.data())
    def test_a_damaged_png_is_read_or_refused(self, tiny_pngs, data):
        content = bytearray((tiny_pngs / "AZ_VARIED" / "face_1" / "1.png").read_bytes())
        if data.draw(st.booleans()):
            content = content[: data.draw(st.integers(0, len(content) - 1))]
        else:
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        (tiny_pngs / "AZ_VARIED" / "face_1" / "0.png").write_bytes(content)
        read = functools.partial(opened, tiny_pngs, image_size=8, sweep_length=2)
        assert re.fullmatch("|.*face_1.*", t7.refusal(lambda: read().sweeps("train")["azimuth"][0]))

    def test_pngs_of_another_kind(self, pngs):
        first = pngs / "AZ_VARIED" / "face_1" / "0.png"
        Image.new("I;16", (SIZE, SIZE), 500).save(first)
        self.fails(lambda: opened(pngs), "0.png has pixels of mode I;16; expected grey or RGB")
        first.write_text("no picture")
        self.fails(lambda: opened(pngs), "0.png is no picture of a known format")
        Image.new("L", (SIZE, SIZE + 1)).save(first)
        self.fails(lambda: opened(pngs), "face_1 holds images of different sizes")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("image_size", 0),
            ("sweep_length", 1),
            ("validation_fraction", 0.0),
            ("validation_fraction", 1.0),
            ("test_fraction", float("nan")),
        ],
    )
    def test_impossible_settings(self, release, name, value):
        settings = {name: value}
        self.fails(
            lambda: open_dataset("dcign_torch7", release, preset="quick", settings=settings),
            f"^Cannot make the dataset 'dcign_torch7': {name} is {value}; it must be",
        )


class TestResizeArea:
    @given(old=st.integers(1, 40), data=st.data())
    def test_each_pixel_is_the_mean_of_its_area(self, old, data):
        """Against the mean over a grid so fine that every pixel is whole in it."""
        new = data.draw(st.integers(1, old))
        images = np.random.default_rng(old).random((2, old, old), np.float32)
        fine = images.repeat(new, axis=1).repeat(new, axis=2)
        expected = fine.reshape(2, new, old, new, old).mean((2, 4))
        np.testing.assert_allclose(resize_area(images, new), expected, atol=1e-5)


TINY = {
    "data.image_size": SIZE,
    "data.sweep_length": LENGTH,
    "batches_per_step": 2,
    "network.latent_dim": 6,
    "network.encoder_filters": (3, 3, 3),
    "network.decoder_base_filters": 3,
    "network.decoder_filters": (3, 3, 3),
    "num_steps": 8,
    "log_every": 2,
    "validate_every": 4,
}


class TestTraining:
    @pytest.mark.parametrize("preset", ["paper", "quick"])
    def test_configs(self, preset):
        """Settings by name, and the paper's or the quick preset's everything else."""
        config = load_preset("dcign_torch7", preset).to_dict()
        faces = load_preset("faces", preset).to_dict()
        settings = Torch7Settings(**config.pop("data"))
        assert settings == Torch7Settings(image_size=faces.pop("data")["image_size"])
        assert config.pop("dataset") == "dcign_torch7"
        del faces["dataset"], faces["face_model"]
        assert config == faces

    @pytest.mark.usefixtures("set_dtype_policy", "undrawn_figures")
    def test_from_files_to_scores(self, release, tmp_path_factory):
        before = sorted(release.rglob("*"))
        config = load_preset("dcign_torch7", "quick")
        config.update_from_flattened_dict(TINY)
        run, lines = RunDirectory(tmp_path_factory.mktemp("runs") / "run"), []
        config = config.to_dict()
        run_experiment(config, run, str(release), test=True, show=lines.append)
        assert sorted(release.rglob("*")) == before
        assert run.last_checkpoint.exists()
        assert [record["step"] for record in run.read_metrics()][-1] == TINY["num_steps"]
        assert run.read_environment()["data_fingerprint"] == opened(release).fingerprint
        scores = run.read_scores()
        assert scores["num_sweeps"] == dict.fromkeys(FACTORS, 2)
        assert 0 < scores["reconstruction_mse"] < 1
        told = "\n".join(lines)
        assert "no true values" in told
        # Who is in which batch is not known: nothing is claimed of it.
        page = (run.evaluation / "report.html").read_text(encoding="utf-8")
        assert "whether it saw their people is not known" in told
        assert "whether it saw their people is not known" in page
        assert not re.search("never (saw|seen)", told + page)

    def test_wrong_data_delete_nothing(self, release):
        """Neither a folder that holds no faces, nor batches of other than 20×1×150×150."""
        run = RunDirectory(release / "run")
        run.last_checkpoint.parent.mkdir(parents=True)
        run.last_checkpoint.write_text("")
        config = load_preset("dcign_torch7", "quick").to_dict()
        write_json(run.config_file, config)
        for folder, message in ((run.path, "holds no DC-IGN faces"), (release, "expected 20×1×")):
            with pytest.raises(DataError, match=message):
                run_experiment(config, run, str(folder), overwrite=True)
        there = {path for path in run.path.rglob("*") if path.is_file()}
        assert there == {run.config_file, run.last_checkpoint}
