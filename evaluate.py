"""Scores a trained DC-IGN, or puts several side by side, for whoever has a checkout.

    python evaluate.py --workdir=runs/faces-quick
    python evaluate.py --compare runs/faces-quick runs/faces-entangled

What it writes is said by `dcign-tf evaluate --help` and `dcign-tf compare --help`, of
which it is both.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence

from absl import flags

from dcign_tf.cli import compare, evaluate, running

FLAGS = flags.FLAGS


def define_flags() -> None:
    evaluate.define_flags()
    compare.define_output()
    flags.DEFINE_multi_string("compare", None, "Run directories, two or more, to put side by side.")


def parse_flags(argv: Sequence[str]) -> Callable[[], None]:
    """Parses; `--workdir` is required, or else `--compare`, with other runs after it."""
    others = FLAGS(argv)[1:]
    if FLAGS.compare is None:
        if FLAGS.output is not None:
            raise flags.Error("--output is where a comparison goes; there is none to --compare.")
        return evaluate.parse_flags(argv)
    if FLAGS.workdir is not None:
        raise flags.Error("--workdir evaluates one run, --compare several: give one of them.")
    return functools.partial(compare.compare_runs, [*FLAGS.compare, *others])


if __name__ == "__main__":
    running.run(sys.modules[__name__], "evaluate.py", sys.argv[1:])
