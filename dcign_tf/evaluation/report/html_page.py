"""Pages of text, tables and figures: one HTML file each, which needs nothing from anywhere.

A page is built of elements (`xml.etree.ElementTree`), so whatever text is put into
it is escaped and what comes out is well-formed. Pictures are embedded, and a content
security policy forbids the browser to fetch anything. It is readable on a phone and
on paper, in light and in dark.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from PIL import Image

from dcign_tf.errors import UserError
from dcign_tf.evaluation.report.html_style import STYLE

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_WIDE = 1.6  # width over height from which a figure needs more of the page's width than others
_TALL = 1.2  # height over width from which it needs less
# Not even as a character reference may these stand in HTML or XML.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page, which its table of contents lists.

    Attributes:
        heading: of one line.
        parts: of `paragraph`, `table`, `figure` and so on, in order.
    """

    heading: str
    parts: Sequence[Element]


def page(title: str, sections: Sequence[Section], *, lead: Sequence[Element] = ()) -> str:
    """The whole of an HTML file.

    Args:
        title: of the page, also its first heading.
        sections: those without any part are left out.
        lead: what stands between the title and the contents.

    Returns:
        HTML, to be written as UTF-8.
    """
    sections = [section for section in sections if section.parts]
    ids = _anchors([section.heading for section in sections])
    links = [
        element("li", element("a", section.heading, href=f"#{anchor}"))
        for anchor, section in zip(ids, sections, strict=True)
    ]
    blocks = [
        element("section", element("h2", section.heading), *section.parts, id=anchor)
        for anchor, section in zip(ids, sections, strict=True)
    ]
    contents = [element("nav", element("ul", *links), aria_label="Contents")] if links else []
    root = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            element("link", rel="icon", href="data:,"),  # else a browser asks the server for one
            element("title", title),
            element("style", STYLE),
        ),
        element("body", element("header", element("h1", title), *lead), *contents, *blocks),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{ElementTree.tostring(root, encoding='unicode', method='html')}\n"


def element(tag: str, *children: Element | str, **attributes: str) -> Element:
    """An element with text and elements in it, in order; both are escaped when it is written.

    Args:
        tag: `p`, `strong` and so on.
        children: of any number.
        attributes: `_` stands for `-`, and one at the end is dropped: `class_`, `aria_label`.
    """
    names = {name: name.rstrip("_").replace("_", "-") for name in attributes}
    made = Element(tag, {names[name]: _clean(value) for name, value in attributes.items()})
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + _clean(child)
        else:
            made.text = (made.text or "") + _clean(child)
    return made


def paragraph(*children: Element | str, note: bool = False) -> Element:
    """A paragraph; a note is smaller and paler."""
    return element("p", *children, **({"class_": "note"} if note else {}))


def subheading(text: str) -> Element:
    """A heading within a section."""
    return element("h3", text)


def items(entries: Iterable[Element | str]) -> Element:
    """A bulleted list."""
    return element("ul", *(element("li", entry) for entry in entries))


def facts(pairs: Mapping[str, Element | str]) -> Element:
    """Names and what they are, one below the other."""
    terms = ((element("dt", name), element("dd", value)) for name, value in pairs.items())
    return element("dl", *(element("div", *pair) for pair in terms))


def cards(entries: Sequence[tuple[str, str, str]]) -> Element:
    """The few numbers to see first: what it is, the number, and what to hold it against."""
    return element(
        "div",
        *(
            element(
                "div",
                element("div", name, class_="name"),
                element("div", number, class_="number"),
                element("div", remark, class_="remark"),
                class_="card",
            )
            for name, number, remark in entries
        ),
        class_="cards",
    )


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[Element | str]],
    *,
    caption: str = "",
    text: bool = False,
) -> Element:
    """A table, in a box that is scrolled sideways where it is too wide.

    Args:
        header: of the columns.
        rows: as many entries each; the first says what the row is.
        caption: what there is to know to read it.
        text: whether the columns but the first hold words instead of numbers.

    Raises:
        ValueError: if a row has not as many entries as the header.
    """
    lines = []
    for first, *rest in rows:
        if 1 + len(rest) != len(header):
            raise ValueError(f"A row of {1 + len(rest)} does not fit {len(header)} columns.")
        cells = (element("td", entry) for entry in rest)
        lines.append(element("tr", element("th", first, scope="row"), *cells))
    whole = element(
        "table",
        element("thead", element("tr", *(element("th", name, scope="col") for name in header))),
        element("tbody", *lines),
        **({"class_": "text"} if text else {}),
    )
    return _captioned(element("div", whole, class_="scroll", tabindex="0"), caption)


def explained(name: str, text: str) -> Element:
    """A row's name with a line below that says what it is."""
    return element("span", name, element("small", text))


def figure(path: Path, *, alt: str, caption: str = "") -> Element:
    """A picture, embedded, with a caption below.

    As lossless WebP it takes half the place that it takes as a PNG.

    Args:
        path: of the file, e.g. a PNG.
        alt: what the picture shows, for those who cannot see it.
        caption: how to read it.

    Raises:
        UserError: if it cannot be read as a picture.
    """
    packed = io.BytesIO()
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            picture.convert("RGBA").save(packed, "WEBP", lossless=True, quality=50, method=2)
    except (OSError, SyntaxError) as error:  # which Pillow raises for a damaged PNG
        raise UserError(f"{path} cannot be read as a picture: {error}.") from error
    shown = element(
        "img",
        src=f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}",
        alt=alt,
        width=str(width),
        height=str(height),
        class_="wide" if width > _WIDE * height else "tall" if height > _TALL * width else "even",
    )
    return _captioned(element("div", shown, class_="scroll picture", tabindex="0"), caption)


def details(summary: str, *parts: Element) -> Element:
    """What is folded away until it is asked for."""
    return element("details", element("summary", summary), *parts)


def listing(text: str) -> Element:
    """Code, or a file's text, as it is."""
    return element("pre", text, tabindex="0")


def code(text: str) -> Element:
    """A word or two of code within a sentence."""
    return element("code", text)


def _captioned(box: Element, caption: str) -> Element:
    """In a figure. The box can have the keyboard's focus, to be scrolled with its keys."""
    return element("figure", box, *([element("figcaption", caption)] if caption else []))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)


def _anchors(headings: Sequence[str]) -> list[str]:
    """An id for each, none twice."""
    anchors: list[str] = []
    for heading in headings:
        anchor = re.sub(r"\W+", "-", heading.lower()).strip("-") or "section"
        taken = sum(known == anchor or known.startswith(f"{anchor}--") for known in anchors)
        anchors.append(f"{anchor}--{taken + 1}" if taken else anchor)
    return anchors
