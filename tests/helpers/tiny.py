"""A DCIGN small enough to train in a test, and factor batches for it."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from dcign_tf.factors import GraphicsCode
from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.networks import build_decoder, build_encoder
from dcign_tf.readouts.calibration import FactorCalibration

CODE = GraphicsCode({"azimuth": 1, "elevation": 2, "intrinsic": 3})
AZIMUTH = FactorCalibration(  # a straight line
    name="azimuth_deg",
    read_latents=(-2.0, 2.0),
    read_values=(-60.0, 60.0),
    read_errors=(3.0, 5.0),
    write_values=(-60.0, 60.0),
    write_latents=(-2.0, 2.0),
)
IMAGE_SHAPE = (20, 18, 1)
BATCH_SIZE = 6


def tiny_model(
    optimizer=None,
    *,
    code: GraphicsCode = CODE,
    image_shape: tuple[int, int, int] = IMAGE_SHAPE,
    step: int = 0,
    weights_seed: int = 0,
    **kwargs,
) -> DCIGN:
    """Compiled; the same initial weights for the same `weights_seed`."""
    keras.utils.set_random_seed(weights_seed)
    encoder = build_encoder(image_shape, code.latent_dim, filters=(4, 6), kernel_size=3)
    decoder = build_decoder(image_shape, code.latent_dim, 3, filters=(5,), kernel_size=3)
    model = DCIGN(encoder, decoder, code, **kwargs)
    model.compile(optimizer or keras.optimizers.Adam(1e-3))
    model.step.assign(step)
    return model


def tiny_batch(factor: str, seed: int = 0, size: int = BATCH_SIZE) -> dict[str, np.ndarray]:
    """Random grey images; `factor` is said to vary.

    NumPy's, so that a module may have some: a tensor would come before conftest.py
    sets the logical devices.
    """
    images = np.random.default_rng(seed).uniform(size=(size, *IMAGE_SHAPE))
    return {
        "image": images.astype(np.float32),
        "factor": np.full(size, CODE.index(factor), np.int32),
    }


def tiny_batches(number: int) -> list[dict[str, np.ndarray]]:
    """A batch of each factor in turn."""
    names = CODE.factors
    return [tiny_batch(names[i % len(names)], seed=i) for i in range(number)]


def black(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The batch in the dark, see `blinded`."""
    return {**batch, "image": np.zeros_like(batch["image"])}


def blinded(model: DCIGN) -> DCIGN:
    """The model, whose loss and gradients are now no numbers for black pictures.

    Pictures that are no numbers themselves are refused.
    """
    loss = model._reconstruction_loss

    def spoilt(images, logits):
        sees = tf.reduce_max(images, axis=(1, 2, 3)) > 0
        return loss(images, logits) * tf.where(sees, 1.0, np.nan)

    model._reconstruction_loss = spoilt
    return model


def train(model, batches, strategy=None):
    """As the training loop does: a graph function; replicas share a step's factor batches."""
    strategy = strategy or tf.distribute.get_strategy()

    @tf.function(autograph=False)
    def step(batch):
        strategy.run(model.train_step, args=(batch,))

    replicas = strategy.num_replicas_in_sync

    def share(batch, replica):
        size = len(batch["image"]) // replicas
        rows = slice(replica * size, (replica + 1) * size)
        return {key: tf.constant(value[rows]) for key, value in batch.items()}

    for batch in batches:
        step(
            strategy.experimental_distribute_values_from_function(
                lambda context, batch=batch: share(batch, context.replica_id_in_sync_group)
            )
        )
    return model


def together(batches):
    """Several factor batches for one step: images [R, B, H, W, C] and factors [R, B]."""
    return {key: np.stack([batch[key] for batch in batches]) for key in batches[0]}
