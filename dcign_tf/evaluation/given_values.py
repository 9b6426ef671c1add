"""Re-rendering at a given angle, in numbers (the comparison of paper §4.1.1).

A picture of somebody never seen in training is given, and an angle. What the network
makes of them is compared with the true picture at that angle, of the same sweep. So is
what can be had without a network, or without turning anything: see `METHODS`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dcign_tf.codec import Codec
from dcign_tf.datasets.sweeps import Sweeps, distinct_images
from dcign_tf.evaluation.concurrency import concurrently
from dcign_tf.evaluation.mean_images import MeanImages, fit_mean_images
from dcign_tf.evaluation.metrics import circle
from dcign_tf.evaluation.metrics.arrays import ratio
from dcign_tf.evaluation.metrics.novel_views import squared_errors
from dcign_tf.evaluation.picture_errors import SweepErrors
from dcign_tf.evaluation.sweep_codes import Codes
from dcign_tf.quantities import Quantity
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibration import Calibration, FactorCalibration

METHODS = ("network", "unchanged", "copy", "mean_image", "ceiling")
"""What is compared with the true picture: the network's, its latent set to what stands for
the angle; the network's with its latent left as it was; the picture given itself; the mean
training image at that angle; and, the best to be had, the network's from the true picture."""

_MEAN_IMAGE_SWEEPS = 200
_BINS = 8


def rerendering_scores(
    network: Codec,
    train: Mapping[str, Sweeps],
    test: Mapping[str, Sweeps],
    codes: Mapping[str, Codes],
    quantities: Mapping[str, Quantity],
    calibration: Calibration,
    errors: Mapping[str, Sequence[SweepErrors]],
) -> dict[str, dict[str, Any]]:
    """Mean squared errors of re-rendering, for each extrinsic factor.

    An angle beyond the calibrated range is taken to be that at its end; how often is told.

    Args:
        network: whose codes are `codes`.
        train: factor to training sweeps, for the mean images.
        test: factor to sweeps of identities never seen in training.
        codes: of the latter.
        quantities: the factors whose true values are known.
        calibration: of these codes.
        errors: factor to the `image_errors` of some of the sweeps of `test`.

    Returns:
        Factor to the entries of `rerendering` in `scores.json` (docs/scores.md). What is
        not known is NaN.
    """
    scores = {}
    for factor in network.code.extrinsic:
        if reason := _not_measured(factor, errors[factor], quantities):
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
            network,
            test[factor],
            codes[factor],
            factor,
            known,
            means,
            quantity.period,
            errors[factor],
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


def _not_measured(
    factor: str, errors: Sequence[SweepErrors], quantities: Mapping[str, Quantity]
) -> str:
    """Why there is nothing to compare; empty if there is."""
    if factor not in quantities:
        return "the dataset holds no true values of this factor"
    if not errors:
        return "no test sweep varies this factor"
    if not any(len(own.pairs) for own in errors):
        return "no test sweep has two images"
    return ""


def _pair_errors(
    network: Codec,
    sweeps: Sweeps,
    codes: Codes,
    factor: str,
    known: FactorCalibration | None,
    means: MeanImages | None,
    period: float | None,
    errors: Sequence[SweepErrors],
) -> _PairErrors:
    """Draws the pairs of `errors` at the values wanted, which `known` and `means` are to give."""

    def measured(own: SweepErrors) -> dict[str, np.ndarray]:
        given, wanted = own.pairs.T
        z, values = codes.z_mean[own.index][given], np.asarray(codes.values[own.index], np.float64)
        true = distinct_images(sweeps[own.index])[wanted]
        unknown = np.full(len(true), np.nan)
        found = {
            "source": values[given],
            "target": values[wanted],
            "network": unknown,
            "unchanged": own.unchanged,
            "copy": own.copy,
            "mean_image": unknown,
            "ceiling": own.reconstruction[wanted],
        }
        if known is not None:
            latents = {factor: latents_for(values[wanted], known, period)}
            drawn = network.decode(scene.replaced(z, network.code, latents))
            found["network"] = squared_errors(drawn, true)
        if means is not None:
            found["mean_image"] = squared_errors(means.at(values[wanted]), true)
        return found

    parts = list(concurrently(measured, [own for own in errors if len(own.pairs)]))
    pooled = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    clipped = np.nan
    if known is not None:
        wanted, (low, high) = _as_calibrated(pooled["target"], known, period), known.limits()
        clipped = float(np.mean((wanted < low) | (wanted > high)))
    by_method = {method: pooled[method] for method in METHODS}
    return _PairErrors(pooled["source"], pooled["target"], by_method, clipped, len(parts))


def latents_for(values: np.ndarray, known: FactorCalibration, period: float | None) -> np.ndarray:
    """The latents that stand for true values; beyond the calibrated range, for its end.

    Args:
        values: any shape.
        known: calibrated.
        period: once round, if the values lie on a circle, of which perhaps a part alone
            is calibrated.
    """
    return scene.latents_for(_as_calibrated(values, known, period), known)


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
        return [ratio(total, n) for total, n in zip(sums, num_pairs, strict=True)]

    return {
        "edges": edges.tolist(),
        "change": means(change),
        "num_pairs": num_pairs.tolist(),
        "mse": {method: means(errors) for method, errors in found.errors.items()},
    }
