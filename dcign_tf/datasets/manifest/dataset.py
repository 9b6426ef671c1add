"""The user's own pictures: a folder with `manifest.csv`, see docs/datasets.md.

Nothing about them is regular: how many pictures a person has, which values of the
factors, how often. Batches are composed of the groups that there are (`grouping`), of
pictures that are prepared once (`image_pool`).
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dcign_tf.datasets.manifest.grouping import Column, Groups, group_images
from dcign_tf.datasets.manifest.settings import FITTING, ManifestSettings
from dcign_tf.datasets.manifest.splitting import subset_of_pictures
from dcign_tf.datasets.manifest.table import FILENAME, Manifest, factor_name, read_manifest
from dcign_tf.datasets.pictures import FIT_VERSION, encode_png, fit_picture
from dcign_tf.datasets.seeding import named_rng
from dcign_tf.datasets.settings import fingerprint
from dcign_tf.datasets.storage.checksums import checksums, describe_files
from dcign_tf.datasets.storage.image_pool import TRAIN_SWEEPS, ImagePool
from dcign_tf.datasets.sweeps import SUBSETS, NumberedSweeps
from dcign_tf.errors import DataError
from dcign_tf.factors import INTRINSIC
from dcign_tf.readouts.calibrated_factor import MIN_IMAGES

_PREPARED = "dcign_manifest"


class ManifestPictures:
    """A folder of pictures with a manifest, as a `SweepDataset`.

    Training sweeps are drawn from the groups of their factor, larger ones more often.
    Validation and test have each group once, or some of them, and what is repeated to
    fill a sweep stands behind the `distinct` images.

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
        tolerances = settings.by_factor("tolerances", manifest.columns)
        self.periods = settings.by_factor("periods", manifest.columns)
        self._descriptions = self._describe_pictures()
        columns = {
            factor: Column(
                manifest.columns[name], tolerances.get(factor, 0.0), self.periods.get(factor)
            )
            for factor, name in self.values.items()
        }
        self._subset = subset_of_pictures(manifest, settings, columns)
        self._groups = {
            subset: group_images(np.flatnonzero(self._subset == i), manifest.identity, columns)
            for i, subset in enumerate(SUBSETS)
        }
        for factor, groups in self._groups["train"].items():
            if not groups.num_groups and not (factor == INTRINSIC and self._is_one_object):
                raise DataError(self._no_group(factor, groups))
        if not any(groups.num_groups for groups in self._groups["validation"].values()):
            raise DataError(
                f"{manifest.path}: no two pictures held out for validation differ in one factor"
                " alone. Hold more out (--config.data.validation_fraction), or fill a column split."
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
        return {f: self._compose(subset, f, groups) for f, groups in self._groups[subset].items()}

    def report(self) -> str:
        """What was found: pictures, identities, and the groups of every factor, as text."""
        manifest, count = self._manifest, len(self._manifest.identities)
        lines = [
            f"{manifest.path}: {len(manifest):,} pictures of {count:,}"
            f" {'identity' if count == 1 else 'identities'};"
            " those that agree in all but one factor form groups:"
        ]
        row = "{:12}{:20}{:>10}{:>12}{:>14}".format
        lines.append(row("subset", "factor", "groups", "pictures", "in no group"))
        for subset, factors in self._groups.items():
            for factor, groups in factors.items():
                numbers = (groups.num_groups, groups.num_images, groups.num_left_out)
                lines.append(row(subset, factor, *map("{:,}".format, numbers)))
        return "\n".join([*lines, *self._remarks()])

    @property
    def _is_one_object(self) -> bool:
        return self._settings.hold_out == "views" and len(self._manifest.identities) == 1

    def _remarks(self) -> Iterator[str]:
        """Sentences on what the splits allow."""
        if self._settings.hold_out == "views":
            yield (
                "Views are held out, not identities (hold_out=views): the scores will be of whom"
                " training sees, as it does not see them, and tell nothing of anybody else."
            )
        if self._is_one_object:
            yield f"With one identity {INTRINSIC} cannot vary: it gets no batch, and no score."
        of_validation = self._groups["validation"]
        few = [factor for factor in self.extrinsic if of_validation[factor].num_images < MIN_IMAGES]
        if few:
            yield (
                f"Of {' and '.join(few)} there are fewer than {MIN_IMAGES} validation pictures in"
                " groups: too few to calibrate by, and then no value can be read or asked for. To"
                " hold out more: --config.data.validation_fraction."
            )

    @functools.cached_property
    def _pool(self) -> ImagePool:
        """The pictures, fitted. Their checksums are computed here, if they are not known."""
        manifest, settings = self._manifest, self._settings
        parent = self._folder / _PREPARED
        try:
            parent.mkdir(exist_ok=True)
            keys = checksums(
                self._folder, manifest.images, self._descriptions, parent / "checksums.npy"
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

    def _compose(self, subset: str, factor: str, groups: Groups) -> NumberedSweeps:
        """Sweeps of groups drawn anew to train on, or else each of them, or a sample, once."""
        seed, length = self._settings.seed, self._settings.sweep_length
        chosen = None
        if subset != "train":
            most = getattr(self._settings, f"{subset}_sweeps")
            chosen = groups.sample(named_rng(seed, "groups", subset, factor), most)

        def compose(index: int) -> np.ndarray:
            rng = named_rng(seed, "sweep", subset, factor, index)
            if chosen is None:
                return groups.draw(rng, length)
            return groups.show(chosen[index], rng, length)

        count = TRAIN_SWEEPS * bool(groups.num_groups) if chosen is None else len(chosen)
        labels = {**self._manifest.columns, "identity": self._manifest.identity}
        return self._pool.sweeps(compose, count, labels)

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

    def _no_group(self, factor: str, groups: Groups) -> str:
        held = [column for f, column in self.values.items() if f != factor]
        agree = f"agree in {', '.join(held)}" * bool(held)
        if factor == INTRINSIC:
            lacking = f"no two identities have pictures that {agree}"
        else:
            differ = f"differ in {self.values[factor]}"
            lacking = f"no identity has two that {' and '.join(filter(None, [agree, differ]))}"
        tolerance = f" or give a tolerance (--config.data.tolerances={held[0]}:1)" if held else ""
        return (
            f"{self._manifest.path}: nothing shows how {factor} alone varies: of the"
            f" {groups.num_left_out:,} pictures to train on, {lacking}. Add some{tolerance}."
        )


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
