"""The command that makes data, and does not train on them."""

from __future__ import annotations

import functools
import shlex

from absl import flags

from dcign_tf.cli.definition import command, path
from dcign_tf.cli.running import quiet_loading
from dcign_tf.cli.train import DATA_DIR, DATASET, PRESET, chosen_config, parse_experiment
from dcign_tf.datasets.registry import check_settings, open_configured
from dcign_tf.runs.presets import with_whole_paths

FLAGS = flags.FLAGS
_BEAM = "Make them by Apache Beam, with these options of its pipeline (docs/scaling.md)."


class _ShellWordsParser(flags.ArgumentParser):
    """Parts words as a shell does."""

    def parse(self, argument: str) -> list[str]:
        return shlex.split(argument)


@command(
    DATASET,
    PRESET,
    path("data_dir", DATA_DIR),
    functools.partial(flags.DEFINE, _ShellWordsParser(), "beam_options", None, _BEAM),
    parse=parse_experiment,
)
def prepare() -> None:
    """Makes the data of an experiment, if they are not there yet.

        dcign-tf prepare --dataset=faces --preset=paper
        dcign-tf prepare --dataset=faces --preset=paper --beam_options='--runner=FlinkRunner'

    As `dcign-tf train` does before it trains; interrupted, the same command goes on. With Beam
    (pip install 'dcign-tf[beam]') each file of the data is one piece of work for any of its
    workers, which all must reach the data directory under the same path.
    """
    config, data_dir = chosen_config()
    check_settings(config)  # says at once if they cannot be
    with quiet_loading():  # what opens the data is imported by that
        data = open_configured(with_whole_paths({**config, "data_dir": data_dir}))
    if FLAGS.beam_options is None:
        data.prepare()
    else:
        from dcign_tf.datasets.storage.beam import through_beam

        with through_beam(FLAGS.beam_options):
            data.prepare()
    print(f"Data of --dataset={FLAGS.dataset} --preset={FLAGS.preset} are in {data_dir}.")
