"""What evaluation leaves for the demo."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dcign_tf.codec import Codec
from dcign_tf.errors import UserError
from dcign_tf.evaluation.showcase import (
    EXAMPLES_FOLDER,
    IDENTITIES_FILE,
    training_codes,
    write_showcase,
)
from dcign_tf.readouts.identities import IdentityDistribution
from tests.helpers.trained_runs import LATENTS, SIZE, calibrated_model


class Sweeps:
    """Sweep i holds images whose grey level begins with 10·i; only the first 3 are distinct."""

    def __init__(self, number: int):
        self._number = number

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, index: int) -> dict:
        noise = np.random.default_rng(index).integers(0, 9, (5, SIZE, SIZE, 1), np.uint8)
        return {"image": noise + np.uint8(10 * index), "distinct": 3}


class Dataset:
    """Without any test sweep of elevation."""

    def sweeps(self, subset: str) -> dict[str, Sweeps]:
        names = ("azimuth", "elevation", "light_azimuth", "intrinsic")
        lacking = {"elevation": 0} if subset == "test" else {}
        return {name: Sweeps(lacking.get(name, 12)) for name in names}


def test_examples_and_identities_are_written(tmp_path):
    network = Codec(calibrated_model())
    write_showcase(network, Dataset(), training_codes(network, Dataset()), tmp_path)
    examples = sorted((tmp_path / EXAMPLES_FOLDER).iterdir())
    assert [path.name for path in examples] == [f"example{i}.png" for i in range(1, 9)]
    levels = [int(np.asarray(Image.open(path)).min()) // 10 for path in examples]
    assert levels == sorted(levels)
    assert len(set(levels)) == 8  # each of another sweep
    identities = IdentityDistribution.load(tmp_path / IDENTITIES_FILE)
    sweeps = Sweeps(12)
    images = np.concatenate([sweeps[i]["image"][:3] for i in range(12)])
    intrinsic = network.encode(images.astype(np.float32) / 255)[:, 3:]
    np.testing.assert_allclose(identities.mean, intrinsic.mean(axis=0), atol=1e-5)
    expected = np.cov(intrinsic, rowvar=False)
    np.testing.assert_allclose(identities.covariance, expected, atol=1e-5)


def test_a_damaged_distribution(tmp_path):
    path = tmp_path / IDENTITIES_FILE
    with pytest.raises(FileNotFoundError):
        IdentityDistribution.load(path)
    IdentityDistribution.prior(LATENTS).save(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"identities\.npz is damaged .*dcign-tf evaluate makes"):
        IdentityDistribution.load(path)
    assert [entry.name for entry in tmp_path.iterdir()] == [IDENTITIES_FILE]
