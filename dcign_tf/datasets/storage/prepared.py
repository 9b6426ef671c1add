"""Random access to the examples of a prepared TFDS dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

# Not part of TFDS's interface, which can only decode the images too (4.9): whoever skips that in
# `as_data_source` gets an AttributeError for sequences of images.
from tensorflow_datasets.core.example_parser import ExampleParserNp

from dcign_tf.datasets.storage.generation import check_files
from dcign_tf.errors import DataError


class PreparedSweeps:
    """A split of a prepared TFDS dataset whose images stay PNG files.

    Args:
        builder: a prepared builder of ArrayRecord files, such as `DcignFaces` or
            what `tfds.builder_from_directory` returns.
        split: name of the split.

    Raises:
        DataError: if the dataset has no such split.
    """

    def __init__(self, builder: tfds.core.DatasetBuilder, split: str):
        if split not in builder.info.splits:
            available = ", ".join(builder.info.splits)
            raise DataError(f"No split '{split}' in {builder.data_dir}; it has {available}.")
        self._directory = Path(builder.data_dir)
        self._records = builder.as_data_source(
            split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
        )
        self._parser = ExampleParserNp(builder.info.features.get_serialized_info())

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Example `index`: the features of the dataset, `image` a list of n PNG files.

        Raises:
            DataError: if the file that holds the example is damaged.
        """
        try:
            return self._parser.parse_example(self._records[index])
        except (RuntimeError, ValueError, OSError):
            check_files(self._directory, full=True)
            raise
