"""Errors of Key Vault and of the network, as RequestErrors."""

from __future__ import annotations

import os
import re
import socket
from typing import Any

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Missing
from secretsync.providers.http.sdk_failures import sdk_failure
from secretsync.providers.remote import (
    RequestError,
    causes,
    has_cause,
    is_lasting,
    retry_after,
)

# Statuses after which the same request may succeed later.
RETRYABLE = frozenset({408, 429, *range(500, 600)})

# For a right: the role, the permission of an access policy, and what it is for.
_RIGHTS = {
    "get": ("Key Vault Secrets User", "get", "read the values of secrets"),
    "list": ("Key Vault Reader", "list", "read the metadata of secrets"),
    "set": ("Key Vault Secrets Officer", "set", "write secrets"),
}

MISSING_HINT = "is it in this vault, and spelt like this? one that was deleted can be recovered for some time"

_FORBIDDEN = {
    "ForbiddenByFirewall": "the vault's firewall does not let this address in",
    "ForbiddenByConnection": "the vault takes no connections from public networks",
}

_GARBLED_HINT = "is vault_url right, and no proxy or login page before the vault?"
_VAULT_HINT = "is vault_url right, and is there a way to it from here, perhaps through HTTPS_PROXY?"
_TRUST_HINT = "REQUESTS_CA_BUNDLE names the file with its authority; verification cannot be switched off"


class AzureRequestError(RequestError):
    """A request to Key Vault or to Entra ID failed."""

    def __init__(
        self,
        outcome: Missing | Failed,
        *,
        is_retryable: bool = False,
        retry_after: float | None = None,
        is_general: bool = False,
        is_token_refused: bool = False,
    ) -> None:
        """`is_general`: requests for other secrets of the vault would fail too. `is_token_refused`: by the vault."""
        super().__init__(outcome, is_retryable=is_retryable, retry_after=retry_after or 0.0)
        self.is_general = is_general
        self.is_token_refused = is_token_refused


def general_error(
    kind: ProblemKind, cause: str, hint: str | None = None, *, is_retryable: bool = False, after: float | None = None
) -> AzureRequestError:
    """Return an error that all secrets of the vault share. `after`: seconds that the service asks to wait."""
    return AzureRequestError(Failed(kind, cause, hint), is_general=True, is_retryable=is_retryable, retry_after=after)


def vault_error(error: Exception, *, vault: str, right: str, object_id: str | None = None) -> AzureRequestError:
    """Return the error for an exception of the SDK in a request to `vault`.

    `right`: "get", "list" or "set". `object_id`: of the identity; None if its token does not have it.
    """
    from azure.core.exceptions import DecodeError, HttpResponseError

    if isinstance(error, HttpResponseError) and not isinstance(error, DecodeError) and error.status_code:
        return _refused(error, vault, right, object_id)
    if (failure := unreachable(error, vault, f"https://{vault}", _VAULT_HINT)) is not None:
        return failure
    if isinstance(error, ValueError) and "challenge" in str(error):
        # The SDK gives the token only to hosts below the domain that the challenge names.
        cause = f"{vault} is no host of Key Vault: it asks for a token of another service"
        return general_error(ProblemKind.CONFIGURATION, cause, "vault_url is https://NAME.vault.azure.net")
    if isinstance(error, OSError):
        return _unusable_authorities(error, vault)
    cause = f"{vault} gave a garbled answer ({type(error).__name__})"
    return AzureRequestError(Failed(ProblemKind.UNAVAILABLE, cause, _GARBLED_HINT))


def _unusable_authorities(error: OSError, vault: str) -> AzureRequestError:
    """Return the error for the file of certificate authorities that the SDK cannot use."""
    variable = next((name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name)), None)
    reason = f"{error.strerror or type(error).__name__}"
    if variable is not None and isinstance(error.filename, str):
        reason = f"{variable} names {error.filename}: {reason}"
    cause = f"{vault} cannot be asked: the certificate authorities cannot be read: {reason}"
    hint = f"set {variable or 'REQUESTS_CA_BUNDLE'} to a PEM file with the authorities"
    return general_error(ProblemKind.CONFIGURATION, cause, hint)


def _refused(error: Any, vault: str, right: str, object_id: str | None) -> AzureRequestError:
    """Return the error for an answer with an error status."""
    status = int(error.status_code)
    code, inner = _codes(error)
    # A 404 of a proxy or of another service does not mean that the secret is missing.
    if status == 404 and code == "SecretNotFound":
        return AzureRequestError(Missing(f"{vault} has no such secret or version", MISSING_HINT))
    if status == 401:
        cause, hint = f"{vault} does not take our token (HTTP 401)", "is the vault in the tenant AZURE_TENANT_ID?"
        return AzureRequestError(Failed(ProblemKind.DENIED, cause, hint), is_general=True, is_token_refused=True)
    if status == 403 and inner == "SecretDisabled":
        return AzureRequestError(
            outcome=Failed(ProblemKind.UNUSABLE, "the secret is disabled", "enable it, or store a new version")
        )
    if status == 409 and inner == "ObjectIsDeletedButRecoverable":
        hint = f"`az keyvault secret recover --vault-name {vault.partition('.')[0]} --name NAME` brings it back"
        return AzureRequestError(Failed(ProblemKind.UNUSABLE, "the secret is deleted, and recoverable", hint))
    if status == 403:
        return _denied(inner or code, vault, right, object_id)
    after = retry_pause(error)
    if status in RETRYABLE:
        what, hint = "has too many requests" if status == 429 else "does not work", "try again later"
    else:
        what, hint = "gave no usable answer", _GARBLED_HINT
    wish = f"it asks to be left alone for {after:g} s" if after is not None else hint
    return AzureRequestError(
        Failed(ProblemKind.UNAVAILABLE, f"{vault} {what} (HTTP {status})", wish),
        is_retryable=status in RETRYABLE,
        is_general=status == 429,
        retry_after=after,
    )


def _denied(code: str | None, vault: str, right: str, object_id: str | None) -> AzureRequestError:
    """Return the error for an answer 403, with the command that gives the missing right."""
    cause = f"denied ({code or 'HTTP 403'})"
    if reason := _FORBIDDEN.get(code or ""):
        return general_error(ProblemKind.DENIED, f"{cause}: {reason}", "let this network in, or use a private endpoint")
    role, permission, what = _RIGHTS[right]
    name, who = vault.partition(".")[0], object_id or "OBJECT_ID"
    scope = f'--scope "$(az keyvault show --name {name} --query id --output tsv)"'
    by_role = f'`az role assignment create --role "{role}" --assignee {who} {scope}`'
    by_policy = f"`az keyvault set-policy --name {name} --object-id {who} --secret-permissions {permission}`"
    hint = {
        "ForbiddenByRbac": f"a role is missing: {by_role}",
        "ForbiddenByPolicy": f"a permission is missing: {by_policy}",
        "AccessDenied": f"a permission is missing: {by_policy}",
    }.get(code or "", f"{by_role}, or in a vault with access policies {by_policy}")
    whose = f"the identity with object id {object_id}" if object_id else "this identity"
    return AzureRequestError(Failed(ProblemKind.DENIED, f"{cause}: {whose} may not {what} in {vault}", hint))


def unreachable(error: Exception, who: str, url: str, hint: str | None = None) -> AzureRequestError | None:
    """Return the error if there was no answer; None if there was one. `url`: that of the request."""
    from azure.core.exceptions import (
        IncompleteReadError,
        ServiceRequestError,
        ServiceRequestTimeoutError,
        ServiceResponseError,
        ServiceResponseTimeoutError,
    )

    found = next((one for one in causes(error) if isinstance(one, ServiceRequestError | ServiceResponseError)), None)
    if found is None:
        if has_cause(error, IncompleteReadError):
            return general_error(ProblemKind.UNAVAILABLE, f"{who}: the answer was cut off", hint, is_retryable=True)
        return None
    if (failure := sdk_failure(error, url, _TRUST_HINT)) is not None:
        cause, fix = f"{who} cannot be reached: {failure.cause}", failure.hint
        return general_error(failure.kind, cause, fix, is_retryable=failure.is_passing)
    is_retryable = not is_lasting(error)
    if isinstance(found, ServiceRequestTimeoutError):
        cause = f"{who}: no connection in time"
    elif isinstance(found, ServiceResponseTimeoutError):
        cause = f"{who}: no answer in time"
    elif isinstance(found, ServiceRequestError):
        cause = f"{who} cannot be reached"
    else:
        cause = f"{who}: the connection was cut"
    if has_cause(error, socket.gaierror):
        cause = f"{who}: its name {'cannot be looked up for now' if is_retryable else 'is not known'}"
    return general_error(ProblemKind.UNAVAILABLE, cause, hint, is_retryable=is_retryable)


def retry_pause(error: BaseException) -> float | None:
    """Return the seconds that an answer asks to wait; None if it does not."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (milliseconds := retry_after(headers.get(name))) is not None:
            return milliseconds / 1000
    return retry_after(headers.get("Retry-After"))


def _codes(error: Any) -> tuple[str | None, str | None]:
    """Return the code and the inner code of an error, if they are words. Nothing else of an answer is shown."""
    details = getattr(error, "error", None)
    inner = getattr(details, "innererror", None)
    return _word(getattr(details, "code", None)), _word(inner.get("code") if isinstance(inner, dict) else None)


def _word(text: object) -> str | None:
    return text if isinstance(text, str) and re.fullmatch(r"[A-Za-z]{1,50}", text) else None
