"""Pictures that follow each other, as a file: an animated GIF, or a film (MP4)."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from dcign_tf.errors import UserError

FRAMES_PER_SECOND = 20
_FILM_QUALITY = "16"  # H.264's constant rate factor: 0 loses nothing, about 18 nothing to be seen


def encode_gif(images: np.ndarray) -> bytes:
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


def encode_mp4(images: np.ndarray) -> bytes:
    """A film that every browser and phone plays: H.264 with halved chroma, shown once.

    Args:
        images: uint8 [n, H, W, C] with C of 1 or 3; an odd side gets one pixel more, for
            H.264 with halved chroma has even ones only.

    Raises:
        UserError: if PyAV, which the extra `demo` brings, is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise UserError("MP4 needs PyAV: pip install 'dcign-tf[demo]', or take GIF.") from error
    _, height, width, _ = images.shape
    even = np.pad(images, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    even = np.broadcast_to(even, (*even.shape[:-1], 3))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "film.mp4")
        # The index first, so that it plays before all is there; FFmpeg needs a file for that.
        with av.open(file, "w", options={"movflags": "faststart"}) as film:
            stream = film.add_stream("libx264", FRAMES_PER_SECOND, {"crf": _FILM_QUALITY})
            stream.height, stream.width = even.shape[1:3]
            stream.pix_fmt = "yuv420p"
            for image in even:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                film.mux(stream.encode(frame))
            film.mux(stream.encode())
        return file.read_bytes()


ENCODERS = {".gif": encode_gif, ".mp4": encode_mp4}
"""Suffix of a file to what makes its content."""
