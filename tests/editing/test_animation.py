"""Animations, read back by another decoder than wrote them, or by the one that browsers have."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from dcign_tf.editing.animation import FRAMES_PER_SECOND, encode_gif, encode_mp4
from dcign_tf.errors import UserError


def gentle_images(channels: int, height: int = 40, width: int = 60) -> np.ndarray:
    """Slopes that turn: uint8 [12, H, W, C]."""
    phase = np.arange(12)[:, None, None, None] / 12 * 2 * np.pi
    y, x = np.mgrid[:height, :width][:, None, :, :, None]
    level = 127 + 60 * np.sin(x / 15 + phase) + 50 * np.cos(y / 12 + phase * np.arange(channels))
    return level.astype(np.uint8)


def decoded(film: bytes) -> tuple[float, np.ndarray]:
    """Frames a second, and the frames: uint8 [n, H, W, 3]."""
    import av

    with av.open(io.BytesIO(film)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return float(stream.average_rate), np.stack(frames)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_film_shows_the_pictures(channels):
    images = gentle_images(channels)
    rate, frames = decoded(encode_mp4(images))
    assert rate == FRAMES_PER_SECOND
    assert frames.shape == (12, 40, 60, 3)
    error = np.abs(frames.astype(int) - images)
    assert error.mean() < (2 if channels == 1 else 5)  # levels of 255; chroma is halved
    # Each frame is nearest to its own picture.
    distances = np.abs(frames[:, None].astype(int) - images[None]).mean(axis=(2, 3, 4))
    np.testing.assert_array_equal(distances.argmin(axis=1), np.arange(12))


def test_a_film_of_odd_size_keeps_all_pixels():
    images = gentle_images(1, height=21, width=35)
    _, frames = decoded(encode_mp4(images))
    assert frames.shape == (12, 22, 36, 3)
    assert np.abs(frames[:, :21, :35].astype(int) - images).mean() < 2


def test_a_film_can_be_played_before_all_of_it_is_there():
    film = encode_mp4(gentle_images(1))
    assert film.index(b"moov") < film.index(b"mdat")


def test_without_the_library_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"MP4 needs PyAV: pip install 'dcign-tf\[demo\]'"):
        encode_mp4(gentle_images(1))


def test_a_gif_of_grey_pictures_loses_nothing():
    images = np.random.default_rng(0).integers(0, 256, (6, 20, 20, 1), np.uint8)
    with Image.open(io.BytesIO(encode_gif(images))) as animation:
        assert animation.n_frames == 6
        assert (animation.info["duration"], animation.info["loop"]) == (50, 0)
        for number, image in enumerate(images):
            animation.seek(number)
            np.testing.assert_array_equal(np.asarray(animation.convert("L")), image[..., 0])


def test_a_gif_of_colour():
    images = gentle_images(3)
    with Image.open(io.BytesIO(encode_gif(images))) as animation:
        assert animation.n_frames == 12
        shown = np.asarray(animation.convert("RGB")).astype(int)
    assert np.abs(shown - images[0]).mean() < 12
