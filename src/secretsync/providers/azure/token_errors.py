"""Errors of Entra ID and of the credentials of azure-identity, as RequestErrors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from subprocess import TimeoutExpired
from typing import TypeVar

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
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

_RESET = "`az ad app credential reset --id APPLICATION --append`"
_SIGN_IN = ("the sign-in has ended", "run `az login`")
_NO_MATCH = (
    "no federated credential of the identity matches issuer and subject of the token",
    "`az identity federated-credential list` shows them; the service account is the subject",
)

# What the codes of the authority that have one clear cause mean, and the next step.
_AUTHORITY_ANSWERS: Mapping[str, tuple[str, str]] = {
    "AADSTS7000215": (
        "the client secret is wrong",
        "AZURE_CLIENT_SECRET must be the secret's value, not its id",
    ),
    "AADSTS7000222": ("the client secret has expired", f"make a new one: {_RESET}"),
    "AADSTS700027": (
        "the certificate is not one of the application, or has expired",
        "register it: `az ad app credential reset --id APPLICATION --cert @FILE --append`",
    ),
    "AADSTS1000502": (
        "the certificate has expired, or is not valid yet",
        "make and register a new one: `az ad app credential reset --id APPLICATION --create-cert --append`",
    ),
    "AADSTS700016": ("there is no application with this client id in the tenant", "is AZURE_CLIENT_ID right?"),
    "AADSTS90002": ("there is no such tenant", "is AZURE_TENANT_ID right?"),
    "AADSTS700024": (
        "the federated token has expired",
        "is the file that AZURE_FEDERATED_TOKEN_FILE names still refreshed? start the pod or the job again",
    ),
    "AADSTS70021": _NO_MATCH,
    "AADSTS700213": _NO_MATCH,
    "AADSTS700082": _SIGN_IN,
    "AADSTS70043": _SIGN_IN,
    "AADSTS50173": _SIGN_IN,
    "AADSTS50078": _SIGN_IN,
    "AADSTS50076": ("the sign-in needs a second factor", "run `az login`"),
}

_HALF_SET = (
    "AZURE_TENANT_ID and AZURE_CLIENT_ID are set: set AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH or "
    "AZURE_FEDERATED_TOKEN_FILE too"
)


def unusable_file(credential: str, variable: str, cause: str) -> AzureRequestError:
    """Return the error for a file that SecretSync does not open. `variable`: names the file. `cause`: the reason."""
    cause = f"no token by {credential}: the file that {variable} names cannot be used: {cause}"
    return general_error(ProblemKind.DENIED, cause, f"set {variable} to a file that can be read")


def token_error(
    error: Exception,
    *,
    credential: str,
    endpoint: str = "https://login.microsoftonline.com",
    is_built: bool = True,
    status: int | None = None,
    after: float | None = None,
    is_guess: bool = False,
    is_half_set: bool = False,
) -> AzureRequestError:
    """Return the error for an exception that `credential` raised in place of a token.

    `endpoint`: the URL from which the token comes. `is_built`: False if the credential itself could not be made.
    `status`: of the last answer; None if not known. `after`: seconds that the answer asks to wait. `is_guess`: the
    environment does not show an identity, so that one request to the endpoint is enough if it cannot be reached.
    `is_half_set`: the environment has a tenant and an application, and no credential.
    """
    who, hint = f"no token by {credential}", _HALF_SET if is_half_set else _credential_hint(credential)
    if not is_built:
        return _not_built(credential)
    status, code = status or _first(_status, error), _first(_authority_code, error)
    # Chosen if the environment shows no identity: often such an endpoint does not exist.
    machine = hint if credential == "managed-identity" else None
    if status in (_RETRYABLE_IDENTITY if credential == "managed-identity" else RETRYABLE):
        cause = f"{who}: its endpoint answered with HTTP {status}"
        return general_error(
            ProblemKind.UNAVAILABLE, cause, is_retryable=True, after=after or _first(retry_pause, error)
        )
    if status is None and (failure := unreachable(error, f"{who}: its endpoint", endpoint, machine)) is not None:
        if is_guess and isinstance(failure.outcome, Failed):
            return general_error(failure.outcome.kind, failure.outcome.cause, failure.outcome.hint)
        return failure
    return _answered(error, credential, hint, status, code)


def _not_built(credential: str) -> AzureRequestError:
    if credential == "client-certificate":
        cause = f"no token by {credential}: the file that AZURE_CLIENT_CERTIFICATE_PATH names cannot be used"
        hint = "it is PEM or PKCS #12 with the private key; AZURE_CLIENT_CERTIFICATE_PASSWORD is the key's password"
        return general_error(ProblemKind.DENIED, cause, hint)
    hint = "AZURE_TENANT_ID and AZURE_CLIENT_ID are ids, AZURE_AUTHORITY_HOST begins with https://"
    cause = f"no token by {credential}: azure-identity does not take its settings"
    return general_error(ProblemKind.CONFIGURATION, cause, hint)


def _answered(error: Exception, credential: str, hint: str, status: int | None, code: str | None) -> AzureRequestError:
    """Return the error for an exception after an answer. `code`: of the authority, or None."""
    who = f"no token by {credential}"
    machine = hint if credential == "managed-identity" else None
    if code in _RETRYABLE_CODES:
        return general_error(ProblemKind.UNAVAILABLE, f"{who} ({code})", is_retryable=True)
    if code:
        cause, fix = _AUTHORITY_ANSWERS.get(code, (None, hint))
        return general_error(ProblemKind.DENIED, f"{who} ({code}){f': {cause}' if cause else ''}", fix)
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
    return general_error(ProblemKind.DENIED, cause, hint)


def _credential_hint(credential: str) -> str:
    return {
        "cli": "is the Azure CLI installed and logged in? run `az login`",
        "managed-identity": "has this machine or application an identity, and is client_id one of its own? Elsewhere: "
        "`az login`, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
        GIVEN: "see the credential that was passed to AzureProvider.from_credential",
        "client-certificate": "is the certificate registered with the application AZURE_CLIENT_ID, and not expired?",
        "workload-identity": "has the identity a federated credential for this service account?",
    }.get(
        credential, "are AZURE_TENANT_ID and AZURE_CLIENT_ID right? credential in [stores.NAME] says which one is used"
    )


def _first(look: Callable[[BaseException], T | None], error: BaseException) -> T | None:
    """Return the first result of `look` for `error` and the exceptions inside it, or None."""
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
