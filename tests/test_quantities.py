"""Names and units, as they stand on axes and in tables."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.quantities import (
    Quantity,
    data_size,
    display_name,
    factor_name,
    finite_number,
    quantities,
)


def test_degrees_are_told_by_the_key_and_nothing_else_is_guessed():
    assert Quantity("light_azimuth_deg").label == "light azimuth (°)"
    assert Quantity("distance").label == "distance"
    assert Quantity("distance_mm").label == "distance mm"
    assert display_name("light_azimuth") == display_name("light_azimuth_deg") == "light azimuth"


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("azimuth_deg", -39.6, "−40°"),
        ("azimuth_deg", -0.2, "0°"),
        ("distance", 0.25, "0.25"),
        ("distance", -0.0, "0"),
        ("distance", -1234.5, "−1.23e+03"),
    ],
)
def test_values_as_they_are_read(key, value, text):
    assert Quantity(key).text(value) == text


def test_from_a_dataset():
    known = quantities({"a": "a_deg", "b": "b"}, {"a": 360.0})
    assert known == {"a": Quantity("a_deg", 360.0), "b": Quantity("b")}


@pytest.mark.parametrize("period", [0.0, -360.0, float("nan")])
def test_a_period_is_positive(period):
    with pytest.raises(ValueError, match="'a_deg'"):
        Quantity("a_deg", period)


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [
        (0, "0 bytes"),
        (999.4, "999 bytes"),
        (999.6, "1.0 kB"),
        (1e6 - 1, "1.0 MB"),
        (3.14e6, "3.1 MB"),
        (12e9, "12.0 GB"),
        (5e13, "50,000.0 GB"),
    ],
)
def test_data_sizes(num_bytes, text):
    assert data_size(num_bytes) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_whatever_number_is_written_is_read(value):
    assert finite_number(repr(value)) == finite_number(f" {value!r}\t") == value


@pytest.mark.parametrize(
    "text",
    [
        "1 2",
        "",
        *[
            "8_0",
            "nan",
            "inf",
            "-Infinity",
            "1e999",
            "0x10",
            "١٢",
            "１２",
            "+",
            ".",
            "1e",
            "1,5",
            "−5",
            "1.2.3",
            "True",
        ],
    ],
)
def test_what_a_spreadsheet_takes_for_no_number_is_none(text):
    assert math.isnan(finite_number(text))


@pytest.mark.parametrize(("text", "value"), [("5.", 5), (".5", 0.5), ("+1E+2", 100), ("007", 7)])
def test_ways_to_write_a_number(text, value):
    assert finite_number(text) == value


def test_factor_names():
    assert [factor_name(c) for c in ("azimuth_deg", "age", "deg")] == ["azimuth", "age", "deg"]
