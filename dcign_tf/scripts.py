"""What the command-line scripts share: one clear line for an error, and quiet libraries."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from absl import app, flags

from dcign_tf.errors import UserError

# Before TensorFlow is imported: its C++ start-up notes would bury our own lines.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def run(main: Callable[[], None], parse_flags: Callable[[Sequence[str]], None]) -> None:
    """Runs a script; what the user can mend is one line and exit status 1 (flags: 2)."""

    def parse(argv: Sequence[str]) -> Sequence[str]:
        try:
            parse_flags(argv)
        except (flags.Error, AttributeError, KeyError, TypeError, ValueError) as error:
            # ml_collections reports unknown keys and wrong types by these built-in errors.
            fail(" ".join(str(error.args[0] if error.args else error).split()), status=2)
        return argv[:1]

    def guarded(_: Sequence[str]) -> None:
        try:
            main()
        except UserError as error:
            fail(str(error))
        except KeyboardInterrupt:
            fail("Interrupted. The same command goes on from the last checkpoint.", status=130)

    app.run(guarded, flags_parser=parse)


def fail(message: str, status: int = 1) -> None:
    """Prints one line to standard error and ends the process."""
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
    sys.exit(status)


def reject_arguments(remaining: Sequence[str]) -> None:
    """Raises `flags.Error` for arguments that are no flags: `argv` after parsing."""
    if len(remaining) > 1:
        raise flags.Error(f"Unexpected argument '{remaining[1]}'; every setting is a --flag=value.")
