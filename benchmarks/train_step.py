"""Time of a training step: this project's against plain Keras layers in float32.

    python -m benchmarks.train_step

Trains the paper's network (150×150 images, batches of 20) twice, in turns: with
`UnpoolConv2D` at the precision that `auto` resolves to, and with a decoder of
`UpSampling2D` and `Conv2D` in float32. Both are compiled as the training loop
does. Wants the machine for itself.

What arithmetic alone leaves to gain is printed beside it: the decoder's k×k
convolutions on unpooled maps cost k² multiply-adds per output pixel and pair of
channels, UnpoolConv2D's ((k + 1)/2)²; for k = 7, 49 and 16.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.networks import layered_decoder, multiply_adds
from dcign_tf.factors import GraphicsCode
from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.networks import build_decoder, build_encoder
from dcign_tf.model.precision import resolve_precision

FLAGS = flags.FLAGS
flags.DEFINE_integer("image_size", 150, "Height and width of the images.")
flags.DEFINE_integer("batch_size", 20, "Images to a batch.")
flags.DEFINE_integer("steps", 10, "Timed steps of each; two before them are not counted.")
flags.DEFINE_string("precision", "auto", "Of this project's network: see dcign_tf/precision.py.")

_UNTIMED_STEPS = 2


def build_model(image_size: int, policy: str, layered: bool) -> DCIGN:
    """The paper's model, compiled; the same initial weights every time."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    shape = (image_size, image_size, 1)
    encoder, decoder = build_encoder(shape), build_decoder(shape)
    if layered:
        weights = decoder.get_weights()
        decoder = layered_decoder(decoder)
        decoder.set_weights(weights)
    model = DCIGN(encoder, decoder, GraphicsCode.faces())
    model.compile(keras.optimizers.Adam(5e-4, beta_1=0.9, beta_2=0.99))
    return model


def check_equal(ours: DCIGN, theirs: DCIGN, codes: np.ndarray) -> float:
    """The largest difference of the two decoders' logits over the largest logit.

    Raises:
        RuntimeError: if it is larger than half precision explains.
    """
    expected = theirs.decoder(codes)
    error = float(np.max(np.abs(ours.decoder(codes) - expected)) / np.max(np.abs(expected)))
    if not error < 0.05:
        raise RuntimeError(f"The two decoders differ by {error:.1%}: they are not the same.")
    return error


def timed_step(model: DCIGN, batch: dict[str, tf.Tensor]) -> Callable[[], float]:
    """A function that trains a step and returns its seconds; compiled and warm."""
    compiled = tf.function(model.train_step)

    def step() -> float:
        start = time.perf_counter()
        float(compiled(batch)["loss"])
        return time.perf_counter() - start

    for _ in range(_UNTIMED_STEPS):
        step()
    return step


def main(_) -> None:
    policy, reason = resolve_precision(FLAGS.precision)
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(FLAGS.batch_size, FLAGS.image_size, FLAGS.image_size, 1))
    batch = {
        "image": tf.constant(images, tf.float32),
        "factor": tf.zeros(FLAGS.batch_size, tf.int32),
    }
    models = {
        f"UnpoolConv2D, {policy}": build_model(FLAGS.image_size, policy, layered=False),
        "UpSampling2D + Conv2D, float32": build_model(FLAGS.image_size, "float32", layered=True),
    }
    error = check_equal(*models.values(), rng.normal(size=(2, 200)).astype(np.float32))
    print(f"{policy}: {reason}. The two decoders' logits differ by {error:.1e} of the largest.")
    steps = {name: timed_step(model, batch) for name, model in models.items()}
    seconds = {name: [] for name in models}
    for _ in range(FLAGS.steps):
        for name, step in steps.items():
            seconds[name].append(step())
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    counts = {
        name: multiply_adds(model.encoder) + multiply_adds(model.decoder)
        for name, model in models.items()
    }
    for name, median in medians.items():
        spread = f"{min(seconds[name]):.3f} to {max(seconds[name]):.3f}"
        print(
            f"{name:32s}{median:8.3f} s a step ({spread}),"
            f" {counts[name] / 1e6:,.0f} M multiply-adds an image forward"
        )
    (ours, theirs), (our_count, their_count) = medians.values(), counts.values()
    print(f"ratio {ours / theirs:.2f} (by multiply-adds alone {our_count / their_count:.2f})")


if __name__ == "__main__":
    app.run(main)
