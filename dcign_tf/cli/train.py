"""Trains a DC-IGN, evaluates it and prints the scores.

    dcign-tf train --dataset=faces

Prepares the data if missing, trains with validation along the way, and evaluates on
identities never seen in training. Interrupted, the same command goes on where it was.
Any setting of the experiment (`configs/<dataset>_<preset>.py`) can be changed:

    dcign-tf train --dataset=faces --preset=quick --config.optimizer.learning_rate=1e-3
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import config_flags

from dcign_tf.cli import running, shared_flags
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import load_preset, presets

FLAGS = flags.FLAGS


def define_flags() -> None:
    """All but `--config.…`, which depend on `--dataset` and `--preset`."""
    flags.DEFINE_string(
        "dataset",
        None,
        "What to train on: faces, chairs, dcign_torch7 or manifest (docs/datasets.md).",
    )
    flags.DEFINE_string(
        "preset",
        None,
        "quick, paper or, of faces, best; without it, paper if a GPU is visible, otherwise quick.",
    )
    flags.DEFINE_string("workdir", None, "Run directory; runs/<dataset>-<preset> without it.")
    flags.DEFINE_string("data_dir", "data", "Where datasets are found, and prepared.")
    flags.DEFINE_string("init_from", None, "A run directory whose weights to start from.")
    flags.DEFINE_string("export", None, "At the end, write a SavedModel here (docs/serving.md).")
    flags.DEFINE_bool("overwrite", False, "Delete what the run directory holds and start afresh.")


def parse_flags(argv: Sequence[str]) -> Callable[[], None]:
    """Parses `--dataset` and `--preset`, which say what `--config.x=…` is about, then all."""
    _choose_experiment(argv)
    config = load_preset(FLAGS.dataset, FLAGS.preset)
    _check_settings_exist(argv, config.to_dict())
    config_flags.DEFINE_config_dict("config", config, "Settings to train with.", sys_argv=argv)
    shared_flags.reject_arguments(FLAGS(argv)[1:])
    for key in ("dataset", "preset"):
        if FLAGS.config[key] != FLAGS[key].value:
            raise flags.Error(f"--config.{key} cannot be set; choose with --{key}.")
    return train


def _choose_experiment(argv: Sequence[str]) -> None:
    """Parses `--dataset` and `--preset`, and sets the latter if it was not given."""
    chosen = flags.FlagValues()
    for name in ("dataset", "preset"):
        chosen[name] = FLAGS[name]
    chosen(argv, known_only=True)
    there = presets()
    if FLAGS.dataset is None:
        FLAGS([word for word in argv if not word.lstrip("-").startswith("config.")])  # misspelt?
    if FLAGS.dataset not in there:
        wrong = "is missing" if FLAGS.dataset is None else f"{FLAGS.dataset} is unknown"
        raise flags.Error(f"--dataset {wrong}; there is {', '.join(there)}.")
    if FLAGS.preset is None:
        FLAGS.preset, reason = default_preset()
        print(f"Preset: {FLAGS.preset} ({reason}; choose with --preset).")
    if FLAGS.preset not in there[FLAGS.dataset]:
        raise flags.Error(
            f"--preset={FLAGS.preset} is unknown; there is {', '.join(there[FLAGS.dataset])}."
        )


def default_preset() -> tuple[str, str]:
    """The preset for this machine, and why."""
    with running.quiet_loading():
        import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return "paper", "a GPU is visible"
    return "quick", "no GPU is visible"


def _check_settings_exist(argv: Sequence[str], config: Mapping[str, Any]) -> None:
    """Raises `flags.Error` for a `--config.x=…` whose x is no setting; values are not read."""
    settings = list(_setting_names(config))
    for word in argv:
        match = re.match(r"--?(?:no)?config\.([^=]*)", word)
        if match is None or match[1] in settings:
            continue
        if match[1].partition("[")[0] in settings:
            raise flags.Error(
                f"--config.{match[1]} cannot be set: a tuple is set as a whole, such as (32,48,64)."
            )
        similar = difflib.get_close_matches(match[1], settings, n=1)
        raise flags.Error(
            f"No such setting: {match[1]}"
            + (f'. Did you mean "{similar[0]}"?' if similar else ";")
            + f" configs/{FLAGS.dataset}_{FLAGS.preset}.py has them all."
        )


def _setting_names(config: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """`optimizer`, `optimizer.learning_rate` and the like."""
    for key, value in config.items():
        yield prefix + key
        if isinstance(value, Mapping):
            yield from _setting_names(value, f"{prefix}{key}.")


def train() -> None:
    """Trains as the flags say."""
    workdir = FLAGS.workdir or os.path.join("runs", f"{FLAGS.dataset}-{FLAGS.preset}")
    config = FLAGS.config.to_dict() | {"init_from": FLAGS.init_from}
    run = RunDirectory(workdir)
    with run.locked():  # before anything slow
        with running.quiet_loading():
            from dcign_tf.training.experiment import run_experiment
        run_experiment(config, run, FLAGS.data_dir, overwrite=FLAGS.overwrite)
        if FLAGS.export:
            from dcign_tf.serving.exporting import export_model

            export_model(run, Path(FLAGS.export))
