"""Pictures of any size and kind made alike: square, grey or colour, 8 bits.

Runs in worker processes: Pillow and NumPy, no TensorFlow.
"""

from __future__ import annotations

import functools
import io
import os

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dcign_tf.errors import DataError

FIT_VERSION = 1
"""Raised whenever the same picture is no longer fitted to the same bytes."""

_ANY_SIZE = 1024  # so large that no picture is too long and thin
# Pillow's modes of 16 bits a grey value: 16-bit PNG has the first, 16-bit PGM the last.
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N", "I")


def fit_picture(
    path: str | os.PathLike[str],
    *,
    image_size: int,
    channels: int,
    background: int = 0,
    most_pixels: int | None = None,
) -> np.ndarray:
    """A picture, whole and undistorted, in the middle of a square.

    It is turned upright if it says that it lies (Exif). Grey is luma (ITU-R BT.601), of
    16 bits the upper 8 are taken. What is transparent shows the background.

    Args:
        path: a file that Pillow reads: PNG, JPEG, PGM, TIFF, …; of several frames the first.
        image_size: pixels of the square's side.
        channels: 1 (grey) or 3 (RGB).
        background: grey level, 0 to 255, of what the picture leaves free.
        most_pixels: which the picture may have; a small file can hold a large one.

    Returns:
        uint8 [image_size, image_size, channels].

    Raises:
        DataError: if the file cannot be read as a picture, says why; or is too large a one.
    """
    mode = "L" if channels == 1 else "RGB"
    try:
        with Image.open(path) as picture:
            if most_pixels is not None and picture.width * picture.height > most_pixels:
                raise DataError(
                    f"{os.fspath(path)} has {picture.width}×{picture.height} pixels;"
                    f" at most {most_pixels:,} are taken"
                )
            # Lets JPEG decode at a fraction of its size, no smaller than is needed.
            picture.draft(None, (2 * image_size, 2 * image_size))
            picture = ImageOps.exif_transpose(picture)
            if round(image_size * min(picture.size) / max(picture.size)) < 1:
                raise ValueError(f"{picture.width}×{picture.height} pixels cannot be shown whole")
            picture = _convert(picture, mode, background)
            side = (image_size, image_size)
            fitted = ImageOps.pad(picture, side, Image.Resampling.BICUBIC, (background,) * channels)
    except DataError:
        raise
    except UnidentifiedImageError as error:
        raise DataError(f"{os.fspath(path)} is no picture of a known format") from error
    except Exception as error:  # Pillow's decoders raise all sorts of them
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise DataError(f"{os.fspath(path)} cannot be read as a picture: {reason}") from error
    return np.asarray(fitted).reshape(image_size, image_size, channels)


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raises `DataError` if the file cannot be read as a picture, before a network is loaded."""
    fit_picture(path, image_size=_ANY_SIZE, channels=1)


def _convert(picture: Image.Image, mode: str, background: int) -> Image.Image:
    if picture.mode in _SIXTEEN_BIT:
        levels = np.asarray(picture)
        if levels.min() < 0 or levels.max() > 65535:  # "I" may be 32 bits of a TIFF
            raise ValueError(f"its grey values, {levels.min()} to {levels.max()}, are no 16 bits")
        picture = Image.fromarray((levels // 256).astype(np.uint8))
    elif picture.mode == "F":
        raise ValueError("its grey values are floating-point numbers, without a known range")
    if picture.has_transparency_data:
        opaque = Image.new("RGBA", picture.size, (background,) * 3 + (255,))
        picture = Image.alpha_composite(opaque, picture.convert("RGBA"))
    return picture.convert(mode)


def encode_png(image: np.ndarray) -> bytes:
    """A PNG file of uint8 [H, W, 1] or [H, W, 3]."""
    file = io.BytesIO()
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    # Level 4 takes half as long as the default of 6; the files are 5 % larger.
    Image.fromarray(pixels).save(file, "png", compress_level=4)
    return file.getvalue()


def resize_area(images: np.ndarray, size: int) -> np.ndarray:
    """Square images made smaller, each new pixel the mean over the area that it covers.

    Args:
        images: float32 [n, H, H].
        size: the new height and width, at most H.

    Returns:
        float32 [n, size, size].
    """
    if images.shape[1] == size:
        return images
    weights = _area_weights(images.shape[1], size)
    return weights @ images @ weights.T


@functools.cache
def _area_weights(old: int, new: int) -> np.ndarray:
    """Which share of each new pixel lies in each old one, [new, old]; rows sum to 1."""
    edges = np.linspace(0, old, new + 1)[:, np.newaxis]
    pixel = np.arange(old)
    overlap = np.minimum(edges[1:], pixel + 1) - np.maximum(edges[:-1], pixel)
    return (np.maximum(overlap, 0) * new / old).astype(np.float32)
