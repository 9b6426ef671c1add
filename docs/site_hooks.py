"""What MkDocs does besides, so that the same files are read on a code host and as a site.

Pages that lie elsewhere in the repository, and the notebook, become pages of the site; links follow
them there, and formulas become MathML, which browsers show without a script.
"""

from __future__ import annotations

import json
import os
import pathlib
import re

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = pathlib.Path(__file__).resolve().parents[1]
PLACES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "dcign_tf/pretrained/faces/model_card.md": "model_card.md",
    "dcign_tf/pretrained/faces/photograph.png": "photograph.png",
    "dcign_tf/pretrained/chairs/model_card.md": "chairs_card.md",
    "dcign_tf/pretrained/chairs/photograph.png": "chairs_photograph.png",
    "docs/tour.ipynb": "tour.md",
}
"""Files to where they stand on the site; what is in `docs/` stands where it lies there."""

_ORIGINS = {page: origin for origin, page in PLACES.items()}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_IMAGE = re.compile(r'(<img src=")([^"]+)"')
_MATHS = re.compile(r"^```math\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what lies elsewhere."""
    for origin, page in PLACES.items():
        path = ROOT / origin
        if path.suffix == ".ipynb":
            files.append(File.generated(config, page, content=notebook(path)))
        else:
            files.append(File.generated(config, page, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Formulas as MathML, and links to where things are on the site."""
    here = page.file.src_uri
    origin = pathlib.PurePosixPath(_ORIGINS.get(here, f"docs/{here}"))
    formulas = _MATHS.sub(lambda match: convert(match[1], display="block"), markdown)
    parts = _CODE.split(formulas)
    return "".join(part if n % 2 else relinked(part, origin, here) for n, part in enumerate(parts))


def relinked(text: str, origin: pathlib.PurePosixPath, page: str) -> str:
    """Text with links from a file of the repository as links from a page of the site.

    Args:
        text: without blocks of code.
        origin: the file, from the repository's top.
        page: where it is on the site.
    """

    def moved(target: str) -> str | None:
        if ":" in target or target.startswith(("/", "mailto")):
            return target
        path = os.path.normpath(origin.parent / target)
        if path in PLACES:
            path = f"docs/{PLACES[path]}"
        if not path.startswith("docs/"):
            return None  # a file that is no page: its name has to do
        return os.path.relpath(path.removeprefix("docs/"), os.path.dirname(page) or ".")

    def link(match: re.Match[str]) -> str:
        target = moved(match[3])
        return match[2] if target is None else f"{match[1]}[{match[2]}]({target}{match[4] or ''})"

    text = _LINK.sub(link, text)
    return _IMAGE.sub(lambda match: f'{match[1]}{moved(match[2])}"', text)


def notebook(path: pathlib.Path) -> str:
    """A notebook as Markdown, its pictures within."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", ()):
            if picture := output.get("data", {}).get("image/png"):
                data = "".join(picture).replace("\n", "")
                parts.append(f'<img src="data:image/png;base64,{data}" alt="">')
            elif text := "".join(output.get("text", ())):
                parts.append(f"```text\n{text}```")
    return "\n\n".join(parts) + "\n"
