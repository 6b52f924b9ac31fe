"""Choose a credential of azure-identity, and share one token of it between all workers of a store."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from secretsync.core.files import Input, check_file
from secretsync.providers.azure.errors import AzureRequestError
from secretsync.providers.azure.token_errors import GIVEN, token_error, unusable_file
from secretsync.providers.interface import StoreContext
from secretsync.providers.remote import causes
from secretsync.providers.sdk_logging import silenced

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_PUBLIC_CLOUD = "https://login.microsoftonline.com"
_MACHINE = "http://169.254.169.254"  # the metadata service of a virtual machine

# The variables that each needs, of which the last one belongs to no other kind. The client id may also be a setting.
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "client-secret": ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
    "client-certificate": ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_CERTIFICATE_PATH"),
    "workload-identity": ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"),
}

# The variables that azure-identity only reads from the environment of the process.
_READ_BY_SDK = {
    "managed-identity": ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET", "IMDS_ENDPOINT"),
    "default": (
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_TOKEN_CREDENTIALS",
        "IDENTITY_ENDPOINT",
    ),
    "cli": ("AZURE_CONFIG_DIR", "PATH"),
}

# One try each, because the client retries, together with the vault's requests and within the deadline.
_ONE_TRY = {"retry_total": 0, "read_timeout": 5, "logging_enable": False}

_TRUE = ("1", "true")

_REFRESH = 300  # seconds before its end at which a token is no longer used, as in the SDK


class UnusableFileError(Exception):
    """A file that a variable names does not exist, is not a regular file or is too large."""

    def __init__(self, variable: str, cause: str) -> None:
        super().__init__(cause)
        self.variable = variable


class Credential:
    """The choice of a credential. There is no request before `create()`."""

    def __init__(self, context: StoreContext) -> None:
        """Choose, by the setting `credential` and by what the environment shows.

        Raises ConfigurationError if a variable is missing, or if the SDK would read another value from the process.
        """
        self._environ = context.environ
        self.client_id = context.setting("client_id", "AZURE_CLIENT_ID")
        self.transport: Any = None  # of the credential that was created last; what it was answered
        wanted = context.setting("credential") or "auto"
        shown = self._shown() if wanted == "auto" else wanted
        self.is_guess = shown is None  # the environment shows no identity
        self.kind = shown or "managed-identity"
        needed = _NEEDED.get(self.kind, ())
        lacking = [name for name in needed if not self._value(name)]
        if lacking and wanted == "auto":
            cause = f"{needed[-1]} is set, and {' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not"
            raise context.mistake(cause, f"the credential {self.kind} needs {', '.join(needed)}")
        if lacking:
            raise context.mistake(f"the credential {self.kind} needs {', '.join(lacking)} in the environment")
        for name in _READ_BY_SDK.get(self.kind, ()):
            if self._environ.get(name) != os.environ.get(name):
                cause = f"azure-identity takes {name} from the process's own environment only"
                raise context.mistake(cause, "set it there, or use client-secret or workload-identity")

    def _shown(self) -> str | None:
        """Return the kind that the environment shows, in the order of DefaultAzureCredential; None if it shows none."""
        for kind, names in _NEEDED.items():
            if all(self._value(name) for name in names):
                return kind
        if self._environ.get("IDENTITY_ENDPOINT") or self._environ.get("MSI_ENDPOINT"):
            return "managed-identity"
        for kind, names in _NEEDED.items():
            if self._value(names[-1]):
                return kind
        if shutil.which("az", path=self._environ.get("PATH")):
            return "cli"
        return None  # as on a virtual machine, which shows nothing of its identity

    @property
    def endpoint(self) -> str:
        """The URL from which the token comes, for messages about proxies and certificates."""
        if self.kind == "managed-identity":
            environ = self._environ
            return environ.get("IDENTITY_ENDPOINT") or environ.get("MSI_ENDPOINT") or _MACHINE
        return self._environ.get("AZURE_AUTHORITY_HOST") or _PUBLIC_CLOUD

    @property
    def is_half_set(self) -> bool:
        """True if the environment has a tenant and an application, and nothing that proves its identity."""
        return self.is_guess and bool(self._environ.get("AZURE_TENANT_ID")) and bool(self.client_id)

    def _value(self, name: str) -> str | None:
        return self.client_id if name == "AZURE_CLIENT_ID" else self._environ.get(name)

    def create(self) -> Any:
        """Return a new credential of azure-identity, with an empty cache."""
        import azure.identity as sdk

        from secretsync.providers.azure.transport import transport

        # Always an argument, because otherwise the SDK reads the environment of the process.
        authority = self._environ.get("AZURE_AUTHORITY_HOST") or _PUBLIC_CLOUD
        tenant, client = self._environ.get("AZURE_TENANT_ID", ""), self.client_id or ""
        # The endpoint of a managed identity is on this machine, so that it answers at once, or does not exist.
        self.transport = transport(1, connect=1.0 if self.kind == "managed-identity" else 2.0)
        options: dict[str, Any] = {**_ONE_TRY, "connection_timeout": 2}
        if self.kind == "client-secret":
            secret = self._environ["AZURE_CLIENT_SECRET"]
            return sdk.ClientSecretCredential(
                tenant, client, secret, authority=authority, transport=self.transport, **options
            )
        if self.kind == "client-certificate":
            return sdk.CertificateCredential(
                tenant,
                client,
                self._file("AZURE_CLIENT_CERTIFICATE_PATH", Input.CERTIFICATES),
                password=self._environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD") or None,
                send_certificate_chain=self._environ.get("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "").lower() in _TRUE,
                authority=authority,
                transport=self.transport,
                **options,
            )
        if self.kind == "workload-identity":
            file = self._file("AZURE_FEDERATED_TOKEN_FILE", Input.SECRET_FILE)
            names = {"tenant_id": tenant, "client_id": client, "token_file_path": file}
            return sdk.WorkloadIdentityCredential(**names, authority=authority, transport=self.transport, **options)
        if self.kind == "managed-identity":
            return sdk.ManagedIdentityCredential(client_id=self.client_id, transport=self.transport, **options)
        if self.kind == "cli":
            return sdk.AzureCliCredential()
        return sdk.DefaultAzureCredential(
            authority=authority, managed_identity_client_id=self.client_id, process_timeout=5, **options
        )

    def _file(self, variable: str, kind: Input) -> str:
        """Return the path in `variable`. Raises UnusableFileError, because azure-identity would wait for a FIFO."""
        path = self._environ[variable]
        if (refusal := check_file(path, kind)) is not None:
            raise UnusableFileError(variable, refusal.cause)
        return path


class GivenCredential(Credential):
    """A credential that the application made. It is not closed, because the application may still use it."""

    def __init__(self, credential: TokenCredential) -> None:
        self._environ: Mapping[str, str] = {}
        self._given = credential
        self.client_id = self.transport = None
        self.is_guess = False
        self.kind = GIVEN

    def create(self) -> Any:
        """Return an object that only gets tokens."""
        return _GetToken(self._given)


class _GetToken:
    def __init__(self, credential: TokenCredential) -> None:
        self.get_token = credential.get_token

    def close(self) -> None:
        """Leave the credential open."""


class Tokens:
    """A credential for the SDK's clients: one token for all threads, requested once."""

    def __init__(self, credential: Credential) -> None:
        self._choice = credential
        self._lock = threading.Lock()
        self._credential: Any = None
        self._kept: dict[tuple[object, ...], Any] = {}
        self.generation = 0  # the number of refused tokens until now

    def get_token(self, *scopes: str, **options: Any) -> Any:
        """Return the token for `scopes`, by the SDK's protocol. Raises AzureRequestError."""
        key = (scopes, options.get("tenant_id"))
        with self._lock:
            kept = self._kept.get(key)
            # A claims challenge means that the kept token is not enough.
            if kept is None or options.get("claims") or kept.expires_on - time.time() < _REFRESH:
                kept = self._kept[key] = self._ask(*scopes, **options)
            return kept

    def _ask(self, *scopes: str, **options: Any) -> Any:
        try:
            with silenced():
                if self._credential is None:
                    self._credential = self._choice.create()
                return self._credential.get_token(*scopes, **options)
        except UnusableFileError as caught:
            error = unusable_file(self._choice.kind, caught.variable, str(caught))
        except Exception as caught:  # noqa: BLE001 - whatever a credential raises means that there is no token
            unusable = next((one for one in causes(caught) if isinstance(one, AzureRequestError)), None)
            error = unusable or token_error(
                caught,
                credential=self._choice.kind,
                endpoint=self._choice.endpoint,
                is_built=self._credential is not None,
                status=getattr(self._choice.transport, "status", None),
                after=getattr(self._choice.transport, "pause", None),
                is_guess=self._choice.is_guess,
                is_half_set=self._choice.is_half_set,
            )
        # A new credential for the next try, because the library below azure-identity caches this failure.
        self._forget()
        raise error

    def renew(self, generation: int) -> None:
        """Forget the token of `generation`, and the cache of the credential."""
        with self._lock:
            if self.generation == generation:
                self.generation += 1
                self._forget()

    def claims(self) -> Mapping[str, Any]:
        """Return the claims of the kept token; empty if no token is kept, or if it is not a JWT."""
        with self._lock:
            token = next(iter(self._kept.values()), None)
        try:
            payload = token.token.split(".")[1] if token else ""
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (IndexError, ValueError):
            return {}
        return claims if isinstance(claims, dict) else {}

    def end(self) -> datetime | None:
        """Return the time at which the kept token ends, in UTC, or None."""
        with self._lock:
            token = next(iter(self._kept.values()), None)
        return None if token is None else datetime.fromtimestamp(token.expires_on, UTC)

    def object_id(self) -> str | None:
        """Return the object id of the identity; None if the kept token does not have one."""
        found = self.claims().get("oid")
        return found if isinstance(found, str) and re.fullmatch(r"[0-9A-Fa-f-]{1,64}", found) else None

    def close(self) -> None:
        """Close the connections of the credential."""
        # The thread that holds the lock may still wait for a token. close() does not wait for that.
        if self._lock.acquire(blocking=False):
            try:
                self._forget()
            finally:
                self._lock.release()

    def _forget(self) -> None:
        self._kept.clear()
        credential, self._credential = self._credential, None
        with silenced(), contextlib.suppress(Exception):
            if credential is not None:
                credential.close()
