"""What AWS and its SDK refuse with, and what that means for a reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from secretsync.errors import ProblemKind
from secretsync.model import Failed, Missing, SecretRef

__all__ = ["OPENING", "Refusal", "failure", "garbled", "outcome"]

_THROTTLED = {
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_BROKEN = {"InternalFailure", "InternalServerError", "InternalServiceError", "InternalServiceErrorException"}
_BROKEN |= {"ServiceUnavailable", "ServiceUnavailableException", "RequestTimeout", "RequestTimeoutException"}
_DENIED = {"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation", "OptInRequired"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "UnauthorizedSSOTokenError", "SSOTokenLoadError"}
_UNKNOWN_KEYS = {
    "AuthFailure",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
}
_SIGNATURE = {"InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch"}
_NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"}
_NO_CREDENTIALS |= {"MetadataRetrievalError", "TokenRetrievalError", "NoAuthTokenError"}
_NO_CREDENTIALS |= {"FileNotFoundError", "PermissionError"}  # of the file that a variable or a profile names
_CONFIGURATION = {
    "ConfigNotFound",
    "ConfigParseError",
    "InfiniteLoopConfigError",
    "InvalidConfigError",
    "InvalidDefaultsMode",
    "InvalidEndpointConfigurationError",
    "InvalidRegionError",
    "NoRegionError",
    "PlainEndpointError",  # our own
    "ProfileNotFound",
    "UnknownRegionError",
}
# Exceptions of botocore that stand for a connection that could not be made, was lost, or timed out.
_CONNECTION = {
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "ConnectionError",
    "EndpointConnectionError",
    "HTTPClientError",
    "IncompleteReadError",
    "ProxyConnectionError",
    "ReadTimeoutError",
    "ResponseStreamingError",
}

OPENING = "opening a client"  # the operation before there is one

# Letters only, as AWS writes them: what else stands there may be anything, so it is not shown.
_CODE = re.compile(r"[A-Z][A-Za-z]{2,63}")
_PRINCIPAL = re.compile(r"User: (arn:aws[a-z-]*:(?:iam|sts)::[0-9]*:[A-Za-z0-9/_+=,.@-]{1,200}) is not authorized")
_ACTION = re.compile(r"not authorized to perform: ([a-z]+:[A-Za-z]+)")
_TIMES = re.compile(r"\b[0-9]{8}T[0-9]{6}Z\b")


class Refusal:
    """Why a call has no answer. Its message is only searched for facts and never shown: it is whatever came."""

    __slots__ = ("_message", "code", "operation", "retry_after", "status")

    def __init__(
        self, code: str, message: str = "", *, operation: str = "", status: int | None = None, retry_after: float = 0.0
    ) -> None:
        self.code = code if _CODE.fullmatch(code) else f"HTTP {status}" if status else "an error without a code"
        self._message = message
        self.operation = operation
        self.status = status
        self.retry_after = retry_after  # seconds

    @classmethod
    def of(cls, error: Exception, operation: str) -> Refusal:
        """The refusal that an exception stands for."""
        response = getattr(error, "response", None)
        if not isinstance(response, Mapping):
            # No text: in it may be what a metadata service or a broken answer held.
            code = type(error).__name__
            if operation == OPENING and code == "ValueError":
                code = "InvalidConfigError"  # an endpoint, or a metadata service's address, that is none
            elif code == "RuntimeError" and "still expired" in str(error):
                code = "ExpiredToken"  # new credentials were got, and are no better
            return cls(code, operation=operation)
        told = response.get("Error") or {}
        metadata = response.get("ResponseMetadata") or {}
        pause = str((metadata.get("HTTPHeaders") or {}).get("retry-after", ""))
        return cls(
            str(told.get("Code", "")),
            str(told.get("Message", "")),
            # Not always the one that was called: credentials come from calls of their own.
            operation=str(getattr(error, "operation_name", operation)),
            status=metadata.get("HTTPStatusCode"),
            retry_after=float(pause) if pause.isdecimal() else 0.0,
        )

    @classmethod
    def of_batch(cls, error: Mapping[str, Any]) -> Refusal:
        """The refusal of one id of a batch."""
        code, message = str(error.get("ErrorCode", "")), str(error.get("Message", ""))
        return cls(code, message, operation="GetSecretValue")

    def says(self, *words: str) -> bool:
        """Whether one of `words` is in the message."""
        return any(word in self._message for word in words)

    @property
    def is_throttled(self) -> bool:
        """Whether there were too many requests."""
        return self.code in _THROTTLED or self.status == 429

    @property
    def is_unreachable(self) -> bool:
        """Whether no answer came, or one that says that the service is ill."""
        return self.code in _CONNECTION or self.code in _BROKEN or (self.status or 0) >= 500

    @property
    def is_temporary(self) -> bool:
        """Whether another try may help."""
        return self.is_throttled or self.is_unreachable

    @property
    def is_denied(self) -> bool:
        """Whether we are known and may not."""
        return self.code in _DENIED or (self.status in (401, 403) and not self.is_permanent)

    @property
    def is_permanent(self) -> bool:
        """Whether every other call would be refused as well: nobody knows who we are."""
        return self.code in _EXPIRED | _UNKNOWN_KEYS | _SIGNATURE | _NO_CREDENTIALS | _CONFIGURATION

    def find(self, pattern: re.Pattern[str]) -> str | None:
        """What the pattern's group finds in the message."""
        match = pattern.search(self._message)
        return match.group(1) if match else None

    def times(self) -> list[str]:
        """The times that the message names, in AWS's short form."""
        return _TIMES.findall(self._message)


def outcome(refusal: Refusal, ref: SecretRef) -> Missing | Failed:
    """What `refusal` means for `ref`."""
    code = refusal.code
    if code == "ResourceNotFoundException":
        return _not_found(refusal, ref)
    if code == "InvalidRequestException" and refusal.says("deletion", "deleted"):
        return scheduled_for_deletion()
    if code == "DecryptionFailure":
        cause = "the KMS key of the secret does not decrypt it (DecryptionFailure)"
        return Failed(ProblemKind.UNUSABLE, cause, "is the key enabled, and may we call kms:Decrypt with it?")
    if code in ("InvalidParameterException", "InvalidRequestException", "ParamValidationError", "ValidationException"):
        cause = f"AWS takes no such request ({code})"
        return Failed(ProblemKind.UNUSABLE, cause, "are name, version and stage written as AWS has them?")
    return failure(refusal)


def scheduled_for_deletion() -> Failed:
    """The outcome of a secret that is there and cannot be read any more."""
    cause = "the secret is scheduled for deletion, and recoverable until then"
    return Failed(ProblemKind.UNUSABLE, cause, "aws secretsmanager restore-secret --secret-id NAME brings it back")


def no_version(ref: SecretRef) -> Failed:
    """The outcome of a secret without the version that `ref` means."""
    if ref.version is not None:
        return Failed(ProblemKind.UNUSABLE, f"the secret has no version {ref.version}", "was it removed by now?")
    stage = ref.stage or "AWSCURRENT"
    hint = None if ref.stage else "a value was never stored, or its stages were moved by hand: store one"
    return Failed(ProblemKind.UNUSABLE, f"the secret has no version with the stage {stage}", hint)


def garbled(what: str) -> Failed:
    """The outcome of an answer that is none."""
    return Failed(
        ProblemKind.UNAVAILABLE, f"the answer {what}", "is this the endpoint of AWS, without a portal before it?"
    )


def _not_found(refusal: Refusal, ref: SecretRef) -> Missing | Failed:
    # The one code for a secret, a version and a stage that is not there.
    if refusal.says("staging label", "secret value for", "secret version"):
        return no_version(ref)
    return Missing("there is no such secret in this account and region (ResourceNotFoundException)")


# What a code means whatever was asked, in the order in which it is looked for.
_MEANINGS = (
    (
        {"PlainEndpointError"},
        ProblemKind.CONFIGURATION,
        "the endpoint would send the values in the clear",
        "use https://, or say plain_http = true where something else encrypts the way",
    ),
    ({"NoRegionError"}, ProblemKind.CONFIGURATION, "no region is named", "set region, or AWS_REGION"),
    (
        _CONFIGURATION,
        ProblemKind.CONFIGURATION,
        "the SDK cannot be configured",
        "see the store's settings and ~/.aws/config",
    ),
    (_EXPIRED, ProblemKind.DENIED, "our credentials have expired", "get new ones: sign in again"),
    (
        _NO_CREDENTIALS,
        ProblemKind.DENIED,
        "no credentials were found",
        "AWS_PROFILE, AWS_ACCESS_KEY_ID, or the platform's role (IRSA, ECS, EC2) gives some",
    ),
    (_UNKNOWN_KEYS, ProblemKind.DENIED, "AWS does not know our credentials", "of which account are they?"),
    (
        {"SSLError"},
        ProblemKind.UNAVAILABLE,
        "the endpoint has no certificate that we trust",
        "AWS_CA_BUNDLE names the authorities of a private endpoint",
    ),
    (_CONNECTION, ProblemKind.UNAVAILABLE, "the endpoint cannot be reached", "is there a way to it from here?"),
)


def failure(refusal: Refusal) -> Failed:
    """What `refusal` means whatever was asked: the one place where errors of AWS get their words."""
    code = refusal.code
    if code in _SIGNATURE:
        return _bad_signature(refusal)
    for codes, kind, cause, hint in _MEANINGS:
        if code in codes:
            return Failed(kind, f"{cause} ({code})", hint)
    if refusal.is_throttled:
        return Failed(ProblemKind.UNAVAILABLE, f"AWS has too many requests ({code})", "try again later")
    if refusal.is_denied:
        return _denied(refusal)
    return Failed(ProblemKind.UNAVAILABLE, f"{refusal.operation or 'the call'} failed ({code})", None)


def _denied(refusal: Refusal) -> Failed:
    if refusal.says("KMS", "kms:"):
        action = "kms:Decrypt on the key of the secret"
    else:
        service = "sts" if refusal.operation.startswith(("Assume", "GetCaller")) else "secretsmanager"
        action = refusal.find(_ACTION) or f"{service}:{refusal.operation}"
    who = refusal.find(_PRINCIPAL) or "this identity"
    return Failed(ProblemKind.DENIED, f"denied ({refusal.code}): {who} may not call {action}", f"allow {action}")


def _bad_signature(refusal: Refusal) -> Failed:
    times = refusal.times()
    if times or refusal.code in ("RequestExpired", "RequestTimeTooSkewed"):
        said = f": signed at {times[0]}, and AWS has {times[-1]}" if len(times) > 1 else ""
        return Failed(
            ProblemKind.DENIED,
            f"the signature's time is not the store's ({refusal.code}){said}",
            "set this machine's clock: AWS takes five minutes of difference",
        )
    cause = f"the signature is wrong ({refusal.code})"
    return Failed(ProblemKind.DENIED, cause, "is the secret access key that of the access key id?")
