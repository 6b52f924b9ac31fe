"""The protocol of a provider, and the data that describe it."""

from __future__ import annotations

import os
import threading
import time
from enum import StrEnum

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind
from secretsync.core.light import MappingProxyType, Protocol
from secretsync.core.model import LONGEST_WAIT, Failed, Found, Missing, SecretInfo, SecretOutline, SecretRef
from secretsync.core.records import Record
from secretsync.core.secret import Payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

_NOTHING: Mapping[str, Any] = MappingProxyType({})

# The variables of proxies and certificates.
NETWORK_VARIABLES = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
NETWORK_FILES = ("$REQUESTS_CA_BUNDLE", "$SSL_CERT_FILE", "$SSL_CERT_DIR")

Answer = tuple[SecretRef, Found[Payload] | Missing | Failed]
Information = tuple[SecretRef, Found[SecretInfo] | Missing | Failed]
Outline = tuple[SecretRef, Found[SecretOutline] | Missing | Failed]


class Deadline:
    """The end of one whole resolution, by the monotonic clock."""

    __slots__ = ("_at", "on_wait", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = min(seconds, LONGEST_WAIT)
        self._at = time.monotonic() + self.seconds
        # Called with the cause before a request is sent again, and with None when it got its answer.
        self.on_wait: Callable[[str | None], None] | None = None

    def shared(self, on_wait: Callable[[str | None], None]) -> Deadline:
        """Return a deadline with the same end for one store, which reports its waits to `on_wait`, in any thread."""
        other = Deadline(self.seconds)
        other._at, other.on_wait = self._at, on_wait
        return other

    def remaining(self) -> float:
        """Return the seconds that are left, never negative."""
        return max(0.0, self._at - time.monotonic())

    @property
    def is_over(self) -> bool:
        """True if no time is left."""
        return self.remaining() <= 0.0


_counting: dict[int, threading.Lock] = {}  # by process: a fork copies a lock that is held


class RequestCounter:
    """Counts the requests of a provider, retries included. Used from many threads."""

    __slots__ = ("_sent",)

    def __init__(self) -> None:
        self._sent: dict[str, int] = {}

    def add(self, operation: str) -> None:
        """Count a request. `operation`: the kind of the request, without the name of a secret."""
        with _counting.setdefault(os.getpid(), threading.Lock()):
            self._sent[operation] = self._sent.get(operation, 0) + 1

    @property
    def total(self) -> int:
        """The number of requests until now."""
        return sum(tuple(self._sent.values()))

    def by_operation(self) -> dict[str, int]:
        """Return the number of requests of each kind."""
        return dict(self._sent)


class SettingType(StrEnum):
    """The type of a setting of `[stores.NAME]` in TOML."""

    STRING = "string"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    PATH = "path"  # a string; relative ones are taken from the project's root
    TABLE = "table"


class Setting(Record, kw_only=True):
    """One setting that a provider accepts in `[stores.NAME]`."""

    type: SettingType = SettingType.STRING
    help: str  # one line for the documentation and for `secretsync providers`
    choices: tuple[str, ...] = ()  # the accepted values; empty: all values
    environment: str | None = None  # the variable that is used if the bindings do not have the setting
    default: str | None = None  # the default, in words
    keys: Mapping[str, Setting] = _NOTHING  # of a table
    identifies: bool = False  # it decides how the store is asked, and not where a secret is


def _any_path(path: str) -> str | None:  # noqa: ARG001 - the signature of a path rule
    return None


class ProviderSpec(Record, kw_only=True):
    """The description of a provider, readable without its SDK."""

    name: str
    title: str  # "AWS Secrets Manager"
    path_help: str  # "secret name or ARN"
    key: str = "{name}"  # how a bare name becomes path, options and field: {name} {lower} {kebab} {environment}
    options: tuple[str, ...] = ()  # of "version" and "stage", those it understands
    settings: Mapping[str, Setting] = _NOTHING
    check_path: Callable[[str], str | None] = _any_path  # returns what is wrong with a path; None: nothing
    extra: str | None = None  # pip install "secretsync-adapter[EXTRA]"
    modules: tuple[str, ...] = ()  # of its SDK: they must be importable, and are imported before it is first asked
    import_cost: int = 0  # how long that takes, in starts of Python: the store with the slowest SDK is begun first
    credentials: tuple[str, ...] = ()  # variables with literal credentials: not handed to the application
    identity_variables: tuple[str, ...] = ()  # pointers to a platform's identity: they stay
    # How the names of all variables that it reads begin, in capitals. A provider with such names is kept for the next
    # resolution of the process, until one of these variables, a setting or one of its files changes.
    variables: tuple[str, ...] = ()
    # The files that it reads in addition to those of its settings: a path, ~/PATH or $VARIABLE.
    files: tuple[str, ...] = ()
    is_secret_store: bool = True  # False: what it returns is secret only under a sensitive name (`env`)
    has_clock: bool = True  # False: ages are declared in the bindings
    has_outlines: bool = False  # it has a method `outline`: see OutlineProvider
    has_leases: bool = False  # it renews and revokes: see LeasingProvider of providers/leasing.py
    is_writable: bool = False  # it has a method `write`: see WritableProvider of providers/writing.py
    is_local: bool = False  # its values are files of this machine: without versions, their contents are compared


class StoreContext(Record, kw_only=True):
    """The arguments of a provider. Settings are already checked against its spec."""

    store: str  # the store's name in references
    environment: str  # of the configuration: "production"
    settings: Mapping[str, Any] = _NOTHING
    environ: Mapping[str, str] = _NOTHING  # the process environment
    root: str = "."  # relative paths in settings are taken from here

    _unseen = ("environ",)

    def setting(self, name: str, variable: str | None = None) -> str | None:
        """Return a setting, else a variable of the process environment; None if both are unset or empty."""
        value = self.settings.get(name) or (self.environ.get(variable) if variable else None)
        return str(value) if value else None

    def path(self, written: str) -> str:
        """Return a path of the settings. A relative one is taken from the project's root."""
        return os.path.join(self.root, written)

    def mistake(self, cause: str, hint: str | None = None) -> ConfigurationError:
        """Return the error to raise if the settings do not go together."""
        text = f"{self.store}: {cause}"
        return ConfigurationError([Problem(kind=ProblemKind.CONFIGURATION, cause=text, hint=hint, store=self.store)])


class Identity(Record, kw_only=True):
    """The identity that a store knows, and the store's address. Only names and ids, no credential."""

    store: str
    provider: str
    endpoint: str | None = None
    principal: str | None = None
    details: tuple[tuple[str, str], ...] = ()


class ProviderType(Protocol):
    """The class of a provider. SecretSync makes one provider for each configured store.

    `__init__` does no I/O and imports no SDK. It may raise SecretSyncError if settings do not go together.
    """

    spec: ProviderSpec

    def __call__(self, context: StoreContext) -> Provider:
        """Return the provider of one store."""
        ...


class Provider(Protocol):
    """A store with secrets.

    Its methods may be called from several threads. A provider that sends requests may have an attribute `requests`, a
    RequestCounter, which --verbose shows. A provider that is kept (see `variables` of ProviderSpec) must not keep
    values, and is closed after a store denied a request. If it cannot log in a second time, it has an attribute
    `is_irreplaceable` that is true, and it is not closed then.
    """

    @property
    def spec(self) -> ProviderSpec:
        """The description; an attribute of the class."""
        ...

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        """Request the values of `refs`, all distinct, and yield each answer as it comes.

        Every reference is answered exactly once, in any order, and nothing else is answered. Found, missing and failed
        are the only outcomes. A failure of one reference must not affect another, and no exception may leave the
        method. It must not wait past `deadline`.
        """
        ...

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        """Request the metadata of `refs`, by the same rules, without a request for a value."""
        ...

    def identity(self) -> Identity:
        """Return the identity at this store. May send requests. Raises only SecretSyncError."""
        ...

    def close(self) -> None:
        """Close connections and threads. The provider is not used afterwards."""
        ...


class OutlineProvider(Provider, Protocol):
    """A store that can tell the fields of a secret, or the right to read it, without the value.

    The `spec` of such a provider says `has_outlines=True`.
    """

    def outline(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Outline]:
        """Request the outlines of `refs`, by the rules of `fetch`, without a request for a value.

        What the store does not tell is unknown in the outline, and no failure.
        """
        ...
