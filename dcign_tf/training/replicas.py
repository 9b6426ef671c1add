"""The devices that share each step, of one process or of several: what each has, and who decides.

Each replica has a copy of the network and whole factor batches of its own; the optimiser sums
their gradients, so that all copies stay the same. What needs one network alone (validation, a
checkpoint, the evaluation) takes a plain one, which no strategy knows: there no worker waits for
another.
"""

from __future__ import annotations

import contextlib
import hashlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.python.distribute.collective_all_reduce_strategy import CollectiveAllReduceExtended

from dcign_tf import interrupts
from dcign_tf.errors import UserError, of_tensorflow
from dcign_tf.model.dcign import DCIGN
from dcign_tf.training.cluster import ALONE, Cluster

_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,  # it was started again
)
_GROUPS = 100_000  # numbers for the groups of devices of one strategy, more than it can have
_ENDING = (signal.SIGINT, signal.SIGTERM)


class Done(NamedTuple):
    """What a step tells, of all replicas.

    Attributes:
        images: how many there were.
        loss: the mean since it was last taken: once not finite, always so.
        notices: how many replicas' processes gave each, int32 [N].
    """

    images: tf.Tensor
    loss: tf.Tensor
    notices: tf.Tensor


class Replicas:
    """Those of this process and of the others of its cluster.

    To be made before TensorFlow does anything, if there are other processes: it connects them.

    Args:
        strategy: `"single"`, one device; `"mirrored"`, all GPUs of this process, or all logical
            CPUs if there are none; `"multi_worker"`, the GPUs, or the CPU, of every process of
            the cluster; or `"auto"`, whichever of them fits what there is.
        cluster: the processes, as `cluster_for` finds them.

    Attributes:
        count: how many there are, of all processes.
        here: the numbers of those of this process.
        cluster: the processes.
    """

    def __init__(self, strategy: str = "single", cluster: Cluster = ALONE):
        self.cluster = cluster
        if self.are_many_processes:
            self._strategy = _connect(cluster)
        elif strategy == "mirrored" or (strategy == "auto" and _has_several_gpus()):
            self._strategy = _mirrored()
        else:
            self._strategy = tf.distribute.get_strategy()
        self.count = self._strategy.num_replicas_in_sync
        self._sum_of_first = tf.function(
            lambda own: self._strategy.run(_sum_of_first, args=(own,)),
            input_signature=[tf.TensorSpec([None], tf.int32)],
            autograph=False,
        )
        each = self.count // len(self.cluster.workers)
        self.here = range(self.cluster.index * each, (self.cluster.index + 1) * each)

    @property
    def are_many_processes(self) -> bool:
        """Whether this process must do in step with others whatever all of them have a part in."""
        return len(self.cluster.workers) > 1

    # === State ===

    def shared(self, model: DCIGN) -> DCIGN:
        """Copies of the chief's model, one on each replica, as one model; of one, the model itself.

        Every process's own `model` gets the chief's state, too.
        """
        if self._strategy is tf.distribute.get_strategy():
            return model
        with self._strategy.scope():
            copies = DCIGN.from_config(model.get_config())
            # XLA compiles a device's own work alone: no gradients could be added up within it.
            copies.compile_from_config({**model.get_compile_config(), "jit_compile": False})
        values = self._from_chief([variable.numpy() for variable in _state(model)])
        for each in (model, copies):
            _set_state(each, values)
        return copies

    def gather(self, copies: DCIGN, model: DCIGN) -> None:
        """Gives `model` the state of its copies: weights, optimiser and step."""
        if copies is not model:
            _set_state(model, [variable.numpy() for variable in _state(copies)])

    def chiefs(self, number: int) -> int:
        """The chief's number, in every process."""
        return int(self._from_chief([np.array(number, np.int64)])[0])

    def meet(self) -> None:
        """Waits until all processes are here."""
        with self.together():
            self.chiefs(0)

    def check_same(self, facts: Mapping[str, Any]) -> None:
        """Compares what must be the same in all processes, by name, with the chief's.

        Raises:
            UserError: in a process where it is not; names what differs.
        """
        own = [_digest(fact) for fact in facts.values()]
        differ = [
            f"{name} ({facts[name]})"
            for name, mine, chiefs in zip(facts, own, self._from_chief(own), strict=True)
            if mine != chiefs
        ]
        if differ:
            raise UserError(
                f"Worker {self.cluster.index} differs from worker 0 in {'; '.join(differ)}."
                " Start all workers of a training with the same command, software and data."
            )

    def _from_chief(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """The chief's values, bit by bit: the sum of them and of nothing from anybody else."""
        if not self.are_many_processes:
            return arrays
        bits = np.frombuffer(b"".join(array.tobytes() for array in arrays), np.int32)
        own = tf.constant(bits if self.cluster.is_chief else np.zeros_like(bits))
        summed = self._sum_of_first(own)
        rest = self._strategy.experimental_local_results(summed)[0].numpy().tobytes()
        values = []
        for array in arrays:
            values.append(np.frombuffer(rest[: array.nbytes], array.dtype).reshape(array.shape))
            rest = rest[array.nbytes :]
        return values

    # === Steps ===

    def distributed(self, make: Callable[[range], tf.data.Dataset]) -> Any:
        """An iterable of what the replicas of this process get, made by their numbers."""
        if self.count == 1:
            return make(self.here)
        # A step checks its batch on the CPU: fetched to a GPU before, it would come back for that.
        on_host = tf.distribute.InputOptions(experimental_fetch_to_device=False)
        return self._strategy.distribute_datasets_from_function(lambda _: make(self.here), on_host)

    def compiled(self, replica_step: Callable) -> Callable[[Any, np.ndarray], Done]:
        """A graph function of a (distributed) batch and this process's notices; returns `Done`."""
        add_up = tf.distribute.ReduceOp.SUM

        # No step branches on a tensor, and to convert the sources takes as long as to trace them.
        @tf.function(autograph=False)
        def step(batch, notices):
            loss = self._strategy.run(replica_step, args=(batch,))["loss"]
            images = self._strategy.run(tf.size, args=(batch["factor"],))
            given = self._strategy.run(tf.identity, args=(notices,))
            values = (images, loss, given)
            return Done(*(self._strategy.reduce(add_up, value, axis=None) for value in values))

        return step

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """For all in which replicas have a part.

        Raises:
            UserError: if another process has gone: one line in place of TensorFlow's.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(_losing_none(self.cluster))
            if self.count > 1:
                stack.enter_context(_sums_as_written())
            yield


@contextlib.contextmanager
def _sums_as_written() -> Iterator[None]:
    """TensorFlow adds up terms in an order of its own: another in one process than in two."""
    before = tf.config.optimizer.get_experimental_options().get("arithmetic_optimization", True)
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"arithmetic_optimization": before})


def _sum_of_first(own: tf.Tensor) -> tf.Tensor:
    """Of all replicas' numbers, those of the very first counting alone."""
    context = tf.distribute.get_replica_context()
    is_first = context.replica_id_in_sync_group == 0
    return context.all_reduce("SUM", tf.where(is_first, own, tf.zeros_like(own)))


def _has_several_gpus() -> bool:
    return len(tf.config.list_physical_devices("GPU")) > 1


def _mirrored() -> tf.distribute.Strategy:
    # Each strategy numbers groups of devices from here, and their sums; and TensorFlow remembers
    # their shapes as long as the process lives: those of another training, if there was one.
    tf.distribute.MirroredStrategy._collective_key_base += _GROUPS
    gpus, cpus = map(tf.config.list_logical_devices, ("GPU", "CPU"))
    return tf.distribute.MirroredStrategy([device.name for device in gpus or cpus])


def _connect(cluster: Cluster) -> tf.distribute.Strategy:
    # TensorFlow's coordination service sees to it that nobody waits for the dead. The older check
    # would do so too, and its thread, which sleeps for half a minute, is waited for at the end.
    CollectiveAllReduceExtended._enable_check_health = False
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.workers)}),
        task_type="worker",
        task_id=cluster.index,
        rpc_layer="grpc",
    )
    try:
        with _losing_none(cluster), _ending_at_once():
            return tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except tf.errors.OpError as error:
        raise UserError(
            f"Worker {cluster.index} cannot serve at {cluster.workers[cluster.index]}:"
            f" {of_tensorflow(error.message)}."
        ) from error


@contextlib.contextmanager
def _losing_none(cluster: Cluster) -> Iterator[None]:
    try:
        yield
    except _LOST as error:
        if len(cluster.workers) == 1:
            raise
        interrupts.check()  # all were told to stop
        raise UserError(
            f"Worker {cluster.index} of {len(cluster.workers)} lost another, whose own messages"
            " say why. Start all of them again with the same command: they go on from the last"
            " checkpoint."
        ) from error


@contextlib.contextmanager
def _ending_at_once() -> Iterator[None]:
    """A signal ends this process, while it waits in C++ and could not hear of it in Python."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_DFL) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _state(model: DCIGN) -> list[Any]:
    return [*model.weights, *model.optimizer.variables]


def _set_state(model: DCIGN, values: list[np.ndarray]) -> None:
    for variable, value in zip(_state(model), values, strict=True):
        variable.assign(value)


def _digest(fact: Any) -> np.ndarray:
    return np.frombuffer(hashlib.sha256(repr(fact).encode()).digest()[:8], np.int64)
