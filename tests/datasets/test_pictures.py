"""Pictures of every kind end up alike: in the middle of a square, grey or colour."""

from __future__ import annotations

import io
import os
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dcign_tf.datasets import pictures
from dcign_tf.datasets.pictures import MOST_SCANS, encode_png, fit_picture
from dcign_tf.errors import DataError
from tests.helpers import hostile_pictures as hostile

RAMP = np.linspace(0, 255, 60 * 80).reshape(60, 80).astype(np.uint8)
RGB = np.dstack([RAMP, 255 - RAMP, np.full_like(RAMP, 40)])
SIXTEEN = np.round(np.linspace(0, 65535, RAMP.size)).reshape(RAMP.shape).astype(np.uint16)


def pgm(levels: np.ndarray, largest: int) -> bytes:
    dtype = np.uint8 if largest < 256 else ">u2"
    header = f"P5 {levels.shape[1]} {levels.shape[0]} {largest}\n".encode()
    return header + levels.astype(dtype).tobytes()


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def in_mode(mode: str, pixels: np.ndarray = RAMP) -> Image.Image:
    return Image.fromarray(pixels).convert(mode)


GREY = {
    "8-bit PNG": saved(in_mode("L"), "png"),
    "16-bit PNG": saved(Image.fromarray(SIXTEEN), "png"),
    "8-bit PGM": pgm(RAMP, 255),
    "12-bit PGM": pgm(SIXTEEN // 16, 4095),
    "16-bit PGM": pgm(SIXTEEN, 65535),
    "grey JPEG": saved(in_mode("L"), "jpeg", quality=95),
    "colour JPEG": saved(in_mode("RGB"), "jpeg", quality=95),
    "CMYK JPEG": saved(in_mode("CMYK"), "jpeg", quality=95),
    "palette PNG": saved(in_mode("P"), "png"),
    "opaque PNG with alpha": saved(in_mode("RGBA"), "png"),
    "TIFF": saved(in_mode("L"), "tiff"),
}


@pytest.mark.parametrize("kind", GREY)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_picture_in_any_format(tmp_path, kind, channels):
    (tmp_path / "picture").write_bytes(GREY[kind])
    fitted = fit_picture(tmp_path / "picture", image_size=80, channels=channels)
    assert fitted.shape == (80, 80, channels)
    assert fitted.dtype == np.uint8
    error = fitted[10:70].astype(int) - RAMP[..., np.newaxis]
    assert np.abs(error).max() <= 6
    assert abs(error.mean()) < 1
    assert (fitted[:10] == 0).all()
    assert (fitted[70:] == 0).all()


def test_colour(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    colour = fit_picture(tmp_path / "a.png", image_size=80, channels=3)
    np.testing.assert_array_equal(colour[10:70], RGB)
    grey = fit_picture(tmp_path / "a.png", image_size=80, channels=1)
    luma = RGB @ [0.299, 0.587, 0.114]  # ITU-R BT.601
    np.testing.assert_allclose(grey[10:70, :, 0], luma, atol=1)


def test_black_and_white(tmp_path):
    Image.fromarray(RAMP > 100).save(tmp_path / "a.png")
    fitted = fit_picture(tmp_path / "a.png", image_size=80, channels=1)
    np.testing.assert_array_equal(fitted[10:70, :, 0], 255 * (RAMP > 100))


@pytest.mark.parametrize("background", [0, 255, 77])
def test_what_is_free_or_transparent_shows_the_background(tmp_path, background):
    alpha = np.where(RAMP > 100, 255, 0).astype(np.uint8)
    Image.fromarray(np.dstack([RGB, alpha])).save(tmp_path / "a.png")
    fitted = fit_picture(tmp_path / "a.png", image_size=80, channels=3, background=background)
    assert (fitted[:10] == background).all()
    assert (fitted[10:70][RAMP <= 100] == background).all()
    np.testing.assert_array_equal(fitted[10:70][RAMP > 100], RGB[RAMP > 100])


@given(width=st.integers(1, 90), height=st.integers(1, 90), size=st.integers(8, 50))
def test_whole_undistorted_and_in_the_middle(tmp_path_factory, width, height, size):
    path = tmp_path_factory.getbasetemp() / "any.png"
    Image.new("L", (width, height), 200).save(path)
    if round(size * min(width, height) / max(width, height)) < 1:
        with pytest.raises(DataError, match=f"{width}×{height} pixels cannot be shown whole"):
            fit_picture(path, image_size=size, channels=1)
        return
    fitted = fit_picture(path, image_size=size, channels=1, background=0)[..., 0]
    assert set(np.unique(fitted)) <= {0, 200}
    rows, columns = np.nonzero(fitted)
    expected = size * np.array([height, width]) / max(height, width)
    np.testing.assert_allclose([np.ptp(rows) + 1, np.ptp(columns) + 1], expected, atol=0.51 + 0.5)
    assert abs(rows.min() - (size - 1 - rows.max())) <= 1
    assert abs(columns.min() - (size - 1 - columns.max())) <= 1


@given(width=st.integers(1, 90), height=st.integers(1, 90), size=st.integers(8, 50))
def test_the_middle_covers_the_square(tmp_path_factory, width, height, size):
    """What `contain` makes of the largest square in the middle, which leaves nothing free."""
    folder = tmp_path_factory.getbasetemp()
    levels = np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)
    Image.fromarray(levels).save(folder / "any.png")
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = levels[top : top + side, left : left + side]
    Image.fromarray(middle).save(folder / "middle.png")
    options = {"image_size": size, "channels": 1, "background": 255}
    covered = fit_picture(folder / "any.png", fit="cover", **options)
    np.testing.assert_array_equal(covered, fit_picture(folder / "middle.png", **options))


@pytest.mark.parametrize(
    "kind", ["16-bit PNG", "palette PNG", "opaque PNG with alpha", "CMYK JPEG"]
)
def test_a_picture_of_any_mode_covers_the_square(tmp_path, kind):
    (tmp_path / "picture").write_bytes(GREY[kind])
    covered = fit_picture(tmp_path / "picture", image_size=60, channels=1, fit="cover")[..., 0]
    assert np.abs(covered.astype(int) - RAMP[:, 10:70]).max() <= 6


def test_a_photograph_covers_the_square_upright(tmp_path):
    """It lies, and is decoded at a fraction of its size."""
    exif = Image.Exif()
    exif[0x0112] = 6
    large = Image.fromarray(np.kron(RAMP, np.ones((20, 20), np.uint8)))
    lying = large.transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / "a.jpg", exif=exif, quality=95)
    covered = fit_picture(tmp_path / "a.jpg", image_size=60, channels=1, fit="cover")[..., 0]
    assert np.abs(covered.astype(int) - RAMP[:, 10:70]).max() <= 12


def test_turned_upright(tmp_path):
    upright = Image.fromarray(RAMP)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned clockwise by a quarter
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / "a.png", exif=exif)
    fitted = fit_picture(tmp_path / "a.png", image_size=80, channels=1)
    np.testing.assert_array_equal(fitted[10:70, :, 0], RAMP)


def test_a_large_photograph_keeps_its_brightness(tmp_path):
    """JPEG is decoded at a fraction of its size."""
    large = np.kron(RAMP, np.ones((20, 20), np.uint8))
    Image.fromarray(large).save(tmp_path / "a.jpg", quality=95)
    fitted = fit_picture(tmp_path / "a.jpg", image_size=80, channels=1)
    assert np.abs(fitted[10:70, :, 0].astype(int) - RAMP).max() <= 12


PNG = GREY["8-bit PNG"]
HARMLESS = {
    **{f"PNG: {k}": (PNG, v) for k, v in hostile.png_metadata(PNG).items()},
    **{
        f"JPEG: {k}": (GREY["colour JPEG"], v)
        for k, v in hostile.jpeg_metadata(GREY["colour JPEG"]).items()
    },
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_metadata_do_not_decide_whether_pixels_are_read(tmp_path, kind):
    fitted = []
    for content in HARMLESS[kind]:
        (tmp_path / "picture").write_bytes(content)
        fitted.append(fit_picture(tmp_path / "picture", image_size=80, channels=3))
    np.testing.assert_array_equal(*fitted)


IMAGEMAGICKS_EXIF = b"\nexif\n  36\n" + hostile.LYING.hex().encode()


@pytest.mark.parametrize(
    "chunk",
    [
        hostile.chunk(b"eXIf", hostile.LYING[6:]),
        hostile.chunk(b"tEXt", b"Raw profile type exif\0" + IMAGEMAGICKS_EXIF),
        hostile.chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(IMAGEMAGICKS_EXIF)),
    ],
)
def test_a_png_is_turned_upright(tmp_path, chunk):
    lying = saved(Image.fromarray(RAMP).transpose(Image.Transpose.ROTATE_90), "png")
    (tmp_path / "a.png").write_bytes(hostile.png_with(lying, chunk))
    fitted = fit_picture(tmp_path / "a.png", image_size=80, channels=1)
    np.testing.assert_array_equal(fitted[10:70, :, 0], RAMP)


def test_a_tiff_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = Image.fromarray(RAMP).transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / "a.tif", exif=exif)
    fitted = fit_picture(tmp_path / "a.tif", image_size=80, channels=1)
    np.testing.assert_array_equal(fitted[10:70, :, 0], RAMP)


def test_a_jpeg_of_as_many_scans_as_allowed_is_read(tmp_path):
    (tmp_path / "a.jpg").write_bytes(hostile.jpeg_of_scans(MOST_SCANS))
    assert (fit_picture(tmp_path / "a.jpg", image_size=8, channels=1) == 99).all()


def test_pipes_and_devices_are_not_read(tmp_path):
    """A pipe would be waited for, and a device never ends."""
    os.mkfifo(tmp_path / "face.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name in ("face.png", "zero.png"):
        with pytest.raises(DataError, match=f"{name} cannot be read as a picture: it is no file"):
            fit_picture(tmp_path / name, image_size=8, channels=1, background=0)
    (tmp_path / "face.png").rename(tmp_path / "face")
    assert not pictures.may_be_picture(tmp_path / "face")


def test_decoding_takes_no_longer_than_allowed(tmp_path, monkeypatch):
    (tmp_path / "a.pgm").write_bytes(b"P2 900 900 9\n" + 810_000 * b"1 ")
    assert (fit_picture(tmp_path / "a.pgm", image_size=8, channels=1) == 28).all()
    monkeypatch.setattr(pictures, "MOST_SECONDS", 0.02)
    with pytest.raises(DataError, match=r"a.pgm takes more than 0.02 seconds to decode$"):
        fit_picture(tmp_path / "a.pgm", image_size=8, channels=1)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def heif(*brands: bytes) -> bytes:
    """How such a file begins: its brand, a version, and the brands that it may be read as."""
    names = brands[0] + bytes(4) + b"".join(brands[1:])
    return (8 + len(names)).to_bytes(4, "big") + b"ftyp" + names + b"\0\0\0\x20meta" + bytes(40)


WIDE = np.linspace(0, 999_999, 81, dtype=np.int32).reshape(9, 9)
HUGE = b"P5 20000 20000 255\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (PNG[:100], "cannot be read as a picture: .*truncated"),
        (PNG[:20], "picture"),
        (b"", "is no picture of a known format"),
        (b"no picture at all", "is no picture of a known format"),
        (POINTER, "is a pointer of Git LFS, .* run `git lfs pull` where it was cloned"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no picture of a known format"),
        (hostile.png_header(7100, 7100), "has 7100×7100 pixels; at most 50,000,000 are taken$"),
        (hostile.png_header(13_300, 13_300), "has far too many pixels; at most 50,000,000 are"),
        (hostile.jpeg_of_scans(101), "is a JPEG of 101 scans; at most 100 are taken of its size$"),
        (hostile.jpeg_of_scans(30, side=6000), "of 30 scans; at most 27 are taken of its size$"),
        (GREY["colour JPEG"][:900], "cannot be read as a picture: .*truncated"),
        (b"P5 40 40 255\n123", "cannot be read as a picture"),
        (saved(Image.fromarray(np.ones((9, 9), np.float32)), "tiff"), "without a known range"),
        (saved(Image.fromarray(WIDE), "tiff"), "its grey values, 0 to 999999, are no 16 bits$"),
        (
            heif(b"heic", b"mif1"),
            "is a picture in HEIC, which is not read: make a JPEG or PNG file",
        ),
        (heif(b"mif1", b"mif1", b"heic"), "is a picture in HEIC, which is not read"),
        (heif(b"mif1", b"mif1", b"avif"), "is a picture in AVIF, which is not read"),
        (heif(b"avif"), "is a picture in AVIF, which is not read"),
        (heif(b"isom", b"mp42"), "is no picture of a known format"),  # a film
        (HUGE, "has far too many pixels; at most 50,000,000 are taken$"),
        (None, "cannot be read as a picture: No such file or directory"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, content, reason):
    path = tmp_path / "face 7.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"^{path} .*{reason}") as caught:
        fit_picture(path, image_size=40, channels=1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("image", [RGB, RAMP[..., np.newaxis]])
def test_png_and_back(image):
    decoded = np.asarray(Image.open(io.BytesIO(encode_png(image))))
    np.testing.assert_array_equal(decoded.reshape(image.shape), image)
