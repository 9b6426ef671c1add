"""The user's own pictures: how they are shown, split and grouped."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dcign_tf.datasets.settings import (
    DatasetFacts,
    check_channels,
    check_fitting,
    check_fractions,
    check_numbers,
)

QUICK: Mapping[str, Any] = {"image_size": 70, "validation_sweeps": 25, "test_sweeps": 100}
"""Where the quick preset differs from the defaults of `ManifestSettings`."""

FITTING = ("image_size", "channels", "background", "fit")
"""The settings on which a prepared picture depends."""

HOLD_OUT = ("identities", "views")
UNSEEN_VIEWS = "views that training never saw, of identities that it saw"

_LATER = {"fit": "contain", "hold_out": "identities"}
"""Settings that came later, and what pictures were made with before."""


def facts(settings: Mapping[str, Any]) -> DatasetFacts:
    """As the settings have it."""
    chosen = ManifestSettings(**settings)
    held_out = {"held_out": UNSEEN_VIEWS} if chosen.hold_out == "views" else {}
    return DatasetFacts(background=chosen.background, fit=chosen.fit, **held_out)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ManifestSettings:
    """What images and sweeps depend on besides the manifest; the defaults are the paper's.

    Attributes:
        image_size: pixels, height and width; pictures are fitted into the square.
        channels: 1 (grey) or 3 (RGB).
        background: grey level, 0 to 255, of what a picture leaves free.
        fit: `contain` shows pictures whole, `cover` fills the square with the middle of them.
        sweep_length: images in a sweep, which is a batch.
        validation_sweeps: validation sweeps of each factor, if there are so many groups.
        test_sweeps: the same for test sweeps.
        hold_out: `identities`, or `views` of them where there are one or few.
        validation_fraction: of these, if the manifest has no column `split`.
        test_fraction: likewise.
        tolerances: `column:number,…`; values of that factor no further apart than this
            count as the same when it is held.
        periods: `column:number,…`; factors that go round a circle, e.g. azimuth_deg:360.
        seed: of the split, and of what the sweeps show.

    Raises:
        ValueError: if a setting is impossible.
    """

    image_size: int = 150
    channels: int = 1
    background: int = 0
    fit: str = "contain"
    sweep_length: int = 20
    validation_sweeps: int = 50
    test_sweeps: int = 350
    hold_out: str = "identities"
    validation_fraction: float = 0.1
    test_fraction: float = 0.15
    tolerances: str = ""
    periods: str = ""
    seed: int = 0

    def __post_init__(self):
        check_numbers(self, {"image_size": 8, "sweep_length": 2, "background": 0, "seed": 0})
        check_channels(self.channels)
        check_fitting(self)
        if self.hold_out not in HOLD_OUT:
            one = ", ".join(HOLD_OUT)
            raise ValueError(f"hold_out is {self.hold_out}; it must be one of {one}.")
        check_fractions(self)

    @property
    def held_out_shares(self) -> tuple[float, float]:
        """Of what is held out, that for validation and that for test."""
        return self.validation_fraction, self.test_fraction

    def described(self) -> dict[str, Any]:
        """The settings by name, without the later ones that are as before there were such.

        Fingerprints are made of it: what was prepared before is the same data still.
        """
        settings = dataclasses.asdict(self)
        return dict(item for item in settings.items() if item not in _LATER.items())


Settings = ManifestSettings
"""For the registry."""
