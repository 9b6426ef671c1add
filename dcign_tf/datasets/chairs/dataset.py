"""Chairs from all sides (paper §4.2): Aubry et al.'s release, or procedural ones.

Every chair has the same views: azimuths all around, a few elevations. They are prepared
once, as single images; which of them make a sweep is a function of the seed. z_1 is
azimuth; chair and elevation are intrinsic.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dcign_tf.datasets.chairs.release import (
    CROP_VERSION,
    FOLDER,
    PREPARED,
    URL,
    ReleasedChairs,
    fetch_release,
    release_folder,
)
from dcign_tf.datasets.chairs.settings import FEWEST_CHAIRS, ChairSettings
from dcign_tf.datasets.chairs.sources import ChairSource, ProceduralChairs
from dcign_tf.datasets.seeding import named_rng, shuffled
from dcign_tf.datasets.settings import fingerprint
from dcign_tf.datasets.storage.image_pool import ImagePool
from dcign_tf.datasets.sweeps import SUBSETS, TRAIN_SWEEPS, NumberedSweeps
from dcign_tf.errors import DataError
from dcign_tf.factors import INTRINSIC


@dataclasses.dataclass(frozen=True)
class Views:
    """The images of some chairs, by number: chair after chair, elevations, azimuths of each.

    Which of them make a sweep is chosen here.

    Attributes:
        chairs: int [C], numbers of the chairs.
        elevations: number of elevations, E.
        azimuths: number of azimuths, A, even steps of a full circle.
    """

    chairs: np.ndarray
    elevations: int
    azimuths: int

    @property
    def num_turns(self) -> int:
        """Pairs of a chair and an elevation: what is held while the azimuth varies."""
        return len(self.chairs) * self.elevations

    def turn(self, rng: np.random.Generator, pair: int, count: int) -> np.ndarray:
        """One chair at one elevation from all sides: images, int [count].

        The azimuths are spread over the circle, from one drawn at random on; they differ
        if there are so many.
        """
        chair, elevation = divmod(pair, self.elevations)
        shown = min(count, self.azimuths)
        steps = np.floor((np.arange(shown) + rng.random()) * self.azimuths / shown)
        azimuths = (steps.astype(np.int64) + rng.integers(self.azimuths)) % self.azimuths
        return self._images(self.chairs[chair], elevation, np.resize(azimuths, count))

    def change(self, rng: np.random.Generator, azimuth: int, count: int) -> np.ndarray:
        """Different chairs from one side, at elevations drawn at random: images, int [count].

        Where there are fewer chairs, they come again at another elevation.
        """
        chairs = rng.permutation(len(self.chairs))
        first = rng.integers(self.elevations, size=len(chairs))
        rounds, place = np.divmod(np.arange(count), len(chairs))
        elevations = (first[place] + rounds) % self.elevations
        return self._images(self.chairs[chairs[place]], elevations, azimuth)

    def _images(self, chair, elevation, azimuth) -> np.ndarray:
        return (np.asarray(chair) * self.elevations + elevation) * self.azimuths + azimuth


class Chairs:
    """Chairs as a `SweepDataset`.

    Args:
        data_dir: holds `rendered_chairs`, the release, if there is a copy; what is
            prepared goes into `dcign_chairs` in it.
        settings: see `ChairSettings`.

    Raises:
        DataError: if the release is asked for and not there, or something is wrong with
            it, or it has too few chairs. One that is to be downloaded is looked at then.
    """

    extrinsic = ("azimuth",)
    values: Mapping[str, str] = {"azimuth": "azimuth_deg"}
    periods: Mapping[str, float] = {"azimuth": 360.0}

    def __init__(self, data_dir: Path, settings: ChairSettings):
        self._data_dir = Path(data_dir)
        self._settings = settings
        self.image_shape = (settings.image_size, settings.image_size, 1)
        if not self._to_download:
            self._split  # noqa: B018

    @functools.cached_property
    def fingerprint(self) -> str:
        """Changes with every setting, and with the names and sizes of the release's files."""
        images: list[Any] = [URL, CROP_VERSION]  # what is known of a release to be downloaded
        if self._settings.source != "download":
            images = [self._source.settings, self._source.keys]
        return fingerprint(json.dumps([dataclasses.asdict(self._settings), images]))

    def prepare(self) -> None:
        """Renders the chairs, or crops the release's pictures; see `SweepDataset.prepare`."""
        if self._to_download:
            fetch_release(self._data_dir)
        print(self.report(), file=sys.stderr)
        self._pool.prepare(verb=self._source.verb)

    def sweeps(self, subset: str) -> dict[str, NumberedSweeps]:
        """Factor to the sweeps of `train`, `validation` or `test` in which it varies."""
        _, subset_of_chair = self._split
        views = Views(
            chairs=np.flatnonzero(subset_of_chair == SUBSETS.index(subset)),
            elevations=len(self._source.elevations_deg),
            azimuths=len(self._source.azimuths_deg),
        )
        return {
            "azimuth": self._compose(subset, "azimuth", views.turn, views.num_turns),
            INTRINSIC: self._compose(subset, INTRINSIC, views.change, views.azimuths),
        }

    def report(self) -> str:
        """What is used, and why, as text."""
        source, why = self._source, ""
        if self._settings.source == "auto":
            why = ", as it is there"
            if not isinstance(source, ReleasedChairs):
                why = f", as there is no {FOLDER} in {self._data_dir}"
                why += " (--config.data.source=download fetches the release)"
        counts = np.bincount(self._split[1], minlength=len(SUBSETS))
        shares = (f"{n:,} for {subset}" for n, subset in zip(counts, SUBSETS, strict=True))
        elevations = " and ".join(f"{e:g}°" for e in source.elevations_deg)
        return (
            f"Chairs: {source}{why}; {', '.join(shares)}, seen from {len(source.azimuths_deg)}"
            f" sides and {elevations} above."
        )

    def _compose(
        self,
        subset: str,
        factor: str,
        draw: Callable[[np.random.Generator, int, int], np.ndarray],
        num_kinds: int,
    ) -> NumberedSweeps:
        """Sweeps of `num_kinds` kinds, each of which comes once before one comes again."""
        seed, length = self._settings.seed, self._settings.sweep_length
        count = getattr(self._settings, f"{subset}_sweeps", TRAIN_SWEEPS)

        def compose(index: int) -> np.ndarray:
            cycle, place = divmod(index, num_kinds)
            kinds = named_rng(seed, "kinds", subset, factor, cycle).permutation(num_kinds)
            rng = named_rng(seed, "sweep", subset, factor, index)
            return draw(rng, int(kinds[place]), length)

        return self._pool.sweeps(compose, count, self._labels)

    @functools.cached_property
    def _labels(self) -> dict[str, np.ndarray]:
        """Values for each image of the pool, in the order of `Views`."""
        chosen, _ = self._split
        views = np.meshgrid(self._source.elevations_deg, self._source.azimuths_deg, indexing="ij")
        elevation, azimuth = (np.tile(v.ravel(), len(chosen)).astype(np.float32) for v in views)
        identity = np.repeat(chosen, views[0].size)
        return {"azimuth_deg": azimuth, "elevation_deg": elevation, "identity": identity}

    @functools.cached_property
    def _pool(self) -> ImagePool:
        source, (chosen, _) = self._source, self._split
        return ImagePool(
            self._data_dir / PREPARED,
            {chair: source.keys[chair] for chair in chosen.tolist()},
            settings=source.settings,
            make=source.make,
            images_per_item=len(source.elevations_deg) * len(source.azimuths_deg),
        )

    @property
    def _to_download(self) -> bool:
        return self._settings.source == "download" and release_folder(self._data_dir) is None

    @functools.cached_property
    def _source(self) -> ChairSource:
        settings = self._settings
        root = None if settings.source == "procedural" else release_folder(self._data_dir)
        if root is not None:
            return ReleasedChairs(root, image_size=settings.image_size, crop=settings.crop)
        if settings.source in ("auto", "procedural"):
            count = sum(settings.num_chairs())
            return ProceduralChairs(count, image_size=settings.image_size, seed=settings.seed)
        raise DataError(
            f"There is no release of chairs in {self._data_dir}; expected"
            f" {self._data_dir / FOLDER}/<model>/renders/image_000_p020_t000_r096.png and so on."
            " --config.data.source=download fetches it, =procedural renders chairs instead."
        )

    @functools.cached_property
    def _split(self) -> tuple[np.ndarray, np.ndarray]:
        return split_chairs(self._source.names, self._settings)


def split_chairs(names: Sequence[str], settings: ChairSettings) -> tuple[np.ndarray, np.ndarray]:
    """Which chairs are used, and for what; by a seeded hash of their names.

    Returns:
        Their numbers, int64 [C] in order, and the index into `SUBSETS` of each, [C].

    Raises:
        DataError: if there are too few.
    """
    counts = np.array(settings.num_chairs())
    if len(names) < counts.sum():
        counts = np.maximum(FEWEST_CHAIRS, len(names) * counts // counts.sum())
        counts[0] = len(names) - counts[1:].sum()
        if counts[0] < FEWEST_CHAIRS:
            raise DataError(
                f"{len(names)} chairs are too few: {SUBSETS[0]}, {SUBSETS[1]} and {SUBSETS[2]} need"
                f" at least {FEWEST_CHAIRS} each."
            )
    # Test chairs first, so that they stay the same when more are trained on.
    order = [2, 1, 0]
    subset = np.repeat(order, counts[order])
    chosen = shuffled(settings.seed, names)[: len(subset)]
    in_order = np.argsort(chosen)
    return chosen[in_order], subset[in_order]


def open_with(data_dir: str, preset: str, settings: Mapping[str, Any]) -> Chairs:
    """The dataset with these settings, for the registry."""
    del preset  # what is prepared does not depend on it
    return Chairs(Path(data_dir), ChairSettings(**settings))
