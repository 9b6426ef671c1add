"""Checks that run with a request, in the graph: what fails fails that request, in words."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


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
        tf.errors.InvalidArgumentError: when the graph runs, if the condition does not hold.
    """
    text = tf.strings.format(message, tuple(values)) if values else tf.constant(message)
    with tf.control_dependencies([tf.debugging.Assert(condition, [text])]):
        return tf.identity(tensor)
