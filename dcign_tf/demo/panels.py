"""The parts of the page that are HTML: pictures with their links, and lines of text.

`panels.html` has a macro for each, which `panels` offers as a function. Pictures and downloads
are data URIs: one answer of the server brings everything that belongs to it, and nothing of it
is left on the server.
"""

from __future__ import annotations

import base64
import mimetypes

import jinja2

from dcign_tf.quantities import Quantity, display_name


def _data_uri(content: bytes, name: str) -> str:
    """A file's content as an address of its own; its name's suffix tells the kind."""
    kind, _ = mimetypes.guess_type(name)
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("dcign_tf", "demo"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"data_uri": _data_uri, "display_name": display_name}
_templates.globals["Quantity"] = Quantity
panels = _templates.get_template("panels.html").module
