"""What Key Vault, Entra ID and the way to them answer with when there is no value, in our words."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from subprocess import TimeoutExpired
from typing import Any, TypeVar

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Missing
from secretsync.core.records import Record
from secretsync.providers.remote import causes, is_certificate_refused, is_lasting, retry_after

__all__ = ["MISSING_HINT", "NoTokenError", "Trouble", "token_trouble", "unusable_token_file", "vault_trouble"]

T = TypeVar("T")

# What the same request may well be answered to a moment later.
_TRANSIENT = frozenset({408, 429, *range(500, 600)})

# What code raises that finds something else in an answer than it looks for.
_GARBLED = (ValueError, TypeError, LookupError, AttributeError)

# What the identity endpoint of a virtual machine answers while it is being changed (410) or rolled out (404).
_TRANSIENT_IDENTITY = _TRANSIENT | {404, 410}

_RIGHTS = {
    "get": "the right to read values: the role Key Vault Secrets User, or Get in the vault's access policy",
    "list": "the right to read metadata: the role Key Vault Reader, or List in the vault's access policy",
}

MISSING_HINT = "is it in this vault, and spelt like this? one that was deleted can be recovered for some time"

_FORBIDDEN = {
    "ForbiddenByRbac": None,
    "ForbiddenByPolicy": None,
    "AccessDenied": None,
    "ForbiddenByFirewall": "the vault's firewall does not let this address in",
    "ForbiddenByConnection": "the vault takes no connections from public networks",
}

# The authority's codes for a time-out, for a directory that is down, and for too many requests.
_TRANSIENT_CODES = frozenset({"AADSTS90012", "AADSTS90033", "AADSTS90055"})

# What can be done, by the codes of the authority that say so unmistakably.
_AUTHORITY_HINTS = {
    "AADSTS7000215": "AZURE_CLIENT_SECRET must be the secret's value, not its id",
    "AADSTS7000222": "the client secret has expired: make a new one",
    "AADSTS700016": "there is no application with this client id in the tenant",
    "AADSTS90002": "there is no such tenant: is AZURE_TENANT_ID right?",
    "AADSTS700024": "the federated token has expired: is its file still refreshed?",
    "AADSTS70021": "no federated credential of the identity matches issuer and subject of the token",
    "AADSTS700213": "no federated credential of the identity matches issuer and subject of the token",
}


_GARBLED_HINT = "is vault_url right, and no proxy or login page before the vault?"
_VAULT_HINT = "is vault_url right, and is there a way to it from here, perhaps through HTTPS_PROXY?"


class Trouble(Record, kw_only=True):
    """Why a request brought nothing, and what may be done about it."""

    outcome: Missing | Failed
    is_transient: bool = False  # the same request may succeed in a moment
    is_general: bool = False  # it concerns the vault or our identity: other secrets would fare no better
    is_token_refused: bool = False  # the vault did not take the token
    retry_after: float | None = None  # seconds that the service wants to be left alone


class NoTokenError(Exception):
    """There is no token to ask the vault with. It is not chained to what the SDK raised."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__("no token")
        self.trouble = trouble


def _of_all(
    kind: ProblemKind, cause: str, hint: str | None = None, *, again: bool = False, after: float | None = None
) -> Trouble:
    """A trouble that all secrets of the vault share. `again`: a retry may mend it."""
    return Trouble(outcome=Failed(kind, cause, hint), is_general=True, is_transient=again, retry_after=after)


def vault_trouble(error: Exception, *, vault: str, right: str) -> Trouble:
    """What `error`, which the SDK raised when it asked `vault`, means. `right`: "get" or "list"."""
    from azure.core.exceptions import DecodeError, HttpResponseError

    if isinstance(error, NoTokenError):
        return error.trouble
    if isinstance(error, HttpResponseError) and not isinstance(error, DecodeError) and error.status_code:
        return _refused(error, vault, right)
    if (trouble := _unreachable(error, vault, _VAULT_HINT)) is not None:
        return trouble
    if isinstance(error, ValueError) and "challenge" in str(error):
        # The SDK gives the token only to hosts below the domain that the challenge names.
        cause = f"{vault} is no host of Key Vault: it asks for a token of another service"
        return _of_all(ProblemKind.CONFIGURATION, cause, "vault_url is https://NAME.vault.azure.net")
    if isinstance(error, OSError):
        cause = f"{vault} cannot be asked: the certificate authorities cannot be read ({type(error).__name__})"
        return _of_all(ProblemKind.CONFIGURATION, cause, "REQUESTS_CA_BUNDLE names a file of certificates")
    cause = f"{vault} gave a garbled answer ({type(error).__name__})"
    return Trouble(outcome=Failed(ProblemKind.UNAVAILABLE, cause, _GARBLED_HINT))


def unusable_token_file(credential: str, cause: str) -> Trouble:
    """Return the trouble with a token's file that SecretSync refuses. `cause`: of the refusal."""
    hint = "AZURE_FEDERATED_TOKEN_FILE names a file that can be read"
    return _of_all(ProblemKind.DENIED, f"no token by {credential}: its file cannot be read: {cause}", hint)


def token_trouble(
    error: Exception,
    *,
    credential: str,
    is_built: bool = True,
    status: int | None = None,
    after: float | None = None,
    is_guess: bool = False,
) -> Trouble:
    """What `error`, which `credential` raised when it was asked for a token, means. `is_built`: not before that.

    status: of the last answer; None: not known. after: seconds that it asks to wait. is_guess: nothing shows that there
    is an identity, so that one request to its endpoint is enough if it cannot be reached.
    """
    who = f"no token by {credential}"
    if not is_built:
        hint = "AZURE_TENANT_ID and AZURE_CLIENT_ID are ids, AZURE_AUTHORITY_HOST begins with https://"
        return _of_all(ProblemKind.CONFIGURATION, f"{who}: azure-identity does not take its settings", hint)
    status, code = status or _first(_status, error), _first(_authority_code, error)
    # What is left where the environment shows nothing: often there is no such endpoint.
    machine = _credential_hint(credential) if credential == "managed-identity" else None
    if status in (_TRANSIENT_IDENTITY if credential == "managed-identity" else _TRANSIENT):
        cause = f"{who}: its endpoint answered with HTTP {status}"
        return _of_all(ProblemKind.UNAVAILABLE, cause, again=True, after=after or _first(_retry_after, error))
    if status is None and (trouble := _unreachable(error, f"{who}: its endpoint", machine)) is not None:
        return _of_all(ProblemKind.UNAVAILABLE, trouble.outcome.cause, trouble.outcome.hint) if is_guess else trouble
    if code in _TRANSIENT_CODES:
        return _of_all(ProblemKind.UNAVAILABLE, f"{who} ({code})", again=True)
    if code:
        return _of_all(
            ProblemKind.DENIED, f"{who} ({code})", _AUTHORITY_HINTS.get(code) or _credential_hint(credential)
        )
    if "additionally_allowed_tenants" in str(error):
        hint = "AZURE_TENANT_ID must be the tenant of the vault"
        return _of_all(ProblemKind.DENIED, f"{who}: the vault belongs to another tenant", hint)
    if _is_behind(error, *_GARBLED) if status is None else status < 400:
        cause = f"{who}: its endpoint gave a garbled answer"
        # Without a status it may have been an error: the SDK looked into a body that was not there.
        return _of_all(ProblemKind.UNAVAILABLE, cause, machine, again=status is None)
    if _is_behind(error, TimeoutExpired):
        return _of_all(ProblemKind.UNAVAILABLE, f"{who}: no answer in time")
    if isinstance(error, OSError) and credential == "workload-identity":
        hint = "AZURE_FEDERATED_TOKEN_FILE names a file that can be read"
        return _of_all(ProblemKind.DENIED, f"{who}: its file cannot be read", hint)
    cause = f"{who} ({f'HTTP {status}' if status else type(error).__name__})"
    return _of_all(ProblemKind.DENIED, cause, _credential_hint(credential))


def _credential_hint(credential: str) -> str:
    return {
        "cli": "is the Azure CLI installed and logged in? `az login`",
        "managed-identity": "has this machine or application an identity, and is client_id one of its own? Elsewhere: "
        "`az login`, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
        "workload-identity": "has the identity a federated credential for this service account?",
    }.get(
        credential, "are AZURE_TENANT_ID and AZURE_CLIENT_ID right? credential in [stores.NAME] says which one is used"
    )


def _refused(error: Any, vault: str, right: str) -> Trouble:
    """The meaning of an answer with an error status."""
    status = int(error.status_code)
    code, inner = _codes(error)
    # A 404 of a proxy or of another service says nothing about the secret.
    if status == 404 and code == "SecretNotFound":
        return Trouble(outcome=Missing(f"{vault} has no such secret or version", MISSING_HINT))
    if status == 401:
        cause, hint = f"{vault} does not take our token (HTTP 401)", "is the vault in the tenant AZURE_TENANT_ID?"
        return Trouble(outcome=Failed(ProblemKind.DENIED, cause, hint), is_general=True, is_token_refused=True)
    if status == 403 and inner == "SecretDisabled":
        return Trouble(
            outcome=Failed(ProblemKind.UNUSABLE, "the secret is disabled", "enable it, or store a new version")
        )
    if status == 403:
        cause = f"denied ({inner or code or 'HTTP 403'})"
        if reason := _FORBIDDEN.get(inner or ""):
            return _of_all(ProblemKind.DENIED, f"{cause}: {reason}", "let this network in, or use a private endpoint")
        return Trouble(outcome=Failed(ProblemKind.DENIED, cause, f"our identity lacks {_RIGHTS[right]}"))
    after = _retry_after(error)
    if status in _TRANSIENT:
        what, hint = "has too many requests" if status == 429 else "does not work", "try again later"
    else:
        what, hint = "gave no usable answer", _GARBLED_HINT
    wish = f"it asks to be left alone for {after:g} s" if after is not None else hint
    return Trouble(
        outcome=Failed(ProblemKind.UNAVAILABLE, f"{vault} {what} (HTTP {status})", wish),
        is_transient=status in _TRANSIENT,
        is_general=status == 429,
        retry_after=after,
    )


def _unreachable(error: Exception, who: str, hint: str | None = None) -> Trouble | None:
    """The trouble, where there was no answer at all."""
    from azure.core.exceptions import (
        IncompleteReadError,
        ServiceRequestError,
        ServiceRequestTimeoutError,
        ServiceResponseError,
        ServiceResponseTimeoutError,
    )

    found = next((one for one in causes(error) if isinstance(one, ServiceRequestError | ServiceResponseError)), None)
    if found is None:
        if _is_behind(error, IncompleteReadError):
            return _of_all(ProblemKind.UNAVAILABLE, f"{who}: the answer was cut off", hint, again=True)
        return None
    is_again = not is_lasting(error)
    if is_certificate_refused(error):
        hint = "REQUESTS_CA_BUNDLE names the authorities that are"
        return _of_all(ProblemKind.UNAVAILABLE, f"{who}: its certificate is not trusted", hint)
    if isinstance(found, ServiceRequestTimeoutError):
        cause = f"{who}: no connection in time"
    elif isinstance(found, ServiceResponseTimeoutError):
        cause = f"{who}: no answer in time"
    elif isinstance(found, ServiceRequestError):
        cause = f"{who} cannot be reached"
    else:
        cause = f"{who}: the connection was cut"
    if _is_behind(error, socket.gaierror):
        cause = f"{who}: its name {'cannot be looked up for now' if is_again else 'is not known'}"
    return _of_all(ProblemKind.UNAVAILABLE, cause, hint, again=is_again)


def _first(look: Callable[[BaseException], T | None], error: BaseException) -> T | None:
    """What `look` finds first in `error` and the exceptions behind it."""
    return next((found for one in causes(error) if (found := look(one)) is not None), None)


def _is_behind(error: BaseException, *kinds: type[BaseException]) -> bool:
    return any(isinstance(one, kinds) for one in causes(error))


def _status(error: BaseException) -> int | None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int):
        return status
    # The library below azure-identity has it in its text alone.
    found = re.search(r"(?:HTTP (?:Error|status): |Token request error: \(\w+\) )(\d{3})\b", str(error))
    return int(found[1]) if found else None


def _retry_after(error: BaseException) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (milliseconds := retry_after(headers.get(name))) is not None:
            return milliseconds / 1000
    return retry_after(headers.get("Retry-After"))


def _codes(error: Any) -> tuple[str | None, str | None]:
    """The code and the inner code of an error, where they are words: nothing else of an answer is repeated."""
    told = getattr(error, "error", None)
    inner = getattr(told, "innererror", None)
    return _word(getattr(told, "code", None)), _word(inner.get("code") if isinstance(inner, dict) else None)


def _word(text: object) -> str | None:
    return text if isinstance(text, str) and re.fullmatch(r"[A-Za-z]{1,50}", text) else None


def _authority_code(error: BaseException) -> str | None:
    found = re.search(r"AADSTS\d{4,8}", str(error))
    return found[0] if found else None
