"""The command that starts several workers of one training on this machine."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from absl import flags

from dcign_tf import interrupts
from dcign_tf.cli.definition import command
from dcign_tf.concurrency import available_workers
from dcign_tf.errors import UserError
from dcign_tf.training.cluster import Cluster

FLAGS = flags.FLAGS
_NUM = "How many workers; each gets its part of this machine's cores."
_SECONDS_TO_END = 60.0  # for the others, if one fails or all are told to stop


def _parse(argv: Sequence[str]) -> Sequence[str]:
    """What stands behind the flags, or behind `--`: the command of each worker."""
    training = FLAGS(argv)[1:]
    if not training or training[0] not in ("train", "train.py"):
        raise flags.Error("What the workers are to do is missing: -- train --dataset=…")
    return ["train", *training[1:]]


@command(functools.partial(flags.DEFINE_integer, "num", 2, _NUM, 2), parse=_parse)
def workers(*training: str) -> None:
    """Trains by several workers on this machine, each a process.

        dcign-tf workers --num=2 -- train --dataset=faces --preset=quick

    Behind -- stands a command `dcign-tf train`, or train.py. Each worker gets factor batches of
    its own; the first tells and writes. If one fails all end; the same command goes on from the
    last checkpoint. docs/scaling.md says how to train on several machines.
    """
    cluster = tuple(f"127.0.0.1:{port}" for port in free_ports(FLAGS.num))
    share = f"--num_processes={max(1, available_workers() // FLAGS.num)}"
    arguments = [sys.executable, "-m", "dcign_tf", training[0], share, *training[1:]]
    with _ending() as processes:
        for index in range(FLAGS.num):
            told = {**os.environ, "TF_CONFIG": Cluster(cluster, index).tf_config()}
            processes.append(subprocess.Popen(arguments, env=told))
        is_running = True
        while is_running:
            time.sleep(0.2)
            statuses = [process.poll() for process in processes]
            is_running = None in statuses
            for index, status in enumerate(statuses):
                if status:
                    raise _failed(index, status)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody uses just now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def _ending() -> Iterator[list[subprocess.Popen]]:
    """Sees to it that no process outlives the context; each is first left to end by itself."""
    processes: list[subprocess.Popen] = []
    try:
        yield processes
    except interrupts.Terminated:
        _signal(processes, signal.SIGTERM)  # Ctrl-C the terminal sends to all of them
        raise
    finally:
        _wait(processes)
        _signal(processes, signal.SIGTERM)
        _wait(processes)
        _signal(processes, signal.SIGKILL)
        for process in processes:
            process.wait()


def _signal(processes: Sequence[subprocess.Popen], number: signal.Signals) -> None:
    for process in processes:
        process.send_signal(number)  # nothing, to one that has ended


def _wait(processes: Sequence[subprocess.Popen]) -> None:
    deadline = time.monotonic() + _SECONDS_TO_END
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))


def _failed(index: int, status: int) -> UserError:
    if status < 0:
        how = f"was killed ({signal.Signals(-status).name}); the same command goes on"
    else:
        how = f"ended with exit status {status}; it said why"
    return UserError(f"Worker {index} {how}.")
