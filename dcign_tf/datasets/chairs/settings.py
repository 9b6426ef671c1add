"""What images and sweeps of chairs depend on, and what is known of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dcign_tf.datasets.settings import DatasetFacts, check_numbers
from dcign_tf.datasets.sweeps import SUBSETS

SOURCES = ("auto", "aubry", "procedural", "download")
PICTURE_SIDE = 600
"""Pixels of the height and width of the release's pictures."""
FEWEST_CHAIRS = 2
"""Of a subset: an intrinsic sweep shows different ones."""

QUICK: Mapping[str, Any] = {
    "image_size": 70,
    "validation_sweeps": 25,
    "test_sweeps": 60,
    "train_chairs": 500,  # 600 chairs from 62 sides are rendered in minutes
    "validation_chairs": 40,
    "test_chairs": 60,
}
"""Where the quick preset differs from the defaults of `ChairSettings`."""

_PAPER_MSE = 2.7722e-4


def facts(settings: Mapping[str, Any]) -> DatasetFacts:
    """White around, and what the paper reports of them (Kulkarni et al., 2015, §4.2)."""
    is_procedural = settings.get("source") == "procedural"
    release = (
        ""
        if is_procedural
        else "; or, where there was a copy of it in its data directory, the release of Aubry et al."
        " (CVPR 2014)"
    )
    return DatasetFacts(
        background=255,
        pictures="one chair, whole, before white",
        source="Its training pictures are procedural chairs, rendered by dcign_tf itself"
        f"{release}.",
        is_rendered_here=is_procedural,
        paper_figures={"rotation_azimuth": 8, "traversal_azimuth": 8},
        # Its Torch7 code divides the test error of grey images by 3 too many.
        published_mse={
            "the paper's, on unseen chairs of its own": _PAPER_MSE,
            "the same, if its code divided it by 3": 3 * _PAPER_MSE,
        },
        published_image_shape=(150, 150, 1),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChairSettings:
    """What images and sweeps of chairs depend on; the defaults are the paper's.

    Attributes:
        source: `aubry` is the release, of which the data directory has a copy; `download`
            too, fetched first if there is none; `procedural` is the generator; `auto` the
            release if there is a copy, otherwise the generator.
        image_size: pixels, height and width.
        crop: side of the square in the middle of the release's pictures that is shown.
        sweep_length: images in a sweep, which is a batch.
        validation_sweeps: validation sweeps of each factor.
        test_sweeps: the same for test sweeps.
        train_chairs: number of chairs to train on.
        validation_chairs: number of other chairs for validation.
        test_chairs: number of yet other chairs to test on. Fewer chairs than these three
            ask for, in a release, are shared out in the same proportion.
        seed: of the procedural chairs, of the split, and of what the sweeps show.

    Raises:
        ValueError: if a setting is impossible.
    """

    source: str = "auto"
    image_size: int = 150
    crop: int = 400
    sweep_length: int = 20
    validation_sweeps: int = 50
    test_sweeps: int = 300
    train_chairs: int = 1200
    validation_chairs: int = 43
    test_chairs: int = 150
    seed: int = 0

    def __post_init__(self):
        if self.source not in SOURCES:
            raise ValueError(f"source is {self.source}; it must be one of {', '.join(SOURCES)}.")
        fewest = {f"{subset}_chairs": FEWEST_CHAIRS for subset in SUBSETS}
        check_numbers(self, {"seed": 0, "image_size": 8, "crop": 8, "sweep_length": 2, **fewest})
        if not self.image_size <= self.crop <= PICTURE_SIDE:
            raise ValueError(
                f"crop is {self.crop}; it must be at least image_size, {self.image_size}, and at"
                f" most {PICTURE_SIDE}, the size of the release's pictures."
            )

    def num_chairs(self) -> list[int]:
        """Number of chairs of each of `SUBSETS`."""
        return [getattr(self, f"{subset}_chairs") for subset in SUBSETS]


Settings = ChairSettings
"""For the registry."""
