"""The examples of a prepared split, decoded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from dcign_tf.datasets.storage.prepared import PreparedSweeps
from dcign_tf.datasets.sweeps import decode_images


def read_split(builder: tfds.core.DatasetBuilder, split: str) -> Iterator[dict[str, Any]]:
    """In order, with `image` decoded to uint8 [n, H, W, C]."""
    sweeps = PreparedSweeps(builder, split)
    for index in range(len(sweeps)):
        example = sweeps[index]
        yield {**example, "image": decode_images(example["image"])}
