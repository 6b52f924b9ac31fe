"""Errors of the network and of a Vault server, as outcomes, without a server."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import pytest
import requests
import urllib3.exceptions

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Missing
from secretsync.providers.vault.errors import network_error, retryable_failure, server_failure
from secretsync.providers.vault.mounts import Mount, MountKind, make_mount, refused
from secretsync.providers.vault.responses import Reply


def wrapped(cause: Exception) -> requests.ConnectionError:
    """A connection error as requests raises it."""
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/", cause))  # type: ignore[arg-type]


def refused_connection() -> Exception:
    """The error for a port where nothing listens."""
    return wrapped(urllib3.exceptions.NewConnectionError(None, "refused"))  # type: ignore[arg-type]


def untrusted_certificate() -> Exception:
    """The error for a certificate, whose reason OpenSSL sets."""
    cause = ssl.SSLCertVerificationError(1, "x")
    cause.verify_message = "expired"
    return requests.exceptions.SSLError(cause)


# An exception, words of the cause, and whether a request is sent again: if it may be carried out twice, and if not.
NETWORK = [
    (requests.ConnectTimeout(), "no connection within 2 s", True, True),
    (requests.ReadTimeout(), "no answer within 5 s", True, False),
    (requests.exceptions.ProxyError(), "the proxy", True, True),
    (requests.exceptions.ProxyError("Tunnel", OSError("Tunnel connection failed: 407 x")), "the proxy", False, False),
    (requests.exceptions.InvalidURL(), "there is no way to", False, False),
    (untrusted_certificate(), "is not trusted: expired", False, False),
    (requests.exceptions.SSLError(ssl.SSLEOFError(8, "x")), "no TLS connection", True, False),
    (wrapped(socket.gaierror(socket.EAI_NONAME, "x")), "name is not known", False, False),
    (wrapped(socket.gaierror(socket.EAI_AGAIN, "x")), "cannot be looked up for now", True, True),
    (refused_connection(), "refuses connections", True, True),
    (wrapped(ConnectionResetError(104, "x")), "closed before the answer", True, False),
    (requests.exceptions.ChunkedEncodingError(urllib3.exceptions.IncompleteRead(1, 2)), "cut off", True, False),
    (UnicodeError("x"), "the request failed (UnicodeError)", False, False),
]


@pytest.mark.parametrize(("error", "words", "twice", "once"), NETWORK, ids=[words for _, words, _, _ in NETWORK])
def test_network_errors(error: Exception, words: str, *, twice: bool, once: bool) -> None:
    """A request that must not be carried out twice is only sent again if the server did not get it."""
    for is_repeatable, expected in ((True, twice), (False, once)):
        made = network_error(error, "https://vault.test", (2.0, 5.0), is_repeatable=is_repeatable)
        assert words in made.outcome.cause
        assert made.is_retryable is expected


def reply(status: int, document: dict[str, Any] | None = None, **more: Any) -> Reply:
    """An answer."""
    return Reply(status, document, **{"retry_after": None, "location": None, **more})


def errors(*lines: str) -> dict[str, Any]:
    """The body of a refusal."""
    return {"errors": list(lines)}


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (reply(307, location="other.test"), "", "it sends us on to other.test (307)"),
        (reply(429, errors(), retry_after=7.0), "", "it is rate limited (429), for another 7 s"),
        (reply(503, errors("sealed")), "sealed", "it is sealed (503)"),
        (reply(503), "", "it failed (503)"),
        (reply(472), "", "it failed (472)"),
        (reply(404), "", "its answer is not Vault's (404)"),
        (reply(200), "", "its answer is not Vault's (200)"),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else None,
)
def test_failures_of_the_server(answer: Reply, state: str, words: str) -> None:
    """An answer that is not about the secret is unavailable, with its status."""
    failed = server_failure(answer, state)
    assert failed.kind is ProblemKind.UNAVAILABLE
    assert failed.cause == words


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(429), "it is rate limited (429)"),
        (reply(502), "it failed (502)"),
        (reply(503, errors("Vault is sealed")), "it is sealed (503)"),
    ],
    ids=["429", "502", "sealed"],
)
def test_the_cause_of_retries(answer: Reply, words: str) -> None:
    """The cause of the last try has the status, and no text of the server."""
    assert retryable_failure(answer).cause == words


KV2, KV1, UNKNOWN = (Mount("secret", kind) for kind in (MountKind.KV2, MountKind.KV1, MountKind.UNKNOWN))


@pytest.mark.parametrize(
    ("answer", "mount", "kind", "words"),
    [
        (reply(403, errors()), KV2, ProblemKind.DENIED, "our token may not read secret/data/app (403)"),
        (reply(403, errors()), KV1, ProblemKind.DENIED, "our token may not read secret/app (403)"),
        (reply(403, errors()), UNKNOWN, ProblemKind.DENIED, "our token may not read secret/app (403)"),
        (reply(404, errors("no handler for route")), KV2, ProblemKind.UNUSABLE, "nothing is mounted at secret/app"),
        (reply(404, errors()), KV2, None, "there is no secret/app"),
        (reply(400, errors("unknown role: x")), KV1, None, "there is no secret/app"),
        (reply(400, errors("Upgrading from non-versioned")), KV2, ProblemKind.UNAVAILABLE, "is being upgraded"),
        (reply(405, errors()), KV1, ProblemKind.UNUSABLE, "it takes other operations (405)"),
        (reply(400, errors("x")), KV1, ProblemKind.UNAVAILABLE, "Vault does not accept to read secret/app (400)"),
    ],
    ids=str,
)
def test_refusals(answer: Reply, mount: Mount, kind: ProblemKind | None, words: str) -> None:
    """Each refusal of a path is missing, denied, unusable or unavailable."""
    outcome = refused(answer, "secret/app", mount)
    assert isinstance(outcome, Missing) if kind is None else isinstance(outcome, Failed) and outcome.kind is kind
    assert words in outcome.cause


@pytest.mark.parametrize(
    ("engine", "options", "kind"),
    [
        ("kv", {"version": "2"}, MountKind.KV2),
        ("kv", {"version": "1"}, MountKind.KV1),
        ("kv", None, MountKind.KV1),
        ("generic", {}, MountKind.KV1),
        ("cubbyhole", None, MountKind.KV1),
        ("database", {"version": "2"}, MountKind.OTHER),
    ],
)
def test_mounts(engine: str, options: object, kind: MountKind) -> None:
    """The engine and its version decide how a secret is read."""
    assert make_mount(reply(200, {"data": {"path": "a/b/", "type": engine, "options": options}})) == Mount(
        "a/b", kind, engine
    )
