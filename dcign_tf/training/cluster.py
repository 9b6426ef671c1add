"""Which processes train together, and which of them this one is: told by its environment.

`TF_CONFIG` is TensorFlow's own way: JSON that lists all workers and says which one this is. A step
of Slurm (`srun`) tells as much in variables of its own. Known before TensorFlow is loaded.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from dcign_tf.errors import UserError

_PORT = 20_000  # on Slurm the first of the ports; another for each job of ten thousand


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Workers that train one network, each a process.

    Attributes:
        workers: `host:port` of each; the first is the chief, which alone writes.
        index: which one this process is.
    """

    workers: tuple[str, ...] = ("localhost:0",)
    index: int = 0

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes and tells."""
        return self.index == 0

    def tf_config(self) -> str:
        """What `TF_CONFIG` of this process is."""
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": self.workers}, "task": task})


ALONE = Cluster()
STRATEGIES = ("auto", "single", "mirrored", "multi_worker")


def cluster_for(strategy: str, environment: Mapping[str, str] = os.environ) -> Cluster:
    """The cluster that `TF_CONFIG` or, without it, Slurm tells of; `ALONE` if neither does.

    Args:
        strategy: of `Replicas`; those of one process are for it alone, whatever is told.
        environment: variables to values.

    Raises:
        UserError: if what is told cannot be, or there must be other workers and are none.
    """
    cluster = _told(environment) if strategy in ("auto", "multi_worker") else ALONE
    if strategy == "multi_worker" and len(cluster.workers) < 2:
        raise UserError(
            "--strategy=multi_worker needs other workers, of which TF_CONFIG or a step of Slurm"
            " tells (docs/scaling.md); dcign-tf workers starts some on this machine."
        )
    return cluster


def _told(environment: Mapping[str, str]) -> Cluster:
    if "TF_CONFIG" in environment:
        return _told_by_tensorflow(environment["TF_CONFIG"])
    if environment.get("SLURM_STEP_NUM_TASKS", "1") != "1":
        return _told_by_slurm(environment)
    return ALONE


def _told_by_tensorflow(text: str) -> Cluster:
    try:
        config = json.loads(text)
        jobs, task = config.get("cluster") or {}, config.get("task") or {}
        if not jobs:
            return ALONE
        kind, number = task["type"], int(task["index"])
        workers = tuple(w for job in ("chief", "worker") for w in jobs.get(job, ()))
        if number not in range(len(jobs[kind])):
            raise IndexError(f"there is no {kind} {number}")
        if wrong := [worker for worker in workers if not _is_address(worker)]:
            raise ValueError(f"{wrong[0]!r} is no host:port")
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise UserError(
            f"TF_CONFIG={text} cannot be understood ({reason}); it must be like {_EXAMPLE}"
        ) from error
    if kind not in ("chief", "worker"):
        raise UserError(f"TF_CONFIG names this task a {kind}; there are only workers here.")
    return Cluster(workers, number + (len(jobs.get("chief", ())) if kind == "worker" else 0))


def _is_address(value: Any) -> bool:
    found = re.fullmatch(r"\S+:(\d+)", value) if isinstance(value, str) else None
    return found is not None and 0 < int(found[1]) < 1 << 16


_EXAMPLE = Cluster(("host0:2222", "host1:2222")).tf_config()


def _told_by_slurm(environment: Mapping[str, str]) -> Cluster:
    """Of `srun`: tasks are numbered host by host, as it distributes them unless told otherwise.

    TensorFlow's `SlurmClusterResolver` sorts hosts by name, node10 before node2, which gives tasks
    each other's addresses; and it finds none where there are no GPUs.
    """
    try:
        hosts = list(_hosts(environment["SLURM_STEP_NODELIST"]))
        counts = list(_counts(environment["SLURM_STEP_TASKS_PER_NODE"]))
        index, job = int(environment["SLURM_PROCID"]), int(environment["SLURM_JOB_ID"])
        first = _PORT + job % 10_000
        workers = [
            f"{host}:{first + local}"
            for host, count in zip(hosts, counts, strict=True)
            for local in range(count)
        ]
        workers[index]
    except (ValueError, LookupError) as error:
        told = {k: v for k, v in environment.items() if k.startswith("SLURM_STEP_")}
        raise UserError(
            f"What Slurm tells of this step cannot be understood ({error!r} in {told});"
            " give TF_CONFIG to each task instead (docs/scaling.md)."
        ) from error
    return Cluster(tuple(workers), index)


def _hosts(names: str) -> Iterator[str]:
    """`node[01-03,7],login` as names."""
    for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", names):
        begin, _, rest = part.partition("[")
        if not rest:
            yield part
            continue
        ranges, _, end = rest.partition("]")
        for first_last in ranges.split(","):
            first, _, last = first_last.partition("-")
            for number in range(int(first), int(last or first) + 1):
                yield from _hosts(f"{begin}{number:0{len(first)}}{end}")


def _counts(tasks: str) -> Iterator[int]:
    """`2(x3),1` as numbers."""
    for part in tasks.split(","):
        count, _, times = part.rstrip(")").partition("(x")
        yield from [int(count)] * int(times or 1)
