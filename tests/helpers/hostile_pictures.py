"""Files of pictures as strangers send them: odd metadata, and pixels beyond all measure."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

LYING = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHHI", 0x112, 3, 1, 6, 0, 0)
"""Exif data: to be turned clockwise by a quarter."""


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes, *, crc_off_by: int = 0) -> bytes:
    crc = zlib.crc32(kind + data) ^ crc_off_by
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def png_with(png: bytes, *chunks: bytes) -> bytes:
    """A PNG file with chunks behind its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def jpeg_with(jpeg: bytes, marker: int, content: bytes) -> bytes:
    """A JPEG file that begins with another segment."""
    segment = b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content
    return jpeg[:2] + segment + jpeg[2:]


def png_header(width: int, height: int) -> bytes:
    """A PNG file of a few bytes that claims so many pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b"")


def jpeg_of_scans(count: int, *, side: int = 64) -> bytes:
    """A progressive JPEG whose last scan, a refinement of nothing, comes again and again."""
    jpeg = saved(Image.new("L", (side, side), 99), "JPEG", progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    present = jpeg.count(b"\xff\xda")
    return jpeg[:-2] + last * (count - present) + jpeg[-2:]


def png_metadata(png: bytes) -> dict[str, bytes]:
    """The same pixels, beside metadata that some decoder trips over."""
    large = bytes(5_000_000)
    return {
        "a huge text": png_with(png, chunk(b"tEXt", b"Comment\0" + large)),
        "a huge text, compressed": png_with(
            png, chunk(b"zTXt", b"Comment\0\0" + zlib.compress(large))
        ),
        "a huge colour profile": png_with(png, chunk(b"iCCP", b"icc\0\0" + zlib.compress(large))),
        "a damaged colour profile": png_with(png, chunk(b"iCCP", b"icc\0\0not compressed")),
        "a damaged time": png_with(png, chunk(b"tIME", b"\0")),
        "garbage for Exif": png_with(png, chunk(b"eXIf", b"garbage")),
        "a text whose checksum is wrong": png_with(png, chunk(b"tEXt", b"a\0b", crc_off_by=1)),
        "an animation's header": png_with(png, chunk(b"acTL", struct.pack(">II", 0, 0))),
    }


def jpeg_metadata(jpeg: bytes) -> dict[str, bytes]:
    """Likewise."""
    truncated = b"Exif\0\0II*\0" + struct.pack("<I", 0xFFFFFFF0)
    return {
        "garbage for Exif": jpeg_with(jpeg, 0xE1, b"Exif\0\0garbage"),
        "Exif data cut short": jpeg_with(jpeg, 0xE1, truncated),
        "a turn by a text": jpeg_with(jpeg, 0xE1, LYING.replace(b"\x01\x12\0\3", b"\x01\x12\0\2")),
        "a damaged colour profile": jpeg_with(jpeg, 0xE2, b"ICC_PROFILE\0garbage"),
        "a damaged second picture": jpeg_with(jpeg, 0xE2, b"MPF\0garbage"),
        "a damaged Photoshop record": jpeg_with(jpeg, 0xED, b"Photoshop 3.0\x008BIM\4"),
        "a comment of bytes": jpeg_with(jpeg, 0xFE, bytes(range(256))),
        "a preview": jpeg_with(jpeg, 0xE1, b"Exif\0\0" + jpeg),
    }


def ramp(height: int = 60, width: int = 80) -> Image.Image:
    levels = np.linspace(0, 255, height * width).reshape(height, width)
    return Image.fromarray(levels.astype(np.uint8))
