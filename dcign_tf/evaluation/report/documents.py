"""Pages and model cards: templates in `templates/`, each of which says first what it is given.

What fills a page of HTML is escaped. Such a page needs nothing from anywhere: pictures are
embedded, and a content security policy forbids the browser to fetch anything. It is readable
on a phone and on paper, in light and in dark.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import re
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image

from dcign_tf.errors import UserError
from dcign_tf.evaluation.report.score_tables import scores_table
from dcign_tf.progress import duration
from dcign_tf.quantities import display_name

_WIDE = 1.6  # width over height from which a figure needs more of the page's width than others
_TALL = 1.2  # height over width from which it needs less
# Not even as a character reference may these stand in HTML or XML.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def document(template: str, **values: Any) -> str:
    """The whole of a file, to be written as UTF-8.

    Args:
        template: name of its file, `page.html` or another.
        **values: all that it shows.

    Raises:
        UserError: if a picture cannot be read.
    """
    text = _TEMPLATES.get_template(template).render(values)
    return _FORBIDDEN.sub("�", text.rstrip("\n")) + "\n"


def _embedded(path: Path) -> dict[str, str | int]:
    """Attributes of a picture; as lossless WebP it takes half the place that it takes as a PNG."""
    packed = io.BytesIO()
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            width, height = picture.size
            picture.convert("RGBA").save(packed, "WEBP", lossless=True, quality=50, method=2)
    except (OSError, SyntaxError) as error:  # which Pillow raises for a damaged PNG
        raise UserError(f"{path} cannot be read as a picture: {error}.") from error
    source = f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}"
    shape = "wide" if width > _WIDE * height else "tall" if height > _TALL * width else "even"
    return {"src": source, "width": width, "height": height, "class": shape}


_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("dcign_tf.evaluation.report"),
    autoescape=jinja2.select_autoescape(["html"]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {
    "as_json": functools.partial(json.dumps, indent=2),
    "display_name": display_name,
    "duration": duration,
    "embedded": _embedded,
    "scores_table": scores_table,
}
