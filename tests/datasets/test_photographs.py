"""docs/photographs.md: its ten lines make the manifest of a set from the names of its files."""

from __future__ import annotations

import re

import numpy as np

from dcign_tf.datasets.manifest.dataset import ManifestPictures
from dcign_tf.datasets.manifest.settings import ManifestSettings
from dcign_tf.datasets.pictures import encode_png
from tests.helpers import ROOT

LIGHTS = [(az, el) for el, most in ((-20, 60), (0, 120), (20, 15)) for az in (-most, 0, most)]
"""Azimuths and elevations in degrees."""


def test_the_manifest_of_cropped_faces_under_many_lights(tmp_path, monkeypatch):
    people = [f"yaleB{number:02d}" for number in (1, 2, 11, 13, 15, 39)]
    picture = b"P5 168 192 255\n" + bytes(168 * 192)
    for name in people:
        folder = tmp_path / "CroppedYale" / name
        folder.mkdir(parents=True)
        files = [f"{name}_P00A{az:+04d}E{el:+03d}.pgm" for az, el in LIGHTS]
        for file in [*files[1:], files[0] + ".bad", f"{name}_P00_Ambient.pgm", f"{name}_P00.info"]:
            (folder / file).write_bytes(picture)
        (folder / "preview.png").write_bytes(encode_png(np.zeros((4, 4, 1), np.uint8)))

    page = (ROOT / "docs" / "photographs.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.M)
    assert len(lines.strip().splitlines()) <= 12  # with an empty one
    monkeypatch.chdir(tmp_path)
    exec(lines, {})

    settings = ManifestSettings(image_size=36, fit="cover")
    data = ManifestPictures(tmp_path / "CroppedYale", settings)
    assert data.extrinsic == ("light_azimuth", "light_elevation")
    manifest = data._manifest
    assert manifest.identities == people
    shown = list(zip(*manifest.columns.values(), strict=True))
    assert shown == sorted(LIGHTS[1:], key=lambda at: f"{at[0]:+04d}E{at[1]:+03d}") * len(people)
