"""The paper's networks: its shapes, its number of parameters, and every other size."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from dcign_tf.model.networks import build_decoder, build_encoder, smallest_image_size


def output_shapes(network: keras.Model) -> dict[str, tuple]:
    return {layer.name: layer.output.shape[1:] for layer in network.layers}


@pytest.fixture(scope="module")
def paper_encoder():
    return build_encoder()


@pytest.fixture(scope="module")
def paper_decoder():
    return build_decoder()


def test_parameters_of_the_paper_networks(paper_encoder, paper_decoder):
    conv = 5 * 5 * (1 * 96 + 96 * 64 + 64 * 32) + 96 + 64 + 32
    heads = 2 * (7200 + 1) * 200
    assert paper_encoder.count_params() == conv + heads == 3_087_792
    dense = (200 + 1) * 7200
    unpool = 7 * 7 * (32 * 32 + 32 * 64 + 64 * 96 + 96 * 1) + 32 + 64 + 96 + 1
    assert paper_decoder.count_params() == dense + unpool == 1_903_681


def test_stages_of_the_paper_encoder(paper_encoder):
    shapes = output_shapes(paper_encoder)
    assert shapes["image"] == (150, 150, 1)
    assert shapes["relu1"] == (73, 73, 96)
    assert shapes["relu2"] == (34, 34, 64)
    assert shapes["relu3"] == (15, 15, 32)
    assert shapes["flatten"] == (7200,)
    assert shapes["z_mean"] == shapes["z_log_var"] == (200,)


def test_stages_of_the_paper_decoder(paper_decoder):
    assert list(output_shapes(paper_decoder).items()) == [
        ("z", (200,)),
        ("dense", (7200,)),
        ("base", (15, 15, 32)),
        ("unpool_conv1", (24, 24, 32)),
        ("unpool_conv2", (42, 42, 64)),
        ("unpool_conv3", (78, 78, 96)),
        ("logits", (150, 150, 1)),
    ]


def test_activations_stand_where_the_paper_has_them(paper_encoder, paper_decoder):
    """No ReLU before pooling, none on the heads or the logits."""
    order = [layer.name for layer in paper_encoder.layers[1:10]]
    stages = itertools.product("123", ("conv", "pool", "relu"))
    assert order == [f"{kind}{stage}" for stage, kind in stages]
    linear, relu = keras.activations.linear, keras.activations.relu
    for name in ("conv1", "conv2", "conv3", "z_mean", "z_log_var"):
        assert paper_encoder.get_layer(name).activation is linear
    for name in ("dense", "unpool_conv1", "unpool_conv2", "unpool_conv3"):
        assert paper_decoder.get_layer(name).activation is relu
    assert paper_decoder.get_layer("logits").activation is linear


def test_70_pixels_fit_without_cropping():
    encoder, decoder = build_encoder((70, 70, 1)), build_decoder((70, 70, 1))
    assert output_shapes(encoder)["relu3"] == (5, 5, 32)
    assert output_shapes(decoder)["base"] == (10, 10, 32)
    assert decoder.layers[-1].name == "logits"
    assert decoder.output.shape == (None, 70, 70, 1)


def test_128_pixels_in_colour_with_16_latents_are_cropped_from_134():
    encoder = build_encoder((128, 128, 3), latent_dim=16)
    decoder = build_decoder((128, 128, 3), latent_dim=16)
    assert encoder.output["z_mean"].shape == encoder.output["z_log_var"].shape == (None, 16)
    shapes = output_shapes(decoder)
    assert shapes["base"] == (14, 14, 32)
    assert shapes["logits"] == (134, 134, 3)
    assert shapes["crop"] == (128, 128, 3)
    assert decoder.get_layer("crop").cropping == ((3, 3), (3, 3))


def test_an_odd_row_and_column_are_cropped_at_the_bottom_and_right():
    # Two stages of 3×3: 4·7 − 6 = 22 rows for 19, 4·6 − 6 = 18 columns for 17.
    decoder = build_decoder((19, 17, 1), 4, base_filters=2, filters=(3,), kernel_size=3)
    codes = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    whole = keras.Model(decoder.input, decoder.get_layer("logits").output)(codes)
    assert whole.shape == (2, 22, 18, 1)
    np.testing.assert_array_equal(decoder(codes), whole[:, 1:20, 0:17])


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    channels=st.integers(1, 4),
    stages=st.integers(1, 4),
    kernel_size=st.sampled_from([1, 3, 5, 7]),
)
def test_decoders_give_exactly_the_image_asked_for(height, width, channels, stages, kernel_size):
    image_shape = (height, width, channels)
    decoder = build_decoder(image_shape, 3, 2, (2,) * (stages - 1), kernel_size)
    assert decoder.output.shape == (None, *image_shape)
    # From the smallest map that is large enough: one smaller would not do.
    for base, size in zip(decoder.get_layer("base").output.shape[1:3], image_shape, strict=False):
        smaller = base - 1
        for _ in range(stages):
            smaller = 2 * smaller - kernel_size + 1
        assert smaller < size


@pytest.mark.parametrize(("stages", "kernel_size"), [(3, 5), (2, 3), (1, 7), (4, 1)])
def test_the_smallest_image_is_the_smallest(stages, kernel_size):
    size = smallest_image_size(stages, kernel_size)
    filters = (2,) * stages
    encoder = build_encoder((size, size + 3, 1), 3, filters, kernel_size)
    assert output_shapes(encoder)[f"relu{stages}"][0] == 1
    message = f"the smallest size is {size}×{size}"
    for too_small in ((size - 1, size + 9, 1), (size + 9, size - 1, 1)):
        with pytest.raises(ValueError, match=message):
            build_encoder(too_small, 3, filters, kernel_size)


def test_paper_stages_need_36_pixels():
    assert smallest_image_size(3, 5) == 36


def test_rejects_even_decoder_kernels():
    with pytest.raises(ValueError, match="odd kernel size, got 4"):
        build_decoder((20, 20, 1), 3, kernel_size=4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("image_shape", [(18, 18, 1), (19, 17, 3)])
def test_heads_and_logits_are_float32_under_mixed_policies(set_dtype_policy, policy, image_shape):
    set_dtype_policy(policy)
    encoder = build_encoder(image_shape, 5, (4, 6), 3)
    decoder = build_decoder(image_shape, 5, 3, (4,), 3)
    outputs = encoder(tf.ones((2, *image_shape)))
    assert outputs["z_mean"].dtype == outputs["z_log_var"].dtype == tf.float32
    assert decoder(outputs["z_mean"]).dtype == tf.float32
    half = policy.removeprefix("mixed_")
    assert encoder.get_layer("conv2").compute_dtype == half
    assert encoder.get_layer("z_mean").compute_dtype == "float32"
    assert decoder.get_layer("unpool_conv1").compute_dtype == half
    assert decoder.get_layer("logits").compute_dtype == "float32"
    assert {w.dtype for w in encoder.weights + decoder.weights} == {"float32"}


def test_decoder_equals_one_of_plain_keras_layers():
    decoder = build_decoder((34, 34, 2), 4, 3, (5, 4), 5)
    x = plain_input = keras.Input((4,))
    x = keras.layers.Dense(8 * 8 * 3, activation="relu")(x)
    x = keras.layers.Reshape((8, 8, 3))(x)
    for filters, activation in ((5, "relu"), (4, "relu"), (2, None)):
        x = keras.layers.UpSampling2D(2)(x)
        x = keras.layers.Conv2D(filters, 5, activation=activation)(x)
    plain = keras.Model(plain_input, keras.layers.Cropping2D(1)(x))
    plain.set_weights(decoder.get_weights())
    codes = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    expected = plain(codes)
    error = np.max(np.abs(decoder(codes) - expected)) / np.max(np.abs(expected))
    assert error < 1e-5
