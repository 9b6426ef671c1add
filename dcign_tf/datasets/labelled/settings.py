"""TensorFlow Datasets of pictures with labels: what the labels are, how pictures are shown."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import Any

from dcign_tf.datasets.settings import (
    DatasetFacts,
    check_channels,
    check_fitting,
    check_fractions,
    check_numbers,
)
from dcign_tf.errors import DataError
from dcign_tf.factors import INTRINSIC
from dcign_tf.quantities import factor_name, finite_number

QUICK: Mapping[str, Any] = {"validation_sweeps": 25, "test_sweeps": 100}
"""Where the quick preset differs from the defaults of `LabelledSettings`."""


def facts(settings: Mapping[str, Any]) -> DatasetFacts:
    """As the settings have it."""
    chosen = LabelledSettings(**settings)
    meaning = chosen.meaning()
    identity, held_out = listed(meaning.identity), {}
    if len(identity) > 1 and not meaning.test_split:
        combined = " and ".join(identity)
        held_out = {"held_out": f"combinations of {combined} that training never saw"}
    return DatasetFacts(
        background=chosen.background,
        fit=chosen.fit,
        data_dir=os.environ.get("TFDS_DATA_DIR", os.path.join("~", "tensorflow_datasets")),
        **held_out,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Meaning:
    """What is what in a dataset; names are those of its features.

    Attributes:
        factors: extrinsic factors in the order of the code, `name=feature*scale+offset,…`: the
            true value is so many times the label, plus so much. A name that ends in `_deg` is
            in degrees. `feature` alone is a factor of the feature's name, without its `label_`
            or `value_`, and its value is the label's.
        identity: `feature,…`; what agrees in all of them is the same identity.
        categories: `name,…`; factors whose labels are mere numbers of kinds, not values.
        periods: `name:number,…`; factors that go round a circle, e.g. azimuth_deg:360.
        tolerances: `name:number,…`; values of that factor no further apart than this count as the
            same when it is held.
        split: what to train and validate on, as TFDS has it: train, or train+test.
        test_split: what to test on; without it, identities of `split` are held out.
        white: the level of a pixel that is white; 0 is the largest that its type can have.
    """

    factors: str = ""
    identity: str = ""
    categories: str = ""
    periods: str = ""
    tolerances: str = ""
    split: str = ""
    test_split: str = ""
    white: int = 0


_OF_FACTORS = ("categories", "periods", "tolerances")

_SMALLNORB = Meaning(
    factors="azimuth_deg=label_azimuth*20,elevation_deg=label_elevation*5+30,lighting=label_lighting",
    identity="label_category,instance",
    categories="lighting",
    periods="azimuth_deg:360",
    split="train",
    test_split="test",  # other toys of the same categories
)

KNOWN: Mapping[str, Meaning] = {
    "smallnorb": _SMALLNORB,
    "smallnorb_chairs": _SMALLNORB,  # docs/make_tfds_example.py
    # An object is a shape of a colour: no more than four shapes are too few to hold one out.
    "shapes3d": Meaning(
        factors="orientation_deg=value_orientation,scale=value_scale,floor_hue=value_floor_hue,"
        "wall_hue=value_wall_hue",
        identity="label_shape,label_object_hue",
        periods="floor_hue:1,wall_hue:1",
        split="train",
    ),
    # An object is a shape of a size, as there are three shapes. The first orientation and the
    # last, 0 and 2π, are the same.
    "dsprites": Meaning(
        factors="orientation_deg=value_orientation*57.29577951308232,x_position=value_x_position,"
        "y_position=value_y_position",
        identity="label_shape,label_scale",
        periods="orientation_deg:360",
        tolerances="orientation_deg:0.01",
        split="train",
        white=1,
    ),
}
"""Name of a dataset in TFDS to what its labels are, as its documentation has it."""


@dataclasses.dataclass(frozen=True)
class LabelledFactor:
    """A factor, and where its true value comes from.

    Attributes:
        column: its name, with `_deg` if its values are degrees.
        feature: of the dataset.
        scale: the true value is this times the label …
        offset: … plus this.
    """

    column: str
    feature: str
    scale: float = 1.0
    offset: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelledSettings(Meaning):
    """What images and sweeps depend on besides the dataset.

    What `Meaning` has may be left out of a dataset in `KNOWN`; where `factors` are given, all
    that is said of factors is taken from here.

    Attributes:
        name: of the dataset in TFDS, e.g. smallnorb or dsprites:2.1.0.
        image: the feature that is the picture.
        image_size: pixels, height and width; pictures are fitted into the square.
        channels: 1 (grey) or 3 (RGB); 0 is as many as the pictures have.
        background: grey level, 0 to 255, of what a picture leaves free.
        fit: `contain` shows pictures whole, `cover` fills the square with the middle of them.
        sweep_length: images in a sweep, which is a batch.
        validation_sweeps: validation sweeps of each factor, if there are so many groups.
        test_sweeps: the same for test sweeps.
        validation_fraction: of the identities.
        test_fraction: likewise, without a `test_split`.
        seed: of the split, and of what the sweeps show.

    Raises:
        ValueError: if a setting is impossible.
    """

    name: str = "smallnorb"
    image: str = "image"
    image_size: int = 64
    channels: int = 0
    background: int = 0
    fit: str = "contain"
    sweep_length: int = 20
    validation_sweeps: int = 50
    test_sweeps: int = 350
    validation_fraction: float = 0.15
    test_fraction: float = 0.15
    seed: int = 0

    def __post_init__(self):
        zero = dict.fromkeys(("channels", "background", "white", "seed"), 0)
        check_numbers(self, {"image_size": 8, "sweep_length": 2, **zero})
        if self.channels:
            check_channels(self.channels)
        check_fitting(self)
        check_fractions(self)

    def meaning(self) -> Meaning:
        """What is what: as set, and otherwise as known.

        Raises:
            DataError: if neither says which labels are factors, and which make the identity.
        """
        known = KNOWN.get(re.split("[:/]", self.name)[0], Meaning())
        if self.factors:
            known = dataclasses.replace(known, **dict.fromkeys(_OF_FACTORS, ""))
        fields = (field.name for field in dataclasses.fields(Meaning))
        meaning = Meaning(**{name: getattr(self, name) or getattr(known, name) for name in fields})
        for name, example in (
            ("factors", "azimuth_deg=label_azimuth*20,label_lighting"),
            ("identity", "label_category,instance"),
        ):
            if not getattr(meaning, name):
                raise DataError(
                    f"What the labels of {self.name} are is not known: --config.data.{name} must"
                    f" say which features are {name}, as in {example} (docs/datasets.md)."
                )
        return meaning if meaning.split else dataclasses.replace(meaning, split="all")


_FACTOR = re.compile(
    r"(?:(?P<column>[^=]+)=)?(?P<feature>[^*+]+)(?:\*(?P<scale>[^*+]+))?(?:\+(?P<offset>.+))?"
)
_RESERVED = (INTRINSIC, "distinct", "identity", "image")
"""These already name something else in an example or a code."""


def parse_factors(factors: str) -> list[LabelledFactor]:
    """The factors of `Meaning.factors`.

    Raises:
        DataError: if an entry is impossible.
    """
    parsed: dict[str, LabelledFactor] = {}
    for entry in listed(factors):
        match = _FACTOR.fullmatch(entry)
        given = {k: v.strip() for k, v in match.groupdict(default="").items()} if match else {}
        feature = given.get("feature", "")
        column = given.get("column") or re.sub("^(label|value)_", "", feature.replace("/", "_"))
        scale, offset = (finite_number(given.get(k) or "1") for k in ("scale", "offset"))
        factor = factor_name(column)
        named = re.fullmatch(r"\w{1,50}", factor) and factor not in _RESERVED
        if not (named and feature and scale and scale == scale and offset == offset):
            raise DataError(
                f"--config.data.factors: {entry!r} is impossible; it must be a feature, or a name,"
                " = and a feature, with * a number and + a number if need be, such as"
                f" elevation_deg=label_elevation*5+30; no factor is called {', '.join(_RESERVED)}."
            )
        if factor in parsed:
            raise DataError(f"--config.data.factors: two factors are called {factor}.")
        offset = offset if given.get("offset") else 0.0
        parsed[factor] = LabelledFactor(column, feature, scale, offset)
    return list(parsed.values())


def listed(text: str) -> list[str]:
    """The entries of `a, b,…`."""
    return list(filter(None, map(str.strip, text.split(","))))


Settings = LabelledSettings
"""For the registry."""
