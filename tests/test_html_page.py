"""Pages: well-formed and escaped whatever is put in, complete in one file."""

from __future__ import annotations

import base64
import html.parser
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dcign_tf.errors import UserError
from dcign_tf.evaluation import html_page
from dcign_tf.evaluation.html_page import Section, element, page, paragraph, table

VOID = {"meta", "link", "img", "br", "hr"}


class Reader(html.parser.HTMLParser):
    """Checks that every element is closed in its turn; collects ids, attributes and text."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)

    def attributes(self, name: str) -> list[str]:
        return [own[name] for _, own in self.elements if name in own]


def check_page(text: str) -> Reader:
    """Well-formed, no id twice, links that lead somewhere, and nothing to be fetched."""
    reader = Reader(text)
    ids = reader.attributes("id")
    assert len(set(ids)) == len(ids)
    for target in reader.attributes("href"):
        assert target == "data:," or target.removeprefix("#") in ids
    for source in reader.attributes("src"):
        assert source.startswith("data:image/")
    assert all(own.get("alt") for tag, own in reader.elements if tag == "img")
    assert not {"script", "iframe", "object", "form"} & {tag for tag, _ in reader.elements}
    assert not re.search(r"url\(|@import|https?:|//\w", "".join(reader.text["style"]))
    return reader


def embedded(reader: Reader) -> list[np.ndarray]:
    """The page's pictures, decoded."""
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))
        for source in reader.attributes("src")
    ]


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
    np.testing.assert_array_equal(embedded(reader)[0], pixels)
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
