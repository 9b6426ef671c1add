"""The scores of a model: what `evaluation/scores.json` holds (docs/scores.md)."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dcign_tf.evaluation.metrics import circle, sweep_variance
from dcign_tf.evaluation.metrics.correlation import correlations, r2
from dcign_tf.evaluation.sweep_codes import Codes
from dcign_tf.factors import GraphicsCode
from dcign_tf.files import write_json
from dcign_tf.quantities import Quantity
from dcign_tf.readouts.calibration import Calibration, FactorCalibration
from dcign_tf.readouts.fitting import calibrate

SCHEMA_VERSION = 5


def are_current(scores: Mapping[str, Any] | None, step: int) -> bool:
    """Whether these are scores of the weights after `step` steps, and this release's."""
    found = scores or {}
    return (found.get("step"), found.get("schema_version")) == (step, SCHEMA_VERSION)


# Of an extrinsic factor, against its true values; the last two only if it is a circle.
VALUE_SCORES = (
    "pearson",
    "spearman",
    "r2_calibrated",
    "mean_absolute_error",
    "circular_linear",
    "cut",
)
# Of any factor, from sweeps alone; selectivity of extrinsic ones only.
SWEEP_SCORES = ("selectivity", "own_share", "consistency", "invariance", "novel_view_ratio")
_CIRCLE_SCORES = ("circular_linear", "cut")


def fit_calibration(
    code: GraphicsCode,
    fit_codes: Mapping[str, Codes],
    quantities: Mapping[str, Quantity],
    *,
    step: int,
    latents: Mapping[str, tuple[int, ...]] | None = None,
) -> Calibration:
    """What the extrinsic latents mean, where the true values are known.

    Args:
        code: which latents belong to which factor.
        fit_codes: extrinsic factors to the codes of sweeps of validation identities.
        quantities: the factors whose true values are known, to what these are.
        step: the model's.
        latents: `Calibration.latents`, if the codes are not as the model gives them.

    Raises:
        ValueError: if such a factor has more than one latent.
    """
    calibration = calibrate(
        {factor: _pooled(fit_codes[factor].latent(code.slice(factor))) for factor in quantities},
        {factor: _pooled(fit_codes[factor].values) for factor in quantities},
        keys={factor: quantity.key for factor, quantity in quantities.items()},
        periods={f: quantity.period for f, quantity in quantities.items() if quantity.period},
        step=step,
    )
    return dataclasses.replace(calibration, latents=dict(latents or {}))


def make_scores(
    *,
    code: GraphicsCode,
    split: str,
    codes: Mapping[str, Codes],
    fit_codes: Mapping[str, Codes],
    calibration: Calibration,
    quantities: Mapping[str, Quantity],
    novel_view_ratio: Mapping[str, float],
    reconstruction_mse: float,
) -> dict:
    """All scores of one split, as `docs/scores.md` describes them.

    Args:
        code: which latents belong to which factor.
        split: name of the split that is scored, e.g. `test`.
        codes: every factor to the codes of the split's sweeps in which it varies.
        fit_codes: extrinsic factors to codes of *other* identities (validation), on
            which the curve from latent to value, and the cut of a circle, are fitted.
        calibration: of `fit_calibration`, from the same `fit_codes`.
        quantities: the factors whose true values are known, to what these are.
        novel_view_ratio: every factor to its `novel_view_ratio`.
        reconstruction_mse: mean squared error of the reconstructions.

    Returns:
        A dict of dicts, lists, strings and numbers; undefined scores are NaN.

    Raises:
        KeyError: if a factor is missing from any of the mappings.
        ValueError: if an extrinsic factor with known values has more than one latent,
            so that none could be called the value's; or if arrays do not fit together.
    """
    matrix = sweep_variance.movement_matrix({f: codes[f].z_mean for f in code.factors}, code)
    selectivity = sweep_variance.selectivity(matrix, code)
    factors: dict[str, dict[str, float]] = {}
    for factor in code.factors:
        where, z_mean = code.slice(factor), codes[factor].z_mean
        own = factors[factor] = {}
        if factor in quantities:
            known = calibration.factors.get(factor)
            own |= _value_scores(codes[factor], known, quantities[factor], where)
        elif factor in code.extrinsic:
            own |= {name: np.nan for name in VALUE_SCORES if name not in _CIRCLE_SCORES}
        if factor in code.extrinsic:
            own["selectivity"] = selectivity[factor]
        own["own_share"] = sweep_variance.own_share(z_mean, where)
        own["consistency"] = sweep_variance.consistency(z_mean, where)
        own["invariance"] = sweep_variance.invariance(z_mean, where)
        own["novel_view_ratio"] = float(novel_view_ratio[factor])
    reasons = {
        factor: {
            name: _reason(
                name, value, split, codes[factor], fit_codes.get(factor), quantities.get(factor)
            )
            for name, value in own.items()
            if not math.isfinite(value)
        }
        for factor, own in factors.items()
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "split": split,
        "num_sweeps": {factor: len(codes[factor].z_mean) for factor in code.factors},
        "reconstruction_mse": float(reconstruction_mse),
        "factors": factors,
        "why_null": {factor: why for factor, why in reasons.items() if why},
        "values": {
            factor: {
                "key": quantity.key,
                "period": quantity.period,
                "guessing_error": _guessing_error(codes[factor], fit_codes[factor], quantity),
            }
            for factor, quantity in quantities.items()
        },
        "movement": {
            "groups": list(code.factors),
            "factors": list(code.factors),
            "variance": matrix.tolist(),
        },
    }


def _value_scores(
    codes: Codes, known: FactorCalibration | None, quantity: Quantity, where: slice
) -> dict[str, float]:
    """How well a factor's latent tells its true value; on a circle, its angle from the cut."""
    latent, value = _pooled(codes.latent(where)), _pooled(codes.values)
    calibrated = known.to_value(latent) if known else np.full(latent.shape, np.nan)
    error, on_circle = np.abs(calibrated - value), {}
    spread = value
    if period := quantity.period:
        error = circle.circular_distance(calibrated, value, period)
        # Opened opposite their mean, not at the cut, which may part an arc of near neighbours.
        opposite = circle.circular_mean(value, period) + period / 2
        spread = circle.unroll(value, opposite, period)
        cut = known.cuts[0] if known and known.cuts else np.nan
        on_circle = {
            "circular_linear": circle.circular_linear_correlation(latent, value, period),
            "cut": cut,
        }
        value = circle.unroll(value, cut, period)
    return {
        **correlations(latent, value),
        "r2_calibrated": r2(spread + error, spread),
        "mean_absolute_error": float(error.mean()) if error.size else np.nan,
        **on_circle,
    }


def _guessing_error(codes: Codes, fit: Codes, quantity: Quantity) -> float:
    """Mean absolute error of always saying the mean of the values of other identities."""
    value, value_fit = _pooled(codes.values), _pooled(fit.values)
    if not value.size or not value_fit.size:
        return np.nan
    if quantity.period:
        guess = circle.circular_mean(value_fit, quantity.period)
        return float(circle.circular_distance(value, guess, quantity.period).mean())
    return float(np.abs(value - value_fit.mean()).mean())


def _pooled(sweeps: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *sweeps])


def _reason(
    name: str, value: float, split: str, codes: Codes, fit: Codes | None, quantity: Quantity | None
) -> str:
    """Why a score is null in scores.json: the first thing that it lacks."""
    if name in VALUE_SCORES and quantity is None:
        return "the dataset holds no true values of this factor"
    if not len(codes.z_mean) and name != "cut":
        return f"no {split} sweep varies this factor"
    is_fitted = name in ("r2_calibrated", "mean_absolute_error", "cut")
    after_cut = name in ("pearson", "spearman") and quantity is not None and quantity.period
    if (is_fitted or after_cut) and not len(fit.z_mean):
        return "no validation sweep varies this factor"
    if name in ("consistency", "invariance") and len(codes.z_mean) < 2:
        return "one sweep cannot be compared with another"
    if math.isinf(value):
        return "infinite: what it is divided by is zero"
    return "undefined: codes or values are constant, too few or not finite"


def write_scores(scores: Mapping, path: str | os.PathLike) -> None:
    """Writes scores as strict JSON, complete or not at all; NaN and infinities become null.

    Raises:
        UserError: if the file cannot be written.
    """
    write_json(Path(path), _finite(scores))


def _finite(value):
    """`value` with None for every number that strict JSON cannot hold."""
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
