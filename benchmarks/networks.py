"""The networks in plain layers, and what their arithmetic costs."""

from __future__ import annotations

import math

import keras

from dcign_tf.model.layers import UnpoolConv2D


def layered_decoder(decoder: keras.Model) -> keras.Model:
    """The same decoder, each UnpoolConv2D written as UpSampling2D and Conv2D."""
    x = decoder.input
    for layer in decoder.layers[1:]:
        if isinstance(layer, UnpoolConv2D):
            x = keras.layers.UpSampling2D(2, name=f"{layer.name}_unpool")(x)
            x = keras.layers.Conv2D(
                layer.filters, layer.kernel_size, activation=layer.activation, name=layer.name
            )(x)
        else:
            x = type(layer).from_config(layer.get_config())(x)
    return keras.Model(decoder.input, x, name="layered_decoder")


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
