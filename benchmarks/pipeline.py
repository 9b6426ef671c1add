"""Factor batches a second of the input pipeline alone, and how much of a training step it takes.

    python -m benchmarks.pipeline --data_dir=data
    python -m benchmarks.pipeline --data_dir=data --preset=quick --cores=1
    python -m benchmarks.pipeline --data_dir=data --preset=best --decoded_gib=8

Reads and decodes the factor batches of a preset, as training does, and nothing is made of them;
then trains steps on one that lies in memory. Data that are missing are prepared first. Wants the
machine for itself.
"""

from __future__ import annotations

import time

import tensorflow as tf
from absl import app, flags

from benchmarks.publishing import publish
from benchmarks.timing import median_seconds
from dcign_tf.cli.definition import PathParser
from dcign_tf.concurrency import available_workers, limit_threads, set_workers
from dcign_tf.datasets.decoded import decoded_sweeps
from dcign_tf.datasets.factor_batches import factor_batches
from dcign_tf.datasets.registry import open_configured
from dcign_tf.resources import keep_memory_of_tensors
from dcign_tf.runs.presets import load_preset, with_whole_paths
from dcign_tf.training.models import new_model

FLAGS = flags.FLAGS
flags.DEFINE_string("dataset", "faces", "Of the preset.")
flags.DEFINE_string("preset", "paper", "Whose data, batches and network.")
flags.DEFINE(PathParser(), "data_dir", "data", "Where its dataset lies, or is prepared.")
flags.DEFINE_integer("cores", None, "How many are used; all if not set.", lower_bound=1)
flags.DEFINE_float("decoded_gib", 0.0, "As of `dcign-tf train`.", lower_bound=0.0)
flags.DEFINE_integer("steps", 300, "Steps whose batches are read.", lower_bound=20)
flags.DEFINE_integer("trained_steps", 10, "Timed training steps; two before are not counted.")

_UNTIMED = 10
"""Steps that are read first: by then every thread has begun."""


def seconds_of_reading(batches: tf.data.Dataset) -> float:
    """Of one step's batches."""
    iterator = iter(batches)
    for _ in range(_UNTIMED):
        next(iterator)
    start = time.perf_counter()
    for _ in range(FLAGS.steps):
        next(iterator)
    return (time.perf_counter() - start) / FLAGS.steps


def main(_) -> None:
    if FLAGS.cores:
        set_workers(FLAGS.cores)
    limit_threads()
    keep_memory_of_tensors()
    config = load_preset(FLAGS.dataset, FLAGS.preset).to_dict()
    config = with_whole_paths({**config, "data_dir": FLAGS.data_dir})
    data = open_configured(config)
    data.prepare()
    model, policy, _ = new_model(config, data, num_replicas=1)
    sweeps = data.sweeps("train")
    if FLAGS.decoded_gib:
        sweeps = decoded_sweeps(sweeps, most_bytes=FLAGS.decoded_gib * 2**30, show=print)
    batches = factor_batches(
        {factor: sweeps[factor] for factor in model.code.factors},
        model.code,
        ratios=config["factor_ratios"],
        seed=0,
        images_per_batch=config["images_per_batch"],
        batches_per_step=config["batches_per_step"],
    )
    reading = seconds_of_reading(batches)
    step, batch = tf.function(model.train_step, autograph=False), next(iter(batches))
    training = median_seconds(lambda: float(step(batch)["loss"]), FLAGS.trained_steps)
    images = config["images_per_batch"] or config["data"]["sweep_length"]
    per_step = config["batches_per_step"]
    rows = [
        (
            f"{FLAGS.dataset}, {FLAGS.preset}",
            f"{per_step} × {images} × {model.encoder.input_shape[1]}²",
            1e3 * reading,
            per_step / reading,
            1e3 * training,
            f"{reading / training:.1%}",
        )
    ]
    columns = ("", "a step", "ms to read it", "factor batches/s", "ms to train it", "read / train")
    facts = {"cores used": available_workers(), "precision": policy}
    publish(facts | {"GiB for decoded images": FLAGS.decoded_gib}, columns, rows)


if __name__ == "__main__":
    app.run(main)
