"""Latency of `rerender` from a SavedModel, beside the same network in PyTorch.

    python -m benchmarks.serving

The paper's network (150×150 images; other sizes with --image_size) is exported, loaded
and asked for re-renderings at batch 1 and 16; so are PyTorch modules with the same
weights, eager and compiled by torch.compile, in the same process and in turns. They
are written as one writes the network: unpooling, then a k×k convolution. The last line
of each table is not: it has the export's folded kernels, compiled, and shows what is
left of the difference if PyTorch is taught the same. Wants the machine for itself, and
`pip install torch` (the CPU build will do).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
import torch
from absl import app, flags, logging

from benchmarks.floor import multiply_adds
from benchmarks.networks import layered_decoder
from benchmarks.torch_port import TorchNetwork
from dcign_tf.concurrency import available_workers
from dcign_tf.factors import GraphicsCode
from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.networks import build_decoder, build_encoder
from dcign_tf.readouts.calibration import Calibration, FactorCalibration
from dcign_tf.serving.signatures import ServedModel

FLAGS = flags.FLAGS
flags.DEFINE_integer("image_size", 150, "Height and width of the images.")
flags.DEFINE_list("batch_sizes", ["1", "16"], "Images to a request.")
flags.DEFINE_integer("requests", 100, "Timed requests of each at batch 1; of larger ones fewer.")

_UNTIMED = 3
_IN_A_ROW = 5  # a turn: long enough that the other library's threads have gone to sleep
_RANGE_DEG = 60.0
_FACTORS = ("azimuth", "elevation", "light_azimuth")

Request = tuple[np.ndarray, np.ndarray]  # images [B, H, W, C], degrees [B, 3]


def build_model(image_size: int) -> DCIGN:
    """The paper's network in float32, with initial weights and a made-up calibration."""
    keras.utils.set_random_seed(0)
    shape = (image_size, image_size, 1)
    line = {"read_latents": (-2.0, 2.0), "write_latents": (-2.0, 2.0), "read_errors": (1.0, 1.0)}
    ends = (-_RANGE_DEG, _RANGE_DEG)
    factors = {
        factor: FactorCalibration(f"{factor}_deg", read_values=ends, write_values=ends, **line)
        for factor in _FACTORS
    }
    code = GraphicsCode.faces()
    return DCIGN(build_encoder(shape), build_decoder(shape), code, calibration=Calibration(factors))


def saved_model(model: DCIGN) -> Callable[[Request], np.ndarray]:
    """`rerender` of the model, exported and loaded again."""
    served = ServedModel(model, background=0)
    with tempfile.TemporaryDirectory() as directory:
        tf.saved_model.save(served, directory, signatures=served.signatures())
        loaded = tf.saved_model.load(directory)
    rerender = loaded.signatures["rerender"]

    def answer(request: Request) -> np.ndarray:
        images, degrees = request
        values = {f"{f}_deg": tf.constant(degrees[:, i]) for i, f in enumerate(_FACTORS)}
        return rerender(image=tf.constant(images), **values)["rendering"].numpy()

    answer.loaded = loaded  # which holds the weights
    return answer


class _Rerender(torch.nn.Module):
    """`rerender` by the same network with the same weights."""

    def __init__(self, model: DCIGN, *, folded: bool):
        super().__init__()
        self._network = TorchNetwork(model, folded=folded)

    def forward(self, images: torch.Tensor, degrees: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] and [B, 3] to [B, C, H, W]."""
        own, _ = self._network.encode(images)
        latents = degrees * (2.0 / _RANGE_DEG)
        given = torch.where(torch.isnan(degrees), own[:, : len(_FACTORS)], latents)
        z = torch.cat([given, own[:, len(_FACTORS) :]], dim=1)
        return torch.sigmoid(self._network.decode(z))


def torch_model(model: DCIGN, *, folded: bool, compiled: bool) -> Callable[[Request], np.ndarray]:
    """The network in PyTorch, in the memory layout that suits it best on CPUs."""
    network = _Rerender(model, folded=folded).eval().to(memory_format=torch.channels_last)
    network = torch.compile(network) if compiled else network

    @torch.inference_mode()
    def answer(request: Request) -> np.ndarray:
        images, degrees = request
        x = torch.from_numpy(images).permute(0, 3, 1, 2)
        return network(x, torch.from_numpy(degrees)).permute(0, 2, 3, 1).numpy()

    return answer


def make_request(batch_size: int, image_size: int) -> Request:
    """Noise to be turned and relit; some values are kept."""
    rng = np.random.default_rng(0)
    images = rng.random((batch_size, image_size, image_size, 1), np.float32)
    degrees = rng.uniform(-_RANGE_DEG, _RANGE_DEG, (batch_size, len(_FACTORS))).astype(np.float32)
    degrees[0, 0] = np.nan
    return images, degrees


def measure(
    answers: dict[str, Callable[[Request], np.ndarray]], request: Request, count: int
) -> dict[str, list[float]]:
    """Seconds of `count` requests to each, in turns.

    Raises:
        RuntimeError: if they do not say the same.
    """
    expected = next(iter(answers.values()))(request)
    for name, answer in answers.items():
        for _ in range(_UNTIMED):
            error = np.abs(answer(request) - expected).max()
        if not error < 1e-3 * expected.std():
            raise RuntimeError(f"{name} differs by {error:.1e}: it is another network.")
    seconds = {name: [] for name in answers}
    while len(seconds[name]) < count:
        for name, answer in answers.items():
            answer(request)  # to which the threads wake
            for _ in range(_IN_A_ROW):
                start = time.perf_counter()
                answer(request)
                seconds[name].append(time.perf_counter() - start)
    return seconds


def main(_) -> None:
    logging.set_verbosity(logging.WARNING)  # saving tells all it does
    threads = available_workers()
    torch.set_num_threads(threads)
    model = build_model(FLAGS.image_size)
    answers = {
        "SavedModel (this project)": saved_model(model),
        "PyTorch eager": torch_model(model, folded=False, compiled=False),
        "torch.compile": torch_model(model, folded=False, compiled=True),
        "torch.compile, folded as here": torch_model(model, folded=True, compiled=True),
    }
    ours = multiply_adds(model.encoder) + multiply_adds(model.decoder)
    theirs = multiply_adds(model.encoder) + multiply_adds(layered_decoder(model.decoder))
    print(
        f"{threads} threads, {FLAGS.image_size}×{FLAGS.image_size}, float32,"
        f" TensorFlow {tf.__version__}, PyTorch {torch.__version__};"
        f" {ours / 1e6:,.0f} M multiply-adds an image, unfolded {theirs / 1e6:,.0f} M"
    )
    for batch_size in map(int, FLAGS.batch_sizes):
        count = max(2 * _IN_A_ROW, FLAGS.requests // batch_size**0.5)
        seconds = measure(answers, make_request(batch_size, FLAGS.image_size), count)
        print(f"{f'batch {batch_size}':32}{'median':>12}{'99 %':>12}{'images/s':>12}")
        for name, own in seconds.items():
            median, slowest = (1e3 * np.quantile(own, q) for q in (0.5, 0.99))
            rate = 1e3 * batch_size / median
            print(f"{name:32}{median:9.1f} ms{slowest:9.1f} ms{rate:12.1f}")


if __name__ == "__main__":
    app.run(main)
