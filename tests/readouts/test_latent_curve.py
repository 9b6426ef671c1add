"""Several latents of one factor: closed and open curves, read and written; what is refused."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from dcign_tf.factors import INTRINSIC
from dcign_tf.quantities import Quantity
from dcign_tf.readouts.calibrated_factor import CalibrationError
from dcign_tf.readouts.calibration import Calibration, FactorCalibration
from dcign_tf.readouts.fitting import calibrate, fit_factor
from dcign_tf.readouts.latent_curve import LatentCurve
from tests.helpers.tiny import CODE, tiny_batch, tiny_model

SQUARE = LatentCurve(  # once round, a quarter of the circle on each side
    "azimuth_deg",
    values=(0.0, 90.0, 180.0, 270.0, 360.0),
    points=((1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (1.0, 1.0)),
    errors=(4.0, 2.0, 4.0, 8.0, 4.0),
    period=360.0,
)
HOOK = LatentCurve(
    "elevation_deg",
    values=(-20.0, 0.0, 20.0),
    points=((-1.0, 0.0), (0.0, 0.0), (0.0, 2.0)),
    errors=(1.0, 2.0, 3.0),
)


def fit(latents, value, period=360.0):
    return fit_factor(latents, value, name="azimuth_deg", period=period)


def off(read, true):
    """The shorter way round, in degrees."""
    return np.mod(read - true + 180, 360) - 180


def rms(difference):
    return np.sqrt(np.mean(np.square(difference)))


@pytest.fixture(params=["numpy", "keras.ops"])
def xp(request):
    return np if request.param == "numpy" else keras.ops


# === Reading and writing ===


def test_a_value_is_read_at_the_nearest_place_on_the_curve(xp):
    latents = np.float32([[0, 1], [0.5, 3], [-1.2, -0.5], [9, 8.9], [1.5, 0.0]])
    expected = [45, 22.5, 90 + 67.5, 360 - 2.25 / 90, 315]
    read = keras.ops.convert_to_numpy(SQUARE.to_value(xp.array(latents), xp))
    expected[3] = 0  # beyond the corner, which is where the circle begins
    np.testing.assert_allclose(off(read, expected), 0, atol=1e-4)
    np.testing.assert_allclose(SQUARE.error(xp.array(latents[:2]), xp), [3, 3.5], rtol=1e-6)
    np.testing.assert_allclose(HOOK.to_value(xp.array(latents[:3]), xp), [10, 20, -20], rtol=1e-6)


def test_any_angle_of_a_circle_can_be_asked_for(xp):
    asked = np.float32([0, 45, 360 + 45, -90, 359.9])
    SQUARE.check(asked)
    written = SQUARE.to_latents(xp.array(asked), xp)
    wanted = [[1, 1], [0, 1], [0, 1], [1, -1], [1, 1]]
    np.testing.assert_allclose(written, wanted, atol=0.01)
    assert (SQUARE.range, SQUARE.nearest(-90.0)) == ((0, 360), 270)
    assert SQUARE.error_range == (2, 8)


def test_an_open_curve_ends_and_says_so():
    assert (HOOK.range, HOOK.nearest(33.0)) == ((-20, 20), 20)
    np.testing.assert_array_equal(HOOK.to_latents(10.0), [0, 1])
    with pytest.raises(CalibrationError, match=r"elevation_deg=21 is outside .*, -20 to 20"):
        HOOK.check([3, 21])


def test_what_is_not_finite_is_read_as_nan(xp):
    latents = xp.array(np.float32([[np.nan, 0], [0, 1]]))
    np.testing.assert_array_equal(np.isnan(SQUARE.to_value(latents, xp)), [True, False])


def test_both_kinds_come_back_from_json():
    line = FactorCalibration("light_deg", (-1, 1), (-30, 45), (1, 1), (-30, 45), (-1, 1))
    made = Calibration({"azimuth": SQUARE, "light": line}, step=3)
    assert Calibration.from_config(json.loads(json.dumps(made.get_config()))) == made


# === Fitting ===


@st.composite
def loops(draw):
    """A closed curve that does not cross itself: waves small beside its radius; and its blur."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    blur, size = draw(st.floats(0, 0.2)), 10 ** draw(st.floats(-2, 2))
    stretch, (dent, phase) = rng.uniform(0.6, 1.6, 2), rng.uniform(0, (0.2, 2 * np.pi), 2)
    basis, centre = np.linalg.qr(rng.normal(size=(3, 3)))[0], rng.uniform(-3, 3, 3)
    start, way = rng.uniform(0, 360), rng.choice([-1, 1])

    def curve(value):
        turn = np.radians(start + way * value)
        radius = 1 + dent * np.cos(3 * turn + phase)
        round_it = [stretch[0] * radius * np.cos(turn), stretch[1] * radius * np.sin(turn)]
        return size * (np.stack([*round_it, 0 * turn], axis=-1) @ basis + centre)

    def sample(count):
        value = rng.uniform(-180, 180, count)
        return curve(value) + size * rng.normal(0, blur, (count, 3)), value

    return curve, sample, blur, size


@given(loops())
@settings(max_examples=25, deadline=None)
def test_a_closed_curve_is_read_back_to_its_noise_all_the_way_round(case):
    curve, sample, blur, size = case
    azimuth = fit(*sample(500))
    assert (azimuth.reason, azimuth.period, azimuth.range) == ("", 360, (0, 360))
    fresh, value = sample(1000)
    difference, asked = off(azimuth.to_value(fresh), value), np.linspace(-360, 360, 200)
    # A radius of at least half: blur across it is this many degrees at most.
    assert rms(difference) < 0.5 + 1.2 * np.degrees(blur) / 0.45
    assert rms(azimuth.error(fresh)) == pytest.approx(rms(difference), rel=0.35, abs=0.3)
    assert rms(azimuth.to_latents(asked) - curve(asked)) < size * (0.02 + 0.25 * blur)
    beside = np.abs(value) < 20  # on both sides of 0°, where no cut is
    assert rms(difference[beside]) < 1 + 2.5 * np.degrees(blur) / 0.45
    ends = azimuth.to_latents(np.array([359.999, 0.001]))
    assert np.ptp(ends, axis=0).max() < 1e-3 * size


@given(loops())
@settings(max_examples=10, deadline=None)
def test_a_graph_reads_and_writes_the_same(case):
    _, sample, _, size = case
    azimuth = fit(*sample(200))
    latents, _ = sample(100)
    latents = np.float32(latents)
    in_graph = tf.function(lambda z: (azimuth.to_value(z, keras.ops), azimuth.error(z, keras.ops)))
    read, error = in_graph(tf.constant(latents))
    # As near to two pieces as float32 can tell is read as on one or on the other.
    assert np.median(np.abs(off(read.numpy(), azimuth.to_value(latents)))) < 0.01
    assert np.mean(np.abs(off(read.numpy(), azimuth.to_value(latents))) < 1) > 0.97
    assert np.median(np.abs(error - azimuth.error(latents))) < 0.05
    asked = np.linspace(-400, 400, 50, dtype=np.float32)
    written = azimuth.to_latents(tf.constant(asked), keras.ops)
    np.testing.assert_allclose(written, azimuth.to_latents(asked), atol=1e-4 * size)


def test_an_open_curve_is_read_back_to_its_noise():
    rng = np.random.default_rng(0)
    value = rng.uniform(-60, 60, (2, 500))
    latents = np.stack([np.tanh(value / 30), (value / 60) ** 2], axis=-1)
    latents += rng.normal(0, 0.02, latents.shape)
    fitted = fit(latents[0], value[0], period=None)
    assert fitted.range == pytest.approx((-60, 60), abs=1)
    difference = fitted.to_value(latents[1]) - value[1]
    assert rms(difference) < 1.5
    assert rms(fitted.error(latents[1])) == pytest.approx(rms(difference), rel=0.2)


def test_an_arc_is_no_circle():
    """More than a quarter of it is free: what was never seen cannot be asked for."""
    value = np.random.default_rng(0).uniform(-130, 130, 400)
    turn = np.radians(value)
    azimuth = fit(np.stack([np.cos(turn), np.sin(turn)], axis=-1), np.mod(value, 360))
    assert azimuth.period is None
    assert azimuth.range == pytest.approx((-130, 130), abs=2)
    np.testing.assert_allclose(azimuth.to_latents(-90.0), [0, -1], atol=0.01)


@pytest.mark.parametrize("sides", [8, 31])
def test_a_circle_seen_from_a_few_sides(sides):
    value = np.tile(np.arange(sides) * 360 / sides, 20)
    turn = np.radians(value)
    exact = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    azimuth = fit(exact + np.random.default_rng(0).normal(0, 0.05, exact.shape), value)
    np.testing.assert_allclose(azimuth.to_latents(value), exact, atol=0.05)
    between = np.radians(180 / sides)
    near = azimuth.to_latents(180 / sides)
    np.testing.assert_allclose(near, [np.cos(between), np.sin(between)], atol=0.07)


REFUSED = {
    "noise": lambda turn, rng: rng.normal(size=(*turn.shape, 2)),
    "a circle folded flat": lambda turn, rng: np.stack([np.cos(turn), 2 * np.cos(turn)], axis=-1),
    "a circle folded flat, blurred": lambda turn, rng: (
        np.stack([np.cos(turn), 0 * turn], axis=-1) + rng.normal(0, 0.1, (*turn.shape, 2))
    ),
    "twice round": lambda turn, rng: np.stack([np.cos(2 * turn), np.sin(2 * turn)], axis=-1),
}


@pytest.mark.parametrize("response", REFUSED.values(), ids=REFUSED)
def test_latents_that_do_not_tell_the_sides_apart_are_refused(response):
    rng = np.random.default_rng(0)
    value = rng.uniform(0, 360, 500)
    azimuth = fit(response(np.radians(value), rng), value)
    assert "its latents tell" in azimuth.reason
    np.testing.assert_allclose(azimuth.to_value(np.ones((3, 2))), value.mean(), rtol=0.1)
    assert azimuth.error(np.ones(2)) == pytest.approx(value.std(), rel=0.1)
    with pytest.raises(CalibrationError, match="azimuth_deg is not calibrated: its latents tell"):
        azimuth.to_latents(10.0)


def test_where_a_curve_crosses_itself_the_error_says_so():
    rng = np.random.default_rng(0)
    value = rng.uniform(0, 360, 1000)
    turn = np.radians(value)
    eight = np.stack([np.sin(turn), np.sin(2 * turn)], axis=-1)  # crosses itself at 0° and 180°
    azimuth = fit(eight + rng.normal(0, 0.05, eight.shape), value)
    errors = dict(zip(azimuth.values, azimuth.errors, strict=True))
    assert min(errors[0], errors[180]) > 20
    assert max(errors[90], errors[270]) < 5
    assert "are read as azimuth_deg more than a quarter of the circle off" in azimuth.note


@pytest.mark.parametrize("levels", [2, 3, 4])
@pytest.mark.parametrize("seed", range(10))
def test_between_few_values_the_curve_does_not_turn_back(levels, seed):
    """A manifest may have two or three levels of a factor: a curve through them says no more."""
    rng = np.random.default_rng(seed)
    value = np.repeat(np.arange(levels) * 10.0, 40)
    straight = np.stack([value / value.max(), np.zeros_like(value)], axis=-1)
    curve = fit(straight + rng.normal(0, 0.05, straight.shape), value, period=None)
    assert (np.diff(np.array(curve.points)[:, 0]) > 0).all()


def test_what_cannot_be_fitted():
    value = np.linspace(0, 300, 30)
    assert "its latents are the same in all" in fit(np.ones((30, 2)), value).reason
    same_side = np.where(np.arange(30) % 2, 0, 360)
    latents = np.random.default_rng(0).normal(size=(30, 2))
    assert "its value is the same in all" in fit(latents, same_side).reason
    assert "19 validation images show it" in fit(np.ones((19, 2)), value[:19]).reason
    with pytest.raises(ValueError, match="latents and"):
        fit(np.ones((4, 2)), value)


@given(
    st.integers(0, 2**32 - 1), st.integers(20, 60), st.integers(2, 4), st.sampled_from([None, 360])
)
@settings(max_examples=50, deadline=None)
def test_nothing_crashes_the_fit(seed, count, num_latents, period):
    """Ties, outliers, constants, gaps, images that are not finite."""
    rng = np.random.default_rng(seed)
    latents = rng.choice([0.0, 1.0, -1.0, 1e6, np.nan, rng.normal()], (count, num_latents))
    value = rng.choice([0.0, 90.0, 91.0, 400.0, np.inf, rng.uniform(0, 360)], count)
    fitted = fit(latents, value, period)
    if (np.isfinite(latents).all(axis=1) & np.isfinite(value)).any():
        assert np.isfinite(fitted.to_value(rng.normal(size=(5, num_latents)))).all()
        assert np.isfinite(fitted.error(rng.normal(size=(5, num_latents)))).all()


def test_each_factor_by_as_many_latents_as_it_has():
    rng = np.random.default_rng(0)
    value = {"azimuth": rng.uniform(0, 360, (9, 20)), "elevation": rng.uniform(-20, 20, (9, 20))}
    turn = np.radians(value["azimuth"])
    latents = {
        "azimuth": np.stack([np.cos(turn), np.sin(turn)], axis=-1),
        "elevation": value["elevation"][..., np.newaxis] / 10,
    }
    quantities = {
        "azimuth": Quantity("azimuth_deg", 360.0),
        "elevation": Quantity("elevation_deg"),
    }
    kinds = [type(c) for c in calibrate(latents, value, quantities, step=1).factors.values()]
    assert kinds == [LatentCurve, FactorCalibration]


# === Models ===


def test_a_model_reads_and_turns_by_two_latents(tmp_path):
    model = tiny_model(calibration=Calibration({"elevation": HOOK}))
    images = tiny_batch("elevation", seed=9)["image"]
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    assert model.calibration.factors == {"elevation": HOOK}
    z, inferred = model.encode(images)[0].numpy(), model.infer_scene(images)
    own = z[:, CODE.slice("elevation")]
    assert set(inferred) == {"elevation_deg", "elevation_error_deg", INTRINSIC}
    np.testing.assert_allclose(inferred["elevation_deg"], HOOK.to_value(own), atol=1e-3)
    rendered = model.rerender(images, elevation_deg=10.0)
    expected = model.rerender(images, elevation=[[0.0, 1.0]])
    np.testing.assert_allclose(rendered, expected, atol=1e-6)
    with pytest.raises(CalibrationError, match="elevation_deg=25 is outside"):
        model.rerender(images, elevation_deg=25)
