"""The authors' own dataset (Kulkarni et al., NIPS 2015, §4.1): faces without angles.

`torch7.files` says which files it consists of. They stay as they are, and each is
read when its batch is due: the dataset may be larger than the memory. Images become
8-bit grey levels, as those of all datasets: they were made from 8-bit PNG files, and
rounding to a level is a mean squared error of about 1/12 of a level squared, 1.3e-6.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from dcign_tf.datasets.pictures import resize_area
from dcign_tf.datasets.settings import fingerprint
from dcign_tf.datasets.sweeps import NumberedSweeps
from dcign_tf.datasets.torch7.files import Source, find_sources
from dcign_tf.datasets.torch7.settings import Torch7Settings
from dcign_tf.errors import DataError

_HALF_LEVEL = 0.5 / 255


class DcignTorch7:
    """The authors' faces, as a `SweepDataset`. No angle is known: `values` is empty.

    All files are listed at once, and a batch of each kind is read, so that what is wrong
    with many shows before a run begins.

    Args:
        data_dir: the folder that holds the four factors' folders.
        settings: how the files become sweeps.

    Raises:
        DataError: if a folder is missing or holds too few batches, or if a batch that
            was read cannot be trained on.
    """

    extrinsic = ("azimuth", "elevation", "light_azimuth")
    values: Mapping[str, str] = {}
    periods: Mapping[str, float] = {}

    def __init__(self, data_dir: str | os.PathLike[str], settings: Torch7Settings):
        self.image_shape = (settings.image_size, settings.image_size, 1)
        self._root = pathlib.Path(data_dir)
        self._settings = settings
        self._sources = find_sources(
            self._root, settings.validation_fraction, settings.test_fraction
        )
        self._first = self._sources["train"][self.extrinsic[0]][0]
        self._first_size = self._first.read(settings.sweep_length).shape[1]
        for source in {source.kind: source for source in self._all_sources()}.values():
            self._read(source)

    @functools.cached_property
    def fingerprint(self) -> str:
        """12 characters that change with the settings, and with any file's name or size.

        Not with its contents: 24 GB would have to be read at every start.
        """
        files = (
            json.dumps([source.path.relative_to(self._root).as_posix(), source.files])
            for source in self._all_sources()
        )
        return fingerprint(json.dumps(dataclasses.asdict(self._settings)), *files)

    def prepare(self) -> None:
        """Nothing: the files are there, and are read as they are."""

    def sweeps(self, subset: str) -> dict[str, NumberedSweeps]:
        """Factor to the sweeps of `train`, `validation` or `test` in which it varies."""
        return {
            factor: NumberedSweeps(len(sources), lambda i, sources=sources: self._read(sources[i]))
            for factor, sources in self._sources[subset].items()
        }

    def _all_sources(self) -> Iterator[Source]:
        for factors in self._sources.values():
            for sources in factors.values():
                yield from sources

    def _read(self, source: Source) -> dict[str, Any]:
        """`image`, uint8 [n, H, W, 1]; and `distinct`, where images had to be repeated."""
        n, size = self._settings.sweep_length, self._settings.image_size
        images = source.read(n)
        self._check(source, images)
        grey = np.clip(resize_area(images, size), 0, 1)
        levels = np.rint(255 * grey).astype(np.uint8)[..., np.newaxis]
        if len(levels) == n:
            return {"image": levels}
        return {"image": levels[np.arange(n) % len(levels)], "distinct": len(levels)}

    def _check(self, source: Source, images: np.ndarray) -> None:
        height, width = images.shape[1:]
        size = self._settings.image_size
        if height != width or height < size:
            raise DataError(
                f"{source.path} holds images of {height}×{width} pixels; expected square ones of"
                f" at least {size}×{size} (--config.data.image_size={size})."
            )
        if height != self._first_size:
            raise DataError(
                f"{source.path} holds images of {height}×{width} pixels, but {self._first.path}"
                f" of {self._first_size}×{self._first_size}; all must be alike."
            )
        # What arithmetic leaves beyond [0, 1] is less than this; NaN is not.
        if not (images.min() >= -_HALF_LEVEL and images.max() <= 1 + _HALF_LEVEL):
            raise DataError(
                f"{source.path} holds values from {images.min():g} to {images.max():g}; expected"
                " grey values from 0 to 1."
            )


def open_with(data_dir: str, preset: str, settings: Mapping[str, Any]) -> DcignTorch7:
    """The dataset with these settings, for the registry."""
    del preset  # the user's own files: nothing is made of them that would need a name
    return DcignTorch7(data_dir, Torch7Settings(**settings))
