"""Names and units, as they stand on axes and in tables."""

from __future__ import annotations

import pytest

from dcign_tf.quantities import Quantity, data_size, display_name, quantities


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
