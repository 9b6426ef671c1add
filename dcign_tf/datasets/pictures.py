"""Pictures of any size and kind made alike: square, grey or colour, 8 bits.

Runs in worker processes: Pillow and NumPy, no TensorFlow.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import stat
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dcign_tf.datasets.picture_containers import essence, heif_kind, turn_of
from dcign_tf.errors import DataError
from dcign_tf.files import stand_in

FIT_VERSION = 1
"""Raised whenever the same picture is no longer fitted to the same bytes."""

FITS = ("contain", "cover")
"""How a picture comes into the square: whole, or filling it with its middle."""

_ANY_SIZE = 1024  # so large that no picture is too long and thin
FORMATS = ("PNG", "JPEG", "PPM", "TIFF", "BMP", "GIF", "WEBP")
"""Pillow's names of what is read. Others it hands to programs, such as EPS to Ghostscript."""

CONVERT = "make a JPEG or PNG file of it first (magick photo.heic photo.jpg)"
"""What is to be done with one of another format, such as HEIC and AVIF."""

SUFFIXES = frozenset({k for k, kind in Image.registered_extensions().items() if kind in FORMATS})
_BEGINS = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|P[1-6][ \t\r\n]|II\*\0|MM\0\*|BM|GIF8|RIFF....WEBP", re.DOTALL
)

# A file from a stranger may ask for any amount of memory and time.
MOST_BYTES = 250_000_000
MOST_PIXELS = 50_000_000
MOST_SCANS = 100
"""Of a JPEG, each of which goes over all pixels again; encoders make about ten."""
MOST_SCANNED_PIXELS = 1_000_000_000
"""Pixels times scans."""
MOST_SECONDS = 20
"""Of a core, for decoding."""

# Pillow's modes of 16 bits a grey value: 16-bit PNG has the first, 16-bit PGM the last.
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N", "I")


def fit_picture(
    path: str | os.PathLike[str],
    *,
    image_size: int,
    channels: int,
    background: int = 0,
    fit: str = "contain",
) -> np.ndarray:
    """A picture, undistorted, in the middle of a square.

    It is turned upright if it says that it lies (Exif). Grey is luma (ITU-R BT.601), of
    16 bits the upper 8 are taken. What is transparent shows the background.

    Args:
        path: a file of one of `FORMATS`, whatever its name; of several frames the first.
        image_size: pixels of the square's side.
        channels: 1 (grey) or 3 (RGB).
        background: grey level, 0 to 255, of what the picture leaves free.
        fit: `contain` shows it whole; `cover` the largest square in the middle of it alone, which
            leaves nothing free.

    Returns:
        uint8 [image_size, image_size, channels].

    Raises:
        DataError: if the file cannot be read as a picture, says why; or if it is beyond the
            limits above.
    """
    # Lets JPEG decode at a fraction of its size, no smaller than is needed.
    with open_picture(path, draft=2 * image_size) as picture:
        return fitted(
            picture, image_size=image_size, channels=channels, background=background, fit=fit
        )


def fitted(
    picture: Image.Image, *, image_size: int, channels: int, background: int = 0, fit: str
) -> np.ndarray:
    """A picture that is open already, fitted as by `fit_picture`: uint8 [H, H, C].

    Raises:
        ValueError: if it is too long and thin, or its values have no known range.
    """
    if fit == "cover":
        picture = _middle_square(picture)
    if round(image_size * min(picture.size) / max(picture.size)) < 1:
        raise ValueError(f"{picture.width}×{picture.height} pixels cannot be shown whole")
    picture = converted(picture, "L" if channels == 1 else "RGB", background)
    side = (image_size, image_size)
    square = ImageOps.pad(picture, side, Image.Resampling.BICUBIC, (background,) * channels)
    return np.asarray(square).reshape(image_size, image_size, channels)


def _middle_square(picture: Image.Image) -> Image.Image:
    side = min(picture.size)
    left, upper = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, upper, left + side, upper + side))


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raises `DataError` if the file cannot be read as a picture, before a network is loaded."""
    fit_picture(path, image_size=_ANY_SIZE, channels=1)


@contextlib.contextmanager
def open_picture(
    path: str | os.PathLike[str], *, draft: int | None = None
) -> Iterator[Image.Image]:
    """A picture from anywhere, decoded and upright; its metadata cannot keep it from being read.

    Args:
        path: as `fit_picture` takes it.
        draft: pixels that suffice of the shorter side, or None for all.

    Raises:
        DataError: as `fit_picture`; also for whatever goes wrong within the context.
    """
    name = os.fspath(path)
    with _in_a_sentence(name):
        yield _decoded(name, _content(name), draft)


def decoded(content: bytes, name: str) -> Image.Image:
    """The same of a file's content, which is called so in errors."""
    with _in_a_sentence(name):
        return _decoded(name, content, None)


@contextlib.contextmanager
def _in_a_sentence(name: str) -> Iterator[None]:
    """Makes a `DataError` of whatever goes wrong with a picture of that name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, on metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(
            f"{name} has far too many pixels; at most {MOST_PIXELS:,} are taken"
        ) from error
    except UnidentifiedImageError as error:
        raise DataError(f"{name} is no picture of a known format ({', '.join(FORMATS)})") from error
    except Exception as error:  # Pillow's decoders raise all sorts of them
        reason = str(getattr(error, "strerror", None) or error).rstrip(".") or type(error).__name__
        raise DataError(
            f"{name} cannot be read as a picture: {' '.join(reason.split())}"
        ) from error


def _content(name: str) -> bytes:
    """Of a file; raises `DataError` if it has too many bytes, and whatever reading it does."""
    status = os.stat(name)
    if status.st_size > MOST_BYTES:
        raise DataError(f"{name} has {status.st_size:,} bytes; at most {MOST_BYTES:,} are taken")
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise ValueError("it is no file")  # but what would be waited for, or never ends
    with open(name, "rb") as file:
        return file.read()


def _decoded(name: str, content: bytes, draft: int | None) -> Image.Image:
    """Raises `DataError` beyond a limit, and whatever Pillow does."""
    if pointer := stand_in(content):
        raise DataError(f"{name} is {pointer}")
    if kind := heif_kind(content):
        raise DataError(f"{name} is a picture in {kind}, which is not read: {CONVERT}")
    content, turn, scans = essence(content)
    picture = Image.open(_Timed(name, content), formats=FORMATS)
    pixels = picture.width * picture.height
    if pixels > MOST_PIXELS:
        raise DataError(
            f"{name} has {picture.width}×{picture.height} pixels; at most {MOST_PIXELS:,} are taken"
        )
    if scans > MOST_SCANS or scans * pixels > MOST_SCANNED_PIXELS:
        most = min(MOST_SCANS, MOST_SCANNED_PIXELS // max(1, pixels))
        raise DataError(
            f"{name} is a JPEG of {scans:,} scans; at most {most} are taken of its size"
        )
    if draft is not None:
        picture.draft(None, (draft, draft))
    picture.load()
    if turn is None and picture.format not in ("PNG", "JPEG"):
        turn = turn_of(picture.getexif())
    return picture if turn is None else picture.transpose(turn)


class _Timed(io.BytesIO):
    """A file's content, which is handed out for so long: decoders ask for it bit by bit."""

    def __init__(self, name: str, content: bytes):
        super().__init__(content)
        self._name, self._end = name, time.thread_time() + MOST_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        if time.thread_time() > self._end:
            raise DataError(f"{self._name} takes more than {MOST_SECONDS} seconds to decode")
        return super().read(size)


def converted(picture: Image.Image, mode: str, background: int) -> Image.Image:
    """A picture in mode `L` or `RGB`, opaque; as `fit_picture` says.

    Raises:
        ValueError: if its values have no known range.
    """
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


def may_be_picture(path: Path) -> bool:
    """Whether a file begins as one of `FORMATS` does, or is called so; it may be damaged."""
    return path.suffix.lower() in SUFFIXES or _BEGINS.match(_start(path)) is not None


def is_heif(path: Path) -> bool:
    """Whether a file begins as HEIC and AVIF pictures do, which are not read."""
    return heif_kind(_start(path)) is not None


def _start(path: Path) -> bytes:
    """The first bytes of a file; none of what cannot be read, or would be waited for (a pipe)."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(16)
    except OSError:
        return b""


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
