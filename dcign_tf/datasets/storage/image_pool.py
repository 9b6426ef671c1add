"""Images by number, and sweeps that are composed of them as they are asked for.

A dataset that is given as single images (a folder of pictures, the views of an
object) is prepared once, as a pool of PNG files of one size. Which images make a
sweep is decided later, and costs nothing to change.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from array_record.python.array_record_data_source import ArrayRecordDataSource

from dcign_tf.datasets.storage.generation import check_files, generate_parts, make_once
from dcign_tf.datasets.storage.parts import Part
from dcign_tf.datasets.sweeps import ComposedSweeps
from dcign_tf.errors import DataError

# Smaller files lose less work when preparing is interrupted; larger ones are fewer.
_IMAGES_PER_FILE = 2000


class ImagePool:
    """Images by number: PNG files in ArrayRecord files, made once, then read at random.

    The pool is made of *items* that give k images each: a picture gives one, a
    rendered object all of its views. The i-th makes the images i·k … i·k + k − 1. A
    file is named after what its images depend on, so that a pool whose making was
    stopped, by an error too, keeps the files that are still right.

    Args:
        parent: the folder of all pools of a kind; this one becomes a folder in it,
            named by its fingerprint.
        keys: each item, a number, to what its images depend on, e.g. the checksum of a
            picture; in the order of the images.
        settings: what all images depend on besides, as JSON has it.
        make: `make(item)` returns the k PNG files of an item; raises `DataError` if
            it cannot. Called in worker processes: picklable, importable without
            TensorFlow, a function of its arguments alone.
        images_per_item: k.

    Raises:
        ValueError: if there is no item, or k is less than 1.
    """

    def __init__(
        self,
        parent: Path,
        keys: Mapping[int, str | bytes],
        *,
        settings: Mapping[str, Any],
        make: Callable[[int], Sequence[bytes]],
        images_per_item: int = 1,
    ):
        if not keys or images_per_item < 1:
            raise ValueError(
                f"A pool of {len(keys)} items of {images_per_item} images has no image."
            )
        described = json.dumps([dict(settings), images_per_item], sort_keys=True)
        self._make = make
        self._parts = []
        items, per_file = list(keys), max(1, _IMAGES_PER_FILE // images_per_item)
        for number, start in enumerate(range(0, len(items), per_file)):
            in_file = items[start : start + per_file]
            digest = _digest([described, *(keys[item] for item in in_file)], 16)
            filename = f"{number:05d}-{digest}.array_record"
            self._parts.append(Part(filename, [(item,) for item in in_file], images_per_item))
        #: 12 characters that change with every item and every setting.
        self.fingerprint = _digest([described, *(part.filename for part in self._parts)], 12)
        #: Where the images lie once they are made.
        self.directory = Path(parent) / self.fingerprint
        # Not named after the items: when one of them is mended the rest is still there.
        self._staging = Path(parent) / f"{_digest([described], 12)}.preparing"

    def prepare(self, *, verb: str = "Preparing") -> None:
        """Makes what is not there yet; the pool appears under its name when it is complete.

        Args:
            verb: what the line of progress says is done to the images.

        Raises:
            DataError: if an item cannot be made, the disk is too small or a folder
                not writable, or the pool is there but damaged. Finished files are
                kept, and the next call goes on from there.
        """

        def make() -> None:
            generate_parts(self._staging, self._parts, render=self._make, serialize=list, verb=verb)

        make_once(self.directory, self._staging, make)

    def read(self, indices: Iterable[int]) -> list[bytes]:
        """The PNG files of these images, of a prepared pool; safe to call from several threads.

        Raises:
            DataError: if the pool is not prepared, or a file of it is damaged.
        """
        try:
            return [self._records[int(index)] for index in indices]
        except (RuntimeError, ValueError, OSError):
            if not self.directory.exists():
                raise DataError(f"{self.directory} is not prepared yet.") from None
            check_files(self.directory, full=True)
            raise

    def sweeps(
        self,
        compose: Callable[[int], np.ndarray],
        count: int,
        labels: Mapping[str, np.ndarray],
    ) -> ComposedSweeps:
        """Sweeps composed of these images, as `ComposedSweeps` has them; prepare the pool first.

        Their `image` is a list of n PNG files. One whose file is damaged raises a `DataError`.
        """
        return ComposedSweeps(self.read, compose, count, labels)

    @functools.cached_property
    def _records(self) -> ArrayRecordDataSource:
        return ArrayRecordDataSource([str(self.directory / p.filename) for p in self._parts])


def _digest(texts: Iterable[str | bytes], length: int) -> str:
    """Hexadecimal characters that tell these texts from any others."""
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode() if isinstance(text, str) else text
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:length]
