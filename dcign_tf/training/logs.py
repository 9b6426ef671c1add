"""What is told of a step: a row on the screen, and TensorBoard's files."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from dcign_tf.errors import UserError, of_tensorflow
from dcign_tf.progress import duration
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.training.monitoring import Watched


@contextlib.contextmanager
def writing_summaries(run: RunDirectory) -> Iterator[None]:
    """Raises `UserError` if TensorBoard's files cannot be written."""
    try:
        yield
    except tf.errors.OpError as error:
        reason = of_tensorflow(error.message)
        raise UserError(f"Cannot write to {run.tensorboard}: {reason}.") from error


def summarise(
    writer: tf.summary.SummaryWriter, step: int, logs: dict[str, float], watched: Watched
) -> None:
    """Writes what was logged at a step, and what was seen of the model then, for TensorBoard."""
    with writer.as_default(step):
        for name, value in logs.items():
            if name not in ("step", "seconds") and np.ndim(value) == 0 and math.isfinite(value):
                tf.summary.scalar(name, value)
        for name, images in watched.pictures.items():
            tf.summary.image(name, images, max_outputs=len(images))
        for name, numbers in watched.histograms.items():
            tf.summary.histogram(name, numbers)
        if watched.latent_kl.size:
            tf.summary.histogram("latent_kl", watched.latent_kl)
    writer.flush()


_COLUMNS = ("step", "loss", "reconstr.", "KL", "invariance", "val. ELBO", "images/s", "left")
_ROW = "{:>15} {:>10} {:>10} {:>8} {:>10} {:>10} {:>8} {:>13}"


def heading() -> str:
    """What stands above the rows."""
    return _ROW.format(*_COLUMNS)


def row(step: int, num_steps: int, logs: dict[str, float], seconds_left: float) -> str:
    """The losses, in nats per image, over all factors since the last row; below `heading`."""
    names = ("loss", "reconstruction_loss", "kl_loss", "invariance_loss", "val_elbo")
    # Most procedures have names of their own for the second and third.
    kinds = ("", "clamped_", "active_", "grouped_")
    values = [next((logs[k + n] for k in kinds if k + n in logs), None) for n in names]
    return _ROW.format(
        f"{step:,}/{num_steps:,}",
        *("" if value is None else f"{value:.2f}" for value in values),
        f"{logs['images_per_second']:,.0f}",
        "" if math.isnan(seconds_left) else duration(seconds_left),
    )
