"""Errors of a Vault server as outcomes, and the next step after a refused login."""

from __future__ import annotations

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.vault.responses import Reply

_LONGEST_WAIT = 7 * 86_400  # seconds that a message shows; more is a nonsensical date

# What may have ended if Vault refuses a login, and the command that shows or renews it, by method. {mount}: of the
# method. {role}: of the settings, else ROLE.
_LOGIN_HINTS = {
    "approle": (
        "has the secret_id expired, or was it used as often as it may be? "
        "`vault write -f auth/{mount}/role/ROLE/secret-id` makes a new one"
    ),
    "kubernetes": (
        "is the role bound to the service account and the namespace of the pod? "
        "`vault read auth/{mount}/role/{role}` shows it"
    ),
    "jwt": (
        "has the token expired, or does the role want another audience or claim? get a new token from its issuer; "
        "`vault read auth/{mount}/role/{role}` shows the role"
    ),
    "userpass": "are user and password right? `vault write auth/{mount}/users/NAME password=-` sets a new password",
    "ldap": (
        "are user and password right, and is the account neither locked nor expired? `vault login -method=ldap "
        "-path={mount} username=NAME` tries them; `vault read auth/{mount}/config` shows the server"
    ),
    "cert": (
        "has the client certificate expired, and does a role trust its authority and its names? "
        "`vault read auth/{mount}/certs/{role}` shows the role, `openssl x509 -enddate -noout -in FILE` the end"
    ),
    "aws": (
        "have the AWS keys expired, and is the role bound to their identity? `aws sts get-caller-identity` shows the "
        "identity, `vault read auth/{mount}/role/{role}` the role; server_id and region must be those of the method"
    ),
}


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
        return _unavailable(f"it is {state} ({reply.status})", "its operators have to fix that")
    if reply.status >= 500 or reply.status in (472, 473):
        return _unavailable(f"it failed ({reply.status})", "its log says why; values may be in its answer")
    return foreign(reply)


def retryable_failure(reply: Reply) -> Failed:
    """Return the outcome to show if no try before the deadline gets a better answer."""
    cause = "it is rate limited (429)" if reply.status == 429 else f"it failed ({reply.status})"
    return _unavailable(f"it is sealed ({reply.status})" if reply.says("sealed") else cause)


def foreign(reply: Reply) -> Failed:
    """Return the outcome of an answer that is not Vault's."""
    hint = "is there a proxy or a login page between us and the server?"
    return Failed(ProblemKind.UNAVAILABLE, f"its answer is not Vault's ({reply.status})", hint)


def login_hint(method: str, mount: str, role: str | None) -> str:
    """Return the next step after a refused login."""
    return _LOGIN_HINTS[method].format(mount=mount, role=role or "ROLE")
