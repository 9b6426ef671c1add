"""What several workers cost: computation, the sum of gradients over a link, and 64 of them.

    python -m benchmarks.scaling
    python -m benchmarks.scaling --preset=paper --link_gbits=2.5

Measures on this machine, with the network and the batches of a preset and images of noise:

- a step of one worker alone, with its half of the cores;
- the sum of the gradients of two workers over loopback, and of as many single numbers: what it
  takes whatever is summed;
- a step of two workers, to be held against what the model says.

The model, of a ring of N workers: each sends and receives 2(N − 1) parts of 1/N of the gradients,
one after the other, so that

    step = computation + 2(N − 1) · latency + 2(N − 1)/N · bytes / bandwidth.

Latency, that of all gradients' messages of a round, and bandwidth are loopback's, measured:
what TensorFlow and gRPC take of these cores. A link adds `--link_us` and has `--link_gbits`, if
that is less. The model knows nothing of workers that wait for the slowest of them. Wants the
machine for itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping

from absl import app, flags

from benchmarks.timing import median_seconds
from dcign_tf.cli.workers import free_ports
from dcign_tf.concurrency import available_workers, limit_threads, set_workers
from dcign_tf.resources import keep_memory_of_tensors
from dcign_tf.training.cluster import Cluster, cluster_for

FLAGS = flags.FLAGS
flags.DEFINE_string("dataset", "faces", "Of the preset.")
flags.DEFINE_string("preset", "quick", "Whose network and batches.")
flags.DEFINE_string("data_dir", "data", "Where its dataset lies, if it is the user's own.")
flags.DEFINE_integer("steps", 20, "Timed of each; three before them are not counted.")
flags.DEFINE_float("link_gbits", 1.0, "Bandwidth of the link of the second table, Gbit/s.")
flags.DEFINE_float("link_us", 100.0, "Latency of a message over it, microseconds.")
flags.DEFINE_bool("measure", False, "What the processes do that this one starts.")

_COUNTS = (1, 2, 4, 8, 16, 32, 64)


def measure() -> dict[str, float]:
    """Of one worker, alone or beside others: seconds, bytes of gradients, images a step."""
    set_workers(max(1, available_workers() // 2))
    limit_threads()
    keep_memory_of_tensors()

    import numpy as np
    import tensorflow as tf

    from dcign_tf.datasets.registry import open_configured
    from dcign_tf.runs.presets import load_preset
    from dcign_tf.training.models import new_model
    from dcign_tf.training.replicas import Replicas

    replicas = Replicas("auto", cluster_for("auto"))
    config = {**load_preset(FLAGS.dataset, FLAGS.preset).to_dict(), "data_dir": FLAGS.data_dir}
    model = new_model(config, open_configured(config), replicas.count)[0]
    copies = replicas.shared(model)
    images = config["images_per_batch"] or config["data"]["sweep_length"]
    shape = (config["batches_per_step"], images)
    noise = np.random.default_rng(0).uniform(size=(*shape, *model.encoder.input_shape[1:]))
    batch = {"image": tf.constant(noise, tf.float32), "factor": tf.zeros(shape, tf.int32)}
    gradients = [tf.zeros(variable.shape) for variable in model.trainable_variables]
    single = [gradient[..., :1] for gradient in gradients]

    def summing(tensors: list[tf.Tensor]) -> Callable:
        def replica_step(batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            sums = tf.distribute.get_replica_context().all_reduce("SUM", tensors)
            return {"loss": tf.add_n([tf.reduce_sum(each) for each in sums])}

        return replica_step

    def seconds(replica_step: Callable) -> float:
        step, quiet = replicas.compiled(replica_step), np.zeros(2, np.int32)
        return median_seconds(lambda: float(step(batch, quiet).loss), FLAGS.steps, untimed=3)

    with replicas.together():
        return {
            "step": seconds(copies.train_step),
            "sum": seconds(summing(gradients)),
            "sum_of_single_numbers": seconds(summing(single)),
            "bytes": 4 * sum(int(tf.size(gradient)) for gradient in gradients),
            "images": shape[0] * shape[1],
        }


def measured(num_workers: int) -> dict[str, float]:
    """What the first of so many workers on this machine measures."""
    workers = tuple(f"127.0.0.1:{port}" for port in free_ports(num_workers))
    command = [sys.executable, "-m", "benchmarks.scaling", *sys.argv[1:], "--measure"]
    processes = [
        subprocess.Popen(
            command,
            env={**os.environ, "TF_CONFIG": Cluster(workers, index).tf_config()},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for index in range(num_workers)
    ]
    told = [process.communicate()[0] for process in processes]
    return json.loads(told[0].splitlines()[-1])


def step_seconds(num_workers: int, compute: float, size: float, latency: float, rate: float):
    """The model; `latency` in seconds a message, `size` in bytes, `rate` in bytes a second."""
    messages = 2 * (num_workers - 1)
    return compute + messages * latency + messages / num_workers * size / rate


def print_table(link: str, alone: Mapping[str, float], latency: float, rate: float) -> None:
    print(f"\n{link}: {8e-9 * rate:.1f} Gbit/s, {1e6 * latency:,.0f} µs a round")
    print("workers   s a step   images/s   of N times one worker's")
    for count in _COUNTS:
        step = step_seconds(count, alone["step"], alone["bytes"], latency, rate)
        images = count * alone["images"] / step
        print(f"{count:7}{step:11.3f}{images:11,.0f}{alone['step'] / step:26.0%}")


def main(_) -> None:
    if FLAGS.measure:
        print(json.dumps(measure()))
        return
    alone, two = measured(1), measured(2)
    latency = two["sum_of_single_numbers"] / 2
    rate = alone["bytes"] / (two["sum"] - two["sum_of_single_numbers"])
    expected = step_seconds(2, alone["step"], alone["bytes"], latency, rate)
    print(
        f"{FLAGS.dataset}, {FLAGS.preset}: {alone['images']} images a step and worker,"
        f" gradients of {alone['bytes'] / 1e6:.1f} MB\n"
        f"a step of one worker: {alone['step']:.3f} s, {alone['images'] / alone['step']:,.0f}"
        f" images/s\n"
        f"sum of two workers' gradients: {two['sum']:.4f} s; of as many single numbers:"
        f" {two['sum_of_single_numbers']:.4f} s\n"
        f"a step of two workers: {two['step']:.3f} s, by the model {expected:.3f} s"
    )
    print_table("Loopback", alone, latency, rate)
    link_rate = min(rate, 1e9 / 8 * FLAGS.link_gbits)
    print_table("The link", alone, latency + 1e-6 * FLAGS.link_us, link_rate)


if __name__ == "__main__":
    app.run(main)
