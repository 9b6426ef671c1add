"""The parts of the page that are HTML: pictures with their links, and lines of text.

Pictures and downloads are data URIs: one answer of the server brings everything that
belongs to it, and nothing of it is left on the server.
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Mapping
from html import escape

from dcign_tf.quantities import Quantity, display_name
from dcign_tf.readouts.scene import Reading


def figure(
    caption: str,
    content: bytes | None,
    *,
    kind: str = "png",
    description: str,
    downloads: Mapping[str, tuple[str, bytes]] | None = None,
) -> str:
    """A picture, its caption, and links below it.

    Args:
        caption: what the picture is.
        content: file of the picture; None leaves its place empty.
        kind: of the file, as its suffix would be.
        description: for who cannot see it, or why the place is empty.
        downloads: name of a file to save to (what the link says, the file's content).
    """
    if content is None:
        shown = f'<div class="no-picture">{escape(description)}</div>'
    else:
        address = _data_uri(content, f"picture.{kind}")
        shown = f'<img src="{address}" alt="{escape(description)}">'
    links = "".join(
        f'<a download="{escape(name)}" href="{_data_uri(file, name)}"'
        f' aria-label="Save {escape(text)}">{escape(text)}</a>'
        for name, (text, file) in (downloads or {}).items()
    )
    save = "<span>Save</span>" * bool(links)
    return (
        f'<figure class="picture">{shown}<figcaption>{escape(caption)}</figcaption>'
        f'<div class="downloads">{save}{links}</div></figure>'
    )


def readings(scene: Mapping[str, Reading]) -> str:
    """What a picture's code says of its scene."""
    parts = [
        f"<div><dt>{escape(display_name(name))}</dt>"
        f"<dd>{Quantity(name).text(value)} <small>± {Quantity(name).text(error)}</small></dd></div>"
        for name, (value, error) in scene.items()
    ]
    return f'<dl class="readings" aria-label="read from the code">{"".join(parts)}</dl>'


def message(text: str, *, is_error: bool = False) -> str:
    """A line on what just happened, or on what can be done."""
    role, kind = ("alert", "message error") if is_error else ("status", "message")
    return f'<p class="{kind}" role="{role}">{escape(text)}</p>'


def _data_uri(content: bytes, name: str) -> str:
    """A file's content as an address of its own; its name's suffix tells the kind."""
    kind, _ = mimetypes.guess_type(name)
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
