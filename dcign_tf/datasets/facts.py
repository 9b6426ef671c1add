"""What is known of a dataset before it is opened."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class DatasetFacts:
    """What each dataset says of itself, in its folder's `settings`.

    Attributes:
        background: the settings of a run's data to the grey level, 0 to 255, around the objects.
        paper_figures: name of a figure (`evaluation.figures.catalogue`) to its number in the paper.
        published_mse: what it is to a reconstruction error that others report of such data...
        published_image_shape: ... at this size, height, width and channels.
    """

    background: Callable[[Mapping[str, Any]], int]
    paper_figures: Mapping[str, int] = dataclasses.field(default_factory=dict)
    published_mse: Mapping[str, float] = dataclasses.field(default_factory=dict)
    published_image_shape: tuple[int, int, int] | None = None

    def reference_mse(self, image_shape: tuple[int, int, int]) -> dict[str, float]:
        """The published errors that a model of such images can stand beside."""
        return dict(self.published_mse) if image_shape == self.published_image_shape else {}
