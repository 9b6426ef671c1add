"""Codes read and changed: the same in NumPy and in TensorFlow, of one latent or of several."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.factors import GraphicsCode
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibrated_factor import CalibrationError
from dcign_tf.readouts.calibration import Calibration, FactorCalibration
from tests.helpers.tiny import AZIMUTH

CODE = GraphicsCode({"azimuth": 1, "elevation": 2, "intrinsic": 3})
CALIBRATION = Calibration({"azimuth": AZIMUTH})
CODES = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)


@pytest.fixture(params=["numpy", "keras.ops"])
def xp(request):
    return np if request.param == "numpy" else keras.ops


@given(st.permutations(range(6)))
def test_codes_are_arranged_and_restored_to_the_bit(order):
    for xp in (np, keras.ops):
        arranged = scene.arranged(CODES, order, xp)
        np.testing.assert_array_equal(arranged, CODES[:, order])
        np.testing.assert_array_equal(scene.restored(arranged, order, xp), CODES)


def test_what_codes_say(xp):
    codes = np.zeros((3, 6), np.float32)
    codes[:, 0] = (-2, 1, 9)
    ((name, reading),) = scene.read(xp.array(codes), CODE, CALIBRATION, xp).items()
    assert name == "azimuth_deg"
    np.testing.assert_allclose(reading.value, [-60, 30, 60], rtol=1e-6)
    np.testing.assert_allclose(reading.error, [3, 4.5, 5], rtol=1e-6)


def test_one_code_is_read_as_many_are():
    (reading,) = scene.read(CODES[1], CODE, CALIBRATION).values()
    (readings,) = scene.read(CODES, CODE, CALIBRATION).values()
    assert (reading.value, reading.error) == (readings.value[1], readings.error[1])


@pytest.mark.parametrize(
    ("latents", "expected"),
    [
        ({}, {}),
        ({"azimuth": 1.5}, {0: 1.5}),
        ({"elevation": [[2.0, -1.0]]}, {1: 2.0, 2: -1.0}),
        ({"azimuth": [[1], [2], [3], [4]], "elevation": 7}, {0: [1, 2, 3, 4], 1: 7, 2: 7}),
        ({"intrinsic": CODES[:, :3]}, {3: CODES[:, 0], 4: CODES[:, 1], 5: CODES[:, 2]}),
    ],
)
def test_the_latents_of_a_factor_are_replaced_and_no_others(xp, latents, expected):
    given_codes = xp.array(CODES)
    codes = scene.replaced(given_codes, CODE, latents, xp)
    wanted = CODES.copy()
    for index, values in expected.items():
        wanted[:, index] = values
    np.testing.assert_array_equal(codes, wanted)
    np.testing.assert_array_equal(given_codes, CODES)
    assert keras.backend.standardize_dtype(codes.dtype) == "float32"


def test_codes_of_any_shape_are_changed(xp):
    codes = scene.replaced(xp.array(CODES.reshape(2, 2, 6)), CODE, {"azimuth": 0.0}, xp)
    wanted = np.concatenate([np.zeros((4, 1)), CODES[:, 1:]], axis=1, dtype=np.float32)
    np.testing.assert_array_equal(np.reshape(codes, (4, 6)), wanted)


def test_a_value_that_is_written_is_read_again(xp):
    values = np.float32([-60, -12.5, 0, 59])
    latents = AZIMUTH.to_latents(xp.array(values), xp)
    assert latents.shape == (4, 1)
    codes = scene.replaced(xp.array(CODES), CODE, {"azimuth": latents}, xp)
    reading = scene.read(codes, CODE, CALIBRATION, xp)["azimuth_deg"]
    np.testing.assert_allclose(reading.value, values, rtol=1e-5)


def test_what_cannot_be_replaced():
    with pytest.raises(KeyError, match="'pose'; this code has azimuth, elevation, intrinsic"):
        scene.replaced(CODES, CODE, {"pose": 1.0})
    with pytest.raises(ValueError, match="broadcast"):
        scene.replaced(CODES, CODE, {"elevation": [1.0, 2.0, 3.0]})
    silent = FactorCalibration("azimuth_deg", (0, 1), (0, 0), (9, 9), reason="it tells nothing")
    with pytest.raises(CalibrationError, match="azimuth_deg is not calibrated: it tells nothing"):
        silent.to_latents(0.0)


@given(st.floats(-1000, 1000), st.floats(-100, 100), st.sampled_from([None, 360.0]))
def test_the_nearest_value_can_be_asked_for(value, low, period):
    high = low + (period or 50)
    calibrated = FactorCalibration(
        "azimuth_deg", (-2, 2), (low, high), (3, 3), (low, high), (-2, 2), period
    )
    nearest = calibrated.nearest(value)
    assert low <= nearest <= high
    calibrated.check(nearest)
    if period:
        turns = (nearest - value) / period
        assert turns == pytest.approx(round(turns), abs=1e-9)
    elif low <= value <= high:
        assert nearest == value


def test_numpy_alone_reads_scenes():
    """Whoever reads codes with NumPy waits for no TensorFlow."""
    program = (
        "import sys; from dcign_tf.readouts import scene, identities;"
        " print([name for name in ('tensorflow', 'keras', 'sklearn') if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "[]\n"
