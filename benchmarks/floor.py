"""What arithmetic alone would take: multiply-adds at the rate of a matrix product."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from dcign_tf.model.layers import UnpoolConv2D
from dcign_tf.model.precision import sees_gpu


def matrix_product(dtype: str) -> tuple[Callable[[], tf.Tensor], float]:
    """A function that multiplies matrices, and how many additions and multiplications it takes.

    On a GPU they are larger, and several products one after another: one of 2,048³ takes an H100
    less time than to be asked for it. What the function returns has no meaning.
    """
    size, count = (8192, 8) if sees_gpu() else (2048, 1)
    left, right = (tf.random.stateless_normal((size, size), (0, i)) for i in range(2))
    left = tf.cast(left / math.sqrt(size), dtype)  # products keep the scale of what is multiplied
    right = tf.cast(right, dtype)

    @tf.function(autograph=False)
    def multiply() -> tf.Tensor:
        product = right
        for _ in range(count):
            product = tf.matmul(left, product)
        return tf.reduce_max(product)

    return multiply, 2.0 * count * size**3


def multiply_adds(network: keras.Model) -> int:
    """Of all convolutions and dense layers, forward, for one image."""
    total = 0
    for layer in network.layers:
        if isinstance(layer, UnpoolConv2D):
            taps = ((layer.kernel_size + 1) // 2) ** 2
            total += taps * layer.kernel.shape[2] * math.prod(layer.output.shape[1:])
        elif isinstance(layer, keras.layers.Conv2D):
            total += math.prod(layer.kernel.shape[:3]) * math.prod(layer.output.shape[1:])
        elif isinstance(layer, keras.layers.Dense):
            total += math.prod(layer.kernel.shape)
    return total


def step_flop(encoder: keras.Model, decoder: keras.Model, images: int) -> float:
    """Of a training step: forward, and of both gradients of each kernel.

    No gradient of the images is needed.
    """
    first = keras.Model(encoder.input, encoder.get_layer("conv1").output)
    products = 3 * (multiply_adds(encoder) + multiply_adds(decoder)) - multiply_adds(first)
    return 2.0 * images * products
