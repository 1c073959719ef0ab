"""A server on loopback that does to a download what networks do: it cuts, stalls, refuses ..."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Act = Literal[
    "serve",
    "cut",
    "stall",
    "busy",
    "refuse",
    "redirect",
    "loop",
    "page",
    "no range",
    "corrupt",
    "elsewhere",
]


@dataclass
class Server:
    """What is served, what goes wrong, and what was asked."""

    files: dict[str, bytes]
    acts: list[Act] = field(default_factory=list)
    """What the next requests meet; `serve` when there are no more."""
    url: str = ""
    etag: str = '"one"'
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range of each request."""


@contextmanager
def serve(files: dict[str, bytes], *acts: Act) -> Iterator[Server]:
    """Serve `files` (name -> bytes) while the context lasts."""
    state = Server(files, list(acts))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, state)

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, state: Server) -> None:
    wanted = handler.headers.get("Range", "")
    state.requests.append((handler.path, wanted))
    act = state.acts.pop(0) if state.acts else "serve"
    data = state.files.get(handler.path.strip("/").removeprefix("moved/"))
    if act == "busy":
        _send(handler, 503, b"", {"Retry-After": "7"})
    elif act == "refuse" or data is None:
        _send(handler, 403 if act == "refuse" else 404, b"")
    elif act == "redirect":
        _send(handler, 302, b"", {"Location": f"{state.url}/moved{handler.path}"})
    elif act == "loop":
        state.acts.insert(0, "loop")
        _send(handler, 302, b"", {"Location": f"{state.url}{handler.path}"})
    elif act == "page":
        _send(handler, 200, b"<!DOCTYPE html><html>Please log in</html>")
    else:
        _send_file(handler, state, act, data, wanted)


def _send_file(
    handler: BaseHTTPRequestHandler, state: Server, act: Act, data: bytes, wanted: str
) -> None:
    start, code = 0, 200
    headers = {"ETag": state.etag}
    same = handler.headers.get("If-Range", state.etag) == state.etag
    if wanted and same and act != "no range":
        start, code = int(wanted.removeprefix("bytes=").rstrip("-")), 206
        if start >= len(data):
            _send(handler, 416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return
        start //= 2 if act == "elsewhere" else 1
        headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
    body = data[start:]
    if act == "corrupt":
        body = bytes([body[0] ^ 1]) + body[1:]
    _send(handler, code, b"", headers | {"Content-Length": str(len(body))})
    handler.wfile.write(body[: len(body) // 2] if act in ("cut", "stall") else body)
    if act == "stall":
        handler.wfile.flush()
        time.sleep(1.0)
    if act in ("cut", "stall"):
        handler.close_connection = True


def _send(
    handler: BaseHTTPRequestHandler, code: int, body: bytes, headers: dict[str, str] | None = None
) -> None:
    handler.send_response(code)
    for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
