"""Checks of what a model is given, in a graph too: what fails says so in one sentence."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

TOLERANCE = 1e-3
"""By so much pictures may leave [0, 1]: resampling and half precision do."""


def checked(
    tensor: tf.Tensor, condition: tf.Tensor, message: str, values: Sequence[tf.Tensor] = ()
) -> tf.Tensor:
    """The tensor, if the condition holds.

    Args:
        tensor: whatever is computed from the result waits for the check, so that no
            other error comes first.
        condition: scalar, bool.
        message: with a `{}` for each of `values`.
        values: what the message is to show.

    Raises:
        ValueError: at once, if the condition does not hold.
        tf.errors.InvalidArgumentError: instead, when the graph runs, in a graph.
    """
    if tf.executing_eagerly():
        if not condition:
            raise ValueError(message.format(*(tf.get_static_value(value) for value in values)))
        return tensor
    text = tf.strings.format(message, tuple(values)) if values else tf.constant(message)
    with tf.control_dependencies([tf.debugging.Assert(condition, [text])]):
        return tf.identity(tensor)


def checked_images(images: Any, image_shape: Sequence[int | None]) -> tf.Tensor:
    """Pictures as float32, if they are of the shape and in the scale that a model takes.

    Args:
        images: floats in [0, 1], [B, H, W, C].
        image_shape: the model's own [H, W, C]; None where it takes any.

    Raises:
        ValueError: if they are of another shape or type, or not within [0, 1], which NaN is not.
        tf.errors.InvalidArgumentError: instead, when the graph runs, in a graph that does not
            know the shape before, and of the values.
    """
    images = _checked_shape(tf.convert_to_tensor(images), image_shape, "image")
    if not images.dtype.is_floating:
        raise ValueError(f"image is {images.dtype.name}; it must be float in [0, 1]")
    images = tf.cast(images, tf.float32)
    low, high = tf.reduce_min(images), tf.reduce_max(images)
    within = (low >= -TOLERANCE) & (high <= 1 + TOLERANCE)
    empty = tf.equal(tf.size(images), 0)
    message = "image has values {} to {}; they must be 0 to 1"
    return checked(images, within | empty, message, [low, high])


def checked_codes(z: Any, latent_dim: int) -> tf.Tensor:
    """Codes, if they are [B, latent_dim]; raises as `checked_images` if not."""
    return _checked_shape(tf.convert_to_tensor(z), (latent_dim,), "z")


def checked_numbers(value: Any, name: str) -> tf.Tensor:
    """Real numbers as float32; raises `ValueError` if they are of another type."""
    value = tf.convert_to_tensor(value)
    if not (value.dtype.is_floating or value.dtype.is_integer):
        raise ValueError(f"{name} is {value.dtype.name}; it must be a number, or several")
    return tf.cast(value, tf.float32)


def _checked_shape(values: tf.Tensor, shape: Sequence[int | None], name: str) -> tf.Tensor:
    """The values, if they are [B, *shape]: at once if that is known, or when the graph runs."""
    batch = tf.TensorShape([None, *shape])
    axes = ", ".join("any" if size is None else str(size) for size in shape)
    must = f"it must be [B, {axes}]"
    if not batch.is_compatible_with(values.shape):
        raise ValueError(f"{name} has the shape {tuple(values.shape)}; {must}")
    is_known = values.shape.rank != batch.rank or values.shape[1:].is_fully_defined()
    if not is_known and None not in shape:
        fits = tf.reduce_all(tf.equal(tf.shape(values)[1:], tuple(shape)))
        values = checked(values, fits, f"{name} has the shape {{}}; {must}", [tf.shape(values)])
    return tf.ensure_shape(values, batch)


@contextlib.contextmanager
def in_one_sentence() -> Iterator[None]:
    """Turns TensorFlow's report of a check that failed in a graph into its sentence.

    Raises:
        ValueError: in place of an `InvalidArgumentError` that a check here raised, or of a
            `ValueError` with the way that it took through the code while a graph was made.
    """
    try:
        yield
    except ValueError as error:
        if told := re.search(r"\Ain user code:\n.*ValueError: (.*?)\s*\Z", str(error), re.DOTALL):
            raise ValueError(told[1]) from error
        raise
    except tf.errors.InvalidArgumentError as error:
        if told := re.search(r"assertion failed: \[(.*)\]$", error.message, re.MULTILINE):
            raise ValueError(told[1]) from error
        raise


def check_networks(encoder: keras.Model, decoder: keras.Model, latent_dim: int) -> None:
    """Checks that two networks fit a code, and each other.

    Raises:
        ValueError: if their inputs and outputs are not known before they are called, the encoder
            does not return a dict of `z_mean` and `z_log_var`, or widths or shapes do not fit.
    """
    for name, network in (("encoder", encoder), ("decoder", decoder)):
        try:
            _ = network.input_shape, network.output_shape
        except (AttributeError, ValueError) as error:
            raise ValueError(
                f"The {name} is no functional model: its inputs and outputs are not known."
                " Make it as keras.Model(inputs, outputs), or Sequential with a keras.Input."
            ) from error
    heads = encoder.output
    if not isinstance(heads, dict) or not {"z_mean", "z_log_var"} <= set(heads):
        told = f"a dict of {', '.join(heads)}" if isinstance(heads, dict) else type(heads).__name__
        raise ValueError(
            f"The encoder returns {told}; it must return a dict of z_mean and z_log_var:"
            " keras.Model(images, {'z_mean': …, 'z_log_var': …})."
        )
    latents = {
        "encoder's z_mean": heads["z_mean"].shape[1:],
        "encoder's z_log_var": heads["z_log_var"].shape[1:],
        "decoder": decoder.input_shape[1:],
    }
    for name, shape in latents.items():
        if tuple(shape) != (latent_dim,):
            width = shape[0] if len(shape) == 1 else tuple(shape)
            raise ValueError(f"The {name} has {width} latents, the graphics code {latent_dim}.")
    if decoder.output_shape != encoder.input_shape:
        raise ValueError(
            f"The decoder draws {decoder.output_shape[1:]}, and the encoder takes"
            f" {encoder.input_shape[1:]}: they must be pictures [H, W, C] of one shape."
        )
