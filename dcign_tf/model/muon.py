"""Muon for networks of convolutions.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; Keras has it) takes the
momentum of a weight matrix and makes all its singular values about 1 before it steps along it:
directions that the gradient hardly shows are learned as fast as the strong ones. Keras does so
for matrices alone, that is for none of a convolution's kernels.
"""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("dcign_tf")
class ConvMuon(keras.optimizers.Muon):
    """Kernels [k, k, C, filters] by Muon, as matrices [k·k·C, filters]; all else by Adam.

    So are the kernels of the first and of the last convolution, where C or filters are the
    channels of a picture: as Muon's authors advise of the ends of a network. `rms_rate`
    makes a step about as long as one of Adam, so that the same learning rates do.

    Args:
        learning_rate: of both.
        **kwargs: as for `keras.optimizers.Muon`; its weight decay is off unless asked for.
    """

    def __init__(self, learning_rate=1e-3, **kwargs):
        kwargs = {"weight_decay": None, "adam_weight_decay": None, **kwargs}
        super().__init__(learning_rate, **kwargs)

    def _should_use_adamw(self, variable) -> bool:
        return len(variable.shape) != 4 or min(variable.shape[2:]) <= 4  # channels of a picture

    def lr_adjust(self, x):
        *taps, channels, filters = x.shape
        return x * self.rms_rate * max(taps[0] * taps[1] * channels, filters) ** 0.5

    def zeropower_via_newtonschulz5(self, x, steps: int):
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        return ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)
