"""Pages: well-formed and escaped whatever is put in, complete in one file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dcign_tf.errors import UserError
from dcign_tf.evaluation.figures.catalogue import Picture
from dcign_tf.evaluation.report import documents
from dcign_tf.evaluation.report.documents import document
from dcign_tf.evaluation.report.tables import Table
from tests.helpers.html_reading import check_page, embedded


@pytest.fixture
def picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png", pixels


def page(title: str, *sections: dict, **more) -> str:
    """Each section: heading, and lead, tables, pictures if it has them."""
    named = [{"name": str(number), **section} for number, section in enumerate(sections)]
    tables, pictures = (
        {section["name"]: section.get(kind, []) for section in named}
        for kind in ("tables", "pictures")
    )
    contents = {"sections": named, "tables": tables, "pictures": pictures, **more}
    return document("page.html", title=title, **contents)


def of_picture(path) -> str:
    return page("x", {"heading": "x", "pictures": [Picture(path, "x", "")]})


def test_a_page_with_everything(picture):
    path, pixels = picture
    table = Table(["run", "R²"], [["a", "0.9"]], remarks=["Of two."], caption="Higher is good.")
    shown = [Picture(path, "noise", "What it is.")]
    reader = check_page(
        page(
            "Two runs",
            {"heading": "Scores", "tables": [table]},
            {"heading": "Figures", "lead": "Text.", "pictures": shown},
            {"heading": "Nothing", "lead": "But a lead."},
            lead="Lead.",
            cards=[("azimuth", "4°", "guessing: 30°")],
        )
    )
    assert reader.text["title"] == reader.text["h1"] == ["Two runs"]
    assert reader.text["h2"] == reader.text["a"] == ["Scores", "Figures"]
    assert reader.text["figcaption"] == ["Of two. Higher is good.", "What it is."]
    assert reader.text["td"] == ["0.9"]
    assert reader.text["p"] == ["Lead.", "Text."]
    np.testing.assert_array_equal(embedded(reader)[0], pixels)  # without loss
    (image,) = (attributes for tag, attributes in reader.elements if tag == "img")
    assert (image["width"], image["height"], image["alt"]) == ("60", "30", "noise")


@given(st.text())
def test_any_text_anywhere_is_text(text):
    table = Table([text], [[text]], text, [text], "." + text, {text: text})
    everywhere = {"heading": text, "lead": text, "tables": [table]}
    reader = check_page(page(text, everywhere, everywhere, lead=text, cards=[(text, text, text)]))
    shown = "".join(reader.text.get("h3", []))
    assert shown == 2 * "".join("�" if documents._FORBIDDEN.match(c) else c for c in text)


def test_markup_in_names_stays_text(picture):
    nasty = '<img src="http://example.org/x" onerror=alert(1)> & "quoted"'
    table = Table(["x", nasty], [[nasty, nasty]])
    shown = Picture(picture[0], nasty, nasty)
    reader = check_page(page(nasty, {"heading": nasty, "tables": [table], "pictures": [shown]}))
    assert len([tag for tag, _ in reader.elements if tag == "img"]) == 1
    assert reader.text["td"] == reader.text["figcaption"] == reader.attributes("alt") == [nasty]


def test_a_row_that_does_not_fit():
    with pytest.raises(ValueError, match="3 does not fit 2 columns"):
        Table(["a", "b"], [["1", "2"], ["1", "2", "3"]])


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_what_is_no_picture(tmp_path, content):
    path = tmp_path / "x.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.png cannot be read"):
        of_picture(path)


def test_a_picture_that_was_cut_short(picture):
    path, _ = picture
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="cannot be read"):
        of_picture(path)
