"""Trains a DC-IGN.

    python train.py --dataset=faces

Prepares the data if missing, trains with validation along the way, evaluates on
identities never seen in training and prints the scores. Interrupted, the same
command goes on where it was. Any setting of the config (configs/) can be changed:

    python train.py --dataset=faces --preset=quick --config.optimizer.learning_rate=1e-3
"""

from __future__ import annotations

import importlib
import os
import pathlib
from collections.abc import Sequence

from absl import flags
from ml_collections import config_flags

from dcign_tf.cli import running

CONFIGS = pathlib.Path(__file__).resolve().parent / "configs"

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "dataset", None, "What to train on: faces, chairs, dcign_torch7 or manifest (docs/datasets.md)."
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


def parse_flags(argv: Sequence[str]) -> None:
    """Parses twice: `--dataset` and `--preset` say which config `--config.x=…` is about."""
    FLAGS(argv, known_only=True)
    known = {path.stem for path in CONFIGS.glob("[a-z]*_*.py")}
    datasets = sorted({name.rsplit("_", 1)[0] for name in known})
    if FLAGS.dataset is None:
        FLAGS([word for word in argv if not word.lstrip("-").startswith("config.")])  # misspelt?
    if FLAGS.dataset not in datasets:
        wrong = "is missing" if FLAGS.dataset is None else f"{FLAGS.dataset} is unknown"
        raise flags.Error(f"--dataset {wrong}; there is {', '.join(datasets)}.")
    if FLAGS.preset is None:
        FLAGS.preset, reason = default_preset()
        print(f"Preset: {FLAGS.preset} ({reason}; choose with --preset).")
    if f"{FLAGS.dataset}_{FLAGS.preset}" not in known:
        presets = sorted(n.rsplit("_", 1)[1] for n in known if n.startswith(FLAGS.dataset + "_"))
        raise flags.Error(f"--preset={FLAGS.preset} is unknown; there is {', '.join(presets)}.")
    name = f"{FLAGS.dataset}_{FLAGS.preset}"
    config = importlib.import_module(f"configs.{name}").get_config()
    try:
        config_flags.DEFINE_config_dict("config", config, "Settings to train with.")
        running.reject_arguments(FLAGS(argv))
    except (AttributeError, KeyError) as error:
        # A KeyError inside a KeyError: its text comes quoted and escaped.
        what = str(error.args[0]).replace("\\n", ". ").replace("\\'", "").strip("'\"")
        raise flags.Error(f"No such setting: {what}; configs/{name}.py has them all.") from error
    except IndexError as error:
        raise flags.Error(f"{error}: a tuple is set as a whole, such as (32,48,64).") from error
    for key in ("dataset", "preset"):
        if FLAGS.config[key] != FLAGS[key].value:
            raise flags.Error(f"--config.{key} cannot be set; choose with --{key}.")


def default_preset() -> tuple[str, str]:
    """The preset for this machine, and why."""
    with running.quiet_loading():
        import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return "paper", "a GPU is visible"
    return "quick", "no GPU is visible"


def main() -> None:
    """Trains as the flags say."""
    from dcign_tf.runs.directory import RunDirectory
    from dcign_tf.serving import exporting

    workdir = FLAGS.workdir or os.path.join("runs", f"{FLAGS.dataset}-{FLAGS.preset}")
    config = FLAGS.config.to_dict() | {"init_from": FLAGS.init_from}
    run = RunDirectory(workdir)
    with run.locked():  # before anything slow
        with running.quiet_loading():
            from dcign_tf.training import experiment
        experiment.run_experiment(config, run, FLAGS.data_dir, overwrite=FLAGS.overwrite)
        if FLAGS.export:
            exporting.export_model(run, pathlib.Path(FLAGS.export))


if __name__ == "__main__":
    running.run(main, parse_flags)
