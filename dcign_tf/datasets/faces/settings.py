"""What the images of `dcign_faces` depend on, the splits they make, and what is known of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dcign_tf.datasets.settings import DatasetFacts, check_channels, check_numbers
from dcign_tf.datasets.sweeps import SUBSETS
from dcign_tf.factors import INTRINSIC

EXTRINSIC = ("azimuth", "elevation", "light_azimuth")
FACTORS = (*EXTRINSIC, INTRINSIC)
INDEPENDENT = "independent"
"""In place of a factor: all factors are drawn anew for every image."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "image_size": 70,  # a fifth of the arithmetic; the same stages
        "train_sweeps": 400,
        "validation_sweeps": 25,
        "test_sweeps": 25,
        "independent_images": 1000,
        "test_identities": 100,
    },
    "paper": {},
}
"""Settings by name, where they differ from the defaults of `FaceSettings`."""


def facts(settings: Mapping[str, Any]) -> DatasetFacts:
    """Black around, and Figures 4 to 6 of the paper (Kulkarni et al., 2015)."""
    face_model = settings.get("face_model")
    return DatasetFacts(
        pictures="one rendered head, whole, before black",
        source=(
            "Its training pictures are rendered from a morphable model of scanned people; its"
            " licence says what may be done with them."
            if face_model
            else "Its training pictures are rendered by dcign_tf itself from a procedural head: no"
            " person, photograph or scan is in them."
        ),
        is_rendered_here=face_model is None,
        paper_figures={
            "traversal_light_azimuth": 4,
            "traversal_elevation": 4,
            "traversal_azimuth": 5,
            "equivariance": 6,
        },
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class FaceSettings:
    """Everything that the images of `dcign_faces` depend on; the defaults are the paper's.

    Attributes:
        image_size: pixels, height and width.
        channels: 1 (grey) or 3 (RGB).
        train_sweeps: number of training sweeps of each factor.
        validation_sweeps: number of validation sweeps of each factor.
        test_sweeps: number of test sweeps of each factor.
        independent_images: size of the split in which all factors are independent.
        train_identities: number of identities in training sweeps.
        validation_identities: number of other identities in validation sweeps.
        test_identities: number of yet other identities in test splits.
        sweep_length: images in a sweep; an intrinsic sweep shows as many identities.
        azimuth_range_deg: azimuths are uniform between minus this and this.
        elevation_range_deg: the same for elevations.
        light_azimuth_range_deg: the same for the azimuths of the light.
        seed: other seeds give other sweeps and identities.
        face_model: file of a morphable model; None is the procedural head.

    Raises:
        ValueError: if a number is too small, or a subset has fewer identities
            than an intrinsic sweep shows.
    """

    image_size: int = 150
    channels: int = 1
    train_sweeps: int = 3000
    validation_sweeps: int = 50
    test_sweeps: int = 350
    independent_images: int = 2000
    train_identities: int = 2000
    validation_identities: int = 100
    test_identities: int = 200
    sweep_length: int = 20
    azimuth_range_deg: float = 60.0
    elevation_range_deg: float = 25.0
    light_azimuth_range_deg: float = 80.0
    seed: int = 0
    face_model: str | None = None

    def __post_init__(self):
        ranges = {f"{factor}_range_deg": 1 for factor in EXTRINSIC}
        check_numbers(self, {"seed": 0, "image_size": 8, "sweep_length": 2, **ranges})
        check_channels(self.channels)
        for subset in SUBSETS:
            count = len(self.identities(subset))
            if count < self.sweep_length:
                raise ValueError(
                    f"{subset}_identities is {count}, but an intrinsic sweep shows "
                    f"{self.sweep_length} different ones; it must be at least that."
                )

    def identities(self, subset: str) -> range:
        """The identities of `train`, `validation` or `test`: disjoint ranges of numbers.

        Raises:
            ValueError: if there is no such subset.
        """
        counts = [getattr(self, f"{name}_identities") for name in SUBSETS]
        position = SUBSETS.index(subset)
        start = sum(counts[:position])
        return range(start, start + counts[position])

    def num_examples(self) -> dict[str, int]:
        """Number of examples in each split; `train_light_azimuth` has sweeps of that factor."""
        sweeps = {
            f"{subset}_{factor}": getattr(self, f"{subset}_sweeps")
            for subset in SUBSETS
            for factor in FACTORS
        }
        return {**sweeps, f"test_{INDEPENDENT}": self.independent_images}

    def images_per_example(self, split: str) -> int:
        """Images in an example of `split`: a sweep, or one where all factors are independent."""
        return 1 if split.endswith(INDEPENDENT) else self.sweep_length


Settings = FaceSettings
"""For the registry."""
