"""Which views of which chairs make a sweep (paper §4.2)."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Views:
    """The images of some chairs, by number: chair after chair, elevations, azimuths of each.

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
