"""The state of one store of Vault, which is kept between rounds, and one round of requests."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Missing
from secretsync.providers.interface import StoreContext
from secretsync.providers.remote import RequestError, Retries
from secretsync.providers.vault.client import Connections, VaultClient
from secretsync.providers.vault.credentials import Login, Token
from secretsync.providers.vault.errors import foreign, server_failure
from secretsync.providers.vault.mounts import Mount, MountKind, make_mount
from secretsync.providers.vault.responses import Reply, seconds

T = TypeVar("T")


class Session:
    """The connections, the token and the mounts, which are kept between rounds."""

    def __init__(self, context: StoreContext, address: str, http: Connections) -> None:
        """Request nothing yet."""
        self.address = address
        self.http = http
        self.namespace = context.setting("namespace", "VAULT_NAMESPACE") or context.environ.get("BAO_NAMESPACE")
        self.store = context.store
        self.kv_version: int | None = context.settings.get("kv_version")
        self.login = Login(context)
        self.token: Token | None = None
        self.login_lock = threading.Lock()  # because a wrapped secret_id can be opened only once
        self.mounts: dict[str, Mount] = {}

    def close(self) -> None:
        """Close the connections."""
        self.http.close()


class _Once(Generic[T]):
    """A result that the first thread makes for all threads. If it fails, it fails for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: T | Missing | Failed | None = None

    def get(self, make: Callable[[], T], retries: Retries) -> T:
        if not self._lock.acquire(timeout=retries.deadline.remaining()):
            raise RequestError(retries.no_answer())
        try:
            if self._made is None:
                try:
                    self._made = make()
                except RequestError as error:
                    self._made = error.outcome
            made = self._made
        finally:
            self._lock.release()
        if isinstance(made, Missing | Failed):
            raise RequestError(made)
        return made


class Round:
    """One round of requests, from several threads, until the deadline. Its methods raise RequestError."""

    def __init__(self, session: Session, retries: Retries) -> None:
        self.session = session
        self.deadline = retries.deadline
        self._retries = retries
        self._first: _Once[Token] = _Once()
        self._second: _Once[Token] = _Once()
        self._newer: Token | None = None
        self._death: _Once[bool] = _Once()
        self._state: _Once[str] = _Once()
        self._life: _Once[float] = _Once()
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._closed: dict[str, Mount] = {}  # by folder: mounts that the token may not ask about
        self._unreachable: dict[str, Missing | Failed] = {}
        self._earlier = dict(session.mounts)  # of earlier rounds: a mount may have been replaced since

    def ask(
        self, call: Callable[[VaultClient], Reply], *, is_repeatable: bool = True, may_be_empty: bool = False
    ) -> Reply:
        """Return the answer to `call`, if it is about the request and not about the server.

        If the server does not know the token, the token is replaced once and the call repeated. `is_repeatable`: the
        server may carry out the request twice without harm. `may_be_empty`: a good answer may have no content (204).
        """
        first = self._first.get(self._enter, self._retries)
        token = self._newer or first
        reply = call(self._client(token.reveal(), is_repeatable=is_repeatable))
        if _is_refusal(reply) and token is first and (first.is_over or self._is_dead(first)):
            token = self._second.get(lambda: self._again(first), self._retries)
            reply = call(self._client(token.reveal(), is_repeatable=is_repeatable))
        if reply.status == 404 and reply.says("namespace not found"):
            cause, hint = (
                f"the server has no namespace {self.session.namespace}",
                "set namespace in the bindings, or VAULT_NAMESPACE, to its full path",
            )
            raise RequestError(Failed(ProblemKind.UNUSABLE, cause, hint))
        if (reply.status == 200 and reply.document is not None) or (may_be_empty and reply.status == 204):
            return reply
        if 400 <= reply.status < 472 and reply.status != 429 and reply.is_vaults:
            return reply
        is_down = reply.status >= 472
        raise RequestError(
            server_failure(reply, self._state.get(self._look_at_health, self._retries) if is_down else "")
        )

    def look_up_token(self) -> Reply:
        """Return what the server knows about the token."""
        return self.ask(_look_self)

    def is_mount_replaced(self, path: str) -> bool:
        """Ask again about the mount of `path` if it is known from an earlier round; return True if it is another one.

        For answers other than a value, because a path that does not exist in one mount may exist in its successor.
        """
        earlier = self._mount_of(path, self._earlier)
        if earlier is None:
            return False
        with self._lock:
            if self.session.mounts.get(earlier.path) is earlier:
                del self.session.mounts[earlier.path]
        return self.mount(path) != earlier

    def token_life(self) -> float | None:
        """Return the seconds until the token ends, and with it the leases that it made; None if that is not known.

        The end of a token that SecretSync did not get by a login is requested once.
        """
        token = self._newer or self._first.get(self._enter, self._retries)
        if token.is_issued:
            return token.remaining

        def look() -> float:  # not by `ask`, because a token that may not look itself up is not dead
            reply = _look_self(self._client(token.reveal()))
            return seconds((reply.data or {}).get("ttl")) or 0.0

        try:
            return self._life.get(look, self._retries) or None
        except RequestError:
            return None

    def mount(self, path: str) -> Mount:
        """Return the mount of `path`. Each mount is requested once, whatever the number of its secrets."""
        first, folder = path.partition("/")[0], path.rpartition("/")[0]
        if self.session.kv_version is not None:
            return Mount(first, MountKind.KV2 if self.session.kv_version == 2 else MountKind.KV1, "kv")
        if known := self._known(path):
            return known
        with self._lock:
            lock = self._locks.setdefault(first, threading.Lock())
        # One request at a time for paths with the same first segment, because its answer is right for most of them.
        if not lock.acquire(blocking=False):
            # The connection of this worker is opened meanwhile, so that only the answer is waited for.
            self.session.http.warm(self.deadline, lock.locked)
            if not lock.acquire(timeout=self.deadline.remaining()):
                raise RequestError(self._retries.no_answer())
        try:
            if known := self._known(path) or self._closed.get(folder):
                return known
            if first in self._unreachable:
                raise RequestError(self._unreachable[first])
            try:
                return self._look_up(path, first, folder)
            except RequestError as error:
                self._unreachable[first] = error.outcome
                raise
        finally:
            lock.release()

    # The token.

    def _enter(self) -> Token:
        session = self.session
        with self._logging_in():
            token = session.token
            if token is not None and token.is_ending:
                can_live_on = token.is_renewable and not token.is_over
                token = session.login.renewed(token, self._client) if can_live_on else None
            session.token = token or session.login.token(self._client)
            return session.token

    @contextlib.contextmanager
    def _logging_in(self) -> Iterator[None]:
        """Keep other rounds from a login at the same time. Raises RequestError at the deadline."""
        lock = self.session.login_lock
        if not lock.acquire(timeout=self.deadline.remaining()):
            raise RequestError(self._retries.no_answer())
        try:
            yield
        finally:
            lock.release()

    def _again(self, dead: Token) -> Token:
        """Return another token in place of a dead one: of a new login, or the present content of the token's file."""
        with self._logging_in():
            token = self.session.token
            if token is None or token is dead:  # otherwise another round has replaced it
                token = self.session.login.token(self._client)
            return self._replaced(dead, token)

    def _replaced(self, dead: Token, token: Token) -> Token:
        if token.reveal() == dead.reveal():
            cause = "the token is not valid, or not any more"
            hint = "it has expired, was revoked, belongs to another server or namespace, or may not look itself up"
            raise RequestError(Failed(ProblemKind.DENIED, cause, hint))
        self.session.token = self._newer = token
        return token

    def _is_dead(self, token: Token) -> bool:
        """Return True if the server does not know the token. Both a dead token and a forbidden path are 403."""

        def look() -> bool:
            return _is_refusal(_look_self(self._client(token.reveal())))

        return self._death.get(look, self._retries)

    def _client(self, token: str, *, is_repeatable: bool = True) -> VaultClient:
        session = self.session
        return VaultClient(
            session.http, self._retries, token=token, namespace=session.namespace, is_repeatable=is_repeatable
        )

    # The mounts.

    def _known(self, path: str) -> Mount | None:
        return self._mount_of(path, self.session.mounts)

    def _mount_of(self, path: str, mounts: dict[str, Mount]) -> Mount | None:
        # A mount cannot be inside another mount.
        return next((mount for name, mount in tuple(mounts.items()) if path.startswith(f"{name}/")), None)

    def _look_up(self, path: str, first: str, folder: str) -> Mount:
        # `vault kv get` sends the same request. A token that may read a secret of a mount may ask about the mount.
        reply = self.ask(lambda client: client.read(f"sys/internal/ui/mounts/{path}"))
        if reply.status != 200:
            mount = self._closed[folder] = Mount(first, MountKind.UNKNOWN)
            return mount
        mount = make_mount(reply)
        if not path.startswith(f"{mount.path}/"):
            raise RequestError(foreign(reply))
        self.session.mounts[mount.path] = mount
        return mount

    # The server.

    def _look_at_health(self) -> str:
        """Return the state of a server that does not work, in words; empty if the state is good or not known."""
        client = VaultClient(self.session.http, Retries(self.deadline, once=True))
        codes = {f"{state}code": 200 for state in ("standby", "drsecondary", "performancestandby", "sealed", "uninit")}
        try:
            health = client.read("sys/health", **codes).document or {}
        except RequestError:
            return ""
        if health.get("initialized") is False:
            return "not initialised"
        if health.get("sealed") is True:
            return "sealed"
        if health.get("replication_dr_mode") == "secondary":
            return "a secondary for disaster recovery"
        return "a standby that reaches no leader" if health.get("standby") is True else ""


def _is_refusal(reply: Reply) -> bool:
    return reply.status in (401, 403) and reply.is_vaults


def _look_self(client: VaultClient) -> Reply:
    return client.read("auth/token/lookup-self")
