"""Pages: well-formed and escaped whatever is put in, complete in one file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dcign_tf.errors import UserError
from dcign_tf.evaluation.report import html_page
from dcign_tf.evaluation.report.html_page import Section, element, page, paragraph, table
from tests.helpers.html_reading import Reader, check_page, embedded


@pytest.fixture
def picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png", pixels


def test_a_page_with_everything(picture):
    path, pixels = picture
    reader = check_page(
        page(
            "Two runs",
            [
                Section(
                    "Scores", [table(["run", "R²"], [["a", "0.9"]], caption="Higher is good.")]
                ),
                Section(
                    "Figures",
                    [
                        html_page.figure(path, alt="noise", caption="What it is."),
                        paragraph("Text."),
                    ],
                ),
                Section("Nothing", []),
            ],
            lead=[html_page.cards([("azimuth", "4°", "guessing: 30°")]), paragraph("Lead.")],
        )
    )
    assert reader.text["title"] == reader.text["h1"] == ["Two runs"]
    assert reader.text["h2"] == reader.text["a"] == ["Scores", "Figures"]
    assert reader.text["figcaption"] == ["Higher is good.", "What it is."]
    assert reader.text["td"] == ["0.9"]
    np.testing.assert_array_equal(embedded(reader)[0], pixels)  # without loss
    (image,) = (own for tag, own in reader.elements if tag == "img")
    assert (image["width"], image["height"], image["alt"]) == ("60", "30", "noise")


@given(st.text())
def test_any_text_anywhere_is_text(text):
    reader = check_page(
        page(
            text,
            [
                Section(
                    text, [table([text], [[text]], caption="." + text), html_page.listing(text)]
                ),
                Section(text, [html_page.facts({text: html_page.code(text)})]),
                Section(text, [html_page.items([text]), html_page.details(text, paragraph(text))]),
            ],
        )
    )
    shown = "".join(reader.text.get("pre", []))
    assert shown == "".join("�" if html_page._FORBIDDEN.match(c) else c for c in text)


def test_markup_in_names_stays_text():
    nasty = '<img src="http://example.org/x" onerror=alert(1)> & "quoted"'
    reader = check_page(page(nasty, [Section(nasty, [table(["x", nasty], [[nasty, nasty]])])]))
    assert [tag for tag, _ in reader.elements if tag == "img"] == []
    assert reader.text["td"] == [nasty]
    attribute = element("p", title=nasty)
    assert Reader(html_page.ElementTree.tostring(attribute, "unicode", "html")).attributes(
        "title"
    ) == [nasty]


def test_elements_and_text_in_turn():
    made = element("p", "a", element("b", "c"), "d", "e", element("i"), "f")
    text = html_page.ElementTree.tostring(made, "unicode", "html")
    assert text == "<p>a<b>c</b>de<i></i>f</p>"


def test_a_row_that_does_not_fit():
    with pytest.raises(ValueError, match="3 does not fit 2 columns"):
        table(["a", "b"], [["1", "2"], ["1", "2", "3"]])


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_what_is_no_picture(tmp_path, content):
    path = tmp_path / "x.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.png cannot be read"):
        html_page.figure(path, alt="x")


def test_a_picture_that_was_cut_short(picture):
    path, _ = picture
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="cannot be read"):
        html_page.figure(path, alt="x")
