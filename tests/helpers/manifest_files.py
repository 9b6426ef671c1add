"""Small folders of pictures with a manifest: a bar whose place and slope are the factors."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

AZIMUTHS = (-60, -20, 0, 30, 80)
ELEVATIONS = (-15, 10, 45)
PEOPLE = tuple(f"person{number}" for number in range(9))


def picture(person: int, azimuth: float, elevation: float, size=(40, 30)) -> np.ndarray:
    """Grey levels uint8 [height, width] of a bar as bright as the person's number says."""
    rows, columns = np.mgrid[-1 : 1 : 1j * size[0], -1 : 1 : 1j * size[1]]
    distance = columns - azimuth / 100 - rows * elevation / 60
    return (80 + 15 * person + (60 - 5 * person) * np.exp(-20 * distance**2)).astype(np.uint8)


def rows_of(people: Iterable[str] = PEOPLE, leave_out: float = 0.1) -> list[dict[str, Any]]:
    """Rows of an irregular set: some of the combinations are missing."""
    present = np.random.default_rng(0)
    return [
        {
            "image": f"pictures/{name}_{azimuth}_{elevation}.png",
            "identity": name,
            "azimuth_deg": azimuth,
            "height": elevation,
        }
        for name in people
        for azimuth in AZIMUTHS
        for elevation in ELEVATIONS
        if present.random() >= leave_out
    ]


def write_manifest(folder: Path, rows: list[Mapping[str, Any]]) -> Path:
    """Only the manifest; the columns are the keys of the first row."""
    path = folder / "manifest.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_folder(folder: Path, rows: list[Mapping[str, Any]] | None = None) -> None:
    """A manifest and its pictures."""
    rows = rows_of() if rows is None else rows
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    write_manifest(folder, rows)
    for row in rows:
        person = int(row["identity"].removeprefix("person"))
        image = picture(person, row["azimuth_deg"], row["height"])
        Image.fromarray(image).save(folder / row["image"])
