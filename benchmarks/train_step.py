"""A training step: this project's, beside plain Keras layers, PyTorch and the floor.

    python -m benchmarks.train_step
    python -m benchmarks.train_step --dataset=faces --preset=best

Trains a network on noise, in turns: this project's at the precision that `auto` resolves to and in
float32, compiled as the training loop does; the same decoder of `UpSampling2D` and `Conv2D` in
float32; and PyTorch with the same weights, eager and compiled, channels first and last, in float32
and, where the processor computes with it, bfloat16. On a GPU this project's are the three
precisions, each also compiled by XLA. Without `--preset` it is the paper's network, with batches of
20. All are shown to have the same loss first.

The floor is what the multiply-adds of this project's step would take at the rate of a matrix
product of 2,048³ in the same process and precision. Arithmetic alone also leaves something to gain:
the decoder's k×k convolutions on unpooled maps cost k² multiply-adds per output pixel and pair of
channels, UnpoolConv2D's ((k + 1)/2)²; for k = 7, 49 and 16.

Wants the machine for itself, and `pip install -e '.[benchmarks]'`.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.floor import matrix_product, step_flop
from benchmarks.networks import layered_decoder
from benchmarks.publishing import publish
from dcign_tf.concurrency import available_workers
from dcign_tf.datasets.registry import open_configured
from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.precision import resolve_precision, sees_gpu
from dcign_tf.resources import keep_memory_of_tensors
from dcign_tf.runs.presets import load_preset
from dcign_tf.training.models import new_model

FLAGS = flags.FLAGS
flags.DEFINE_string("dataset", "faces", "Of the preset.")
flags.DEFINE_string("preset", "paper", "Whose network it is.")
flags.DEFINE_integer("image_size", None, "Height and width of the images; the preset's if not set.")
flags.DEFINE_integer("batch_size", 20, "Images to a batch.")
flags.DEFINE_integer("steps", 10, "Timed steps of each; two before them are not counted.")
flags.DEFINE_bool("pytorch", True, "Beside PyTorch; compiling it takes minutes.")

_UNTIMED_STEPS = 2
_TOLERANCE = {"bfloat16": 2e-2, "float16": 1e-2, "float32": 1e-4}  # of the loss, relative
_TOLERANCE_OF_TENSOR_FLOAT_32 = 2e-3

_STEPS_A_WAIT = 10
"""On a GPU, where training asks for numbers only at its log lines."""

Step = Callable[[], Any]
"""Trains a step; returns its loss, or what `float` makes that of, and waits for."""


class Batch(NamedTuple):
    """Noise in which azimuth is said to vary, and the noise of the codes of the first step."""

    images: np.ndarray  # [B, H, W, 1]
    codes: np.ndarray  # [B, L]


def build_model(policy: str, *, layered: bool = False, by_xla: bool = False) -> DCIGN:
    """The preset's network in the paper's procedure, compiled; the same weights every time."""
    config, chosen = (
        load_preset(dataset, preset).to_dict()
        for dataset, preset in (("faces", "paper"), (FLAGS.dataset, FLAGS.preset))
    )
    config |= {"network": chosen["network"], "precision": policy, "data_dir": "."}  # which is empty
    config["data"]["image_size"] = FLAGS.image_size or chosen["data"]["image_size"]
    model = new_model(config, open_configured(config), num_replicas=1)[0]
    if layered:
        weights = model.decoder.get_weights()
        model = DCIGN(model.encoder, layered_decoder(model.decoder), model.code)
        model.decoder.set_weights(weights)
        model.compile(keras.optimizers.Adam(5e-4, beta_1=0.9, beta_2=0.99))
    if by_xla:
        model.compile(model.optimizer, jit_compile=True)
    return model


def own_models() -> dict[str, DCIGN]:
    """This project's by name, the first that which training would take."""
    policy, _ = resolve_precision("auto")
    if not sees_gpu():
        return {_named(name): build_model(name) for name in (policy, "float32")}
    policies = ("mixed_float16", "mixed_bfloat16", "float32")
    return {
        _named(name) + (", XLA" if by_xla else ""): build_model(name, by_xla=by_xla)
        for name, by_xla in itertools.product(policies, (False, True))
    }


def _named(policy: str) -> str:
    return f"this project, {policy.removeprefix('mixed_')}"


def keras_step(model: DCIGN, batch: Batch) -> Step:
    compiled = tf.function(model.train_step, autograph=False)
    with tf.device("CPU:0"):  # where training reads and checks them
        fed = {"image": tf.constant(batch.images), "factor": tf.zeros(len(batch.images), tf.int32)}
    return lambda: compiled(fed)["loss"]


def steps_of(models: Mapping[str, DCIGN], batch: Batch) -> dict[str, Step]:
    steps = {name: keras_step(model, batch) for name, model in models.items()}
    return steps | (pytorch_steps(models, batch) if FLAGS.pytorch else {})


def pytorch_steps(models: Mapping[str, DCIGN], batch: Batch) -> dict[str, Step]:
    """The same by PyTorch, its version in the names."""
    import torch

    from benchmarks.torch_port import training_step

    torch.set_num_threads(available_workers())
    torch.set_float32_matmul_precision("high")  # TensorFloat-32 on GPUs, as in TensorFlow
    device = "cuda" if torch.cuda.is_available() else "cpu"
    halved = device == "cuda" or "bfloat16" in resolve_precision("auto")[0]
    version = torch.__version__.partition("+")[0]
    steps = {}
    for compiled, dtype, channels_last in itertools.product(
        (False, True), ("float32", "bfloat16") if halved else ("float32",), (False, True)
    ):
        kind = f"PyTorch {version} {'compiled' if compiled else 'eager'}"
        name = f"{kind}, {dtype}, channels {'last' if channels_last else 'first'}"
        port = training_step(
            models["this project, float32"],
            dtype=dtype,
            channels_last=channels_last,
            compiled=compiled,
            device=device,
        )
        steps[name] = lambda port=port: port(batch.images, 0, batch.codes)
    return steps


def check_same(steps: Mapping[str, Step]) -> None:
    """Trains each a step.

    Raises:
        RuntimeError: if the losses differ by more than their precision explains.
    """
    losses = {name: float(step()) for name, step in steps.items()}
    expected = losses["this project, float32"]
    tolerances = dict(_TOLERANCE)
    if sees_gpu():
        tolerances["float32"] = _TOLERANCE_OF_TENSOR_FLOAT_32
    for name, loss in losses.items():
        error = abs(loss / expected - 1)
        tolerance = next(own for dtype, own in tolerances.items() if dtype in name)
        if not error < tolerance:
            raise RuntimeError(f"{name}: loss {loss}, not {expected}: it trains something else.")


def timed_in_turns(steps: Mapping[str, Step], rounds: int) -> dict[str, list[float]]:
    """Seconds of each, of `rounds` rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    at_once = _STEPS_A_WAIT if sees_gpu() else 1
    for number in range(_UNTIMED_STEPS + rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            for _ in range(at_once):
                loss = step()
            float(loss)
            if number >= _UNTIMED_STEPS:
                seconds[name].append((time.perf_counter() - start) / at_once)
    return seconds


def main(_) -> None:
    keep_memory_of_tensors()  # as the commands do
    models = own_models()
    own = list(models)
    models["Keras layers, float32"] = build_model("float32", layered=True)
    model = models["this project, float32"]
    rng = np.random.default_rng(0)
    shape = (FLAGS.batch_size, *model.encoder.input_shape[1:])
    none = tf.zeros((FLAGS.batch_size, model.code.latent_dim))
    batch = Batch(rng.random(shape, np.float32), model._sample(none, none, 0).numpy())
    steps = steps_of(models, batch)
    check_same(steps)
    dtypes = [dtype for dtype in _TOLERANCE if any(name.split(", ")[1] == dtype for name in own)]
    products = {dtype: matrix_product(dtype) for dtype in dtypes}
    named = {f"product, {dtype}": product for dtype, (product, _) in products.items()}
    seconds = timed_in_turns(steps | named, FLAGS.steps)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    operations = step_flop(model.encoder, model.decoder, FLAGS.batch_size)
    rates = {dtype: flop / medians[f"product, {dtype}"] for dtype, (_, flop) in products.items()}
    facts = {
        "network": f"{FLAGS.dataset}, {FLAGS.preset}, {shape[1]}×{shape[2]}, batches of {shape[0]}",
        "GFLOP a step": operations / 1e9,
        **{f"GFLOP/s of a product, {dtype}": rate / 1e9 for dtype, rate in rates.items()},
        "TensorFlow": tf.__version__,
    }
    fastest = medians[own[0]]
    rows = [
        (
            name,
            medians[name],
            f"{min(seconds[name]):.3f} to {max(seconds[name]):.3f}",
            medians[name] / fastest,
            f"{operations / rates[name.split(', ')[1]] / medians[name]:.0%}" if name in own else "",
        )
        for name in steps
    ]
    publish(facts, ("", "s a step", "range", "times the first", "floor / step"), rows)


if __name__ == "__main__":
    app.run(main)
