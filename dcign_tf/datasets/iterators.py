"""The end of iterators of tf.data whose pipelines call Python."""

from __future__ import annotations

import atexit
import functools
import gc

import tensorflow as tf


@functools.cache
def free_at_exit() -> None:
    """Frees iterators that are still there, such as a script's, before the interpreter ends.

    It would free them later, when it has stopped their threads that were calling Python, and they
    wait for these: for ever.
    """
    atexit.register(_free_all)


def _free_all() -> None:
    kinds = (tf.data.Iterator, tf.distribute.DistributedIterator)
    for there in gc.get_objects():
        if issubclass(type(there), kinds):  # without a look at it, as isinstance takes
            vars(there).clear()  # whoever holds the iterator, nobody holds what it reads with
