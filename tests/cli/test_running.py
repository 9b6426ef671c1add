"""What a command leaves when it ends in an error."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.helpers import ROOT

# The iterator is a local of the frame that raises, and `self` of one it has called.
_SCRIPT = """
import atexit, weakref
import tensorflow as tf
from dcign_tf.cli import definition, running
from dcign_tf.errors import UserError

iterators = []

def alive():
    print("alive:", sum(reference() is not None for reference in iterators))

def read(number):
    if number == 3:
        raise ValueError("damaged")
    return number

@definition.command()
def work() -> None:
    \"\"\"Reads until it cannot.\"\"\"
    batches = tf.data.Dataset.range(1000).map(lambda i: tf.numpy_function(read, [i], tf.int64))
    iterator = iter(batches.prefetch(2))
    iterators.append(weakref.ref(iterator))
    try:
        while True:
            next(iterator)
    except tf.errors.OpError as error:
        raise {raised} from error

atexit.register(alive)
running.run(work, "work", [])
"""


@pytest.mark.parametrize(
    ("raised", "status"), [("UserError('wrong')", 1), ("KeyboardInterrupt", 130)]
)
def test_iterators_are_freed_before_the_interpreter_ends(raised, status):
    result = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(raised=raised)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert (result.returncode, result.stdout.strip()) == (status, "alive: 0"), result.stderr
