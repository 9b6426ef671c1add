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
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from dcign_tf.archives import read_arrays
from dcign_tf.files import aside

READOUT_FILE = "shape_readout.npz"
"""Its name in a run's evaluation directory."""

ALPHAS = tuple(10.0 ** np.arange(-3, 6.5, 0.5))
_FOLDS = 5  # at most, of cross-validation


@dataclasses.dataclass(frozen=True, eq=False)
class ShapeReadout:
    """Coefficients = latents · weights + intercept.

    Attributes:
        weights: float32 [latents, K].
        intercept: float32 [K].
        alpha: the ridge penalty that cross-validation chose, for latents of mean variance 1.
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

    def fits(self, latent_dim: int) -> bool:
        """Whether its latents are among those of codes of so many: a file may be another's."""
        first = self.first_latent
        return isinstance(first, int) and 0 <= first <= latent_dim - len(self.weights)

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
        dimensions = {field.name: "" for field in dataclasses.fields(cls)}
        dimensions |= {"weights": "nk", "intercept": "k", "face_model": None}
        arrays = read_arrays(path, dimensions, "The shape read-out")
        return cls(**{name: a if a.ndim else a.item() for name, a in arrays.items()})


def fit_readout(
    codes: np.ndarray,
    coefficients: np.ndarray,
    identities: np.ndarray,
    *,
    where: slice,
    face_model: str = "",
    step: int = 0,
) -> ShapeReadout:
    """Ridge regression, its penalty chosen by cross-validation over identities.

    An identity's images are all in one fold, so that the penalty is the one that serves
    people not fitted on. The latents are not standardised one by one, but all by their root
    mean variance: a latent that hardly moves is one that tells hardly anything, but the
    scale of the whole code says nothing.

    Args:
        codes: of images of training identities, [N, latent_dim].
        coefficients: of the identities they show, [N, K].
        identities: integers [N].
        where: the latents to read from, as a rule the intrinsic ones.
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
    scale = np.sqrt(latents.var(axis=0).mean()) or 1.0
    latents /= scale
    alpha = _cross_validated_alpha(
        latents, coefficients, GroupKFold(min(_FOLDS, num_identities)), identities
    )
    ridge = Ridge(alpha=alpha).fit(latents, coefficients)
    return ShapeReadout(
        weights=(ridge.coef_.T / scale).astype(np.float32),
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
