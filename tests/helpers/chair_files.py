"""Writes small copies of Aubry et al.'s release of rendered chairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

AZIMUTHS = 31


def file_name(number: int, elevation: int, azimuth: int) -> str:
    return f"image_{number:03d}_p{elevation:03d}_t{azimuth:03d}_r096.png"


def view_names(azimuths: int = AZIMUTHS) -> dict[str, tuple[int, int]]:
    """The release's file names, with their elevation and azimuth.

    Azimuths are cut down to whole degrees. Numbers go on after a gap at the second elevation:
    a picture at 360°, the same as at 0°, was left out.
    """
    return {
        file_name(row * (azimuths + 1) + column, elevation, angle): (elevation, angle)
        for row, elevation in enumerate((20, 30))
        for column, angle in enumerate(int(360 * i / azimuths) for i in range(azimuths))
    }


def picture(model: int, elevation: int, azimuth: int) -> np.ndarray:
    """uint8 [600, 600, 3]: white, a dark square in the middle, a coloured mark that goes round."""
    pixels = np.full((600, 600, 3), 255, np.uint8)
    pixels[240:360, 240:360] = 40 + model
    angle = np.radians(azimuth)
    row, column = (int(300 + 120 * f(angle)) for f in (np.sin, np.cos))
    pixels[row - 15 : row + 15, column - 15 : column + 15] = (200, 30, 4 * elevation)
    return pixels


def write_release(
    folder: Path, models: int = 7, azimuths: int = AZIMUTHS, pictures: bool = False
) -> Path:
    """Writes `folder/rendered_chairs`; its pictures are empty files unless they are asked for."""
    root = folder / "rendered_chairs"
    root.mkdir(parents=True)
    (root / "all_chair_names.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    for model in range(models):
        renders = root / f"{model:02d}{chr(97 + model % 6) * 30}" / "renders"
        renders.mkdir(parents=True)
        for name, (elevation, azimuth) in view_names(azimuths).items():
            if pictures:
                Image.fromarray(picture(model, elevation, azimuth)).save(renders / name)
            else:
                (renders / name).touch()
    return root
