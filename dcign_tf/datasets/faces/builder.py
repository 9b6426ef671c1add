"""TFDS builder `dcign_faces`: sweeps of rendered faces in which exactly one factor varies.

Stands in for the faces that the paper rendered from the Basel Face Model (§4.1),
and is made, not downloaded. Splits are `{train,validation,test}_{azimuth,
elevation,light_azimuth,intrinsic}`, sweeps of 20 images of one factor each, and
`test_independent`, single images with all factors drawn independently. The
identities of train, validation and test are disjoint.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from google.protobuf import json_format

# Not part of TFDS's interface, which has builders that make examples one by one in one process:
# this one takes files that `generate_parts` has made, whose bytes are always the same. And it
# can only decode the images too (4.9): whoever skips that in `as_data_source` gets an
# AttributeError for sequences of images.
from tensorflow_datasets.core.dataset_builder import FileReaderBuilder
from tensorflow_datasets.core.example_parser import ExampleParserNp
from tensorflow_datasets.core.example_serializer import ExampleSerializer

from dcign_tf.datasets.faces.sampling import (
    data_fingerprint,
    describe,
    face_model,
    render_example,
    summarize_model,
)
from dcign_tf.datasets.faces.settings import (
    EXTRINSIC,
    FACTORS,
    INDEPENDENT,
    PRESETS,
    FaceSettings,
)
from dcign_tf.datasets.iterators import free_at_exit
from dcign_tf.datasets.storage.generation import check_files, generate_parts, make_once
from dcign_tf.datasets.storage.parts import Part
from dcign_tf.datasets.sweeps import NumberedSweeps
from dcign_tf.errors import DataError, of_tensorflow
from dcign_tf.rendering.morphable_model import MorphableModel

# Smaller files lose less work when a run is interrupted; larger ones are fewer.
_IMAGES_PER_FILE = 10_000
_AS_STORED = tfds.decode.DeserializeMethod.RAW_BYTES


def _features(settings: FaceSettings) -> tfds.features.FeaturesDict:
    per_image = functools.partial(tfds.features.Tensor, shape=(None,))
    num_coefficients = summarize_model(settings.face_model).num_coefficients
    shape = (settings.image_size, settings.image_size, settings.channels)
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Sequence(
                tfds.features.Image(shape=shape, encoding_format="png")
            ),
            **{f"{factor}_deg": per_image(dtype=np.float32) for factor in EXTRINSIC},
            "identity": per_image(dtype=np.int64),
            "coefficients": tfds.features.Tensor(shape=(None, num_coefficients), dtype=np.float32),
            "factor": tfds.features.ClassLabel(names=[*FACTORS, INDEPENDENT]),
        }
    )


@functools.lru_cache(maxsize=1)
def _serializer(settings: FaceSettings) -> tuple[tfds.features.FeaturesDict, ExampleSerializer]:
    features = _features(settings)
    return features, ExampleSerializer(features.get_serialized_info())


def _serialize(settings: FaceSettings, example: Mapping[str, Any]) -> list[bytes]:
    """The record of an example; in any process, with these settings alone."""
    features, serializer = _serializer(settings)
    encoded = serializer.get_tf_example(features.encode_example(example))
    # The serializer's own `serialize_example` writes the features in random order.
    return [encoded.SerializeToString(deterministic=True)]


@dataclasses.dataclass(eq=False)
class DcignFacesConfig(tfds.core.BuilderConfig):
    """Settings and the name made of them: `<preset>-<fingerprint>`.

    The fingerprint covers every setting, the face model and the renderer, so
    that data made with others lie in another folder.
    """

    settings: FaceSettings = dataclasses.field(default_factory=FaceSettings)

    @classmethod
    def from_settings(cls, preset: str = "custom", **settings: Any) -> DcignFacesConfig:
        """The configuration of a preset, or of the default, with changes to its settings.

        Raises:
            ValueError: if a setting is impossible.
            TypeError: if there is no such setting.
        """
        resolved = FaceSettings(**{**PRESETS.get(preset, {}), **settings})
        return cls(name=f"{preset}-{data_fingerprint(resolved)}", settings=resolved)


class DcignFaces(FileReaderBuilder):
    """Builder of `dcign_faces`, and a `FaceDataset`.

    `config` is a `DcignFacesConfig`, or `quick` or `paper`. The data are
    ArrayRecord files, read with `as_data_source` (random access) or `as_dataset`.

    Raises:
        DataError: if the dataset is there but damaged.
    """

    # Raise it when `drawing` draws or stores anything differently. Settings, face model
    # and renderer need no new version: they are in the configuration's name.
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}  # noqa: RUF012 (TFDS's way)

    extrinsic = EXTRINSIC
    values: Mapping[str, str] = {factor: f"{factor}_deg" for factor in EXTRINSIC}
    periods: Mapping[str, float] = {}

    def __init__(self, *, config: str | DcignFacesConfig | None = None, **kwargs: Any):
        kwargs.setdefault("file_format", "array_record")
        try:
            super().__init__(config=config, **kwargs)
        except json_format.ParseError as error:  # of dataset_info.json, if the dataset is there
            directory = self.data_dir
            raise DataError(
                f"{directory}/dataset_info.json is damaged; delete {directory} and run the same "
                "command again to make it anew."
            ) from error

    @property
    def image_shape(self) -> tuple[int, int, int]:
        settings = self.builder_config.settings
        return (settings.image_size, settings.image_size, settings.channels)

    @property
    def fingerprint(self) -> str:
        return data_fingerprint(self.builder_config.settings)

    def prepare(self) -> None:
        """Renders whatever is not there yet, see `SweepDataset.prepare`; nothing is downloaded.

        The dataset appears under its name when it is complete. Until then the finished files
        wait in a folder beside it.
        """
        directory = Path(self.data_dir)
        staging = directory.with_name(f"{directory.name}.rendering")
        is_new = not directory.exists()
        make_once(directory, staging, lambda: self._download_and_prepare(staging))
        if is_new:
            self.info.read_from_directory(directory)

    download_and_prepare = prepare  # as TFDS calls it

    def sweeps(self, subset: str) -> dict[str, NumberedSweeps]:
        return {factor: self.examples(f"{subset}_{factor}") for factor in FACTORS}

    def independent(self) -> NumberedSweeps:
        return self.examples(f"test_{INDEPENDENT}")

    def face_model(self) -> MorphableModel:
        return face_model(self.builder_config.settings.face_model)

    def examples(self, split: str) -> NumberedSweeps:
        """A split of the prepared dataset, in random access, whose images stay PNG files.

        Args:
            split: its name, e.g. `train_azimuth`.

        Returns:
            The features of each example, `image` as a list of n PNG files. One whose file
            is damaged raises a `DataError`.

        Raises:
            DataError: if the dataset has no such split.
        """
        if split not in self.info.splits:
            available = ", ".join(self.info.splits)
            raise DataError(f"No split '{split}' in {self.data_dir}; it has {available}.")
        records = self.as_data_source(split, deserialize_method=_AS_STORED)
        parser = ExampleParserNp(self.info.features.get_serialized_info())

        def read(index: int) -> dict[str, Any]:
            try:
                return parser.parse_example(records[index])
            except (RuntimeError, ValueError, OSError):
                check_files(Path(self.data_dir), full=True)
                raise

        return NumberedSweeps(len(records), read)

    def _download_and_prepare(self, staging: Path) -> None:
        """TFDS's name for making the data, here with an argument of our own."""
        settings = self.builder_config.settings
        parts = {
            split: self._parts(split, count) for split, count in settings.num_examples().items()
        }
        generate_parts(
            staging,
            [part for of_split in parts.values() for part in of_split],
            render=functools.partial(render_example, settings),
            serialize=functools.partial(_serialize, settings),
        )
        split_infos = [
            tfds.core.SplitInfo(
                name=split,
                shard_lengths=[len(part.examples) for part in shards],
                num_bytes=sum((staging / part.filename).stat().st_size for part in shards),
                filename_template=self._get_filename_template(split),
            )
            for split, shards in parts.items()
        ]
        self.info.set_splits(tfds.core.SplitDict(split_infos))
        try:
            self.info.write_to_directory(staging)
        except tf.errors.OpError as error:
            reason = of_tensorflow(error.message)
            raise DataError(f"Cannot write {staging}: {reason}.") from error

    def _parts(self, split: str, num_examples: int) -> list[Part]:
        images = self.builder_config.settings.images_per_example(split)
        per_file = max(1, _IMAGES_PER_FILE // images)
        starts = range(0, num_examples, per_file)
        paths = self._get_filename_template(split).sharded_filepaths(len(starts))
        examples = [(split, index) for index in range(num_examples)]
        return [
            Part(path.name, examples[start : start + per_file], images)
            for path, start in zip(paths, starts, strict=True)
        ]

    def _as_dataset(
        self,
        split: Any,
        decoders: Any = None,
        read_config: tfds.ReadConfig | None = None,
        shuffle_files: bool = False,
    ) -> tf.data.Dataset:
        """What `as_dataset` reads; TFDS itself reads ArrayRecord files as data sources alone."""
        records = self.as_data_source(split, deserialize_method=_AS_STORED)
        indices = tf.data.Dataset.range(len(records))
        if shuffle_files:
            seed = None if read_config is None else read_config.shuffle_seed
            indices = indices.shuffle(len(records), seed=seed)

        def read(index: tf.Tensor) -> tf.Tensor:
            record = tf.numpy_function(lambda i: records[int(i)], [index], tf.string)
            features = self.info.features
            return features.deserialize_example(tf.ensure_shape(record, []), decoders=decoders)

        free_at_exit()
        return indices.map(read, num_parallel_calls=tf.data.AUTOTUNE)

    def _info(self) -> tfds.core.DatasetInfo:
        settings = self.builder_config.settings
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=_features(settings),
            metadata=tfds.core.MetadataDict(describe(settings)),
            disable_shuffling=True,  # the examples are drawn at random already
        )

    def _create_builder_config(
        self, builder_config: str | DcignFacesConfig | None, version: Any
    ) -> DcignFacesConfig:
        """Also takes the name of a preset: its full name, with the fingerprint, is costly."""
        del version
        if isinstance(builder_config, DcignFacesConfig):
            return builder_config
        preset = builder_config or "quick"
        if preset not in PRESETS:
            raise ValueError(f"Unknown preset '{preset}'; there are {', '.join(PRESETS)}.")
        return DcignFacesConfig.from_settings(preset)


def open_with(data_dir: str, preset: str, settings: Mapping[str, Any]) -> DcignFaces:
    """The dataset with these settings, for the registry."""
    config = DcignFacesConfig.from_settings(preset, **settings)
    return DcignFaces(config=config, data_dir=data_dir)
