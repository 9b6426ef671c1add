"""Reads the Basel Face Model of 2009 (Paysan et al., AVSS 2009), `01_MorphableModel.mat`.

MATLAB variables: `shapeMU` [3V, 1], `shapePC` [3V, K] and `shapeEV` [K, 1], in
micrometres; `texMU`, `texPC` and `texEV` alike, from 0 to 255; `tl` [T, 3], triangles,
counted from 1 and clockwise seen from outside. The components are orthonormal, and
what is called EV are standard deviations, not eigenvalues.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import h5py
import numpy as np

from dcign_tf.rendering.face_models.basel import LinearModel, assemble, wrong
from dcign_tf.rendering.face_models.hdf5 import dataset, open_hdf5
from dcign_tf.rendering.face_models.matlab5 import read_matrices
from dcign_tf.rendering.morphable_model import MorphableModel

VARIABLES = ("shapeMU", "shapePC", "shapeEV", "texMU", "texPC", "texEV", "tl")


def load_basel_2009(path: str | os.PathLike[str]) -> MorphableModel:
    """The model of 2009, as `load_face_model`; the file may have been saved anew by MATLAB."""
    variables = _read(path)
    shape = _model(variables, "shape", per_unit=1000.0)  # micrometres in a millimetre
    colour = _model(variables, "tex", per_unit=255.0)
    counted_from_1 = variables["tl"]
    # Of 32 bits: casting larger ones to integers gives any.
    possible = np.abs(counted_from_1.astype(np.float64)) < 1 << 31
    if not possible.all() or (counted_from_1 % 1).any():
        raise wrong(path, "whole numbers of vertices in tl", "others")
    triangles = counted_from_1.astype(np.int64) - 1
    return assemble(path, "basel-2009", shape=shape, colour=colour, triangles=triangles)


def _model(variables: Mapping[str, np.ndarray], prefix: str, per_unit: float) -> LinearModel:
    return LinearModel(
        mean=variables[f"{prefix}MU"].ravel(),
        components=np.array(variables[f"{prefix}PC"].T, np.float32, order="C"),
        stddev=variables[f"{prefix}EV"].ravel(),
        per_unit=per_unit,
    )


def _read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The variables, checked to be numbers."""
    if h5py.is_hdf5(path):  # which files of version 7.3 are
        with open_hdf5(path) as hdf5:  # in the order of C: matrices lie transposed in it
            return {name: dataset(hdf5, name)[()].T for name in VARIABLES}
    variables = read_matrices(path, VARIABLES)
    for name in VARIABLES:
        if name not in variables:
            found = ", ".join(variables) or "others"
            raise wrong(path, f"a variable {name}", f"only {found}")
    return variables
