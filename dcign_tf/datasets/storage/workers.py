"""Worker processes that render: ordered results, and no trace when the parent dies.

Each worker is a Python process of its own that receives tasks and answers over a
pair of sockets. Compared with `multiprocessing` and
joblib this leaves no orphans when the parent is killed with SIGKILL (the socket
closes, the worker ends), does not run the user's `__main__` again (and with it
`import tensorflow`) in every worker, and works from a notebook.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import queue
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from dcign_tf.concurrency import concurrently
from dcign_tf.errors import DataError

# One thread a process: the processes already fill the cores, and the last bits
# of a BLAS product can depend on the number of threads.
_SINGLE_THREADED = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


def available_cores() -> int:
    """Number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def render_workers(
    function: Callable[..., Any], num_processes: int
) -> Iterator[Callable[[Iterable[tuple]], Iterator[Any]]]:
    """Processes that call one function, as long as the context lasts.

    Args:
        function: what the workers call; importable by name (not from `__main__`
            or a notebook cell) and picklable. It should not import TensorFlow.
        num_processes: number of workers.

    Yields:
        What takes tasks and yields `function(*task)` for every task, in the order of the
        tasks, of which only a few a worker are taken ahead, so that memory stays small. It
        raises a `DataError` if a worker dies, or `function` raises one; a `RuntimeError` if
        `function` raises anything else, with a message that ends in its traceback.
    """
    workers = [_Worker(function) for _ in range(num_processes)]
    idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def run(task: tuple) -> Any:
        worker = idle.get()
        try:
            return worker.call(task)
        finally:
            idle.put(worker)

    try:
        # One thread a worker waits for its answer; the threads do no work themselves.
        yield functools.partial(concurrently, run, at_once=num_processes)
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.wait()


class _Worker:
    """The parent's side of one process."""

    def __init__(self, function: Callable[..., Any]):
        paths = [os.path.abspath(path) for path in sys.path]
        self._connection, theirs = multiprocessing.Pipe()
        descriptor = theirs.fileno()
        self.process = subprocess.Popen(
            # -c rather than -m: a `-m` module would be imported a second time under its own name.
            [sys.executable, "-c", f"from {__name__} import _serve; _serve({descriptor})"],
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            stdout=2,  # what a library prints is no output of the command
            env={**os.environ, **_SINGLE_THREADED, "PYTHONPATH": os.pathsep.join(paths)},
            # A process group of its own: Ctrl-C reaches the parent alone, which then ends them.
            start_new_session=True,
        )
        theirs.close()
        self._function: Callable[..., Any] | None = function

    def call(self, task: tuple) -> Any:
        try:
            if self._function is not None:  # first call: tell the worker what to do
                self._connection.send(self._function)
                self._function = None
            self._connection.send(task)
            succeeded, result = self._connection.recv()
        except (EOFError, OSError) as error:
            raise DataError(
                f"A rendering process ended unexpectedly (exit code {self.process.wait()}; "
                "-9 usually means too little memory); try again with fewer processes."
            ) from error
        if not succeeded and isinstance(result, DataError):
            raise result
        if not succeeded:
            raise RuntimeError(f"Rendering failed in a worker process.\n{result}")
        return result


def _serve(descriptor: int) -> None:
    """The worker's side: answer tasks until the parent closes the socket."""
    connection = Connection(descriptor)
    try:
        function = connection.recv()
        while True:
            task = connection.recv()
            try:
                answer = (True, function(*task))
            except DataError as error:
                answer = (False, error)
            except Exception:
                answer = (False, traceback.format_exc())
            connection.send(answer)
    except (EOFError, OSError):  # the parent is done, or gone
        os._exit(0)
