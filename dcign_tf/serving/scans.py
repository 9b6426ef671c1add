"""How often a JPEG goes over its pixels, counted inside a graph before it is decoded.

As `datasets.picture_containers` does it with Python's means: a file is segments, each a
marker (255 and a code), two bytes of length and so much content; what follows that of a scan
is its data, in which 255 stands before 0 or a restart alone.
"""

from __future__ import annotations

import tensorflow as tf

_START_OF_SCAN, _END = 0xDA, 0xD9
_MOST_SEGMENTS = 2000  # those that hold a large colour profile or preview are some hundred


def count_scans(jpeg: tf.Tensor) -> tf.Tensor:
    """The scans of a file, a string scalar: int64 scalar.

    Of a file of more than 2,000 segments that is their number: none that a camera makes.
    """
    content = tf.io.decode_raw(jpeg, tf.uint8)
    code = content[1:]
    restarts = (code >= 0xD0) & (code <= 0xD7)
    begins = (content[:-1] == 255) & (code != 0) & (code != 255) & ~restarts
    markers = tf.where(begins)[:, 0]
    last = tf.size(content, tf.int64) - 1

    def byte(at: tf.Tensor) -> tf.Tensor:
        return tf.cast(content[tf.minimum(at, last)], tf.int64)

    def segment(position: tf.Tensor, scans: tf.Tensor, segments: tf.Tensor) -> list[tf.Tensor]:
        marker = markers[tf.searchsorted(markers, [position])[0]]
        kind = byte(marker + 1)
        is_alone = (kind == 0x01) | (kind == 0xD8)  # without a length
        length = tf.where(is_alone, tf.zeros_like(kind), 256 * byte(marker + 2) + byte(marker + 3))
        after = tf.where(kind == _END, last + 1, marker + 2 + length)
        return [after, scans + tf.cast(kind == _START_OF_SCAN, tf.int64), segments + 1]

    def goes_on(position: tf.Tensor, scans: tf.Tensor, segments: tf.Tensor) -> tf.Tensor:
        del scans
        return (segments < _MOST_SEGMENTS) & tf.reduce_any(markers[-1:] >= position)

    start = [tf.constant(value, tf.int64) for value in (2, 0, 0)]
    _, scans, segments = tf.while_loop(goes_on, segment, start)
    return tf.where(segments < _MOST_SEGMENTS, tf.maximum(scans, 1), segments)
