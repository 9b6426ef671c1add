"""The command that trains."""

from __future__ import annotations

import contextlib
import difflib
import functools
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import config_flags

from dcign_tf.cli.definition import command, number, path, string, take_arguments
from dcign_tf.cli.running import quiet_loading
from dcign_tf.datasets.registry import dataset_facts
from dcign_tf.files import check_writable
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import flattened, load_preset, presets, with_whole_paths
from dcign_tf.training.cluster import STRATEGIES, cluster_for
from dcign_tf.training.config_checks import check_beginning

FLAGS = flags.FLAGS
_DATASETS = "faces, chairs, dcign_torch7, manifest or tfds (docs/datasets.md)"
_PRESETS = "quick, paper or, of faces and chairs, best"
_TEST = "At the end, score the test split; without it the validation split, to choose settings by."
_MINUTES = "A checkpoint at least so often: what is lost at most if the process is killed."
_KEPT = "How many of the last checkpoints are kept, besides the best."
_DECODED = (
    "GiB of memory for training images that are decoded once; without it half of the memory if a"
    " GPU is visible, otherwise none."
)
_STRATEGY = "Which devices share each step; auto: what is visible, TF_CONFIG and Slurm included."
_OVERWRITE = "Delete what the run directory holds and start afresh."


def parse_experiment(argv: Sequence[str]) -> tuple[()]:
    """Parses `--dataset` and `--preset`, which say what `--config.x=…` is about, then all."""
    dataset, preset = _choose_experiment(argv)
    config = load_preset(dataset, preset)
    _check_settings_exist(argv, config.to_dict(), f"configs/{dataset}_{preset}.py")
    config_flags.DEFINE_config_dict("config", config, "Settings to train with.", sys_argv=argv)
    take_arguments(FLAGS(argv)[1:])
    for key, chosen in (("dataset", dataset), ("preset", preset)):
        if FLAGS.config[key] != chosen:
            raise flags.Error(f"--config.{key} cannot be set; choose with --{key}.")
    return ()


def _choose_experiment(argv: Sequence[str]) -> tuple[str, str]:
    """Dataset and preset; sets `--preset` if it was not given."""
    FLAGS(argv, known_only=True)
    dataset, preset, there = FLAGS.dataset, FLAGS.preset, presets()
    if dataset is None:
        FLAGS([word for word in argv if not word.lstrip("-").startswith("config.")])  # misspelt?
    if dataset not in there:
        wrong = "is missing" if dataset is None else f"{dataset} is unknown"
        raise flags.Error(f"--dataset {wrong}; there is {', '.join(there)}.")
    if preset is None:
        preset, reason = default_preset()
        FLAGS.preset = preset
        print(f"Preset: {preset} ({reason}; choose with --preset).")
    if preset not in there[dataset]:
        raise flags.Error(f"--preset={preset} is unknown; there is {', '.join(there[dataset])}.")
    return dataset, preset


def default_preset() -> tuple[str, str]:
    """The preset for this machine, and why."""
    with quiet_loading():
        import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return "paper", "a GPU is visible"
    return "quick", "no GPU is visible"


def _check_settings_exist(argv: Sequence[str], config: Mapping[str, Any], file: str) -> None:
    """Raises `flags.Error` for a `--config.x=…` whose x is no setting; values are not read."""
    settings = list(flattened(config))
    groups = {setting.rpartition(".")[0] for setting in settings}
    for word in argv:
        match = re.match(r"--?(?:no)?config\.([^=]*)", word)
        if match is None or match[1] in groups.union(settings):
            continue
        if match[1].partition("[")[0] in settings:
            raise flags.Error(
                f"--config.{match[1]} cannot be set: a tuple is set as a whole, such as (32,48,64)."
            )
        similar = _similar_setting(match[1], settings)
        guess = f". Did you mean --config.{similar}?" if similar else ";"
        raise flags.Error(
            f"No such setting: --config.{match[1]}{guess} {file} has them, and docs/datasets.md"
            " those of data."
        )


def _similar_setting(name: str, settings: Sequence[str]) -> str | None:
    """The setting that may have been meant: of another group, misspelt, or both."""
    leaf = name.rpartition(".")[2]
    by_leaf = {setting.rpartition(".")[2]: setting for setting in settings}
    namesakes = [setting for setting in settings if setting.rpartition(".")[2] == leaf]
    for candidates, cutoff in ((namesakes, 0.0), (settings, 0.8)):
        if similar := difflib.get_close_matches(name, candidates, n=1, cutoff=cutoff):
            return similar[0]
    similar = difflib.get_close_matches(leaf, by_leaf, n=1)
    return by_leaf[similar[0]] if similar else None


DATASET = string("dataset", f"What to train on: {_DATASETS}.")
PRESET = string("preset", f"{_PRESETS}; without it, paper if a GPU is visible, otherwise quick.")
DATA_DIR = "Where datasets are found, and prepared; data, or of tfds TFDS's own folder."


def chosen_config() -> tuple[dict[str, Any], str]:
    """The settings that were asked for, as a plain dict, and where the data lie."""
    config = FLAGS.config.to_dict()
    return config, FLAGS.data_dir or dataset_facts(config).data_dir


@command(
    DATASET,
    PRESET,
    path("workdir", "Run directory; runs/<dataset>-<preset> without it."),
    path("data_dir", DATA_DIR),
    path("init_from", "A run directory whose weights to start from."),
    path("export", "At the end, write a SavedModel here (docs/serving.md)."),
    functools.partial(flags.DEFINE_enum, "strategy", "auto", STRATEGIES, _STRATEGY),
    number("checkpoint_minutes", _MINUTES, 10.0),
    functools.partial(flags.DEFINE_integer, "checkpoints_kept", 3, _KEPT, 1),
    number("decoded_gib", _DECODED),
    functools.partial(flags.DEFINE_bool, "test", False, _TEST),
    functools.partial(flags.DEFINE_bool, "overwrite", False, _OVERWRITE),
    parse=parse_experiment,
)
def train() -> None:
    """Trains a DC-IGN, evaluates it and prints the scores.

        dcign-tf train --dataset=faces

    Prepares the data if missing, trains with validation along the way, and evaluates on the
    validation split (with --test, or by `dcign-tf evaluate`, on the test split). Interrupted,
    the same command goes on where it was. Any setting of the experiment
    (`configs/<dataset>_<preset>.py`) can be changed:

        dcign-tf train --dataset=faces --preset=quick --config.optimizer.learning_rate=1e-3
    """
    workdir = FLAGS.workdir or os.path.join("runs", f"{FLAGS.dataset}-{FLAGS.preset}")
    config, data_dir = chosen_config()
    config = with_whole_paths(config | {"init_from": FLAGS.init_from, "data_dir": data_dir})
    run, is_chief = RunDirectory(workdir), cluster_for(FLAGS.strategy).is_chief
    if FLAGS.export and is_chief:
        check_writable(Path(FLAGS.export), is_folder=True)
    with run.locked() if is_chief else contextlib.nullcontext():  # before anything slow
        if is_chief:
            check_beginning(config, run, overwrite=FLAGS.overwrite)
        with quiet_loading():
            from dcign_tf.training.experiment import run_experiment
        saving = ("checkpoint_minutes", "checkpoints_kept")
        how = ("overwrite", "test", "strategy", "decoded_gib", *saving)
        run_experiment(config, run, data_dir, **{name: FLAGS[name].value for name in how})
        if FLAGS.export and is_chief:
            from dcign_tf.serving.exporting import export_model

            export_model(run, Path(FLAGS.export))
