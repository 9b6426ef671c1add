"""Small files in the formats of the Basel Face Models, from the formats' descriptions.

All hold the same face: a bulging mask of 9 × 12 vertices whose nose points along +z,
with three components of shape and two of colour. `docs/face_models.md` has the sources.
"""

from __future__ import annotations

import pathlib

import h5py
import numpy as np
import scipy.io

from tests.helpers.grids import grid_triangles

COLUMNS, ROWS = 9, 12
NUM_VERTICES = COLUMNS * ROWS
SHAPE_STDDEV_MM = np.array([20.0, 10.0, 5.0])
COLOUR_STDDEV = np.array([1.0, 0.5])


def mean_mm() -> np.ndarray:
    """[V, 3]: x to the viewer's right, y up, z out of the face; rows from the top down."""
    x, y = (
        g.ravel() for g in np.meshgrid(np.linspace(-70, 70, COLUMNS), np.linspace(100, -80, ROWS))
    )
    return np.stack([x, y, 120 - x**2 / 60 - y**2 / 200], axis=1)


def triangles() -> np.ndarray:
    """[T, 3], counter-clockwise seen from +z."""
    return grid_triangles(ROWS, COLUMNS)


def mean_colour() -> np.ndarray:
    """[V, 3], sRGB: skin, two dark rows at the top, one red column at the viewer's right."""
    colour = np.tile([0.8, 0.6, 0.5], (NUM_VERTICES, 1)).reshape(ROWS, COLUMNS, 3)
    colour[:2] = 0.03
    colour[:, -1] = [0.9, 0.1, 0.1]
    return colour.reshape(-1, 3)


def _orthonormal(count: int, seed: int) -> np.ndarray:
    normal = np.random.default_rng(seed).standard_normal((3 * NUM_VERTICES, count))
    return np.linalg.qr(normal)[0]


def shape_components() -> np.ndarray:
    """[3V, 3], orthonormal."""
    return _orthonormal(3, 0)


def colour_components() -> np.ndarray:
    """[3V, 2], orthonormal."""
    return _orthonormal(2, 1)


def matlab_variables() -> dict[str, np.ndarray]:
    """Those of `01_MorphableModel.mat`: micrometres, 0 to 255, counted from 1 and clockwise."""
    return {
        "segbin": np.ones((NUM_VERTICES, 4)),
        "shapeMU": 1e3 * mean_mm().reshape(-1, 1).astype(np.float32),
        "shapePC": shape_components().astype(np.float32),
        "shapeEV": 1e3 * SHAPE_STDDEV_MM.reshape(-1, 1).astype(np.float32),
        "texMU": 255 * mean_colour().reshape(-1, 1).astype(np.float32),
        "texPC": colour_components().astype(np.float32),
        "texEV": 255 * COLOUR_STDDEV.reshape(-1, 1).astype(np.float32),
        "tl": triangles()[:, [0, 2, 1]] + 1.0,
    }


def write_matlab(path: pathlib.Path, *, compressed: bool = False, **changes) -> pathlib.Path:
    """A MATLAB 5 file; a change of None leaves a variable out."""
    variables = {k: v for k, v in {**matlab_variables(), **changes}.items() if v is not None}
    scipy.io.savemat(path, variables, appendmat=False, do_compression=compressed)
    return path


def write_matlab_73(path: pathlib.Path, **changes) -> pathlib.Path:
    """A file like those of MATLAB 7.3: HDF5 behind 512 bytes, matrices transposed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in {**matlab_variables(), **changes}.items():
            if value is not None:
                file[name] = np.ascontiguousarray(value.T)
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + b"\0\2IM"
    with path.open("r+b") as raw:
        raw.write(header)
    return path


def statismo_datasets() -> dict[str, np.ndarray]:
    """Those of `model2019_bfm.h5`, by path: millimetres, 0 to 1, version 0.9."""
    parts = {
        "shape": (mean_mm(), shape_components(), SHAPE_STDDEV_MM),
        "color": (mean_colour(), colour_components(), COLOUR_STDDEV),
        "expression": (np.full((NUM_VERTICES, 3), 9.0), shape_components(), SHAPE_STDDEV_MM),
    }
    datasets = {"catalog/MorphableModel/modelPath": np.bytes_("/")}
    for group, (mean, components, stddev) in parts.items():
        datasets |= {
            f"{group}/model/mean": mean.ravel().astype(np.float32),
            f"{group}/model/noiseVariance": np.zeros(1, np.float32),
            f"{group}/model/pcaBasis": components.astype(np.float32),
            f"{group}/model/pcaVariance": np.square(stddev).astype(np.float32),
            f"{group}/representer/cells": triangles().T.astype(np.int32),
            f"{group}/representer/points": mean_mm().T.astype(np.float32),
            f"{group}/version/majorVersion": np.int32(0),
            f"{group}/version/minorVersion": np.int32(9),
        }
    return datasets


def write_statismo(path: pathlib.Path, **changes) -> pathlib.Path:
    """An HDF5 file; `__` stands for / in the names, a change of None leaves a dataset out."""
    changes = {name.replace("__", "/"): value for name, value in changes.items()}
    with h5py.File(path, "w") as file:
        for name, value in {**statismo_datasets(), **changes}.items():
            if value is not None:
                file[name] = value
    return path
