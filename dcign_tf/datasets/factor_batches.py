"""What a batch holds: images of one sweep, in which exactly one factor varies (paper §3.1).

An element of these `tf.data` datasets is a dict of `image`, float32 [B, H, W, C] in [0, 1],
and `factor`, int32 [B], the index in the code of the factor that varies, B times the same.
The images are a whole sweep, or some of it. `BatchPlan` decides which sweep; which images of
it is drawn here. Several such batches a step are one element, with a dimension more in front.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from dcign_tf.concurrency import available_workers
from dcign_tf.datasets.batch_plan import BatchPlan, Ratios
from dcign_tf.datasets.iterators import free_at_exit
from dcign_tf.datasets.seeding import named_rng
from dcign_tf.datasets.sweeps import Sweeps, decode_images, num_distinct
from dcign_tf.errors import DataError
from dcign_tf.factors import INTRINSIC, GraphicsCode


def factor_batches(
    sweeps: Mapping[str, Sweeps],
    code: GraphicsCode,
    *,
    ratios: Ratios,
    seed: int,
    images_per_batch: int | None = None,
    start_step: int = 0,
    num_steps: int | None = None,
    batches_per_step: int = 1,
    num_replicas: int = 1,
    replicas: range = range(1),
) -> tf.data.Dataset:
    """Training batches: element s is that of step `start_step` + s, however often one resumes.

    Replicas share the batches of a step, which are the same however many there are. Then an
    element is what one of them gets: a step has as many, one after the other, as are asked for.

    Args:
        sweeps: the sweeps of each factor of `code`, e.g. `SweepDataset.sweeps("train")`.
        code: gives the factors their numbers.
        ratios: how often each factor of `code` is drawn, e.g. `[1, 1, 1, 10]`, or
            a schedule `[(0, [1, 1, 1, 10]), (1000, [2, 1, 1, 4])]`. The intrinsic factor
            may have no sweeps (there is one object alone); then it is not drawn.
        seed: of the draw and of the order.
        images_per_batch: B, of each sweep, drawn anew whenever it is used; None is all
            of them, as in the paper.
        start_step: the first step, where a resumed run goes on.
        num_steps: number of steps of the whole run, those before `start_step`
            included; None is an endless one.
        batches_per_step: R, of all replicas together; the paper's is 1.
        num_replicas: N, which divides R: each gets R / N batches.
        replicas: the numbers of those whose batches these are, from 0; of all, or of those
            of one process, which then reads no others'.

    Returns:
        An endless dataset, or one of `num_steps` - `start_step` elements for each replica:
        `image`, float32 [B, H, W, C], and `factor`, int32 [B]; of several batches each
        [R / N, B, H, W, C] and [R / N, B]. Shapes are static.

    Raises:
        ValueError: if an extrinsic factor has no sweeps, ratios do not fit the code, or a sweep
            does not have `images_per_batch` images or that is below two, or the replicas
            cannot share the batches evenly.
    """
    each, rest = divmod(batches_per_step, num_replicas)
    if rest:
        raise ValueError(f"{num_replicas} replicas cannot share {batches_per_step} batches evenly.")
    sources = _in_order_of(code, sweeps)
    plan = batch_plan(sweeps, code, ratios=ratios, seed=seed, batches_per_step=batches_per_step)
    stop = tf.int64.max if num_steps is None else num_steps * batches_per_step
    first, last = replicas.start * each, replicas.stop * each
    entries = tf.data.Dataset.range(start_step * batches_per_step, stop, batches_per_step).flat_map(
        lambda step: tf.data.Dataset.range(step + first, step + last)
    )
    if each > 1:
        entries = entries.batch(each, drop_remainder=True)
    return _finish(_read(entries, sources, plan.__getitem__, images_per_batch, seed))


def batch_plan(
    sweeps: Mapping[str, Sweeps],
    code: GraphicsCode,
    *,
    ratios: Ratios,
    seed: int,
    batches_per_step: int = 1,
) -> BatchPlan:
    """Which sweep each batch of `factor_batches` shows, which takes the same arguments."""
    sweep_counts = [len(source) for source in _in_order_of(code, sweeps)]
    return BatchPlan(sweep_counts, ratios=ratios, seed=seed, batches_per_step=batches_per_step)


def evaluation_batches(sweeps: Mapping[str, Sweeps], code: GraphicsCode) -> tf.data.Dataset:
    """Every sweep once, factor after factor, in elements as those of `factor_batches`.

    Args:
        sweeps: the sweeps of each factor of `code`; some may have none.
        code: gives the factors their numbers.

    Raises:
        ValueError: if no factor has sweeps.
    """
    sources = [sweeps[factor] for factor in code.factors]
    entries = evaluation_plan(sweeps, code)
    return _finish(_read(tf.data.Dataset.range(len(entries)), sources, entries.__getitem__))


def evaluation_plan(sweeps: Mapping[str, Sweeps], code: GraphicsCode) -> list[tuple[int, int]]:
    """Which factor and sweep, by number, each batch of `evaluation_batches` shows."""
    return [(f, i) for f, factor in enumerate(code.factors) for i in range(len(sweeps[factor]))]


def draw_images(rng: np.random.Generator, example: Mapping[str, Any], count: int) -> np.ndarray:
    """Draws images of a sweep: the indices of `count` distinct ones, or of all there are.

    Args:
        rng: what draws.
        example: a sweep, see `Sweeps`; where fewer than `count` are distinct, they come
            as often as each other, give or take one.
        count: how many indices.
    """
    return np.resize(rng.permutation(num_distinct(example)), count)


@contextlib.contextmanager
def clear_data_errors() -> Iterator[None]:
    """Turns TensorFlow's report of a `DataError` in a pipeline back into that error."""
    try:
        yield
    except tf.errors.OpError as error:
        if message := re.search(r"DataError: (.*)", error.message):
            raise DataError(message[1]) from error
        raise


def _in_order_of(code: GraphicsCode, sweeps: Mapping[str, Sweeps]) -> list[Sweeps]:
    for factor in code.factors:
        if factor not in sweeps or not (len(sweeps[factor]) or factor == INTRINSIC):
            raise ValueError(
                f"No sweeps of factor '{factor}'; there are some of "
                f"{', '.join(name for name in sweeps if len(sweeps[name])) or 'none'}."
            )
    return [sweeps[factor] for factor in code.factors]


def _read(
    entries: tf.data.Dataset,
    sources: list[Sweeps],
    planned: Callable[[int], tuple[int, int]],
    images_per_batch: int | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Maps numbers to batches.

    Args:
        entries: the number of the batch that an element is, or those [R] of its batches.
        sources: the sweeps of each factor.
        planned: number to (factor, sweep).
        images_per_batch: so many images of a sweep are drawn; None is all of them, in order.
        seed: of that draw.
    """
    sample = next((source[0]["image"] for source in sources if len(source)), None)
    if sample is None:
        raise ValueError("There are no sweeps of any factor.")
    decoded = decode_images(sample)
    is_encoded, shape = decoded is not sample, decoded.shape
    if images_per_batch is not None:
        if not 2 <= images_per_batch <= shape[0]:
            raise ValueError(
                f"images_per_batch is {images_per_batch}; it must be from 2 to the {shape[0]}"
                " images of a sweep."
            )
        shape = (images_per_batch, *shape[1:])
    shape = (*entries.element_spec.shape, *shape)  # [B, H, W, C], or [R, B, H, W, C]

    def read_batch(entry: int) -> tuple[np.ndarray, int]:
        factor, index = planned(entry)
        example = sources[factor][index]
        # An array of objects keeps bytes that end in zeros whole.
        images = np.array(example["image"], object) if is_encoded else example["image"]
        if images_per_batch is not None:
            rng = named_rng(seed, "images", entry)
            images = images[draw_images(rng, example, images_per_batch)]
        return images, factor

    def read(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # All batches of an element in one call: every call waits for Python's lock.
        images, factors = zip(*map(read_batch, np.ravel(numbers).tolist()), strict=True)
        stored = shape[:-3] if is_encoded else shape
        return np.reshape(images, stored), np.reshape(np.array(factors, np.int32), numbers.shape)

    def load(numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        types = [tf.string if is_encoded else tf.uint8, tf.int32]
        images, factor = tf.numpy_function(read, [numbers], types, stateful=False)
        if is_encoded:
            images = tf.map_fn(
                lambda image: tf.io.decode_png(image, channels=shape[-1]),
                tf.reshape(images, [-1]),
                fn_output_signature=tf.TensorSpec(shape[-3:], tf.uint8),
            )
        images = tf.reshape(images, shape)
        factor = tf.ensure_shape(factor, numbers.shape)
        return {
            "image": tf.cast(images, tf.float32) / 255,
            "factor": tf.broadcast_to(factor[..., tf.newaxis], shape[:-3]),
        }

    free_at_exit()
    return entries.map(load, num_parallel_calls=available_workers(), deterministic=True)


def _finish(batches: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    # TensorFlow's own choice of numbers knows of no container's quota; and its thread wakes so
    # seldom that an iterator is waited for at its end, up to a minute.
    options.autotune.enabled = False
    # Sharding would give each worker other steps.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return batches.prefetch(2).with_options(options)
