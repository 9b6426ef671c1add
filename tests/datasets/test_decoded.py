"""Images that are decoded into memory make the same batches; what does not fit stays as it is."""

from __future__ import annotations

import numpy as np
import pytest

from dcign_tf import resources
from dcign_tf.datasets.decoded import decoded_sweeps, default_budget_bytes
from dcign_tf.datasets.sweeps import ComposedSweeps, decode_images
from dcign_tf.errors import DataError
from tests.datasets.test_factor_batches import NUM_SWEEPS, batches, fake_sweeps, png

SWEEP_BYTES = 4 * 6 * 5


def in_memory(sweeps, most_bytes=1 << 20):
    lines = []
    found = decoded_sweeps(sweeps, most_bytes=most_bytes, show=lines.append)
    assert len(lines) == 1
    return found, lines[0]


def composed(read, count=3):
    """Of six images, two of each sweep the same."""
    labels = {"angle": np.arange(6.0)}
    return ComposedSweeps(read, lambda index: np.array([index, 5, index, 2]), count, labels)


@pytest.mark.parametrize("as_png", [True, False])
@pytest.mark.parametrize("images_per_batch", [None, 2])
def test_batches_are_the_same(as_png, images_per_batch):
    settings = {"num_steps": 20, "images_per_batch": images_per_batch, "batches_per_step": 2}
    sweeps = fake_sweeps(as_png=as_png)
    found, line = in_memory(sweeps)
    assert line.startswith(f"{4 * sum(NUM_SWEEPS.values())} images are decoded")
    mine, expected = batches(sweeps=found, **settings), batches(sweeps=sweeps, **settings)
    assert len(mine) == 20
    for batch, other in zip(mine, expected, strict=True):
        np.testing.assert_array_equal(batch["image"], other["image"])
        np.testing.assert_array_equal(batch["factor"], other["factor"])


def test_images_of_several_factors_are_read_once():
    files, seen = [png(np.full((6, 5, 1), 40 * i, np.uint8)) for i in range(6)], []

    class Pool:
        def read(self, rows):
            seen.extend(rows)
            return [files[row] for row in rows]

    pool = Pool()
    sweeps = {"azimuth": composed(pool.read), "intrinsic": composed(pool.read, count=2)}
    expected = {factor: source[1] for factor, source in sweeps.items()}
    seen.clear()
    found, line = in_memory(sweeps)
    assert line == "6 images are decoded, in 0.0 GiB of memory."
    assert sorted(seen) == [0, *range(6)], "the first one tells how large they are"
    for factor, example in expected.items():
        mine = found[factor][1]
        assert mine["distinct"] == example["distinct"] == 3
        np.testing.assert_array_equal(mine["image"], decode_images(example["image"]))
        np.testing.assert_array_equal(mine["angle"], example["angle"])
        assert len(found[factor]) == len(sweeps[factor])
    assert len(seen) == 7, "nothing is read again"


def test_what_does_not_fit_is_read_as_it_is():
    sweeps = fake_sweeps(as_png=True)
    room = (NUM_SWEEPS["azimuth"] + NUM_SWEEPS["light_azimuth"]) * SWEEP_BYTES
    found, line = in_memory(sweeps, most_bytes=room)
    assert line.endswith("those of elevation, intrinsic do not fit.")
    kept = {factor for factor in sweeps if found[factor] is not sweeps[factor]}
    assert kept == {"azimuth", "light_azimuth"}


@pytest.mark.parametrize("most_bytes", [float("nan"), 0.5])
def test_no_room_at_all(most_bytes):
    sweeps = fake_sweeps()
    found, line = in_memory(sweeps, most_bytes=most_bytes)
    assert found == sweeps
    assert line.startswith("0 images are decoded, in 0.0 GiB")


def test_as_much_room_as_it_takes():
    found, _ = in_memory(fake_sweeps(), most_bytes=float("inf"))
    assert len(found["azimuth"]) == NUM_SWEEPS["azimuth"]


def test_processes_share_half_of_the_memory(monkeypatch):
    monkeypatch.setattr(resources, "memory_bytes", lambda: 1000)
    assert default_budget_bytes(1) == 500
    assert default_budget_bytes(4) == 125


def test_a_factor_without_sweeps():
    sweeps = {"azimuth": fake_sweeps()["azimuth"], "intrinsic": []}
    found, line = in_memory(sweeps)
    assert found["intrinsic"] == []
    assert line.endswith("of memory.")


def test_repetitions_stay_marked():
    images = np.zeros((4, 6, 5, 1), np.uint8)
    found, _ = in_memory({"azimuth": [{"image": images, "distinct": 3, "identity": range(4)}]})
    assert set(found["azimuth"][0]) == {"image", "distinct"}
    assert found["azimuth"][0]["distinct"] == 3


def test_an_image_that_cannot_be_read():
    def read(rows):
        if 4 in rows:
            raise DataError("picture 4 is damaged")
        return np.zeros((len(rows), 6, 5, 1), np.uint8)

    with pytest.raises(DataError, match="picture 4"):
        in_memory({"azimuth": composed(read)})
