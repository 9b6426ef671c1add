"""The stages equal Keras's: MaxPool2x2 to the bit, the others to float32's last digits."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcign_tf.model import layers
from dcign_tf.model.layers import MaxPool2x2, UnpoolConv2D, ValidConv2D

TOLERANCE = 1e-5


@pytest.fixture(params=["avx2", "avx2 avx512f"])
def processor(request, monkeypatch):
    """What its flags are taken to be."""
    monkeypatch.setattr(layers, "cpu_flags", lambda: frozenset(request.param.split()))
    return request.param


def layer_pair(kernel_size, in_channels, filters, activation=None, dtype=None, seed=0):
    """The fused layer and the two it replaces, with the same random weights."""
    rng = np.random.default_rng(seed)
    kernel = rng.normal(size=(kernel_size, kernel_size, in_channels, filters))
    weights = [kernel / kernel_size / in_channels**0.5, rng.normal(size=filters)]
    fused = UnpoolConv2D(filters, kernel_size, activation, dtype=dtype)
    conv = keras.layers.Conv2D(filters, kernel_size, activation=activation, dtype=dtype)
    plain = keras.Sequential([keras.layers.UpSampling2D(2, dtype=dtype), conv])
    for layer in (fused, plain):
        layer.build((None, None, None, in_channels))
        layer.set_weights(weights)
    return fused, plain


def outputs_and_gradients(layer, inputs, upstream):
    inputs = tf.convert_to_tensor(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
    kernel, bias = layer.trainable_variables
    sources = [inputs, kernel, bias]
    return [outputs, *tape.gradient(outputs, sources, tf.cast(upstream, outputs.dtype))]


def relative_error(actual, expected):
    actual, expected = (np.asarray(tf.cast(x, tf.float64)) for x in (actual, expected))
    return np.max(np.abs(actual - expected)) / np.max(np.abs(expected))


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize(
    ("kernel_size", "size", "in_channels", "filters"),
    [
        (1, (3, 4), 2, 3),
        (3, (2, 7), 1, 1),
        (5, (6, 3), 3, 2),
        (7, (15, 15), 32, 32),
        (7, (4, 9), 5, 1),
        (9, (5, 8), 4, 6),
    ],
)
def test_equals_unpooling_then_convolution(kernel_size, size, in_channels, filters, activation):
    fused, plain = layer_pair(kernel_size, in_channels, filters, activation)
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(3, *size, in_channels)).astype(np.float32)
    out_size = [2 * n - kernel_size + 1 for n in size]
    upstream = rng.normal(size=(3, *out_size, filters)).astype(np.float32)
    ours = outputs_and_gradients(fused, inputs, upstream)
    theirs = outputs_and_gradients(plain, inputs, upstream)
    assert ours[0].shape == (3, *out_size, filters)
    for name, mine, wanted in zip(
        ("outputs", "d inputs", "d kernel", "d bias"), ours, theirs, strict=True
    ):
        assert relative_error(mine, wanted) < TOLERANCE, name


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize(
    ("kernel_size", "size", "in_channels", "filters"),
    [
        (1, (3, 4), 2, 3),
        (2, (5, 2), 3, 1),
        (5, (5, 5), 1, 6),
        (5, (14, 9), 8, 24),
        (3, (4, 6), 2, 130),
    ],
)
def test_equals_a_valid_convolution(kernel_size, size, in_channels, filters):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(kernel_size, kernel_size, in_channels, filters))]
    weights.append(rng.normal(size=filters))
    inputs = rng.normal(size=(3, *size, in_channels)).astype(np.float32)
    upstream = rng.normal(size=(3, *(n - kernel_size + 1 for n in size), filters))
    found = []
    for layer in (ValidConv2D(filters, kernel_size), keras.layers.Conv2D(filters, kernel_size)):
        layer.build(inputs.shape)
        layer.set_weights(weights)
        found.append(outputs_and_gradients(layer, inputs, upstream))
    for mine, wanted in zip(*found, strict=True):
        assert relative_error(mine, wanted) < TOLERANCE


@pytest.mark.parametrize("filters", [4, 128])
def test_gradients_are_those_that_are_quickest(processor, filters):
    layer = ValidConv2D(filters, 3)

    @tf.function
    def gradients(images):
        return outputs_and_gradients(layer, images, tf.ones((2, 7, 7, filters)))

    layer.build((None, 9, 9, 2))
    graph = gradients.get_concrete_function(tf.TensorSpec([2, 9, 9, 2])).graph
    ordinary = {"Conv2DBackpropFilter", "Conv2DBackpropInput"}
    left = {"Conv2DBackpropInput"} if filters == 128 else set()
    found = ordinary & {operation.type for operation in graph.get_operations()}
    assert found == (left if processor == "avx2" else ordinary)


@pytest.mark.parametrize("size", [(2, 2), (5, 4), (6, 9)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_equals_max_pooling_even_where_pixels_tie(dtype, size):
    rng = np.random.default_rng(0)
    # Of few values, so that in most windows the largest is there twice.
    inputs = tf.constant(rng.integers(0, 3, (4, *size, 5)), dtype)
    upstream = tf.constant(rng.normal(size=(4, size[0] // 2, size[1] // 2, 5)), dtype)
    found = []
    for layer in (MaxPool2x2(dtype=dtype), keras.layers.MaxPooling2D(2, dtype=dtype)):

        @tf.function
        def values(layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = layer(inputs)
            return outputs, tape.gradient(outputs, inputs, upstream)

        found.append(values())
    for mine, wanted in zip(*found, strict=True):
        np.testing.assert_array_equal(tf.cast(mine, tf.float32), tf.cast(wanted, tf.float32))


@pytest.mark.parametrize("layer", [MaxPool2x2(name="own"), ValidConv2D(4, 5, name="own")])
def test_saved_as_any_layer(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(("name", "other"), [("strides", 2), ("padding", "same")])
@pytest.mark.parametrize("layer", [MaxPool2x2, lambda **given: ValidConv2D(4, 5, **given)])
def test_other_windows_are_refused(layer, name, other):
    asked = 1 if layer is MaxPool2x2 and name == "strides" else other
    with pytest.raises(ValueError, match=f"has {name}=.*, not {asked}"):
        layer(**{name: asked})


def test_bias_gradient_of_a_large_map_survives_bfloat16():
    """`tf.nn.bias_add` adds it up in bfloat16, where 256 + 1 = 256."""
    fused, _ = layer_pair(1, 1, 2, dtype="mixed_bfloat16")
    *_, d_bias = outputs_and_gradients(
        fused, np.zeros((4, 30, 30, 1), np.float32), tf.ones((4, 60, 60, 2))
    )
    np.testing.assert_allclose(d_bias, 4 * 60 * 60, rtol=2**-7)


def test_float64_is_exact_to_its_own_digits():
    fused, plain = layer_pair(7, 3, 2, dtype="float64")
    rng = np.random.default_rng(2)
    inputs, upstream = rng.normal(size=(2, 6, 5, 3)), rng.normal(size=(2, 6, 4, 2))
    pairs = zip(
        outputs_and_gradients(fused, inputs, upstream),
        outputs_and_gradients(plain, inputs, upstream),
        strict=True,
    )
    assert all(relative_error(mine, wanted) < 1e-13 for mine, wanted in pairs)


@pytest.mark.parametrize(
    ("policy", "tolerance"), [("mixed_bfloat16", 2**-6), ("mixed_float16", 2**-9)]
)
def test_half_precision_computes_in_half_and_trains_in_float32(policy, tolerance):
    fused, _ = layer_pair(7, 16, 8, dtype=policy)
    reference, _ = layer_pair(7, 16, 8)
    rng = np.random.default_rng(3)
    inputs = rng.normal(size=(2, 9, 9, 16)).astype(np.float32)
    upstream = rng.normal(size=(2, 12, 12, 8)).astype(np.float32)
    half = outputs_and_gradients(fused, inputs, upstream)
    full = outputs_and_gradients(reference, inputs, upstream)
    assert half[0].dtype == policy.removeprefix("mixed_")
    assert [v.dtype for v in fused.trainable_variables] == ["float32"] * 2
    assert all(gradient.dtype == tf.float32 for gradient in half[1:])
    for mine, wanted in zip(half, full, strict=True):
        assert 0 < relative_error(mine, wanted) < tolerance


@pytest.mark.parametrize("kernel_size", [1, 3, 5, 7, 9])
def test_the_convolution_that_runs_has_half_the_taps(kernel_size):
    """A quarter to a third of the multiply-adds: counted in the graph that is executed."""
    layer, _ = layer_pair(kernel_size, 3, 2)
    graph = tf.function(layer).get_concrete_function(tf.TensorSpec([None, 9, 9, 3])).graph
    operations = {op.type: op for op in graph.get_operations()}
    kernel = operations["Conv2D"].inputs[1]
    taps = (kernel_size + 1) // 2
    assert kernel.shape == (taps, taps, 3, 4 * 2)
    assert operations["Conv2D"].inputs[0].shape[1:] == (9, 9, 3)
    assert sum(op.type == "Conv2D" for op in graph.get_operations()) == 1


def test_output_shape_before_and_after_the_call():
    layer = UnpoolConv2D(4, 7)
    assert layer.compute_output_shape((None, 15, 11, 3)) == (None, 24, 16, 4)
    assert layer.compute_output_shape((None, None, 11, 3)) == (None, None, 16, 4)
    outputs = layer(keras.Input((15, 11, 3)))
    assert outputs.shape == (None, 24, 16, 4)


def test_same_weights_as_conv2d():
    fused, conv = UnpoolConv2D(4, 7), keras.layers.Conv2D(4, 7)
    for layer in (fused, conv):
        layer.build((None, 9, 9, 3))
    assert [w.shape for w in fused.weights] == [w.shape for w in conv.weights]
    limit = np.sqrt(6 / (7 * 7 * (3 + 4)))  # Glorot's, of the kernel after unpooling
    kernel = fused.get_weights()[0]
    assert 0.9 * limit < np.abs(kernel).max() <= limit
    np.testing.assert_array_equal(fused.get_weights()[1], 0)


def test_saved_and_loaded(tmp_path):
    inputs = keras.Input((6, 5, 2))
    layer = UnpoolConv2D(3, 5, "relu", name="stage", dtype="mixed_bfloat16")
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    copy = loaded.get_layer("stage")
    assert copy.get_config() == layer.get_config()
    assert copy.activation is keras.activations.relu
    images = np.random.default_rng(4).normal(size=(2, 6, 5, 2)).astype(np.float32)
    np.testing.assert_array_equal(
        *(np.asarray(tf.cast(m(images), tf.float32)) for m in (model, loaded))
    )


@pytest.mark.parametrize("kernel_size", [0, -3, 2, 4])
def test_rejects_even_kernels(kernel_size):
    with pytest.raises(ValueError, match=f"odd kernel size, got {kernel_size}"):
        UnpoolConv2D(3, kernel_size)


def test_rejects_inputs_smaller_than_the_kernel():
    with pytest.raises(ValueError, match="unpooled 3×9 map is smaller than the 7×7 kernel"):
        UnpoolConv2D(3, 7)(keras.Input((3, 9, 1)))
