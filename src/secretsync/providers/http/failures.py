"""The failures of HTTP requests that got no usable response."""

from __future__ import annotations

from enum import StrEnum

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.remote import RequestError


class Fault(StrEnum):
    """The kinds of failures."""

    DEADLINE = "deadline"  # no time is left
    NAME_FAILED = "name lookup failed"  # temporarily
    NAME_UNKNOWN = "unknown name"
    REFUSED = "connection refused"
    UNREACHABLE = "no connection"  # no route, or no answer to the connection attempt
    CLOSED = "connection closed"  # before or inside the response
    SILENT = "no response"  # within the time for one read
    TLS = "TLS"  # certificates, and servers without TLS
    CERTIFICATE_REFUSED = "client certificate"  # it is unusable, or the server refuses it
    PROXY = "proxy"  # temporarily
    PROXY_REFUSED = "proxy refused"
    PROXY_DENIED = "proxy denied"  # its user or password
    PROTOCOL = "not HTTP"
    TOO_LARGE = "too large"
    SETTING = "setting"  # a file or URL of the settings cannot be used; nothing was sent


_PASSING = frozenset(
    {Fault.NAME_FAILED, Fault.REFUSED, Fault.UNREACHABLE, Fault.CLOSED, Fault.SILENT, Fault.PROXY},
)
_KINDS = {
    Fault.SETTING: ProblemKind.CONFIGURATION,
    Fault.CERTIFICATE_REFUSED: ProblemKind.DENIED,
    Fault.PROXY_DENIED: ProblemKind.DENIED,
}


class HttpError(Exception):
    """A request got no usable response. It holds no part of the request or of a response.

    Raised outside of `except` blocks, so that no other exception is chained.
    """

    def __init__(self, fault: Fault, cause: str, hint: str | None = None, *, was_sent: bool = False) -> None:
        """`cause`, `hint`: for messages. `was_sent`: the server may have carried out the request."""
        super().__init__(cause)
        self.fault = fault
        self.cause = cause
        self.hint = hint
        self.was_sent = was_sent

    @property
    def is_passing(self) -> bool:
        """True if the same request may succeed later."""
        return self.fault in _PASSING

    @property
    def kind(self) -> ProblemKind:
        """The kind of the problem for messages and the exit status."""
        return _KINDS.get(self.fault, ProblemKind.UNAVAILABLE)

    def error(self, *, is_repeatable: bool) -> RequestError:
        """Return the error for `Retries`. `is_repeatable`: the server may carry out the request twice without harm."""
        outcome = Failed(self.kind, self.cause, self.hint)
        return RequestError(outcome, is_retryable=self.is_passing and (is_repeatable or not self.was_sent))
