"""Chairs as a dataset: the release's files, the split, the sweeps, and what can be wrong."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dcign_tf.datasets.chairs import release as chair_release
from dcign_tf.datasets.chairs.dataset import Views, split_chairs
from dcign_tf.datasets.chairs.release import ReleasedChairs, release_folder
from dcign_tf.datasets.chairs.settings import ChairSettings
from dcign_tf.datasets.factor_batches import factor_batches
from dcign_tf.datasets.registry import facts_of_trained, open_dataset
from dcign_tf.datasets.seeding import named_rng
from dcign_tf.datasets.sweeps import decode_images
from dcign_tf.errors import DataError
from dcign_tf.factors import GraphicsCode
from dcign_tf.rendering.chairs.chair import ChairScene, draw_chair
from tests.helpers import chair_files

FEW = {"train_chairs": 3, "validation_chairs": 2, "test_chairs": 2}
SMALL = {**FEW, "image_size": 20, "sweep_length": 4, "validation_sweeps": 3, "test_sweeps": 5}


def open_chairs(folder, **changes):
    return open_dataset("chairs", folder, preset="quick", settings={**SMALL, **changes})


def released_chairs(root) -> ReleasedChairs:
    return ReleasedChairs(root, image_size=20, crop=400)


def the_error(call) -> str:
    with pytest.raises(DataError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def one_worker(monkeypatch):
    """Starting workers is most of what these tests take."""
    monkeypatch.setattr("dcign_tf.datasets.storage.generation.available_workers", lambda _: 1)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """A data directory with a release of seven models from five sides; to be copied."""
    folder = tmp_path_factory.mktemp("release")
    chair_files.write_release(folder, models=7, azimuths=5, pictures=True)
    return folder


@pytest.fixture
def copy(release, tmp_path):
    """A copy of it, and the renders of its first model."""
    prepared = shutil.ignore_patterns("dcign_chairs")
    shutil.copytree(release, tmp_path / "copy", ignore=prepared)
    return tmp_path / "copy", next((tmp_path / "copy").glob("rendered_chairs/00*/renders"))


class TestReleasedFiles:
    def test_names_are_understood(self, tmp_path):
        root = chair_files.write_release(tmp_path)
        released = released_chairs(root)
        assert len(released.names) == 7
        assert released.elevations_deg == [20, 30]
        # As published: 360°/31 apart, cut down to whole degrees.
        assert len(released.azimuths_deg) == 31
        assert released.azimuths_deg[:6] == [0, 11, 23, 34, 46, 58]
        assert released.azimuths_deg[-1] == 348
        pictures = released.pictures(0)
        assert [p.name for p in pictures[:2]] == [
            "image_000_p020_t000_r096.png",
            "image_001_p020_t011_r096.png",
        ]
        assert pictures[31].name == "image_032_p030_t000_r096.png"

    @pytest.mark.parametrize("inside", [False, True])
    def test_the_folder_may_be_given_itself(self, tmp_path, inside):
        root = chair_files.write_release(tmp_path)
        assert release_folder(root if inside else tmp_path) == root
        assert release_folder(tmp_path / "other") is None

    def test_hidden_files_do_not_matter(self, copy):
        folder, renders = copy
        (renders / ".DS_Store").write_bytes(b"")
        (folder / "rendered_chairs" / ".Trash").mkdir()
        assert len(released_chairs(folder / "rendered_chairs").names) == 7

    def test_missing_renders(self, copy):
        folder, renders = copy
        shutil.rmtree(renders)
        message = the_error(lambda: open_chairs(folder))
        assert str(renders.parent) in message
        assert "no folder 'renders'" in message

    def test_missing_picture(self, copy):
        folder, renders = copy
        (renders / "image_002_p020_t144_r096.png").unlink()
        message = the_error(lambda: open_chairs(folder))
        assert str(renders) in message
        assert "p020" in message
        assert "t144" in message
        assert "lacks 1" in message

    def test_wrong_name(self, copy):
        folder, renders = copy
        (renders / "image_002_p020_t144_r096.png").rename(renders / "image_2.png")
        message = the_error(lambda: open_chairs(folder))
        assert str(renders / "image_2.png") in message
        assert "image_000_p020_t000_r096.png" in message

    def test_a_view_twice(self, copy):
        folder, renders = copy
        shutil.copy(renders / "image_001_p020_t072_r096.png", renders / "image_9_p020_t072_r96.png")
        message = the_error(lambda: open_chairs(folder))
        assert "same view as image_001_p020_t072_r096.png" in message

    def test_empty_folder(self, tmp_path):
        (tmp_path / "rendered_chairs").mkdir()
        assert "rendered_chairs is empty" in the_error(lambda: open_chairs(tmp_path))

    def test_too_few_models(self, tmp_path):
        chair_files.write_release(tmp_path, models=5)
        assert "5 chairs are too few" in the_error(lambda: open_chairs(tmp_path))


class TestPreparing:
    def test_pictures_are_cropped_averaged_and_grey(self, release):
        data = open_chairs(release, image_size=40)
        assert data.image_shape == (40, 40, 1)
        data.prepare()
        example = data.sweeps("test")["azimuth"][0]
        images = decode_images(example["image"])
        assert images.shape == (4, 40, 40, 1)
        assert images.dtype == np.uint8
        for image, azimuth, elevation, model in zip(
            images,
            example["azimuth_deg"],
            example["elevation_deg"],
            example["identity"],
            strict=True,
        ):
            # 400 pixels in the middle, ten to one; luma of BT.601.
            pixels = chair_files.picture(model, int(elevation), int(azimuth))
            luma = np.asarray(Image.fromarray(pixels).convert("L"), float)[100:500, 100:500]
            expected = luma.reshape(40, 10, 40, 10).mean((1, 3))
            np.testing.assert_allclose(image[..., 0], expected, atol=0.51)

    def test_unreadable_picture_keeps_what_is_prepared(self, copy, monkeypatch):
        monkeypatch.setattr(
            "dcign_tf.datasets.storage.image_pool._IMAGES_PER_FILE", 20
        )  # two models
        folder, _ = copy
        model = next(folder.glob("rendered_chairs/05*/renders"))
        broken = model / "image_003_p020_t216_r096.png"
        whole = broken.read_bytes()
        broken.write_bytes(whole[:-400])

        def prepared():
            return {p.name: p.stat().st_mtime_ns for p in folder.rglob("*.array_record")}

        message = the_error(open_chairs(folder).prepare)
        assert str(broken) in message
        assert "kept" in message
        kept = prepared()
        assert len(kept) == 2
        broken.write_bytes(whole)  # another size: the models beside it are made again
        open_chairs(folder).prepare()
        assert len(prepared()) == 4
        assert kept.items() <= prepared().items()

    def test_picture_of_another_size(self, copy):
        folder, renders = copy
        Image.new("L", (300, 300)).save(renders / "image_000_p020_t000_r096.png")
        message = the_error(open_chairs(folder).prepare)
        assert "300×300" in message
        assert "image_000_p020_t000_r096.png" in message

    def test_procedural_chairs_are_those_of_the_generator(self, tmp_path, capfd):
        data = open_chairs(tmp_path, image_size=30)
        data.prepare()
        assert "as there is no rendered_chairs" in capfd.readouterr().err
        example = data.sweeps("train")["azimuth"][1]
        chair, elevation = example["identity"][0], example["elevation_deg"][0]
        scene = ChairScene(draw_chair(named_rng(0, "chair", int(chair))))
        azimuths = example["azimuth_deg"].astype(float)
        expected = scene.render(azimuths, elevation, image_size=30)
        shown = decode_images(example["image"])[..., 0]
        assert np.abs(shown.astype(int) - expected).mean() < 0.2  # float32 angles
        assert shown[:, 0, 0].tolist() == [255] * 4

    def test_nothing_is_done_twice(self, release, capfd):
        open_chairs(release, image_size=16).prepare()
        capfd.readouterr()
        open_chairs(release, image_size=16).prepare()
        assert "images" not in capfd.readouterr().err

    def test_the_release_itself_as_data_directory(self, copy):
        """What is prepared then lies beside the models."""
        root = copy[0] / "rendered_chairs"
        data = open_chairs(root, image_size=16)
        data.prepare()
        assert (root / "dcign_chairs").is_dir()
        again = open_chairs(root, image_size=16)
        assert again.fingerprint == data.fingerprint
        again.prepare()

    def test_a_damaged_file_is_named(self, copy):
        folder, _ = copy
        data = open_chairs(folder)
        data.prepare()
        record = next(folder.rglob("*.array_record"))
        record.write_bytes(record.read_bytes()[:-10])
        assert str(record) in the_error(open_chairs(folder).prepare)


class TestSources:
    def test_auto_takes_the_release_and_says_so(self, release, capfd):
        open_chairs(release, image_size=16).prepare()
        told = capfd.readouterr().err
        assert f"the release of Aubry et al. in {release}/rendered_chairs, as it is there" in told

    def test_what_auto_took_is_told_by_the_fingerprint(self, release, tmp_path):
        config = {"dataset": "chairs", "preset": "quick", "data": {**SMALL, "source": "auto"}}
        found = {folder: open_chairs(folder).fingerprint for folder in (tmp_path, release)}
        drawn, released = (facts_of_trained(config, found[f]) for f in (tmp_path, release))
        assert drawn.is_rendered_here
        assert "Aubry" not in drawn.source
        assert not released.is_rendered_here
        assert "Aubry" in released.source
        assert facts_of_trained(config, None) == released

    def test_procedural_although_there_is_a_release(self, release):
        data = open_chairs(release, source="procedural")
        assert "procedural" in data.report()
        assert data.fingerprint != open_chairs(release).fingerprint

    def test_release_that_is_not_there(self, tmp_path):
        message = the_error(lambda: open_chairs(tmp_path, source="aubry"))
        assert str(tmp_path / "rendered_chairs") in message
        assert "download" in message

    def test_fingerprint_tells_settings_and_files(self, copy):
        folder, renders = copy
        fingerprints = {open_chairs(folder, seed=seed).fingerprint for seed in (0, 0, 1)}
        fingerprints.add(open_chairs(folder, sweep_length=5).fingerprint)
        with (renders / "image_000_p020_t000_r096.png").open("ab") as file:
            file.write(b" ")
        fingerprints.add(open_chairs(folder).fingerprint)
        assert len(fingerprints) == 4

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"source": "shapenet"}, "one of auto, aubry, procedural, download"),
            ({"image_size": 7}, "image_size is 7; it must be a whole number of at least 8"),
            ({"test_chairs": 1}, "test_chairs is 1; it must be a whole number of at least 2"),
            ({"crop": 601}, "at most 600"),
            ({"image_size": 64, "crop": 32}, "at least image_size, 64"),
            ({"sweep_length": 2.5}, "sweep_length is 2.5"),
            ({"seed": -1}, "seed is -1"),
        ],
    )
    def test_impossible_settings(self, tmp_path, changes, message):
        assert message in the_error(lambda: open_chairs(tmp_path, **changes))


class _Ranges(http.server.SimpleHTTPRequestHandler):
    """Serves files, also from some byte on; the first request breaks off after half."""

    broken = False

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if not path.exists():
            return self.send_error(404)
        data = path.read_bytes()
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        self.server.starts.append(start)
        self.send_response(206 if found else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        end = len(data) // 2 if self.server.breaks and not start else len(data)
        return self.wfile.write(data[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def authors_server(release, tmp_path, monkeypatch):
    """Serves the release in a tar file at an address that stands for the authors'."""
    served = tmp_path / "served"
    served.mkdir()
    with tarfile.open(served / "rendered_chairs.tar", "w") as tar:
        tar.add(release / "rendered_chairs", "rendered_chairs")
    handler = functools.partial(_Ranges, directory=served)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.breaks, server.starts, server.folder = False, [], served
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/rendered_chairs.tar"
    monkeypatch.setattr(chair_release, "URL", url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class TestDownload:
    def test_fetched_unpacked_and_used(self, authors_server, tmp_path):
        data = open_chairs(tmp_path / "data", source="download")
        fingerprint = data.fingerprint
        assert not (tmp_path / "data").exists()
        data.prepare()
        assert len(data.sweeps("test")["azimuth"]) == 5
        assert not list((tmp_path / "data").rglob("*.tar*.part"))
        again = open_chairs(tmp_path / "data", source="download")
        again.prepare()
        assert again.fingerprint == fingerprint
        assert authors_server.starts == [0]

    def test_goes_on_where_it_broke_off(self, authors_server, tmp_path):
        authors_server.breaks = True
        data = open_chairs(tmp_path / "data", source="download")
        message = the_error(data.prepare)
        assert "broke off" in message
        assert "goes on" in message
        data.prepare()
        assert authors_server.starts[0] == 0 < authors_server.starts[1]

    def test_another_file_than_at_first(self, authors_server, tmp_path):
        folder = tmp_path / "data"
        open_chairs(folder, source="download").prepare()
        shutil.rmtree(folder / "rendered_chairs")
        with tarfile.open(authors_server.folder / "rendered_chairs.tar", "a") as tar:
            tar.addfile(tarfile.TarInfo("rendered_chairs/new"))
        message = the_error(open_chairs(folder, source="download").prepare)
        assert "another file than at its first download" in message
        assert release_folder(folder) is None

    def test_no_network(self, tmp_path, monkeypatch):
        monkeypatch.setattr(chair_release, "URL", "http://127.0.0.1:9/rendered_chairs.tar")
        message = the_error(open_chairs(tmp_path, source="download").prepare)
        assert "Cannot download http://127.0.0.1:9" in message
        assert "procedural" in message

    def test_something_else_is_thrown_away(self, authors_server, tmp_path):
        served = authors_server.folder / "rendered_chairs.tar"
        right = served.read_bytes()
        served.write_bytes(b"<html>We have moved.</html>")
        data = open_chairs(tmp_path / "data", source="download")
        assert "no archive of rendered_chairs" in the_error(data.prepare)
        served.write_bytes(right)
        data.prepare()
        assert len(data.sweeps("train")["azimuth"]) > 0

    def test_no_such_file(self, authors_server, tmp_path):
        (authors_server.folder / "rendered_chairs.tar").unlink()
        message = the_error(open_chairs(tmp_path / "data", source="download").prepare)
        assert "the server answers 404" in message


@given(
    names=st.lists(st.text("abcdef0123456789", min_size=1), min_size=6, max_size=300, unique=True),
    seed=st.integers(0, 9),
)
@settings(max_examples=30)
def test_split_is_disjoint_and_follows_names(names, seed):
    wanted = ChairSettings(train_chairs=40, validation_chairs=4, test_chairs=6, seed=seed)
    chosen, subset = split_chairs(names, wanted)
    assert (np.diff(chosen) > 0).all()
    assert len(chosen) == min(len(names), 50)
    counts = np.bincount(subset, minlength=3)
    assert (counts >= 2).all()
    if len(names) >= 50:
        assert counts.tolist() == [40, 4, 6]
    order = np.random.default_rng(0).permutation(len(names))
    chosen2, subset2 = split_chairs([names[i] for i in order], wanted)
    described = dict(zip((names[i] for i in chosen), subset, strict=True))
    assert described == dict(zip((names[order[i]] for i in chosen2), subset2, strict=True))


def test_the_release_is_split_as_the_paper_does():
    chosen, subset = split_chairs([f"{i:032x}" for i in range(1393)], ChairSettings())
    assert len(chosen) == 1393
    assert np.bincount(subset).tolist() == [1200, 43, 150]


_VIEWS = st.builds(
    Views,
    chairs=st.lists(st.integers(0, 50), min_size=1, max_size=30, unique=True).map(np.array),
    elevations=st.integers(1, 3),
    azimuths=st.integers(2, 40),
)


@given(views=_VIEWS, count=st.integers(2, 30), seed=st.integers(0, 99))
def test_turns_hold_chair_and_elevation(views, count, seed):
    pair = seed % views.num_turns
    images = views.turn(np.random.default_rng(seed), pair, count)
    assert images.shape == (count,)
    assert set(images // views.azimuths) == {
        views.chairs[pair // views.elevations] * views.elevations + pair % views.elevations
    }
    azimuths = np.unique(images % views.azimuths)
    assert len(azimuths) == min(count, views.azimuths)
    gaps = np.diff([*azimuths, azimuths[0] + views.azimuths])
    assert gaps.max() <= np.ceil(views.azimuths / len(azimuths)) + 1  # spread over the circle


@given(views=_VIEWS, count=st.integers(2, 30), seed=st.integers(0, 99))
def test_changes_hold_the_azimuth(views, count, seed):
    azimuth = seed % views.azimuths
    images = views.change(np.random.default_rng(seed), azimuth, count)
    assert set(images % views.azimuths) == {azimuth}
    chairs = images // (views.azimuths * views.elevations)
    assert set(chairs) <= set(views.chairs)
    assert len(set(chairs)) == min(count, len(views.chairs))
    assert len(set(images)) == min(count, len(views.chairs) * views.elevations)


class TestSweeps:
    def test_subsets_share_no_chair(self, release):
        data = open_chairs(release, image_size=16)
        data.prepare()
        seen = {}
        for subset in ("train", "validation", "test"):
            both = data.sweeps(subset).values()
            seen[subset] = {
                int(i) for s in both for k in range(5) for i in s[k % len(s)]["identity"]
            }
        assert sum(map(len, seen.values())) == len(set().union(*seen.values()))

    def test_every_unseen_chair_and_elevation_is_turned_once(self, release):
        data = open_chairs(release, image_size=16, test_sweeps=4)
        data.prepare()
        turns = data.sweeps("test")["azimuth"]
        pairs = {
            (int(e["identity"][0]), float(e["elevation_deg"][0]))
            for e in map(turns.__getitem__, range(4))
        }
        assert len(pairs) == 4
        assert all(len(set(turns[i]["azimuth_deg"])) == 4 for i in range(4))

    def test_a_sweep_is_a_function_of_its_number(self, release):
        first, second = (open_chairs(release, image_size=16) for _ in range(2))
        first.prepare()
        for factor in ("azimuth", "intrinsic"):
            a, b = (d.sweeps("train")[factor] for d in (first, second))
            assert a[49_999]["image"] == b[49_999]["image"]
            assert a[3]["image"] != a[4]["image"]
            with pytest.raises(IndexError):
                a[50_000]

    def test_batches_hold_what_the_paper_holds(self, release):
        data = open_chairs(release, image_size=16)
        data.prepare()
        assert data.periods == {data.extrinsic[0]: 360.0}
        code = GraphicsCode.with_intrinsic(data.extrinsic, 10)
        batches = factor_batches(data.sweeps("train"), code, ratios=[1, 10], seed=0, num_steps=44)
        factors = [int(batch["factor"][0]) for batch in batches]
        assert 0 < factors.count(0) < 15
        batch = next(iter(batches))
        assert batch["image"].shape == (4, 16, 16, 1)
        assert float(batch["image"][0, 0, 0, 0]) == 1.0  # white
