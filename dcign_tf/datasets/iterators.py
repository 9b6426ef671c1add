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
    classes = {kind for of in kinds for kind in (of, *of.__subclasses__())}
    # Not all objects there are: a tuple that a thread is making must have no other holder.
    for there in gc.get_referrers(*classes):
        if type(there) in classes:
            vars(there).clear()  # whoever holds the iterator, nobody holds what it reads with
