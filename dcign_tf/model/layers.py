"""UnpoolConv2D: unpooling and convolution in one, at a third of the cost.

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

import keras
import numpy as np
import tensorflow as tf


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
        if self.filters == 1 and not tf.config.list_physical_devices("GPU"):
            phases = _narrow_conv2d(inputs, kernel)
        else:
            phases = tf.nn.conv2d(inputs, kernel, strides=1, padding="VALID")
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
