"""Flags that several commands have, and checks of flags."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from dcign_tf.pretrained import pretrained_run
from dcign_tf.runs.directory import RunDirectory

FLAGS = flags.FLAGS
# To whoever asks, a flag is the command's that has it.
flags.disclaim_key_flags()


def define_run(what: str = "a training; without it, the model in the box") -> None:
    """`--workdir`, the run directory of what, and `--checkpoint`."""
    flags.DEFINE_string("workdir", None, f"Run directory of {what}.")
    define_checkpoint()


def define_checkpoint() -> None:
    flags.DEFINE_enum(
        "checkpoint",
        "last",
        ["last", "best"],
        "Best is by validation ELBO; after an evaluation, the one that was evaluated.",
    )


def define_moved_data() -> None:
    """`--data_dir` of commands that read a run's data again."""
    flags.DEFINE_string("data_dir", None, "Where datasets lie, if they were moved since training.")


def define_image(what: str) -> None:
    """`--image`; `take_image` takes it from the arguments."""
    flags.DEFINE_string("image", None, f"{what}; may be given without --image=.")


def chosen_run() -> RunDirectory:
    """The run of `--workdir`, or the model in the box.

    Raises:
        UserError: if it is no run directory.
    """
    run = RunDirectory(FLAGS.workdir) if FLAGS.workdir else pretrained_run()
    run.read_config()  # says at once if this is no run directory
    return run


def take_image(arguments: Sequence[str]) -> None:
    """Takes the first argument that is no flag as `--image`, if that was not given."""
    arguments = list(arguments)
    if arguments and FLAGS.image is None:
        FLAGS.image = arguments.pop(0)
    reject_arguments(arguments)


def reject_arguments(arguments: Sequence[str]) -> None:
    """Raises `flags.Error` for arguments that are no flags."""
    if arguments:
        raise flags.Error(f"Unexpected argument '{arguments[0]}'; every setting is a --flag=value.")


def require(**meanings: str) -> None:
    """Raises `flags.Error` for the first of these flags that is missing, and says what it is."""
    for name, meaning in meanings.items():
        if FLAGS[name].value is None:
            raise flags.Error(f"--{name} is missing: {meaning}.")
