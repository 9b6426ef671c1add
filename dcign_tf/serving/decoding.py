"""PNG and JPEG files of any size and mode, fitted into the network's square inside a graph.

What `datasets.pictures.fit_picture` does with Pillow is done with TensorFlow's
operations here, to the same pixels but for a few grey levels (docs/serving.md has
where and how much).
"""

from __future__ import annotations

import tensorflow as tf

from dcign_tf.datasets.picture_containers import HEIF_BRANDS
from dcign_tf.datasets.pictures import MOST_PIXELS, MOST_SCANNED_PIXELS, MOST_SCANS
from dcign_tf.model.checks import checked
from dcign_tf.serving import exif
from dcign_tf.serving.scans import count_scans

# With the beginning of the first chunk, which is the header: another one before it would be
# read as a size.
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_JPEG = b"\xff\xd8\xff"
_BRAND = slice(4, 12)
_HEIF = [list(b"ftyp" + brand) for brand in sorted(HEIF_BRANDS)]
# Of a PNG's header: width and height, big-endian; bits of a sample.
_SIZE, _BIT_DEPTH = slice(16, 24), 24
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_ROWS_AT_ONCE = 2  # of the largest pictures each takes half a gigabyte


def fit_pictures(
    image_bytes: tf.Tensor,
    image_shape: tuple[int, int, int],
    background: int,
    fit: str = "contain",
) -> tf.Tensor:
    """Pictures, undistorted, in the middle of the network's images.

    JPEGs are turned upright if they say that they lie (Exif). Grey is luma (ITU-R
    BT.601), of 16 bits the upper 8 are taken. What is transparent shows the background.

    Args:
        image_bytes: string [B], each a PNG or JPEG file, of any size and mode.
        image_shape: height, width and channels (1 or 3) of the images.
        background: grey level, 0 to 255, of what a picture leaves free.
        fit: `contain` shows them whole, `cover` the square in the middle of each.

    Returns:
        float32 [B, H, W, C] in [0, 1].

    Raises:
        tf.errors.InvalidArgumentError: when the graph runs, if a file is another kind
            of file or damaged, or beyond the limits of `datasets.pictures`.
    """

    def fitted(row_and_file: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        pixels = _decode(*row_and_file, background)
        if fit == "cover":
            pixels = _middle_square(pixels)
        return _fit(pixels, row_and_file[0], image_shape, background)

    rows = tf.range(tf.shape(image_bytes)[0])
    return tf.map_fn(
        fitted,
        (rows, image_bytes),
        fn_output_signature=tf.TensorSpec(image_shape, tf.float32),
        parallel_iterations=_ROWS_AT_ONCE,
    )


def encode_pngs(images: tf.Tensor) -> tf.Tensor:
    """PNG files, string [B], of images [B, H, W, C] in [0, 1]."""
    return tf.io.encode_png(tf.cast(tf.round(255 * images), tf.uint8))


def _decode(row: tf.Tensor, data: tf.Tensor, background: int) -> tf.Tensor:
    """uint8 [h, w, 3] of a file, upright and opaque."""
    header = tf.io.decode_raw(data, tf.uint8, fixed_length=_BIT_DEPTH + 1)
    is_png = tf.reduce_all(header[: len(_PNG)] == list(_PNG))
    is_jpeg = tf.reduce_all(header[: len(_JPEG)] == list(_JPEG))
    is_heif = tf.reduce_any(tf.reduce_all(header[_BRAND] == _HEIF, axis=1))
    heif = "image_bytes: row {} is in HEIC or AVIF; make a JPEG or PNG file of it first"
    data = checked(data, ~is_heif, heif, [row])
    kind = "image_bytes: row {} is neither a PNG nor a JPEG file"
    data = checked(data, is_png | is_jpeg, kind, [row])

    def png() -> tf.Tensor:
        digits = tf.reshape(tf.cast(header[_SIZE], tf.int64), (2, 4))
        width, height = tf.unstack(tf.reduce_sum(digits * [1 << 24, 1 << 16, 1 << 8, 1], axis=1))
        file = _of_decodable_size(data, height, width, row)
        return _opaque(_decode_png(file, header[_BIT_DEPTH]), background)

    def jpeg() -> tf.Tensor:
        height, width, _ = tf.unstack(tf.cast(tf.io.extract_jpeg_shape(data), tf.int64))
        file = _of_decodable_size(data, height, width, row)
        file = _of_decodable_scans(file, height * width, row)
        pixels = tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")
        return exif.upright(pixels, exif.orientation(file))

    return tf.cond(is_png, png, jpeg)


def _decode_png(file: tf.Tensor, bit_depth: tf.Tensor) -> tf.Tensor:
    """uint8 [h, w, 4]: red, green, blue and opacity."""

    def coarse() -> tf.Tensor:
        # Asked for opacity where there is none, TensorFlow (2.21) fills in 2^bits − 1, not 255.
        pixels = tf.io.decode_png(file)  # grey, colours, or colours and opacity
        is_grey = tf.shape(pixels)[-1] == 1
        pixels = tf.pad(pixels, [[0, 0], [0, 0], [0, 1]], constant_values=255)
        return tf.gather(pixels, tf.where(is_grey, [0, 0, 0, 1], [0, 1, 2, 3]), axis=-1)

    return tf.cond(bit_depth < 8, coarse, lambda: tf.io.decode_png(file, channels=4))


def _of_decodable_size(
    data: tf.Tensor, height: tf.Tensor, width: tf.Tensor, row: tf.Tensor
) -> tf.Tensor:
    message = f"image_bytes: row {{}} has {{}}×{{}} pixels; at most {MOST_PIXELS:,} are decoded"
    # Each side first: their product could overflow.
    decodable = (height <= MOST_PIXELS) & (width <= MOST_PIXELS)
    decodable &= height * width <= MOST_PIXELS
    return checked(data, decodable, message, [row, width, height])


def _of_decodable_scans(data: tf.Tensor, pixels: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    scans = count_scans(data)
    message = "image_bytes: row {} is a JPEG of {} scans; at most {} are taken of its size"
    most = tf.minimum(tf.cast(MOST_SCANS, tf.int64), MOST_SCANNED_PIXELS // tf.maximum(pixels, 1))
    return checked(data, scans <= most, message, [row, scans, most])


def _opaque(pixels: tf.Tensor, background: int) -> tf.Tensor:
    """uint8 [h, w, 4], red, green, blue and opacity, before a background: uint8 [h, w, 3]."""
    colour, opacity = pixels[..., :3], pixels[..., 3:]

    def blend() -> tf.Tensor:
        share = tf.cast(opacity, tf.uint16)
        shown = tf.cast(colour, tf.uint16) * share + (255 - share) * background
        return tf.cast((shown + 127) // 255, tf.uint8)

    return tf.cond(tf.reduce_all(opacity == 255), lambda: tf.identity(colour), blend)


def _middle_square(pixels: tf.Tensor) -> tf.Tensor:
    """The pixels [h, w, 3] of the largest square in the middle."""
    size = tf.shape(pixels)[:2]
    side = tf.reduce_min(size)
    start = (size - side) // 2
    return tf.slice(pixels, tf.pad(start, [[0, 1]]), [side, side, -1])


def _fit(
    pixels: tf.Tensor, row: tf.Tensor, image_shape: tuple[int, int, int], background: int
) -> tf.Tensor:
    """uint8 [h, w, 3] to float32 [H, W, C], padded to keep its proportions."""
    room = tf.constant(image_shape[:2])
    size = tf.cast(tf.shape(pixels)[:2], tf.float64)
    scale = tf.reduce_min(tf.cast(room, tf.float64) / size)
    fitted = tf.cast(tf.round(size * scale), tf.int32)
    message = "image_bytes: row {}, of height and width {}, cannot be shown whole"
    fitted = checked(fitted, tf.reduce_all(fitted >= 1), message, [row, tf.shape(pixels)[:2]])
    image = _levels(tf.image.resize(pixels, fitted, "bicubic", antialias=True))
    if image_shape[-1] == 1:
        image = _levels(tf.reduce_sum(image * _LUMA, axis=-1, keepdims=True))
    before = tf.cast(tf.round((room - fitted) / 2), tf.int32)
    margins = tf.stack([before, room - fitted - before], axis=1)
    image = tf.pad(image, tf.pad(margins, [[0, 1], [0, 0]]), constant_values=background)
    return tf.ensure_shape(image, image_shape) / 255


def _levels(image: tf.Tensor) -> tf.Tensor:
    """Whole grey levels: bicubic interpolation overshoots at edges."""
    return tf.clip_by_value(tf.round(image), 0.0, 255.0)
