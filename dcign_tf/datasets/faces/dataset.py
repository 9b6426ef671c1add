"""Rendered faces as a `FaceDataset`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dcign_tf.datasets.faces.builder import DcignFaces, DcignFacesConfig
from dcign_tf.datasets.faces.drawing import INDEPENDENT, split_name
from dcign_tf.datasets.storage.prepared import PreparedSweeps, factor_sweeps
from dcign_tf.datasets.sweeps import SweepDataset
from dcign_tf.factors import INTRINSIC
from dcign_tf.rendering.morphable_model import MorphableModel


@dataclasses.dataclass(frozen=True)
class Faces:
    """`DcignFaces` as a `FaceDataset`."""

    extrinsic: tuple[str, ...]
    image_shape: tuple[int, int, int]
    fingerprint: str
    values: Mapping[str, str]
    periods: Mapping[str, float]
    builder: DcignFaces

    def prepare(self) -> None:
        self.builder.download_and_prepare()

    def sweeps(self, subset: str) -> dict[str, PreparedSweeps]:
        return factor_sweeps(self.builder, subset, (*self.extrinsic, INTRINSIC))

    def independent(self) -> PreparedSweeps:
        return PreparedSweeps(self.builder, split_name("test", INDEPENDENT))

    def face_model(self) -> MorphableModel:
        return self.builder.builder_config.settings.model()


def open_faces(data_dir: str, preset: str, settings: Mapping[str, Any]) -> SweepDataset:
    config = DcignFacesConfig.from_settings(preset, **settings)
    used = config.settings
    extrinsic = ("azimuth", "elevation", "light_azimuth")
    return Faces(
        extrinsic=extrinsic,
        image_shape=(used.image_size, used.image_size, used.channels),
        fingerprint=used.fingerprint(),
        values={factor: f"{factor}_deg" for factor in extrinsic},
        periods={},
        builder=DcignFaces(config=config, data_dir=data_dir),
    )
