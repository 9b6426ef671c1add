"""What the command-line scripts share: one clear line for an error, and quiet libraries."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

from absl import app, flags, logging

from dcign_tf.errors import UserError

# What TensorFlow prints while it loads, before it looks at any log level (2.21).
_LOADING_NOTES = r"^I[0-9]{4} |^WARNING: All log messages before absl::InitializeLog"


def run(main: Callable[[], None], parse_flags: Callable[[Sequence[str]], None]) -> None:
    """Runs a script; what the user can mend is one line and exit status 1 (flags: 2)."""
    # A log file or a pipe is to show progress as it happens.
    sys.stdout.reconfigure(line_buffering=True)

    def parse(argv: Sequence[str]) -> Sequence[str]:
        try:
            parse_flags(argv)
        except (flags.Error, AttributeError, KeyError, TypeError, ValueError) as error:
            # ml_collections reports unknown keys and wrong types by these built-in errors.
            fail(str(error.args[0] if error.args else error), status=2)
        if flags.FLAGS["verbosity"].using_default_value:
            flags.FLAGS.verbosity = logging.WARNING  # absl's default for scripts is to tell all
        return argv[:1]

    def guarded(_: Sequence[str]) -> None:
        try:
            main()
        except UserError as error:
            fail(str(error))

    try:
        app.run(guarded, flags_parser=parse)
    except KeyboardInterrupt:
        # The same flag would delete what there is to go on from.
        overwrite = "overwrite" in flags.FLAGS and flags.FLAGS["overwrite"].value
        without = ", without --overwrite," if overwrite else ""
        fail(f"Interrupted. Run the same command again{without} to go on.", status=130)


def fail(message: str, status: int = 1) -> None:
    """Prints one line to standard error and ends the process."""
    line = " ".join(message.split())
    program = pathlib.Path(sys.argv[0])
    name = program.parent.name if program.stem == "__main__" else program.name
    print(f"{name}: {line}", file=sys.stderr)
    sys.exit(status)


def reject_arguments(remaining: Sequence[str]) -> None:
    """Raises `flags.Error` for arguments that are no flags: `argv` after parsing."""
    if len(remaining) > 1:
        raise flags.Error(f"Unexpected argument '{remaining[1]}'; every setting is a --flag=value.")


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
