"""Why a call to AWS has no answer: the code, and what kind of refusal that is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from secretsync.providers.remote import causes, is_lasting, retry_after

__all__ = [
    "CONFIGURATION",
    "CONNECTION",
    "EXPIRED",
    "NO_CREDENTIALS",
    "OPENING",
    "SIGNATURE",
    "UNKNOWN_KEYS",
    "Refusal",
]

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
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "UnauthorizedSSOTokenError", "SSOTokenLoadError"}
UNKNOWN_KEYS = {
    "AuthFailure",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
}
SIGNATURE = {"InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch"}
NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"}
NO_CREDENTIALS |= {"MetadataRetrievalError", "TokenRetrievalError", "NoAuthTokenError"}
NO_CREDENTIALS |= {"CodeWantedError"}  # our own
NO_CREDENTIALS |= {"JSONDecodeError"}  # of what a credential_process wrote, or a sign-in left
NO_CREDENTIALS |= {"FileNotFoundError", "PermissionError"}  # of the file that a variable or a profile names
CONFIGURATION = {
    "ConfigNotFound",
    "ConfigParseError",
    "EndpointPathError",  # our own
    "InfiniteLoopConfigError",
    "InvalidConfigError",
    "InvalidDefaultsMode",
    "InvalidEndpointConfigurationError",
    "InvalidRegionError",
    "NoRegionError",
    "PlainEndpointError",  # our own
    "ProfileNotFound",
    "UnknownRegionError",
    "UnusableFileError",  # our own
}
# Exceptions of botocore that stand for a connection that could not be made, was lost, or timed out.
CONNECTION = {
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "ConnectionError",
    "CredentialEndpointError",  # our own
    "EndpointConnectionError",
    "HTTPClientError",
    "IncompleteReadError",
    "ProxyConnectionError",
    "ReadTimeoutError",
    "ResponseStreamingError",
}

OPENING = "opening a client"  # the operation before there is one

# How botocore words that the endpoint of a container or a pod failed, with the status if there was an answer. The rest
# of the text, which is the answer's body, is not kept.
_ENDPOINT_ERRORS = {"MetadataRetrievalError", "CredentialRetrievalError"}
_ENDPOINT_DOWN = re.compile(
    r"Received (?:non 200 response ([0-9]{3}) from|error when attempting to retrieve) container metadata"
)

# Letters only, as AWS writes them: what else stands there may be anything, so it is not shown.
_CODE = re.compile(r"[A-Z][A-Za-z]{2,63}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")
_TIMES = re.compile(r"\b[0-9]{8}T[0-9]{6}Z\b")


class Refusal:
    """Why a call has no answer. Its message is only searched for facts and never shown: it is whatever came."""

    __slots__ = ("_message", "cause", "code", "host", "is_lasting", "operation", "retry_after", "status")

    def __init__(
        self, code: str, message: str = "", *, operation: str = "", status: int | None = None, retry_after: float = 0.0
    ) -> None:
        self.code = code if _CODE.fullmatch(code) else f"HTTP {status}" if status else "an error without a code"
        self._message = message
        self.operation = operation
        self.status = status
        self.retry_after = retry_after  # seconds
        self.cause: str | None = None  # what SecretSync found itself, which may be shown
        self.host: str | None = None  # that there was no answer from
        self.is_lasting = False  # of a network error that no repetition changes

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
            elif code in _ENDPOINT_ERRORS and (found := _ENDPOINT_DOWN.search(str(error))):
                code, status = "CredentialEndpointError", int(found[1] or 503)
                return cls(code if status >= 500 or status in (408, 429) else type(error).__name__, operation=operation)
            refusal = cls(code, operation=operation)
            refusal.host, refusal.is_lasting = _host(error), code in CONNECTION and _is_lasting(code, error)
            return refusal
        told = response.get("Error") or {}
        metadata = response.get("ResponseMetadata") or {}
        pause = str((metadata.get("HTTPHeaders") or {}).get("retry-after", ""))
        return cls(
            str(told.get("Code", "")),
            str(told.get("Message", "")),
            # Not always the one that was called: credentials come from calls of their own.
            operation=str(getattr(error, "operation_name", operation)),
            status=metadata.get("HTTPStatusCode"),
            retry_after=retry_after(pause) or 0.0,
        )

    @classmethod
    def of_file(cls, cause: str) -> Refusal:
        """Return the refusal of a file that a variable or a profile names."""
        refusal = cls("UnusableFileError", operation=OPENING)
        refusal.cause = cause
        return refusal

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
        return self.code in CONNECTION or self.code in _BROKEN or (self.status or 0) >= 500

    @property
    def is_temporary(self) -> bool:
        """Whether another try may help."""
        return self.is_throttled or (self.is_unreachable and not self.is_lasting)

    @property
    def is_denied(self) -> bool:
        """Whether we are known and may not."""
        return self.code in _DENIED or (self.status in (401, 403) and not self.is_permanent)

    @property
    def is_permanent(self) -> bool:
        """Whether every other call would be refused as well: nobody knows who we are."""
        return self.code in EXPIRED | UNKNOWN_KEYS | SIGNATURE | NO_CREDENTIALS | CONFIGURATION

    def find(self, pattern: re.Pattern[str]) -> str | None:
        """What the pattern's group finds in the message."""
        match = pattern.search(self._message)
        return match.group(1) if match else None

    def times(self) -> list[str]:
        """The times that the message names, in AWS's short form."""
        return _TIMES.findall(self._message)


def _is_lasting(code: str, error: Exception) -> bool:
    # Of all else that went wrong while an answer was read, only lost connections are worth another try.
    is_strange = code == "HTTPClientError" and not any(isinstance(one, OSError) for one in causes(error))
    return is_strange or is_lasting(error)


def _host(error: Exception) -> str | None:
    """The host and port that botocore could not talk to: names alone, whatever else the URL had in it."""
    try:
        parts = urlsplit(str(getattr(error, "kwargs", {}).get("endpoint_url", "")))
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except (AttributeError, ValueError):
        return None
    return f"{host}{port}" if _HOST.fullmatch(host) else None
