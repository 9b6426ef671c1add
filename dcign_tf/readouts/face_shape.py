"""From a code to a mesh: a linear read-out of the face model's coefficients.

Tells how much of a face's shape the intrinsic latents hold, in millimetres, and is
what `dcign-tf estimate-shape` makes a mesh with. Fitted on identities of
training, measured on others. The picture does not show how large a head is (the
camera frames each to its size), and no read-out can know it but by guessing from
the form.
"""

from __future__ import annotations

import dataclasses
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from dcign_tf.errors import UserError
from dcign_tf.evaluation.metrics.arrays import ratio
from dcign_tf.evaluation.metrics.correlation import r2
from dcign_tf.files import aside
from dcign_tf.rendering.morphable_model import MorphableModel

READOUT_FILE = "shape_readout.npz"
"""Its name in a run's evaluation directory."""

ALPHAS = tuple(10.0 ** np.arange(-3, 6.5, 0.5))
_CHUNK_VERTICES = 2_000_000  # of which displacements are held in memory at once


@dataclasses.dataclass(frozen=True, eq=False)
class ShapeReadout:
    """Coefficients = latents · weights + intercept.

    Attributes:
        weights: float32 [latents, K].
        intercept: float32 [K].
        alpha: the ridge penalty that cross-validation chose.
        num_images: that it was fitted on.
        num_identities: that these show.
        first_latent: where in the code its latents begin.
        face_model: fingerprint of the face model whose coefficients they are.
        step: of the model whose latents they are: of other weights it says nothing.
    """

    weights: np.ndarray
    intercept: np.ndarray
    alpha: float
    num_images: int
    num_identities: int
    first_latent: int = 0
    face_model: str = ""
    step: int = 0

    def coefficients(self, codes: np.ndarray) -> np.ndarray:
        """Coefficients of the face model, float32 [N, K], from whole codes [N, latent_dim]."""
        where = slice(self.first_latent, self.first_latent + len(self.weights))
        return (np.asarray(codes)[:, where] @ self.weights + self.intercept).astype(np.float32)

    def save(self, path: str | os.PathLike) -> None:
        """Writes an .npz file, aside and renamed.

        Raises:
            OSError: if it cannot be written.
        """
        with aside(Path(path)) as file:
            np.savez(file, **dataclasses.asdict(self))

    @classmethod
    def load(cls, path: str | os.PathLike) -> ShapeReadout:
        """What `save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            UserError: if it is damaged.
        """
        try:
            with np.load(path) as arrays:
                fields = {field.name: arrays[field.name] for field in dataclasses.fields(cls)}
        except FileNotFoundError:
            raise
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(
                f"The shape read-out {os.fspath(path)} is damaged ({error}); evaluate.py makes it"
                " anew."
            ) from error
        return cls(**{name: a if a.ndim else a.item() for name, a in fields.items()})


def fit_readout(
    codes: np.ndarray,
    coefficients: np.ndarray,
    identities: np.ndarray,
    *,
    where: slice,
    folds: int = 5,
    face_model: str = "",
    step: int = 0,
) -> ShapeReadout:
    """Ridge regression, its penalty chosen by cross-validation over identities.

    An identity's images are all in one fold, so that the penalty is the one that serves
    people not fitted on. The latents are not standardised: the prior gives them one
    scale, and a latent that hardly moves is one that tells hardly anything.

    Args:
        codes: of images of training identities, [N, latent_dim].
        coefficients: of the identities they show, [N, K].
        identities: integers [N].
        where: the latents to read from, as a rule the intrinsic ones.
        folds: at most, of cross-validation.
        face_model: fingerprint of the face model.
        step: of the model.

    Raises:
        ValueError: if the arrays do not fit together, or show fewer than two identities.
    """
    codes, coefficients = np.asarray(codes), np.asarray(coefficients, np.float64)
    num_identities = len(np.unique(identities))
    if not len(codes) == len(coefficients) == len(identities) or num_identities < 2:
        raise ValueError(
            f"{len(codes)} codes, {len(coefficients)} sets of coefficients, {num_identities}"
            " identities: as many codes as sets are needed, of two identities or more."
        )
    latents = codes[:, where].astype(np.float64)
    alpha = _cross_validated_alpha(
        latents, coefficients, GroupKFold(min(folds, num_identities)), identities
    )
    ridge = Ridge(alpha=alpha).fit(latents, coefficients)
    return ShapeReadout(
        weights=ridge.coef_.T.astype(np.float32),
        intercept=ridge.intercept_.astype(np.float32),
        alpha=alpha,
        num_images=len(codes),
        num_identities=num_identities,
        first_latent=where.start,
        face_model=face_model,
        step=step,
    )


def _cross_validated_alpha(
    latents: np.ndarray, coefficients: np.ndarray, folds: GroupKFold, groups: np.ndarray
) -> float:
    """That of `ALPHAS` with the least mean squared error on what is held out.

    One decomposition of a fold serves all penalties; scikit-learn's search makes one each.
    """
    errors = np.zeros(len(ALPHAS))
    for fit, held in folds.split(latents, groups=groups):
        mean, target_mean = latents[fit].mean(axis=0), coefficients[fit].mean(axis=0)
        centred, targets = latents[fit] - mean, coefficients[fit] - target_mean
        variances, directions = np.linalg.eigh(centred.T @ centred)
        along = directions.T @ (centred.T @ targets)
        seen, wanted = (latents[held] - mean) @ directions, coefficients[held] - target_mean
        for index, alpha in enumerate(ALPHAS):
            estimated = seen @ (along / (variances + alpha)[:, np.newaxis])
            errors[index] += np.mean((estimated - wanted) ** 2)  # they are all on one scale
    return float(ALPHAS[np.argmin(errors)])


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
    model: MorphableModel,
    readout: ShapeReadout,
    codes: np.ndarray,
    coefficients: np.ndarray,
    identities: np.ndarray,
) -> dict[str, Any]:
    """How far off the estimated faces are, on identities that the read-out never saw.

    Args:
        model: the face model.
        readout: of `fit_readout`.
        codes: of images of other identities than it was fitted on, [N, latent_dim].
        coefficients: the true ones, [N, K].
        identities: integers [N].

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
    coefficients, identities = np.asarray(coefficients), np.asarray(identities)
    estimated = readout.coefficients(codes)
    people, first, person = np.unique(identities, return_index=True, return_inverse=True)
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
        "num_images": len(identities),
        "num_identities": len(people),
        "alpha": readout.alpha,
        "num_fit_images": readout.num_images,
        "num_fit_identities": readout.num_identities,
    }
