"""The rendered chairs of Aubry et al. (Seeing 3D chairs, CVPR 2014), as they are published.

    rendered_chairs/<model>/renders/image_<k>_p<elevation>_t<azimuth>_r<radius>.png

1,393 models, each from 31 azimuths (360°/31 apart, in the names cut down to whole
degrees) at the elevations 20° and 30°: 86,366 pictures of 600×600 pixels on white.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tarfile
from pathlib import Path

import numpy as np

from dcign_tf.datasets.chairs.settings import PICTURE_SIDE
from dcign_tf.datasets.pictures import converted, encode_png, open_picture, resize_area
from dcign_tf.datasets.storage.downloads import download
from dcign_tf.datasets.storage.generation import exclusive_directory
from dcign_tf.errors import DataError
from dcign_tf.files import delete
from dcign_tf.folders import is_shown

FOLDER = "rendered_chairs"
PREPARED = "dcign_chairs"
"""Where what is made of it goes: into the data directory, which may be the release itself."""
URL = "https://www.di.ens.fr/willow/research/seeing3Dchairs/data/rendered_chairs.tar"
"""The authors' own address, as the readme of mathieuaubry/seeing3Dchairs has it."""
CROP_VERSION = 1
"""Raised whenever the same picture no longer gives the same bytes."""

_NAME = re.compile(r"image_\d+_p(\d+)_t(\d+)_r\d+\.png", re.ASCII)
_WHITE = 255

View = tuple[int, int]
"""Elevation and azimuth in whole degrees, as the names have them."""


def release_folder(data_dir: Path) -> Path | None:
    """The folder of the models' folders: `data_dir/rendered_chairs`, or `data_dir` itself."""
    if (data_dir / FOLDER).is_dir():
        return data_dir / FOLDER
    models = (renders.parent.name for renders in data_dir.glob("*/renders"))
    return data_dir if any(map(is_shown, models)) else None


def fetch_release(data_dir: Path) -> None:
    """Downloads the release and unpacks it to `data_dir/rendered_chairs`.

    Raises:
        DataError: if it cannot be had, unpacked or stored. What has arrived is kept, and
            the next call goes on from there.
    """
    staging = data_dir / f"{FOLDER}.download"
    with exclusive_directory(staging):
        if release_folder(data_dir) is not None:  # another process was quicker
            return
        archive, unpacked = staging / f"{FOLDER}.tar", staging / "unpacked"
        instead = (
            f"unpack a copy of your own to {data_dir / FOLDER}, or take"
            " --config.data.source=procedural"
        )
        download(URL, archive, advice=instead)
        print(f"Unpacking {archive}", file=sys.stderr)
        try:
            delete(unpacked)  # what a stopped call left
            with tarfile.open(archive) as tar:
                tar.extractall(unpacked, filter="data")
            (unpacked / FOLDER).rename(data_dir / FOLDER)
            delete(unpacked)
            archive.unlink()  # its checksum stays, to compare a later download with
        except (tarfile.TarError, EOFError, FileNotFoundError) as error:
            for path in staging.glob(f"{archive.name}*"):  # its checksum, too
                path.unlink()
            raise DataError(
                f"What {URL} sent is no archive of {FOLDER} ({str(error).splitlines()[0]}); it was"
                f" thrown away. Try again later, or {instead}."
            ) from error
        except OSError as error:
            raise DataError(f"Cannot unpack {archive} to {unpacked}: {error.strerror}.") from error


class ReleasedChairs:
    """Models of a copy of the release, as a `ChairSource`.

    Args:
        root: the folder of the models' folders.
        image_size: pixels of the images' side, at most `crop`.
        crop: side of the square in the middle of a picture that is kept, and made smaller
            by area means.

    Raises:
        DataError: for the first model that lacks its renders or a view, or has a file
            of another name among them.
    """

    verb = "Preparing"

    def __init__(self, root: Path, *, image_size: int, crop: int):
        self._root, self._image_size, self._crop = root, image_size, crop
        self.settings = {
            "source": "release",
            "version": CROP_VERSION,
            "image_size": image_size,
            "crop": crop,
        }
        self.names = sorted(
            entry.name
            for entry in os.scandir(root)
            if entry.is_dir() and entry.name != PREPARED and is_shown(entry.name)
        )
        if not self.names:
            raise DataError(
                f"{root} is empty; expected {root}/<model>/renders/image_000_p020_t000_r096.png"
                " and so on. Unpack the release there, or remove the folder."
            )
        models = [_read_model(root / name) for name in self.names]
        grid = set().union(*models)
        self.elevations_deg = sorted({elevation for elevation, _ in grid})
        self.azimuths_deg = sorted({azimuth for _, azimuth in grid})
        views = [(e, a) for e in self.elevations_deg for a in self.azimuths_deg]
        for name, files in zip(self.names, models, strict=True):
            lacking = [view for view in views if view not in files]
            if lacking:
                elevation, azimuth = lacking[0]
                raise DataError(
                    f"{root / name / 'renders'} has no picture of elevation p{elevation:03d} and"
                    f" azimuth t{azimuth:03d}, as other models have; of {len(views)} such pictures"
                    f" it lacks {len(lacking)}. Unpack the release again or remove the model."
                )
        self._files = [[files[view] for view in views] for files in models]
        self.keys = [hashlib.sha256(repr(files).encode()).hexdigest() for files in self._files]

    def __str__(self) -> str:
        return f"the release of Aubry et al. in {self._root}"

    def pictures(self, chair: int) -> list[Path]:
        """The pictures of a chair, one for each view."""
        return [self._root / self.names[chair] / "renders" / name for name, _ in self._files[chair]]

    def make(self, chair: int) -> list[bytes]:
        start = (PICTURE_SIDE - self._crop) // 2
        middle = slice(start, start + self._crop)
        whole = np.stack([_read_grey(path) for path in self.pictures(chair)])
        images = resize_area(whole[:, middle, middle].astype(np.float32), self._image_size)
        return [encode_png(image[..., None]) for image in np.rint(images).astype(np.uint8)]


def _read_model(folder: Path) -> dict[View, tuple[str, int]]:
    """View to the name and the size of its file."""
    renders = folder / "renders"
    files: dict[View, tuple[str, int]] = {}
    try:
        entries = sorted(os.scandir(renders), key=lambda entry: entry.name)
    except OSError:
        raise DataError(
            f"{folder} has no folder 'renders'; expected {renders}/image_000_p020_t000_r096.png and"
            " so on. Unpack the release again or remove the folder."
        ) from None
    for entry in entries:
        if not is_shown(entry.name):
            continue
        match = _NAME.fullmatch(entry.name)
        if match is None:
            raise DataError(
                f"{entry.path} is not named as the release's pictures are, such as"
                " image_000_p020_t000_r096.png; rename or remove it."
            )
        view = int(match[1]), int(match[2])
        if view in files:
            raise DataError(
                f"{entry.path} shows the same view as {files[view][0]}; remove one of them."
            )
        files[view] = entry.name, entry.stat().st_size
    return files


def _read_grey(path: Path) -> np.ndarray:
    """uint8 [600, 600], luma."""
    try:
        with open_picture(path) as picture:
            size = picture.size
            image = np.asarray(converted(picture, "L", _WHITE))
    except DataError as error:
        raise DataError(
            f"{error}. Put it back, and run the same command again; what is prepared is kept."
        ) from error
    if size != (PICTURE_SIDE, PICTURE_SIDE):
        raise DataError(
            f"{path} has {size[0]}×{size[1]} pixels; the release's pictures have"
            f" {PICTURE_SIDE}×{PICTURE_SIDE}."
        )
    return image
