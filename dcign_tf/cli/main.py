"""Deep Convolutional Inverse Graphics Network: trains it, scores it, and uses it.

Usage: dcign-tf COMMAND --flag=value …, and dcign-tf COMMAND --help for its flags.
"""

from __future__ import annotations

import difflib
import sys

from dcign_tf.cli import running
from dcign_tf.cli.commands import compare, estimate_shape, evaluate, export, pack
from dcign_tf.cli.demo import demo
from dcign_tf.cli.prepare import prepare
from dcign_tf.cli.rerender import rerender
from dcign_tf.cli.train import train
from dcign_tf.cli.workers import workers

COMMANDS = {
    command.work.__name__.replace("_", "-"): command
    for command in (
        *(train, workers, prepare, evaluate, compare),
        *(rerender, estimate_shape, export, demo, pack),
    )
}
PROGRAM = "dcign-tf"


def main() -> None:
    """The console script: the first argument is the command, the others are its own."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in COMMANDS:
        running.run(COMMANDS[name], f"{PROGRAM} {name}", arguments)
        return
    with running.usual_streams():
        if name in running.HELP_FLAGS:
            lines = [f"  {name:16}{known.help.splitlines()[0]}" for name, known in COMMANDS.items()]
            print("\n".join([__doc__, "Commands:", *lines]))
            return
        similar = difflib.get_close_matches(name, COMMANDS, n=1)
        guess = f"Did you mean '{similar[0]}'? " if similar else ""
        running.fail(
            PROGRAM, f"Unknown command '{name}'. {guess}There is {', '.join(COMMANDS)}.", status=2
        )
