"""What the documentation names is there: paths, links, modules, and the tour's cells."""

from __future__ import annotations

import ast
import importlib.util
import json
import pkgutil
import re
import runpy

import numpy as np
import pytest
from PIL import Image

from dcign_tf.cli.main import COMMANDS
from tests.helpers import ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
SCRIPTS = [*sorted((ROOT / "docs").rglob("*.py")), *sorted((ROOT / "benchmarks").glob("*.py"))]
# The comparisons that a run leaves behind are Markdown too.
PROSE = [page for page in PAGES if page.parent.name != "comparison"]
FOLDERS = ("benchmarks/", "configs/", "dcign_tf/", "docs/", "scripts/", "tests/")
README = (ROOT / "README.md").read_text(encoding="utf-8")

_CODE = re.compile(r"```\w*\n(.*?)```|`([^`]+)`", re.DOTALL)


def text_of(page):
    """A page without links to other sites, and without what the changelog says was before."""
    text = re.sub(r"\[[^\]]*\]\(https?:[^)]*\)", "", page.read_text(encoding="utf-8"))
    return re.sub(r"^\|[^|]*\|", "|", text, flags=re.M) if page.name == "CHANGELOG.md" else text


def code_of(page) -> str:
    """All that stands in code spans and code blocks."""
    return "\n".join(block or span for block, span in _CODE.findall(text_of(page)))


def anchors(page) -> set[str]:
    """What GitHub calls a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}


def named(page):
    return str(page.relative_to(ROOT))


def test_pages_are_found():
    assert ROOT / "docs" / "method.md" in PROSE
    assert ROOT / "docs" / "results" / "README.md" in PROSE


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"", text_of(page)):
        path, _, anchor = "".join(target).partition("#")
        where = (page.parent / path).resolve() if path else page
        assert where.exists(), target
        assert not anchor or anchor in anchors(where), target


@pytest.mark.parametrize("page", PROSE, ids=named)
def test_paths_exist(page):
    """Scripts and the repository's own folders, from its top or within the package."""
    for path in re.findall(r"[\w./-]+", code_of(page)):
        is_placeholder = re.search(r"/[A-Z_]+[/.]", path)  # configs/DATASET_PRESET.py
        is_ours = path.endswith(".py") or path.startswith(FOLDERS)
        if is_ours and not is_placeholder:
            assert any((place / path).exists() for place in (ROOT, ROOT / "dcign_tf")), path


@pytest.mark.parametrize("page", PROSE, ids=named)
def test_no_table_has_a_row_twice(page):
    for table in re.findall(r"(?:^\|.*\n)+", page.read_text(encoding="utf-8"), re.M):
        rows = re.findall(r"^\| (`[^|]+`) \|", table, re.M)
        assert len(rows) == len(set(rows)), table


@pytest.mark.parametrize(
    ("page", "claim"),
    [
        # The paper's §3.1: step 6 is the gradient of the loss, 7 what takes its place.
        ("method.md", r"inactive latent's gradient is its distance [^|]*\| §3\.1, step 7 "),
        ("method.md", r"Fig\. 3, which has the words \"out = mean\", it is the mean"),
        ("method.md", r"\"same as output for x₁\" stands in Fig\. 2"),
        ("method.md", "drawn without replacement"),
        ("method.md", "are two dense heads, .* the paper writes one matrix"),
        ("method.md", "ReLU comes after the pooling"),
        ("method.md", "the paper states no initialisation"),
        ("method.md", r"Keras adds its epsilon of 1e-7 \*outside"),
        ("scores.md", "`mig` and `modularity` therefore grow with the number of images"),
        ("scores.md", "in the precision that it was trained in"),
        ("experiments.md", r"python evaluate\.py --workdir=DIR --split=validation"),
    ],
)
def test_what_is_decided_differently_or_beyond_the_paper_is_said(page, claim):
    text = " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split())
    assert re.search(claim, text)


def test_rooms_exist():
    """The README's table names files and folders as seen from within the package."""
    table = README.partition("## Where to look")[2]
    rooms = re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:/|\.py))`", table)
    assert len(rooms) > 20
    for room in rooms:
        assert any((place / room).exists() for place in (ROOT, ROOT / "dcign_tf")), room


@pytest.mark.parametrize("page", PROSE, ids=named)
def test_modules_and_names_exist(page):
    code = code_of(page)
    for name in re.findall(r"\bdcign_tf(?:\.\w+)+", code):
        pkgutil.resolve_name(name)
    for module in re.findall(r"python -m (benchmarks\.\w+)", code):
        assert importlib.util.find_spec(module), module


@pytest.mark.parametrize("page", PROSE, ids=named)
def test_commands_exist(page):
    for command in re.findall(r"^dcign-tf ([a-z-]+)", code_of(page), re.M):
        assert command in COMMANDS, command


@pytest.mark.parametrize("page", PROSE, ids=named)
def test_imports_of_examples_work(page):
    for example in re.findall(r"^```python\n(.*?)^```$", text_of(page), re.DOTALL | re.M):
        import_from(example)


@pytest.mark.parametrize("script", SCRIPTS, ids=named)
def test_imports_of_scripts_work(script):
    import_from(script.read_text(encoding="utf-8"))


def import_from(source: str) -> None:
    """Runs the imports of this package in some source text."""
    for node in ast.walk(ast.parse(source)):
        lines = ast.unparse(node) if isinstance(node, ast.Import | ast.ImportFrom) else ""
        if "dcign_tf" in lines:
            exec(lines, {})


def test_notebook_is_what_its_script_writes():
    """Its outputs are of these cells, and its imports work."""
    script = ast.parse((ROOT / "docs" / "make_tour.py").read_text(encoding="utf-8"))
    (cells,) = (
        node.value
        for node in script.body
        if isinstance(node, ast.AnnAssign) and node.target.id == "CELLS"
    )
    written = eval(ast.unparse(cells), {"TEXT": "markdown", "CODE": "code"})
    notebook = json.loads((ROOT / "docs" / "tour.ipynb").read_text(encoding="utf-8"))
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]] == [
        (kind, source.strip()) for kind, source in written
    ]
    for kind, source in written:
        if kind == "code":
            import_from(source)


def test_every_page_has_a_place_in_the_site():
    """Which the site's own test says too, where MkDocs is installed."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    placed = set(re.findall(r"\S+\.md$", navigation, re.M))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert pages - placed == set()


def test_figures_are_drawn(tmp_path, monkeypatch):
    """By `docs/make_figures.py`, small; people and chairs take longer, and are sheets too."""
    figures = runpy.run_path(str(ROOT / "docs" / "make_figures.py"))["FIGURES"]
    names = figures["people"].__globals__
    for name, value in {"IMAGES": tmp_path, "SIZE": 16, "FRAMES": 3}.items():
        monkeypatch.setitem(names, name, value)
    for name in ("sweeps", "clamped_batch", "turning", "turning_chairs"):
        figures[name]()
    drawn = list(tmp_path.iterdir())
    assert len(drawn) == 4
    for path in drawn:
        with Image.open(path) as picture:
            assert np.asarray(picture.convert("L")).std() > 5
    for name, frames in {"turning": 6, "turning_chairs": 3}.items():
        with Image.open(tmp_path / f"{name}.webp") as moving:
            assert moving.n_frames == frames
        assert (ROOT / "docs" / "images" / f"{name}.webp").stat().st_size < 1_500_000
