"""Runs a command: its help, one clear line for an error, and quiet libraries."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from absl import app, flags, logging

from dcign_tf import interrupts
from dcign_tf.cli.definition import NUM_PROCESSES, Command
from dcign_tf.concurrency import limit_threads, set_workers
from dcign_tf.errors import UserError
from dcign_tf.resources import keep_memory_of_tensors

# What TensorFlow prints while it loads, before it looks at any log level (2.21).
_LOADING_NOTES = r"I[0-9]{4} |WARNING: All log messages before absl::InitializeLog"
_FILTER = f"""
import re, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for line in sys.stdin.buffer:
    if not re.match(rb"{_LOADING_NOTES}", line):
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
"""
_WANTED = {
    "invalid literal for int()": "a whole number",
    "could not convert string to float": "a number",
    "Non-boolean argument": "true or false",
}
HELP_FLAGS = frozenset({"--help", "-help", "-h"})


def run(command: Command, program: str, command_line: Sequence[str]) -> None:
    """Runs a command; what the user can mend is one line and exit status 1 (flags: 2).

    Args:
        command: which.
        program: the command's name, as its error messages give it.
        command_line: without that name.
    """
    with usual_streams(), a_home_for_libraries(), interrupts.remembered():
        _run(command, program, command_line)


def _run(command: Command, program: str, command_line: Sequence[str]) -> None:
    flags_of_libraries = set(flags.FLAGS)
    for define in (*command.flags, NUM_PROCESSES):
        define()
    if HELP_FLAGS & set(command_line):
        own_flags = flags.FlagValues()
        for name in sorted(set(flags.FLAGS) - flags_of_libraries):
            own_flags[name] = flags.FLAGS[name]
        print(f"{command.help}\n\nFlags:\n{own_flags.get_help(include_special_flags=False)}")
        return

    def parse(argv: Sequence[str]) -> Iterable[Any]:
        try:
            arguments = command.parse(argv)
        except (flags.Error, AttributeError, KeyError, TypeError, ValueError) as error:
            # ml_collections reports unknown keys and wrong types by these built-in errors.
            fail(program, _plainly(str(error.args[0] if error.args else error)), status=2)
        if flags.FLAGS["verbosity"].using_default_value:
            flags.FLAGS.verbosity = logging.WARNING  # absl's default for scripts is to tell all
        set_workers(flags.FLAGS.num_processes)
        limit_threads()
        keep_memory_of_tensors()
        return arguments

    try:
        app.run(
            lambda arguments: command.work(*arguments),
            argv=[program, *command_line],
            flags_parser=parse,
        )
    except UserError as error:
        message, status = str(error), 1
    except BrokenPipeError:
        raise  # of `usual_streams`
    except OSError as error:  # of a place that nobody has thought of
        where = f" {error.filename}" if error.filename else ""
        message, status = f"Cannot read or write{where}: {error.strerror or error}.", 1
    except KeyboardInterrupt as error:
        # The same flag would delete what there is to go on from.
        overwrite = "overwrite" in flags.FLAGS and flags.FLAGS["overwrite"].value
        without = ", without --overwrite," if overwrite else ""
        is_terminated = isinstance(error, interrupts.Terminated)
        what, number = ("Terminated", 15) if is_terminated else ("Interrupted", 2)
        message = f"{what}. Run the same command again{without} to go on."
        status = 128 + number  # as shells and schedulers know it
    fail(program, message, status)


def _plainly(message: str) -> str:
    """What is wrong with a flag, where absl passes on what Python says of its value."""
    for of_python, wanted in _WANTED.items():
        if found := re.match(rf"flag (--.*): \W*{re.escape(of_python)}", message, re.DOTALL):
            return f"{found[1]} is impossible; it must be {wanted}."
    return message


def fail(program: str, message: str, status: int = 1) -> NoReturn:
    """Prints one line to standard error and ends the process."""
    print(f"{program}: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(status)


@contextlib.contextmanager
def usual_streams() -> Iterator[None]:
    """Standard output and error as commands take them, whatever they were started with.

    Every character can be printed, as ? where the locale has none such; a pipe or a log file
    shows each line at once; a stream that was closed swallows what is written, or the next
    file that is opened would get its number, and what libraries print. Ends the process
    quietly if nobody reads its output any longer.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(opened, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace", line_buffering=True)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):  # what is still buffered
            os.dup2(nowhere, descriptor)
        sys.exit(128 + signal.SIGPIPE)


@contextlib.contextmanager
def a_home_for_libraries() -> Iterator[None]:
    """Where this user has no home folder to write into, as in containers: one that goes again.

    Keras and Matplotlib look for settings there, and leave some; without it Keras makes a folder
    called `~`, and Matplotlib has something to say.
    """
    home = os.path.expanduser("~")
    wanting = {"KERAS_HOME", "MPLCONFIGDIR"} - set(os.environ)
    if not wanting or (os.path.isabs(home) and os.access(home, os.W_OK)):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="dcign-home-", ignore_cleanup_errors=True) as folder:
        os.environ.update(dict.fromkeys(wanting, folder))
        try:
            yield
        finally:
            for name in wanting:
                del os.environ[name]


@contextlib.contextmanager
def quiet_loading() -> Iterator[None]:
    """Keeps TensorFlow's start-up notes from the screen while it is imported.

    They precede every log level, so they are filtered; warnings and errors pass,
    and by a process of its own: they pass even if loading kills this one.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what it says later
    os.environ["KERAS_BACKEND"] = "tensorflow"  # in a process of ours, whatever keras.json says
    if "tensorflow" in sys.modules:
        yield
        return
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _FILTER],
        stdin=subprocess.PIPE,
        stdout=2,
        start_new_session=True,  # it passes on what is said of Ctrl-C, and of SIGTERM
    ) as notes_filter:
        stderr = os.dup(2)
        os.dup2(notes_filter.stdin.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
