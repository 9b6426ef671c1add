"""`import dcign_tf`: what it offers, and what it does not load."""

from __future__ import annotations

import ast
import sys

import pytest

import dcign_tf
from tests.helpers import ROOT
from tests.helpers.commands import execute

HEAVY = ("tensorflow", "keras", "numpy", "matplotlib", "ml_collections", "PIL")


def test_every_name_is_there_and_listed():
    for name in dcign_tf.__all__:
        assert getattr(dcign_tf, name) is not None
        assert name in dir(dcign_tf)
    with pytest.raises(AttributeError, match="module 'dcign_tf' has no attribute 'nope'"):
        _ = dcign_tf.nope


def test_type_checkers_and_python_find_the_same():
    """The imports under TYPE_CHECKING, run."""
    tree = ast.parse((ROOT / "dcign_tf" / "__init__.py").read_text())
    (block,) = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    imported: dict = {}
    exec(ast.unparse(ast.Module(block.body, [])), imported)
    del imported["__builtins__"]
    assert imported == {name: getattr(dcign_tf, name) for name in dcign_tf.__all__}


def test_importing_it_is_quick():
    code = (
        "import sys, dcign_tf; dir(dcign_tf)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    result = execute([sys.executable, "-c", code], cwd=ROOT)
    assert result.stdout == "[]\n", result.stderr
