"""The experiments of `configs/`: which there are, and what each sets."""

from __future__ import annotations

import importlib
import pkgutil

import ml_collections

import dcign_tf.configs
from dcign_tf.errors import UserError


def presets() -> dict[str, list[str]]:
    """Every dataset to its presets, both in the order of the alphabet."""
    by_dataset: dict[str, list[str]] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(dcign_tf.configs.__path__)):
        dataset, _, preset = name.rpartition("_")
        by_dataset.setdefault(dataset, []).append(preset)
    return by_dataset


def load_preset(dataset: str, preset: str) -> ml_collections.ConfigDict:
    """The settings of an experiment, to be changed at will.

    Raises:
        UserError: if there is none of these names.
    """
    for kind, name, there in (
        ("dataset", dataset, presets()),
        ("preset", preset, presets().get(dataset, ())),
    ):
        if name not in there:
            raise UserError(f"Unknown {kind} '{name}'; there is {', '.join(there)}.")
    return importlib.import_module(f"dcign_tf.configs.{dataset}_{preset}").get_config()
