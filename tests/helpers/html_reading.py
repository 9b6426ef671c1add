"""Reads pages as a browser would, and checks that they are whole."""

from __future__ import annotations

import base64
import html.parser
import io
import re

import numpy as np
from PIL import Image

VOID = {"meta", "link", "img", "br", "hr"}


class Reader(html.parser.HTMLParser):
    """Checks that every element is closed in its turn; collects ids, attributes and text."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: dict[str, list[str]] = {}
        self.source = text
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
        return [attributes[name] for _, attributes in self.elements if name in attributes]


def check_page(text: str) -> Reader:
    """Well-formed, no id twice, links that lead somewhere, and nothing to be fetched."""
    reader = Reader(text)
    ids = reader.attributes("id")
    assert len(set(ids)) == len(ids)
    for target in reader.attributes("href"):
        assert target == "data:," or target.removeprefix("#") in ids
    for source in reader.attributes("src"):
        assert source.startswith("data:image/")
    assert all(attributes.get("alt") for tag, attributes in reader.elements if tag == "img")
    assert not {"script", "iframe", "object", "form"} & {tag for tag, _ in reader.elements}
    assert not re.search(r"url\(|@import|https?:|//\w", "".join(reader.text["style"]))
    return reader


def embedded(reader: Reader) -> list[np.ndarray]:
    """The page's pictures, decoded."""
    return [
        np.asarray(
            Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB")
        )
        for source in reader.attributes("src")
    ]
