"""What a command is: flags, what is checked of them, and what it does. Flags that several have.

A command loads without TensorFlow, so that help and wrong flags are told at once.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from absl import flags

from dcign_tf.errors import UserError
from dcign_tf.pretrained import DEFAULT, pretrained_run
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.runs.checkpoint_files import (
    check_checkpoint,
    not_calibrated,
    stored_calibration,
)
from dcign_tf.runs.directory import RunDirectory

FLAGS = flags.FLAGS
Flag = Callable[[], object]
"""Defines a flag. Not at import: several commands have flags of the same name."""


@dataclasses.dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        work: does what the flags say; its docstring is the command's help.
        flags: of its own.
        parse: the command line, the program's name included, to the arguments of `work`; raises
            `flags.Error` if it is wrong.
    """

    work: Callable[..., None]
    flags: Sequence[Flag]
    parse: Callable[[Sequence[str]], Iterable[Any]]

    @property
    def help(self) -> str:
        return inspect.getdoc(self.work)


def take_arguments(arguments: Sequence[str], **required: str) -> None:
    """Takes an argument that is no flag as `--image`, if there is that flag and it was not given.

    Args:
        arguments: what is no flag.
        **required: flags that must be given, to what they are.

    Raises:
        flags.Error: for another argument, or the first of these flags that is missing.
    """
    if arguments and "image" in FLAGS and FLAGS.image is None:
        FLAGS["image"].parse(arguments[0])
        arguments = arguments[1:]
    if arguments:
        raise flags.Error(f"Unexpected argument '{arguments[0]}'; every setting is a --flag=value.")
    for name, meaning in required.items():
        if FLAGS[name].value is None:
            raise flags.Error(f"--{name} is missing: {meaning}.")


def _parse(argv: Sequence[str], **required: str) -> tuple[()]:
    take_arguments(FLAGS(argv)[1:], **required)
    return ()


def command(
    *own_flags: Flag, parse: Callable[..., Iterable[Any]] = _parse, **required: str
) -> Callable[[Callable[..., None]], Command]:
    """Makes a command of a function.

    Args:
        *own_flags: of the command.
        parse: as in `Command`, and given `required`.
        **required: flags that must be given, to what they are.
    """
    return lambda work: Command(work, own_flags, functools.partial(parse, **required))


def string(name: str, meaning: str, default: str | None = None) -> Flag:
    """A flag whose value is text."""
    return functools.partial(flags.DEFINE_string, name, default, meaning)


class PathParser(flags.ArgumentParser):
    """Takes a path; `~` is a home folder, which a shell does not know in `--x=~/y`."""

    def parse(self, argument: str) -> str:
        if re.match(r"[a-z][a-z0-9+.-]+://", argument):
            raise ValueError("that is no path: mount the bucket, or copy it (docs/scaling.md)")
        return os.path.expanduser(argument)


def path(name: str, meaning: str, default: str | None = None) -> Flag:
    """A flag whose value is the path of a file or a folder."""
    return functools.partial(flags.DEFINE, PathParser(), name, default, meaning)


class _NumberParser(flags.FloatParser):
    """Takes a finite number: of one that is not, no comparison says anything."""

    def parse(self, argument: float | str) -> float:
        number = super().parse(argument)
        if not math.isfinite(number):
            raise ValueError("it must be a finite number")
        return number


def number(name: str, meaning: str, default: float | None = None, *, least: float = 0.0) -> Flag:
    """A flag whose value is a finite number."""
    return functools.partial(flags.DEFINE, _NumberParser(least), name, default, meaning)


def image(what: str) -> Flag:
    """`--image`, which `take_arguments` takes from the arguments, too."""
    return path("image", f"{what}; may be given without --image=.")


CHECKPOINT = functools.partial(
    flags.DEFINE_enum,
    "checkpoint",
    "last",
    ["last", "best"],
    "Best is by validation ELBO; after an evaluation, the one that was evaluated.",
)
MOVED_DATA = path("data_dir", "Where datasets lie, if they were moved since training.")
NUM_PROCESSES = functools.partial(
    flags.DEFINE_integer,
    "num_processes",
    None,
    "Processes, and threads of one, at a time; without it, what the machine or container allows.",
    lower_bound=1,
)
"""Of every command."""


def run_of(what: str) -> tuple[Flag, Flag]:
    """`--workdir`, the run directory of what, and `--checkpoint`; see `chosen_run`."""
    return path("workdir", f"Run directory of {what}."), CHECKPOINT


def run_or_model() -> tuple[Flag, ...]:
    """`run_of` a training, and `--model`, which stands in for it; see `chosen_run`."""
    meaning = "Without --workdir: a model in the box, or hf://owner/name[@revision]."
    return *run_of("a training; without it, --model"), string("model", meaning, DEFAULT)


def chosen_run() -> RunDirectory:
    """The run of `--workdir`, or the `--model`, with the checkpoint that was asked for.

    Raises:
        UserError: if both were given, there is no such run or model, or it has no such checkpoint.
    """
    if FLAGS.workdir and "model" in FLAGS and FLAGS["model"].present:
        raise UserError("--workdir and --model are both given; give one of them.")
    run = RunDirectory(FLAGS.workdir) if FLAGS.workdir else pretrained_run(FLAGS.model)
    run.read_config()  # says at once if this is no run directory
    check_checkpoint(run.checkpoint(FLAGS.checkpoint))
    return run


def calibration_of(run: RunDirectory) -> Calibration:
    """What the latents of the checkpoint that was asked for mean.

    Raises:
        UserError: if it was not evaluated.
    """
    calibration = stored_calibration(run.checkpoint(FLAGS.checkpoint))
    if calibration is None:
        raise not_calibrated(run, FLAGS.checkpoint)
    return calibration
