"""How the cost of a training step grows with images, factor batches, resolution and cores.

    python -m benchmarks.growth --preset=best

Trains on noise, from the preset's network and batches with one thing changed at a time, each in a
process of its own, so that nothing is left of the one before. Wants the machine for itself.
"""

from __future__ import annotations

import json
import subprocess
import sys

from absl import app, flags

from benchmarks.publishing import publish
from benchmarks.timing import median_seconds
from dcign_tf.concurrency import available_workers, limit_threads, set_workers
from dcign_tf.resources import keep_memory_of_tensors
from dcign_tf.runs.presets import load_preset

FLAGS = flags.FLAGS
flags.DEFINE_string("preset", "best", "Of faces.")
flags.DEFINE_list("images", ["4", "8", "16", "32", "64", "128", "256"], "Of one factor batch.")
flags.DEFINE_list("batches", ["1", "2", "4", "8"], "Factor batches a step, of the preset's images.")
flags.DEFINE_list("sizes", ["76", "150", "278"], "Height and width of the images.")
flags.DEFINE_list("cores", ["1", "2"], "As far as there are as many.")
flags.DEFINE_integer("steps", 5, "Timed of each; two before them are not counted.", lower_bound=1)
flags.DEFINE_string("measure", None, "What the processes do that this one starts: settings.")

Settings = dict[str, int]


def measure(settings: Settings) -> float:
    """Seconds of a step with these settings: the median."""
    set_workers(settings["cores"])
    limit_threads()
    keep_memory_of_tensors()

    import numpy as np
    import tensorflow as tf

    from dcign_tf.datasets.registry import open_configured
    from dcign_tf.training.models import new_model

    config = load_preset("faces", FLAGS.preset).to_dict()
    config["data"]["image_size"] = settings["size"]
    config["data_dir"] = "."  # of which nothing is read
    model = new_model(config, open_configured(config), num_replicas=1)[0]
    shape = (settings["batches"], settings["images"])
    noise = np.random.default_rng(0).random((*shape, *model.encoder.input_shape[1:]), np.float32)
    batch = {"image": tf.constant(noise), "factor": tf.zeros(shape, tf.int32)}
    step = tf.function(model.train_step, autograph=False)
    return median_seconds(lambda: float(step(batch)["loss"]), FLAGS.steps)


def variations() -> list[tuple[str, Settings]]:
    """What is changed, and all settings."""
    config = load_preset("faces", FLAGS.preset)
    own = {
        "batches": config.batches_per_step,
        "images": config.images_per_batch or config.data.sweep_length,
        "size": config.data.image_size,
        "cores": available_workers(),
    }
    cores = [n for n in map(int, FLAGS.cores) if n <= available_workers()]
    return [
        *(
            ("images of one factor batch", own | {"batches": 1, "images": int(n)})
            for n in FLAGS.images
        ),
        *(("factor batches a step", own | {"batches": int(n)}) for n in FLAGS.batches),
        *(("image size", own | {"size": int(n)}) for n in FLAGS.sizes),
        *(("cores", own | {"cores": n}) for n in cores),
    ]


def main(_) -> None:
    if FLAGS.measure:
        print(json.dumps(measure(json.loads(FLAGS.measure))))
        return
    command = [sys.executable, "-m", "benchmarks.growth", *sys.argv[1:]]
    rows = []
    for changed, settings in variations():
        told = subprocess.run([*command, f"--measure={json.dumps(settings)}"], capture_output=True)
        if told.returncode:
            raise RuntimeError(f"{settings}: {told.stderr.decode(errors='replace')[-2000:]}")
        seconds = json.loads(told.stdout.splitlines()[-1])
        images = settings["batches"] * settings["images"]
        shown = f"{settings['batches']} × {settings['images']}", f"{settings['size']}²"
        rows.append((changed, *shown, settings["cores"], seconds, 1e3 * seconds / images))
        print(*rows[-1], sep="\t", file=sys.stderr)
    columns = ("changed", "images a step", "size", "cores", "s a step", "ms an image")
    publish({"network and batches": f"faces, {FLAGS.preset}"}, columns, rows)


if __name__ == "__main__":
    app.run(main)
