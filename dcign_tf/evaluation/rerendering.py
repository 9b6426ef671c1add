"""Re-rendering at a given angle, in numbers (the comparison of paper §4.1.1).

A picture of somebody never seen in training is given, and an angle. What the network
makes of them is compared with the true picture at that angle, of the same sweep. So is
what can be had without a network, or without turning anything: see `METHODS`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from dcign_tf.calibration import Calibration, FactorCalibration
from dcign_tf.datasets.reading import Sweeps
from dcign_tf.evaluation import circle, metrics
from dcign_tf.evaluation.mean_images import MeanImages, fit_mean_images
from dcign_tf.evaluation.network import Network, distinct_images, evenly
from dcign_tf.evaluation.quantities import Quantity
from dcign_tf.evaluation.scores import Codes

METHODS = ("network", "unchanged", "copy", "mean_image", "ceiling")
"""What is compared with the true picture: the network's, its latent set to what stands for
the angle; the network's with its latent left as it was; the picture given itself; the mean
training image at that angle; and, the best to be had, the network's from the true picture."""

_MEAN_IMAGE_SWEEPS = 200
_PAIRS_PER_SWEEP = 20  # or all there are, in a short sweep
_BINS = 8


def rerendering_scores(
    network: Network,
    train: Mapping[str, Sweeps],
    test: Mapping[str, Sweeps],
    codes: Mapping[str, Codes],
    quantities: Mapping[str, Quantity],
    calibration: Calibration,
    *,
    count: int,
) -> dict[str, dict[str, Any]]:
    """Mean squared errors of re-rendering, for each extrinsic factor.

    Which pictures are paired depends on the data alone. An angle beyond the calibrated
    range is taken to be that at its end; how often is told.

    Args:
        network: whose codes are `codes`.
        train: factor to training sweeps, for the mean images.
        test: factor to sweeps of identities never seen in training.
        codes: of the latter.
        quantities: the factors whose true values are known.
        calibration: of these codes.
        count: of each factor, as many sweeps at most are used, evenly chosen.

    Returns:
        Factor to the entries of `rerendering` in `scores.json` (docs/scores.md). What is
        not known is NaN.
    """
    scores = {}
    for factor in network.code.extrinsic:
        if reason := _not_measured(factor, codes[factor], quantities, count):
            scores[factor] = {"why_null": dict.fromkeys(METHODS, reason)}
            scores[factor] |= {"mse": dict.fromkeys(METHODS, np.nan), "by_change": None}
            continue
        quantity, known = quantities[factor], calibration.factors.get(factor)
        reasons = {}
        if known is None or known.reason:
            reason = known.reason if known else "no validation sweep varies it"
            reasons["network"] = f"not calibrated: {reason}"
            known = None
        wanted = np.concatenate(codes[factor].values)
        means = fit_mean_images(
            train[factor],
            quantity.key,
            wanted,
            period=quantity.period,
            count=_MEAN_IMAGE_SWEEPS,
        )
        found = _pair_errors(
            network, test[factor], codes[factor], factor, known, means, quantity.period, count
        )
        if means is None:
            reasons["mean_image"] = "no training sweep shows such values"
        scores[factor] = {
            "num_sweeps": found.num_sweeps,
            "num_pairs": len(found.source),
            "num_mean_image_sweeps": min(_MEAN_IMAGE_SWEEPS, len(train[factor])),
            "clipped": found.clipped,
            "mse": {method: float(errors.mean()) for method, errors in found.errors.items()},
            "by_change": _by_change(found, quantity.period),
            "why_null": reasons,
        }
    return scores


@dataclasses.dataclass(frozen=True)
class _PairErrors:
    """Of P pairs: the values given and wanted, [P], and each method's squared errors, [P].

    `clipped` is the share of values wanted that lie beyond the calibrated range.
    """

    source: np.ndarray
    target: np.ndarray
    errors: Mapping[str, np.ndarray]
    clipped: float
    num_sweeps: int


def _not_measured(factor: str, codes: Codes, quantities: Mapping[str, Quantity], count: int) -> str:
    """Why there is nothing to compare; empty if there is."""
    if factor not in quantities:
        return "the dataset holds no true values of this factor"
    if not codes.z_mean:
        return "no test sweep varies this factor"
    if all(len(codes.z_mean[index]) < 2 for index in evenly(codes.z_mean, count)):
        return "no test sweep has two images"
    return ""


def _pair_errors(
    network: Network,
    sweeps: Sweeps,
    codes: Codes,
    factor: str,
    known: FactorCalibration | None,
    means: MeanImages | None,
    period: float | None,
    count: int,
) -> _PairErrors:
    where = network.code.slice(factor)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("source", "target", *METHODS)}
    num_sweeps = 0
    for index in evenly(sweeps, count):
        z, values = codes.z_mean[index], np.asarray(codes.values[index], np.float64)
        if len(z) < 2:
            continue
        num_sweeps += 1
        num_pairs = min(_PAIRS_PER_SWEEP, len(z) * (len(z) - 1))
        source, target = metrics.novel_view_pairs(len(z), num_pairs, seed=index).T
        images, decoded = distinct_images(sweeps[index]), network.decode(z)
        pictures = {
            "unchanged": decoded[source],
            "copy": images[source],
            "ceiling": decoded[target],
        }
        if known is not None:
            turned = z[source]
            turned[:, where] = latents_for(values[target], known, period)[:, np.newaxis]
            pictures["network"] = network.decode(turned)
        if means is not None:
            pictures["mean_image"] = means.at(values[target])
        for method in METHODS:
            errors = np.full(num_pairs, np.nan)
            if method in pictures:
                difference = pictures[method] - images[target]
                errors = np.mean(difference**2, axis=(1, 2, 3), dtype=np.float64)
            parts[method].append(errors)
        parts["source"].append(values[source])
        parts["target"].append(values[target])
    pooled = {name: np.concatenate(part) for name, part in parts.items()}
    errors = {method: pooled[method] for method in METHODS}
    clipped = np.nan
    if known is not None:
        wanted, (low, high) = _as_calibrated(pooled["target"], known, period), known.limits()
        clipped = float(np.mean((wanted < low) | (wanted > high)))
    return _PairErrors(pooled["source"], pooled["target"], errors, clipped, num_sweeps)


def latents_for(values: np.ndarray, known: FactorCalibration, period: float | None) -> np.ndarray:
    """The latents that stand for true values; beyond the calibrated range, for its end.

    Args:
        values: any shape.
        known: calibrated.
        period: once round, if the values lie on a circle, of which perhaps a part alone
            is calibrated.
    """
    return known.to_latent(_as_calibrated(values, known, period))


def _as_calibrated(
    values: np.ndarray, known: FactorCalibration, period: float | None
) -> np.ndarray:
    return circle.on_turn(values, *known.range, period) if period else values


def _by_change(found: _PairErrors, period: float | None) -> dict[str, Any]:
    """The errors over how far apart the two values are, on a circle the shorter way round."""
    if period:
        change = circle.circular_distance(found.source, found.target, period)
    else:
        change = np.abs(found.target - found.source)
    edges = np.linspace(0, change.max(), _BINS + 1)
    part = np.clip(np.searchsorted(edges, change, side="left") - 1, 0, _BINS - 1)
    num_pairs = np.bincount(part, minlength=_BINS)

    def means(values: np.ndarray) -> list[float]:
        sums = np.bincount(part, weights=values, minlength=_BINS)
        return [metrics.ratio(total, n) for total, n in zip(sums, num_pairs, strict=True)]

    return {
        "edges": edges.tolist(),
        "change": means(change),
        "num_pairs": num_pairs.tolist(),
        "mse": {method: means(errors) for method, errors in found.errors.items()},
    }
