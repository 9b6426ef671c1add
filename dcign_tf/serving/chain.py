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
    """A convolution or a matrix product, bias, and activation or what else follows."""

    def __init__(self, product, kernel, bias, activation: Operation):
        super().__init__()
        self._product = product
        self._kernel = tf.Variable(kernel, trainable=False, dtype=tf.float32)
        self._bias = tf.Variable(bias, trainable=False, dtype=tf.float32)
        self._activation = activation

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return self._activation(tf.nn.bias_add(self._product(x, self._kernel), self._bias))


_convolve = functools.partial(tf.nn.conv2d, strides=1, padding="VALID")


def _operation(layer: keras.layers.Layer) -> Operation:
    match layer:
        case UnpoolConv2D():
            # Depth-to-space takes the bias of filter f from 4 channels, one for each phase.
            bias = np.tile(layer.bias.numpy(), 4)
            kernel, activation = layer.folded_kernel(), layer.activation
            return _Affine(
                _convolve, kernel, bias, lambda x: tf.nn.depth_to_space(activation(x), 2)
            )
        case keras.layers.Conv2D(strides=(1, 1), padding="valid"):
            return _Affine(_convolve, *layer.get_weights(), layer.activation)
        case keras.layers.Conv2D():
            wrong = "has strides or padding, which cannot be exported."
            raise TypeError(f"Layer '{layer.name}' {wrong}")
        case keras.layers.Dense():
            return _Affine(tf.matmul, *layer.get_weights(), layer.activation)
        case keras.layers.MaxPooling2D(pool_size=size, strides=strides, padding=padding):
            return functools.partial(
                tf.nn.max_pool2d, ksize=size, strides=strides, padding=padding.upper()
            )
        case keras.layers.ReLU():
            return tf.nn.relu
        case keras.layers.Flatten() | keras.layers.Reshape():
            return functools.partial(tf.reshape, shape=(-1, *layer.output.shape[1:]))
        case keras.layers.Cropping2D(cropping=((top, bottom), (left, right))):
            height, width = layer.input.shape[1:3]
            return lambda x: x[:, top : height - bottom, left : width - right]
    raise TypeError(f"Layer '{layer.name}' is a {type(layer).__name__}, which cannot be exported.")
