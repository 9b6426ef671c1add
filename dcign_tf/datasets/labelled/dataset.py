"""TensorFlow Datasets of pictures with labels: smallNORB, 3D Shapes, dSprites, any other.

Batches are composed of the pictures that agree in all labels but one (`grouped_sweeps`), as those
of a manifest are. The pictures stay where TFDS keeps them.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from dcign_tf.datasets.grouped_sweeps import GroupedSweeps, split_identities
from dcign_tf.datasets.grouping import Column
from dcign_tf.datasets.labelled.labels import check_features, damaged, read_example, read_labels
from dcign_tf.datasets.labelled.records import find_dataset, open_records
from dcign_tf.datasets.labelled.settings import LabelledSettings, listed, parse_factors
from dcign_tf.datasets.pictures import decoded, fitted
from dcign_tf.datasets.settings import fingerprint, numbers_by_factor
from dcign_tf.datasets.sweeps import SUBSETS, ComposedSweeps, NumberedSweeps
from dcign_tf.errors import DataError
from dcign_tf.quantities import factor_name

_LARGEST = {"uint8": 255, "uint16": 65535}
"""Type of a picture's levels to the largest of them."""


class LabelledPictures:
    """A TensorFlow Dataset of pictures with labels, as a `SweepDataset`.

    Args:
        data_dir: where TFDS keeps its datasets; nothing is written there.
        settings: see `LabelledSettings`.

    Raises:
        DataError: if the dataset is not there, lacks what the settings name or cannot be
            split, or a factor has no group to train on.
    """

    def __init__(self, data_dir: str, settings: LabelledSettings):
        self._settings, self._meaning = settings, settings.meaning()
        factors = parse_factors(self._meaning.factors)
        identity = listed(self._meaning.identity)
        columns = [factor.column for factor in factors]
        names = {factor_name(column): column for column in columns}
        self.extrinsic = tuple(names)
        self.periods = numbers_by_factor("periods", self._meaning.periods, columns)
        tolerances = numbers_by_factor("tolerances", self._meaning.tolerances, columns)
        categories = _categories(self._meaning.categories, columns)
        self.values = {f: column for f, column in names.items() if f not in categories}

        builder = find_dataset(settings.name, data_dir)
        self._name, self._where = builder.info.full_name, str(builder.data_dir)
        features = builder.info.features
        self._largest, channels = _kind_of_picture(features, settings.image, self._where)
        self.image_shape = (
            *(settings.image_size, settings.image_size),
            settings.channels or channels,
        )
        check_features(features, [*(factor.feature for factor in factors), *identity], self._where)
        splits = list(filter(None, (self._meaning.split, self._meaning.test_split)))
        self._records, counts = open_records(builder, splits)
        self._labels = read_labels(
            self._records, factors, identity, settings.image, where=self._where
        )
        self._subset = self._split(counts[0])
        self._grouped = GroupedSweeps(
            self._subset,
            self._labels.identity,
            {
                factor: Column(
                    self._labels.columns[column],
                    tolerances.get(factor, 0.0),
                    self.periods.get(factor),
                )
                for factor, column in names.items()
            },
            settings,
            names=names,
            where=self._where,
            remedy="Hold more out (--config.data.validation_fraction)",
        )

    @functools.cached_property
    def fingerprint(self) -> str:
        """Changes with every picture as it is stored, every label and every setting."""
        settings = [dataclasses.asdict(each) for each in (self._settings, self._meaning)]
        return fingerprint(json.dumps([self._name, *settings]), self._labels.digest)

    def prepare(self) -> None:
        """Reports what was found; all is there already."""
        print(self.report(), file=sys.stderr)

    def sweeps(self, subset: str) -> dict[str, NumberedSweeps]:
        """Factor to the sweeps of `train`, `validation` or `test` in which it varies."""
        labels = {**self._labels.columns, "identity": self._labels.identity}
        of_images = functools.partial(ComposedSweeps, self._read, labels=labels)
        return self._grouped.sweeps(subset, of_images)

    def report(self) -> str:
        """What was found: pictures, identities, and the groups of every factor, as text."""
        shares = (
            f"{len(np.unique(self._labels.identity[self._subset == i]))} for {subset}"
            for i, subset in enumerate(SUBSETS)
        )
        return (
            f"{self._where}: {len(self._records):,} pictures of {len(self._labels.identities):,}"
            f" identities ({', '.join(shares)}); {self._grouped}"
        )

    def _split(self, num_to_train: int) -> np.ndarray:
        """Index into `SUBSETS` of each picture; the first so many are not of the test split."""
        names, identity = self._labels.identities, self._labels.identity
        to_train = np.unique(identity[:num_to_train])
        in_both = np.intersect1d(to_train, identity[num_to_train:])
        if len(in_both):
            raise DataError(
                f"{self._where}: {len(in_both)} of {len(names)} identities are in the splits"
                f" {self._meaning.split} and {self._meaning.test_split} both. Test on identities"
                " of one split, chosen by chance (--config.data.split=train+test), or name other"
                " features that make the identity."
            )
        subset = np.full(len(names), SUBSETS.index("test"))
        shares = (self._settings.validation_fraction, self._settings.test_fraction)
        subset[to_train] = split_identities(
            [names[number] for number in to_train],
            shares[:1] if self._meaning.test_split else shares,
            self._settings.seed,
            where=self._where,
            remedy="Hold fewer out (--config.data.validation_fraction), or name more features"
            " that make the identity (--config.data.identity)",
        )
        return subset[identity]

    def _read(self, images: np.ndarray) -> np.ndarray:
        """Images by their numbers: uint8 [n, H, W, C]."""
        return np.stack([self._picture(index) for index in images.tolist()])

    def _picture(self, index: int) -> np.ndarray:
        settings, white = self._settings, self._meaning.white or self._largest
        example = read_example(self._records, index, self._where)
        try:
            content = example[settings.image].bytes_list.value[0]
            picture = decoded(content, f"{self._where}: example {index}")
            if white != self._largest:
                levels = np.minimum(np.asarray(picture) * (255 / white), 255)
                picture = Image.fromarray(levels.round().astype(np.uint8))
            return fitted(
                picture,
                image_size=settings.image_size,
                channels=self.image_shape[-1],
                background=settings.background,
                fit=settings.fit,
            )
        except DataError as error:
            raise DataError(f"{error}; leave it out, and prepare the dataset anew.") from error
        except (IndexError, ValueError) as error:
            raise damaged(index, self._where) from error


def _categories(text: str, columns: Sequence[str]) -> set[str]:
    """The factors among these that are named."""
    names, named = set(map(factor_name, columns)), set(map(factor_name, listed(text)))
    if named - names:
        raise DataError(
            f"--config.data.categories: there is no factor {', '.join(sorted(named - names))};"
            f" there is {', '.join(columns)}."
        )
    return named


def _kind_of_picture(
    features: tfds.features.FeaturesDict, name: str, where: str
) -> tuple[int, int]:
    """The largest level of the pictures, and their channels, 1 or 3.

    Raises:
        DataError: if that feature is no picture.
    """
    pictures = sorted(k for k, kind in features.items() if isinstance(kind, tfds.features.Image))
    if name not in pictures:
        raise DataError(
            f"{where}: {name} is no picture (--config.data.image);"
            f" there is {', '.join(pictures) or 'none'}."
        )
    kind = np.dtype(features[name].np_dtype).name
    if kind not in _LARGEST:
        raise DataError(f"{where}: {name} is of {kind}; it must be of {' or '.join(_LARGEST)}.")
    return _LARGEST[kind], 1 if features[name].shape[-1] == 1 else 3


def open_with(data_dir: str, preset: str, settings: Mapping[str, Any]) -> LabelledPictures:
    """The dataset with these settings, for the registry."""
    del preset  # nothing is prepared
    return LabelledPictures(data_dir, LabelledSettings(**settings))
