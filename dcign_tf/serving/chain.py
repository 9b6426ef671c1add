"""The networks as TensorFlow operations alone, for inference: float32, nothing of Keras.

The same numbers as the layers', computed at another time or in another order:
UnpoolConv2D's kernel is folded once and for all instead of at each call, and bias
and ReLU come before depth-to-space, where TensorFlow runs them as one operation
with the convolution.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import keras
import numpy as np
import tensorflow as tf

from dcign_tf.model.layers import UnpoolConv2D

Operation = Callable[[tf.Tensor], tf.Tensor]


class Chain(tf.Module):
    """Layers of `dcign_tf.model.networks`, one after the other, as a function of a tensor.

    Args:
        layers: of a built network; their weights are copied.

    Raises:
        TypeError: for a layer of a kind that those networks do not have.
    """

    def __init__(self, layers: Iterable[keras.layers.Layer]):
        super().__init__()
        self._operations = [_operation(layer) for layer in layers]

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        for operation in self._operations:
            x = operation(x)
        return x


class _Affine(tf.Module):
    """A convolution or a matrix product, bias and activation; then, perhaps, `shuffle`."""

    def __init__(self, product, kernel, bias, activation, shuffle: Operation | None = None):
        super().__init__()
        self._product = product
        self._kernel = tf.Variable(kernel, trainable=False, dtype=tf.float32)
        self._bias = tf.Variable(bias, trainable=False, dtype=tf.float32)
        self._activation = activation
        self._shuffle = shuffle

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        x = self._activation(tf.nn.bias_add(self._product(x, self._kernel), self._bias))
        return self._shuffle(x) if self._shuffle else x


_convolve = functools.partial(tf.nn.conv2d, strides=1, padding="VALID")


@functools.singledispatch
def _operation(layer) -> Operation:
    raise TypeError(f"Layer '{layer.name}' is a {type(layer).__name__}, which cannot be exported.")


@_operation.register
def _(layer: keras.layers.Conv2D) -> Operation:
    if layer.strides != (1, 1) or layer.padding != "valid":
        raise TypeError(f"Layer '{layer.name}' has strides or padding, which cannot be exported.")
    return _Affine(_convolve, *layer.get_weights(), layer.activation)


@_operation.register
def _(layer: UnpoolConv2D) -> Operation:
    # Depth-to-space takes the bias of filter f from 4 channels, one for each phase.
    bias = np.tile(layer.bias.numpy(), 4)
    unpool = functools.partial(tf.nn.depth_to_space, block_size=2)
    return _Affine(_convolve, layer.folded_kernel(), bias, layer.activation, unpool)


@_operation.register
def _(layer: keras.layers.Dense) -> Operation:
    return _Affine(tf.matmul, *layer.get_weights(), layer.activation)


@_operation.register
def _(layer: keras.layers.MaxPooling2D) -> Operation:
    return functools.partial(
        tf.nn.max_pool2d,
        ksize=layer.pool_size,
        strides=layer.strides,
        padding=layer.padding.upper(),
    )


@_operation.register
def _(layer: keras.layers.ReLU) -> Operation:
    return tf.nn.relu


@_operation.register(keras.layers.Flatten)
@_operation.register(keras.layers.Reshape)
def _(layer) -> Operation:
    return functools.partial(tf.reshape, shape=(-1, *layer.output.shape[1:]))


@_operation.register
def _(layer: keras.layers.Cropping2D) -> Operation:
    (top, bottom), (left, right) = layer.cropping
    height, width = layer.input.shape[1:3]
    return lambda x: x[:, top : height - bottom, left : width - right]
