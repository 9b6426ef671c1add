"""What only a GPU can show. Run with `pytest -m gpu`.

Not run on a GPU yet: written on a machine that has none.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcign_tf.model import losses
from tests.helpers.tiny import BATCH_SIZE, IMAGE_SHAPE, tiny_batch, tiny_batches, tiny_model, train

pytestmark = pytest.mark.gpu

BATCHES = tiny_batches(6)


@pytest.fixture(scope="module", autouse=True)
def gpus():
    """The logical GPUs; asked for with `-m gpu`, having none is a failure."""
    found = tf.config.list_logical_devices("GPU")
    assert found, "TensorFlow sees no GPU"
    return found


def test_mixed_float16_trains_and_stays_finite(set_dtype_policy):
    set_dtype_policy("mixed_float16")
    levels = np.linspace(0.1, 0.9, BATCH_SIZE, dtype=np.float32)
    images = np.ones((BATCH_SIZE, *IMAGE_SHAPE), np.float32) * levels[:, None, None, None]
    model = tiny_model(keras.optimizers.Adam(3e-3))
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    train(model, [{"image": images, "factor": np.zeros(BATCH_SIZE, np.int32)}] * 300)
    assert all(np.all(np.isfinite(w)) for w in model.get_weights())
    # The scale starts at 2¹⁵ and halves at every skipped step: a few, not most of them.
    assert int(model.optimizer.inner_optimizer.iterations.numpy()) > 280
    assert np.mean(np.abs(model(images) - images)) < 0.1


def test_float32_agrees_with_the_cpu():
    batch = tiny_batch("elevation")

    def loss_and_gradients(device):
        with tf.device(device):
            model = tiny_model(invariance_weight=10.0)
            with tf.GradientTape() as tape:
                loss = model.training_losses(tf.constant(batch["image"]), 1)["loss"]
            return loss, tape.gradient(loss, model.trainable_variables)

    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        (cpu_loss, cpu), (gpu_loss, gpu) = map(loss_and_gradients, ("CPU:0", "GPU:0"))
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(True)
    np.testing.assert_allclose(gpu_loss, cpu_loss, rtol=1e-5)
    for mine, expected in zip(gpu, cpu, strict=True):
        scale = np.max(np.abs(expected))
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-4 * scale)


def test_noise_has_the_same_bits_as_on_the_cpu_compiled_or_not():
    def draw(seed):
        return losses.standard_normal((50, 200), seed)

    def drawn_on(device, jit_compile):
        with tf.device(device):
            return tf.function(draw, jit_compile=jit_compile)(tf.constant([3, 14], tf.int64))

    expected = drawn_on("CPU:0", jit_compile=False)
    for jit_compile in (False, True):
        np.testing.assert_array_equal(drawn_on("GPU:0", jit_compile), expected)


def test_compiled_by_xla_a_train_step_is_the_same():
    batch = tiny_batch("azimuth")
    losses_seen = []
    for jit_compile in (False, True):
        model = tiny_model()
        model.compile(keras.optimizers.SGD(0.0), jit_compile=jit_compile)
        logs = tf.function(model.train_step)(
            {key: tf.constant(value) for key, value in batch.items()}
        )
        losses_seen.append(float(logs["loss"]))
    # TensorFloat-32 rounds to 10 bits; another draw of noise differs by far more.
    np.testing.assert_allclose(*losses_seen, rtol=1e-3)


def test_a_replica_on_each_gpu_agrees_with_one(gpus):
    strategy = tf.distribute.MirroredStrategy([gpu.name for gpu in gpus])
    with strategy.scope():
        mirrored = tiny_model(keras.optimizers.SGD(0.01), invariance_weight=10.0)
    train(mirrored, BATCHES, strategy)
    single = tiny_model(keras.optimizers.SGD(0.01), invariance_weight=10.0)
    train(single, BATCHES)
    for mine, expected in zip(mirrored.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-3)
