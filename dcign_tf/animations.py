"""Pictures that follow each other, as an animated GIF."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

FRAMES_PER_SECOND = 20


def encode_gif(images: Sequence[np.ndarray] | np.ndarray) -> bytes:
    """A GIF that runs for ever; grey pictures lose nothing in it, coloured ones many colours.

    Args:
        images: uint8 [n, H, W, C] with C of 1 or 3.
    """
    frames = [Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image) for image in images]
    file = io.BytesIO()
    # In hundredths of a second: browsers show at most 50 frames a second.
    frames[0].save(
        file,
        "gif",
        save_all=True,
        append_images=frames[1:],
        duration=1000 // FRAMES_PER_SECOND,
        loop=0,
        optimize=False,  # which would sort the greys anew for every frame
    )
    return file.getvalue()
