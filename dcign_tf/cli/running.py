"""Runs a command: its help, one clear line for an error, and quiet libraries."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn, Protocol

from absl import app, flags, logging

from dcign_tf.errors import UserError

# What TensorFlow prints while it loads, before it looks at any log level (2.21).
_LOADING_NOTES = r"^I[0-9]{4} |^WARNING: All log messages before absl::InitializeLog"
HELP_FLAGS = frozenset({"--help", "-help", "-h"})


class Command(Protocol):
    """A module with these functions; its docstring is the command's help.

    It loads without TensorFlow, so that help and wrong flags are told at once.
    """

    __doc__: str

    def define_flags(self) -> None:
        """Defines the command's flags. Not at import: other commands have flags of these names."""

    def parse_flags(self, argv: Sequence[str]) -> Callable[[], None]:
        """Parses and checks `argv`, the program's name included; returns the work to do.

        Raises:
            flags.Error: if the flags are wrong.
        """


def run(command: Command, program: str, arguments: Sequence[str]) -> None:
    """Runs a command; what the user can mend is one line and exit status 1 (flags: 2).

    Args:
        command: its module.
        program: the command's name, as its error messages give it.
        arguments: the command line without that name.
    """
    # A log file or a pipe is to show progress as it happens.
    sys.stdout.reconfigure(line_buffering=True)
    flags_of_libraries = set(flags.FLAGS)
    command.define_flags()
    if HELP_FLAGS & set(arguments):
        print(_help(command, sorted(set(flags.FLAGS) - flags_of_libraries)))
        return

    def parse(argv: Sequence[str]) -> Callable[[], None]:
        try:
            work = command.parse_flags(argv)
        except (flags.Error, AttributeError, KeyError, TypeError, ValueError) as error:
            # ml_collections reports unknown keys and wrong types by these built-in errors.
            fail(program, str(error.args[0] if error.args else error), status=2)
        if flags.FLAGS["verbosity"].using_default_value:
            flags.FLAGS.verbosity = logging.WARNING  # absl's default for scripts is to tell all
        return work

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except UserError as error:
            fail(program, str(error))

    try:
        app.run(guarded, argv=[program, *arguments], flags_parser=parse)
    except KeyboardInterrupt:
        # The same flag would delete what there is to go on from.
        overwrite = "overwrite" in flags.FLAGS and flags.FLAGS["overwrite"].value
        without = ", without --overwrite," if overwrite else ""
        fail(program, f"Interrupted. Run the same command again{without} to go on.", status=130)


def _help(command: Command, names: Sequence[str]) -> str:
    """What a command does, and its own flags."""
    own_flags = flags.FlagValues()
    for name in names:
        own_flags[name] = flags.FLAGS[name]
    return f"{command.__doc__}\nFlags:\n{own_flags.get_help(include_special_flags=False)}"


def fail(program: str, message: str, status: int = 1) -> NoReturn:
    """Prints one line to standard error and ends the process."""
    print(f"{program}: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(status)


@contextlib.contextmanager
def quiet_loading() -> Iterator[None]:
    """Keeps TensorFlow's start-up notes from the screen while it is imported.

    They precede every log level, so they are filtered; warnings and errors pass,
    and by a process of its own: they pass even if loading kills this one.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what it says later
    if "tensorflow" in sys.modules:
        yield
        return
    with subprocess.Popen(
        ["grep", "--line-buffered", "-vE", _LOADING_NOTES], stdin=subprocess.PIPE, stdout=2
    ) as notes_filter:
        stderr = os.dup(2)
        os.dup2(notes_filter.stdin.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
