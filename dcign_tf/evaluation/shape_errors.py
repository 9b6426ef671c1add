"""How far estimated faces are from the true ones, in millimetres."""

from __future__ import annotations

from typing import Any

import numpy as np

from dcign_tf.evaluation.metrics.arrays import ratio
from dcign_tf.evaluation.metrics.correlation import r2
from dcign_tf.evaluation.portraits import Portraits
from dcign_tf.readouts.face_shape import ShapeReadout
from dcign_tf.rendering.morphable_model import MorphableModel

_CHUNK_VERTICES = 2_000_000  # of which displacements are held in memory at once


def vertex_errors_mm(model: MorphableModel, estimated: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean distance between corresponding vertices of two faces, in millimetres.

    No alignment: both are in the face model's own frame.

    Args:
        model: the face model.
        estimated: coefficients [N, S + A]; only those of shape, the first S, count.
        true: of the same shape.

    Returns:
        float64 [N].

    Raises:
        ValueError: if the shapes differ or are not those of the model.
    """
    estimated, true = np.asarray(estimated, np.float32), np.asarray(true, np.float32)
    if estimated.shape != true.shape or true.shape[1:] != (model.num_coefficients,):
        raise ValueError(
            f"Coefficients {estimated.shape} and {true.shape} must both be"
            f" [N, {model.num_coefficients}], as {model.name} has."
        )
    # The model is linear: the difference of two faces is that of their coefficients.
    change = (estimated - true)[:, : model.num_shape]
    chunk = max(1, _CHUNK_VERTICES // len(model.mean_mm))
    errors = [
        np.linalg.norm(
            np.tensordot(change[start : start + chunk], model.shape_basis_mm, axes=1), axis=-1
        ).mean(axis=1, dtype=np.float64)
        for start in range(0, len(change), chunk)
    ]
    return np.concatenate([np.zeros(0), *errors])


def shape_scores(
    model: MorphableModel, readout: ShapeReadout, portraits: Portraits
) -> dict[str, Any]:
    """How far off the estimated faces are, on identities that the read-out never saw.

    Args:
        model: the face model.
        readout: of `fit_readout`.
        portraits: of other identities than it was fitted on.

    Returns:
        `vertex_error_mm`: of the face estimated from one image (`vertex_errors_mm`),
        averaged over the images of an identity, then over identities; its standard
        deviation over identities, `vertex_error_std_mm`; `pooled_error_mm`, where the
        estimates from all images of an identity are averaged first; `mean_face_error_mm`,
        of always saying the mean face; `ratio` of the first to the last;
        `r2_per_coefficient` over images, [K]; `per_identity`, `[identity, error]` pairs;
        and `alpha` and the numbers of images and identities, of the fit and here.

    Raises:
        ValueError: if the arrays do not fit together.
    """
    coefficients, estimated = portraits.coefficients, readout.coefficients(portraits.codes)
    people, first, person = np.unique(portraits.identities, return_index=True, return_inverse=True)
    counts = np.bincount(person)

    def per_person(values: np.ndarray) -> np.ndarray:
        sums = np.zeros((len(people), *values.shape[1:]))
        np.add.at(sums, person, values)
        return sums / counts.reshape(-1, *[1] * (values.ndim - 1))

    errors = per_person(vertex_errors_mm(model, estimated, coefficients))
    true = coefficients[first]
    mean_face = vertex_errors_mm(model, np.zeros_like(true), true)
    return {
        "vertex_error_mm": float(errors.mean()),
        "vertex_error_std_mm": float(errors.std(ddof=1)) if len(people) > 1 else np.nan,
        "pooled_error_mm": float(vertex_errors_mm(model, per_person(estimated), true).mean()),
        "mean_face_error_mm": float(mean_face.mean()),
        "ratio": ratio(errors.mean(), mean_face.mean()),
        "r2_per_coefficient": [
            r2(mine, theirs) for mine, theirs in zip(estimated.T, coefficients.T, strict=True)
        ],
        "per_identity": [[int(p), float(e)] for p, e in zip(people, errors, strict=True)],
        "num_images": len(person),
        "num_identities": len(people),
        "alpha": readout.alpha,
        "num_fit_images": readout.num_images,
        "num_fit_identities": readout.num_identities,
    }
