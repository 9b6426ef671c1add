"""What the workers of test_image_pool.py make; imports little, since every worker does."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from dcign_tf.errors import DataError

IMAGES_PER_ITEM = 3


def png(grey: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((4, 4), grey, np.uint8)).save(file, "png")
    return file.getvalue()


def make(log: Path | None, greys: Sequence[int], item: int) -> list[bytes]:
    """Three images a shade apart; a shade above 250 is an item that cannot be made."""
    if log is not None:
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{item}\n")
    if greys[item] > 250:
        raise DataError(f"item {item} cannot be made; mend it")
    return [png(greys[item] + k) for k in range(IMAGES_PER_ITEM)]
