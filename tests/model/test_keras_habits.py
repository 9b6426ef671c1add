"""What Keras models are used to: every way to give data, callbacks, export, reloading."""

from __future__ import annotations

import gc
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcign_tf.codec import Codec
from dcign_tf.model.checks import checked_images
from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.networks import build_decoder, build_encoder
from tests.helpers.tiny import BATCH_SIZE, CODE, IMAGE_SHAPE, tiny_batch, tiny_batches, tiny_model

BATCHES = tiny_batches(3)
IMAGES, FACTORS = (np.concatenate([b[key] for b in BATCHES]) for key in ("image", "factor"))


@pytest.fixture
def no_iterator_is_left():
    """Keras leaves its own in cycles, and the end of an old one takes up to half a minute."""
    yield
    gc.collect()


def of_unknown_size(batches=BATCHES) -> tf.data.Dataset:
    specs = {key: tf.TensorSpec((None, *v.shape[1:]), v.dtype) for key, v in batches[0].items()}
    options = tf.data.Options()
    options.autotune.enabled = False  # whose thread it is that takes so long to end
    generated = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=specs)
    return generated.with_options(options)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return len(BATCHES)

    def __getitem__(self, index):
        return (BATCHES[index],)


FORMS = {
    "a dataset of batches": lambda: of_unknown_size(),
    "a dataset of pairs": lambda: tf.data.Dataset.from_tensor_slices((IMAGES, FACTORS)).batch(
        BATCH_SIZE
    ),
    "arrays": lambda: (IMAGES, FACTORS),
    "a generator": lambda: ((batch,) for batch in BATCHES),
    "a PyDataset": lambda: Batches(),
}
"""The same three batches in every form that Keras takes; made when asked for, see conftest.py."""


@pytest.mark.usefixtures("no_iterator_is_left")
@pytest.mark.parametrize("form", FORMS)
def test_fit_evaluate_and_predict_take(form):
    expected = tiny_model()
    losses = [expected.train_on_batch(batch, return_dict=True)["loss"] for batch in BATCHES]
    model, is_arrays, is_generator = tiny_model(), form == "arrays", form == "a generator"

    def given():
        data = FORMS[form]()
        return data if is_arrays else (data,)

    options = {"verbose": 0, **({"batch_size": BATCH_SIZE} if is_arrays else {})}
    one_epoch = {"shuffle": False} if is_arrays else {}
    one_epoch |= {"steps_per_epoch": 3} if is_generator else {}
    history = model.fit(*given(), **options, **one_epoch).history
    assert int(model.step.numpy()) == 3
    assert int(model.optimizer.iterations.numpy()) == 3
    assert history["loss"][0] == pytest.approx(np.mean(losses))
    for ours, theirs in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)

    options |= {"steps": 3} if is_generator else {}
    tested = model.evaluate(*given(), return_dict=True, **options)
    assert tested["loss"] == pytest.approx(-tested["elbo"])
    drawn = model.predict(given()[0], **options)
    np.testing.assert_allclose(drawn, model(IMAGES), atol=1e-6)


def test_several_factor_batches_a_step_are_predicted_too():
    steps = tf.data.Dataset.from_tensors({"image": IMAGES[None], "factor": FACTORS[None]})
    np.testing.assert_allclose(
        tiny_model().predict(steps, verbose=0), tiny_model()(IMAGES), atol=1e-6
    )


def test_on_batch():
    model = tiny_model()
    batch = BATCHES[0]
    by_dict = model.test_on_batch(batch, return_dict=True)
    model.reset_metrics()
    by_pair = model.test_on_batch(batch["image"], batch["factor"], return_dict=True)
    assert by_pair["loss"] == by_dict["loss"]


def test_callbacks_watch_the_loss_of_validation(tmp_path):
    model, path = tiny_model(), tmp_path / "best.keras"
    stop = keras.callbacks.EarlyStopping(patience=1, min_delta=1e9)  # nothing is ever enough
    save = keras.callbacks.ModelCheckpoint(path, save_best_only=True)
    history = model.fit(
        of_unknown_size(), validation_data=of_unknown_size(), epochs=5, verbose=0,
        callbacks=[stop, save],
    ).history  # fmt: skip
    assert len(history["loss"]) == 2
    assert history["val_loss"] == [-elbo for elbo in history["val_elbo"]]
    assert stop.monitor == save.monitor == "val_loss"
    best = keras.saving.load_model(path)
    assert int(best.step.numpy()) == 3 * (1 + int(np.argmin(history["val_loss"])))


def test_export_reconstructs(tmp_path):
    model = tiny_model()
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    for count in (1, 4):
        np.testing.assert_allclose(served.serve(IMAGES[:count]), model(IMAGES[:count]), atol=1e-6)


@pytest.mark.parametrize("imports", ["import dcign_tf, keras", "import keras, dcign_tf"])
def test_a_file_is_loaded_in_a_new_process_after_importing_the_package_alone(tmp_path, imports):
    model = tiny_model(step=1)
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=True)
    model.optimizer.iterations.assign(1)
    model.save(tmp_path / "model.keras")
    code = (
        f"{imports}, sys\nmodel = keras.saving.load_model(sys.argv[1])\n"
        "print(int(model.step.numpy()), int(model.optimizer.iterations.numpy()),"
        " model.get_compile_config()['jit_compile'], keras.__spec__.loader is keras.__loader__)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model.keras"],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert ran.stdout == "1 1 True True\n"
    assert "Warning" not in ran.stderr


def test_another_backend_is_one_line(tmp_path):
    (tmp_path / "jax.py").touch()
    code = (
        "import keras\nkeras.backend.backend = lambda: 'jax'\n"
        "try:\n    import dcign_tf; dcign_tf.DCIGN\nexcept ImportError as error: print(error)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    assert ran.stdout.startswith("dcign_tf needs Keras on TensorFlow, and it runs on jax: set")
    assert ran.stdout.count("\n") == 1


def test_channels_first_in_kerass_settings_changes_nothing():
    keras.config.set_image_data_format("channels_first")
    try:
        model = tiny_model()
    finally:
        keras.config.set_image_data_format("channels_last")
    np.testing.assert_allclose(model(IMAGES), tiny_model()(IMAGES), atol=1e-6)


def mixed(factors) -> list[dict[str, np.ndarray]]:
    return [{**BATCHES[0], "factor": np.array(factors, np.int32)}]


@pytest.fixture(scope="module", params=[False, True], ids=["graph", "XLA"])
def compiled(request) -> DCIGN:
    """Traced once for all wrong batches, which change nothing of it."""
    model = tiny_model()
    model.compile(keras.optimizers.SGD(0.1), jit_compile=request.param)
    return model


@pytest.mark.parametrize(
    ("batch", "sentence"),
    [
        (mixed([0, 0, 1, 0, 0, 0])[0], "Several factors in one batch; do not shuffle or split"),
        (mixed([3] * 6)[0], r"factor is 3 to 3; it must be 0 \(azimuth\) to 2 \(intrinsic\)"),
        (mixed([-1] * 6)[0], r"factor is -1 to -1; it must be"),
        ({**BATCHES[0], "image": 255 * BATCHES[0]["image"]}, "image has values .* must be 0 to 1"),
        ({**BATCHES[0], "image": np.nan * BATCHES[0]["image"]}, "image has values nan to nan"),
        ({**BATCHES[0], "image": np.zeros((6, *IMAGE_SHAPE), np.uint8)}, "image is uint8; it must"),
    ],
    ids=["mixed", "too large", "negative", "0 to 255", "NaN", "uint8"],
)
def test_a_wrong_batch_is_one_sentence_and_changes_nothing(batch, sentence, compiled):
    before = compiled.get_weights()
    with pytest.raises(ValueError, match=f"^{sentence}") as caught:
        compiled.fit(of_unknown_size([batch]), verbose=0)
    assert "\n" not in str(caught.value)
    for ours, theirs in zip(before, compiled.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("batch", [{"image": IMAGES}, (IMAGES,), (IMAGES, FACTORS, FACTORS)])
def test_a_batch_of_another_form_is_one_sentence(batch):
    with pytest.raises(ValueError, match=r"^A batch is \{'image': images, 'factor': factors\}, or"):
        tiny_model().train_step(batch)


def test_xla_trains_what_the_graph_trains():
    graph, jitted = tiny_model(), tiny_model()
    for model, is_jitted in ((graph, False), (jitted, True)):
        model.compile(keras.optimizers.SGD(0.1), jit_compile=is_jitted)
        model.fit(of_unknown_size(), verbose=0)
    for ours, theirs in zip(graph.get_weights(), jitted.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, *IMAGE_SHAPE), np.uint8),
        np.full((2, *IMAGE_SHAPE), 255.0, np.float32),
        np.full((2, *IMAGE_SHAPE), -1.0, np.float32),
        np.full((2, *IMAGE_SHAPE), np.nan, np.float32),
    ],
    ids=["uint8", "0 to 255", "-1 to 1", "NaN"],
)
@pytest.mark.parametrize("what", ["encode", "rerender", "__call__", "infer_scene"])
def test_pictures_in_another_scale_are_refused(images, what, calibrated_model):
    with pytest.raises(ValueError, match=r"image (is uint8|has values)") as caught:
        getattr(calibrated_model, what)(images)
    if what != "__call__":  # to which Keras adds what it was called with
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [IMAGE_SHAPE, (2, 20, 18), (2, 18, 20, 1), (2, 20, 18, 3), (0,)])
@pytest.mark.parametrize("what", ["encode", "rerender", "infer_scene", "predict", "Codec"])
def test_pictures_of_another_shape_are_refused_in_one_sentence(shape, what, calibrated_model):
    """Some would be broadcast against those that are drawn of them."""
    of = {"Codec": lambda images: Codec(calibrated_model).encode(images)}
    call = of.get(what) or getattr(calibrated_model, what)
    told = re.escape(f"image has the shape {shape}; it must be [B, 20, 18, 1]")
    if what == "predict":  # Keras has a batch of what is there
        told = told.replace(re.escape(str(shape)), ".*")
        shape = (2, *shape[1:]) if len(shape) > 1 else (2,)
    with pytest.raises(ValueError, match=f"^{told}$"):
        call(np.zeros(shape, np.float32))


def test_pictures_of_many_shapes_are_refused_by_a_graph_for_all_shapes():
    encode = tf.function(tiny_model().encode, input_signature=[tf.TensorSpec((None,) * 4)])
    assert encode(np.zeros((3, *IMAGE_SHAPE), np.float32))[0].shape == (3, CODE.latent_dim)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"image has the shape \[1 18 20 1\]; it"
    ):
        encode(np.zeros((1, 18, 20, 1), np.float32))


@pytest.mark.parametrize("shape", [(6,), (2, 5), (2, 1, 6)])
def test_codes_of_another_shape_are_refused_in_one_sentence(shape):
    with pytest.raises(ValueError, match=r"^z has the shape \(.*\); it must be \[B, 6\]$"):
        tiny_model().decode(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"azimuth_deg": "30"}, "azimuth_deg is string; it must be a number, or several"),
        ({"azimuth_deg": 3 + 5j}, "azimuth_deg is complex128; it must be a number"),
        ({"azimuth_deg": True}, "azimuth_deg is bool; it must be a number"),
        ({"azimuth": float("nan")}, "azimuth is nan; it must be finite"),
        ({"azimuth": float("inf")}, "azimuth is inf; it must be finite"),
    ],
)
def test_what_is_no_number_cannot_be_asked_for(change, sentence, calibrated_model):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        calibrated_model.rerender(np.zeros((2, *IMAGE_SHAPE), np.float32), **change)


@pytest.fixture(scope="module")
def calibrated_model():
    from dcign_tf.readouts.calibration import Calibration
    from tests.helpers.tiny import AZIMUTH

    model = tiny_model()
    model.calibration = Calibration({"azimuth": AZIMUTH}, step=0)
    return model


def test_what_resampling_makes_of_pictures_is_taken():
    pictures = np.tile(np.array([-1e-4, 1.0001], np.float32), 180).reshape(1, *IMAGE_SHAPE)
    checked_images(pictures, IMAGE_SHAPE)
    checked_images(np.zeros((0, *IMAGE_SHAPE), np.float32), IMAGE_SHAPE)
    checked_images(pictures, (None, None, 1))


def subclassed():
    class Encoder(keras.Model):
        def call(self, images):
            return images

    return Encoder()


def returning(make):
    images = keras.Input(IMAGE_SHAPE)
    flat = keras.layers.Flatten()(images)
    heads = [keras.layers.Dense(CODE.latent_dim)(flat) for _ in range(2)]
    return keras.Model(images, make(heads))


@pytest.mark.parametrize(
    ("encoder", "sentence"),
    [
        (lambda: subclassed(), "The encoder is no functional model: its inputs and outputs"),
        (lambda: keras.Sequential([keras.layers.Flatten()]), "The encoder is no functional model"),
        (lambda: returning(list), "The encoder returns list; it must return a dict of z_mean and"),
        (lambda: returning(tuple), "The encoder returns tuple"),
        (lambda: returning(lambda h: {"mean": h[0]}), "The encoder returns a dict of mean; it"),
        (lambda: build_encoder(IMAGE_SHAPE, 5, (4,), 3), "The encoder's z_mean has 5 latents, the"),
        (lambda: build_encoder((24, 24, 1), 6, (4,), 3), r"The decoder draws \(20, 18, 1\), and"),
    ],
    ids=["subclassed", "Sequential", "list", "tuple", "other names", "width", "shape"],
)
def test_an_odd_encoder_is_refused_in_one_sentence(encoder, sentence):
    decoder = build_decoder(IMAGE_SHAPE, CODE.latent_dim, 3, (5,), 3)
    with pytest.raises(ValueError, match=f"^{sentence}"):
        DCIGN(encoder(), decoder, CODE)


def test_a_sequential_decoder_is_used():
    size = int(np.prod(IMAGE_SHAPE))
    layers = [keras.layers.Dense(size), keras.layers.Reshape(IMAGE_SHAPE)]
    with pytest.raises(ValueError, match=r"^The decoder is no functional model"):
        DCIGN(tiny_model().encoder, keras.Sequential(layers), CODE)
    decoder = keras.Sequential([keras.Input((CODE.latent_dim,)), *layers])
    model = DCIGN(tiny_model().encoder, decoder, CODE)
    model.compile(keras.optimizers.SGD(0.1))
    assert np.isfinite(model.train_on_batch(tiny_batch("azimuth"), return_dict=True)["loss"])


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("azimuth", np.zeros((2, 3)), r"azimuth is of the shape \(2, 3\), which does not fit 2"),
        ("elevation", np.zeros(3), r"elevation is of the shape \(3,\).* 2 pictures, 2 for each"),
        ("elevation", np.zeros((5, 2)), r"elevation is of the shape \(5, 2\)"),
        ("azimuth_deg", np.zeros(3), r"azimuth_deg is of the shape \(3,\), which .* 2 pictures\.$"),
    ],
)
def test_latents_of_the_wrong_width_are_one_sentence(name, value, sentence, calibrated_model):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        calibrated_model.rerender(IMAGES[:2], **{name: value.astype(np.float32)})
