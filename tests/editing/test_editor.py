"""Codes read, changed and decoded, on an untrained network calibrated by hand."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from dcign_tf.editing.editor import SceneEditor
from dcign_tf.errors import UserError
from dcign_tf.files import write_json
from dcign_tf.readouts.calibrated_factor import CalibrationError
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.readouts.familiarity import UNFAMILIAR, Familiarity
from dcign_tf.readouts.identities import IDENTITIES_FILE, IdentityDistribution
from dcign_tf.readouts.latent_curve import LatentCurve
from dcign_tf.readouts.leakage import Leakage
from tests.helpers.tiny import CODE, tiny_model
from tests.helpers.trained_runs import (
    LATENTS,
    SIZE,
    STEP,
    calibrated_model,
    write_picture,
    write_run,
)


@pytest.fixture(scope="module")
def identities() -> IdentityDistribution:
    """Standard deviations 3, 2, 1, … along axes that are not the latents' own."""
    size = LATENTS - 3
    axes, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(size, size)))
    return IdentityDistribution(np.arange(size, dtype=float), axes * [9, 4, 1, 0.5, 0.1] @ axes.T)


@pytest.fixture(scope="module")
def editor(identities) -> SceneEditor:
    return SceneEditor(calibrated_model(), identities)


@pytest.fixture(scope="module")
def code() -> np.ndarray:
    return np.random.default_rng(1).normal(size=LATENTS).astype(np.float32)


def test_a_picture_becomes_a_code_and_a_picture_again(editor):
    images = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 1), np.uint8)
    model = calibrated_model()
    z = model.encode(images.astype(np.float32) / 255)[0].numpy()
    np.testing.assert_allclose(editor.encode(images), z, atol=1e-5)
    drawn = editor.decode(z)
    assert drawn.dtype == np.uint8
    np.testing.assert_allclose(drawn, 255 * model.decode(z).numpy(), atol=0.51)


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "bool"])
def test_pictures_that_are_no_levels_are_refused(editor, kind):
    with pytest.raises(ValueError, match=f"image is {kind}; it must be uint8, levels of 0 to 255"):
        editor.encode(np.ones((1, SIZE, SIZE, 1), kind))


def test_pictures_unlike_those_of_training_are_doubted():
    """Those that the network does not draw again; of an entangled one, too."""
    model = calibrated_model()
    levels = np.random.default_rng(0).integers(0, 256, (30, SIZE, SIZE, 1), np.uint8)
    images = levels.astype(np.float32) / 255
    z_mean, errors = model.encode(images)[0], np.mean((model(images) - images) ** 2, (1, 2, 3))
    known = dataclasses.replace(model.calibration, familiarity=Familiarity.fitted(z_mean, errors))
    black = np.zeros_like(levels[:1])
    for latents in ({}, {"azimuth": (5,)}):
        model.calibration = dataclasses.replace(known, latents=latents)
        editor = SceneEditor(model)
        assert editor.doubt(levels, editor.encode(levels)) == ""
        assert editor.doubt(black, editor.encode(black)) == UNFAMILIAR
    model.calibration = dataclasses.replace(known, familiarity=None)
    assert SceneEditor(model).doubt(black, editor.encode(black)) == ""


def test_what_a_code_says(editor):
    code = np.zeros(LATENTS, np.float32)
    code[:3] = (1, -5, 0)
    scene = editor.read(code)
    assert list(scene) == ["azimuth_deg", "elevation_deg", "light_azimuth_deg"]
    assert scene["azimuth_deg"] == pytest.approx((30, 3.75))
    assert scene["elevation_deg"] == pytest.approx((-25, 3))  # it ends there
    assert scene["light_azimuth_deg"] == pytest.approx((0, 3.5))


def test_a_change_changes_its_own_latent_alone(editor, code):
    changed = editor.changed(code, {"elevation_deg": -12.5, "azimuth_deg": 60})
    np.testing.assert_allclose(changed[:2], (2, -1))
    np.testing.assert_array_equal(changed[2:], code[2:])
    assert editor.read(changed)["elevation_deg"].value == pytest.approx(-12.5)


def test_what_a_pose_leaves_is_taken_out_once_as_the_model_does_it():
    model, rng = calibrated_model(), np.random.default_rng(0)
    leakage = {
        factor: Leakage.of(rng.normal(size=LATENTS), 1.0, rng.normal(size=(LATENTS, LATENTS - 3)))
        for factor in ("azimuth", "elevation")
    }
    model.calibration = dataclasses.replace(model.calibration, leakage=leakage)
    editor = SceneEditor(model)
    images = rng.integers(0, 256, (2, SIZE, SIZE, 1), np.uint8)
    codes, elsewhere = editor.encode(images), {"elevation_deg": -10.0}
    changed = editor.changed(codes, {"azimuth_deg": 60, **elsewhere})
    assert np.abs(changed - codes)[:, 3:].min(axis=1).max() > 0.01
    expected = model.rerender(images.astype(np.float32) / 255, azimuth_deg=60.0, **elsewhere)
    np.testing.assert_allclose(editor.decode(changed), 255 * expected.numpy(), atol=0.52)
    swung = editor.swung(codes[0], "azimuth_deg", 4, elsewhere)  # whose third frame is at 60°
    np.testing.assert_allclose(swung[2], changed[0], atol=1e-5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"azimuth_deg": 61}, "azimuth_deg=61 is outside the calibrated range, -60 to 60."),
        ({"roll_deg": 0}, "Unknown value 'roll_deg'; calibrated are azimuth_deg, elevation_deg,"),
        ({"azimuth_deg": float("nan")}, "azimuth_deg=nan is outside"),
    ],
)
def test_what_cannot_be_asked_for(editor, code, values, message):
    with pytest.raises(CalibrationError, match=message):
        editor.changed(code, values)


def test_principal_directions_of_the_identity(editor, identities, code):
    lengths = np.linalg.norm(editor.directions, axis=1)
    np.testing.assert_allclose(lengths**2, [9, 4, 1, 0.5, 0.1], rtol=1e-5)
    np.testing.assert_allclose(
        editor.directions.T @ editor.directions, identities.covariance, atol=1e-5
    )
    moved = editor.shifted(code, [0, -1.5])
    np.testing.assert_array_equal(moved[:3], code[:3])
    np.testing.assert_allclose(moved[3:] - code[3:], -1.5 * editor.directions[1], rtol=1e-5)


def test_somebody_looks_straight_ahead_and_is_another_for_another_seed(editor):
    first, again, other = (editor.someone(seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[:3], 0)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other)[3:].min() > 0


def test_without_identities_people_are_drawn_from_the_prior():
    editor = SceneEditor(calibrated_model())
    assert editor.directions.shape == (0, LATENTS - 3)
    drawn = np.stack([editor.someone(seed)[3:] for seed in range(300)])
    assert abs(drawn.mean()) < 0.1
    assert abs(drawn.std() - 1) < 0.1


def test_people_are_drawn_from_the_prior_if_asked(editor):
    drawn = np.stack([editor.someone(seed, from_prior=True) for seed in range(300)])
    np.testing.assert_array_equal(drawn[:, :3], np.broadcast_to(editor.someone(0)[:3], (300, 3)))
    np.testing.assert_allclose(drawn[:, 3:].mean(axis=0), 0, atol=0.25)
    np.testing.assert_allclose(drawn[:, 3:].std(axis=0), 1, atol=0.2)


def test_a_swing_goes_through_the_whole_range_and_back(editor, code):
    for more in ({}, {"elevation_deg": 5.0}):
        swung = editor.swung(code, "azimuth_deg", 8, more)
        for frame, azimuth_deg in ((0, -60), (2, 0), (4, 60), (6, 0)):
            expected = editor.changed(code, {"azimuth_deg": azimuth_deg, **more})
            np.testing.assert_allclose(swung[frame], expected, atol=1e-5)
        assert (swung[0] != swung[4]).any()


def test_a_circle_of_two_latents_is_read_turned_and_swung():
    square = LatentCurve(
        "elevation_deg",
        values=(0.0, 90.0, 180.0, 270.0, 360.0),
        points=((1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (1.0, 1.0)),
        errors=(4.0,) * 5,
        period=360.0,
    )
    editor = SceneEditor(tiny_model(calibration=Calibration({"elevation": square})))
    code = np.zeros(CODE.latent_dim, np.float32)
    turned = editor.changed(code, {"elevation_deg": 45 + 360})
    np.testing.assert_allclose(turned, [0, 0, 1, 0, 0, 0], atol=1e-6)
    assert editor.read(turned)["elevation_deg"] == pytest.approx((45, 4))
    np.testing.assert_allclose(editor.someone(0)[1:3], (1, 1))  # 0°
    swung = editor.swung(code, "elevation_deg", 8)
    expected = editor.changed(code, {"elevation_deg": 225})
    np.testing.assert_allclose(swung[5], expected, atol=1e-6)


def test_a_model_without_calibration():
    model = calibrated_model()
    model.calibration = None
    with pytest.raises(CalibrationError, match=r"not calibrated.*dcign-tf evaluate"):
        SceneEditor(model)


def test_the_editor_of_a_run(tmp_path):
    run, _ = write_run(tmp_path / "run")
    editor = SceneEditor.of_run(run)
    assert len(editor.directions) == LATENTS - 3
    (run.evaluation / IDENTITIES_FILE).unlink()
    assert len(SceneEditor.of_run(run).directions) == 0
    for size, trained in ((LATENTS, STEP), (LATENTS - 3, STEP + 1)):
        others = dataclasses.replace(IdentityDistribution.prior(size), step=trained)
        others.save(run.evaluation / IDENTITIES_FILE)
        with pytest.raises(UserError, match=r"of another network, or of other weights; dcign-tf"):
            SceneEditor.of_run(run)


def test_pictures_come_into_the_square_as_those_trained_on_did(tmp_path):
    run, _ = write_run(tmp_path / "run")
    config = json.loads(run.config_file.read_text())
    settings = {"image_size": SIZE, "channels": 1, "background": 90, "fit": "cover"}
    del config["face_model"]
    write_json(run.config_file, {**config, "dataset": "manifest", "data": settings})
    write_picture(tmp_path / "portrait.png", seed=0, size=(SIZE, 2 * SIZE))
    fitted = SceneEditor.of_run(run).fit(tmp_path / "portrait.png")
    whole = np.asarray(Image.open(tmp_path / "portrait.png"))
    np.testing.assert_array_equal(fitted[..., 0], whole[SIZE // 2 : SIZE // 2 + SIZE])


def test_an_entangled_model_is_edited_where_its_latents_were_found(code):
    model = calibrated_model()
    model.procedure = "entangled"
    known = model.calibration
    model.calibration = type(known)(known.factors, known.step, {"azimuth": (5,)})
    editor = SceneEditor(model)
    images = np.random.default_rng(0).integers(0, 256, (1, SIZE, SIZE, 1), np.uint8)
    changed = editor.changed(editor.encode(images)[0], {"azimuth_deg": 60})
    z = model.encode(images.astype(np.float32) / 255)[0].numpy()[0]
    z[5] = 2
    np.testing.assert_allclose(editor.model_code(changed), z, atol=1e-5)
    expected = model.rerender(images.astype(np.float32) / 255, azimuth_deg=60.0)
    drawn = editor.decode(changed[np.newaxis])
    np.testing.assert_allclose(drawn, 255 * expected.numpy(), atol=0.52)
