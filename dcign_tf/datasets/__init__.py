"""Datasets: what makes them, what reads them, and batches in which one factor varies."""


class DataError(RuntimeError):
    """Data cannot be made or read; the message is one line: what, where, what to do."""
