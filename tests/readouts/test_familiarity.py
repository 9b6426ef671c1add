"""What is familiar: the limits, what they say, and that they are kept."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.readouts.calibration import Calibration
from dcign_tf.readouts.familiarity import UNFAMILIAR, Familiarity, remark
from tests.helpers.tiny import AZIMUTH

LIMITS = Familiarity((1.0, -2.0), (1.0, 0.5), most_distance=2.0, most_error=0.25)
IMAGES = np.full((3, 4, 5, 1), 0.5, np.float32)


@pytest.mark.parametrize("xp", [np, keras.ops], ids=["numpy", "keras.ops"])
def test_the_code_or_the_reconstruction_is_off_whichever_is_further(xp):
    z_mean = np.float32([[1, -2], [1, -2], [4, -4]])  # root mean squares 0, 0, √12.5
    drawn = IMAGES + np.float32([0, 0.5, 0.125])[:, None, None, None]
    judged = LIMITS.judged(xp.array(IMAGES), xp.array(z_mean), xp.array(drawn), xp)
    np.testing.assert_allclose(judged["unfamiliarity"], [0, 2, np.sqrt(12.5) / 2], rtol=1e-6)
    assert np.asarray(judged["is_unfamiliar"]).tolist() == [False, True, True]


def test_what_is_no_number_is_unfamiliar():
    judged = LIMITS.judged(IMAGES[:1], np.full((1, 2), np.nan), IMAGES[:1])
    assert judged["is_unfamiliar"].tolist() == [True]


@given(st.integers(0, 100), st.floats(1e-3, 1e3), st.integers(20, 300))
def test_held_out_pictures_are_familiar_in_whatever_scale_the_code_is(seed, scale, count):
    """All but one in a hundred; what is far off is not."""
    rng = np.random.default_rng(seed)
    z_mean = scale * rng.normal(size=(count, 4)) * [1, 1, 0.1, 0]
    errors = rng.uniform(0.001, 0.004, count)
    limits = Familiarity.fitted(z_mean, errors)
    judged = limits.judged(np.zeros((count, 1, 1, 1)), z_mean, np.sqrt(errors)[:, None, None, None])
    assert np.sum(judged["is_unfamiliar"]) <= np.ceil(count / 100)
    far = limits.judged(
        np.zeros((1, 1, 1, 1)), 10 * scale * np.ones((1, 4)), np.zeros((1, 1, 1, 1))
    )
    assert far["is_unfamiliar"].all()


def test_a_network_that_makes_no_error_has_limits_too():
    limits = Familiarity.fitted(np.ones((20, 3)), np.zeros(20))
    judged = limits.judged(IMAGES, np.ones((3, 3)), IMAGES)
    assert not judged["is_unfamiliar"].any()


def test_too_few_pictures_tell_nothing():
    assert Familiarity.fitted(np.zeros((19, 3)), np.zeros(19)) is None
    assert Familiarity.fitted(np.zeros((20, 3)), np.zeros(19)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"most_error": 0.0},
        {"most_distance": float("nan")},
        {"z_spread": (1.0, 0.0)},
        {"z_mean": (1.0, float("inf"))},
        {"z_mean": (1.0,)},
    ],
)
def test_limits_that_are_none(changes):
    fields = {"z_mean": (0.0, 0.0), "z_spread": (1.0, 1.0), "most_distance": 1.0, "most_error": 1.0}
    Familiarity(**fields)
    with pytest.raises(ValueError, match="no finite, positive numbers"):
        Familiarity(**fields | changes)


def test_a_calibration_keeps_them_and_one_of_before_has_none():
    known = Calibration({"azimuth": AZIMUTH}, step=3, familiarity=LIMITS)
    config = json.loads(json.dumps(known.get_config()))
    assert Calibration.from_config(config) == known
    del config["familiarity"]
    assert Calibration.from_config(config).familiarity is None


def test_what_is_said():
    assert remark({}) == ""
    assert remark({"is_unfamiliar": np.array([False, False])}) == ""
    assert remark({"is_unfamiliar": np.array([True])}) == UNFAMILIAR
    assert remark({"is_unfamiliar": np.array([True, False, True])}) == (
        f"2 of 3 pictures: {UNFAMILIAR}"
    )
