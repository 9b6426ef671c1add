"""Codes as scenes, and back: a calibration applied to tensors, in a graph or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from dcign_tf.factors import INTRINSIC, GraphicsCode
from dcign_tf.readouts.calibration import Calibration


def read_scene(z: tf.Tensor, code: GraphicsCode, calibration: Calibration) -> dict[str, tf.Tensor]:
    """What codes say: each calibrated factor's value and its error, and the intrinsic latents.

    Args:
        z: codes [B, latent_dim].
        code: which latents belong to which factor.
        calibration: of these codes.

    Returns:
        Names such as `azimuth_deg` and `azimuth_error_deg` to float32 [B], and
        `intrinsic` to [B, intrinsic latents].
    """
    z = tf.gather(z, code.order(calibration.latents), axis=1)
    scene = {}
    for factor, known in calibration.factors.items():
        latent = z[:, code.slice(factor).start]
        scene[known.name] = known.to_value(latent, keras.ops)
        scene[known.error_name] = known.error(latent, keras.ops)
    return {**scene, INTRINSIC: z[:, code.slice(INTRINSIC)]}


def latent_of(name: str, value: tf.Tensor, calibration: Calibration) -> tuple[str, tf.Tensor]:
    """The latent that stands for a value.

    Args:
        name: of the value, e.g. `azimuth_deg`.
        value: float32, scalar or [B].
        calibration: what the latents mean.

    Returns:
        The factor, and its latent [1, 1] or [B, 1].

    Raises:
        KeyError: if no value has that name.
        CalibrationError: if the factor is not calibrated, or a value lies outside its
            range. Where it is known only when a graph runs, it is a
            tf.errors.InvalidArgumentError then.
    """
    factor, known = calibration.named(name)
    static = tf.get_static_value(value)
    if static is not None:
        known.check(static)
    else:
        low, high = known.limits()
        within = tf.reduce_all((value >= low) & (value <= high))
        tf.debugging.Assert(within, [f"{name} is {known.outside()}."])
    return factor, tf.reshape(known.to_latent(value, keras.ops), (-1, 1))


def replace_latents(
    z: tf.Tensor,
    code: GraphicsCode,
    latents: Mapping[str, tf.Tensor],
    found: Mapping[str, Sequence[int]],
) -> tf.Tensor:
    """Codes with some factors' latents replaced: a new tensor [B, latent_dim].

    Args:
        z: codes [B, latent_dim].
        code: which latents belong to which factor.
        latents: factor to what broadcasts to [B, latents of the factor].
        found: `Calibration.latents`.
    """
    size = tf.shape(z)[0]
    order = code.order(found)
    columns = tf.unstack(z, axis=1)
    for factor, value in latents.items():
        where = code.slice(factor)
        value = tf.broadcast_to(value, (size, where.stop - where.start))
        for index, column in zip(order[where], tf.unstack(value, axis=1), strict=True):
            columns[index] = column
    return tf.stack(columns, axis=1)
