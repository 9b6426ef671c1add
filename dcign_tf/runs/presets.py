"""The experiments of `configs/`: which there are, what each sets, and how one is asked for.

A *config* is one of them, resolved: plain dicts in each other, as `config.json` holds them.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import pkgutil
import shlex
from collections.abc import Mapping
from typing import Any

import ml_collections

import dcign_tf.configs
from dcign_tf.errors import UserError

_WHEN_ABSENT: Mapping[str, Any] = {"batches_per_step": 1, "latents_per_factor": [1], "beta": 1.0}
_OPTIMIZER_WHEN_ABSENT: Mapping[str, Any] = {"name": "adam", "learning_rate_scaling": "none"}
_DATA_WHEN_ABSENT: Mapping[str, Mapping[str, Any]] = {
    "manifest": {"fit": "contain", "hold_out": "identities"}
}
"""Settings that there were not always, and what they stand for where a record lacks them."""


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


def with_whole_paths(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config whose paths are found from anywhere, `~` in them being the home folder."""
    paths = {key: config.get(key) for key in ("data_dir", "face_model", "init_from")}
    whole = {key: os.path.abspath(os.path.expanduser(path)) for key, path in paths.items() if path}
    return {**config, **whole}


def completed(config: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded config with every setting that it began without: as training then did it."""
    filled = {**_WHEN_ABSENT, **config}
    of_data = _DATA_WHEN_ABSENT.get(config["dataset"], {})
    for group, absent in (("optimizer", _OPTIMIZER_WHEN_ABSENT), ("data", of_data)):
        if group in config:
            filled[group] = {**absent, **config[group]}
    return filled


def check_recorded(config: Mapping[str, Any]) -> None:
    """Checks the kinds of values of a recorded config; settings that no preset has any longer pass.

    Raises:
        ValueError: for the first that is wrong; says what it must be.
    """
    name, there = config["dataset"], presets()
    if not isinstance(name, str) or name not in there:
        raise ValueError(f"dataset is {name!r}; it must be one of {', '.join(there)}")
    if not isinstance(config["data_dir"], str):
        raise ValueError(f"data_dir is {config['data_dir']!r}; it must be text")
    _check_kinds(load_preset(name, "paper"), config)


_KINDS: Mapping[type, tuple[Any, str]] = {
    ml_collections.ConfigDict: (Mapping, "a group of settings"),
    float: ((int, float), "a number"),
    int: (int, "a whole number"),
    tuple: (list, "a list"),
    str: (str, "text"),
    bool: (bool, "true or false"),
}
"""The type of a setting to that of the JSON value that records it, and this in words."""


def _check_kinds(
    settings: ml_collections.ConfigDict, values: Mapping[str, Any], at: str = ""
) -> None:
    for key in settings:
        if key not in values or (values[key] is None and settings[key] is None):
            continue
        value, (kind, words) = values[key], _KINDS[settings.get_type(key)]
        is_finite = not isinstance(value, float) or math.isfinite(value)
        if (
            not isinstance(value, kind)
            or isinstance(value, bool) != (kind is bool)
            or not is_finite
        ):
            raise ValueError(f"{at}{key} is {value!r}; it must be {words}")
        if kind is Mapping:
            _check_kinds(settings[key], value, f"{at}{key}.")


def flattened(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A config as one dict: `optimizer.learning_rate` and the like to the value."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def training_command(config: Mapping[str, Any]) -> str:
    """The command that trains a run with this config, as short as it can be.

    Of a preset that there is no longer, it names all settings.
    """
    dataset, preset, defaults = config["dataset"], config["preset"], {}
    if preset in presets().get(dataset, ()):
        settings = load_preset(dataset, preset).to_dict()
        defaults = flattened(json.loads(json.dumps(settings)))  # tuples as lists, as in `config`
    options = [
        f"--config.{key}={_text(value)}"
        for key, value in flattened(config).items()
        if key not in ("dataset", "preset", "data_dir", "init_from") and value != defaults.get(key)
    ]
    if config.get("init_from"):
        options.append(f"--init_from={config['init_from']}")
    command = f"dcign-tf train --dataset={dataset} --preset={preset}"
    return " \\\n  ".join([command, *map(shlex.quote, options)])


def _text(value: Any) -> str:
    """As a flag takes it: (32,48,64)."""
    if isinstance(value, list):
        return f"({','.join(map(_text, value))}{',' * (len(value) == 1)})"
    return str(value)
