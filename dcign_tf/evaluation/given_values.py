"""Re-rendering at a given angle, in numbers (the comparison of paper §4.1.1).

A picture of somebody never seen in training is given, and an angle. What the network
makes of them is compared with the true picture at that angle, of the same sweep. So is
what can be had without a network, or without turning anything: see `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dcign_tf.concurrency import concurrently
from dcign_tf.datasets.sweeps import Sweeps, distinct_images, evenly
from dcign_tf.evaluation.intervals import Intervals, placed
from dcign_tf.evaluation.metrics import circle
from dcign_tf.evaluation.metrics.arrays import ratio
from dcign_tf.evaluation.metrics.bootstrap import bootstrap_intervals
from dcign_tf.evaluation.metrics.novel_views import novel_view_ratio, squared_errors
from dcign_tf.evaluation.picture_errors import SweepErrors
from dcign_tf.evaluation.sweep_codes import Evaluated
from dcign_tf.quantities import Quantity
from dcign_tf.readouts import scene
from dcign_tf.readouts.fitting import pooled

METHODS = ("network", "unchanged", "copy", "mean_image", "ceiling")
"""What is compared with the true picture: the network's, its latent set to what stands for
the angle, and what the old one left taken out; the network's with its latent left as it was; the
picture given itself; the mean training image at that angle; and, the best to be had, the network's
from the true picture."""

_MEAN_IMAGE_SWEEPS = 200
_MOST_NODES = 25  # of mean images
_BINS = 8
MeanImages = Callable[[np.ndarray], np.ndarray]
"""Values of a factor, [N], to the mean images at them, [N, H, W, C]."""


def rerendering_scores(
    evaluated: Evaluated,
    train: Mapping[str, Sweeps],
    errors: Mapping[str, Sequence[SweepErrors]],
) -> tuple[dict[str, dict[str, Any]], Intervals]:
    """Mean squared errors of re-rendering, for each extrinsic factor.

    An angle beyond the calibrated range is taken to be that at its end; how often is told.

    Args:
        evaluated: what is scored.
        train: factor to training sweeps, for the mean images.
        errors: factor to the `image_errors` of some of its scored sweeps.

    Returns:
        Factor to the entries of `rerendering` in `scores.json` (docs/scores.md). What is
        not known is NaN. And the intervals of the network's error over that of the picture given.
    """
    scores: dict[str, dict[str, Any]] = {}
    intervals: Intervals = {}
    for factor in evaluated.network.code.extrinsic:
        if reason := _not_measured(factor, errors[factor], evaluated):
            scores[factor] = {"why_null": dict.fromkeys(METHODS, reason)}
            scores[factor] |= {"mse": dict.fromkeys(METHODS, np.nan), "by_change": None}
            continue
        quantity, curve = evaluated.quantities[factor], evaluated.curve(factor)
        sweep_errors = [sweep for sweep in errors[factor] if len(sweep.pairs)]
        reasons = {}
        if curve is None:
            unusable = evaluated.calibration.factors.get(factor)
            reason = unusable.reason if unusable else "no validation sweep varies it"
            reasons["network"] = f"not calibrated: {reason}"
        values = np.concatenate(evaluated.test[factor].values)
        means = fit_mean_images(train[factor], quantity, values, count=_MEAN_IMAGE_SWEEPS)
        if means is None:
            reasons["mean_image"] = "no training sweep shows such values"
        given, wanted, by_method = _pair_errors(evaluated, factor, sweep_errors, means)
        clipped = np.nan
        if curve is not None:
            asked = circle.on_turn(wanted, *curve.range, quantity.period)
            clipped = np.mean(~curve.within(asked))
        scores[factor] = {
            "num_sweeps": len(sweep_errors),
            "num_pairs": len(given),
            "num_mean_image_sweeps": min(_MEAN_IMAGE_SWEEPS, len(train[factor])),
            "clipped": float(clipped),
            "mse": {method: float(squares.mean()) for method, squares in by_method.items()},
            "by_change": _by_change(circle.distance(wanted, given, quantity.period), by_method),
            "why_null": reasons,
        }
        intervals |= placed(f"rerendering.{factor}", _interval_over_copy(sweep_errors, by_method))
    return scores, intervals


def _not_measured(factor: str, errors: Sequence[SweepErrors], evaluated: Evaluated) -> str:
    """Why there is nothing to compare; empty if there is."""
    if factor not in evaluated.quantities:
        return "the dataset holds no true values of this factor"
    if not errors:
        return f"no {evaluated.split} sweep varies this factor"
    if not any(len(sweep.pairs) for sweep in errors):
        return f"no {evaluated.split} sweep has two images"
    return ""


def _pair_errors(
    evaluated: Evaluated,
    factor: str,
    sweep_errors: Sequence[SweepErrors],
    means: MeanImages | None,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """The values given and wanted of the pairs, [P] each, and each method's squared errors, [P]."""
    network, codes, curve = evaluated.network, evaluated.test[factor], evaluated.curve(factor)
    period = evaluated.quantities[factor].period

    def measured(sweep: SweepErrors) -> dict[str, np.ndarray]:
        given, wanted = sweep.pairs.T
        z = codes.z_mean[sweep.index][given]
        values = np.asarray(codes.values[sweep.index], np.float64)
        true = distinct_images(evaluated.sweeps[factor][sweep.index])[wanted]
        by_network = by_mean_image = np.full(len(true), np.nan)
        if curve is not None:
            # The calibrated range may be a part of a circle, counted from elsewhere.
            asked = circle.on_turn(values[wanted], *curve.range, period)
            latents = {factor: curve.to_latents(asked)}
            new = scene.changed(z, network.code, latents, evaluated.calibration)
            drawn = network.decode(new)
            by_network = squared_errors(drawn, true)
        if means is not None:
            by_mean_image = squared_errors(means(values[wanted]), true)
        return {
            "given": values[given],
            "wanted": values[wanted],
            "network": by_network,
            "unchanged": sweep.unchanged,
            "copy": sweep.copy,
            "mean_image": by_mean_image,
            "ceiling": sweep.reconstruction[wanted],
        }

    parts = list(concurrently(measured, sweep_errors))
    pooled = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return pooled.pop("given"), pooled.pop("wanted"), pooled


def _interval_over_copy(
    sweep_errors: Sequence[SweepErrors], by_method: Mapping[str, np.ndarray]
) -> dict[str, tuple[float, float]]:
    """Of the network's error over that of the picture given, drawing whom these pictures show."""
    identities = pooled([sweep.given_identities for sweep in sweep_errors])
    network, copy = by_method["network"], by_method["copy"]

    def over_copy(pairs: np.ndarray) -> float:
        return novel_view_ratio(network[pairs], copy[pairs])

    return bootstrap_intervals(identities, {"over_copy": over_copy})


def _by_change(change: np.ndarray, by_method: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The errors of P pairs over how far apart their two values are, [P]."""
    edges = np.linspace(0, change.max(), _BINS + 1)
    part = np.searchsorted(edges[1:-1], change)
    num_pairs = np.bincount(part, minlength=_BINS)

    def means(values: np.ndarray) -> list[float]:
        sums = np.bincount(part, weights=values, minlength=_BINS)
        return [ratio(total, n) for total, n in zip(sums, num_pairs, strict=True)]

    return {
        "edges": edges.tolist(),
        "change": means(change),
        "num_pairs": num_pairs.tolist(),
        "mse": {method: means(squares) for method, squares in by_method.items()},
    }


def fit_mean_images(
    sweeps: Sweeps, quantity: Quantity, wanted: np.ndarray, *, count: int
) -> MeanImages | None:
    """Means of training images, each image shared between the two nodes next to its value.

    A few sweeps at a time are in memory.

    Args:
        sweeps: training sweeps in which the factor varies.
        quantity: what its values are.
        wanted: values at which mean images will be asked for, any shape. Where they are at most
            25 different ones, the nodes are these; otherwise 25 evenly spread over them.
        count: how many sweeps at most, evenly chosen, are used.

    Returns:
        Between nodes it gives a mixture, beyond the outer ones those there. None if no
        training image lies within the values wanted.
    """
    period = quantity.period
    nodes = _nodes(np.asarray(wanted, np.float64).ravel(), period)
    total, weight = 0.0, np.zeros(len(nodes))

    def read(index: int) -> tuple[np.ndarray, np.ndarray]:
        example = sweeps[index]
        images = distinct_images(example)
        return images, np.asarray(example[quantity.key], np.float64)[: len(images)]

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
