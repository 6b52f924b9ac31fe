"""Renew and revoke the leases and the token of one login at Vault."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from secretsync.core.lease import Lease
from secretsync.core.model import Failed, Found
from secretsync.core.problems.kinds import ProblemKind
from secretsync.providers.interface import Deadline
from secretsync.providers.remote import RequestError, Retries
from secretsync.providers.vault.client import VaultClient
from secretsync.providers.vault.credentials import Token
from secretsync.providers.vault.errors import retryable_failure, server_failure
from secretsync.providers.vault.responses import Reply, seconds
from secretsync.providers.vault.session import Session

_RENEW, _REVOKE = "sys/leases/renew", "sys/leases/revoke"


def login_of(session: Session) -> Lease | None:
    """Return the login of a session; None if the session has none."""
    token = session.token
    if token is None:
        return None
    return Lease(
        token.reveal(),
        name=session.login.place if token.is_issued else "the configured token",
        began=time.monotonic(),
        lifetime=token.remaining,
        is_renewable=token.is_renewable,
        is_login=True,
        is_own=token.is_issued,
    )


def take_login(session: Session, login: Lease) -> None:
    """Let a session use a login of another process."""
    session.token = Token(login.reveal(), is_issued=login.is_own)


def is_replaced(session: Session, login: Lease) -> bool:
    """Return True if a login gives another token than `login`: a new one, or the new content of the token's file."""
    if login.is_own:
        return True
    try:
        return session.login.configured() != login.reveal()
    except RequestError:
        return False


def look_up(session: Session, login: Lease, deadline: Deadline) -> Found[Lease] | Failed:
    """Return `login` with the lifetime that the server knows."""
    reply = _send(session, deadline, lambda client: client.read("auth/token/lookup-self"))
    if isinstance(reply, Failed):
        return reply
    if reply.status != 200 or reply.data is None:
        return Failed(ProblemKind.DENIED, f"the token may not look itself up ({reply.status})")
    return Found(
        Lease(
            login.reveal(),
            name=login.name,
            began=time.monotonic(),
            lifetime=seconds(reply.data.get("ttl")),
            is_renewable=reply.data.get("renewable") is True,
            is_login=True,
            is_own=login.is_own,
        )
    )


def renew(session: Session, lease: Lease, deadline: Deadline) -> Found[float] | Failed:
    """Renew a lease or the login. Return the seconds until it ends now."""
    path, document = ("auth/token/renew-self", {}) if lease.is_login else (_RENEW, {"lease_id": lease.reveal()})
    reply = _send(session, deadline, lambda client: client.write(path, document))
    if isinstance(reply, Failed):
        return reply
    answer = (reply.document or {}).get("auth") if lease.is_login else reply.document
    if reply.status == 200 and isinstance(answer, dict) and "lease_duration" in answer:
        return Found(seconds(answer["lease_duration"]) or 0.0)
    if reply.status == 200:
        return Failed(ProblemKind.UNAVAILABLE, "its answer to the renewal is not Vault's")
    if reply.status in (401, 403):
        return _refusal(session, lease, reply, deadline)
    return Failed(ProblemKind.UNUSABLE, f"{_why_not_renewed(reply)} ({reply.status})")


def _why_not_renewed(reply: Reply) -> str:
    if reply.says("past the max TTL"):
        return "its maximum time is reached"
    return "it has ended, or was revoked" if _is_unknown(reply) else "the store refuses to renew it"


def _refusal(session: Session, lease: Lease, reply: Reply, deadline: Deadline) -> Failed:
    """Return why a renewal was denied: the token is dead, or it has no right to renew."""
    if lease.is_login:
        return Failed(ProblemKind.DENIED, f"the token is not valid any more, or may not renew itself ({reply.status})")
    looked = look_up(session, lease, deadline)
    if isinstance(looked, Failed) and looked.kind is not ProblemKind.UNAVAILABLE:
        return Failed(ProblemKind.DENIED, f"the login token is not valid any more ({reply.status})")
    hint = f"allow `update` on {_RENEW} in its policy"
    return Failed(ProblemKind.DENIED, f"the token may not renew leases ({reply.status})", hint)


def revoke(session: Session, leases: Sequence[Lease], deadline: Deadline) -> Iterator[tuple[Lease, Failed]]:
    """Revoke the login if SecretSync made it, or else each lease. Yield each failure."""
    if session.token is not None and session.token.is_issued:
        reply = _send(session, deadline, lambda client: client.write("auth/token/revoke-self", {}))
        if isinstance(reply, Reply) and (reply.status in (200, 204) or _is_token_gone(session, reply, deadline)):
            return
    for lease in leases:
        reply = _send(
            session, deadline, partial(VaultClient.write, path=_REVOKE, document={"lease_id": lease.reveal()})
        )
        if isinstance(reply, Failed):
            yield lease, reply
        elif reply.status in (401, 403) and not _is_token_gone(session, reply, deadline):
            hint = f"allow `update` on {_REVOKE} in its policy, or use --keep-leases"
            yield lease, Failed(ProblemKind.DENIED, f"the token may not revoke leases ({reply.status})", hint)
        elif reply.status not in (200, 204, 401, 403) and not _is_unknown(reply):
            yield lease, Failed(ProblemKind.UNUSABLE, f"the store refuses to revoke it ({reply.status})")


def _is_unknown(reply: Reply) -> bool:
    """Return True if the lease has ended already."""
    return reply.status == 404 or reply.says("lease not found") or reply.says("invalid lease")


def _is_token_gone(session: Session, reply: Reply, deadline: Deadline) -> bool:
    """Return True if the token has ended, and with it its leases."""
    if reply.status not in (401, 403):
        return False
    looked = _send(session, deadline, lambda client: client.read("auth/token/lookup-self"))
    return isinstance(looked, Reply) and looked.status in (401, 403)


def _send(session: Session, deadline: Deadline, call: Callable[[VaultClient], Reply]) -> Reply | Failed:
    """Send one request with the token of the session. A server that does not work is Failed."""
    token = session.token
    if token is None:
        return Failed(ProblemKind.DENIED, "there is no login")
    client = VaultClient(session.http, Retries(deadline, once=True), token=token.reveal(), namespace=session.namespace)
    try:
        reply = call(client)
    except RequestError as error:
        outcome = error.outcome
        return outcome if isinstance(outcome, Failed) else Failed(ProblemKind.UNAVAILABLE, outcome.cause)
    if reply.is_retryable:
        return retryable_failure(reply)
    if not (reply.is_vaults or reply.status in (200, 204)):
        return server_failure(reply)
    return reply
