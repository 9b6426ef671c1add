"""The scores of a model: what `evaluation/scores.json` holds (docs/scores.md)."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dcign_tf.evaluation.intervals import Intervals, scored
from dcign_tf.evaluation.metrics import circle, sweep_variance
from dcign_tf.evaluation.metrics.arrays import mean, median
from dcign_tf.evaluation.metrics.bootstrap import LEVEL, Statistic
from dcign_tf.evaluation.metrics.correlation import correlations, r2, spearman_of
from dcign_tf.evaluation.picture_errors import SweepErrors, reconstruction_scores, swapped_ratio
from dcign_tf.evaluation.sweep_codes import Codes, Evaluated
from dcign_tf.files import sealed, write_json
from dcign_tf.quantities import Quantity
from dcign_tf.readouts.calibrated_factor import CalibratedFactor
from dcign_tf.readouts.fitting import pooled
from dcign_tf.readouts.samples import FAR_OFF

SCHEMA_VERSION = 9


# Scores of an extrinsic factor against its true values, and further ones if it is a circle.
_READING_SCORES = ("r2_calibrated", "mean_absolute_error", "median_absolute_error")
_LINEAR_SCORES = ("pearson", "spearman", *_READING_SCORES)
VALUE_SCORES = (*_LINEAR_SCORES, "far_off_share", "circular_linear", "cut")
# They compare a number with the value: of several latents none is it.
_SCORES_OF_ONE_LATENT = ("pearson", "spearman", "circular_linear", "cut")


def are_current(scores: Mapping[str, Any] | None, step: int) -> bool:
    """Whether these are scores of the weights after `step` steps, and this release's."""
    scores = scores or {}
    return (scores.get("step"), scores.get("schema_version")) == (step, SCHEMA_VERSION)


def make_scores(evaluated: Evaluated, errors: Mapping[str, Sequence[SweepErrors]]) -> dict:
    """All scores of held-out identities, as `docs/scores.md` describes them.

    Args:
        evaluated: what is scored.
        errors: every factor to the `image_errors` of some of its sweeps.

    Returns:
        A dict of dicts, lists, strings and numbers; undefined scores are NaN.

    Raises:
        KeyError: if a factor is missing from any of the mappings.
        ValueError: if arrays do not fit together.
    """
    code, codes = evaluated.network.code, evaluated.test
    matrix = sweep_variance.movement_matrix({f: codes[f].z_mean for f in code.factors}, code)
    selectivity = sweep_variance.selectivity(matrix, code)
    reconstruction, intervals = scored("", *reconstruction_scores(list(errors.values())))
    factors: dict[str, dict[str, float]] = {}
    why_null: dict[str, dict[str, str]] = {}
    for factor in code.factors:
        scores, of_factor = _factor_scores(evaluated, factor, errors[factor], selectivity)
        factors[factor], intervals = scores, intervals | of_factor
        reasons = {
            name: _reason(name, value, factor, evaluated)
            for name, value in scores.items()
            if not math.isfinite(value)
        }
        if reasons:
            why_null[factor] = reasons
    return {
        "schema_version": SCHEMA_VERSION,
        "split": evaluated.split,
        "num_sweeps": {factor: len(codes[factor].z_mean) for factor in code.factors},
        **reconstruction,
        "factors": factors,
        "why_null": why_null,
        "values": {
            factor: {
                "key": quantity.key,
                "period": quantity.period,
                "guessing_error": _guessing_error(codes[factor], evaluated.fit[factor], quantity),
            }
            for factor, quantity in evaluated.quantities.items()
        },
        "movement": {
            "groups": list(code.factors),
            "factors": list(code.factors),
            "variance": matrix.tolist(),
        },
        "step": evaluated.calibration.step,
        "num_image_sweeps": {factor: len(of_factor) for factor, of_factor in errors.items()},
        "interval_level": LEVEL,
        "intervals": intervals,
    }


def _factor_scores(
    evaluated: Evaluated,
    factor: str,
    errors: Sequence[SweepErrors],
    selectivity: Mapping[str, float],
) -> tuple[dict[str, float], Intervals]:
    """All scores of a factor, and intervals of those that are most looked at."""
    code, codes = evaluated.network.code, evaluated.test[factor]
    scores: dict[str, float] = {}
    intervals: Intervals = {}
    if factor in evaluated.quantities:
        scores, intervals = _value_scores(evaluated, factor)
    elif factor in code.extrinsic:
        scores = dict.fromkeys(_LINEAR_SCORES, np.nan)
    if factor in code.extrinsic:
        scores["selectivity"] = selectivity[factor]
    scores["own_share"] = sweep_variance.own_share(codes.z_mean, code.slice(factor))
    scores["consistency"] = sweep_variance.consistency(codes.z_mean, code.slice(factor))
    scores["invariance"] = sweep_variance.invariance(codes.z_mean, code.slice(factor))
    identities, ratio = swapped_ratio(errors)
    of_views, more = scored(f"factors.{factor}", identities, {"novel_view_ratio": ratio})
    return scores | of_views, intervals | more


def _value_scores(evaluated: Evaluated, factor: str) -> tuple[dict[str, float], Intervals]:
    """How well a factor's latents tell its true value; of one, on a circle, its angle from the cut.

    What takes a single latent is NaN of several.
    """
    codes, curve = evaluated.test[factor], evaluated.calibration.factors.get(factor)
    latents, value = codes.pooled(evaluated.network.code.slice(factor)), pooled(codes.values)
    period = evaluated.quantities[factor].period
    read = curve.to_value(latents) if curve else np.full(value.shape, np.nan)
    error = circle.distance(read, value, period)
    is_single = latents.shape[1] == 1
    latent = latents[:, 0] if is_single else np.full(value.shape, np.nan)
    linear, along, circular = value, value, {}
    if period:
        cut = _cut(curve, period) if is_single else np.nan
        linear = circle.unroll(value, cut, period)
        # Opened opposite their mean, not at the cut, which may part an arc of near neighbours.
        along = circle.unroll(value, circle.circular_mean(value, period) + period / 2, period)
        circular = {
            "circular_linear": circle.circular_linear_correlation(latent, value, period),
            "cut": cut,
        }
    statistics: dict[str, Statistic] = {
        "spearman": spearman_of(latent, linear),
        "r2_calibrated": lambda images: r2((along + error)[images], along[images]),
        "mean_absolute_error": lambda images: mean(error[images]),
        "median_absolute_error": lambda images: median(error[images]),
    }
    if period:
        far_off = np.where(error >= 0, error > FAR_OFF * period, np.nan)
        statistics["far_off_share"] = lambda images: mean(far_off[images])
    scores, intervals = scored(f"factors.{factor}", pooled(codes.identities), statistics)
    return {**correlations(latent, linear), **scores, **circular}, intervals


def _cut(curve: CalibratedFactor | None, period: float) -> float:
    """Where a circle is cut open to count its angles, in [0, period); NaN if not calibrated.

    Where the latent has to jump; or, where the calibration covers an arc alone, in the
    middle of what it leaves free.
    """
    if curve is None or curve.reason:
        return np.nan
    if curve.period:
        return curve.cuts[0]
    return float(circle.unroll(sum(curve.range) / 2 + period / 2, 0, period))


def _guessing_error(codes: Codes, fit_codes: Codes, quantity: Quantity) -> float:
    """Mean absolute error of always saying the mean of the values of other identities."""
    value, fit_value = pooled(codes.values), pooled(fit_codes.values)
    if not value.size or not fit_value.size:
        return np.nan
    period = quantity.period
    guess = circle.circular_mean(fit_value, period) if period else fit_value.mean()
    return float(circle.distance(value, guess, period).mean())


def _reason(name: str, value: float, factor: str, evaluated: Evaluated) -> str:
    """Why a score is null in scores.json: the first thing that it lacks."""
    quantity, num_sweeps = evaluated.quantities.get(factor), len(evaluated.test[factor].z_mean)
    num_latents = evaluated.network.code.size(factor)
    if name in VALUE_SCORES and quantity is None:
        return "the dataset holds no true values of this factor"
    if name in _SCORES_OF_ONE_LATENT and num_latents > 1:
        return f"it is told by {num_latents} latents, and this takes one"
    if not num_sweeps and name != "cut":
        return f"no {evaluated.split} sweep varies this factor"
    needs_cut = name == "cut" or (name in ("pearson", "spearman") and quantity.period)
    if needs_cut or name in (*_READING_SCORES, "far_off_share"):
        if not len(evaluated.fit[factor].z_mean):
            return "no validation sweep varies this factor"
        if needs_cut and evaluated.curve(factor) is None:
            return "it is not calibrated: where to cut the circle is not known"
    if name in ("consistency", "invariance") and num_sweeps < 2:
        return "one sweep cannot be compared with another"
    if math.isinf(value):
        return "infinite: what it is divided by is zero"
    return "undefined: codes or values are constant, too few or not finite"


def write_scores(scores: Mapping, path: str | os.PathLike) -> None:
    """Writes scores as strict JSON, complete or not at all; NaN and infinities become null.

    Their checksum stands at the end.

    Raises:
        UserError: if the file cannot be written.
    """
    text = json.dumps(scores, default=np.generic.item)
    # What is called here for are the names that json gives to NaN and to infinities.
    write_json(Path(path), sealed(json.loads(text, parse_constant=lambda _: None)))
