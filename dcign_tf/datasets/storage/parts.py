"""The files of a dataset, each made as a whole: what is in one, how it is written and described."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from array_record.python import array_record_module

from dcign_tf.errors import DataError
from dcign_tf.files import aside, sha256


@dataclasses.dataclass(frozen=True)
class Part:
    """One file.

    Attributes:
        filename: name of the finished file.
        examples: for each example, of which there is one at least, the arguments of `render`.
        images_per_example: for the progress bar and the estimate of disk space.
    """

    filename: str
    examples: Sequence[tuple]
    images_per_example: int


def write_part(
    path: Path,
    part: Part,
    examples: Iterator[Sequence[bytes]],
    tell: Callable[[int], Any] = lambda num_images: None,
) -> dict[str, Any]:
    """Writes the next examples, those of the part; returns what `files.json` says of the file.

    Args:
        path: of the file, which is there when it is complete.
        part: what it holds.
        examples: records of each example, of this part and of those after it.
        tell: is told how many images are finished, at each example.

    Raises:
        DataError: if it cannot be written.
    """
    with aside(path) as temporary:
        # One record a group is what makes random access cheap.
        with _writing_records(path):
            writer = array_record_module.ArrayRecordWriter(os.fspath(temporary), "group_size:1")
        for records in itertools.islice(examples, len(part.examples)):
            with _writing_records(path):
                for record in records:
                    writer.write(record)
            tell(part.images_per_example)
        with _writing_records(path):
            writer.close()
        return describe(temporary)


@contextlib.contextmanager
def _writing_records(path: Path) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # ArrayRecord's, with more after a semicolon
        reason = str(error).split(";")[0]
        raise DataError(f"Cannot write data file {path}: {reason}.") from error


def describe(path: Path) -> dict[str, Any]:
    """What `files.json` says of a file: its size and its checksum."""
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}
