"""The layout of the package: imports point downwards, whatever is imported where."""

from __future__ import annotations

import ast

import pytest

from tests.helpers import ROOT

PACKAGE = ROOT / "dcign_tf"
# From the bottom up; what stands in one line may import each other.
STOREYS = (
    (
        *("archives", "concurrency", "errors", "factors", "files", "folders", "interrupts"),
        *("locks", "pixels", "progress", "quantities", "resources"),
    ),
    ("readouts.calibrated_factor", "readouts.familiarity"),
    ("readouts.latent_curve", "readouts.leakage"),
    ("readouts.calibration", "readouts.scene"),
    ("model",),
    ("runs", "codec"),
    ("rendering",),
    ("datasets",),
    ("evaluation.metrics",),
    ("metrics",),
    ("readouts",),
    ("evaluation.figures",),
    ("evaluation",),
    ("editing",),
    ("pretrained",),
    ("serving", "demo"),
    ("training",),
    ("cli",),
)
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE / "configs")


def name_of(path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def storey(module: str) -> int | None:
    """The longest name that the module is, or stands below; None for the public face."""
    fits = [
        (len(name), number)
        for number, names in enumerate(STOREYS)
        for name in names
        if module == name or module.startswith(f"{name}.")
    ]
    return max(fits)[1] if fits else None


def imported(path) -> set[str]:
    """Modules of ours, in functions too; but not what only type checkers read."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dcign_tf"):
            base = node.module.removeprefix("dcign_tf").lstrip(".")
            for alias in node.names:
                module = f"{base}.{alias.name}".lstrip(".")
                is_module = (PACKAGE / module.replace(".", "/")).with_suffix(".py").exists()
                found.add(module if is_module else base)
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path):
    here = storey(name_of(path))
    if here is None:
        assert name_of(path) in ("__init__", "__main__", "")
        return
    upwards = {m for m in imported(path) if (storey(m) if storey(m) is not None else -1) > here}
    assert not upwards
