"""Reads the Basel Face Models of 2017 (Gerig et al., 2018) and 2019.

They are HDF5 files in the layout of statismo: `shape/model/` and `color/model/` each
hold `mean` [3V], `pcaBasis` [3V, K] and `pcaVariance` [K], in millimetres and from 0
to 1; `shape/representer/cells` holds the triangles, [3, T], counted from 0. Version 0.8
of the layout, which is also meant where no version is given, has the basis multiplied
by the standard deviations; 0.9 and 1 have it orthonormal. `expression/` is not read:
faces are neutral. The models of 2009 and others in this layout are read as well.
"""

from __future__ import annotations

import os

import h5py
import numpy as np

from dcign_tf.rendering.face_models.basel import LinearModel, assemble, wrong
from dcign_tf.rendering.face_models.hdf5 import columns, dataset, open_hdf5
from dcign_tf.rendering.morphable_model import MorphableModel

_CELLS = "shape/representer/cells"
_OLD_CELLS = "shape/representer/reference-mesh/triangle-list"  # [T, 3]


def load_statismo(path: str | os.PathLike[str]) -> MorphableModel:
    """A face model from a file in statismo's layout, as `load_face_model`."""
    with open_hdf5(path) as file:
        shape, colour = (_model(file, group) for group in ("shape", "color"))
        cells = dataset(file, _OLD_CELLS if _OLD_CELLS in file else _CELLS)[()]
    if cells.ndim != 2 or 3 not in cells.shape:
        raise wrong(path, "triangles of 3 × T corners", f"a shape of {cells.shape}")
    triangles = cells.T if len(cells) == 3 else cells
    return assemble(path, "statismo", shape=shape, colour=colour, triangles=triangles)


def _model(file: h5py.File, group: str) -> LinearModel:
    mean, variance = (
        dataset(file, f"{group}/model/{name}")[()].ravel() for name in ("mean", "pcaVariance")
    )
    if not (variance >= 0).all():
        raise wrong(
            file.filename, f"{group}/model/pcaVariance, none negative", f"{variance.min():g}"
        )
    components = columns(file, f"{group}/model/pcaBasis")
    version_names = [f"{group}/version/{part}Version" for part in ("major", "minor")]
    version: tuple[int, ...] = (0, 8)
    if all(name in file for name in version_names):
        version = tuple(int(dataset(file, name)[()].item()) for name in version_names)
    if version == (0, 8):
        lengths = np.linalg.norm(components, axis=1, keepdims=True)
        components /= np.maximum(lengths, np.float32(1e-30))
    elif version[0] != 1 and version != (0, 9):
        expected = f"{group} in version 0.8, 0.9 or 1 of statismo's layout"
        raise wrong(file.filename, expected, ".".join(map(str, version)))
    return LinearModel(mean, components, stddev=np.sqrt(variance), per_unit=1.0)
