"""The parts of the page that are HTML: pictures with their links, and lines of text.

Pictures and downloads are data URIs: one answer of the server brings everything that
belongs to it, and nothing of it is left on the server.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape

from dcign_tf.editing.editor import Reading
from dcign_tf.quantities import Quantity, display_name

PNG, GIF, MP4, JSON = "image/png", "image/gif", "video/mp4", "application/json"


def data_uri(content: bytes, kind: str) -> str:
    """Content as an address of its own."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def figure(
    caption: str,
    content: bytes | None,
    *,
    kind: str = PNG,
    description: str,
    downloads: Mapping[str, tuple[str, str]] | None = None,
) -> str:
    """A picture, its caption, and links below it.

    Args:
        caption: what the picture is.
        content: file of the picture; None leaves its place empty.
        kind: of the file.
        description: for who cannot see it, or why the place is empty.
        downloads: what to call a file to (what it is, address).
    """
    if content is None:
        shown = f'<div class="no-picture">{escape(description)}</div>'
    else:
        shown = f'<img src="{data_uri(content, kind)}" alt="{escape(description)}">'
    links = "".join(
        f'<a download="{escape(name)}" href="{address}" aria-label="Save {escape(text)}">'
        f"{escape(text)}</a>"
        for name, (text, address) in (downloads or {}).items()
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


def message(text: str = "", *, is_error: bool = False) -> str:
    """A line on what just happened; its place is kept when there is nothing to say."""
    role, kind = ("alert", "message error") if is_error else ("status", "message")
    return f'<p class="{kind}" role="{role}">{escape(text)}</p>'
