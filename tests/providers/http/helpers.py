"""A server for the HTTP client, and requests to it."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from secretsync.providers.http.client import HttpClient
from secretsync.providers.http.failures import Fault, HttpError
from secretsync.providers.http.messages import Response as Answer
from secretsync.providers.http.tls import NamedPath, Tls
from secretsync.providers.interface import Deadline, RequestCounter
from tests.servers.certificates import CertificateAuthority
from tests.servers.loopback import LoopbackServer, Request, Response
from tests.support.limits import HANG

BODY = b'{"data": "text"}'


class Echo(LoopbackServer):
    """Answers every request with BODY."""

    def answer(self, request: Request) -> Response:
        """Return BODY, and the request's path in a header."""
        return Response(200, BODY, {"X-Path": request.target})


@contextlib.contextmanager
def echo(tls: ssl.SSLContext | None = None, kind: type[Echo] = Echo) -> Iterator[Echo]:
    """Run a server until the end of the block."""
    server = kind(tls)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def client_of(server: LoopbackServer, **options: Any) -> Iterator[HttpClient]:
    """Make a client for `server`, with a counter, and close it at the end of the block."""
    client = HttpClient(server.url, **{"counter": RequestCounter(), **options})
    try:
        yield client
    finally:
        client.close()


def get(client: HttpClient, path: str = "/a", *, seconds: float = HANG, **options: Any) -> Answer:
    """Return the response to a GET."""
    return client.request("GET", path, deadline=Deadline(seconds), **{"is_repeatable": True, **options})


def error_of(client: HttpClient, *, seconds: float = HANG, **options: Any) -> HttpError:
    """Return the error of a GET."""
    with pytest.raises(HttpError) as raised:
        get(client, seconds=seconds, **options)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    return raised.value


def fault_of(client: HttpClient, **options: Any) -> Fault:
    """Return the kind of the error of a GET."""
    return error_of(client, **options).fault


def trusting(authority: CertificateAuthority, **options: Any) -> Tls:
    """Return TLS settings that trust `authority`."""
    return Tls(authorities=NamedPath(str(authority.bundle), "VAULT_CACERT"), **options)
