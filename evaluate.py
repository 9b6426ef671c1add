"""`dcign-tf evaluate` and `dcign-tf compare`, for whoever has a checkout."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence

from absl import flags

from dcign_tf.cli import commands, running
from dcign_tf.cli.definition import PathParser, command, take_arguments

FLAGS = flags.FLAGS
_COMPARE = "Run directories, two or more, to put side by side."


def _parse(argv: Sequence[str]) -> Sequence[str]:
    """The runs to compare: those of `--compare`, and others after it; or none."""
    others = FLAGS(argv)[1:]
    if FLAGS.compare is None:
        if FLAGS.output is not None:
            raise flags.Error("--output is where a comparison goes; there is none to --compare.")
        take_arguments(others, workdir=commands.A_RUN)
        return ()
    if FLAGS["split"].present:
        raise flags.Error("--split is for one run; runs are compared on the split of their scores.")
    if FLAGS.workdir is not None:
        raise flags.Error("--workdir evaluates one run, --compare several: give one of them.")
    return [*FLAGS.compare, *map(PathParser().parse, others)]


@command(
    *commands.evaluate.flags,
    commands.OUTPUT,
    functools.partial(flags.DEFINE_multi, PathParser(), None, "compare", None, _COMPARE),
    parse=_parse,
)
def main(*directories: str) -> None:
    """Scores a trained DC-IGN, or puts several side by side, for whoever has a checkout.

        python evaluate.py --workdir=runs/faces-quick
        python evaluate.py --compare runs/faces-quick runs/faces-entangled

    What it writes is said by `dcign-tf evaluate --help` and `dcign-tf compare --help`, of
    which it is both.
    """
    used = commands.compare if directories else commands.evaluate
    used.work(*directories)


if __name__ == "__main__":
    running.run(main, "evaluate.py", sys.argv[1:])
