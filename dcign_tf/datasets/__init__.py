"""Datasets: what makes them, what reads them, and batches in which one factor varies."""

from dcign_tf.errors import UserError


class DataError(UserError):
    """Data cannot be made or read; the message is one line: what, where, what to do."""
