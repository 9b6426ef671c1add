"""The datasets by name: what `--dataset` offers, all in one form.

Each has a folder with what is known and can be chosen of it (`settings`), and with what opens it
(`open_with`), which is imported when it is asked for: whoever reads the facts needs no TFDS and no
ray caster.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from dcign_tf.datasets.settings import DatasetFacts
from dcign_tf.datasets.sweeps import SweepDataset
from dcign_tf.errors import DataError
from dcign_tf.runs.presets import load_preset

MODULES: Mapping[str, str] = {
    "faces": "faces.builder",
    "dcign_torch7": "torch7.dataset",
    "manifest": "manifest.dataset",
    "chairs": "chairs.dataset",
    "tfds": "labelled.dataset",
}
"""Name to what opens it, in its folder."""


def open_dataset(
    dataset: str,
    data_dir: str | os.PathLike,
    *,
    preset: str,
    settings: Mapping[str, Any] | None = None,
) -> SweepDataset:
    """The dataset with these settings, prepared or not.

    Args:
        dataset: a key of `MODULES`.
        data_dir: where all datasets lie.
        preset: becomes part of the dataset's folder name.
        settings: those of the dataset, e.g. `FaceSettings`; without them, those that
            `dcign-tf train` has for the preset.

    Raises:
        UserError: for an unknown preset, without settings.
        DataError: for an unknown dataset, impossible settings or a face model that
            cannot be read; or if the dataset is there but damaged.
    """
    _check_known(dataset)
    if settings is None:
        preset_config = load_preset(dataset, preset).to_dict()
        return open_configured({**preset_config, "data_dir": data_dir})
    try:
        module = importlib.import_module(f"dcign_tf.datasets.{MODULES[dataset]}")
        return module.open_with(os.fspath(data_dir), preset, settings)
    except OSError as error:
        raise DataError(f"Cannot read {error.filename}: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise _impossible(dataset, error) from error


def open_configured(config: Mapping[str, Any]) -> SweepDataset:
    """The dataset of a run's config, prepared or not; raises as `open_dataset`."""
    preset = config.get("data_preset", config["preset"])
    return open_dataset(
        config["dataset"], config["data_dir"], preset=preset, settings=_settings(config)
    )


def dataset_facts(config: Mapping[str, Any]) -> DatasetFacts:
    """What is known of the data of a run with this config, before they are opened.

    Raises:
        DataError: if its settings of the data cannot be.
    """
    try:
        return _chosen_by(config).facts(_settings(config))
    except (ValueError, TypeError) as error:
        raise DataError(f"The run's settings of its data cannot be: {error}") from error


def facts_of_trained(config: Mapping[str, Any], fingerprint: str | None) -> DatasetFacts:
    """What is known of the data that a run was trained on.

    More than `dataset_facts`: the setting `source=auto` of chairs does not tell whether there was
    a release of them, and the fingerprint does.

    Args:
        config: of the run.
        fingerprint: of its data, as its environment.json has it.

    Raises:
        DataError: as `dataset_facts`.
    """
    if config["data"].get("source") == "auto":
        without_release = open_configured({**config, "data_dir": os.devnull})
        if without_release.fingerprint == fingerprint:
            config = {**config, "data": {**config["data"], "source": "procedural"}}
    return dataset_facts(config)


def check_settings(config: Mapping[str, Any]) -> None:
    """Checks the settings of the data, before anything slow is imported.

    Raises:
        DataError: if no data can be made with them, as `open_dataset`.
    """
    _check_known(config["dataset"])
    try:
        _chosen_by(config).Settings(**_settings(config))
    except (ValueError, TypeError) as error:
        raise _impossible(config["dataset"], error) from error


def _check_known(dataset: str) -> None:
    if dataset not in MODULES:
        raise DataError(f"Unknown dataset '{dataset}'; there is {', '.join(MODULES)}.")


def _chosen_by(config: Mapping[str, Any]) -> ModuleType:
    folder = MODULES[config["dataset"]].partition(".")[0]
    return importlib.import_module(f"dcign_tf.datasets.{folder}.settings")


def _impossible(dataset: str, error: Exception) -> DataError:
    return DataError(f"Cannot make the dataset '{dataset}': {error}")


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a config's dataset, of which the face model stands by itself."""
    face_model = {"face_model": config["face_model"]} if "face_model" in config else {}
    return {**config["data"], **face_model}
