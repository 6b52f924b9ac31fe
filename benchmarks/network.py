"""Servers of the benchmarks: an AWS Secrets Manager that answers at once, and a proxy that adds a round trip's time.

Both are small asyncio programs in processes of their own. They keep connections alive, as the real ones do, and count.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

_PROCESSES = multiprocessing.get_context("spawn")
_BATCH = 20  # the most ids of one BatchGetSecretValue


class Server:
    """A server on loopback in a process of its own."""

    def __init__(self, serve: Callable[..., None], *arguments: object) -> None:
        self.counts = _PROCESSES.Array("q", 2)  # requests, connections
        ours, theirs = _PROCESSES.Pipe()
        self._process = _PROCESSES.Process(target=serve, args=(theirs, self.counts, *arguments), daemon=True)
        self._process.start()
        self.port: int = ours.recv()

    def take(self) -> tuple[int, int]:
        """Return the requests and connections since the last call."""
        taken = self.counts[0], self.counts[1]
        self.counts[0] = self.counts[1] = 0
        return taken

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def start_proxy(port: int, round_trip: float) -> Server:
    """Start a proxy before `port` that adds `round_trip` seconds to each exchange, and as many to a new connection."""
    return Server(_serve_proxy, port, round_trip)


def start_aws(secrets: Mapping[str, str], certificate: tuple[str, str] | None = None) -> Server:
    """Start an AWS Secrets Manager that holds `secrets`, by name.

    `certificate`: files of the certificate and its key; without them the server speaks plain HTTP.
    """
    return Server(_serve_aws, dict(secrets), certificate)


# The proxy.


class _Delayed(asyncio.Protocol):
    """One side of a connection. What it receives is written to the other side half a round trip later."""

    def __init__(self, half: float) -> None:
        self.half = half
        self.other: asyncio.Transport | None = None
        self.waiting: deque[tuple[float, bytes]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._later(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._later(b"")

    def flush(self) -> None:
        """Write what has waited long enough; the first bytes wait for the connection to the server, too."""
        if self.other is None:
            return
        now = asyncio.get_running_loop().time()
        while self.waiting and self.waiting[0][0] <= now + 0.0005:
            data = self.waiting.popleft()[1]
            self.other.write(data) if data else self.other.close()

    def _later(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.waiting.append((loop.time() + self.half, data))
        loop.call_later(self.half, self.flush)


def _serve_proxy(pipe: Connection, counts: Any, port: int, round_trip: float) -> None:
    class Front(_Delayed):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            counts[1] += 1
            asyncio.get_running_loop().call_later(round_trip, lambda: asyncio.ensure_future(self.connect()))

        def data_received(self, data: bytes) -> None:
            counts[0] += data.count(b" HTTP/1.1\r\n")  # of plain HTTP
            super().data_received(data)

        async def connect(self) -> None:
            loop = asyncio.get_running_loop()
            transport, back = await loop.create_connection(lambda: _Delayed(self.half), "127.0.0.1", port)
            back.other, self.other = self.transport, transport
            self.flush()

    _run(pipe, lambda: Front(round_trip / 2), None)


def _run(pipe: Connection, make: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=context, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


# AWS Secrets Manager.


def _serve_aws(pipe: Connection, counts: Any, secrets: dict[str, str], certificate: tuple[str, str] | None) -> None:
    world = _Aws(secrets)

    class Http(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport: Any = transport
            self.data = b""
            counts[1] += 1

        def data_received(self, data: bytes) -> None:
            self.data += data
            while (end := self.data.find(b"\r\n\r\n")) >= 0:
                headers = dict(
                    line.split(": ", 1) for line in self.data[:end].decode("latin-1").lower().split("\r\n")[1:]
                )
                size = end + 4 + int(headers.get("content-length", 0))
                if len(self.data) < size:
                    return
                body, self.data = self.data[end + 4 : size], self.data[size:]
                counts[0] += 1
                self.transport.write(world.answer(headers["x-amz-target"].rpartition(".")[2], json.loads(body)))

    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    _run(pipe, Http, context)


class _Aws:
    """The answers. Dates are those of real ones: seconds since 1970 with milliseconds."""

    def __init__(self, secrets: dict[str, str]) -> None:
        self.secrets = secrets
        self.names = list(secrets)
        self.created = round(time.time() - 86_400, 3)

    def answer(self, operation: str, request: dict[str, Any]) -> bytes:
        status, document = getattr(self, f"on_{operation}")(request)
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def on_getsecretvalue(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return self._with(request["SecretId"], self.value)

    def on_batchgetsecretvalue(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        wanted = request["SecretIdList"]
        if len(wanted) > _BATCH:
            return "400 Bad Request", {"__type": "InvalidParameterException", "Message": "too many ids"}
        return "200 OK", {"SecretValues": [self.value(name) for name in wanted if name in self.secrets], "Errors": []}

    def on_describesecret(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return self._with(request["SecretId"], self.entry)

    def on_listsecretversionids(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return self._with(
            request["SecretId"],
            lambda name: {
                **self._names(name),
                "Versions": [{**self._version(), "CreatedDate": self.created, "LastAccessedDate": self.created}],
            },
        )

    def on_listsecrets(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        begin, most = int(request.get("NextToken", 0)), request.get("MaxResults", 100)
        names = self.names if request.get("SortOrder") == "asc" else self.names[::-1]
        for some in request.get("Filters", ()):
            names = [name for name in names if name.startswith(tuple(some["Values"]))]
        page: dict[str, Any] = {"SecretList": [self.entry(name) for name in names[begin : begin + most]]}
        return "200 OK", page | ({"NextToken": str(begin + most)} if begin + most < len(names) else {})

    def value(self, name: str) -> dict[str, Any]:
        value = {"SecretString": self.secrets[name], "CreatedDate": self.created}
        return {**self._names(name), **self._version(), **value}

    def entry(self, name: str) -> dict[str, Any]:
        dates = ("CreatedDate", "LastChangedDate", "LastAccessedDate")
        versions = {
            "VersionIdsToStages": {"0" * 32: ["AWSCURRENT"]},
            "SecretVersionsToStages": {"0" * 32: ["AWSCURRENT"]},
        }
        return {**self._names(name), **dict.fromkeys(dates, self.created), **versions}

    def _with(self, name: str, make: Callable[[str], dict[str, Any]]) -> tuple[str, dict[str, Any]]:
        if name in self.secrets:
            return "200 OK", make(name)
        return "400 Bad Request", {"__type": "ResourceNotFoundException", "Message": "no such secret"}

    def _names(self, name: str) -> dict[str, str]:
        return {"ARN": f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf", "Name": name}

    def _version(self) -> dict[str, Any]:
        return {"VersionId": "0" * 32, "VersionStages": ["AWSCURRENT"]}
