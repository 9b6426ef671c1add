"""Calibration: fits of known responses, jumps, circles, what tells nothing; models in degrees."""

from __future__ import annotations

import json
import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dcign_tf.errors import UserError
from dcign_tf.factors import GraphicsCode
from dcign_tf.quantities import quantities
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibrated_factor import CalibrationError
from dcign_tf.readouts.calibration import Calibration, FactorCalibration, error_name
from dcign_tf.readouts.fitting import calibrate, fit_factor
from dcign_tf.readouts.jumps import find_jumps
from dcign_tf.readouts.latent_curve import LatentCurve
from tests.fuzz.harness import misstated
from tests.helpers.tiny import CODE, IMAGE_SHAPE, tiny_batch, tiny_batches, tiny_model

RNG = np.random.default_rng(0)
AZIMUTH_DEG = RNG.uniform(-60, 60, (25, 20))
FRESH_DEG = RNG.uniform(-60, 60, (50, 20))  # other identities
PRIOR_RMS = AZIMUTH_DEG.std()


def noise(stddev, like=AZIMUTH_DEG):
    return np.random.default_rng(like.size).normal(0, stddev, like.shape)


def fit(latent, value=AZIMUTH_DEG, **kwargs):
    return fit_factor(column(latent), value, name="azimuth_deg", **kwargs)


def column(latent):
    """As the latents of a factor that has one."""
    return np.asarray(latent)[..., np.newaxis]


def rms(difference):
    return np.sqrt(np.mean(np.square(difference)))


# === Without jumps ===


@pytest.mark.parametrize("slope", [0.1, -3.0])
def test_a_straight_line_is_found_exactly(slope):
    azimuth = fit(slope * AZIMUTH_DEG + 1)
    asked = np.linspace(*azimuth.range, 50)
    np.testing.assert_allclose(azimuth.to_value(column(slope * asked + 1)), asked, atol=1e-9)
    np.testing.assert_allclose(azimuth.to_latents(asked)[..., 0], slope * asked + 1, atol=1e-9)
    np.testing.assert_allclose(azimuth.error(column(slope * asked + 1)), 0, atol=1e-6)
    assert azimuth.range == pytest.approx((AZIMUTH_DEG.min(), AZIMUTH_DEG.max()), abs=1e-9)
    assert (azimuth.reason, azimuth.note, azimuth.cuts) == ("", "", ())


RESPONSES = {
    "cubic": lambda v: (v / 60) ** 3 + v / 200,
    "saturating": lambda v: np.tanh(v / 30),
    "saturating, falling": lambda v: 5 - np.tanh(v / 15),
    "exponential": lambda v: np.exp(v / 15),
}


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_a_monotone_response_is_read_and_written(response):
    azimuth = fit(response(AZIMUTH_DEG))
    assert rms(azimuth.to_value(column(response(FRESH_DEG))) - FRESH_DEG) < 1.0
    asked = np.linspace(*azimuth.range, 50)
    spread = np.ptp(response(asked))
    assert rms(azimuth.to_latents(asked)[..., 0] - response(asked)) < 0.02 * spread
    assert not azimuth.cuts


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_error_is_that_of_fresh_identities(response):
    spread = response(AZIMUTH_DEG).std()
    azimuth = fit(response(AZIMUTH_DEG) + noise(0.1 * spread))
    latent = response(FRESH_DEG) + noise(0.1 * spread, FRESH_DEG)
    difference = azimuth.to_value(column(latent)) - FRESH_DEG
    assert rms(difference / azimuth.error(column(latent))) == pytest.approx(1, abs=0.15)


def test_error_is_local():
    blurred = np.where(AZIMUTH_DEG > 0, 10, 1)  # degrees
    azimuth = fit(AZIMUTH_DEG + noise(1.0) * blurred)
    assert azimuth.error(column(-45.0)) == pytest.approx(1, rel=0.4)
    assert azimuth.error(column(30.0)) == pytest.approx(10, rel=0.4)


def test_noise_does_not_make_the_curve_worse_than_least_squares():
    latent = AZIMUTH_DEG / 20 + noise(0.4)
    fresh = FRESH_DEG / 20 + noise(0.4, FRESH_DEG)
    line = np.polyval(np.polyfit(latent.ravel(), AZIMUTH_DEG.ravel(), 1), fresh)
    assert rms(fit(latent).to_value(column(fresh)) - FRESH_DEG) < 1.03 * rms(line - FRESH_DEG)


def test_beyond_the_latents_seen_it_is_read_as_the_end_of_the_range():
    azimuth = fit(AZIMUTH_DEG / 20)
    np.testing.assert_allclose(azimuth.to_value(column(np.array([-99.0, 99.0]))), azimuth.range)
    assert np.isnan(azimuth.to_value(column(np.nan)))


# === Jumps ===


def rises_by(jump, at=0.0):
    """5 latents over the range, and a jump."""
    return lambda v: v / 24 + jump * (v > at)


JUMPS = {
    "a gap": rises_by(3.0),
    "a gap elsewhere": rises_by(3.0, at=17.0),
    "halves that changed places": rises_by(-6.0),
    "halves that mirror each other": lambda v: np.where(v < 0, -v, v + 90) / 24,
}


@pytest.mark.parametrize("blur", [0.0, 0.1])
@pytest.mark.parametrize("response", JUMPS.values(), ids=JUMPS)
def test_a_latent_that_jumps_is_cut_there(response, blur):
    azimuth = fit(response(AZIMUTH_DEG) + noise(blur))
    place = 17.0 if response is JUMPS["a gap elsewhere"] else 0.0
    assert azimuth.cuts == pytest.approx([place], abs=1.0)
    assert f"At azimuth_deg = {azimuth.cuts[0]:.4g} the latent jumps from" in azimuth.note
    fresh = response(FRESH_DEG) + noise(blur, FRESH_DEG)
    assert rms(azimuth.to_value(column(fresh)) - FRESH_DEG) < 1 + 24 * 1.1 * blur
    asked = FRESH_DEG[(np.abs(FRESH_DEG - place) > 1) & (np.abs(FRESH_DEG) < 58)]
    assert rms(azimuth.to_latents(asked)[..., 0] - response(asked)) < 0.02 + blur


def test_no_latent_of_the_gap_is_ever_asked_for():
    azimuth = fit(JUMPS["a gap"](AZIMUTH_DEG) + noise(0.1))
    written = azimuth.to_latents(np.linspace(*azimuth.range, 500))[..., 0]
    assert not np.any((written > 0.5) & (written < 2.5))


def test_overlapping_halves_are_read_by_one_and_the_error_shows_it():
    response = rises_by(-1.0)  # −2.5 … 0, and −1 … 1.5
    azimuth = fit(response(AZIMUTH_DEG))
    assert azimuth.cuts == pytest.approx([0], abs=1)
    assert "stand for values beyond a jump as well" in azimuth.note
    asked = np.linspace(-58, 58, 40)
    asked = asked[np.abs(asked) > 1]
    np.testing.assert_allclose(azimuth.to_latents(asked)[..., 0], response(asked), atol=0.02)
    clear, ambiguous = np.array([-2.0, 1.0]), np.array([-0.7, -0.3])
    np.testing.assert_allclose(azimuth.to_value(column(clear)), [-48, 48], atol=1)
    assert np.all(azimuth.error(column(clear)) < 1)
    assert np.all(azimuth.error(column(ambiguous)) > 10)
    difference = azimuth.to_value(column(response(FRESH_DEG))) - FRESH_DEG
    assert rms(difference) == pytest.approx(
        rms(azimuth.error(column(response(FRESH_DEG)))), rel=0.15
    )


def test_halves_that_cannot_be_told_apart_are_refused():
    azimuth = fit(rises_by(-2.5)(AZIMUTH_DEG))
    assert azimuth.reason.startswith("its latent tells 0% of the variance")
    assert ", and jumps at 0." in azimuth.reason


def test_three_parts():
    steps = np.digitize(AZIMUTH_DEG, [-20, 20])
    azimuth = fit(AZIMUTH_DEG / 40 + np.array([4.0, -4.0, 0.0])[steps] + noise(0.05))
    assert azimuth.cuts == pytest.approx([-20, 20], abs=1)
    assert rms(azimuth.to_value(azimuth.to_latents(FRESH_DEG)) - FRESH_DEG) < 0.2


@pytest.mark.parametrize("blur", [0.0, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_no_jump_is_seen_where_there_is_none(response, blur):
    for seed in range(10):
        value = np.random.default_rng(seed).uniform(-60, 60, 500)
        latent = response(value)
        latent += np.random.default_rng(seed + 99).normal(0, blur * latent.std(), 500)
        assert find_jumps(latent, value) == []


# === Circles ===


@pytest.mark.parametrize("blur", [0.0, 0.05])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_circle_is_cut_where_the_latent_jumps(sign, blur):
    value = np.mod(AZIMUTH_DEG * 3, 360)  # even on the circle
    response = lambda v: sign * np.mod(v - 130, 360) / 100  # noqa: E731
    azimuth = fit(response(value) + noise(blur), value, period=360.0)
    assert azimuth.cuts == pytest.approx([130], abs=2)
    assert azimuth.period == 360
    assert "cut open at azimuth_deg = 1" in azimuth.note
    fresh = np.mod(FRESH_DEG * 3, 360)
    read = azimuth.to_value(column(response(fresh) + noise(blur, fresh)))
    assert np.all((read >= 0) & (read < 360))
    assert rms(np.mod(read - fresh + 180, 360) - 180) < 1.5 + 110 * blur
    azimuth.check([-720.0, 31.0, 1e5])  # any angle
    np.testing.assert_allclose(
        azimuth.to_latents(np.array([31.0, -329.0]))[..., 0], response(31), atol=0.02 + blur
    )


def test_a_latent_that_takes_every_value_twice_on_a_circle_is_refused():
    value = np.mod(AZIMUTH_DEG * 3, 360)
    for blur in (0.0, 0.1):
        azimuth = fit(np.sin(np.radians(value)) + noise(blur), value, period=360.0)
        assert azimuth.reason
        with pytest.raises(CalibrationError, match="azimuth_deg is not calibrated: its latent"):
            azimuth.check(10)


def test_a_part_of_a_circle_is_an_interval():
    azimuth = fit(AZIMUTH_DEG / 20, np.mod(AZIMUTH_DEG, 360), period=360.0)
    assert azimuth.period is None
    assert azimuth.range == pytest.approx((AZIMUTH_DEG.min(), AZIMUTH_DEG.max()))
    np.testing.assert_allclose(azimuth.to_value(column(FRESH_DEG[0] / 20)), FRESH_DEG[0], atol=0.5)


# === What tells nothing, or little ===

NOTHING = {
    "noise": (noise(1.0), "its latent tells 0% of the variance"),
    "constant": (np.full_like(AZIMUTH_DEG, 3.0), "its latent is the same in all"),
    "fold": (np.abs(AZIMUTH_DEG), "its latent tells 0% of the variance"),
    "blank": (np.zeros_like(AZIMUTH_DEG), "its latent is the same in all"),
}


@pytest.mark.parametrize(("latent", "reason"), NOTHING.values(), ids=NOTHING)
def test_a_latent_that_tells_nothing_is_read_as_the_mean_with_the_priors_error(latent, reason):
    azimuth = fit(latent)
    assert reason in azimuth.reason
    fresh = np.linspace(-5, 5, 7)
    np.testing.assert_allclose(azimuth.to_value(column(fresh)), AZIMUTH_DEG.mean())
    np.testing.assert_allclose(azimuth.error(column(fresh)), PRIOR_RMS)
    for ask in (azimuth.to_latents, azimuth.check):
        with pytest.raises(CalibrationError, match=f"azimuth_deg is not calibrated: {reason}"):
            ask(10.0)


@pytest.mark.parametrize("count", [1, 2, 3, 19])
def test_few_images_are_not_enough(count):
    value = np.linspace(-10, 10, count)
    azimuth = fit(value / 5, value)
    assert f"{count} validation images show it, and it takes 20" in azimuth.reason
    assert azimuth.to_value(column(1.0)) == pytest.approx(value.mean())


def test_twenty_images_are():
    value = np.linspace(-10, 10, 20)
    azimuth = fit(value / 5, value)
    np.testing.assert_allclose(azimuth.to_value(column(value / 5)), value, atol=1e-9)


def test_what_is_not_finite_is_left_out():
    latent, value = AZIMUTH_DEG / 20, AZIMUTH_DEG.copy()
    latent[0, 0], value[1, 1] = np.nan, np.inf
    np.testing.assert_allclose(fit(latent, value).to_value(column(1.0)), 20, atol=1e-9)
    assert "its value is the same" in fit(AZIMUTH_DEG, np.full_like(AZIMUTH_DEG, 7)).reason
    with pytest.raises(ValueError, match="latents and"):
        fit(AZIMUTH_DEG[0], AZIMUTH_DEG)


@pytest.mark.parametrize("levels", [2, 3, 12])
def test_latents_with_ties_stay_invertible(levels):
    latent = np.round((AZIMUTH_DEG + 60) / 120 * (levels - 1))
    azimuth = fit(latent)
    assert not azimuth.reason
    asked = np.linspace(*azimuth.range, 30)
    written = azimuth.to_latents(asked)[..., 0]
    assert np.all(np.diff(written) > 0)
    np.testing.assert_allclose(azimuth.to_value(column(written)), asked, atol=1e-9)
    by_level = [AZIMUTH_DEG[latent == level].mean() for level in range(levels)]
    np.testing.assert_allclose(
        azimuth.to_value(column(np.arange(levels)))[1:-1], by_level[1:-1], atol=3
    )


def test_values_on_a_grid():
    value = np.repeat(np.linspace(-60, 60, 9)[np.newaxis], 25, axis=0)
    latent = value / 20 + noise(0.1, value)
    assert fit(latent, value).range == pytest.approx((-60, 60))
    jumping = fit(latent + 4 * (value > 0), value)
    assert jumping.cuts == pytest.approx([7.5])
    np.testing.assert_allclose(
        jumping.to_value(column(value / 20 + 4 * (value > 0))), value, atol=3
    )


# === Asking ===


def test_outside_the_range_is_an_error_that_states_it():
    azimuth = FactorCalibration("azimuth_deg", (-1, 1), (-30, 45), (1, 1), (-30, 45), (-1, 1))
    azimuth.check([-30, 0, np.float32(45)])
    message = "azimuth_deg=50 is outside the calibrated range, -30 to 45"
    with pytest.raises(CalibrationError, match=message) as raised:
        azimuth.check([0, 50, 60])
    assert isinstance(raised.value, ValueError)
    assert isinstance(raised.value, UserError)
    for wrong in (np.nan, np.inf, -31):
        with pytest.raises(CalibrationError, match="-30 to 45"):
            azimuth.check(wrong)


def test_names_carry_units_and_never_that_of_a_latent():
    data = {"azimuth": AZIMUTH_DEG, "distance": AZIMUTH_DEG, "light": np.zeros((0, 20))}
    keys = {"azimuth": "azimuth_deg", "distance": "distance", "light": "light_deg"}
    latents = {factor: column(values) for factor, values in data.items()}
    made = calibrate(latents, data, quantities(keys, {}), step=7)
    assert list(made.factors) == ["azimuth", "distance"]
    assert made.step == 7
    names = [(c.name, error_name(c.name)) for c in made.factors.values()]
    assert names == [
        ("azimuth_deg", "azimuth_error_deg"),
        ("distance_value", "distance_value_error"),
    ]
    assert made.named("distance_value") == ("distance", made.factors["distance"])
    with pytest.raises(KeyError, match="'yaw_deg'; calibrated are azimuth_deg, distance_value"):
        made.named("yaw_deg")


# === Whatever is fitted ===


@st.composite
def fitted(draw):
    """A response of a random sort with random noise: latents, values and the fit."""
    count = draw(st.integers(20, 300))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    period = draw(st.sampled_from([None, None, 360.0]))
    value = rng.uniform(0, 360, count) if period else rng.normal(0, 30, count)
    if draw(st.booleans()):
        value = np.round(value, -1)
    slope = draw(st.sampled_from([-1, 1])) * 10 ** draw(st.floats(-3, 3))
    cut = draw(st.floats(-30, 300))
    response = value + draw(st.floats(-200, 200)) * (value > cut)
    latent = slope * (response + rng.normal(0, draw(st.floats(0, 60)), count))
    latent += draw(st.floats(-5, 5))
    return latent, value, fit(latent, value, period=period)


@given(fitted())
@settings(max_examples=60)
def test_every_fit_is_sound(case):
    latent, value, azimuth = case
    for table in (azimuth.read_latents, azimuth.write_values):
        assert np.all(np.diff(table) >= 0)
    read, error = azimuth.to_value(column(latent)), azimuth.error(column(latent))
    assert np.isfinite(read).all()
    assert np.isfinite(error).all()
    assert np.all(error >= 0)
    if azimuth.reason:
        return
    low, high = (0, 360) if azimuth.period else azimuth.range
    assert np.all((read >= low - 1e-9) & (read <= high + 1e-9))
    written = azimuth.to_latents(value)[..., 0]
    assert np.all((written >= latent.min() - 1e-9) & (written <= latent.max() + 1e-9))
    if not azimuth.cuts:  # one strictly monotone curve: each direction undoes the other
        asked = np.linspace(low, high, 99)
        tolerance = 1e-6 * max(abs(low), abs(high))
        np.testing.assert_allclose(
            azimuth.to_value(azimuth.to_latents(asked)), asked, atol=tolerance
        )
        assert len(set(np.sign(np.diff(azimuth.to_latents(asked)[..., 0])))) == 1
    config = json.loads(json.dumps(Calibration({"azimuth": azimuth}, 3).get_config()))
    assert Calibration.from_config(config) == Calibration({"azimuth": azimuth}, 3)


@given(
    arrays(float, 30, elements=st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, np.nan])),
    arrays(float, 30, elements=st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, np.inf])),
    st.sampled_from([None, 360.0]),
)
def test_nothing_crashes_the_fit(latent, value, period):
    azimuth = fit(latent, value, period=period)
    if np.isfinite(latent + value).any():
        assert np.isfinite(azimuth.to_value(column(np.array([-1e9, 0.0, 1e9])))).all()


@given(fitted())
@settings(max_examples=25)
def test_tensors_are_read_and_written_like_arrays(case):
    _, _, azimuth = case
    # Midway between knots: rounded to float32, a value may fall on the other side of a jump.
    knots = np.array(azimuth.read_latents)
    latent = np.float32((knots[:-1] + knots[1:]) / 2)
    scale = np.abs([*azimuth.read_values, *azimuth.read_errors]).max()
    read = azimuth.to_value(column(latent))
    difference = keras.ops.convert_to_numpy(azimuth.to_value(column(latent), keras.ops)) - read
    if azimuth.period:
        difference = np.mod(difference + 180, 360) - 180
    # Where two knots nearly meet, float32 cannot tell where between them a latent lies.
    apart = np.diff(knots) > 1e-4 * np.abs(knots).max()
    assert np.all(np.abs(difference[apart]) < 1e-2 * scale)
    errors = keras.ops.convert_to_numpy(azimuth.error(column(latent), keras.ops))
    np.testing.assert_allclose(
        errors[apart], azimuth.error(column(latent))[apart], atol=1e-2 * scale
    )


# === Models ===

IMAGES = tiny_batch("azimuth", seed=9)["image"]
AZIMUTH = fit(AZIMUTH_DEG / 40 + rises_by(-1.5)(AZIMUTH_DEG))


@pytest.fixture(scope="module")
def model():
    return tiny_model(calibration=Calibration({"azimuth": AZIMUTH}))


def test_infer_scene_gives_degrees_errors_and_intrinsic_latents(model):
    z = model.encode(IMAGES)[0].numpy()
    scene = model.infer_scene(IMAGES)
    assert set(scene) == {"azimuth_deg", "azimuth_error_deg", "intrinsic"}
    np.testing.assert_allclose(scene["azimuth_deg"], AZIMUTH.to_value(column(z[:, 0])), rtol=1e-3)
    np.testing.assert_allclose(
        scene["azimuth_error_deg"], AZIMUTH.error(column(z[:, 0])), rtol=1e-3
    )
    np.testing.assert_array_equal(scene["intrinsic"], z[:, CODE.slice("intrinsic")])
    assert scene["azimuth_deg"].shape == (len(IMAGES),)


@pytest.mark.parametrize("azimuth_deg", [30, -45.5, [10.0, -20.0, 30.0, 40.0, 50.0, -55.0]])
def test_rerender_takes_degrees(model, azimuth_deg):
    latent = AZIMUTH.to_latents(np.ravel(azimuth_deg))
    expected = model.rerender(IMAGES, azimuth=latent, elevation=0.5)
    rendered = model.rerender(IMAGES, azimuth_deg=azimuth_deg, elevation=0.5)
    np.testing.assert_allclose(rendered, expected, atol=1e-5)
    assert np.abs(rendered - model(IMAGES)).max() > 1e-4


def test_rerender_refuses_what_it_cannot_show(model):
    low, high = AZIMUTH.range
    with pytest.raises(
        ValueError, match=f"=75 is outside the calibrated range, {low:.4g} to {high:.4g}"
    ):
        model.rerender(IMAGES, azimuth_deg=75)
    with pytest.raises(ValueError, match="'azimuth' is given twice"):
        model.rerender(IMAGES, azimuth_deg=7, azimuth=1.0)
    with pytest.raises(KeyError, match="'pose_deg'; calibrated are azimuth_deg"):
        model.rerender(IMAGES, pose_deg=7)
    uncalibrated = tiny_model(calibration=Calibration({"azimuth": fit(noise(1.0))}))
    with pytest.raises(CalibrationError, match="azimuth_deg is not calibrated: its latent tells"):
        uncalibrated.rerender(IMAGES, azimuth_deg=7)


def test_a_model_without_calibration_says_so():
    model = tiny_model()
    for use in (model.infer_scene, lambda images: model.rerender(images, azimuth_deg=30)):
        with pytest.raises(CalibrationError, match=r"not calibrated.*dcign-tf evaluate"):
            use(IMAGES)


def test_a_calibration_does_not_outlive_the_weights_it_was_made_for():
    model = tiny_model(calibration=Calibration({"azimuth": AZIMUTH}))
    model.train_step(tiny_batch("azimuth"))
    with pytest.raises(
        CalibrationError, match="calibrated at step 0 and has been trained to step 1"
    ):
        model.rerender(IMAGES, azimuth_deg=30)
    model.rerender(IMAGES, azimuth=0.5)


def test_calibration_is_saved_with_the_model_and_training_goes_on_the_same(tmp_path):
    batches = tiny_batches(4)
    straight, half = tiny_model(), tiny_model()
    for batch in batches:
        straight.train_step(batch)
    for batch in batches[:2]:
        half.train_step(batch)
    half.calibration = Calibration({"azimuth": AZIMUTH}, step=2)
    half.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.calibration == half.calibration
    np.testing.assert_array_equal(
        loaded.rerender(IMAGES, azimuth_deg=20), half.rerender(IMAGES, azimuth_deg=20)
    )
    for batch in batches[2:]:
        loaded.train_step(batch)
    for ours, theirs in zip(loaded.weights, straight.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_models_saved_before_there_was_a_calibration_still_load(model):
    config = tiny_model().get_config()
    del config["calibration"]
    assert type(model).from_config(config).calibration is None


def test_both_directions_work_in_an_exported_graph(model, tmp_path):
    class Exported(tf.Module):
        # As in Keras's own graphs, such as that of `predict`.
        @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, *IMAGE_SHAPE])])
        def infer_scene(self, images):
            return model.infer_scene(images)

        @tf.function(input_signature=[tf.TensorSpec([None, *IMAGE_SHAPE]), tf.TensorSpec([None])])
        def rerender(self, images, azimuth_deg):
            return {"rerendered": model.rerender(images, azimuth_deg=azimuth_deg)}

    exported = Exported()
    exported.model = model
    tf.saved_model.save(exported, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    for name, value in loaded.infer_scene(IMAGES[:2]).items():
        np.testing.assert_allclose(value, model.infer_scene(IMAGES[:2])[name], rtol=1e-4)
    asked = tf.constant([20.0, -40.0])
    np.testing.assert_allclose(
        loaded.rerender(IMAGES[:2], asked)["rerendered"],
        model.rerender(IMAGES[:2], azimuth_deg=asked),
        rtol=1e-4,
    )
    for wrong in (75.0, np.nan):
        with pytest.raises(tf.errors.InvalidArgumentError, match="outside the calibrated range"):
            loaded.rerender(IMAGES[:2], tf.constant([20.0, wrong], tf.float32))


def test_whatever_a_file_says_can_be_used_or_is_refused():
    """Without a warning of NumPy's either."""
    line = FactorCalibration("a_deg", (-1, 1), (-30, 45), (1, 1), (-30, 45), (-1, 1))
    silent = FactorCalibration("b_deg", (0, 1), (0, 0), (9, 9), reason="it tells nothing")
    square = ((1, 1), (-1, 1), (-1, -1), (1, -1), (1, 1))
    turn = LatentCurve("c_deg", (0, 90, 180, 270, 360), square, (4, 2, 4, 8, 4), 360)
    code = GraphicsCode({"a": 1, "b": 1, "c": 2, "intrinsic": 3})
    whole = Calibration({"a": line, "b": silent, "c": turn}, step=3, latents={"a": (5,)})
    config, rng, refused = json.dumps(whole.get_config()).encode(), random.Random(0), 0
    for number in range(500):
        content = misstated(rng, config) if number else config
        try:
            calibration = Calibration.from_config(json.loads(content))
            calibration.check_fits(code)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            refused += 1
            continue
        for reading in scene.read(np.ones(7), code, calibration).values():
            assert np.isfinite(reading).all()
        for calibrated in calibration.usable.values():
            low, high = calibrated.range
            assert np.isfinite(calibrated.to_latents(np.array([low, high]))).all()
        assert number or calibration == whole
    assert 200 < refused < 500
