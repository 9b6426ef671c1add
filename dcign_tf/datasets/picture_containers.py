"""Files of pictures, before they are decoded: what they are, and what of them are pixels.

PNG and JPEG files are taken without their text, colour profiles, Exif and previews.

A decoder that trips over any of these would refuse a picture whose pixels are fine. What a
file says of its metadata is therefore left out before it is decoded, all but which way up the
picture is. On the way JPEG's scans are counted: a file of a few hundred kilobytes can ask for
thousands of them, and each takes as long as the first.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_EXIF = b"Raw profile type exif\0"  # ImageMagick's way, before PNG had a chunk for it
_MOST_EXIF = 1 << 16  # bytes, as a JPEG can hold
# A byte of 255 within a scan's data is followed by 0, or by one of the restarts.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1
_ALONE = frozenset({0x01, 0xD8, _END})  # markers without a length
_EXIF = b"Exif\0\0"
_ORIENTATION = 0x0112
_HEIC = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)
_AVIF = frozenset((b"avif", b"avis"))
HEIF_BRANDS = _HEIC | _AVIF
"""What stands in bytes 8 to 12 of the files that phones write; "ftyp" stands before."""
_MOST_BRANDS = 64  # bytes
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Essence(NamedTuple):
    """What of a file decides on its picture.

    Attributes:
        content: the file without its metadata; one of another format as it is.
        turn: what makes the picture stand upright, if it lies; of another format, None.
        scans: how often a JPEG goes over its pixels; 1 for other formats.
    """

    content: bytes
    turn: Image.Transpose | None = None
    scans: int = 1


def essence(content: bytes) -> Essence:
    """The parts of a PNG or JPEG file that its pixels need; a damaged file is none the worse."""
    if content.startswith(_PNG):
        return _of_png(content)
    return _of_jpeg(content) if content.startswith(_JPEG) else Essence(content)


def heif_kind(start: bytes) -> str | None:
    """`HEIC` or `AVIF`, if a file begins as these do (ISO/IEC 23008-12); else None."""
    if start[4:8] != b"ftyp" or start[8:12] not in HEIF_BRANDS:
        return None
    end = min(int.from_bytes(start[:4], "big"), _MOST_BRANDS)
    brands = {start[i : i + 4] for i in range(8, end, 4)}  # the second is a version
    return "AVIF" if brands & _AVIF else "HEIC"


def turn_of(exif: Image.Exif | bytes) -> Image.Transpose | None:
    """What makes a picture with these Exif data stand upright; None if they do not say."""
    try:
        if isinstance(exif, bytes):
            data, exif = exif, Image.Exif()
            exif.load(data)
        return _TURNS.get(exif.get(_ORIENTATION))
    except Exception:  # Pillow lets out whatever damaged bytes lead to
        return None


def _of_png(content: bytes) -> Essence:
    kept, exif = [_PNG], b""
    for kind, start, end in _chunks(content):
        body = slice(start + 8, end - 4)
        if kind in _PNG_PIXELS:
            kept.append(content[start:end])
        elif kind == b"eXIf":
            exif = content[body]
        elif kind in (b"tEXt", b"zTXt") and content.startswith(_PNG_EXIF, start + 8) and not exif:
            exif = _unpacked(content[body].removeprefix(_PNG_EXIF), kind == b"zTXt")
    return Essence(b"".join(kept), turn_of(exif) if exif else None)


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, beginning and end of each chunk of a PNG file; the last may be cut short."""
    start, kind = len(_PNG), b""
    while start + 8 <= len(content) and kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, start)
        yield kind, start, min(start + 12 + length, len(content))
        start += 12 + length


def _unpacked(text: bytes, is_compressed: bool) -> bytes:
    """Exif data out of lines of hexadecimal digits, after a line each of name and length."""
    try:
        if is_compressed:
            text = zlib.decompressobj().decompress(text[1:], 3 * _MOST_EXIF)
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except (zlib.error, ValueError):
        return b""


def _of_jpeg(content: bytes) -> Essence:
    kept, begin, exif, scans, position = [], 0, b"", 0, 2
    while (marker := _MARKER.search(content, position)) is not None:
        start, position = marker.span()
        code = content[start + 1]
        if code == _END:
            break
        if code in _ALONE:
            continue
        position += int.from_bytes(content[position : position + 2], "big")
        scans += code == _START_OF_SCAN
        if not _is_metadata(code):
            continue
        if code == _APP1 and content.startswith(_EXIF, start + 4) and not exif:
            exif = content[start + 4 : position]
        kept.append(content[begin:start])
        begin = position
    kept.append(content[begin:])
    return Essence(b"".join(kept), turn_of(exif) if exif else None, max(1, scans))


def _is_metadata(code: int) -> bool:
    """Whether a segment is a comment or an application's, JFIF's and Adobe's excepted.

    Those two tell how colours are stored.
    """
    return code == 0xFE or (0xE1 <= code <= 0xEF and code != 0xEE)
