"""How the authors' files become sweeps, and what is known of them: as of faces rendered here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dcign_tf.datasets.faces import settings as faces
from dcign_tf.datasets.settings import DatasetFacts, check_fractions, check_numbers


def facts(settings: Mapping[str, Any]) -> DatasetFacts:
    """As of faces rendered here, but for who is held out."""
    return dataclasses.replace(
        faces.facts(settings),
        held_out="batches that training is not given; whether it saw their people is not known",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Torch7Settings:
    """How the files become sweeps.

    Attributes:
        image_size: pixels, height and width; larger images are averaged down to it.
        sweep_length: images in a batch.
        validation_fraction: of each factor's training batches, the last are for
            validation.
        test_fraction: of each factor's PNG folders, which come without a split, the
            last are for testing.

    Raises:
        ValueError: if a value is impossible.
    """

    image_size: int = 150
    sweep_length: int = 20
    validation_fraction: float = 0.05
    test_fraction: float = 0.1

    def __post_init__(self):
        check_numbers(self, {"sweep_length": 2})
        check_fractions(self)


Settings = Torch7Settings
"""For the registry."""
