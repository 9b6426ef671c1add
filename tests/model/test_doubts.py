"""What the model says of pictures that it cannot know: in another scale, or unlike any it saw."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
import tensorflow as tf

from dcign_tf.codec import Codec
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.readouts.familiarity import UNFAMILIAR, Familiarity
from tests.helpers.tiny import AZIMUTH, CODE, IMAGE_SHAPE, tiny_batch, tiny_model

IMAGES = tiny_batch("azimuth", size=30)["image"]
FACTORS = np.zeros(len(IMAGES), np.int32)
BLACK = np.zeros((1, *IMAGE_SHAPE), np.float32)
CALIBRATION = Calibration({"azimuth": AZIMUTH})
WRONG = {
    "levels": (255 * IMAGES).astype(np.uint8),
    "0 to 255": 255 * IMAGES,
    "-1 to 1": 2 * IMAGES - 1,
    "NaN": np.where(IMAGES > 0.9, np.nan, IMAGES),
}
OF_BATCHES = {"batch_size": len(IMAGES), "verbose": 0}
CALLS = {
    "call": lambda model, images: model(images),
    "encode": lambda model, images: model.encode(images),
    "infer_scene": lambda model, images: model.infer_scene(images),
    "rerender": lambda model, images: model.rerender(images, azimuth_deg=3.0),
    "predict": lambda model, images: model.predict(images, **OF_BATCHES),
    "predict_on_batch": lambda model, images: model.predict_on_batch(images),
    "fit": lambda model, images: model.fit(images, FACTORS, shuffle=False, **OF_BATCHES),
    "evaluate": lambda model, images: model.evaluate(images, FACTORS, **OF_BATCHES),
    "train_on_batch": lambda model, images: model.train_on_batch(images, FACTORS),
    "Codec": lambda model, images: Codec(model).encode(images),
}


@pytest.fixture(scope="module")
def model():
    return tiny_model(calibration=CALIBRATION)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("call", CALLS)
def test_pictures_in_another_scale_are_refused(model, call, wrong):
    with pytest.raises(
        ValueError, match=r"image (is uint8; it must be|has values .* must be 0 to)"
    ):
        CALLS[call](model, WRONG[wrong])
    assert model.step.numpy() == 0


@pytest.fixture(scope="module")
def doubting():
    """A model that knows such pictures as `IMAGES`: the network draws them grey."""
    model = tiny_model()
    z_mean, errors = model.encode(IMAGES)[0], np.mean((model(IMAGES) - IMAGES) ** 2, (1, 2, 3))
    limits = Familiarity.fitted(z_mean, errors)
    model.calibration = dataclasses.replace(CALIBRATION, familiarity=limits)
    return model


def test_the_scene_comes_with_its_doubts(doubting, model):
    images = np.concatenate([IMAGES[:2], BLACK])
    scene = doubting.infer_scene(images)
    assert scene["is_unfamiliar"].numpy().tolist() == [False, False, True]
    off = (scene["unfamiliarity"].numpy() > 1).tolist()
    assert off == [False, False, True]
    in_graph = tf.function(doubting.infer_scene)(tf.constant(images))
    np.testing.assert_allclose(in_graph["unfamiliarity"], scene["unfamiliarity"], rtol=1e-4)
    assert set(scene) - set(model.infer_scene(images)) == {"unfamiliarity", "is_unfamiliar"}


@pytest.mark.parametrize("changes", [{}, {"azimuth_deg": 10.0}, {"azimuth": 1.0}])
def test_a_rerendering_that_means_little_warns(doubting, changes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        doubting.rerender(IMAGES, **changes)
    with pytest.warns(UserWarning, match=UNFAMILIAR) as caught:
        doubting.rerender(BLACK, **changes)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match=f"^1 of 2 pictures: {UNFAMILIAR}"):
        doubting.rerender(np.concatenate([IMAGES[:1], BLACK]), **changes)


def test_limits_of_other_weights_say_nothing(doubting):
    model = tiny_model(step=1, calibration=doubting.calibration)
    assert model.judged(BLACK, np.zeros((1, CODE.latent_dim), np.float32)) == {}


def test_they_are_saved_with_the_model(doubting, tmp_path):
    import keras

    doubting.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.calibration == doubting.calibration
