"""Writes the reference of the package, one HTML page a module, from its docstrings.

    pip install -e '.[docs]' && python docs/make_reference.py [DIR]

Into build/reference, unless DIR says otherwise; begin at `index.html`.
"""

from __future__ import annotations

import importlib
import pathlib
import pkgutil
import sys

import dcign_tf

REFERENCE = pathlib.Path(__file__).parents[1] / "build" / "reference"
_COMMANDS = {"cli", "__main__"}  # `dcign-tf --help` tells of them
LAZY = ("dcign_tf", "dcign_tf.evaluation.metrics", "dcign_tf.metrics")
"""They import what they offer when it is asked for, and pdoc describes only what is there."""


def modules() -> list[str]:
    """The package and what lies directly in it, by name; pdoc finds what is below."""
    below = (module.name for module in pkgutil.iter_modules(dcign_tf.__path__))
    return [
        "dcign_tf",
        *(f"dcign_tf.{name}" for name in below if name not in _COMMANDS),
    ]


def write_reference(directory: pathlib.Path) -> None:
    """Writes the pages into a directory, which is made."""
    import pdoc

    for package in map(importlib.import_module, LAZY):
        vars(package).update({name: getattr(package, name) for name in package.__all__})
    pdoc.render.configure(docformat="google", search=True)
    pdoc.pdoc(*modules(), output_directory=directory)


if __name__ == "__main__":
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else REFERENCE
    write_reference(directory)
    print(f"The reference is in {directory / 'index.html'}")
