"""Errors of Entra ID and of the credentials of azure-identity, as RequestErrors."""

from __future__ import annotations

import re
from collections.abc import Callable
from subprocess import TimeoutExpired
from typing import TypeVar

from secretsync.core.errors import ProblemKind
from secretsync.providers.azure.errors import RETRYABLE, AzureRequestError, general_error, retry_pause, unreachable
from secretsync.providers.remote import causes, has_cause

T = TypeVar("T")

GIVEN = "the credential of the application"

# Exceptions of code that finds something unexpected in an answer.
_GARBLED = (ValueError, TypeError, LookupError, AttributeError)

# The identity endpoint of a virtual machine answers 410 while it is changed, and 404 while it is rolled out.
_RETRYABLE_IDENTITY = RETRYABLE | {404, 410}

# Codes of the authority for a time-out, for a directory that is down, and for too many requests.
_RETRYABLE_CODES = frozenset({"AADSTS90012", "AADSTS90033", "AADSTS90055"})

# The next step, by the codes of the authority that have one clear cause.
_AUTHORITY_HINTS = {
    "AADSTS7000215": "AZURE_CLIENT_SECRET must be the secret's value, not its id",
    "AADSTS7000222": "the client secret has expired: make a new one",
    "AADSTS700016": "there is no application with this client id in the tenant",
    "AADSTS90002": "there is no such tenant: is AZURE_TENANT_ID right?",
    "AADSTS700024": "the federated token has expired: is its file still refreshed?",
    "AADSTS70021": "no federated credential of the identity matches issuer and subject of the token",
    "AADSTS700213": "no federated credential of the identity matches issuer and subject of the token",
}


def unusable_token_file(credential: str, cause: str) -> AzureRequestError:
    """Return the error for a token file that SecretSync does not open. `cause`: the reason."""
    hint = "AZURE_FEDERATED_TOKEN_FILE names a file that can be read"
    return general_error(ProblemKind.DENIED, f"no token by {credential}: its file cannot be read: {cause}", hint)


def token_error(
    error: Exception,
    *,
    credential: str,
    is_built: bool = True,
    status: int | None = None,
    after: float | None = None,
    is_guess: bool = False,
) -> AzureRequestError:
    """Return the error for an exception that `credential` raised in place of a token.

    `is_built`: False if the credential itself could not be made. `status`: of the last answer; None if not known.
    `after`: seconds that the answer asks to wait. `is_guess`: the environment does not show an identity, so that one
    request to the endpoint is enough if it cannot be reached.
    """
    who = f"no token by {credential}"
    if not is_built:
        hint = "AZURE_TENANT_ID and AZURE_CLIENT_ID are ids, AZURE_AUTHORITY_HOST begins with https://"
        return general_error(ProblemKind.CONFIGURATION, f"{who}: azure-identity does not take its settings", hint)
    status, code = status or _first(_status, error), _first(_authority_code, error)
    # Chosen if the environment shows no identity: often such an endpoint does not exist.
    machine = _credential_hint(credential) if credential == "managed-identity" else None
    if status in (_RETRYABLE_IDENTITY if credential == "managed-identity" else RETRYABLE):
        cause = f"{who}: its endpoint answered with HTTP {status}"
        return general_error(
            ProblemKind.UNAVAILABLE, cause, is_retryable=True, after=after or _first(retry_pause, error)
        )
    if status is None and (failure := unreachable(error, f"{who}: its endpoint", machine)) is not None:
        return (
            general_error(ProblemKind.UNAVAILABLE, failure.outcome.cause, failure.outcome.hint) if is_guess else failure
        )
    return _answered(error, credential, status, code)


def _answered(error: Exception, credential: str, status: int | None, code: str | None) -> AzureRequestError:
    """Return the error for an exception after an answer. `code`: of the authority; None if there is none."""
    who = f"no token by {credential}"
    machine = _credential_hint(credential) if credential == "managed-identity" else None
    if code in _RETRYABLE_CODES:
        return general_error(ProblemKind.UNAVAILABLE, f"{who} ({code})", is_retryable=True)
    if code:
        return general_error(
            ProblemKind.DENIED, f"{who} ({code})", _AUTHORITY_HINTS.get(code) or _credential_hint(credential)
        )
    if "additionally_allowed_tenants" in str(error):
        hint = "AZURE_TENANT_ID must be the tenant of the vault"
        return general_error(ProblemKind.DENIED, f"{who}: the vault belongs to another tenant", hint)
    if has_cause(error, *_GARBLED) if status is None else status < 400:
        cause = f"{who}: its endpoint gave a garbled answer"
        # Without a status the answer may have been an error, in which the SDK looked for a body.
        return general_error(ProblemKind.UNAVAILABLE, cause, machine, is_retryable=status is None)
    if has_cause(error, TimeoutExpired):
        return general_error(ProblemKind.UNAVAILABLE, f"{who}: no answer in time")
    if isinstance(error, OSError) and credential == "workload-identity":
        hint = "AZURE_FEDERATED_TOKEN_FILE names a file that can be read"
        return general_error(ProblemKind.DENIED, f"{who}: its file cannot be read", hint)
    cause = f"{who} ({f'HTTP {status}' if status else type(error).__name__})"
    return general_error(ProblemKind.DENIED, cause, _credential_hint(credential))


def _credential_hint(credential: str) -> str:
    return {
        "cli": "is the Azure CLI installed and logged in? `az login`",
        "managed-identity": "has this machine or application an identity, and is client_id one of its own? Elsewhere: "
        "`az login`, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
        GIVEN: "see the credential that was passed to AzureProvider.from_credential",
        "workload-identity": "has the identity a federated credential for this service account?",
    }.get(
        credential, "are AZURE_TENANT_ID and AZURE_CLIENT_ID right? credential in [stores.NAME] says which one is used"
    )


def _first(look: Callable[[BaseException], T | None], error: BaseException) -> T | None:
    """Return the first result of `look` for `error` and the exceptions inside it; None if there is none."""
    return next((found for one in causes(error) if (found := look(one)) is not None), None)


def _status(error: BaseException) -> int | None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int):
        return status
    # The library below azure-identity only writes the status into its text.
    found = re.search(r"(?:HTTP (?:Error|status): |Token request error: \(\w+\) )(\d{3})\b", str(error))
    return int(found[1]) if found else None


def _authority_code(error: BaseException) -> str | None:
    found = re.search(r"AADSTS\d{4,8}", str(error))
    return found[0] if found else None
