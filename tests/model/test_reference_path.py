"""What makes a step fast changes nothing: 50 of them, beside plain layers in float32, step by step.

The reference pools with `MaxPooling2D`, unpools with `UpSampling2D`, convolves with `Conv2D`, and
runs eagerly.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.networks import layered_decoder
from dcign_tf.factors import GraphicsCode
from dcign_tf.model import layers
from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.layers import MaxPool2x2, ValidConv2D
from dcign_tf.model.networks import build_decoder, build_encoder

IMAGE_SHAPE = (46, 46, 1)
CODE = GraphicsCode({"azimuth": 1, "light": 2, "intrinsic": 5})
STEPS = 50
TOLERANCE = {"float32": 1e-4, "mixed_bfloat16": 3e-2, "mixed_float16": 1e-2}
"""Of a step's loss, relative to the mean of all: bfloat16 has 8 bits, float16 11. Steps add up."""


def batches() -> list[dict[str, np.ndarray]]:
    """Bright discs that move, brighten or widen, six pictures of each."""
    rows, columns = np.mgrid[-1 : 1 : IMAGE_SHAPE[0] * 1j, -1 : 1 : IMAGE_SHAPE[1] * 1j]
    rng = np.random.default_rng(0)
    found = []
    for step in range(STEPS):
        factor = CODE.factors[step % 3]
        where, bright, wide = (
            np.full(6, rng.random()) if name != factor else rng.random(6) for name in CODE.factors
        )
        distance = np.hypot(rows, columns - (where[:, None, None] - 0.5))
        inside = 1 / (1 + np.exp((distance - 0.2 - 0.4 * wide[:, None, None]) / 0.05))
        images = (0.2 + 0.8 * bright[:, None, None]) * inside
        index = np.full(6, CODE.index(factor), np.int32)
        found.append({"image": images[..., None].astype(np.float32), "factor": index})
    return found


def as_keras_has_it(layer: keras.layers.Layer) -> keras.layers.Layer:
    if isinstance(layer, MaxPool2x2):
        return keras.layers.MaxPooling2D(2, name=layer.name, data_format="channels_last")
    if isinstance(layer, ValidConv2D):
        return keras.layers.Conv2D.from_config(layer.get_config())
    return type(layer).from_config(layer.get_config())


def model_of(policy: str, *, layered: bool = False) -> DCIGN:
    """Compiled; the same initial weights every time."""
    keras.utils.set_random_seed(0)
    with_policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        encoder = build_encoder(IMAGE_SHAPE, CODE.latent_dim, filters=(8, 12), kernel_size=5)
        decoder = build_decoder(IMAGE_SHAPE, CODE.latent_dim, 6, filters=(12, 8), kernel_size=5)
        weights = decoder.get_weights()
        if layered:
            decoder = layered_decoder(decoder)
            decoder.set_weights(weights)
            weights = encoder.get_weights()
            encoder = keras.models.clone_model(encoder, clone_function=as_keras_has_it)
            encoder.set_weights(weights)
        model = DCIGN(encoder, decoder, CODE, likelihood="gaussian", warmup_steps=30)
        optimizer = keras.optimizers.Adam(1e-3, beta_1=0.9, beta_2=0.99)
        if policy == "mixed_float16":  # Keras's 2¹⁵ would skip the first of so few steps
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1.0)
        model.compile(optimizer)
    finally:
        keras.config.set_dtype_policy(with_policy)
    return model


def losses_of(model: DCIGN, step) -> np.ndarray:
    """Of each step by itself, [STEPS]."""
    found = []
    for batch in batches():
        model.reset_metrics()
        found.append(float(step({key: tf.constant(value) for key, value in batch.items()})["loss"]))
    return np.array(found)


@pytest.fixture(scope="module")
def reference() -> np.ndarray:
    model = model_of("float32", layered=True)
    assert not any(isinstance(own, MaxPool2x2 | ValidConv2D) for own in model.encoder.layers)
    found = losses_of(model, model.train_step)
    assert found[-3:].mean() < found[:3].mean() - 100, "it learns, so that 50 steps tell something"
    return found


def check(reference, policy, **compiled):
    model = model_of(policy)
    if compiled:
        model.compile(model.optimizer, **compiled)
    found = losses_of(model, tf.function(model.train_step, autograph=False))
    assert np.max(np.abs(found - reference)) < TOLERANCE[policy] * np.mean(np.abs(reference))


@pytest.mark.parametrize(
    ("policy", "processor"),
    [("float32", "avx2"), ("float32", "avx2 avx512f"), ("mixed_bfloat16", "avx512_bf16")],
)
def test_the_compiled_step(reference, policy, processor, monkeypatch):
    monkeypatch.setattr(layers, "cpu_flags", lambda: frozenset(processor.split()))
    check(reference, policy)


def test_the_step_that_xla_compiles(reference):
    check(reference, "float32", jit_compile=True)


@pytest.mark.gpu
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_on_a_gpu(policy, jit_compile):
    with tf.device("CPU:0"):
        model = model_of("float32", layered=True)
        reference = losses_of(model, model.train_step)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        check(reference, policy, jit_compile=jit_compile)
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(True)
