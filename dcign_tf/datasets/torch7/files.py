"""The files of the authors' face dataset: which there are, and the images in one of them.

Two forms are known, told apart by the folders that are there; each folder is a set in
whose batches one factor varies:

    th_{AZ,EL,LIGHT_AZ,SHAPE}_VARIED/FT_{training,test}/batch<N>    the release
    {AZ,EL,LIGHT_AZ,SHAPE}_VARIED/<face>/*.png                      what it was made from

A batch is a FloatTensor 20×1×150×150 in [0, 1] that Torch7 saved. Names, and how PNG
files became grey, are those of the authors' code (`willwhitney/dc-ign`: `utils.lua`,
`cache_single_variation.lua`).
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re

import numpy as np

from dcign_tf.datasets.pictures import open_picture
from dcign_tf.datasets.sweeps import SUBSETS, evenly
from dcign_tf.datasets.torch7.tensor_file import read_tensor
from dcign_tf.errors import DataError
from dcign_tf.factors import INTRINSIC
from dcign_tf.folders import is_shown

_SETS = {
    "azimuth": "AZ_VARIED",
    "elevation": "EL_VARIED",
    "light_azimuth": "LIGHT_AZ_VARIED",
    INTRINSIC: "SHAPE_VARIED",
}
_GREY_WEIGHTS = np.array([0.21, 0.72, 0.07], np.float32)  # of red, green and blue


@dataclasses.dataclass(frozen=True)
class Source:
    """Where one batch lies.

    Attributes:
        path: of the file of the release, or of the folder of at least two PNG files.
        files: name and bytes of each file.
        kind: sources of one kind are made alike: if one can be read, so should all.
    """

    path: pathlib.Path
    files: tuple[tuple[str, int], ...]
    kind: object

    def read(self, length: int) -> np.ndarray:
        """Its images, float32 [n, H, W] in [0, 1] if all is well.

        A file of the release must hold exactly `length`. Of more PNG files than that some
        are taken, evenly spread over their names' order.

        Raises:
            DataError: if they cannot be read, or are none of this dataset's.
        """
        if len(self.files) > 1:
            return self._read_folder(length)
        tensor = read_tensor(self.path)
        if tensor.ndim != 4 or tensor.shape[:2] != (length, 1):
            raise DataError(
                f"{self.path} holds a tensor of {'×'.join(map(str, tensor.shape))}; expected"
                f" {length}×1×height×width (--config.data.sweep_length={length})."
            )
        levels = 255 if tensor.dtype == np.uint8 else 1
        return tensor[:, 0].astype(np.float32) / np.float32(levels)

    def _read_folder(self, length: int) -> np.ndarray:
        images = [_read_png(self.path / self.files[i][0]) for i in evenly(self.files, length)]
        if len({image.shape for image in images}) > 1:
            raise DataError(f"{self.path} holds images of different sizes; they must be alike.")
        return np.stack(images)


Sources = dict[str, dict[str, list[Source]]]
"""Subset to factor to sources."""


def find_sources(root: pathlib.Path, validation_fraction: float, test_fraction: float) -> Sources:
    """Lists the batches of either form, in order of their numbers; the release, if both are there.

    Args:
        root: the folder that holds the four sets.
        validation_fraction: so many of each set's training batches, the last, become
            `validation`.
        test_fraction: so many of each set's PNG folders, the last, become `test`.

    Returns:
        The sources of `train`, `validation` and `test`; none is empty.

    Raises:
        DataError: if a folder is missing, or holds too little to be split.
    """
    release = {factor: root / f"th_{name}" for factor, name in _SETS.items()}
    folders = {factor: root / name for factor, name in _SETS.items()}
    is_release = any(path.is_dir() for path in release.values())
    if not is_release and not any(path.is_dir() for path in folders.values()):
        raise DataError(
            f"{root} holds no DC-IGN faces: expected th_AZ_VARIED, th_EL_VARIED,"
            " th_LIGHT_AZ_VARIED and th_SHAPE_VARIED in it; give the folder that holds them as"
            " --data_dir (docs/datasets.md)."
        )
    sources: Sources = {subset: {} for subset in SUBSETS}
    for factor in _SETS:
        if is_release:
            train = _batch_files(release[factor] / "FT_training")
            test = _batch_files(release[factor] / "FT_test")
        else:
            train, test = _split(_png_folders(folders[factor]), test_fraction, folders[factor])
        train, validation = _split(train, validation_fraction, train[0].path.parent)
        for subset, batches in zip(SUBSETS, (train, validation, test), strict=True):
            sources[subset][factor] = batches
    return sources


def _batch_files(directory: pathlib.Path) -> list[Source]:
    files = [e for e in _entries(directory) if re.fullmatch("batch[0-9]+", e.name) and e.is_file()]
    if not files:
        raise DataError(f"{directory} holds no batches: expected files batch1, batch2, …")
    # Another shape or type has another size, as a truncated file has.
    sizes = [entry.stat().st_size for entry in files]
    return [
        Source(pathlib.Path(entry), files=((entry.name, size),), kind=size)
        for entry, size in zip(files, sizes, strict=True)
    ]


def _png_folders(directory: pathlib.Path) -> list[Source]:
    folders = []
    for folder in _entries(directory):
        if folder.is_dir():
            entries = [e for e in _entries(folder.path) if e.name.lower().endswith(".png")]
            if len(entries) < 2:
                raise DataError(
                    f"{folder.path} holds {len(entries) or 'no'} PNG files; a batch needs at least"
                    " 2. Complete the folder, or remove it."
                )
            files = tuple((entry.name, entry.stat().st_size) for entry in entries)
            folders.append(Source(pathlib.Path(folder), files, kind=directory))
    return folders


def _entries(directory: str | os.PathLike[str]) -> list[os.DirEntry[str]]:
    """What a folder holds, batch2 before batch10; `is_shown` says what is left out."""
    try:
        with os.scandir(directory) as entries:
            shown = [entry for entry in entries if is_shown(entry.name)]
    except FileNotFoundError:
        raise DataError(
            f"{directory} is missing; the dataset needs all four factors (docs/datasets.md)."
        ) from None
    except OSError as error:
        raise DataError(f"Cannot read {directory}: {error.strerror}.") from error
    return sorted(shown, key=_natural)


def _natural(entry: os.DirEntry[str]) -> tuple[list[str | int], str]:
    parts = re.split("([0-9]+)", entry.name)  # text and numbers in turn, text first
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], entry.name


def _split(
    sources: list[Source], fraction: float, directory: pathlib.Path
) -> tuple[list[Source], list[Source]]:
    """All but the last, and the last, of which there are so many; neither is empty."""
    last = max(1, round(fraction * len(sources)))
    if last >= len(sources):
        raise DataError(
            f"{directory} holds too few batches to set some aside for validation or testing."
        )
    return sources[:-last], sources[-last:]


def _read_png(path: pathlib.Path) -> np.ndarray:
    """float32 [H, W] in [0, 1]."""
    with open_picture(path) as picture:
        if picture.mode in ("1", "L", "LA"):
            return np.asarray(picture.convert("L"), np.float32) / 255
        if picture.mode in ("P", "PA", "RGB", "RGBA"):
            return np.asarray(picture.convert("RGB"), np.float32) @ _GREY_WEIGHTS / 255
        raise DataError(
            f"{path} has pixels of mode {picture.mode}; expected grey or RGB of 8 bits."
        )
