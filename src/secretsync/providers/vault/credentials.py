"""Log in to Vault: the methods, the credentials that each needs, and the token."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.core.secret import HiddenValue
from secretsync.providers.files import read_secret_file
from secretsync.providers.inputs import InputKind, InputRule, malformed, read
from secretsync.providers.interface import StoreContext
from secretsync.providers.remote import RequestError
from secretsync.providers.vault.client import VaultClient
from secretsync.providers.vault.errors import login_hint
from secretsync.providers.vault.inputs import (
    JWT,
    PASSWORD,
    POD_JWT,
    ROLE_ID,
    SECRET_ID,
    TOKEN,
    USERNAME,
    text_of,
)
from secretsync.providers.vault.responses import Reply, seconds

_MARGIN = 20.0  # seconds before its end at which a token is renewed, at the most a third of its life


class MakeClient(Protocol):
    """Makes clients for requests."""

    def __call__(self, token: str, *, is_repeatable: bool = True) -> VaultClient:
        """Return a client with this token; "" for none. `is_repeatable`: see VaultClient."""
        ...


class Token(HiddenValue):
    """A token and its end."""

    __slots__ = ("__reveal", "_ends", "_margin", "is_issued", "is_renewable")

    def __init__(
        self, text: str, *, lifetime: float = 0.0, is_renewable: bool = False, is_issued: bool = False
    ) -> None:
        """`lifetime`: seconds; 0 if it is not known or has no end. `is_issued`: by a login of this process."""
        self.__reveal: Callable[[], str] = lambda: text
        self._ends = time.monotonic() + lifetime if lifetime > 0 else None
        self._margin = min(_MARGIN, lifetime / 3)
        self.is_renewable = is_renewable
        self.is_issued = is_issued

    def reveal(self) -> str:
        """Return the token itself."""
        return self.__reveal()

    @property
    def remaining(self) -> float | None:
        """The seconds until the token expires; None if that is not known, or if it does not expire."""
        return None if self._ends is None else max(0.0, self._ends - time.monotonic())

    @property
    def is_over(self) -> bool:
        """True if the token has expired."""
        return self._ends is not None and time.monotonic() >= self._ends

    @property
    def is_ending(self) -> bool:
        """True if the token expires soon."""
        return self._ends is not None and time.monotonic() >= self._ends - self._margin


class Login:
    """The login of one store."""

    def __init__(self, context: StoreContext) -> None:
        self._context = context
        self._settings: Mapping[str, str] = context.settings.get("auth") or {}
        self.method = self._settings.get("method", "token")
        self._mount = self._settings.get("mount", self.method).strip("/")
        self._secret_id: str | None = None  # unwrapped: a wrapping token opens only once

    @property
    def place(self) -> str:
        """The path of the login, for messages: `auth/approle`."""
        return f"auth/{self._mount}"

    def token(self, client: MakeClient) -> Token:
        """Return the configured token, or the token of a login. Raises RequestError."""
        if self.method == "token":
            return Token(self.configured())
        reply = self._log_in(client)
        auth = (reply.document or {}).get("auth")
        token = auth.get("client_token") if isinstance(auth, dict) else None
        if reply.status == 200 and isinstance(auth, dict) and isinstance(token, str) and token:
            return _issued(auth, token)
        raise RequestError(self._refused(reply))

    def renewed(self, token: Token, client: MakeClient) -> Token | None:
        """Renew `token`; return None if the server does not."""
        reply = client(token.reveal()).write("auth/token/renew-self", {})
        auth = (reply.document or {}).get("auth")
        if reply.status != 200 or not isinstance(auth, dict) or not seconds(auth.get("lease_duration")):
            return None
        renewed = _issued(auth, token.reveal())
        return None if renewed.is_ending else renewed

    def configured(self) -> str:
        """Return the configured token: of a variable, or of the file that `vault login` writes. Raises RequestError."""
        if found := text_of(read(self._context, TOKEN)):
            return found
        # `vault login` and `bao login` write the token there.
        home = self._context.environ.get("HOME")
        data = read_secret_file(os.path.join(home, ".vault-token")) if home else None
        if isinstance(data, bytes):
            token = data.decode("utf-8", "replace").strip()
            cause = malformed(InputKind.WORD, token) if token else "is empty"
            if cause is None:
                return token
            raise RequestError(Failed(ProblemKind.DENIED, f"~/.vault-token: the token {cause}", "run `vault login`"))
        hint = "set VAULT_TOKEN, run `vault login`, or choose another method: auth in the bindings"
        if isinstance(data, Failed):  # a pipe or a folder, for example
            raise RequestError(Failed(ProblemKind.DENIED, data.cause, hint))
        raise RequestError(Failed(ProblemKind.DENIED, "there is no token to log in with", hint))

    def _log_in(self, client: MakeClient) -> Reply:
        path, role = f"auth/{self._mount}/login", self._settings.get("role")
        if self.method == "approle":
            given = {"role_id": self._need("role_id", ROLE_ID), "secret_id": self._unwrapped(client)}
            # Its uses may be limited, and only the server knows whether they are: each request may cost one.
            return client("", is_repeatable=False).write(path, given)
        if self.method in ("userpass", "ldap"):
            name, password = self._need("username", USERNAME), self._need("password", PASSWORD)
            return client("").write(path, {"password": password}, last=name)
        if self.method == "cert":
            return client("").write(path, {"name": role} if role else {})
        if self.method == "aws":
            from secretsync.providers.vault.hvac_client import iam_login  # imports hvac

            return client("").write(path, iam_login(self._context, self._settings))
        jwt = self._need("jwt", POD_JWT if self.method == "kubernetes" else JWT)
        return client("").write(path, {"jwt": jwt, **({"role": role} if role else {})})

    def _unwrapped(self, client: MakeClient) -> str:
        """Return the secret_id, unwrapped if it is wrapped."""
        given = self._secret_id or self._need("secret_id", SECRET_ID)
        if not self._settings.get("wrapped") or self._secret_id is not None:
            return given
        wrapped = client(given, is_repeatable=False)
        reply = wrapped.write("sys/wrapping/unwrap", {})
        secret_id = (reply.data or {}).get("secret_id")
        if reply.status == 200 and isinstance(secret_id, str) and secret_id:
            self._secret_id = secret_id
            return secret_id
        if reply.status >= 500 or reply.status == 429:
            raise RequestError(Failed(ProblemKind.UNAVAILABLE, f"the secret_id cannot be unwrapped ({reply.status})"))
        cause = "the wrapped secret_id cannot be opened: it was opened before, has expired, or is not a wrapping token"
        hint = "where we did not open it, somebody else may have: have a new one issued, and find out who did"
        raise RequestError(Failed(ProblemKind.DENIED, cause, hint))

    def _need(self, key: str, rule: InputRule) -> str:
        """Return an input of the method, which must be set."""
        if found := text_of(read(self._context, rule)):
            return found
        cause = f"the method {self.method} needs a {key}, which is not set"
        hint = f"name a file with it (auth.{key}_file in the bindings), or set {rule.names[0]}"
        raise RequestError(Failed(ProblemKind.DENIED, cause, hint))

    def _refused(self, reply: Reply) -> Failed:
        if reply.status == 200:
            return Failed(ProblemKind.UNAVAILABLE, f"the answer of {self.place} to the login is not Vault's")
        if reply.status == 429:
            return Failed(ProblemKind.UNAVAILABLE, f"the login at {self.place} is rate limited (429)")
        if reply.says("no handler for route") or reply.says("unsupported path"):
            cause = f"no auth method is mounted at {self.place} ({reply.status})"
            hint = "`vault auth list` shows where it is: set auth.mount, and the namespace"
            return Failed(ProblemKind.DENIED, cause, hint)
        if 400 <= reply.status < 500:
            cause = f"the login at {self.place} by {self.method} was refused ({reply.status})"
            return Failed(ProblemKind.DENIED, cause, login_hint(self.method, self._mount, self._settings.get("role")))
        return Failed(ProblemKind.UNAVAILABLE, f"the login at {self.place} failed ({reply.status})")


def _issued(auth: Mapping[str, Any], text: str) -> Token:
    lifetime = seconds(auth.get("lease_duration")) or 0.0
    return Token(text, lifetime=lifetime, is_renewable=auth.get("renewable") is True, is_issued=True)
