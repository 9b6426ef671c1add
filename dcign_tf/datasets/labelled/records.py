"""Examples of a TensorFlow Dataset by their number, where TFDS keeps them; without TensorFlow."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_data_source import ArrayRecordDataSource

# Not part of TFDS's interface, which has `tfds.builder` that asks for the network, and
# `tfds.builder_from_directory` that needs the folder of configuration and version.
from tensorflow_datasets.core.read_only_builder import builder_from_files

from dcign_tf.errors import DataError
from dcign_tf.files import pointer_in

_HEADER = struct.Struct("<QI")  # of a record: bytes of its data, and a checksum of that number
_FOOTER_BYTES = 4  # a checksum of the data


class Records(Protocol):
    """Serialised examples by number; reading is thread-safe."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> bytes: ...


class FileInstruction(Protocol):
    """Which records of a file are meant, as TFDS says it."""

    filename: str
    skip: int
    take: int


def find_dataset(name: str, data_dir: str) -> tfds.core.DatasetBuilder:
    """A dataset that is there already; nothing is downloaded.

    Args:
        name: as TFDS takes it: `smallnorb`, `name/configuration:1.0.0`.
        data_dir: the folder of all datasets.

    Raises:
        DataError: if it is not there, or its description is damaged.
    """
    folder = Path(data_dir, *name.partition(":")[0].split("/")[:1])
    try:
        return builder_from_files(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        _check_no_pointers(folder.rglob("*.json"))
        if not any(folder.rglob("dataset_info.json")):
            raise DataError(
                f"There is no TensorFlow Dataset {name} in {data_dir}. What TFDS knows, tfds build"
                f" {name} --data_dir={data_dir} downloads and prepares."
            ) from error
        raise DataError(_unreadable(folder, error)) from error
    except Exception as error:  # TFDS's and Protobuf's readers raise all sorts of them
        _check_no_pointers(folder.rglob("*.json"))
        raise DataError(_unreadable(folder, error)) from error


def _check_no_pointers(files: Iterable[Path]) -> None:
    """Raises `DataError` if a version control system left one of them in place of another."""
    for file in files:
        if pointer := pointer_in(file):
            raise DataError(f"{file} is {pointer}.")


def _unreadable(folder: Path, error: Exception) -> str:
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return f"Cannot read the TensorFlow Dataset in {folder}: {reason}"


def open_records(builder: tfds.core.DatasetBuilder, splits: Sequence[str]) -> tuple[Records, list]:
    """The examples of some splits, one behind the other.

    Args:
        builder: of a dataset that is there.
        splits: in TFDS's way: `train`, `train[:50%]`, `train+test`.

    Returns:
        The records, and how many each split has.

    Raises:
        DataError: if there is no such split, or a file is missing, damaged or of a format that
            cannot be read at random.
    """
    instructions, counts = [], []
    for split in splits:
        try:
            files = builder.info.splits[split].file_instructions
        except (ValueError, KeyError, AssertionError) as error:
            raise DataError(
                f"{builder.data_dir} has no split {split};"
                f" there is {', '.join(builder.info.splits)}."
            ) from error
        instructions += files
        counts.append(sum(file.take for file in files))
    _check_no_pointers(Path(file.filename) for file in instructions)
    file_format = builder.info.file_format.value
    reader = {"array_record": ArrayRecordDataSource, "tfrecord": TFRecords}.get(file_format)
    if reader is None:
        raise DataError(
            f"{builder.data_dir} is stored as {file_format}; tfds build --file_format=array_record"
            " stores it so that it can be read."
        )
    try:
        return reader(instructions), counts
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(_unreadable(builder.data_dir, error)) from error


class TFRecords:
    """Records of TFRecord files, which TensorFlow itself reads from the beginning alone.

    Args:
        files: in which they are.

    Raises:
        OSError: if a file cannot be opened.
        ValueError: if it is damaged, or too short.
    """

    def __init__(self, files: Sequence[FileInstruction]):
        self._maps: list[mmap.mmap] = []
        of_file, spans = [], []
        for number, file in enumerate(files):
            with open(file.filename, "rb") as opened:
                mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
            self._maps.append(mapped)
            spans.append(_spans(mapped, file.skip + file.take, file.filename)[file.skip :])
            of_file.append(np.full(file.take, number))
        self._file, self._span = np.concatenate(of_file), np.concatenate(spans)

    def __len__(self) -> int:
        return len(self._file)

    def __getitem__(self, index: int) -> bytes:
        start, end = self._span[index]
        return self._maps[self._file[index]][start:end]


def _spans(mapped: mmap.mmap, count: int, filename: str) -> np.ndarray:
    """Where the data of the first `count` records begin and end, int64 [count, 2]."""
    spans = np.empty((count, 2), np.int64)
    position = 0
    for number in range(count):
        start = position + _HEADER.size
        end = start + (_HEADER.unpack_from(mapped, position)[0] if start <= len(mapped) else 0)
        position = end + _FOOTER_BYTES
        if position > len(mapped):
            raise ValueError(f"{filename} ends within record {number}; it must have {count}.")
        spans[number] = start, end
    return spans
