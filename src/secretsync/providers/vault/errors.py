"""Errors of a Vault server, as outcomes."""

from __future__ import annotations

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.vault.responses import Reply

_LONGEST_WAIT = 7 * 86_400  # seconds that a message shows; more is a nonsensical date


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
