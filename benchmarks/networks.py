"""The decoder in plain layers, as one writes it in Keras."""

from __future__ import annotations

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
