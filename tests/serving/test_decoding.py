"""Pictures decoded and fitted in a graph: to what Pillow makes of them, or a clear error."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dcign_tf.datasets.picture_containers import essence
from dcign_tf.datasets.pictures import MOST_PIXELS, MOST_SCANS, fit_picture
from dcign_tf.serving.decoding import encode_pngs, fit_pictures
from dcign_tf.serving.scans import count_scans
from tests.helpers import hostile_pictures as hostile

SHAPES = [(30, 30, 1), (31, 31, 3)]
BACKGROUND = 200


def smooth(width: int, height: int) -> Image.Image:
    """Something in which up, down, left and right differ, and every colour."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([255 * x / width, 255 * y / height, 127 + 100 * np.sin(x / 9 + y / 7)], -1)
    return Image.fromarray(pixels.astype(np.uint8))


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_of_bits(bits: int, colour_type: int, samples: int) -> bytes:
    """A 64×64 PNG as Pillow does not write them: `samples` of `bits` a pixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = b"".join(
        b"\0" + bytes((row + 3 * i) % 256 for i in range(64 * bits * samples // 8))
        for row in range(64)
    )
    header = struct.pack(">IIBBBBB", 64, 64, bits, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*part) for part in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )


def with_opacity(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    image.putalpha(smooth(*image.size).convert("L"))
    return image


def lying(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "a maker whose name comes first"
    exif[0x0112] = orientation
    return saved(smooth(90, 61), "JPEG", exif=exif)


def with_segment(marker: bytes, content: bytes) -> bytes:
    jpeg = saved(smooth(90, 61), "JPEG")
    return jpeg[:2] + b"\xff" + marker + struct.pack(">H", len(content) + 2) + content + jpeg[2:]


PICTURE = smooth(90, 61)
GREY_16 = Image.fromarray(np.linspace(0, 65535, 90 * 61).reshape(61, 90).astype(np.uint16))
KINDS = {
    "colours": saved(PICTURE, "PNG"),
    "grey": saved(PICTURE.convert("L"), "PNG"),
    "one bit": saved(PICTURE.convert("1"), "PNG"),
    "2-bit grey": png_of_bits(2, 0, 1),
    "4-bit grey": png_of_bits(4, 0, 1),
    "16-bit grey": saved(GREY_16, "PNG"),
    "16-bit grey with opacity": png_of_bits(16, 4, 2),
    "palette": saved(PICTURE.quantize(200), "PNG"),
    "palette of 4": saved(PICTURE.quantize(4), "PNG"),
    "palette of 4, one transparent": saved(PICTURE.quantize(4), "PNG", transparency=1),
    "opacity": saved(with_opacity(PICTURE), "PNG"),
    "grey with opacity": saved(with_opacity(PICTURE).convert("LA"), "PNG"),
    "a transparent colour": saved(
        PICTURE.quantize(9).convert("RGB"), "PNG", transparency=(9, 9, 9)
    ),
    "small": saved(smooth(13, 17), "PNG"),
    "one pixel": saved(smooth(1, 1), "PNG"),
    "wide": saved(smooth(200, 9), "PNG"),
    "JPEG": saved(PICTURE, "JPEG"),
    "grey JPEG": saved(PICTURE.convert("L"), "JPEG"),
    "CMYK JPEG": saved(PICTURE.convert("CMYK"), "JPEG"),
    "progressive JPEG": saved(PICTURE, "JPEG", progressive=True),
    "large JPEG": saved(smooth(400, 300), "JPEG"),
    **{f"orientation {n}": lying(n) for n in range(1, 9)},
    "no such orientation": lying(9),
    "big-endian orientation": with_segment(
        b"\xe1", b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHHI", 0x112, 3, 1, 6, 0, 0)
    ),
    "orientation in a comment": with_segment(
        b"\xfe", b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHIHHI", 0x112, 3, 1, 6, 0, 0)
    ),
}
HARMLESS = {
    **{
        f"PNG: {k}": (KINDS["colours"], v)
        for k, v in hostile.png_metadata(KINDS["colours"]).items()
    },
    **{f"JPEG: {k}": (KINDS["JPEG"], v) for k, v in hostile.jpeg_metadata(KINDS["JPEG"]).items()},
}


@pytest.fixture(scope="module", params=SHAPES, ids=["grey", "colour"])
def shape(request) -> tuple[int, int, int]:
    return request.param


def in_graph(shape, fit):
    """Files to grey levels [B, H, W, C]."""
    graph = tf.function(
        lambda files: fit_pictures(files, shape, BACKGROUND, fit),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    return lambda *files: graph(tf.constant(files, tf.string)).numpy() * 255


@pytest.fixture(scope="module")
def fitted(shape):
    return in_graph(shape, "contain")


@pytest.fixture(scope="module")
def covered(shape):
    return in_graph(shape, "cover")


def by_pillow(data: bytes, shape: tuple[int, int, int], how: str = "contain") -> np.ndarray:
    fit = {"image_size": shape[0], "channels": shape[2], "background": BACKGROUND, "fit": how}
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return fit_picture(file.name, **fit).astype(float)


def test_all_kinds_in_one_request_as_pillow_fits_them(fitted, shape):
    for (kind, data), image in zip(KINDS.items(), fitted(*KINDS.values()), strict=True):
        difference = np.abs(image - by_pillow(data, shape))
        # Pillow rounds to whole levels between the directions of a resizing, too.
        assert difference.max() <= 16, kind
        assert difference.mean() <= 0.6, kind


@settings(max_examples=15)
@given(width=st.integers(1, 150), height=st.integers(1, 150))
def test_any_size_is_whole_and_undistorted(fitted, shape, width, height):
    size = max(width, height)
    if round(shape[0] * min(width, height) / size) < 1:
        return
    data = saved(smooth(width, height), "PNG")
    np.testing.assert_allclose(fitted(data)[0], by_pillow(data, shape), atol=16)


@settings(max_examples=15)
@given(width=st.integers(1, 150), height=st.integers(1, 150))
def test_any_size_fills_the_square_if_it_is_to_cover_it(covered, shape, width, height):
    data = saved(smooth(width, height), "PNG")
    np.testing.assert_allclose(covered(data)[0], by_pillow(data, shape, "cover"), atol=16)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "neither a PNG nor a JPEG"),
        (b"a text file renamed .png", "neither a PNG nor a JPEG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "row 1 is in HEIC or AVIF; make a JPEG"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp42", "neither a PNG nor a JPEG"),
        (saved(PICTURE, "GIF"), "neither a PNG nor a JPEG"),
        (KINDS["colours"][:200], "Invalid PNG"),
        (KINDS["colours"][:20], "Invalid PNG"),
        (KINDS["colours"][:60] + b"\0" + KINDS["colours"][61:], "Invalid PNG"),
        (KINDS["JPEG"][:200], "Invalid JPEG"),
        (KINDS["JPEG"][:4], "Invalid JPEG"),
        (saved(smooth(900, 2), "PNG"), "cannot be shown whole"),
        (hostile.jpeg_of_scans(101), "is a JPEG of 101 scans; at most 100 are taken"),
        (hostile.jpeg_of_scans(30, side=6000), "of 30 scans; at most 27 are taken"),
        (
            KINDS["one pixel"][:16] + b"\xff" * 8 + KINDS["one pixel"][24:],
            f"at most {MOST_PIXELS:,}",
        ),
        (  # a size, where the header's is looked for, and the true header after it
            KINDS["one pixel"][:8]
            + struct.pack(">I4sIII", 8, b"abCd", 1, 1, zlib.crc32(b"abCd" + b"\0\0\0\1" * 2))
            + KINDS["one pixel"][8:],
            "neither a PNG nor a JPEG",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_file_is_an_error_that_says_why(fitted, data, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message) as caught:
        fitted(KINDS["JPEG"], data)
    if "JPEG file" in caught.value.message or "pixels" in caught.value.message:
        assert "row 1" in caught.value.message


@pytest.mark.parametrize("kind", HARMLESS)
def test_metadata_do_not_decide_whether_pixels_are_read(fitted, kind):
    np.testing.assert_array_equal(*fitted(*HARMLESS[kind]))


def test_a_jpeg_of_as_many_scans_as_allowed_is_read(fitted):
    np.testing.assert_allclose(fitted(hostile.jpeg_of_scans(MOST_SCANS))[0], 99, atol=1)


def test_scans_are_counted_as_python_counts_them():
    files = [data for data in KINDS.values() if data.startswith(b"\xff\xd8")]
    files += [hostile.jpeg_of_scans(40), *(data for _, data in HARMLESS.values())]
    for data in filter(lambda data: data.startswith(b"\xff\xd8"), files):
        assert int(count_scans(tf.constant(data))) == essence(data).scans


def test_png_files_hold_the_images():
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), np.uint8)
    files = encode_pngs(tf.constant(images / 255, tf.float32)).numpy()
    for file, image in zip(files, images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(file))), image)
