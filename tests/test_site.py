"""The documentation as a site: built without a warning, whole, and without a dead link."""

from __future__ import annotations

import os
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import dcign_tf
from tests.helpers import ROOT

mkdocs_config = pytest.importorskip("mkdocs.config")
for needed in ("latex2mathml", "material", "mkdocs_api_autonav", "mkdocstrings_handlers.python"):
    pytest.importorskip(needed)


class Html(HTMLParser):
    """What a page links to, what can be linked to, and which elements it has."""

    def __init__(self, text: str):
        super().__init__()
        self.targets: set[str] = set()
        self.loaded: set[str] = set()
        self.ids: set[str] = set()
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.tags.add(tag)
        if given.get("id"):
            self.ids.add(given["id"])
        if tag == "a" and given.get("href"):
            self.targets.add(given["href"])
        elif tag in ("img", "script") and given.get("src"):
            self.loaded.add(given["src"])
        elif tag == "link" and given.get("href"):
            self.loaded.add(given["href"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The site; a warning ends the building of it."""
    from mkdocs.commands.build import build

    folder = tmp_path_factory.mktemp("site").resolve()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        config = mkdocs_config.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder))
        config.plugins.on_startup(command="build", dirty=False)
        build(config)
    return folder


@pytest.fixture(scope="module")
def pages(folder) -> dict[str, Html]:
    return {
        path.relative_to(folder).as_posix(): Html(path.read_text(encoding="utf-8"))
        for path in folder.rglob("*.html")
    }


def test_no_link_is_dead(folder, pages):
    """As a browser follows them, those of the README too: it is the site's first page."""
    assert "method.html" in pages["index.html"].targets
    del pages["404.html"]  # shown at any address
    for page, html in pages.items():
        for target in html.targets | html.loaded:
            parts = urlsplit(target)
            if parts.scheme:
                continue
            where = (folder / page).parent / unquote(parts.path) if parts.path else folder / page
            assert where.exists(), (page, target)
            name = os.path.relpath(where, folder)
            if parts.fragment and name in pages:
                assert unquote(parts.fragment) in pages[name].ids, (page, target)


def test_nothing_is_asked_of_other_hosts(pages):
    for page, html in pages.items():
        schemes = {urlsplit(target).scheme for target in html.loaded}
        assert schemes <= {"", "data"}, page


def test_every_module_has_a_page(pages):
    left_out = {"cli", "configs", "__main__"}
    for file in (ROOT / "dcign_tf").rglob("*.py"):
        module = file.relative_to(ROOT).with_suffix("")
        if left_out.isdisjoint(module.parts):
            names = [part for part in module.parts if part != "__init__"]
            page = module.as_posix().replace("__init__", "index")
            assert ".".join(names) in pages[f"modules/{page}.html"].ids


def test_what_the_package_offers_is_described(pages):
    ids = pages["modules/dcign_tf/index.html"].ids
    offered = {*dcign_tf.__all__} - {"metrics"}  # a module, which has its own page
    assert {f"dcign_tf.{name}" for name in offered} <= ids


def test_the_method_opens_with_its_formula_and_drawing(pages):
    assert "math" in pages["method.html"].tags
    assert "images/clamped_batch.png" in pages["method.html"].loaded


def test_the_notebook_is_a_page_with_its_pictures(pages):
    pictures = [target for target in pages["tour.html"].loaded if target.startswith("data:image")]
    notebook = (ROOT / "docs" / "tour.ipynb").read_text(encoding="utf-8")
    assert len(pictures) == notebook.count('"image/png"') > 0
