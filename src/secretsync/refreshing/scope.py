"""Read each value from the newest configuration, without a mix of two configurations in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from secretsync.config.typed_getters import TypedGetters

if TYPE_CHECKING:
    from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView

    from secretsync.config.config import Config
    from secretsync.core.errors import MissingKeyError
    from secretsync.core.model import Origin
    from secretsync.core.secret import Secret

T = TypeVar("T")


class LiveScope(TypedGetters):
    """The methods of Config that read values. Each call reads one configuration: the one that is newest then."""

    __slots__ = ()

    @property
    def config(self) -> Config:
        """Return the newest valid configuration. It does not change: use it for values that belong together."""
        raise NotImplementedError

    def __getitem__(self, key: str) -> str:
        """Return the value of `key`. Raises MissingKeyError, a KeyError that names the nearest keys."""
        return self.config[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.config)

    def __len__(self) -> int:
        return len(self.config)

    def __contains__(self, key: object) -> bool:
        return key in self.config

    def __eq__(self, other: object) -> bool:
        return self.config == (other.config if isinstance(other, LiveScope) else other)

    __hash__ = None  # type: ignore[assignment]

    if not TYPE_CHECKING:  # Type checkers know the signatures of the base classes.

        def get(self, key: str, default: object = None, *, service: str | None = None) -> object:
            """Return the value of `key`, else the variable of the process environment, else `default`."""
            return self.config.get(key, default, service=service)

        def keys(self) -> KeysView[str]:
            """Return the keys of the newest configuration."""
            return self.config.keys()

        def items(self) -> ItemsView[str, str]:
            """Return the keys and values of the newest configuration."""
            return self.config.items()

        def values(self) -> ValuesView[str]:
            """Return the values of the newest configuration."""
            return self.config.values()

    def _typed(self, key: str, default: object, service: str | None, kind: str, *options: str) -> object:
        return self.config._typed(key, default, service, kind, *options)  # noqa: SLF001 - it has the same base

    def _missing(self, key: str) -> MissingKeyError:
        return self.config._missing(key)  # noqa: SLF001 - it has the same base

    def inherited(self, key: str) -> str | None:
        """Return the variable `key` of the process environment, whatever the env files define, or None."""
        return self.config.inherited(key)

    def origin(self, key: str) -> Origin:
        """Return the origin of the value of `key`: file, line, references, stores, versions. Raises MissingKeyError."""
        return self.config.origin(key)

    def secret(self, key: str) -> Secret:
        """Return the value of `key` as a Secret, which hides it until `reveal()`. Raises MissingKeyError."""
        return self.config.secret(key)

    def bind(self, kind: type[T], *, service: str | None = None) -> T:
        """Return an instance of the application's class `kind`, filled once from the newest configuration."""
        return self.config.bind(kind, service=service)


class LiveService(LiveScope):
    """One service of a live configuration."""

    __slots__ = ("_name", "_newest")

    def __init__(self, newest: Callable[[], Config], name: str) -> None:
        """Keep the name. Internal: `Live.service` returns it. Raises UsageError if there is no such service."""
        self._newest, self._name = newest, name
        newest().service(name)

    @property
    def config(self) -> Config:
        """Return the newest valid configuration of this service."""
        return self._newest().service(self._name)

    def service(self, name: str) -> LiveService:
        """Return another service of the same configuration."""
        return LiveService(self._newest, name)

    def __repr__(self) -> str:
        return f"<Live {self.config!r}>"
