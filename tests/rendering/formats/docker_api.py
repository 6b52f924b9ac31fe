"""A Docker API on a unix socket that knows just enough to take `docker create`, and keeps what it was sent."""

import contextlib
import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def serve(path: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield a list of the bodies of all `POST /containers/create`, while the API is served at `path`."""
    created: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Api-Version", "1.43")
            self.send_header("OSType", "linux")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self._answer(200)

        def do_GET(self) -> None:
            self._answer(200, b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            created.append(json.loads(body))
            self._answer(201, b'{"Id": "0123456789ab", "Warnings": []}')

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

        def address_string(self) -> str:
            return "local"

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield created
        finally:
            server.shutdown()
            thread.join()
