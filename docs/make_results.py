"""Puts evaluated runs into results/, small enough to be kept beside the code.

    python docs/make_results.py runs/faces-best runs/faces-best-entangled …

Each run keeps its settings, environment, scores, calibration, the figures that say most
(narrower, in fewer colours) and its comparison with other runs. Weights, codes, losses, the
other figures and the report stay where they are.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import sys

from PIL import Image

from dcign_tf.errors import UserError
from dcign_tf.files import aside, delete
from dcign_tf.pretrained.packing import check_commit, copy_record
from dcign_tf.runs.directory import RunDirectory

RESULTS = pathlib.Path(__file__).with_name("results")
KEPT_FIGURES = (
    "figure_5_traversal_azimuth.png",  # of faces
    "figure_6_equivariance.png",
    "recognition.png",
    "figure_8_rotation_azimuth.png",  # of chairs
    "equivariance.png",
    "training.png",
)
_WIDEST_PX = 1000
_COLOURS = 256


def keep(run: RunDirectory) -> pathlib.Path:
    """Makes `results/<name of the run>` anew and returns it.

    Args:
        run: evaluated; its `comparison` is kept too if there is one.

    Raises:
        UserError: if it is no run directory, or was trained by a tree that nobody can check
            out; what was kept of it stays.
        OSError: if it lacks a file.
    """
    final = RESULTS / run.path.resolve().name
    with aside(final) as folder:  # what is kept already stays until all is there
        _copy(run, RunDirectory(folder))
        delete(final)
    return final


def _copy(run: RunDirectory, kept: RunDirectory) -> None:
    run.read_config()  # says if it is no run directory
    check_commit(run)
    kept.evaluation.mkdir(parents=True)
    copy_record(run, kept)
    for name in ("scores.json", "calibration.json"):
        shutil.copyfile(run.evaluation / name, kept.evaluation / name)
    for figure in map(run.evaluation.joinpath, KEPT_FIGURES):
        if figure.exists():
            shrink(figure, kept.evaluation / figure.name)
    if run.comparison.exists():
        kept.comparison.mkdir()
        settings = json.loads((run.comparison / "comparison.json").read_text("utf-8"))["settings"]
        places = list(filter(None, settings.get("init_from", {}).values()))
        for name in ("comparison.md", "comparison.json"):
            text = (run.comparison / name).read_text(encoding="utf-8")
            for place in places:  # of no use on another machine
                text = text.replace(place, "DIR")
            (kept.comparison / name).write_text(text, encoding="utf-8")
        for figure in run.comparison.glob("*.png"):
            shrink(figure, kept.comparison / figure.name)


def shrink(figure: pathlib.Path, output: pathlib.Path) -> None:
    """Saves a figure no wider than a page shows it, in so few colours that none is missed."""
    with Image.open(figure) as picture:
        small = picture.convert("RGB")
    if small.width > _WIDEST_PX:
        height = round(small.height * _WIDEST_PX / small.width)
        small = small.resize((_WIDEST_PX, height), Image.Resampling.LANCZOS)
    few = small.quantize(_COLOURS, kmeans=2, dither=Image.Dither.NONE)
    few.save(output, optimize=True)


if __name__ == "__main__":
    for directory in sys.argv[1:]:
        try:
            print(keep(RunDirectory(directory)))
        except (UserError, OSError) as error:
            sys.exit(f"make_results.py: {error}")
