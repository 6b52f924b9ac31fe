"""Errors of Key Vault, of Entra ID and of the network, as outcomes, without a server."""

from __future__ import annotations

import json
import socket
import ssl
from subprocess import TimeoutExpired
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import (
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Missing
from secretsync.providers.azure.errors import AzureRequestError, vault_error
from secretsync.providers.azure.token_errors import token_error


def answer(status: int, code: str = "", inner: str = "", **headers: str) -> HttpResponseError:
    """Return the exception of the SDK for an answer with an error status."""
    body = json.dumps({"error": {"code": code, "message": "x", "innererror": {"code": inner}}})
    response: Any = SimpleNamespace(
        status_code=status, reason="x", headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    response.text, response.content_type = lambda *_: body, "application/json"
    response.body = body.encode
    return HttpResponseError(response=response)


ANSWERS = [
    (answer(404, "SecretNotFound"), None, "has no such secret", False, False),
    (answer(404, "NotFound"), ProblemKind.UNAVAILABLE, "gave no usable answer (HTTP 404)", False, False),
    (answer(401), ProblemKind.DENIED, "does not take our token", False, True),
    (answer(403, "Forbidden", "SecretDisabled"), ProblemKind.UNUSABLE, "disabled", False, False),
    (answer(403, "Forbidden", "ForbiddenByRbac"), ProblemKind.DENIED, "denied (ForbiddenByRbac)", False, False),
    (answer(403, "Forbidden", "ForbiddenByFirewall"), ProblemKind.DENIED, "firewall", False, True),
    (answer(403), ProblemKind.DENIED, "denied (HTTP 403)", False, False),
    (answer(429), ProblemKind.UNAVAILABLE, "has too many requests (HTTP 429)", True, True),
    (answer(503), ProblemKind.UNAVAILABLE, "does not work (HTTP 503)", True, False),
    (answer(400, "BadParameter"), ProblemKind.UNAVAILABLE, "gave no usable answer (HTTP 400)", False, False),
    (ServiceRequestError("x"), ProblemKind.UNAVAILABLE, "cannot be reached", True, True),
    (ServiceRequestTimeoutError("x"), ProblemKind.UNAVAILABLE, "no connection in time", True, True),
    (ServiceResponseTimeoutError("x"), ProblemKind.UNAVAILABLE, "no answer in time", True, True),
    (ServiceResponseError("x"), ProblemKind.UNAVAILABLE, "the connection was cut", True, True),
    (IncompleteReadError("x"), ProblemKind.UNAVAILABLE, "the answer was cut off", True, True),
    (
        ServiceRequestError("x", error=ssl.SSLCertVerificationError(1, "x")),
        ProblemKind.UNAVAILABLE,
        "certificate is not trusted",
        False,
        True,
    ),
    (
        ServiceRequestError("x", error=socket.gaierror(socket.EAI_NONAME, "x")),
        ProblemKind.UNAVAILABLE,
        "its name is not known",
        False,
        True,
    ),
    (ValueError("the challenge resource"), ProblemKind.CONFIGURATION, "is no host of Key Vault", False, True),
    (OSError("x"), ProblemKind.CONFIGURATION, "certificate authorities cannot be read", False, True),
    (KeyError("x"), ProblemKind.UNAVAILABLE, "gave a garbled answer (KeyError)", False, False),
]


def check(error: AzureRequestError, kind: ProblemKind | None, words: str) -> None:
    """Assert the kind (None: missing) and words of the cause."""
    outcome = error.outcome
    assert isinstance(outcome, Missing) if kind is None else getattr(outcome, "kind", None) is kind
    assert words in outcome.cause


@pytest.mark.parametrize(
    ("error", "kind", "words", "is_retryable", "is_general"), ANSWERS, ids=[words for _, _, words, _, _ in ANSWERS]
)
def test_the_vault(
    error: Exception, kind: ProblemKind | None, words: str, *, is_retryable: bool, is_general: bool
) -> None:
    """Each exception of the SDK has its kind, is retryable or not, and concerns one secret or the whole vault."""
    made = vault_error(error, vault="kv.test", right="get")
    check(made, kind, words)
    assert (made.is_retryable, made.is_general) == (is_retryable, is_general)


def test_only_a_refused_token_is_renewed() -> None:
    """401 is the only status after which a new token may help."""
    refused = [error for error, *_ in ANSWERS if vault_error(error, vault="x", right="get").is_token_refused]
    assert [getattr(error, "status_code", None) for error in refused] == [401]


def test_the_right_that_is_missing() -> None:
    """The hint names the role for values or for metadata."""
    denied = answer(403, "Forbidden", "ForbiddenByRbac")
    assert "Key Vault Secrets User" in str(vault_error(denied, vault="x", right="get").outcome.hint)
    assert "Key Vault Reader" in str(vault_error(denied, vault="x", right="list").outcome.hint)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry_After": "7"}, 7.0), ({"retry_after_ms": "1500"}, 1.5), ({"x_ms_retry_after_ms": "250"}, 0.25), ({}, 0.0)],
)
def test_pauses(headers: dict[str, str], seconds: float) -> None:
    """All headers with a pause are read, in seconds and in milliseconds."""
    assert vault_error(answer(429, **headers), vault="x", right="get").retry_after == seconds


TOKENS = [
    (Exception("AADSTS7000222: x"), {}, ProblemKind.DENIED, "(AADSTS7000222)", False),
    (Exception("AADSTS90033: x"), {}, ProblemKind.UNAVAILABLE, "(AADSTS90033)", True),
    (Exception("x"), {"status": 503}, ProblemKind.UNAVAILABLE, "answered with HTTP 503", True),
    (Exception("x"), {"status": 400}, ProblemKind.DENIED, "(HTTP 400)", False),
    (Exception("x"), {"is_built": False}, ProblemKind.CONFIGURATION, "does not take its settings", False),
    (Exception("x additionally_allowed_tenants"), {}, ProblemKind.DENIED, "another tenant", False),
    (TimeoutExpired("az", 1), {}, ProblemKind.UNAVAILABLE, "no answer in time", False),
    (KeyError("x"), {}, ProblemKind.UNAVAILABLE, "garbled answer", True),
    (KeyError("x"), {"status": 200}, ProblemKind.UNAVAILABLE, "garbled answer", False),
    (ServiceRequestError("x"), {}, ProblemKind.UNAVAILABLE, "cannot be reached", True),
    (ServiceRequestError("x"), {"is_guess": True}, ProblemKind.UNAVAILABLE, "cannot be reached", False),
    (RuntimeError("x"), {}, ProblemKind.DENIED, "(RuntimeError)", False),
]


@pytest.mark.parametrize(("error", "options", "kind", "words", "is_retryable"), TOKENS)
def test_tokens(
    error: Exception, options: dict[str, Any], kind: ProblemKind, words: str, *, is_retryable: bool
) -> None:
    """Each exception of a credential has its kind and its code, and concerns all secrets."""
    made = token_error(error, credential="client-secret", **options)
    check(made, kind, words)
    assert made.is_general
    assert made.is_retryable is is_retryable


@pytest.mark.parametrize("status", [404, 410])
def test_the_endpoint_of_a_machine(status: int) -> None:
    """404 and 410 are temporary only at the endpoint of a managed identity."""
    assert token_error(Exception("x"), credential="managed-identity", status=status).is_retryable
    assert not token_error(Exception("x"), credential="client-secret", status=status).is_retryable
