"""What one store of Vault has in common: its connections, its token, its mounts; and one round of asking."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Generic, TypeVar

import hvac.api.auth_methods as methods

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.core.records import Record
from secretsync.providers.interface import RequestCounter, StoreContext
from secretsync.providers.remote import Retries
from secretsync.providers.vault.connection import Connection, Reply, VaultAdapter, VaultFailureError
from secretsync.providers.vault.login import Login, Token, variable

__all__ = ["Kind", "Mount", "Round", "Session"]

T = TypeVar("T")

_LONGEST_WAIT = 7 * 86_400  # seconds that a message shows; more is a nonsensical date


class Kind(StrEnum):
    """What a mount is, as far as reading is concerned."""

    KV1 = "KV v1"
    KV2 = "KV v2"
    OTHER = "other"
    UNKNOWN = "unknown"  # we may not ask


class Mount(Record):
    """Where an engine is mounted."""

    path: str  # without a slash at its end
    kind: Kind
    engine: str = ""  # "database"

    def rest(self, path: str) -> str:
        """`path` below the mount."""
        return path[len(self.path) + 1 :]


class Session:
    """What is kept between rounds."""

    def __init__(self, context: StoreContext, address: str, requests: RequestCounter, *, workers: int) -> None:
        """Nothing is asked yet. Raises VaultFailureError where the certificates cannot be read."""
        ca_cert = context.setting("ca_cert") or variable(context.environ, "CACERT")
        self.connection = Connection(
            address, context.environ, context.path(ca_cert) if ca_cert else None, requests, workers=workers
        )
        self.namespace = context.setting("namespace") or variable(context.environ, "NAMESPACE")
        self.store = context.store
        self.kv_version: int | None = context.settings.get("kv_version")
        self.login = Login(context)
        self.token: Token | None = None
        self.mounts: dict[str, Mount] = {}

    def close(self) -> None:
        """Give back the connections."""
        self.connection.close()


class _Once(Generic[T]):
    """Something that is made once, by whoever needs it first; a failure is everybody's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: T | Failed | None = None

    def get(self, make: Callable[[], T], retries: Retries) -> T:
        if not self._lock.acquire(timeout=retries.deadline.remaining()):
            raise VaultFailureError(retries.no_answer())
        try:
            if self._made is None:
                try:
                    self._made = make()
                except VaultFailureError as failure:
                    self._made = failure.failed
            made = self._made
        finally:
            self._lock.release()
        if isinstance(made, Failed):
            raise VaultFailureError(made)
        return made


class Round:
    """One round of asking, from several threads, until the deadline. Its methods raise VaultFailureError."""

    def __init__(self, session: Session, retries: Retries) -> None:
        self.session = session
        self.deadline = retries.deadline
        self._retries = retries
        self._first: _Once[Token] = _Once()
        self._second: _Once[Token] = _Once()
        self._newer: Token | None = None
        self._death: _Once[bool] = _Once()
        self._state: _Once[str] = _Once()
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._closed: dict[str, Mount] = {}  # by folder: what we may not ask about
        self._unreachable: dict[str, Failed] = {}

    def ask(self, call: Callable[[VaultAdapter], Reply], *, is_repeatable: bool = True) -> Reply:
        """What `call` brings: an answer about what was asked, and not about the server.

        Where our token turns out to be dead, it is replaced once, and the call made again. `is_repeatable`: being
        carried out twice does no harm.
        """
        first = self._first.get(self._enter, self._retries)
        token = self._newer or first
        reply = call(self._adapter(token.reveal(), is_repeatable=is_repeatable))
        if _is_refusal(reply) and token is first and (first.is_over or self._is_dead(first)):
            token = self._second.get(lambda: self._again(first), self._retries)
            reply = call(self._adapter(token.reveal(), is_repeatable=is_repeatable))
        if reply.status == 404 and reply.says("namespace not found"):
            raise VaultFailureError(self._no_namespace())
        if reply.status == 200 and reply.document is not None:
            return reply
        if 400 <= reply.status < 472 and reply.status != 429 and reply.is_vaults:
            return reply
        raise VaultFailureError(self._server_failure(reply))

    def look_up_token(self) -> Reply:
        """What the server knows of our token."""
        return self.ask(_look_self)

    def mount(self, path: str) -> Mount:
        """Where `path` is mounted. Each mount is asked for once, whatever the number of its secrets."""
        first, folder = path.partition("/")[0], path.rpartition("/")[0]
        if self.session.kv_version is not None:
            return Mount(first, Kind.KV2 if self.session.kv_version == 2 else Kind.KV1, "kv")
        if known := self._known(path):
            return known
        with self._lock:
            lock = self._locks.setdefault(first, threading.Lock())
        # One at a time below one first segment: what one brings answers most of the others.
        if not lock.acquire(timeout=self.deadline.remaining()):
            raise VaultFailureError(self._retries.no_answer())
        try:
            if known := self._known(path) or self._closed.get(folder):
                return known
            if first in self._unreachable:
                raise VaultFailureError(self._unreachable[first])
            try:
                return self._look_up(path, first, folder)
            except VaultFailureError as failure:
                self._unreachable[first] = failure.failed
                raise
        finally:
            lock.release()

    # The token.

    def _enter(self) -> Token:
        session, token = self.session, self.session.token
        if token is not None and token.is_ending:
            can_live_on = token.is_renewable and not token.is_over
            token = session.login.renewed(token, self._adapter) if can_live_on else None
        session.token = token or session.login.token(self._adapter)
        return session.token

    def _again(self, dead: Token) -> Token:
        """Another token in place of a dead one: of a new login, or what stands in the token's file by now."""
        token = self.session.login.token(self._adapter)
        if token.reveal() == dead.reveal():
            cause = "the token is not valid, or not any more"
            hint = "it has expired, was revoked, belongs to another server or namespace, or may not look itself up"
            raise VaultFailureError(Failed(ProblemKind.DENIED, cause, hint))
        self.session.token = self._newer = token
        return token

    def _is_dead(self, token: Token) -> bool:
        """Whether the server does not know the token. A dead token and a forbidden path are both 403."""

        def look() -> bool:
            return _is_refusal(_look_self(self._adapter(token.reveal())))

        return self._death.get(look, self._retries)

    def _adapter(self, token: str, *, is_repeatable: bool = True) -> VaultAdapter:
        session = self.session
        return VaultAdapter(
            session.connection, self._retries, token=token, namespace=session.namespace, is_repeatable=is_repeatable
        )

    # The mounts.

    def _known(self, path: str) -> Mount | None:
        # No mount lies inside another one.
        return next((mount for name, mount in tuple(self.session.mounts.items()) if path.startswith(f"{name}/")), None)

    def _look_up(self, path: str, first: str, folder: str) -> Mount:
        # What `vault kv get` asks as well; whoever may read something in a mount may ask about it.
        reply = self.ask(lambda adapter: adapter.read(f"sys/internal/ui/mounts/{path}"))
        if reply.status != 200:
            mount = self._closed[folder] = Mount(first, Kind.UNKNOWN)
            return mount
        data = reply.data or {}
        name, engine, options = str(data.get("path", "")).rstrip("/"), str(data.get("type", "")), data.get("options")
        if not path.startswith(f"{name}/"):
            raise VaultFailureError(_foreign(reply))
        version = options.get("version") if isinstance(options, dict) else None
        kind = Kind.OTHER
        if engine in ("kv", "generic", "cubbyhole"):
            kind = Kind.KV2 if version == "2" else Kind.KV1
        mount = self.session.mounts[name] = Mount(name, kind, engine)
        return mount

    # The server.

    def _server_failure(self, reply: Reply) -> Failed:
        """What an answer means that is none to what was asked."""
        unavailable = ProblemKind.UNAVAILABLE
        if 300 <= reply.status < 400:
            cause = f"it sends us on to {reply.location or 'another address'} ({reply.status})"
            hint = "redirects are not followed, since the token would go along: set address to the right one"
            return Failed(unavailable, cause, hint)
        if reply.status == 429:
            when = f", for another {reply.retry_after:.0f} s" if 0 < (reply.retry_after or 0) <= _LONGEST_WAIT else ""
            return Failed(unavailable, f"it is rate limited (429){when}", "ask less often, or raise the quota")
        if reply.status >= 472 and (state := self._state.get(self._look_at_health, self._retries)):
            return Failed(unavailable, f"it is {state} ({reply.status})", "its operators have to mend that")
        if reply.status >= 500 or reply.status in (472, 473):
            return Failed(
                unavailable, f"it failed ({reply.status})", "its log says why; values may be in what it told us"
            )
        return _foreign(reply)

    def _no_namespace(self) -> Failed:
        cause = f"the server has no namespace {self.session.namespace}"
        return Failed(
            ProblemKind.UNUSABLE, cause, "set namespace in the bindings, or VAULT_NAMESPACE, to its full path"
        )

    def _look_at_health(self) -> str:
        """The state of a server that does not work, in words; empty where it says that all is well, or nothing."""
        adapter = VaultAdapter(self.session.connection, Retries(self.deadline, once=True))
        codes = {f"{state}code": 200 for state in ("standby", "drsecondary", "performancestandby", "sealed", "uninit")}
        try:
            told = adapter.read("sys/health", **codes).document or {}
        except VaultFailureError:
            return ""
        if told.get("initialized") is False:
            return "not initialised"
        if told.get("sealed") is True:
            return "sealed"
        if told.get("replication_dr_mode") == "secondary":
            return "a secondary for disaster recovery"
        return "a standby that reaches no leader" if told.get("standby") is True else ""


def _foreign(reply: Reply) -> Failed:
    hint = "is there a proxy or a login page between us and the server?"
    return Failed(ProblemKind.UNAVAILABLE, f"its answer is not Vault's ({reply.status})", hint)


def _is_refusal(reply: Reply) -> bool:
    return reply.status in (401, 403) and reply.is_vaults


def _look_self(adapter: VaultAdapter) -> Reply:
    reply: Reply = methods.Token(adapter).lookup_self()  # type: ignore[no-untyped-call]
    return reply
