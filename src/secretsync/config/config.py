"""The configuration that an application holds: an immutable mapping that shows no secret of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from secretsync.core.errors import ConfigurationError, MissingKeyError, Problem, ProblemKind, UsageError, ValueTypeError
from secretsync.core.model import Entry, Origin
from secretsync.core.secret import Hidden, HiddenMapping, Secret
from secretsync.core.text import count_of, suggestion, unknown

if TYPE_CHECKING:
    import logging
    from datetime import timedelta
    from pathlib import Path

__all__ = ["Config", "Refreshed", "Resolved"]

T = TypeVar("T")

_NO_DEFAULT: Any = object()  # None is a default like any other


class Resolved(Hidden):
    """One entry's value, where it came from, and the secrets that were put into it."""

    __slots__ = ("entry", "inserted", "is_from_store", "origin", "value")

    def __init__(
        self, entry: Entry, value: Secret, origin: Origin, inserted: tuple[Secret, ...], *, is_from_store: bool
    ) -> None:
        self.entry = entry
        self.value = value
        self.origin = origin
        self.inserted = inserted
        self.is_from_store = is_from_store  # a store other than the process environment gave a part of it


class _State(Hidden):
    """What all scopes of one configuration share."""

    __slots__ = (
        "environ",
        "environment",
        "is_strict",
        "known_services",
        "reload",
        "service_keys",
        "services",
        "shared",
        "template_entries",
    )

    def __init__(
        self,
        *,
        environment: str | None,
        is_strict: bool,
        environ: Mapping[str, str],
        shared: Mapping[str, Resolved],
        services: Mapping[str, Mapping[str, Resolved]],
        service_keys: Mapping[str, frozenset[str]],
        known_services: tuple[str, ...],
        template_entries: Mapping[str, Resolved],
    ) -> None:
        self.environment = environment
        self.is_strict = is_strict
        self.environ = environ
        self.shared = shared
        self.services = services
        self.service_keys = service_keys
        self.known_services = known_services
        self.template_entries = template_entries
        self.reload: Callable[[], Config] | None = None


class Config(HiddenMapping):
    """A resolved configuration: `config["KEY"]` is the value, as text.

    The mapping (`[]`, `in`, iteration, `len`) knows what the env files define and nothing else. `get` and the typed
    getters fall back to the process environment. It cannot be changed, pickled or printed with its secrets, and is no
    instance of `collections.abc.Mapping`: test runners and error reporters show each value of those.
    """

    __slots__ = ("__scope", "__state", "_service")

    def __init__(self, state: _State, service: str | None = None) -> None:
        """Configurations come from `resolve_config`, and one service's view from `service()`."""
        self.__state = state
        self.__scope = state.shared if service is None else state.services[service]
        self._service = service

    # The mapping

    def __getitem__(self, key: str) -> str:
        """The value of `key`. Raises MissingKeyError, a KeyError that names the nearest keys."""
        found = self.__scope.get(key)
        if found is None:
            raise self._missing(key)
        return found.value.reveal()

    def __iter__(self) -> Iterator[str]:
        return iter(self.__scope)

    def __len__(self) -> int:
        return len(self.__scope)

    def __contains__(self, key: object) -> bool:
        return key in self.__scope

    def __repr__(self) -> str:
        where = "" if self._service is None else f" service {self._service}"
        return f"<Config {self.environment or 'files'}{where}: {count_of(len(self), 'key')}>"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __setattr__(self, name: str, value: object) -> None:
        # Slots of our own are set once, while it is built.
        if hasattr(self, name):
            message = "a Config cannot be changed; resolve_config gives a new one"
            raise AttributeError(message)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        message = "a Config cannot be changed; resolve_config gives a new one"
        raise AttributeError(message)

    # What it is of

    @property
    def environment(self) -> str | None:
        """The environment's name; None where the files were named one by one."""
        return self.__state.environment

    @property
    def is_strict(self) -> bool:
        """Whether this environment keeps all safeguards."""
        return self.__state.is_strict

    @property
    def services(self) -> tuple[str, ...]:
        """The services that were selected."""
        return tuple(self.__state.services)

    def service(self, name: str) -> Config:
        """The same mapping as one service sees it: its own file over the configuration as a whole.

        Raises UsageError where there is no such service, or it was not selected.
        """
        if name not in self.__state.services:
            raise UsageError(self._no_service(name))
        return Config(self.__state, name)

    def inherited(self, key: str) -> str | None:
        """The variable called `key` of the process environment, whatever the env files define; None: it is not set."""
        return self.__state.environ.get(key)

    def bind(self, kind: type[T], *, service: str | None = None) -> T:
        """Return an instance of the application's class `kind`, each field from its key; see `binding.bind`."""
        from secretsync.config.binding.bind import bind

        return bind(self, kind, service=service)

    def origin(self, key: str) -> Origin:
        """Where the value of `key` came from: file, line, references, stores, versions. Raises MissingKeyError."""
        found = self.__scope.get(key)
        if found is None:
            raise self._missing(key)
        return found.origin

    def secret(self, key: str) -> Secret:
        """The value of `key` as a Secret, which hides itself until `reveal()`. Raises MissingKeyError."""
        found = self.__scope.get(key)
        if found is None:
            raise self._missing(key)
        return found.value

    # Typed getters

    @overload
    def get(self, key: str, default: None = None, *, service: str | None = None) -> str | None: ...
    @overload
    def get(self, key: str, default: T, *, service: str | None = None) -> str | T: ...
    def get(self, key: str, default: object = None, *, service: str | None = None) -> object:
        """The value of `key`, else the variable of the process environment, else `default`.

        `service`: look as that service sees it.
        """
        scope = self if service is None else self.service(service)
        if key in scope:
            return scope[key]
        return self.__state.environ.get(key, default)

    @overload
    def get_int(self, key: str, *, service: str | None = None) -> int: ...
    @overload
    def get_int(self, key: str, default: T, *, service: str | None = None) -> int | T: ...
    def get_int(self, key: str, default: object = _NO_DEFAULT, *, service: str | None = None) -> object:
        """A whole number, written in decimal digits. Raises ValueTypeError, or MissingKeyError without a default."""
        return self._typed(key, default, service, "int")

    @overload
    def get_float(self, key: str, *, service: str | None = None) -> float: ...
    @overload
    def get_float(self, key: str, default: T, *, service: str | None = None) -> float | T: ...
    def get_float(self, key: str, default: object = _NO_DEFAULT, *, service: str | None = None) -> object:
        """A decimal number. Raises ValueTypeError, or MissingKeyError without a default."""
        return self._typed(key, default, service, "float")

    @overload
    def get_bool(self, key: str, *, service: str | None = None) -> bool: ...
    @overload
    def get_bool(self, key: str, default: T, *, service: str | None = None) -> bool | T: ...
    def get_bool(self, key: str, default: object = _NO_DEFAULT, *, service: str | None = None) -> object:
        """True for true, 1, yes, on; False for false, 0, no, off, in any case.

        Raises ValueTypeError for everything else, or MissingKeyError without a default.
        """
        return self._typed(key, default, service, "bool")

    @overload
    def get_list(self, key: str, *, separator: str = ",", service: str | None = None) -> list[str]: ...
    @overload
    def get_list(self, key: str, default: T, *, separator: str = ",", service: str | None = None) -> list[str] | T: ...
    def get_list(
        self, key: str, default: object = _NO_DEFAULT, *, separator: str = ",", service: str | None = None
    ) -> object:
        """Return the items of a list, as texts.

        A value that begins with `[` is a JSON list of texts, numbers and booleans. Every other value is a list of
        items between separators, without white space at their edges. An empty value is an empty list.
        Raises ValueTypeError if an item is empty, or a JSON list is not valid or holds null, a list or an object;
        MissingKeyError without a default.
        """
        return self._typed(key, default, service, "list", separator)

    @overload
    def get_json(self, key: str, *, service: str | None = None) -> Any: ...
    @overload
    def get_json(self, key: str, default: T, *, service: str | None = None) -> Any | T: ...
    def get_json(self, key: str, default: object = _NO_DEFAULT, *, service: str | None = None) -> object:
        """Return what a JSON document contains: dict, list, str, int, float, bool or None.

        Raises ValueTypeError, also for NaN, infinities and a key that an object has twice; MissingKeyError without a
        default.
        """
        return self._typed(key, default, service, "json")

    @overload
    def get_path(self, key: str, *, service: str | None = None) -> Path: ...
    @overload
    def get_path(self, key: str, default: T, *, service: str | None = None) -> Path | T: ...
    def get_path(self, key: str, default: object = _NO_DEFAULT, *, service: str | None = None) -> object:
        """Return a path as written: a relative path stays relative, `~` is not replaced, and nothing is opened.

        Raises ValueTypeError if the value is empty, or MissingKeyError without a default.
        """
        return self._typed(key, default, service, "path")

    @overload
    def get_duration(self, key: str, *, service: str | None = None) -> timedelta: ...
    @overload
    def get_duration(self, key: str, default: T, *, service: str | None = None) -> timedelta | T: ...
    def get_duration(self, key: str, default: object = _NO_DEFAULT, *, service: str | None = None) -> object:
        """Return a length of time, written as in bindings: `500ms`, `30s`, `5m`, `12h`, `90d`, `26w` or ISO `P90D`.

        Raises ValueTypeError, or MissingKeyError without a default.
        """
        return self._typed(key, default, service, "duration")

    def _typed(self, key: str, default: object, service: str | None, kind: str, *options: str) -> object:
        """Return the converted value. The text is not a local variable, because this frame may be in a traceback."""
        scope = self if service is None else self.service(service)
        if key not in scope and key not in self.__state.environ:
            if default is not _NO_DEFAULT:
                return default
            raise scope._missing(key)  # noqa: SLF001 - another Config
        from secretsync.config.convert import BY_NAME, UNFIT, attempt, value_problem

        expected, convert = BY_NAME[kind]
        converted = attempt(convert, scope.get(key), *options)
        if converted is UNFIT:
            raise ValueTypeError([value_problem(scope, key, f"its value is not {expected}")])
        return converted

    # As a whole

    def require(self, keys: Mapping[str, str], *, service: str | None = None) -> None:
        """Check that each of `keys` has a value that is not empty; `keys` says what each is for.

        Raises ConfigurationError that lists all that are missing.
        """
        problems = [
            Problem(kind=ProblemKind.CONFIGURATION, key=key, cause="it is required and has no value", hint=description)
            for key, description in keys.items()
            if not self.get(key, service=service)
        ]
        if problems:
            raise ConfigurationError(problems)

    def resolved(self, services: Iterable[str] | None = None) -> dict[str, Resolved]:
        """The whole and the services (None: all selected) as one list, sorted by key, each with its origin.

        Raises ConfigurationError where two services give one key different values.
        """
        selected = self.services if services is None else tuple(dict.fromkeys(services))
        merged = dict(self.__state.shared)
        given_by: dict[str, str] = {}
        problems: list[Problem] = []
        for name in selected:
            if name not in self.__state.services:
                raise UsageError(self._no_service(name))
            for key in sorted(self.__state.service_keys[name]):
                found = self.__state.services[name][key]
                if key in given_by and merged[key].value != found.value:
                    problems.append(_conflict(key, merged[key], found, given_by[key], name))
                given_by[key], merged[key] = name, found
        if problems:
            raise ConfigurationError(problems)
        return dict(sorted(merged.items()))

    def beside(self) -> Mapping[str, Resolved]:
        """What was resolved beside the env files: a template's placeholders, by their text."""
        return self.__state.template_entries

    def as_environ(self, services: Iterable[str] | None = None) -> dict[str, str]:
        """The whole and the services (None: all selected) as one plain dict, for a child process.

        Raises ConfigurationError where two services give one key different values.
        """
        return {key: found.value.reveal() for key, found in self.resolved(services).items()}

    def refresh(self) -> Refreshed:
        """The same configuration asked of the stores again, and the keys that changed: another version, or value.

        Raises what `resolve_config` raises; this configuration stays as it is.
        """
        reload = self.__state.reload
        if reload is None:
            raise UsageError("this configuration was not made by resolve_config and cannot be refreshed")
        new = reload()
        return Refreshed(new, frozenset(self._differences(new)))

    def _differences(self, new: Config) -> Iterator[str]:
        scopes = [(self.__state.shared, new.__state.shared)]
        scopes += [(self.__state.services[name], new.__state.services.get(name, {})) for name in self.services]
        for before, after in scopes:
            for key in before.keys() | after.keys():
                one, other = before.get(key), after.get(key)
                if (
                    one is None
                    or other is None
                    or one.value != other.value
                    or one.origin.versions != other.origin.versions
                ):
                    yield key

    def logging_filter(self) -> logging.Filter:
        """A filter for handlers that masks every secret of this configuration in messages and tracebacks."""
        from secretsync.config.log_filter import SecretFilter

        return SecretFilter(self._secrets())

    def _secrets(self) -> Iterator[Secret]:
        for scope in (self.__state.shared, *self.__state.services.values()):
            for found in scope.values():
                if found.origin.is_secret:
                    yield found.value
                    yield from found.inserted

    def _missing(self, key: str) -> MissingKeyError:
        elsewhere = [name for name, scope in self.__state.services.items() if key in scope]
        if elsewhere and self._service is None:
            hint = f"the service {elsewhere[0]} has it: config.service({elsewhere[0]!r})"
        else:
            hint = suggestion(str(key), self.__scope, "the env files define no such key")
        where = f"the service {self._service}" if self._service else self.environment or "the files"
        cause = f"there is no such key in {where}"
        return MissingKeyError([Problem(kind=ProblemKind.MISSING, key=str(key), cause=cause, hint=hint)])

    def _no_service(self, name: str) -> str:
        if name in self.__state.known_services:
            return f"the service {name!r} was not selected; name it in services="
        known = self.__state.known_services
        return f"{unknown('service', name, known)}; {suggestion(name, known)}"


class Refreshed(NamedTuple):
    """What `Config.refresh` gives back."""

    config: Config
    changed: frozenset[str]


def new_config(reload: Callable[[], Config] | None = None, **state: Any) -> Config:
    """A configuration of this state; `reload` is what `refresh` calls."""
    shared = _State(**state)
    shared.reload = reload
    return Config(shared)


def _conflict(key: str, one: Resolved, other: Resolved, first: str, second: str) -> Problem:
    cause = f"the services {first} and {second} give it different values ({one.entry.file}:{one.entry.line})"
    return Problem(
        kind=ProblemKind.CONFIGURATION,
        key=key,
        file=other.entry.file,
        line=other.entry.line,
        cause=cause,
        hint="select one of them with --service, or rename one key",
    )
