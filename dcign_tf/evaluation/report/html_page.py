"""Pages of text, tables and pictures: one HTML file each, which needs nothing from anywhere.

A template in `templates/` is filled in, and whatever text it is filled with is escaped.
Pictures are embedded, and a content security policy forbids the browser to fetch
anything. A page is readable on a phone and on paper, in light and in dark.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image

from dcign_tf.errors import UserError
from dcign_tf.evaluation.report.sections import Section
from dcign_tf.progress import duration
from dcign_tf.quantities import display_name

_WIDE = 1.6  # width over height from which a figure needs more of the page's width than others
_TALL = 1.2  # height over width from which it needs less
# Not even as a character reference may these stand in HTML or XML.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def page(
    title: str,
    sections: Iterable[Section],
    *,
    template: str = "page.html",
    **values: Any,
) -> str:
    """The whole of an HTML file.

    Args:
        title: of the page, also its first heading.
        sections: those that are empty are left out.
        template: `page.html`, or one that extends it.
        **values: whatever else that template shows. `page.html` itself may have `lead`, a
            paragraph between the title and the contents, and `cards`, the few numbers to see
            first: each what it is, the number, and what to hold it against.

    Returns:
        HTML, to be written as UTF-8.

    Raises:
        UserError: if a picture cannot be read.
    """
    text = _TEMPLATES.get_template(template).render(
        title=title, sections=list(filter(None, sections)), **values
    )
    return _FORBIDDEN.sub("�", text) + "\n"


def _embedded(path: Path) -> dict[str, str | int]:
    """Attributes of a picture; as lossless WebP it takes half the place that it takes as a PNG."""
    packed = io.BytesIO()
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            picture.convert("RGBA").save(packed, "WEBP", lossless=True, quality=50, method=2)
    except (OSError, SyntaxError) as error:  # which Pillow raises for a damaged PNG
        raise UserError(f"{path} cannot be read as a picture: {error}.") from error
    source = f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}"
    shape = "wide" if width > _WIDE * height else "tall" if height > _TALL * width else "even"
    return {"src": source, "width": width, "height": height, "class": shape}


_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("dcign_tf.evaluation.report"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {
    "as_json": functools.partial(json.dumps, indent=2),
    "display_name": display_name,
    "duration": duration,
    "embedded": _embedded,
}
