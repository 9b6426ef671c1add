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
import pathlib
import queue
import signal
import subprocess
import sys
import tempfile
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
            worker.process.kill()
        for worker in workers:
            worker.process.wait()
            worker.close()


# Not in PYTHONPATH, behind which Python would look into the working directory first.
_START = f"""
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.path[:] = sys.argv[2:]
from {__name__} import _serve
_serve(int(sys.argv[1]))
"""


class _Worker:
    """The parent's side of one process."""

    def __init__(self, function: Callable[..., Any]):
        self._connection, theirs = multiprocessing.Pipe()
        descriptor = theirs.fileno()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (`close` closes it)
        self.process = subprocess.Popen(
            # -c rather than -m: a `-m` module would be imported a second time under its own name.
            [sys.executable, "-c", _START, str(descriptor), *_module_folders()],
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            stdout=self._stderr,  # what a library prints is no output of the command
            stderr=self._stderr,
            env={**os.environ, **_SINGLE_THREADED},
            # A process group of its own: Ctrl-C reaches the parent alone, which then ends them. So
            # does SIGTERM, which schedulers send to every process.
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
            raise DataError(f"A rendering process ended unexpectedly: {self._reason()}") from error
        if not succeeded and isinstance(result, DataError):
            raise result
        if not succeeded:
            raise RuntimeError(f"Rendering failed in a worker process.\n{result}")
        return result

    def close(self) -> None:
        """Passes on what the ended process told."""
        with self._stderr as file:
            file.seek(0)
            sys.stderr.write(file.read().decode(errors="replace"))

    def _reason(self) -> str:
        """What the process that ended last said, or how it was ended."""
        status = self.process.wait()
        if status == -signal.SIGKILL:
            return "it was killed, as a rule for want of memory; give fewer --num_processes."
        self._stderr.seek(0)
        told = self._stderr.read().decode(errors="replace").strip().splitlines()
        self._stderr.truncate(0)
        return f"{told[-1] if told else 'it said nothing'} (exit status {status})."


def _module_folders() -> list[str]:
    """Where modules are found, as here: but the working directory comes last.

    A `copy.py` there is the user's. Unless this package lies there, of which there may be another.
    """
    folders, here = [os.path.abspath(path) for path in sys.path], os.getcwd()
    if here != str(pathlib.Path(__file__).parents[3]):
        folders.sort(key=lambda folder: folder == here)
    return folders


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
