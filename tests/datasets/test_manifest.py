"""A folder of one's own pictures, from manifest.csv to a trained model."""

from __future__ import annotations

import copy
import errno
import io
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcign_tf.datasets import registry
from dcign_tf.datasets.manifest.dataset import ManifestPictures
from dcign_tf.datasets.manifest.settings import ManifestSettings
from dcign_tf.datasets.settings import numbers_by_factor
from dcign_tf.datasets.storage import image_pool
from dcign_tf.datasets.storage.checksums import checksums
from dcign_tf.datasets.storage.image_pool import ImagePool
from dcign_tf.errors import DataError
from dcign_tf.factors import INTRINSIC
from dcign_tf.runs.directory import RunDirectory
from tests.helpers import ROOT
from tests.helpers.commands import execute
from tests.helpers.manifest_files import PEOPLE, picture, rows_of, write_folder, write_manifest

SIZE, LENGTH = 40, 6
SETTINGS = {"image_size": SIZE, "sweep_length": LENGTH}


def opened(folder: Path, **settings) -> ManifestPictures:
    return ManifestPictures(folder, ManifestSettings(**{**SETTINGS, **settings}))


def decoded(sweep) -> np.ndarray:
    return np.stack([np.asarray(Image.open(io.BytesIO(png))) for png in sweep["image"]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Prepared; not to be changed."""
    folder = tmp_path_factory.mktemp("own")
    write_folder(folder)
    opened(folder).prepare()
    return folder


@pytest.fixture
def data(folder) -> ManifestPictures:
    return opened(folder)


class TestDataset:
    def test_what_it_says_of_itself(self, folder):
        data = opened(folder, channels=3, periods="azimuth_deg:360")
        assert data.extrinsic == ("azimuth", "height")
        assert data.values == {"azimuth": "azimuth_deg", "height": "height"}
        assert data.periods == {"azimuth": 360}
        assert data.image_shape == (SIZE, SIZE, 3)

    @pytest.mark.parametrize("subset", ["train", "validation", "test"])
    def test_one_factor_varies_in_each_sweep(self, data, subset):
        columns = {"azimuth": "azimuth_deg", "height": "height", INTRINSIC: "identity"}
        sweeps = data.sweeps(subset)
        assert list(sweeps) == list(columns)
        for factor, own in columns.items():
            assert len(sweeps[factor]) > 0
            for index in range(min(len(sweeps[factor]), 40)):
                sweep = sweeps[factor][index]
                assert len(sweep["image"]) == LENGTH
                varying = [c for c in columns.values() if len(np.unique(sweep[c])) > 1]
                assert varying == [own]
                first = sweep["image"][: sweep["distinct"]]
                assert len(set(first)) == len(first) == len(set(sweep["image"]))

    def test_the_images_are_the_pictures(self, data):
        for factor in ("azimuth", INTRINSIC):
            sweep = data.sweeps("train")[factor][3]
            labels = [sweep[name] for name in ("identity", "azimuth_deg", "height")]
            for image, *drawn in zip(decoded(sweep), *labels, strict=True):
                np.testing.assert_array_equal(image[:, 5:35], picture(*drawn))
                assert (image[:, :5] == 0).all()

    def test_training_sweeps_are_functions_of_their_number(self, folder, data):
        again, other = opened(folder), opened(folder, seed=1)
        ours, same, others = (d.sweeps("train")["azimuth"] for d in (data, again, other))
        assert len(ours) > 10_000
        for index in (0, 17, len(ours) - 1):
            assert ours[index]["image"] == same[index]["image"]
        differs = [ours[i]["image"] != others[i]["image"] for i in range(20)]
        assert sum(differs) > 15
        shown = {(s["identity"][0], s["height"][0]) for s in (ours[i] for i in range(300))}
        assert len(shown) == 5 * 3  # people to train on, heights

    def test_held_out_groups_are_shown_once(self, data):
        """With all of their images."""
        for subset in ("validation", "test"):
            sweeps = data.sweeps(subset)["azimuth"]
            shown = [sweeps[index] for index in range(len(sweeps))]
            groups = [(f"person{s['identity'][0]}", s["height"][0]) for s in shown]
            assert len(groups) == len(set(groups)) == 2 * 3
            for sweep, group in zip(shown, groups, strict=True):
                images = [r for r in rows_of() if (r["identity"], r["height"]) == group]
                assert sweep["distinct"] == len(images)

    def test_as_many_held_out_sweeps_as_asked_for(self, folder):
        data = opened(folder, test_sweeps=4)
        assert [len(s) for s in data.sweeps("test").values()] == [4, 4, 4]

    def test_identities_are_in_one_subset(self, data):
        people = {}
        for subset in ("train", "validation", "test"):
            sweeps = data.sweeps(subset)[INTRINSIC]
            people[subset] = {p for i in range(min(60, len(sweeps))) for p in sweeps[i]["identity"]}
        assert [len(own) for own in people.values()] == [5, 2, 2]
        assert len(set.union(*people.values())) == len(PEOPLE)

    def test_background_and_colour(self, folder):
        data = opened(folder, channels=3, background=200)
        data.prepare()
        images = decoded(data.sweeps("test")["height"][0])
        assert images.shape == (LENGTH, SIZE, SIZE, 3)
        assert (images[:, :, :5] == 200).all()
        assert (images[..., 0] == images[..., 2]).all()

    def test_pictures_may_cover_the_square(self, folder):
        data = opened(folder, fit="cover", background=200)
        data.prepare()
        sweep = data.sweeps("test")["height"][0]
        labels = [sweep[name] for name in ("identity", "azimuth_deg", "height")]
        for image, *drawn in zip(decoded(sweep), *labels, strict=True):
            middle = Image.fromarray(picture(*drawn)[5:35])
            enlarged = middle.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
            np.testing.assert_array_equal(image, enlarged)

    def test_whole_pictures_are_prepared_where_they_were_before_there_was_a_choice(self, data):
        settings = {"version": 1, "image_size": SIZE, "channels": 1, "background": 0}
        record = data._folder / "dcign_manifest" / "checksums.bin"
        keys = checksums(data._folder, data._manifest.images, data._descriptions, record)
        pool = ImagePool(Path(), dict(enumerate(keys)), settings=settings, make=list)
        assert data._pool.fingerprint == pool.fingerprint
        assert opened(data._folder, fit="cover")._pool.fingerprint != pool.fingerprint

    def test_report(self, data):
        lines = data.report().splitlines()
        rows = len(rows_of())
        assert f"{rows} pictures of 9 identities" in lines[0]
        assert lines[1].split() == ["subset", "factor", "groups", "pictures", "in", "no", "group"]
        table = [line.split() for line in lines[2:]]
        assert len(table) == 9
        for factor in ("azimuth", "height", INTRINSIC):
            counts = [(int(r[3]), int(r[4])) for r in table if r[1] == factor]
            assert np.sum(counts) == rows

    def test_preparing_reports_and_is_done_once(self, folder, capfd):
        opened(folder).prepare()
        told = capfd.readouterr().err
        assert "in no group" in told
        assert "Preparing" not in told
        assert "Reading" not in told


class TestFingerprint:
    def test_of_equal_folders_it_is_equal(self, folder, tmp_path):
        """Copying changes the times of modification."""
        own = tmp_path / "copy"
        shutil.copytree(folder, own, copy_function=shutil.copyfile)
        assert opened(own).fingerprint == opened(folder).fingerprint

    @pytest.mark.parametrize(
        "change", ["picture", "angle", "identity", "row", "column", "settings"]
    )
    def test_it_changes_with(self, folder, tmp_path, change):
        rows, settings = copy.deepcopy(rows_of()), {}
        write_folder(tmp_path, rows)
        if change == "picture":
            path = tmp_path / rows[7]["image"]
            image = np.asarray(Image.open(path)).copy()
            image[0, 0] += 1
            Image.fromarray(image).save(path)
        elif change == "angle":
            rows[7]["azimuth_deg"] += 1
        elif change == "identity":
            rows[7]["identity"] = "person8"
        elif change == "row":
            del rows[7]
        elif change == "column":
            rows = [{("az" if k == "azimuth_deg" else k): v for k, v in r.items()} for r in rows]
        else:
            settings = {"tolerances": "height:1"}
        write_manifest(tmp_path, rows)
        assert opened(tmp_path, **settings).fingerprint != opened(folder).fingerprint

    def test_prepared_pictures_do_not_depend_on_the_factors(self, folder, tmp_path, capfd):
        own = tmp_path / "copy"
        shutil.copytree(folder, own)
        rows = copy.deepcopy(rows_of())
        rows[3]["azimuth_deg"] = -61
        write_manifest(own, rows)
        opened(own).prepare()
        assert "Preparing" not in capfd.readouterr().err


class TestSplit:
    @pytest.mark.parametrize(("people", "sizes"), [(38, [28, 4, 6]), (6, [2, 2, 2])])
    def test_by_a_seeded_hash(self, tmp_path, people, sizes):
        rows = rows_of([f"person{n}" for n in range(people)], leave_out=0)
        write_folder(tmp_path, rows)
        data, again = opened(tmp_path), opened(tmp_path)
        subset = data._subset
        assert [len(np.unique(data._manifest.identity[subset == i])) for i in range(3)] == sizes
        np.testing.assert_array_equal(again._subset, subset)
        assert (opened(tmp_path, seed=1)._subset != subset).any()

    def test_it_does_not_depend_on_the_order_of_the_rows(self, tmp_path):
        rows = rows_of()
        write_folder(tmp_path, rows)
        data = opened(tmp_path)
        before = {data._manifest.images[i]: s for i, s in enumerate(data._subset)}
        write_manifest(tmp_path, rows[::-1])
        data = opened(tmp_path)
        assert {data._manifest.images[i]: s for i, s in enumerate(data._subset)} == before

    def test_by_the_column(self, tmp_path):
        subset = dict(zip(PEOPLE, ["train"] * 3 + ["test"] * 4 + ["validation"] * 2, strict=True))
        write_folder(tmp_path, [{**row, "split": subset[row["identity"]]} for row in rows_of()])
        data = opened(tmp_path)
        assert data._subset[:5].tolist() == [0] * 5
        assert [len(np.unique(data._manifest.identity[data._subset == i])) for i in range(3)] == [
            3,
            2,
            4,
        ]


FRACTIONS = {"validation_fraction": 0.5, "test_fraction": 0.45}


@pytest.mark.parametrize(
    ("people", "settings", "message"),
    [
        (5, {}, "of 5 identities none can be held out: 2 for validation and 2 for test leave 1 to"),
        (9, FRACTIONS, "of 9 identities none can be held out: 4 for validation and 4 for test lea"),
        (1, {}, r"of 1 identity none .* Hold out views of them .*--config\.data\.hold_out=views\)"),
    ],
)
def test_too_few_identities(tmp_path, people, settings, message):
    write_folder(tmp_path, rows_of(PEOPLE[:people]))
    with pytest.raises(DataError, match=message):
        opened(tmp_path, **settings)


def with_splits(*splits: str) -> list[dict]:
    subset = {name: splits[n % len(splits)] for n, name in enumerate(PEOPLE)}
    return [{**row, "split": subset[row["identity"]]} for row in rows_of()]


class TestWrongFolders:
    """What is wrong with the manifest alone is in test_manifest_table.py."""

    def test_empty(self, tmp_path):
        with pytest.raises(DataError, match=f"There is no {tmp_path}/manifest.csv"):
            opened(tmp_path)

    def test_missing_pictures(self, tmp_path):
        rows = rows_of()
        write_folder(tmp_path, rows)
        for row in rows[4:7]:
            (tmp_path / row["image"]).unlink()
        with pytest.raises(DataError) as caught:
            opened(tmp_path)
        assert str(caught.value) == (
            f"{tmp_path}/manifest.csv, line 6: the picture {rows[4]['image']} cannot be opened:"
            " No such file or directory (and 2 more)."
        )

    def test_an_identity_in_two_splits(self, tmp_path):
        rows = with_splits("train", "validation", "test")
        rows[1]["split"] = "test"
        write_folder(tmp_path, rows)
        with pytest.raises(DataError) as caught:
            opened(tmp_path)
        assert str(caught.value) == (
            f"{tmp_path}/manifest.csv, line 3: identity person0 is in split test, but in train in"
            " line 2; it can be in one alone, unless views are held out"
            " (--config.data.hold_out=views)."
        )
        assert opened(tmp_path, hold_out="views")._subset[:3].tolist() == [0, 2, 0]

    def test_nothing_to_validate_on(self, tmp_path):
        rows = [dict(row) for row in with_splits("train", "train", "validation", "test")]
        for number, row in enumerate(rows):
            if row["split"] == "validation":
                row["height"] += 0.1 * number
                row["azimuth_deg"] += 0.1 * number
        write_folder(tmp_path, rows)
        with pytest.raises(
            DataError, match="no two pictures held out for validation differ in one"
        ):
            opened(tmp_path)

    def test_a_split_without_identities(self, tmp_path):
        write_folder(tmp_path, with_splits("train", "test"))
        with pytest.raises(DataError, match=r"manifest.csv: no row has split validation; each of"):
            opened(tmp_path)

    def test_no_group_to_train_on(self, tmp_path):
        rows = [dict(row) for row in rows_of()]
        for number, row in enumerate(rows):
            row["height"] += 0.001 * number
        write_folder(tmp_path, rows)
        with pytest.raises(DataError) as caught:
            opened(tmp_path)
        caught.match("nothing shows how azimuth alone varies: of the .. pictures to train on, no")
        caught.match("no identity has two that agree in height and differ in azimuth_deg")
        assert "\n" not in str(caught.value)
        assert "--config.data.tolerances=height:1" in str(caught.value)
        assert len(opened(tmp_path, tolerances="height:1").sweeps("test")["azimuth"]) == 2 * 3

    def test_no_two_identities_agree(self, tmp_path):
        rows = [dict(row) for row in rows_of()]
        for row in rows:
            row["height"] += 0.1 * PEOPLE.index(row["identity"])
        write_folder(tmp_path, rows)
        with pytest.raises(DataError, match="no two identities have pictures that agree in azim"):
            opened(tmp_path)

    def test_held_out_subsets_may_lack_groups(self, tmp_path):
        rows = [dict(row) for row in with_splits("train", "train", "validation", "test")]
        for row in rows:
            if row["split"] == "test":
                row["height"] += 0.1 * PEOPLE.index(row["identity"])
        write_folder(tmp_path, rows)
        data = opened(tmp_path)
        assert [len(s) > 0 for s in data.sweeps("test").values()] == [True, True, False]
        assert "test        intrinsic                    0" in data.report()

    @pytest.mark.parametrize("mending", ["replaced", "removed"])
    def test_an_unreadable_picture_costs_nothing_that_is_prepared(
        self, tmp_path, monkeypatch, capfd, mending
    ):
        monkeypatch.setattr(image_pool, "_IMAGES_PER_FILE", 30)
        rows = rows_of()
        write_folder(tmp_path, rows)
        path = tmp_path / rows[100]["image"]
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(DataError) as caught:
            opened(tmp_path).prepare()
        assert str(caught.value).startswith(f"{tmp_path}/manifest.csv, line 102: {path} cannot be")
        assert "\n" not in str(caught.value)
        if mending == "replaced":
            Image.fromarray(picture(0, 0, 0)).save(path)
        else:
            del rows[100]
            write_manifest(tmp_path, rows)
        capfd.readouterr()
        data = opened(tmp_path)
        data.prepare()
        assert f"Preparing {len(rows) - 90} images (1 of 4 files)" in capfd.readouterr().err
        assert len(decoded(data.sweeps("train")["azimuth"][0])) == LENGTH
        folders = {p.name for p in (tmp_path / "dcign_manifest").iterdir()}
        assert folders == {"checksums.bin", data._pool.fingerprint}

    def test_a_folder_that_cannot_be_written_to(self, tmp_path, monkeypatch):
        """As for anybody but root, whom nothing else would refuse."""

        def refuse(path, *_, **__):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

        write_folder(tmp_path)
        monkeypatch.setattr(os, "mkdir", refuse)
        with pytest.raises(DataError, match="may name pictures by their whole paths"):
            opened(tmp_path).prepare()

    def test_a_file_where_the_folder_should_be(self, tmp_path):
        write_folder(tmp_path)
        (tmp_path / "dcign_manifest").touch()
        with pytest.raises(DataError, match=r"Cannot use .*/dcign_manifest: File exists\. What is"):
            opened(tmp_path).prepare()

    def test_pictures_elsewhere(self, tmp_path):
        write_folder(tmp_path / "read-only")
        rows = [{**row, "image": f"{tmp_path}/read-only/{row['image']}"} for row in rows_of()]
        rows[0]["image"] = f"../read-only/{rows_of()[0]['image']}"
        (tmp_path / "mine").mkdir()
        write_manifest(tmp_path / "mine", rows)
        data = opened(tmp_path / "mine")
        data.prepare()
        assert decoded(data.sweeps("train")["azimuth"][0]).shape == (LENGTH, SIZE, SIZE)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("image_size", 4, "image_size is 4; it must be a whole number of at least 8"),
        ("image_size", 70.5, "image_size is 70.5; it must be a whole number"),
        ("channels", 2, "channels is 2; it must be 1"),
        ("background", 256, "background is 256"),
        ("background", -1, "background is -1; it must be a whole number of at least 0"),
        ("hold_out", "people", "hold_out is people; it must be one of identities, views"),
        ("fit", "stretch", "fit is stretch; it must be one of contain, cover"),
        ("sweep_length", 1, "sweep_length is 1; it must be a whole number of at least 2"),
        ("test_sweeps", 0, "test_sweeps is 0"),
        ("test_fraction", 0.0, r"test_fraction is 0\.0; it must be between 0 and 1"),
        ("validation_fraction", float("nan"), "validation_fraction is nan"),
        ("seed", -1, "seed is -1"),
        ("folds", 3, "unexpected keyword argument 'folds'"),
        ("tolerances", "width:1", r"tolerances: 'width:1' is .* \(azimuth_deg, height\), a colon"),
        ("tolerances", "height:-1", "tolerances: 'height:-1' is impossible; .* of at least 0"),
        ("tolerances", "height:x", "tolerances: 'height:x'"),
        ("tolerances", "height", "tolerances: 'height'"),
        ("tolerances", "height:nan", "tolerances: 'height:nan'"),
        ("periods", "azimuth:0", "periods: 'azimuth:0' is impossible; .* greater than 0"),
        ("periods", "azimuth:inf", "periods: 'azimuth:inf'"),
    ],
)
def test_impossible_settings(folder, setting, value, message):
    with pytest.raises(DataError, match=message) as caught:
        registry.open_dataset(
            "manifest", folder, preset="quick", settings={**SETTINGS, setting: value}
        )
    assert "\n" not in str(caught.value)


def test_numbers_are_given_by_factor_or_column():
    columns = ("azimuth_deg", "height")
    given = numbers_by_factor("tolerances", " height : 2,azimuth:0.5,", columns)
    assert given == {"height": 2, "azimuth": 0.5}
    assert numbers_by_factor("periods", "azimuth_deg:360", columns) == {"azimuth": 360}


TINY = {
    "data.image_size": 36,
    "data.sweep_length": 4,
    "data.periods": "azimuth_deg:360",
    "data.tolerances": "height:1",
    "batches_per_step": 2,
    "network.latent_dim": 6,
    "network.encoder_filters": (3, 3, 3),
    "network.decoder_base_filters": 3,
    "network.decoder_filters": (3, 3, 3),
    "num_steps": 8,
    "log_every": 4,
    "validate_every": 4,
}


@pytest.mark.usefixtures("set_dtype_policy", "undrawn_figures")
def test_from_pictures_to_scores(tmp_path):
    """An unreadable picture, mended; training; evaluation of the moved folder."""
    from dcign_tf.configs import manifest_quick
    from dcign_tf.evaluation.evaluate import evaluate_run
    from dcign_tf.training import experiment

    config = manifest_quick.get_config()
    config.update_from_flattened_dict(TINY)
    config = config.to_dict()
    folder, run = tmp_path / "own", RunDirectory(tmp_path / "run")
    rows = rows_of()
    write_folder(folder, rows)
    path = folder / rows[9]["image"]
    content = path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(DataError, match=rf"{folder}/manifest\.csv, line 11: {path} is no picture"):
        experiment.run_experiment(config, run, str(folder))
    assert not run.path.exists()

    path.write_bytes(content)
    experiment.run_experiment(config, run, str(folder), test=True, show=lambda line: None)
    scores = run.read_scores()
    assert set(scores["factors"]) == {"azimuth", "height", INTRINSIC}
    assert scores["step"] == 8

    shutil.copytree(folder, tmp_path / "moved", copy_function=shutil.copyfile)
    shutil.rmtree(folder)
    shutil.rmtree(run.evaluation)
    evaluate_run(run, data_dir=str(tmp_path / "moved"), show=lambda line: None)
    assert run.read_scores() == scores


def test_the_workers_need_no_tensorflow():
    code = "import sys, dcign_tf.datasets.manifest.dataset; print('tensorflow' in sys.modules)"
    assert execute([sys.executable, "-c", code]).stdout == "False\n"


def test_the_example_of_the_documentation(tmp_path):
    script = ROOT / "docs" / "make_manifest_example.py"
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    result = execute(
        [sys.executable, script, tmp_path, "--people=6"], env={**os.environ, "PYTHONPATH": paths}
    )
    assert result.stdout == f"381 pictures of 6 people are in {tmp_path}\n"
    data = opened(tmp_path)
    assert data.extrinsic == ("light_azimuth", "light_elevation")
    columns = data._manifest.columns
    for column, (low, high) in zip(columns, [(-130, 130), (-40, 90)], strict=True):
        assert (columns[column].min(), columns[column].max()) == (low, high)
    counts = np.unique(columns["light_elevation_deg"], return_counts=True)[1] / 6
    assert 0.5 < counts.min() < 2 < 12 < counts.max() <= 13
