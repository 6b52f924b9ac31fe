"""Errors of AWS and of botocore as RequestErrors, with the outcomes that are the same for all services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.aws_account.error_codes import (
    BROKEN,
    CONFIGURATION,
    CONNECTION,
    DENIED,
    EXPIRED,
    MEANINGS,
    NO_CREDENTIALS,
    SIGNATURE,
    THROTTLED,
    UNKNOWN_KEYS,
)
from secretsync.providers.aws_account.identities import (
    CREDENTIAL_OPERATIONS,
    KeySource,
    refused_credentials,
    rejected_keys,
    sdk_identity_failure,
)
from secretsync.providers.http.failures import Fault, HttpError
from secretsync.providers.remote import RequestError, causes, is_lasting, retry_after

OPENING = "opening a client"  # the operation of errors from before the first request

# How botocore writes that the endpoint of a container or a pod failed, with the status if there was an answer. The rest
# of the text, which is the answer's body, is not kept.
_ENDPOINT_ERRORS = {"MetadataRetrievalError", "CredentialRetrievalError"}
_ENDPOINT_DOWN = r"Received (?:non 200 response ([0-9]{3}) from|error when attempting to retrieve) container metadata"

# The patterns are compiled when an error comes, because compiling takes time at each start.
# Only letters, as in the codes of AWS. Any other text may hold a value, so that it is not shown.
_CODE = r"[A-Z][A-Za-z]{2,63}"
_HOST = r"[A-Za-z0-9.-]{1,253}"
_TIMES = r"\b[0-9]{8}T[0-9]{6}Z\b"
_PRINCIPAL = r"User: (arn:aws[a-z-]*:(?:iam|sts)::[0-9]*:[A-Za-z0-9/_+=,.@-]{1,200}) is not authorized"
_ROLE = r"on resource: (arn:aws[a-z-]*:iam::[0-9]*:role/[A-Za-z0-9/_+=,.@-]{1,200})"
_DENYING_POLICY = r"with an explicit deny in an? ([a-z -]{1,40}?) policy"
_POLICY = r"(?i:because no ([a-z -]{1,40}?(?: policy| boundary)) allows)"
_ANY = "https://amazonaws.com"  # a request to AWS, whatever the service
TRUST_HINT = "AWS_CA_BUNDLE names the file with the authority of a private endpoint"
_ACTION = r"not authorized to perform: ([a-z]+:[A-Za-z]+)"
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
        source: KeySource | None = None,
    ) -> None:
        """`error`: the exception, if there was no answer; it is not kept. `outcome`: None: that of the code.

        `is_passing`: the same request may succeed later; None: the code and `error` decide. `source`: of the keys.
        """
        self.code = code if re.fullmatch(_CODE, code) else f"HTTP {status}" if status else "an error without a code"
        self._message = message
        self.operation = operation
        self.status = status
        self.source = source or KeySource()
        self.is_own_outcome = outcome is not None  # which knows more than the code does
        self.region = ""  # of the request, for the ARN in a hint
        # The codes have another meaning then: a role that does not exist, for example.
        self.is_about_keys = operation in CREDENTIAL_OPERATIONS
        self.is_throttled = self.code in THROTTLED or status == 429
        # No answer, or an answer of a service that does not work.
        self.is_unreachable = self.code in CONNECTION | BROKEN or (status or 0) >= 500
        # Every other call would fail too, because AWS does not accept the identity.
        is_refused = self.code in EXPIRED | UNKNOWN_KEYS | SIGNATURE | NO_CREDENTIALS | CONFIGURATION
        self.is_permanent = is_refused or (self.is_about_keys and not self.is_throttled and not self.is_unreachable)
        self.is_denied = self.code in DENIED or (status in (401, 403) and not is_refused)
        is_lost = self.is_unreachable and not (self.code in CONNECTION and _is_lasting(self.code, error))
        super().__init__(
            outcome or _failed(self, _host(error)),
            is_retryable=(self.is_throttled or is_lost) if is_passing is None else is_passing,
            retry_after=retry_after,
        )

    @classmethod
    def of(
        cls, error: Exception, operation: str, *, endpoint: str = "", source: KeySource | None = None
    ) -> AwsRequestError:
        """Return the error for an exception of botocore, or of anything that it calls.

        `endpoint`: the URL of the request; empty if it is not known. `source`: of the keys.
        """
        source, response = source or KeySource(), getattr(error, "response", None)
        if not isinstance(response, Mapping):
            from secretsync.providers.http.sdk_failures import sdk_failure  # Imported only if the SDK is used.

            outcome = sdk_identity_failure(error, source)
            failure = None if outcome else sdk_failure(error, _url_of(error) or endpoint or _ANY, TRUST_HINT)
            if failure is not None:
                return cls.of_failure(failure, operation, code=type(error).__name__)
            return cls(_code_of(error, operation), operation=operation, error=error, outcome=outcome)
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
            source=source,
        )

    @classmethod
    def of_failure(
        cls, failure: HttpError, operation: str, *, code: str | None = None, place: str = ""
    ) -> AwsRequestError:
        """Return the error for a request that got no usable response.

        `code`: None: that of the kind of failure. `place`: of the server, if it is not that of the store.
        """
        cause = f"{place} cannot be reached: {failure.cause}" if place else failure.cause
        outcome = Failed(failure.kind, cause, failure.hint)
        code = code or ("InvalidConfigError" if failure.fault is Fault.SETTING else "EndpointConnectionError")
        return cls(code, operation=operation, outcome=outcome, is_passing=failure.is_passing)

    def add_facts(self, region: str, source: KeySource) -> None:
        """Add the region of the request, and the source of the keys, which may be what is wrong."""
        self.region, self.source = region, source
        are_rejected = self.code in EXPIRED | UNKNOWN_KEYS and not self.is_about_keys
        if are_rejected and not self.is_own_outcome:
            self.outcome = rejected_keys(self.code, source, have_ended=self.code in EXPIRED)

    def says(self, *words: str) -> bool:
        """Return True if one of `words` is in the message."""
        return any(word in self._message for word in words)

    def find(self, pattern: str) -> str | None:
        """Return the text of the pattern's group in the message; None if the pattern does not match."""
        match = re.search(pattern, self._message)
        return match[1] if match else None

    def times(self) -> list[str]:
        """Return the times in the message, in the short form of AWS."""
        return re.findall(_TIMES, self._message)

    def action(self, service: str | None = None) -> str:
        """Return the action that was refused. `service`: whose operation it is; None: STS, or not known."""
        if service is None and self.operation.startswith(("Assume", "GetCaller")):
            service = "sts"
        return self.find(_ACTION) or (f"{service}:{self.operation}" if service else self.operation)

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in the region of the request, and in the account of the identity."""
        _, partition, _, _, account, *_ = (self.find(_PRINCIPAL) or "arn:aws:iam::ACCOUNT:user").split(":")
        return f"arn:{partition}:{service}:{self.region or 'REGION'}:{account or 'ACCOUNT'}:{resource}"


def garbled(what: str) -> Failed:
    """Return the outcome of an answer that is not one of AWS. `what`: what is wrong with the answer."""
    return Failed(ProblemKind.UNAVAILABLE, f"the answer {what}", _NOT_AWS)


def _failed(error: AwsRequestError, host: str | None) -> Failed:
    """Return the outcome of an error, whatever was requested."""
    code = error.code
    if known := refused_credentials(error.operation, code, error.source, error.find(_ROLE)):
        return known
    if code in SIGNATURE:
        return _bad_signature(error)
    for codes, kind, cause, hint in MEANINGS:
        if code in codes:
            is_named = codes is CONNECTION and host is not None
            return Failed(kind, f"{cause} ({code})", f"is there a way to {host} from here?" if is_named else hint)
    if error.is_throttled:
        return Failed(ProblemKind.UNAVAILABLE, f"AWS has too many requests ({code})", "try again later")
    if error.is_denied:
        return denied(error, error.action())
    hint = "try again later" if error.is_unreachable else _NOT_AWS
    return Failed(ProblemKind.UNAVAILABLE, f"{error.operation or 'the call'} failed ({code})", hint)


def denied(error: AwsRequestError, action: str, resource: str | None = None) -> Failed:
    """Return the outcome of a refusal, with the statement that a policy needs. `resource`: None if it is not known."""
    cause = f"denied ({error.code}): {_who(error)} may not call {action}"
    if denying := error.find(_DENYING_POLICY):
        hint = f"the explicit deny in the {denying} policy is stronger than any allow: change it there"
        return Failed(ProblemKind.DENIED, cause, hint)
    where = error.find(_POLICY)
    place = f"in the {where.removesuffix(' policy')} policy" if where else "in a policy of the identity"
    if where == "permissions boundary":
        place = "in the permissions boundary of the identity"
    statement = (
        f'{{"Effect": "Allow", "Action": "{action}", "Resource": "{resource}"}}' if resource else f"allow {action}"
    )
    return Failed(ProblemKind.DENIED, cause, f"{place}: {statement}")


def key_denied(error: AwsRequestError, command: str) -> Failed | None:
    """Return the outcome of a refused KMS key; None if the refusal is about something else.

    `command`: of the AWS CLI, which prints the key.
    """
    if not error.says("KMS", "kms:"):
        return None
    cause = f"denied ({error.code}): {_who(error)} may not call kms:Decrypt with the key of the secret"
    return Failed(ProblemKind.DENIED, cause, f"allow kms:Decrypt on the key: `{command}`")


def _who(error: AwsRequestError) -> str:
    return error.find(_PRINCIPAL) or "this identity"


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
    if code in _ENDPOINT_ERRORS and (found := re.search(_ENDPOINT_DOWN, str(error))):
        status = int(found[1] or 503)
        return "CredentialEndpointError" if status >= 500 or status in (408, 429) else code
    return code


def _is_lasting(code: str, error: Exception | None) -> bool:
    if error is None or code == "CredentialEndpointError":
        return False
    # Of the other errors while an answer was read, only lost connections are worth another try.
    is_strange = code == "HTTPClientError" and not any(isinstance(one, OSError) for one in causes(error))
    return is_strange or is_lasting(error)


def _url_of(error: Exception) -> str | None:
    facts = getattr(error, "kwargs", None)
    url = facts.get("endpoint_url") if isinstance(facts, Mapping) else None
    return url if isinstance(url, str) else None


def _host(error: Exception | None) -> str | None:
    """Return host and port that botocore could not reach, without anything else of the URL."""
    try:
        parts = urlsplit(str(getattr(error, "kwargs", {}).get("endpoint_url", "")))
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except (AttributeError, ValueError):
        return None
    return f"{host}{port}" if re.fullmatch(_HOST, host) else None
