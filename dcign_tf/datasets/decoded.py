"""Sweeps whose images are decoded once and kept in memory: a GPU takes them faster than PNG gives.

A pixel is a byte: 240,000 images of 150×150 take 5.0 GiB. What is read is the same, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from dcign_tf import resources
from dcign_tf.concurrency import available_workers, concurrently
from dcign_tf.datasets.sweeps import ComposedSweeps, NumberedSweeps, Sweeps, decode_images
from dcign_tf.progress import Progress


def default_budget_bytes(processes: int) -> int:
    """What decoded images may take if nobody says: half of the memory, shared by processes."""
    return resources.memory_bytes() // (2 * processes)


def decoded_sweeps(
    sweeps: Mapping[str, Sweeps], *, most_bytes: float, show: Callable[[str], None]
) -> dict[str, Sweeps]:
    """The same sweeps, those that fit into the budget with their images decoded, in memory.

    Images of which the sweeps of several factors are composed are kept once.

    Args:
        sweeps: those of each factor, which get their place in this order.
        most_bytes: the budget.
        show: takes a line on what is kept.

    Returns:
        Sweeps whose `image`, of those in memory, is uint8 [n, H, W, C].

    Raises:
        DataError: if an image cannot be read.
    """
    kept: dict[Hashable, Sequence[Mapping[str, Any]]] = {}
    found, used = dict(sweeps), 0
    for factor, source in sweeps.items():
        key, count, read = _stored(source)
        if key not in kept and count:
            first = _decoded(read(0))
            size = count * first["image"].nbytes
            if used + size <= most_bytes:
                used += size
                kept[key] = _read_all(read, count, first)
        if key in kept:
            found[factor] = _of_memory(source, kept[key])
    images = sum(len(examples) * len(examples[0]["image"]) for examples in kept.values())
    rest = [factor for factor in sweeps if found[factor] is sweeps[factor] and len(sweeps[factor])]
    show(
        f"{images:,} images are decoded, in {used / 2**30:.1f} GiB of memory"
        + (f"; those of {', '.join(rest)} do not fit." if rest else ".")
    )
    return found


def _stored(source: Sweeps) -> tuple[Hashable, int, Callable[[int], Mapping[str, Any]]]:
    """What tells the images of sweeps from others; and how they are read, in examples by number."""
    if isinstance(source, ComposedSweeps):
        read = source.read_images  # that of one pool equals itself
        return read, source.num_images, lambda index: {"image": read(np.array([index]))}
    return id(source), len(source), source.__getitem__


def _of_memory(source: Sweeps, examples: Sequence[Mapping[str, Any]]) -> Sweeps:
    if isinstance(source, ComposedSweeps):
        return source.reading(lambda rows: np.concatenate([examples[i]["image"] for i in rows]))
    return NumberedSweeps(len(examples), examples.__getitem__)


def _read_all(
    read: Callable[[int], Mapping[str, Any]], count: int, first: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    examples = []
    with Progress(count * len(first["image"])) as progress:
        for example in concurrently(
            lambda index: _decoded(read(index)), range(count), at_once=available_workers()
        ):
            examples.append(example)
            progress.update(len(example["image"]))
    return examples


def _decoded(example: Mapping[str, Any]) -> Mapping[str, Any]:
    """What batches are made of, and nothing else of an example."""
    kept = {name: example[name] for name in ("image", "distinct") if name in example}
    return {**kept, "image": decode_images(example["image"])}
