"""Random access to prepared sweeps, as NumPy arrays.

A split is a sequence of examples; an example is a dict whose `image` holds the
images of one sweep. Anything of that form can be trained on: see `Sweeps`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.core.example_parser import ExampleParserNp

from dcign_tf.datasets import DataError
from dcign_tf.datasets.generation import check_files
from dcign_tf.rendering.morphable_model import MorphableModel


class Sweeps(Protocol):
    """Sweeps of one factor, in random access; reading must be thread-safe.

    `sweeps[i]["image"]` is uint8 [n, H, W, C], or a list of n PNG files, which
    the pipeline then decodes; n and the shape are the same for every i.

    Where fewer than n images are to be had, a sweep is filled up by repeating
    them, and `sweeps[i]["distinct"]`, an int in [1, n], says how many are real: the
    first `distinct` images differ, what follows repeats them and is left out of
    every score. Without the key all n count.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Mapping[str, Any]: ...


class SweepDataset(Protocol):
    """A dataset in the form that training and evaluation take; `prepare` it before reading.

    Attributes:
        extrinsic: names of the extrinsic factors, in the order of the code.
        image_shape: height, width and channels.
        fingerprint: changes whenever the images do.
        values: extrinsic factor to the key under which its sweeps' examples hold its
            true value, float [n]; a factor without known values is missing. A key that
            ends in `_deg` is in degrees; any other is in a unit of the user's own.
        periods: of the factors of `values` that are circles, in their own unit (360.0).
    """

    extrinsic: tuple[str, ...]
    image_shape: tuple[int, int, int]
    fingerprint: str
    values: Mapping[str, str]
    periods: Mapping[str, float]

    def prepare(self) -> None:
        """Makes the data unless they are there already.

        Raises:
            DataError: if they cannot be made, or are there but damaged.
        """

    def sweeps(self, subset: str) -> dict[str, Sweeps]:
        """Factor to the sweeps of `train`, `validation` or `test` in which it varies.

        Every extrinsic factor and `intrinsic` is a key. In `validation` and `test`
        a factor may have no sweep at all (length 0): what needs them is not scored.
        """


@runtime_checkable
class FaceDataset(SweepDataset, Protocol):
    """A dataset rendered from a face model.

    Its examples also hold `identity`, int [n], the same number for the same person in
    every split, and `coefficients`, float32 [n, K], of that person in the face model.
    """

    def independent(self) -> Sweeps:
        """Test images in which all factors were drawn independently."""

    def face_model(self) -> MorphableModel:
        """The face model, loaded."""


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


def factor_sweeps(
    builder: tfds.core.DatasetBuilder, subset: str, factors: Sequence[str]
) -> dict[str, PreparedSweeps]:
    """The sweeps of each factor of a subset: the splits `<subset>_<factor>`.

    Args:
        builder: a prepared builder.
        subset: `train`, `validation` or `test`.
        factors: names of factors, e.g. `code.factors`.

    Raises:
        DataError: if the dataset lacks one of them.
    """
    return {factor: PreparedSweeps(builder, f"{subset}_{factor}") for factor in factors}


def read_split(builder: tfds.core.DatasetBuilder, split: str) -> Iterator[dict[str, Any]]:
    """Yields the examples of a split in order, with `image` decoded to uint8 [n, H, W, C].

    Raises:
        DataError: if there is no such split, or its file is damaged.
    """
    sweeps = PreparedSweeps(builder, split)
    for index in range(len(sweeps)):
        example = sweeps[index]
        yield {**example, "image": decode_images(example["image"])}


def decode_images(images: np.ndarray | Sequence[bytes]) -> np.ndarray:
    """uint8 [n, H, W, C] from n PNG files; arrays are returned as they are."""
    if isinstance(images, np.ndarray) and images.dtype == np.uint8:
        return images
    decoded = np.stack([np.asarray(Image.open(io.BytesIO(image))) for image in images])
    return decoded if decoded.ndim == 4 else decoded[..., np.newaxis]
