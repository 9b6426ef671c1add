"""The user's own pictures: a folder with `manifest.csv`, see docs/datasets.md.

Nothing about them is regular: how many pictures a person has, which values of the
factors, how often. Batches are composed of the groups that there are (`grouping`), of
pictures that are prepared once (`image_pool`).
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dcign_tf.datasets.grouped_sweeps import GroupedSweeps
from dcign_tf.datasets.grouping import Column
from dcign_tf.datasets.manifest.settings import FITTING, ManifestSettings
from dcign_tf.datasets.manifest.splitting import subset_of_pictures
from dcign_tf.datasets.manifest.table import FILENAME, Manifest, read_manifest
from dcign_tf.datasets.pictures import FIT_VERSION, encode_png, fit_picture
from dcign_tf.datasets.settings import fingerprint, numbers_by_factor
from dcign_tf.datasets.storage.checksums import checksums, describe_files
from dcign_tf.datasets.storage.image_pool import ImagePool
from dcign_tf.datasets.sweeps import NumberedSweeps
from dcign_tf.errors import DataError
from dcign_tf.quantities import factor_name

_PREPARED = "dcign_manifest"


class ManifestPictures:
    """A folder of pictures with a manifest, as a `SweepDataset`.

    Args:
        folder: with `manifest.csv`; what is prepared goes into a folder in it.
        settings: see `ManifestSettings`.

    Raises:
        DataError: if anything is wrong with the manifest, a picture is missing, a factor has
            no group to train on, or nothing to validate on; nothing is written before that is
            known.
    """

    def __init__(self, folder: Path, settings: ManifestSettings):
        self._folder = Path(folder)
        self._settings = settings
        self._manifest = manifest = read_manifest(self._folder / FILENAME)
        self.extrinsic = tuple(map(factor_name, manifest.columns))
        self.image_shape = (settings.image_size, settings.image_size, settings.channels)
        self.values = dict(zip(self.extrinsic, manifest.columns, strict=True))
        tolerances = numbers_by_factor("tolerances", settings.tolerances, manifest.columns)
        self.periods = numbers_by_factor("periods", settings.periods, manifest.columns)
        self._descriptions = self._describe_pictures()
        columns = {
            factor: Column(
                manifest.columns[name], tolerances.get(factor, 0.0), self.periods.get(factor)
            )
            for factor, name in self.values.items()
        }
        self._subset = subset_of_pictures(manifest, settings, columns)
        self._grouped = GroupedSweeps(
            self._subset,
            manifest.identity,
            columns,
            settings,
            names=self.values,
            where=str(manifest.path),
            remedy="Hold more out (--config.data.validation_fraction), or fill a column split",
        )

    @functools.cached_property
    def fingerprint(self) -> str:
        """Changes with every picture, every row and every setting."""
        manifest = self._manifest
        described = [self._pool.fingerprint, list(manifest.columns), manifest.identities]
        described.append(self._settings.described())
        arrays = (manifest.identity, self._subset, *manifest.columns.values())
        return fingerprint(json.dumps(described), *(array.tobytes() for array in arrays))

    def prepare(self) -> None:
        """Reports the groups and fits every picture into its square: `SweepDataset.prepare`."""
        print(self.report(), file=sys.stderr)
        self._pool.prepare()

    def sweeps(self, subset: str) -> dict[str, NumberedSweeps]:
        """Factor to the sweeps of `train`, `validation` or `test` in which it varies."""
        labels = {**self._manifest.columns, "identity": self._manifest.identity}
        return self._grouped.sweeps(subset, functools.partial(self._pool.sweeps, labels=labels))

    def report(self) -> str:
        """What was found: pictures, identities, and the groups of every factor, as text."""
        manifest, count = self._manifest, len(self._manifest.identities)
        report = (
            f"{manifest.path}: {len(manifest):,} pictures of {count:,}"
            f" {'identity' if count == 1 else 'identities'}; {self._grouped}"
        )
        if self._settings.hold_out == "views":
            report += (
                "\nViews are held out, not identities (hold_out=views): the scores will be of whom"
                " training sees, as it does not see them, and tell nothing of anybody else."
            )
        return report

    @functools.cached_property
    def _pool(self) -> ImagePool:
        """The pictures, fitted. Their checksums are computed here, if they are not known."""
        manifest, settings = self._manifest, self._settings
        parent = self._folder / _PREPARED
        try:
            parent.mkdir(exist_ok=True)
            keys = checksums(
                self._folder, manifest.images, self._descriptions, parent / "checksums.bin"
            )
        except OSError as error:
            raise DataError(
                f"Cannot use {error.filename or parent}: {error.strerror}. What is prepared goes"
                f" into {parent}; a {FILENAME} elsewhere may name pictures by their whole paths."
            ) from error
        described = settings.described()
        fit = {name: described[name] for name in FITTING if name in described}
        make = functools.partial(_make_picture, manifest, fit)
        settings_of_all = {"version": FIT_VERSION, **fit}
        return ImagePool(parent, dict(enumerate(keys)), settings=settings_of_all, make=make)

    def _describe_pictures(self) -> list[bytes]:
        manifest = self._manifest
        descriptions = describe_files(self._folder, manifest.images)
        failed = [i for i, d in enumerate(descriptions) if isinstance(d, OSError)]
        if failed:
            first = failed[0]
            others = f" (and {len(failed) - 1:,} more)" if len(failed) > 1 else ""
            raise DataError(
                f"{manifest.where(first)}: the picture {manifest.images[first]} cannot be opened:"
                f" {descriptions[first].strerror}{others}."
            )
        return descriptions


def _make_picture(manifest: Manifest, fit: Mapping[str, Any], index: int) -> list[bytes]:
    """What the pool's workers do."""
    try:
        return [encode_png(fit_picture(manifest.picture(index), **fit))]
    except DataError as error:
        raise DataError(
            f"{manifest.where(index)}: {error}. Replace it or remove the row, and run the same"
            " command again; what is prepared is kept."
        ) from error


def open_with(data_dir: str, preset: str, settings: Mapping[str, Any]) -> ManifestPictures:
    """The dataset with these settings, for the registry."""
    del preset  # what is prepared does not depend on it
    return ManifestPictures(Path(data_dir), ManifestSettings(**settings))
