"""What figures are called, and which of them are the paper's.

A name says what is drawn and of which factor, `traversal_azimuth`. Before it stands
the number of the figure of the paper that shows the same of the same kind of data:
`figure_5_traversal_azimuth`. Of data that the paper does not have no figure is its.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_UNSAFE = re.compile(r"[^\w.-]+")
_NUMBERED = re.compile(r"figure_(\d+)_(.+)")


def of_factor(kind: str, factor: str) -> str:
    """`traversal` and `azimuth` in one name; a factor may be called anything, a file may not."""
    return f"{kind}_{_UNSAFE.sub('_', factor)}"


def numbered(name: str, numbers: Mapping[str, int]) -> str:
    """The name with the paper's number before it, if it has one."""
    return f"figure_{numbers[name]}_{name}" if name in numbers else name


def without_number(name: str) -> tuple[str, int | None]:
    """The inverse of `numbered`: a name, and the paper's number or None."""
    match = _NUMBERED.fullmatch(name)
    return (match[2], int(match[1])) if match else (name, None)
