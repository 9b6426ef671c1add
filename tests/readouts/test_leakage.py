"""What a pose leaves in the intrinsic latents: what is taken out, and that it is kept."""

from __future__ import annotations

import dataclasses
import json

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.factors import GraphicsCode
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.readouts.latent_curve import LatentCurve
from dcign_tf.readouts.leakage import Leakage, share_gone
from tests.helpers.tiny import AZIMUTH, CODE, tiny_model

RNG = np.random.default_rng(0)
CODES = RNG.normal(size=(5, 6)).astype(np.float32)
OF_AZIMUTH = Leakage.of(RNG.normal(size=6), 2.0, RNG.normal(size=(6, 3)))
OF_ELEVATION = Leakage.of(RNG.normal(size=6), 1.0, RNG.normal(size=(6, 3)))
LEAKAGE = {"azimuth": OF_AZIMUTH, "elevation": OF_ELEVATION}
KNOWN = Calibration({}, leakage=LEAKAGE)
BOTH = [np, keras.ops]


@pytest.mark.parametrize("xp", BOTH, ids=["numpy", "keras.ops"])
def test_of_what_is_left_half_is_gone_a_quarter_of_the_spread_away_and_all_of_it_far_off(xp):
    """`_REACH` is half a spread; here of two latents, one of which moves."""
    moved = xp.array(np.float32([[0, 0], [0, 1], [1, 0], [0, -1], [50, 0]]))
    gone = share_gone(moved, 2.0, xp)
    np.testing.assert_allclose(gone, [0, 0.5, 0.5, 0.5, 1], atol=1e-6)


@pytest.mark.parametrize("xp", BOTH, ids=["numpy", "keras.ops"])
def test_what_is_left_is_taken_out_of_the_intrinsic_latents_and_of_no_others(xp):
    new = {"azimuth": 1.5, "elevation": [[0.5, -0.5]]}
    codes = scene.changed(xp.array(CODES), CODE, new, KNOWN, xp)
    wanted = CODES.astype(np.float64)
    wanted[:, :3] = 1.5, 0.5, -0.5
    for leakage, where in ((OF_AZIMUTH, slice(0, 1)), (OF_ELEVATION, slice(1, 3))):
        distance = np.linalg.norm(wanted[:, where] - CODES[:, where], axis=1) / leakage.z_spread
        share = 1 - 0.5 ** ((distance / 0.5) ** 2)
        left = np.concatenate([CODES[:, :3], wanted[:, 3:]], axis=1) - np.array(leakage.z_mean)
        wanted[:, 3:] -= share[:, None] * (left @ leakage.weights)
    np.testing.assert_allclose(codes, wanted, rtol=1e-4, atol=1e-5)
    assert keras.backend.standardize_dtype(codes.dtype) == "float32"
    turned_round = dict(reversed(new.items()))
    again = scene.changed(xp.array(CODES), CODE, turned_round, KNOWN, xp)
    np.testing.assert_array_equal(codes, again)


@pytest.mark.parametrize("xp", BOTH, ids=["numpy", "keras.ops"])
def test_intrinsic_latents_that_are_given_stay_as_given(xp):
    new = {"azimuth": 1.5, "intrinsic": [[1.0, 2.0, 3.0]]}
    codes = scene.changed(xp.array(CODES), CODE, new, KNOWN, xp)
    np.testing.assert_array_equal(codes, scene.replaced(CODES, CODE, new))


@pytest.mark.parametrize("xp", BOTH, ids=["numpy", "keras.ops"])
def test_latents_that_stay_leave_all_as_it_is(xp):
    same = {"azimuth": CODES[:, :1], "elevation": CODES[:, 1:3]}
    codes = scene.changed(xp.array(CODES), CODE, same, KNOWN, xp)
    np.testing.assert_array_equal(codes, CODES)


@pytest.mark.parametrize("xp", BOTH, ids=["numpy", "keras.ops"])
def test_who_it_is_lies_where_every_factor_was_moved_far_away(xp):
    far = {"azimuth": 1e4, "elevation": 1e4}
    wanted = CODES[:, 3:] - OF_AZIMUTH.all_left(CODES)
    z = np.concatenate([CODES[:, :3], wanted], axis=1)
    wanted = wanted - OF_ELEVATION.all_left(z)
    np.testing.assert_allclose(
        scene.less_pose(xp.array(CODES), CODE, KNOWN, xp), wanted, rtol=1e-4, atol=1e-5
    )
    turned = scene.changed(CODES, CODE, far, KNOWN)
    np.testing.assert_allclose(turned[:, 3:], wanted, rtol=1e-4, atol=1e-5)
    nothing_known = scene.less_pose(CODES, CODE, Calibration({}))
    np.testing.assert_array_equal(nothing_known, CODES[:, 3:])


@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize("xp", BOTH, ids=["numpy", "keras.ops"])
def test_codes_keep_their_type(xp, dtype):
    codes = scene.changed(xp.array(CODES, dtype=dtype), CODE, {"azimuth": 1.5}, KNOWN, xp)
    assert keras.backend.standardize_dtype(codes.dtype) == dtype
    wanted = scene.changed(CODES, CODE, {"azimuth": 1.5}, KNOWN)
    np.testing.assert_allclose(codes, wanted, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("xp", BOTH, ids=["numpy", "keras.ops"])
def test_several_latents_move_along_their_curve_however_far_they_lie_off_it(xp):
    """Asked for what a picture is read as, it keeps all that is of its pose."""
    angle = np.radians(np.arange(0, 361, 5.0))
    points = tuple(zip(np.cos(angle), np.sin(angle), strict=True))
    values = tuple(np.degrees(angle))
    curve = LatentCurve("elevation_deg", values, points, (1.0,) * len(values), period=360.0)
    known = Calibration({"elevation": curve}, leakage=LEAKAGE)
    codes = CODES.copy()
    codes[:, 1:3] = 1.7 * np.array(points[4:9])  # outside the circle, at 20° to 40°
    for turn, most in ((0.0, 1e-5), (180.0, np.inf)):
        wanted = curve.to_latents(np.arange(20, 41, 5.0) + turn).astype(np.float32)
        turned = scene.changed(xp.array(codes), CODE, {"elevation": wanted}, known, xp)
        np.testing.assert_allclose(turned[:, 1:3], wanted)
        difference = np.abs(np.asarray(turned)[:, 3:] - codes[:, 3:]).max()
        assert difference < most
    left = (
        scene.replaced(codes, CODE, {})[:, :] - np.array(OF_ELEVATION.z_mean)
    ) @ OF_ELEVATION.weights
    gone = 1 - 0.5 ** ((2 / OF_ELEVATION.z_spread / 0.5) ** 2)  # across the circle it is 2
    np.testing.assert_allclose(
        codes[:, 3:] - np.asarray(turned)[:, 3:], gone * left, rtol=1e-3, atol=1e-3
    )


def test_what_is_known_of_another_factor_is_not_taken_out():
    codes = scene.changed(
        CODES, CODE, {"azimuth": 2.0}, Calibration({}, leakage={"elevation": OF_ELEVATION})
    )
    np.testing.assert_array_equal(codes, scene.replaced(CODES, CODE, {"azimuth": 2.0}))


def test_a_code_without_intrinsic_latents_has_nothing_to_take_it_out_of():
    code = GraphicsCode({"azimuth": 2, "elevation": 4})
    codes = scene.changed(CODES, code, {"azimuth": 2.0}, Calibration({}))
    np.testing.assert_array_equal(codes, scene.replaced(CODES, code, {"azimuth": 2.0}))


def test_a_model_takes_it_out_whether_a_value_is_asked_for_or_a_latent():
    model = tiny_model()
    calibration = Calibration({"azimuth": AZIMUTH}, leakage={"azimuth": OF_AZIMUTH})
    model.calibration = calibration
    images = RNG.random((4, 20, 18, 1), np.float32)
    z = model.encode(images)[0].numpy()
    drawn = model.decode(scene.changed(z, CODE, {"azimuth": 1.0}, calibration))
    plain = model.decode(scene.replaced(z, CODE, {"azimuth": 1.0}))
    assert np.abs(drawn - plain).max() > 1e-4
    for asked in ({"azimuth": 1.0}, {"azimuth_deg": 30.0}):
        np.testing.assert_allclose(model.rerender(images, **asked), drawn, atol=1e-5)
    model.step.assign(1)  # other weights
    np.testing.assert_allclose(model.rerender(images, azimuth=1.0), plain, atol=1e-6)
    model.calibration = dataclasses.replace(calibration, leakage={}, step=1)
    np.testing.assert_allclose(model.rerender(images, azimuth=1.0), plain, atol=1e-6)


def test_a_saved_model_has_it(tmp_path):
    model = tiny_model()
    model.calibration = Calibration({"azimuth": AZIMUTH}, leakage=LEAKAGE)
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").calibration == model.calibration


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
def test_it_is_stored_as_text_to_three_digits(latents, intrinsic, seed):
    weights = np.random.default_rng(seed).normal(size=(latents, intrinsic))
    leakage = Leakage.of(np.zeros(latents), 1.0, weights)
    np.testing.assert_allclose(leakage.weights, weights, rtol=1e-3, atol=1e-7)
    known = Calibration({"azimuth": AZIMUTH}, step=3, leakage={"azimuth": leakage})
    config = json.loads(json.dumps(known.get_config()))
    assert Calibration.from_config(config) == known
    del config["leakage"]
    assert Calibration.from_config(config).leakage == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"z_spread": 0.0},
        {"z_spread": float("nan")},
        {"z_mean": (0.0,) * 5 + (float("inf"),)},
        {"z_mean": (0.0,) * 5},
        {"z_mean": ()},
        {"z_mean": (True,) * 6, "z_spread": True},
        {"z_mean": ("0",) * 6},
        {"z_mean": (0.0,) * 5 + (1e300,)},
        {"z_spread": 1e-300},
        {"z_spread": -1.0},
        {"stored": ""},
        {"stored": "no base 64"},
        {"stored": OF_AZIMUTH.stored[:-4]},
        {"stored": Leakage.of(np.zeros(6), 1.0, np.ones((6, 3))).stored.replace("ADw", "AHw")},
    ],
)
def test_what_is_no_leakage_is_refused(changes):
    with pytest.raises(ValueError):  # noqa: PT011 - the words are ours, NumPy's or base64's
        dataclasses.replace(OF_AZIMUTH, **changes)


@pytest.mark.parametrize(
    ("factor", "shape"), [("azimuth", (6, 2)), ("azimuth", (5, 3)), ("intrinsic", (6, 3))]
)
def test_a_leakage_of_another_code_does_not_fit(factor, shape):
    leakage = {factor: Leakage.of(np.zeros(shape[0]), 1.0, np.ones(shape))}
    with pytest.raises(ValueError, match=f"the leakage of {factor}"):
        Calibration({}, leakage=leakage).check_fits(CODE)
    Calibration({}, leakage=LEAKAGE).check_fits(CODE)
