"""The datasets by name: what `--dataset` offers, all in one form."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dcign_tf.datasets import DataError
from dcign_tf.datasets.chairs import Chairs, ChairSettings
from dcign_tf.datasets.dcign_torch7 import DcignTorch7, Torch7Settings
from dcign_tf.datasets.face_sweeps import INDEPENDENT, split_name
from dcign_tf.datasets.faces import DcignFaces, DcignFacesConfig
from dcign_tf.datasets.manifest import ManifestPictures
from dcign_tf.datasets.manifest_settings import ManifestSettings
from dcign_tf.datasets.reading import PreparedSweeps, SweepDataset, factor_sweeps
from dcign_tf.factors import INTRINSIC
from dcign_tf.rendering.morphable_model import MorphableModel


@dataclasses.dataclass(frozen=True)
class _Faces:
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


def _faces(data_dir: str, preset: str, settings: Mapping[str, Any]) -> SweepDataset:
    config = DcignFacesConfig.from_settings(preset, **settings)
    used = config.settings
    extrinsic = ("azimuth", "elevation", "light_azimuth")
    return _Faces(
        extrinsic=extrinsic,
        image_shape=(used.image_size, used.image_size, used.channels),
        fingerprint=used.fingerprint(),
        values={factor: f"{factor}_deg" for factor in extrinsic},
        periods={},
        builder=DcignFaces(config=config, data_dir=data_dir),
    )


def _dcign_torch7(data_dir: str, preset: str, settings: Mapping[str, Any]) -> SweepDataset:
    del preset  # the user's own files: nothing is made of them that would need a name
    return DcignTorch7(data_dir, Torch7Settings(**settings))


def _manifest(data_dir: str, preset: str, settings: Mapping[str, Any]) -> SweepDataset:
    del preset  # what is prepared does not depend on it
    return ManifestPictures(Path(data_dir), ManifestSettings(**settings))


def _chairs(data_dir: str, preset: str, settings: Mapping[str, Any]) -> SweepDataset:
    del preset  # what is prepared does not depend on it
    return Chairs(Path(data_dir), ChairSettings(**settings))


DATASETS: Mapping[str, Callable[[str, str, Mapping[str, Any]], SweepDataset]] = {
    "faces": _faces,
    "dcign_torch7": _dcign_torch7,
    "manifest": _manifest,
    "chairs": _chairs,
}


def open_dataset(
    dataset: str, data_dir: str | os.PathLike, *, preset: str, settings: Mapping[str, Any]
) -> SweepDataset:
    """The dataset with these settings, prepared or not.

    Args:
        dataset: a key of `DATASETS`.
        data_dir: where all datasets lie.
        preset: becomes part of the dataset's folder name.
        settings: those of the dataset, e.g. `FaceSettings`.

    Raises:
        DataError: for an unknown dataset, impossible settings or a face model that
            cannot be read; or if the dataset is there but damaged.
    """
    if dataset not in DATASETS:
        raise DataError(f"Unknown dataset '{dataset}'; there is {', '.join(DATASETS)}.")
    try:
        return DATASETS[dataset](os.fspath(data_dir), preset, settings)
    except OSError as error:
        raise DataError(f"Cannot read {error.filename}: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise DataError(f"Cannot make the dataset '{dataset}': {error}") from error


def background_level(config: Mapping[str, Any]) -> int:
    """The grey level, 0 to 255, around the objects that a run was trained on.

    Args:
        config: of the run.
    """
    if config["dataset"] == "chairs":
        return 255
    return config["data"].get("background", 0)
