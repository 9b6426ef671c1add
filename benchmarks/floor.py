"""What arithmetic alone would take: multiply-adds at the rate of a matrix product."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from dcign_tf.model.layers import UnpoolConv2D

_MATRIX_SIZE = 2048
PRODUCT_FLOP = 2 * _MATRIX_SIZE**3
"""Additions and multiplications of a `matrix_product`."""


def matrix_product(policy: str) -> Callable[[], float]:
    """A function that multiplies two matrices; what it returns has no meaning."""
    shape = (_MATRIX_SIZE, _MATRIX_SIZE)
    dtype = policy.removeprefix("mixed_")
    left, right = (tf.cast(tf.random.stateless_normal(shape, (0, i)), dtype) for i in range(2))
    product = tf.function(lambda: tf.reduce_max(tf.matmul(left, right)), autograph=False)
    return lambda: float(product())


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
