"""What a network has to beat: the mean of all training images at a given angle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dcign_tf.concurrency import concurrently
from dcign_tf.datasets.sweeps import Sweeps, distinct_images, evenly

_MOST_NODES = 25
MeanImages = Callable[[np.ndarray], np.ndarray]
"""Values of a factor, [N], to the mean images at them, [N, H, W, C]."""


def fit_mean_images(
    sweeps: Sweeps, key: str, wanted: np.ndarray, *, period: float | None = None, count: int
) -> MeanImages | None:
    """Means of training images, each image shared between the two nodes next to its value.

    A few sweeps at a time are in memory.

    Args:
        sweeps: training sweeps in which the factor varies.
        key: of its value in them.
        wanted: values at which mean images will be asked for, any shape. Where they are at most
            25 different ones, the nodes are these; otherwise 25 evenly spread over them.
        period: once round, if the values lie on a circle.
        count: how many sweeps at most, evenly chosen, are used.

    Returns:
        Between nodes it gives a mixture, beyond the outer ones those there. None if no
        training image lies within the values wanted.
    """
    nodes = _nodes(np.asarray(wanted, np.float64).ravel(), period)
    total, weight = 0.0, np.zeros(len(nodes))

    def read(index: int) -> tuple[np.ndarray, np.ndarray]:
        example = sweeps[index]
        images = distinct_images(example)
        return images, np.asarray(example[key], np.float64)[: len(images)]

    for images, values in concurrently(read, evenly(sweeps, count)):
        shares = _shares(values, nodes, period)
        if period is None:  # those beyond would count as if they were at an end
            shares[(values < nodes[0]) | (values > nodes[-1])] = 0
        total = total + np.tensordot(shares.T, images, axes=1)
        weight += shares.sum(axis=0)
    seen = weight > 0
    if not seen.any():
        return None
    images = (total[seen].T / weight[seen]).T
    return lambda values: np.tensordot(_shares(values, nodes[seen], period), images, axes=1)


def _nodes(wanted: np.ndarray, period: float | None) -> np.ndarray:
    if period is not None:
        wanted = np.mod(wanted, period)
    different = np.unique(wanted)
    if len(different) <= _MOST_NODES:
        return different
    if period is not None:
        return np.arange(_MOST_NODES) * (period / _MOST_NODES)
    return np.linspace(different[0], different[-1], _MOST_NODES)


def _shares(values: np.ndarray, nodes: np.ndarray, period: float | None) -> np.ndarray:
    """How each of N values is made up of the nodes next to it: [N, K], rows that sum to 1."""
    corners = np.eye(len(nodes))
    return np.stack([np.interp(values, nodes, corner, period=period) for corner in corners], axis=1)
