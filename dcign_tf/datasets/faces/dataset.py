"""Rendered faces as a `FaceDataset`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcign_tf.datasets.faces.builder import DcignFaces, DcignFacesConfig
from dcign_tf.datasets.faces.sampling import data_fingerprint, face_model
from dcign_tf.datasets.faces.settings import EXTRINSIC, FACTORS, INDEPENDENT
from dcign_tf.datasets.sweeps import NumberedSweeps
from dcign_tf.rendering.morphable_model import MorphableModel


class Faces:
    """`DcignFaces` as a `FaceDataset`.

    Args:
        data_dir: where all datasets lie.
        preset: becomes part of the folder's name.
        settings: see `FaceSettings`.

    Raises:
        DataError: if the dataset is there but damaged.
        OSError, ValueError, TypeError: for impossible settings, or a face model that
            cannot be read.
    """

    extrinsic = EXTRINSIC
    values: Mapping[str, str] = {factor: f"{factor}_deg" for factor in EXTRINSIC}
    periods: Mapping[str, float] = {}

    def __init__(self, data_dir: str, preset: str, settings: Mapping[str, Any]):
        config = DcignFacesConfig.from_settings(preset, **settings)
        self._settings = used = config.settings
        self.image_shape = (used.image_size, used.image_size, used.channels)
        self.fingerprint = data_fingerprint(used)
        self.builder = DcignFaces(config=config, data_dir=data_dir)

    def prepare(self) -> None:
        self.builder.download_and_prepare()

    def sweeps(self, subset: str) -> dict[str, NumberedSweeps]:
        return {f: self.builder.sweeps(f"{subset}_{f}") for f in FACTORS}

    def independent(self) -> NumberedSweeps:
        return self.builder.sweeps(f"test_{INDEPENDENT}")

    def face_model(self) -> MorphableModel:
        return face_model(self._settings.face_model)


open_faces = Faces
"""For the registry."""
