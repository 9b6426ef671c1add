"""What the Basel Face Models have in common, whichever file they come in.

Both file formats hold a principal component model of shape and one of colour, x y z
and R G B interleaved, and triangles. Their authors made both with x to the face's own
left, y up and z out of the face, and with colours in sRGB; unit, order and winding
differ, and are told in `basel_2009` and `statismo`. `docs/face_models.md` has the
sources. What the axes and the winding come out as is checked here on the mean face.
"""

from __future__ import annotations

import functools
import os
import pathlib
from typing import NamedTuple

import numpy as np

from dcign_tf.files import sha256
from dcign_tf.rendering.face_models.checks import checked_triangles, largest
from dcign_tf.rendering.morphable_model import MorphableModel

READING_VERSION = 1
"""Raised whenever the same file no longer gives the same model."""

_BRIGHTEST = (0.2, 1.2)


class LinearModel(NamedTuple):
    """What a file holds of shape or colour, in its own units.

    Attributes:
        mean: [3V].
        components: float32 [K, 3V], of unit length. Is overwritten: in the real
            models it holds 127 MB.
        stddev: [K].
        per_unit: how many of the file's units are one of ours: a millimetre, or
            what a colour in sRGB at most is.
    """

    mean: np.ndarray
    components: np.ndarray
    stddev: np.ndarray
    per_unit: float


def wrong(path: str | os.PathLike[str], expected: str, actual: object) -> ValueError:
    """The error of a file that is no Basel Face Model, or not all of one."""
    return ValueError(f"{path} is no Basel face model: expected {expected}, found {actual}.")


def assemble(
    path: str | os.PathLike[str],
    name: str,
    *,
    shape: LinearModel,
    colour: LinearModel,
    triangles: np.ndarray,
) -> MorphableModel:
    """The face model, upright and facing the viewer.

    Args:
        path: the file that all of it is from.
        name: of the model, to which the number of vertices is added.
        shape: x to the face's own left, y up, z out of the face.
        colour: sRGB.
        triangles: integers [T, 3], the first vertex being 0, wound either way.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if sizes do not match, values cannot be, or the parts make no face.
    """
    vertices, shape_basis_mm = _in_our_units(path, "shape", shape)
    mean_colour, colour_basis = _in_our_units(path, "colour", colour)
    if len(mean_colour) != len(vertices):
        raise wrong(path, f"colours of {len(vertices):,} vertices", f"{len(mean_colour):,}")
    triangles = checked_triangles(
        vertices, shape_basis_mm, triangles, functools.partial(wrong, path)
    )
    brightest = float(mean_colour.max())
    if not _BRIGHTEST[0] <= brightest <= _BRIGHTEST[1]:
        raise wrong(path, "colours that reach up to about 1", f"a greatest of {brightest:.3g}")
    if (change := largest(colour_basis)) > _BRIGHTEST[1]:
        raise wrong(
            path,
            f"colour components that change no colour by more than {_BRIGHTEST[1]}",
            f"one of {change:.3g} at one standard deviation",
        )
    return MorphableModel(
        name=f"{name}-{len(vertices)}",
        mean_mm=vertices,
        triangles=triangles,
        shape_basis_mm=shape_basis_mm,
        mean_albedo=mean_colour,
        albedo_basis=colour_basis,
        fingerprint=f"{sha256(pathlib.Path(path))}-basel-{READING_VERSION}",
        albedo_is_srgb=True,
    )


def _in_our_units(
    path: str | os.PathLike[str], what: str, model: LinearModel
) -> tuple[np.ndarray, np.ndarray]:
    """The mean, float32 [V, 3], and its change at one standard deviation, float32 [K, V, 3]."""
    mean, components, stddev, per_unit = model
    if mean.size % 3 or not mean.size:
        raise wrong(path, f"a mean {what} of 3V values", f"{mean.size:,}")
    if components.shape != (len(stddev), mean.size) or not len(stddev):
        raise wrong(
            path,
            f"{mean.size:,} × {len(stddev)} values of {what} components, as the mean and the"
            " deviations have",
            f"{components.shape[1]:,} × {components.shape[0]}",
        )
    # Row by row, for the sake of memory.
    if not all(np.isfinite(values).all() for values in (mean, stddev, *components)):
        raise wrong(path, f"a {what} model of finite numbers", "others")
    if stddev.min() < 0:
        raise wrong(path, f"{what} deviations, none negative", f"{stddev.min():g}")
    with np.errstate(over="ignore", invalid="ignore"):  # `assemble` looks at what comes of it
        components *= (stddev / per_unit).astype(np.float32)[:, None]
        mean = (mean / per_unit).astype(np.float32)
    return mean.reshape(-1, 3), components.reshape(len(stddev), -1, 3)
