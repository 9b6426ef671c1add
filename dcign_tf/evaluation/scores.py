"""The scores of a model: what `evaluation/scores.json` holds (docs/scores.md)."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dcign_tf.evaluation import metrics
from dcign_tf.factors import GraphicsCode

SCHEMA_VERSION = 1
FACTOR_SCORES = ("pearson", "spearman", "r2_monotone", "selectivity", "novel_view_ratio")


def make_scores(
    *,
    code: GraphicsCode,
    split: str,
    z_mean: Mapping[str, np.ndarray],
    angle_deg: Mapping[str, np.ndarray],
    fit_z_mean: Mapping[str, np.ndarray],
    fit_angle_deg: Mapping[str, np.ndarray],
    novel_view_ratio: Mapping[str, float],
    reconstruction_mse: float,
) -> dict:
    """All scores of one split, as `docs/scores.md` describes them.

    Args:
        code: which latents belong to which factor.
        split: name of the split that is scored, e.g. `test`.
        z_mean: factor to the codes of the split's sweeps of that factor, [N_f, n, L].
        angle_deg: extrinsic factor to its angle in those sweeps, [N_f, n].
        fit_z_mean: extrinsic factor to codes of *other* identities (validation), on
            which the monotone curve from latent to angle is fitted.
        fit_angle_deg: the angles of `fit_z_mean`.
        novel_view_ratio: every factor to its `metrics.novel_view_ratio`.
        reconstruction_mse: `metrics.mean_squared_error` of the reconstructions.

    Returns:
        A dict of dicts, lists, strings and numbers; undefined scores are NaN.

    Raises:
        KeyError: if a factor is missing from any of the mappings.
        ValueError: if an extrinsic factor has more than one latent, so that none
            could be called the angle's; or if arrays do not fit together.
    """
    matrix = metrics.movement_matrix(z_mean, code)
    selectivity = metrics.selectivity(matrix, code)
    factors: dict[str, dict[str, float]] = {}
    for factor in code.factors:
        factors[factor] = {}
        if factor in code.extrinsic:
            latent = _own_latent(z_mean[factor], code, factor)
            factors[factor] = {
                **metrics.correlations(latent, angle_deg[factor]),
                "r2_monotone": metrics.r2_monotone(
                    latent_fit=_own_latent(fit_z_mean[factor], code, factor),
                    angle_fit=fit_angle_deg[factor],
                    latent=latent,
                    angle=angle_deg[factor],
                ),
                "selectivity": selectivity[factor],
            }
        factors[factor]["novel_view_ratio"] = float(novel_view_ratio[factor])
    return {
        "schema_version": SCHEMA_VERSION,
        "split": split,
        "num_sweeps": {factor: len(z_mean[factor]) for factor in code.factors},
        "reconstruction_mse": float(reconstruction_mse),
        "factors": factors,
        "movement": {
            "groups": list(code.factors),
            "factors": list(code.factors),
            "variance": matrix.tolist(),
        },
    }


def write_scores(scores: Mapping, path: str | os.PathLike) -> None:
    """Writes scores as strict JSON, complete or not at all; NaN and infinities become null.

    Raises:
        OSError: if the file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(json.dumps(_finite(scores), indent=2, allow_nan=False) + "\n")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def scores_table(scores: Mapping) -> str:
    """The scores as text for a screen: a line a factor, – where a score is undefined or has no use.

    Args:
        scores: of `make_scores`, or read back from `scores.json`.
    """
    header = ["factor", "sweeps", *(name.replace("_", " ") for name in FACTOR_SCORES)]
    lines = [
        [
            factor,
            str(scores["num_sweeps"][factor]),
            *(_number(values.get(name)) for name in FACTOR_SCORES),
        ]
        for factor, values in scores["factors"].items()
    ]
    table = _aligned([header, *lines])
    movement = scores["movement"]
    moved = _aligned(
        [
            ["variance of latents", *movement["factors"]],
            *(
                [group, *map(_number, row)]
                for group, row in zip(movement["groups"], movement["variance"], strict=True)
            ),
        ]
    )
    mse = _number(scores["reconstruction_mse"], ".4e")
    return (
        f"{scores['split']}: reconstruction MSE {mse}\n\n{table}\n\n"
        f"{moved}\n(rows: latents; columns: the factor that varied)\n"
    )


def _own_latent(z_mean: np.ndarray, code: GraphicsCode, factor: str) -> np.ndarray:
    where = code.slice(factor)
    if where.stop - where.start > 1:
        raise ValueError(
            f"Factor '{factor}' has {where.stop - where.start} latents; only one can be"
            " compared with an angle."
        )
    return np.asarray(z_mean)[..., where.start]


def _finite(value):
    """`value` with None for every number that strict JSON cannot hold."""
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None, form: str | None = None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    readable = value == 0 or 0.001 <= abs(value) < 1000
    return format(value, form or (".3f" if readable else ".2e"))


def _aligned(rows: list[list[str]]) -> str:
    """Columns as wide as their widest entry, the first flush left and the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [entry.rjust(width) for entry, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    )
