"""The networks' stages, as Keras has them but quicker on CPUs.

`ValidConv2D` is `Conv2D` and `MaxPool2x2` is `MaxPooling2D`, with gradients of their own.
`UnpoolConv2D` is unpooling and convolution in one, at a third of the cost:

Nearest-neighbour unpooling by 2, then a valid k×k convolution (the decoder's
stage, paper Fig. 1), reads each low-resolution pixel up to four times. Output
row 2q + p, p ∈ {0, 1}, applies kernel tap d to unpooled row 2q + p + d, which is
low-resolution row q + ⌊(p + d)/2⌋. So for each of the 2×2 output phases the taps
that fall on the same low-resolution pixel can be summed beforehand, and the
stage is a valid convolution of the *low-resolution* map with (k+1)/2 × (k+1)/2
taps and four times the filters, followed by depth-to-space. For k = 7 that is 16
multiply-adds instead of 49 per output pixel and pair of channels.

The k×k kernel stays the trainable weight; folding it is linear, so the gradients
are exact too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcign_tf.model.precision import cpu_flags, sees_gpu


@keras.saving.register_keras_serializable("dcign_tf")
class ValidConv2D(keras.layers.Conv2D):
    """Equals `Conv2D(filters, kernel_size)`, "valid", gradients to float32's last digits.

    [B, h, w, C] becomes [B, h − k + 1, w − k + 1, filters].

    Args:
        filters: number of output channels.
        kernel_size: k, the height and width of the kernel.
        **kwargs: as in `keras.layers.Conv2D`.

    Raises:
        ValueError: if they say that the kernel moves otherwise.
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs):
        fixed = {"strides": (1, 1), "padding": "valid", "dilation_rate": (1, 1), "groups": 1}
        fixed["data_format"] = "channels_last"  # Keras's may be another
        _check_fixed(type(self), kwargs, fixed)
        super().__init__(filters, kernel_size, **(kwargs | fixed))

    def convolution_op(self, inputs, kernel):
        return _conv2d(inputs, tf.convert_to_tensor(kernel))


def _check_fixed(layer: type, given: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
    """What a saved layer of Keras has beside our own arguments must be what ours does."""
    for name, value in fixed.items():
        asked = given.get(name, value)
        if not np.array_equal(np.broadcast_to(asked, np.shape(value)), value):
            raise ValueError(f"{layer.__name__} has {name}={value}, not {asked}.")


def _conv2d(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """A valid convolution of [B, h, w, C] with [taps, taps, C, filters]."""
    flags = cpu_flags()
    # Where there is AVX-512 or bfloat16, oneDNN's own gradients are near the floor.
    if inputs.dtype == tf.float32 and {"avx2"} == flags & {"avx2", "avx512f"} and not sees_gpu():
        return _conv2d_of_avx2(inputs, kernel)
    return tf.nn.conv2d(inputs, kernel, strides=1, padding="VALID")


_MANY_FILTERS = 128
"""From here on oneDNN's own gradient of what is convolved is the quicker one."""


@tf.custom_gradient
def _conv2d_of_avx2(inputs: tf.Tensor, kernel: tf.Tensor):
    """The same; its gradients are convolutions, too.

    oneDNN does these in two thirds of the time that it takes for the kernel's gradient itself, and
    in four fifths of that for the gradient of what is convolved.
    """
    taps, _, _, filters = kernel.shape

    def gradients(of_outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if filters < _MANY_FILTERS:
            turned = tf.transpose(tf.reverse(kernel, (0, 1)), (0, 1, 3, 2))
            edge = (taps - 1, taps - 1)
            padding = ((0, 0), edge, edge, (0, 0))
            of_inputs = tf.nn.conv2d(of_outputs, turned, strides=1, padding=padding)
        else:
            of_inputs = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(inputs),
                filter=kernel,
                out_backprop=of_outputs,
                strides=[1] * 4,
                padding="VALID",
            )
        # A batch of channels, whose channels are the images: [C, h, w, B].
        channels, slid = tf.transpose(inputs, (3, 1, 2, 0)), tf.transpose(of_outputs, (1, 2, 0, 3))
        of_kernel = tf.nn.conv2d(channels, slid, strides=1, padding="VALID")
        return of_inputs, tf.transpose(of_kernel, (1, 2, 0, 3))

    return tf.nn.conv2d(inputs, kernel, strides=1, padding="VALID"), gradients


@keras.saving.register_keras_serializable("dcign_tf")
class MaxPool2x2(keras.layers.MaxPooling2D):
    """Equals `MaxPooling2D(2)`, gradients included, to the bit.

    [B, h, w, C] becomes [B, ⌊h / 2⌋, ⌊w / 2⌋, C].

    Args:
        **kwargs: as in `keras.layers.MaxPooling2D`.

    Raises:
        ValueError: if they say that other windows are pooled.
    """

    def __init__(self, **kwargs):
        fixed = {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid"}
        fixed["data_format"] = "channels_last"  # Keras's may be another
        _check_fixed(type(self), kwargs, fixed)
        super().__init__(**(kwargs | fixed))

    def call(self, inputs):
        # There ours was not measured.
        return super().call(inputs) if sees_gpu() else _max_pool(inputs)


@tf.custom_gradient
def _max_pool(inputs: tf.Tensor):
    """TensorFlow's gradient takes thrice the time of copying `inputs` on CPUs, this one once."""
    largest = tf.nn.max_pool2d(inputs, 2, 2, "VALID")
    return largest, lambda of_largest: _to_the_first(inputs, largest, of_largest)


@tf.function(jit_compile=True, autograph=False)  # in one pass
def _to_the_first(inputs: tf.Tensor, largest: tf.Tensor, of_largest: tf.Tensor) -> tf.Tensor:
    """Of each window the first pixel that is the largest gets all of the gradient."""
    height, width = inputs.shape[1:3]
    rows, columns = largest.shape[1:3]
    corners, taken = [], tf.zeros_like(largest, tf.bool)
    for row in range(2):
        for column in range(2):
            corner = inputs[:, row : 2 * rows : 2, column : 2 * columns : 2]
            is_largest = tf.equal(corner, largest)
            corners.append(tf.where(is_largest & ~taken, of_largest, tf.zeros_like(of_largest)))
            taken |= is_largest
    pairs = [tf.stack(corners[at : at + 2], axis=3) for at in (0, 2)]  # [B, rows, columns, 2, C]
    gradient = tf.reshape(tf.stack(pairs, axis=2), (-1, 2 * rows, 2 * columns, inputs.shape[3]))
    rest = ((0, 0), (0, height - 2 * rows), (0, width - 2 * columns), (0, 0))
    return tf.pad(gradient, rest)


@tf.custom_gradient
def _narrow_conv2d(inputs: tf.Tensor, kernel: tf.Tensor):
    """A valid convolution to few channels, whose gradients are two matrix products.

    On CPUs the ordinary gradients of a convolution with four output channels run at a thirtieth of
    the speed of a matrix product. Here each input pixel gathers the gradients of the outputs that
    it has a part in, one of each tap: [B, h, w, taps · taps · filters].

    Args:
        inputs: [B, h, w, C].
        kernel: [taps, taps, C, filters].

    Returns:
        [B, h − taps + 1, w − taps + 1, filters], and what makes the gradients.
    """

    def gradients(of_outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        taps, _, channels, filters = kernel.shape
        batch, height, width = tf.unstack(tf.shape(inputs)[:3])
        margin = (taps - 1, taps - 1)
        gathered = tf.pad(of_outputs, ((0, 0), margin, margin, (0, 0)))
        # Last row and column of the window: the first tap.
        columns = [gathered[:, :, tap : tap + width] for tap in reversed(range(taps))]
        gathered = tf.concat(columns, axis=-1)
        rows = [gathered[:, tap : tap + height] for tap in reversed(range(taps))]
        gathered = tf.reshape(tf.concat(rows, axis=-1), (-1, taps * taps * filters))
        # [taps, taps, C, filters] as [taps · taps · filters, C], and back.
        by_tap = tf.reshape(tf.transpose(kernel, (0, 1, 3, 2)), (-1, channels))
        of_inputs = tf.reshape(tf.matmul(gathered, by_tap), (batch, height, width, channels))
        of_kernel = tf.matmul(gathered, tf.reshape(inputs, (-1, channels)), transpose_a=True)
        of_kernel = tf.reshape(of_kernel, (taps, taps, filters, channels))
        return of_inputs, tf.transpose(of_kernel, (0, 1, 3, 2))

    return tf.nn.conv2d(inputs, kernel, strides=1, padding="VALID"), gradients


@keras.saving.register_keras_serializable("dcign_tf")
class UnpoolConv2D(keras.layers.Layer):
    """Equals `UpSampling2D(2)` followed by `Conv2D(filters, kernel_size)`, "valid".

    [B, h, w, C] becomes [B, 2h − k + 1, 2w − k + 1, filters]. The weights are
    those of the `Conv2D`: kernel [k, k, C, filters] and bias [filters], so they
    can be copied from one to the other.

    Args:
        filters: number of output channels.
        kernel_size: k, odd: the height and width of the kernel *after* unpooling.
        activation: as in Keras layers.
        **kwargs: as in `keras.layers.Layer`.

    Raises:
        ValueError: if the kernel size is even, or the input too small for it.
    """

    def __init__(self, filters: int, kernel_size: int, activation=None, **kwargs):
        super().__init__(**kwargs)
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"UnpoolConv2D needs an odd kernel size, got {kernel_size}.")
        self.filters = filters
        self.kernel_size = kernel_size
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        # autocast=False: folding adds up to 16 taps and must do so in float32.
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, input_shape[-1], self.filters),
            initializer="glorot_uniform",
            autocast=False,
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, inputs):
        kernel = tf.cast(self.folded_kernel(), self.compute_dtype)
        if self.filters == 1 and not sees_gpu():
            phases = _narrow_conv2d(inputs, kernel)
        else:
            phases = _conv2d(inputs, kernel)
        # Not tf.nn.bias_add: on CPUs its gradient adds up bfloat16 in bfloat16, and of the
        # 120,000 terms of a paper-size stage loses five sixths.
        return self.activation(tf.nn.depth_to_space(phases, 2) + self.bias)

    def folded_kernel(self) -> tf.Tensor:
        """The low-resolution kernel: [(k+1)/2, (k+1)/2, C, 4·filters], float32.

        Its last axis is ordered (row phase, column phase, filter), as
        depth-to-space wants it.
        """
        taps = (self.kernel_size + 1) // 2
        fold = np.zeros((2, taps, self.kernel_size), self.kernel.dtype)  # [phase, offset, tap]
        for phase in range(2):
            for tap in range(self.kernel_size):
                fold[phase, (phase + tap) // 2, tap] = 1
        folded = tf.einsum("pmd,qne,deio->mnipqo", fold, fold, tf.convert_to_tensor(self.kernel))
        return tf.reshape(folded, (taps, taps, self.kernel.shape[2], 4 * self.filters))

    def compute_output_shape(self, input_shape):
        batch, *size, _ = input_shape
        size = [None if n is None else 2 * n - self.kernel_size + 1 for n in size]
        if any(n is not None and n < 1 for n in size):
            raise ValueError(
                f"UnpoolConv2D: an unpooled {input_shape[1]}×{input_shape[2]} map is smaller"
                f" than the {self.kernel_size}×{self.kernel_size} kernel."
            )
        return (batch, *size, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
        }
