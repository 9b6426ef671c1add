"""Pools of images: made once, kept through errors, and sweeps composed of them."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcign_tf.datasets.storage import image_pool
from dcign_tf.datasets.storage.image_pool import ImagePool
from dcign_tf.errors import DataError
from tests.helpers.fake_pictures import IMAGES_PER_ITEM, make


@pytest.fixture(autouse=True)
def small_files_and_two_workers(monkeypatch):
    monkeypatch.setattr("dcign_tf.datasets.storage.generation.available_workers", lambda _: 2)
    monkeypatch.setattr(image_pool, "_IMAGES_PER_FILE", 4 * IMAGES_PER_ITEM)


def pool_of(
    parent: Path, greys: Sequence[int], log: Path | None = None, **settings: object
) -> ImagePool:
    return ImagePool(
        parent,
        {item: str(grey) for item, grey in enumerate(greys)},
        settings=settings,
        make=functools.partial(make, log, tuple(greys)),
        images_per_item=IMAGES_PER_ITEM,
    )


def levels(pngs: Sequence[bytes]) -> list[int]:
    return [int(np.asarray(Image.open(io.BytesIO(png)))[0, 0]) for png in pngs]


GREYS = tuple(range(0, 100, 10))


class TestImagePool:
    def test_images_are_numbered_through_items_and_files(self, tmp_path):
        pool = pool_of(tmp_path, GREYS)
        pool.prepare()
        assert len(list(pool.directory.glob("*.array_record"))) == 3
        expected = [grey + k for grey in GREYS for k in range(3)]
        assert levels(pool.read(range(30))) == expected
        drawn = np.random.default_rng(0).integers(30, size=50)
        assert levels(pool.read(drawn)) == [expected[i] for i in drawn]

    def test_from_several_threads(self, tmp_path):
        pool = pool_of(tmp_path, GREYS)
        pool.prepare()
        with ThreadPoolExecutor(8) as threads:
            read = list(threads.map(lambda i: levels(pool.read([i % 30]))[0], range(300)))
        assert read == [GREYS[i % 30 // 3] + i % 3 for i in range(300)]

    def test_a_prepared_pool_is_found_again(self, tmp_path):
        pool_of(tmp_path, GREYS).prepare()
        log = tmp_path / "log"
        again = pool_of(tmp_path, GREYS, log)
        assert levels(again.read([4])) == [11]
        again.prepare()
        assert not log.exists()

    def test_the_fingerprint_covers_items_order_and_settings(self, tmp_path):
        pools = [
            pool_of(tmp_path, GREYS),
            pool_of(tmp_path, GREYS[::-1]),
            pool_of(tmp_path, GREYS[1:]),
            pool_of(tmp_path, GREYS, size=4),
            pool_of(tmp_path, GREYS, size=5),
        ]
        assert len({pool.fingerprint for pool in pools}) == len(pools)
        assert pools[0].fingerprint == pool_of(tmp_path / "other", GREYS).fingerprint

    @pytest.mark.parametrize("mending", ["replaced", "removed"])
    def test_an_error_keeps_what_is_finished_and_mending_goes_on_from_there(
        self, tmp_path, mending
    ):
        log = tmp_path / "log"
        broken = [*GREYS[:9], 251]
        with pytest.raises(DataError, match=r"^item 9 cannot be made; mend it$"):
            pool_of(tmp_path, broken, log).prepare()
        assert not list(tmp_path.glob("*/.aside-*"))
        log.unlink()
        mended = pool_of(tmp_path, [*GREYS[:9], 90] if mending == "replaced" else GREYS[:9], log)
        mended.prepare()
        # The files of items 0 to 3 and 4 to 7 are there; 8, the first of the last, is
        # made twice, once to see how large the files will be.
        made = sorted(map(int, log.read_text().split()))
        assert made == ([8, 8, 9] if mending == "replaced" else [8, 8])
        assert levels(mended.read(range(27))) == [grey + k for grey in GREYS[:9] for k in range(3)]
        assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [mended.fingerprint]
        assert len(list(mended.directory.glob("*.array_record"))) == 3

    def test_what_is_out_of_date_is_made_anew(self, tmp_path):
        """An item of a finished file has changed before the rest was made."""
        with pytest.raises(DataError):
            pool_of(tmp_path, [*GREYS[:9], 251]).prepare()
        changed = pool_of(tmp_path, [*GREYS[:2], 200, *GREYS[3:]])
        changed.prepare()
        assert levels(changed.read([6, 29])) == [200, 92]
        assert len(list(changed.directory.glob("*.array_record"))) == 3

    def test_reading_before_it_is_prepared(self, tmp_path):
        with pytest.raises(DataError, match="is not prepared yet"):
            pool_of(tmp_path, GREYS).read([0])

    def test_a_damaged_file_is_named(self, tmp_path):
        pool = pool_of(tmp_path, GREYS)
        pool.prepare()
        path = sorted(pool.directory.glob("*.array_record"))[1]
        damaged = np.fromfile(path, np.uint8)
        damaged[: len(damaged) // 2] ^= 1
        damaged.tofile(path)
        with pytest.raises(DataError, match=f"{path.name} is damaged: wrong checksum"):
            pool_of(tmp_path, GREYS).read(range(30))
        os.truncate(path, 10)
        with pytest.raises(DataError, match=f"{path.name} is damaged: it has 10 bytes"):
            pool_of(tmp_path, GREYS).prepare()

    def test_a_pool_of_nothing(self, tmp_path):
        with pytest.raises(ValueError, match="has no image"):
            pool_of(tmp_path, [])


class TestSweeps:
    def test_images_labels_and_numbers_belong_together(self, tmp_path):
        pool = pool_of(tmp_path, GREYS)
        pool.prepare()
        angle = np.linspace(0, 29, 30, dtype=np.float32)
        labels = {"angle_deg": angle, "identity": angle // 3}
        sweeps = pool.sweeps(lambda i: np.array([i, 29 - i, i]), 5, labels)
        assert len(sweeps) == 5
        sweep = sweeps[4]
        assert levels(sweep["image"]) == [11, 81, 11]
        assert sweep["distinct"] == 2
        assert sweep["angle_deg"].tolist() == [4, 25, 4]
        assert sweep["identity"].tolist() == [1, 8, 1]
        with pytest.raises(IndexError):
            sweeps[5]

    def test_repetitions_stand_behind_the_distinct_images(self, tmp_path):
        pool = pool_of(tmp_path, GREYS)
        pool.prepare()
        images = np.array([7, 2, 7, 7, 2, 5])
        sweep = pool.sweeps(lambda i: images, 1, {"number": np.arange(30)})[0]
        assert sweep["number"].tolist() == [7, 2, 5, 7, 7, 2]
        assert sweep["distinct"] == 3
        assert levels(sweep["image"]) == [21, 2, 12, 21, 21, 2]
