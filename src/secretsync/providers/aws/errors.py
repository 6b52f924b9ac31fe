"""Errors of AWS and of botocore, as RequestErrors and as outcomes of a reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Missing, SecretRef
from secretsync.providers.aws.error_codes import (
    BROKEN,
    CONFIGURATION,
    CONNECTION,
    DENIED,
    EXPIRED,
    INVALID,
    MEANINGS,
    NO_CREDENTIALS,
    SIGNATURE,
    THROTTLED,
    UNKNOWN_KEYS,
)
from secretsync.providers.http.failures import Fault, HttpError
from secretsync.providers.remote import RequestError, causes, is_lasting, retry_after

OPENING = "opening a client"  # the operation of errors from before the first request

# How botocore writes that the endpoint of a container or a pod failed, with the status if there was an answer. The rest
# of the text, which is the answer's body, is not kept.
_ENDPOINT_ERRORS = {"MetadataRetrievalError", "CredentialRetrievalError"}
_ENDPOINT_DOWN = re.compile(
    r"Received (?:non 200 response ([0-9]{3}) from|error when attempting to retrieve) container metadata"
)

# Only letters, as in the codes of AWS. Any other text may hold a value, so that it is not shown.
_CODE = re.compile(r"[A-Z][A-Za-z]{2,63}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")
_TIMES = re.compile(r"\b[0-9]{8}T[0-9]{6}Z\b")
_PRINCIPAL = re.compile(r"User: (arn:aws[a-z-]*:(?:iam|sts)::[0-9]*:[A-Za-z0-9/_+=,.@-]{1,200}) is not authorized")
_ACTION = re.compile(r"not authorized to perform: ([a-z]+:[A-Za-z]+)")
_NOT_AWS = "is this the endpoint of AWS, without a portal before it?"


class AwsRequestError(RequestError):
    """A call to AWS failed. Its message is only searched for facts and never shown, because it may hold a value."""

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        operation: str = "",
        status: int | None = None,
        retry_after: float = 0.0,
        error: Exception | None = None,
        outcome: Failed | None = None,
        is_passing: bool | None = None,
    ) -> None:
        """`error`: the exception, if there was no answer; it is not kept. `outcome`: None: that of the code.

        `is_passing`: the same request may succeed later; None: the code and `error` decide.
        """
        self.code = code if _CODE.fullmatch(code) else f"HTTP {status}" if status else "an error without a code"
        self._message = message
        self.operation = operation
        self.status = status
        self.is_throttled = self.code in THROTTLED or status == 429
        # No answer, or an answer of a service that does not work.
        self.is_unreachable = self.code in CONNECTION | BROKEN or (status or 0) >= 500
        # Every other call would fail too, because AWS does not accept the identity.
        self.is_permanent = self.code in EXPIRED | UNKNOWN_KEYS | SIGNATURE | NO_CREDENTIALS | CONFIGURATION
        self.is_denied = self.code in DENIED or (status in (401, 403) and not self.is_permanent)
        is_lost = self.is_unreachable and not (self.code in CONNECTION and _is_lasting(self.code, error))
        # Single reads have a quota of their own that is a hundred times as large as that of batches.
        is_retryable = operation != "BatchGetSecretValue" if self.is_throttled else is_lost
        super().__init__(
            outcome or _failed(self, _host(error)),
            is_retryable=is_retryable if is_passing is None else is_passing,
            retry_after=retry_after,
        )

    @classmethod
    def of(cls, error: Exception, operation: str) -> AwsRequestError:
        """Return the error for an exception of botocore, or of anything that it calls."""
        response = getattr(error, "response", None)
        if not isinstance(response, Mapping):
            return cls(_code_of(error, operation), operation=operation, error=error)
        details = response.get("Error") or {}
        metadata = response.get("ResponseMetadata") or {}
        pause = str((metadata.get("HTTPHeaders") or {}).get("retry-after", ""))
        return cls(
            str(details.get("Code", "")),
            str(details.get("Message", "")),
            # Not always the operation that was called, because credentials come from calls of their own.
            operation=str(getattr(error, "operation_name", operation)),
            status=metadata.get("HTTPStatusCode"),
            retry_after=retry_after(pause) or 0.0,
        )

    @classmethod
    def of_failure(cls, failure: HttpError, operation: str, *, code: str | None = None) -> AwsRequestError:
        """Return the error for a request that got no usable response. `code`: None: that of the kind of failure."""
        found = failure.error(is_repeatable=True)
        outcome = found.outcome if isinstance(found.outcome, Failed) else None
        code = code or ("InvalidConfigError" if failure.fault is Fault.SETTING else "EndpointConnectionError")
        return cls(code, operation=operation, outcome=outcome, is_passing=failure.is_passing)

    @classmethod
    def of_batch(cls, error: Mapping[str, Any]) -> AwsRequestError:
        """Return the error of one id of a batch."""
        code, message = str(error.get("ErrorCode", "")), str(error.get("Message", ""))
        return cls(code, message, operation="GetSecretValue")

    def outcome_of(self, ref: SecretRef) -> Missing | Failed:
        """Return the outcome for `ref`, if the request was about it."""
        code = self.code
        if code == "ResourceNotFoundException":
            # AWS has one code for a secret, a version and a stage that does not exist.
            if self.says("staging label", "secret value for", "secret version"):
                return no_version(ref)
            hint = (
                "`secretsync doctor` says which account and region that is" if not ref.path.startswith("arn:") else None
            )
            return Missing("there is no such secret in this account and region (ResourceNotFoundException)", hint)
        if code == "InvalidRequestException" and self.says("deletion", "deleted"):
            return scheduled_for_deletion()
        if code == "DecryptionFailure":
            cause = "the KMS key of the secret does not decrypt it (DecryptionFailure)"
            return Failed(ProblemKind.UNUSABLE, cause, "is the key enabled, and may we call kms:Decrypt with it?")
        if code in INVALID:
            cause = f"AWS takes no such request ({code})"
            return Failed(ProblemKind.UNUSABLE, cause, "are name, version and stage written as AWS has them?")
        return self.outcome

    def says(self, *words: str) -> bool:
        """Return True if one of `words` is in the message."""
        return any(word in self._message for word in words)

    def find(self, pattern: re.Pattern[str]) -> str | None:
        """Return the text of the pattern's group in the message; None if the pattern does not match."""
        match = pattern.search(self._message)
        return match[1] if match else None

    def times(self) -> list[str]:
        """Return the times in the message, in the short form of AWS."""
        return _TIMES.findall(self._message)


def scheduled_for_deletion() -> Failed:
    """Return the outcome of a secret that exists and cannot be read any more."""
    cause = "the secret is scheduled for deletion, and recoverable until then"
    return Failed(ProblemKind.UNUSABLE, cause, "aws secretsmanager restore-secret --secret-id NAME brings it back")


def no_version(ref: SecretRef) -> Failed:
    """Return the outcome of a secret that does not have the version of `ref`."""
    if ref.version is not None:
        return Failed(ProblemKind.UNUSABLE, f"the secret has no version {ref.version}", "was it removed by now?")
    stage = ref.stage or "AWSCURRENT"
    hint = "a value was never stored, or its stages were moved by hand: store one"
    if ref.stage is not None:
        hint = "`aws secretsmanager list-secret-version-ids` shows those that it has"
    return Failed(ProblemKind.UNUSABLE, f"the secret has no version with the stage {stage}", hint)


def garbled(what: str) -> Failed:
    """Return the outcome of an answer that is not one of AWS. `what`: what is wrong with the answer."""
    return Failed(ProblemKind.UNAVAILABLE, f"the answer {what}", _NOT_AWS)


def _failed(error: AwsRequestError, host: str | None) -> Failed:
    """Return the outcome of an error, whatever was requested."""
    code = error.code
    if code in SIGNATURE:
        return _bad_signature(error)
    for codes, kind, cause, hint in MEANINGS:
        if code in codes:
            is_named = codes is CONNECTION and host is not None
            return Failed(kind, f"{cause} ({code})", f"is there a way to {host} from here?" if is_named else hint)
    if error.is_throttled:
        return Failed(ProblemKind.UNAVAILABLE, f"AWS has too many requests ({code})", "try again later")
    if error.is_denied:
        return _denied(error)
    hint = "try again later" if error.is_unreachable else _NOT_AWS
    return Failed(ProblemKind.UNAVAILABLE, f"{error.operation or 'the call'} failed ({code})", hint)


def _denied(error: AwsRequestError) -> Failed:
    if error.says("KMS", "kms:"):
        action = "kms:Decrypt on the key of the secret"
    else:
        service = "sts" if error.operation.startswith(("Assume", "GetCaller")) else "secretsmanager"
        action = error.find(_ACTION) or f"{service}:{error.operation}"
    who = error.find(_PRINCIPAL) or "this identity"
    return Failed(ProblemKind.DENIED, f"denied ({error.code}): {who} may not call {action}", f"allow {action}")


def _bad_signature(error: AwsRequestError) -> Failed:
    times = error.times()
    if times or error.code in ("RequestExpired", "RequestTimeTooSkewed"):
        clocks = f": signed at {times[0]}, and AWS has {times[-1]}" if len(times) > 1 else ""
        return Failed(
            ProblemKind.DENIED,
            f"the signature's time is not the store's ({error.code}){clocks}",
            "set this machine's clock: AWS takes five minutes of difference",
        )
    cause = f"the signature is wrong ({error.code})"
    return Failed(ProblemKind.DENIED, cause, "is the secret access key that of the access key id?")


def _code_of(error: Exception, operation: str) -> str:
    """Return the code for an exception without an answer. Its text is not kept, because it may hold a secret."""
    code = type(error).__name__
    if operation == OPENING and code == "ValueError":
        return "InvalidConfigError"  # an endpoint, or the address of a metadata service, is not a URL
    if code == "RuntimeError" and "still expired" in str(error):
        return "ExpiredToken"  # botocore got new credentials that have expired too
    if code in _ENDPOINT_ERRORS and (found := _ENDPOINT_DOWN.search(str(error))):
        status = int(found[1] or 503)
        return "CredentialEndpointError" if status >= 500 or status in (408, 429) else code
    return code


def _is_lasting(code: str, error: Exception | None) -> bool:
    if error is None or code == "CredentialEndpointError":
        return False
    # Of the other errors while an answer was read, only lost connections are worth another try.
    is_strange = code == "HTTPClientError" and not any(isinstance(one, OSError) for one in causes(error))
    return is_strange or is_lasting(error)


def _host(error: Exception | None) -> str | None:
    """Return host and port that botocore could not reach, without anything else of the URL."""
    try:
        parts = urlsplit(str(getattr(error, "kwargs", {}).get("endpoint_url", "")))
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except (AttributeError, ValueError):
        return None
    return f"{host}{port}" if _HOST.fullmatch(host) else None
