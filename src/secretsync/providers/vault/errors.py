"""Errors of the network and of a Vault server, as RequestErrors and as outcomes."""

from __future__ import annotations

import socket
import ssl

import requests
import urllib3.exceptions

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.remote import RequestError, causes, has_cause, is_lasting
from secretsync.providers.vault.responses import Reply

__all__ = ["foreign", "network_error", "retryable_failure", "server_failure"]

_LONGEST_WAIT = 7 * 86_400  # seconds that a message shows; more is a nonsensical date
_PROXY = "HTTPS_PROXY or HTTP_PROXY names it; NO_PROXY lists the hosts that need none"


def network_error(error: Exception, address: str, timeout: tuple[float, float], *, is_repeatable: bool) -> RequestError:
    """Return the error for an exception of requests. `is_repeatable`: the server may carry out the request twice."""
    failed, is_passing, was_sent = _network_failure(error, address, timeout)
    return RequestError(failed, is_retryable=is_passing and (is_repeatable or not was_sent))


def _network_failure(error: Exception, address: str, timeout: tuple[float, float]) -> tuple[Failed, bool, bool]:
    """Return the outcome, whether a retry may help, and whether the server may have carried out the request."""
    hint = f"is {address} the right address, and reachable from here?"
    is_passing = not is_lasting(error)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return _unavailable(f"no connection within {timeout[0]:.2g} s", hint), True, False
    if isinstance(error, requests.exceptions.ProxyError):
        return _unavailable("the proxy between us and the server does not answer", _PROXY), is_passing, False
    if isinstance(error, requests.RequestException) and isinstance(error, ValueError):  # the address is not a URL
        cause = f"there is no way to {address} ({type(error).__name__})"
        return Failed(ProblemKind.CONFIGURATION, cause, f"is it right, and the proxy? {_PROXY}"), False, False
    if isinstance(error, requests.exceptions.SSLError):
        return _untrusted(error), is_passing, True
    if isinstance(error, requests.exceptions.Timeout):
        return _unavailable(f"no answer within {timeout[1]:.2g} s", hint), True, True
    if has_cause(error, socket.gaierror):
        what = "cannot be looked up for now" if is_passing else "is not known"
        return _unavailable(f"the server's name {what}", hint), is_passing, False
    if has_cause(error, urllib3.exceptions.NewConnectionError):
        return _unavailable("the server refuses connections", hint), True, False
    if has_cause(error, urllib3.exceptions.IncompleteRead):
        return _unavailable("the answer was cut off", hint), True, True
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError | OSError):
        return _unavailable("the connection was closed before the answer", hint), True, True
    return _unavailable(f"the request failed ({type(error).__name__})", hint), False, True


def _untrusted(error: Exception) -> Failed:
    why = next((one.verify_message for one in causes(error) if isinstance(one, ssl.SSLCertVerificationError)), "")
    return _unavailable(
        f"the server's certificate is not trusted: {why}" if why else "no TLS connection can be made with the server",
        "ca_cert, or VAULT_CACERT, names the file with its authority; verification cannot be switched off",
    )


def _unavailable(cause: str, hint: str | None = None) -> Failed:
    return Failed(ProblemKind.UNAVAILABLE, cause, hint)


def server_failure(reply: Reply, state: str = "") -> Failed:
    """Return the outcome of an answer that is not about the request but about the server.

    `state`: of a server that does not work, in words; empty if it is not known.
    """
    if 300 <= reply.status < 400:
        cause = f"it sends us on to {reply.location or 'another address'} ({reply.status})"
        return _unavailable(
            cause, "redirects are not followed, since the token would go along: set address to the right one"
        )
    if reply.status == 429:
        when = f", for another {reply.retry_after:.0f} s" if 0 < (reply.retry_after or 0) <= _LONGEST_WAIT else ""
        return _unavailable(f"it is rate limited (429){when}", "ask less often, or raise the quota")
    if state:
        return _unavailable(f"it is {state} ({reply.status})", "its operators have to mend that")
    if reply.status >= 500 or reply.status in (472, 473):
        return _unavailable(f"it failed ({reply.status})", "its log says why; values may be in what it told us")
    return foreign(reply)


def retryable_failure(reply: Reply) -> Failed:
    """Return the outcome to show if no try before the deadline gets a better answer."""
    cause = "it is rate limited (429)" if reply.status == 429 else f"it failed ({reply.status})"
    return _unavailable(f"it is sealed ({reply.status})" if reply.says("sealed") else cause)


def foreign(reply: Reply) -> Failed:
    """Return the outcome of an answer that is not Vault's."""
    hint = "is there a proxy or a login page between us and the server?"
    return Failed(ProblemKind.UNAVAILABLE, f"its answer is not Vault's ({reply.status})", hint)
