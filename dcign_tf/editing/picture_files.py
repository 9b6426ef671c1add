"""Pictures turned and relit, as files: one picture, an animation, or a folder to train on.

    pictures/000012-003.png   the 13th source with the 4th combination of values
    manifest.csv              what was made from what; `--dataset=manifest` reads it
    rerender.json             what was asked for, so that nothing else is mixed in

Pictures of a folder that are there are not made again, unless their source is newer. One
that cannot be read is left out, and named at the end.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dcign_tf.datasets.manifest.table import FILENAME, IDENTITY, IMAGE, SOURCE, SPLIT, read_manifest
from dcign_tf.datasets.pictures import CONVERT, encode_png, is_heif, may_be_picture
from dcign_tf.datasets.sweeps import SUBSETS
from dcign_tf.editing.animation import ENCODERS
from dcign_tf.errors import DataError, UserError
from dcign_tf.files import write_aside, write_json
from dcign_tf.folders import files_below, is_shown
from dcign_tf.progress import Progress

if TYPE_CHECKING:
    from dcign_tf.editing.editor import SceneEditor

_PICTURES, _RECORD = "pictures", "rerender.json"
_BATCH = 32
_NAMED = 5  # of the files that are left out, or unlike those of training
_MOST_COMBINATIONS = 20_000  # all pictures of one source are in memory at once


class Range(NamedTuple):
    """Where a value begins and where it ends; the same where it does not vary."""

    start: float
    end: float

    @property
    def varies(self) -> bool:
        return self.start != self.end

    def is_round(self, period: float | None) -> bool:
        """Whether it goes once round a circle."""
        return period is not None and math.isclose(abs(self.end - self.start), period)

    def spread(self, count: int, period: float | None) -> np.ndarray:
        """`count` values from start to end, once round a circle without its start again."""
        if not self.varies:
            return np.array([self.start])
        return np.linspace(self.start, self.end, count, endpoint=not self.is_round(period))


def check_is_another(image: Path, output: Path) -> None:
    """Raises `UserError` if the picture itself would be overwritten."""
    if output.exists() and output.samefile(image):
        raise UserError(f"--output={output} is the picture itself; choose another name.")


def check_count(asked: Mapping[str, Range], frames: int, *, is_animation: bool = False) -> int:
    """How many pictures that makes of each; raises `UserError` if they are too many.

    Args:
        asked: values by name.
        frames: how many values of a range.
        is_animation: whether all ranges are run through at the same time, not in combination.
    """
    each = [frames for values in asked.values() if values.varies]
    count = max(each, default=1) if is_animation else math.prod(each)
    if count > _MOST_COMBINATIONS:
        raise UserError(
            f"That makes {count:,} pictures of each, and {_MOST_COMBINATIONS:,} are allowed:"
            " choose fewer --frames, or fewer ranges."
        )
    return count


class Rerendering:
    """What is to be changed of pictures, and into how many others.

    Args:
        editor: of a model.
        asked: values by name.
        frames: how many values of a range.
        show: takes a line on what was written.

    Raises:
        UserError: if a value is not the model's or out of its range.
    """

    def __init__(
        self,
        editor: SceneEditor,
        asked: Mapping[str, Range],
        frames: int,
        show: Callable[[str], None] = print,
    ):
        self._editor, self._asked, self._frames, self._show = editor, asked, frames, show
        self._doubts: dict[Path, str] = {}
        self._spread: dict[str, np.ndarray] = {}
        self._is_round = False
        for name, ends in asked.items():
            _, calibrated = editor.named(name)
            calibrated.check(ends)
            self._spread[name] = ends.spread(frames, calibrated.period)
            self._is_round |= ends.is_round(calibrated.period)

    def write_picture(self, image: Path, output: Path) -> None:
        """Writes a picture, changed, as one PNG; or, if there are ranges, as an animation.

        All ranges are run through at the same time, and back, unless one is a full circle.

        Args:
            image: file of the picture.
            output: `.png`, `.gif` or `.mp4`; its folder is made if there is none.

        Raises:
            UserError: if the picture cannot be read, or the output not be written.
        """
        check_is_another(image, output)
        check_count(self._asked, self._frames, is_animation=True)
        frames_of_each = np.broadcast_arrays(*self._spread.values())
        drawn = self._draw(image, dict(zip(self._spread, frames_of_each, strict=True)))
        if encode := ENCODERS.get(output.suffix.lower()):
            if not self._is_round:
                drawn = np.concatenate([drawn, drawn[-2:0:-1]])
            content = encode(drawn)
        else:
            content = encode_png(drawn[0])
        _write(output, content)
        height, width, _ = self._editor.image_shape
        frames_of = f"{len(drawn)} frames of " * (len(drawn) > 1)
        self._show(f"{output}: {frames_of}{width}×{height} pixels")
        self._show_doubts()

    def write_folder(self, source: Path, output: Path, *, model: str) -> None:
        """Writes every combination of values of every picture, and a manifest of them.

        Shows a line on each picture, too, that was left out, since it cannot be read; and on those
        that were changed though they are unlike those of training.

        Args:
            source: a folder; if it has a `manifest.csv`, the pictures named there, who they
                show and how they are split; else all pictures in it and in the folders in
                it (`files_below`), each somebody else. Or one picture.
            output: a new folder, or one in which the same was begun.
            model: what tells the model's weights from any others.

        Raises:
            UserError: if there is no picture that can be read, the output holds something
                else or cannot be written.
        """
        count = check_count(self._asked, self._frames)
        grids = np.meshgrid(*self._spread.values(), indexing="ij")
        values = {name: grid.ravel() for name, grid in zip(self._spread, grids, strict=True)}
        sources = find_sources(source, output, self._show)
        settings = {
            "model": model,
            "values": {name: list(ends) for name, ends in self._asked.items()},
            "frames": self._frames,
            "sources": [str(path) for path, _ in sources],
        }
        _begin(output, settings)
        varied = [name for name, ends in self._asked.items() if ends.varies] or list(values)
        table, unreadable = [], []
        with Progress(len(sources) * count) as progress:
            for i, (path, labels) in enumerate(sources):
                names = [f"{_PICTURES}/{i:06}-{j:03}.png" for j in range(count)]
                try:
                    self._make(path, values, [output / name for name in names])
                except DataError as error:
                    unreadable.append(error)
                else:
                    common = {**labels, SOURCE: path}
                    table += [
                        {IMAGE: name, **common, **{key: float(values[key][j]) for key in varied}}
                        for j, name in enumerate(names)
                    ]
                progress.update(count)
        if not table:
            raise unreadable[0]
        write_aside(output / FILENAME, lambda path: _write_table(path, table))
        for error in unreadable:
            self._show(f"Left out: {error}")
        self._show_doubts()
        made = len(sources) - len(unreadable)
        self._show(f"{output}: {len(table):,} pictures of {made:,}, and {FILENAME}")

    def _make(self, source: Path, values: Mapping[str, np.ndarray], pictures: list[Path]) -> None:
        """Writes the pictures of a source, unless they are there and no older than it is."""
        with contextlib.suppress(FileNotFoundError):
            newest = source.stat().st_mtime_ns
            if all(picture.stat().st_mtime_ns >= newest for picture in pictures):
                return
        for path, image in zip(pictures, self._draw(source, values), strict=True):
            _write(path, encode_png(image))

    def _draw(self, image: Path, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """A picture with each of some combinations of values, name to [n]: uint8 [n, H, W, C]."""
        fitted = self._editor.fit(image)[np.newaxis]
        code = self._editor.encode(fitted)
        if doubt := self._editor.doubt(fitted, code):
            self._doubts[image] = doubt
        count = len(next(iter(values.values())))
        codes = self._editor.changed(np.repeat(code, count, axis=0), values)
        batches = (codes[start : start + _BATCH] for start in range(0, count, _BATCH))
        return np.concatenate(list(map(self._editor.decode, batches)))

    def _show_doubts(self) -> None:
        """Of the first pictures that are unlike those of training, and how many more there are."""
        for image, doubt in itertools.islice(self._doubts.items(), _NAMED):
            self._show(f"{image}: {doubt}")
        if (others := len(self._doubts) - _NAMED) > 0:
            self._show(f"So are {others:,} more.")


def _write(path: Path, content: bytes) -> None:
    write_aside(path, lambda aside: aside.write_bytes(content))


def find_sources(
    source: Path, output: Path, show: Callable[[str], None] = lambda line: None
) -> list[tuple[Path, dict[str, str]]]:
    """Pictures, and their entries in a manifest: identity, and split if it is decided.

    Shows which files of a folder are left out.

    Raises:
        DataError: if there are none, or the manifest is wrong.
    """
    if not source.is_dir():
        return [(source.absolute(), {IDENTITY: source.stem})]
    if (source / FILENAME).exists():
        manifest = read_manifest(source / FILENAME)
        labels = [{IDENTITY: manifest.identities[number]} for number in manifest.identity]
        if manifest.subset is not None:
            for label, subset in zip(labels, manifest.subset, strict=True):
                label[SPLIT] = SUBSETS[subset]
        return [(manifest.picture(i).absolute(), label) for i, label in enumerate(labels)]
    made = output / _PICTURES if output.resolve() == source.resolve() else output
    found = list(files_below(source.absolute(), without=made))
    paths = sorted(filter(may_be_picture, found))
    others = [path for path in sorted({*found} - {*paths}) if path.name not in (FILENAME, _RECORD)]
    heif = list(filter(is_heif, others))
    if unknown := [path for path in others if path not in heif]:
        named = _named(unknown, source)
        show(f"Left out: {len(unknown):,} files that are no pictures of a known format ({named})")
    if heif:
        unread = f"{len(heif):,} in HEIC or AVIF ({_named(heif, source)}); of each, {CONVERT}"
        if not paths:
            raise DataError(f"There is no picture in {source} that is read, but {unread}.")
        show(f"Left out: {unread}")
    if not paths:
        raise DataError(f"There is no picture in {source}.")
    return [(p, {IDENTITY: p.relative_to(source.absolute()).as_posix()}) for p in paths]


def _named(paths: Sequence[Path], source: Path) -> str:
    """The first of some files in a folder."""
    names = [str(path.relative_to(source.absolute())) for path in paths[:_NAMED]]
    return ", ".join(names) + ", …" * (len(paths) > _NAMED)


def _begin(output: Path, settings: Mapping[str, Any]) -> None:
    """Makes the folder, or checks that the same was begun there.

    Raises:
        UserError: if it holds anything else.
    """
    record = output / _RECORD
    if record.exists():
        begun = None
        with contextlib.suppress(ValueError):
            begun = json.loads(record.read_text(encoding="utf-8"))
        if begun != settings:
            raise UserError(
                f"In {output} other pictures, values or weights were begun with ({record.name})."
                " Choose another --output, or delete it."
            )
    elif output.exists() and (not output.is_dir() or any(map(is_shown, os.listdir(output)))):
        raise UserError(f"{output} exists, and was not made by this command; choose another.")
    write_json(record, settings)


def _write_table(path: Path, table: list[dict[str, Any]]) -> None:
    # Of the names of files not all are text.
    with open(path, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
