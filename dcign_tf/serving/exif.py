"""Which way up a JPEG is, read from its Exif data inside a graph.

Exif 2.32, §4.5 and §4.6: an APP1 segment, "Exif" and two zeros, then a TIFF file,
whose header says the order of bytes and where the first directory lies; an entry
of a directory takes 12 bytes: tag, type, count and value.
"""

from __future__ import annotations

import tensorflow as tf

# Exif comes first in a file, or after 18 bytes of JFIF; its first directory is short.
_HEAD = 2048
_MOST_ENTRIES = 64
_SEGMENT = b"\xff\xe1"  # and two bytes of length
_MARK = b"Exif\0\0"
_ORIENTATION, _SHORT = 0x0112, 3  # tag and type


def orientation(jpeg: tf.Tensor) -> tf.Tensor:
    """How the picture that is stored must be turned and mirrored to stand upright.

    Args:
        jpeg: the file, a string scalar.

    Returns:
        int64 scalar, 1 to 8 as Exif numbers them; 1, not at all, if the file does not
        say so in its first 2,048 bytes, or says something else.
    """
    head = tf.cast(tf.io.decode_raw(jpeg, tf.uint8, fixed_length=_HEAD), tf.int64)
    length = len(_SEGMENT) + 2 + len(_MARK)
    begun = tf.signal.frame(head, length, 1)  # what begins at each byte
    marked = tf.reduce_all(begun[:, : len(_SEGMENT)] == list(_SEGMENT), axis=1)
    marked &= tf.reduce_all(begun[:, -len(_MARK) :] == list(_MARK), axis=1)
    tiff = tf.argmax(marked) + length
    is_little_endian = head[tiff] == ord("I")

    def number(at: tf.Tensor, size: int) -> tf.Tensor:
        """The unsigned integers of `size` bytes at these places; beyond the head, any."""
        places = at[..., tf.newaxis] + tf.range(size, dtype=tf.int64)
        digits = tf.gather(head, tf.clip_by_value(places, 0, _HEAD - 1))
        weights = [256**i for i in range(size)]
        weights = tf.where(is_little_endian, weights, weights[::-1])
        return tf.reduce_sum(digits * tf.cast(weights, tf.int64), axis=-1)

    directory = tiff + number(tiff + 4, 4)
    numbers = tf.range(_MOST_ENTRIES, dtype=tf.int64)
    entries = directory + 2 + 12 * numbers
    matches = (number(entries, 2) == _ORIENTATION) & (number(entries + 2, 2) == _SHORT)
    matches &= numbers < number(directory, 2)
    value = number(entries + 8, 2)[tf.argmax(matches)]
    is_given = tf.reduce_any(marked) & tf.reduce_any(matches) & (value >= 1) & (value <= 8)
    return tf.where(is_given, value, tf.ones_like(value))


def upright(pixels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Pixels [H, W, C] as they are stored, turned and mirrored as `orientation` says.

    Of 5 to 8, rows are columns; the picture then is [W, H, C].
    """
    pixels = tf.cond(
        orientation >= 5, lambda: tf.transpose(pixels, (1, 0, 2)), lambda: tf.identity(pixels)
    )
    rows_reversed = tf.reduce_any(orientation == [3, 4, 7, 8])
    columns_reversed = tf.reduce_any(orientation == [2, 3, 6, 7])
    return tf.reverse(pixels, tf.boolean_mask([0, 1], [rows_reversed, columns_reversed]))
