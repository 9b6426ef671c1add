"""Encoding, decoding and rendering again: milliseconds an image, beside the floor.

    python -m benchmarks.inference
    python -m benchmarks.inference --preset=best

By `Codec`, as evaluation and one's own programs do, in float32, on pictures of noise. The floor is
what the multiply-adds would take at the rate of a matrix product of 2,048³ in the same process.
Requests to a SavedModel are timed by `benchmarks.serving`. Wants the machine for itself.
"""

from __future__ import annotations

import numpy as np
from absl import app, flags

from benchmarks.floor import matrix_product, multiply_adds
from benchmarks.publishing import publish
from benchmarks.timing import median_seconds
from dcign_tf.codec import Codec
from dcign_tf.datasets.registry import open_configured
from dcign_tf.resources import keep_memory_of_tensors
from dcign_tf.runs.presets import load_preset
from dcign_tf.training.models import new_model

FLAGS = flags.FLAGS
flags.DEFINE_string("dataset", "faces", "Of the preset.")
flags.DEFINE_string("preset", "paper", "Whose network it is.")
flags.DEFINE_list("batch_sizes", ["1", "16", "128"], "Images at once.")
flags.DEFINE_integer("repeats", 10, "Timed of each; two before them are not counted.")


def main(_) -> None:
    keep_memory_of_tensors()  # as the commands do
    config = load_preset(FLAGS.dataset, FLAGS.preset).to_dict()
    config |= {"precision": "float32", "data_dir": "."}  # of which nothing is read
    model = new_model(config, open_configured(config), num_replicas=1)[0]
    codec = Codec(model)
    product, product_flop = matrix_product("float32")
    rate = product_flop / median_seconds(lambda: float(product()), 20)
    encoding, decoding = (multiply_adds(network) for network in (model.encoder, model.decoder))
    rng = np.random.default_rng(0)
    rows = []
    for batch_size in map(int, FLAGS.batch_sizes):
        images = rng.random((batch_size, *model.encoder.input_shape[1:]), np.float32)
        codes = codec.encode(images)
        for name, work, products in (
            ("encode", lambda images=images: codec.encode(images), encoding),
            ("decode", lambda codes=codes: codec.decode(codes), decoding),
            (
                "encode, then decode: what `rerender` computes",
                lambda images=images: codec.decode(codec.encode(images)),
                encoding + decoding,
            ),
        ):
            seconds = median_seconds(work, FLAGS.repeats) / batch_size
            floor = 2 * products / rate
            rows.append(
                (name, str(batch_size), 1e3 * seconds, 1e3 * floor, f"{floor / seconds:.0%}")
            )
    facts = {
        "network": f"{FLAGS.dataset}, {FLAGS.preset}",
        "GFLOP/s of a product, float32": rate / 1e9,
    }
    columns = ("", "images at once", "ms an image", "floor, ms", "floor / time")
    publish(facts, columns, rows)


if __name__ == "__main__":
    app.run(main)
