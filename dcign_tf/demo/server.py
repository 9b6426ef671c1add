"""Serves the page: to whom, how it looks, and that it asks nothing of other hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.route_utils import FnIndexInferError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dcign_tf.errors import UserError

_STYLE = Path(__file__).with_name("style.css")
_AROUND_A_FILE = 2**20  # bytes of a request: forms, and the values of the page


def serve(demo: gr.Blocks, host: str, port: int | None, max_upload_mb: float) -> str:
    """Starts serving the page and returns its address.

    Raises:
        UserError: if that address cannot be listened on.
    """
    most_bytes = int(max_upload_mb * 2**20)
    try:
        _, url, _ = demo.launch(
            server_name=host,
            server_port=port,
            max_file_size=most_bytes,
            theme=gr.themes.Default(
                primary_hue="amber",
                neutral_hue="stone",
                font=["system-ui", "sans-serif"],  # this computer's own
                font_mono=["ui-monospace", "monospace"],
            ),
            css_paths=_STYLE,
            footer_links=[],
            run_history=False,
            share=False,
            ssr_mode=False,
            quiet=True,
            prevent_thread_lock=True,
            _frontend=False,  # else it gives up if this machine is too busy to answer in 3 s
            app_kwargs={
                "middleware": [
                    Middleware(_LimitedBody, most_bytes=most_bytes),
                    Middleware(_SelfContained),
                    Middleware(_StyledFromTheStart),
                ],
                "exception_handlers": {KeyError: _unknown, FnIndexInferError: _unknown},
            },
        )
    except OSError as error:
        where = f"{host}:{port}" if port else host
        raise UserError(f"Cannot listen on {where}: {error}. Choose another --port.") from error
    return url


def _unknown(request: Request, error: Exception) -> JSONResponse:
    """Of an event that the page does not have: gradio looks it up, and lets the failure out."""
    return JSONResponse({"detail": f"{request.url.path}: nothing is called {error}"}, 404)


class _SelfContained:
    """Tells the browser to ask nothing of any other host, whatever gradio's page contains."""

    _POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(event: dict[str, Any]) -> None:
            if event["type"] == "http.response.start":
                MutableHeaders(scope=event)["content-security-policy"] = self._POLICY
            await send(event)

        await self._app(scope, receive, send_with_policy)


class _LimitedBody:
    """Refuses requests larger than a picture may be: gradio limits each file of one alone."""

    def __init__(self, app: ASGIApp, most_bytes: int):
        self._app, self._most_bytes = app, most_bytes + _AROUND_A_FILE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        too_large = HTTPException(413, f"A request is of {self._most_bytes:,} bytes at most")
        length = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if length.isdigit() and int(length) > self._most_bytes:
            refusal = JSONResponse({"detail": too_large.detail}, too_large.status_code)
            return await refusal(scope, receive, send)
        received = 0

        async def counted() -> dict[str, Any]:  # what is sent in pieces tells no length
            nonlocal received
            event = await receive()
            received += len(event.get("body", b""))
            if received > self._most_bytes:
                raise too_large
            return event

        return await self._app(scope, counted, send)


class _StyledFromTheStart:
    """Puts the style into the page itself, too: gradio fetches it when the page is built already.

    What is there by then would move.
    """

    def __init__(self, app: ASGIApp):
        self._app = app
        self._style = f"<style>{_STYLE.read_text(encoding='utf-8')}</style>".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: dict[str, Any] = {}

        async def send_with_style(event: dict[str, Any]) -> None:
            if event["type"] == "http.response.start":
                headers = MutableHeaders(scope=event)
                if headers.get("content-type", "").startswith("text/html"):
                    start.update(event)  # its length is known when its beginning is
                    return
            elif start:
                head, end, rest = event["body"].partition(b"</head>")
                if end:
                    event = {**event, "body": head + self._style + end + rest}
                    headers = MutableHeaders(scope=start)
                    length = int(headers.get("content-length", 0))
                    if length:
                        headers["content-length"] = str(length + len(self._style))
                await send(dict(start))
                start.clear()
            await send(event)

        await self._app(scope, receive, send_with_style)
