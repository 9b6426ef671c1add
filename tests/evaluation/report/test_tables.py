"""Tables on a screen: aligned, and no wider than need be."""

from __future__ import annotations

import pytest

from dcign_tf.evaluation.report.score_catalogue import Score
from dcign_tf.evaluation.report.tables import Table, as_text


def test_two_lines_of_an_entry_are_one_where_there_is_room():
    table = Table(["who", "a", "b"], [["x", "0.5\n[.4, .6]", "1"], ["y", "–", "22"]])
    assert as_text([table]).splitlines() == [
        "who             a   b",
        "x    0.5 [.4, .6]   1",
        "y               –  22",
    ]


def test_two_lines_stay_two_where_the_table_would_be_wider_than_the_screen():
    columns = [f"column {number:02}" for number in range(8)]
    table = Table(["who", *columns], [["x", *["0.5\n[.4, .6]"] * 8], ["y", *["–"] * 8]])
    header, first, second, third = as_text([table]).splitlines()
    assert header.split("  ")[0] == "who"
    assert first.split() == ["x", *["0.5"] * 8]
    assert second.split() == ["[.4,", ".6]"] * 8
    assert third.split() == ["y", *["–"] * 8]
    assert len(header) == len(first) == len(second) == len(third) <= 100


def test_a_table_that_is_too_wide_anyhow_stays_as_it_is():
    table = Table(["who", *["column"] * 20], [["x", *["1"] * 20]])
    assert len(as_text([table]).splitlines()) == 2


@pytest.mark.parametrize(
    ("score", "value", "unit", "interval", "text"),
    [
        (Score("a", "", ""), 0.987, "", (0.981, 0.9912), "0.987\n[.981, .991]"),
        (Score("a", "", ""), -0.98, "", (-0.99, 0.01), "-0.980\n[-.990, .010]"),
        (Score("a", "", "", form=".1%"), 0.394, "", (0.004, 0.44), "39.4%\n[0.4, 44.0]"),
        (Score("a", "", "", form=".3g", unit=None), 2.5, "°", (2.25, 13), "2.5°\n[2.25, 13]"),
        (
            Score("a", "", "", form=".2e"),
            0.01,
            "",
            (0.009, 0.011),
            "1.00e-02\n[9.00e-03, 1.10e-02]",
        ),
        (Score("a", "", ""), 0.5, "", None, "0.500"),
    ],
)
def test_an_interval_stands_below_its_score(score, value, unit, interval, text):
    assert score.text(value, unit, interval) == text


def test_where_an_interval_stands():
    score = Score("recognition.representations.*.rank1", "", "")
    scores = {"intervals": {"recognition.representations.7 components.rank1": [0.25, 0.5]}}
    assert score.interval_of(scores, "7 components") == [0.25, 0.5]
    assert score.interval_of(scores, "pixels") is None
    assert score.interval_of({"schema_version": 6}, "pixels") is None
