"""The configuration that an application holds: an immutable mapping that shows no secret of itself."""

from __future__ import annotations

from secretsync.config.typed_getters import TypedGetters
from secretsync.core.errors import ConfigurationError, MissingKeyError, Problem, UsageError
from secretsync.core.frames import methods_hide_variables
from secretsync.core.light import TypeVar
from secretsync.core.model import Origin, Resolved
from secretsync.core.secret import Hidden, Secret
from secretsync.core.text import count_of, suggestion, unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from secretsync.config.log_integrations import LoguruPatcher, SentryHook, StructlogProcessor
    from secretsync.config.log_masking import LogMasking
    from secretsync.config.masking.masker import Masker
    from secretsync.config.refreshed import Refreshed

T = TypeVar("T")


class _State(Hidden):
    """The state that all scopes of one configuration share."""

    __slots__ = (
        "environ",
        "environment",
        "is_strict",
        "known_services",
        "maskers",
        "other_secrets",
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
        # Shared with the configurations that `refresh` returns, so that the values of all of them stay masked.
        self.maskers: list[Callable[[], Masker | None]] = []
        self.other_secrets: dict[Secret, None] = {}


@methods_hide_variables
class Config(TypedGetters):
    """A resolved configuration: `config["KEY"]` is the value, as text.

    The mapping (`[]`, `in`, iteration, `len`) knows what the env files define and nothing else. `get` and the typed
    getters fall back to the process environment. It cannot be changed, pickled or printed with its secrets, and is no
    instance of `collections.abc.Mapping`: test runners and error reporters show each value of those.
    """

    __slots__ = ("__scope", "__state", "_service")

    def __init__(self, state: _State, service: str | None = None) -> None:
        """Keep the state. Internal: `resolve_config` and `service()` return configurations."""
        self.__state = state
        self.__scope = state.shared if service is None else state.services[service]
        self._service = service

    # The mapping

    def __getitem__(self, key: str) -> str:
        """Return the value of `key`. Raises MissingKeyError, a KeyError that names the nearest keys."""
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
        # Each slot is set once, in __init__.
        if hasattr(self, name):
            message = "a Config cannot be changed; resolve_config gives a new one"
            raise AttributeError(message)
        object.__setattr__(self, name, value)

    if not TYPE_CHECKING:  # Otherwise a type checker would accept every attribute.

        def __getattr__(self, name: str) -> Any:
            # Called only for names that the class does not have. A slot may be missing while __init__ runs.
            message = f"a Config has no attribute {name!r}"
            if not name.startswith("_") and name in self.__scope:
                message = f'a Config has no attributes for keys; write config["{name}"]'
            raise AttributeError(message)

    def __delattr__(self, name: str) -> None:
        message = "a Config cannot be changed; resolve_config gives a new one"
        raise AttributeError(message)

    # Scopes and origins

    @property
    def environment(self) -> str | None:
        """Return the environment's name, or None if the files were named one by one."""
        return self.__state.environment

    @property
    def is_strict(self) -> bool:
        """Return True if this environment is strict."""
        return self.__state.is_strict

    @property
    def services(self) -> tuple[str, ...]:
        """Return the selected services."""
        return tuple(self.__state.services)

    def service(self, name: str) -> Config:
        """Return the mapping of one service: its own file over the shared configuration.

        Raises UsageError if there is no such service, or it was not selected.
        """
        if not isinstance(name, str):
            raise UsageError(f"service: its name is of type {type(name).__name__}; give a string")
        if name not in self.__state.services:
            raise UsageError(self._no_service(name))
        return Config(self.__state, name)

    def inherited(self, key: str) -> str | None:
        """Return the variable `key` of the process environment, whatever the env files define, or None."""
        if not isinstance(key, str):
            raise UsageError(f"key: it is of type {type(key).__name__}; give a string")
        return self.__state.environ.get(key)

    def bind(self, kind: type[T], *, service: str | None = None) -> T:
        """Return an instance of the application's class `kind`, each field from its key; see `binding.bind`."""
        from secretsync.config.binding.bind import bind

        return bind(self, kind, service=service)

    def origin(self, key: str) -> Origin:
        """Return the origin of the value of `key`: file, line, references, stores, versions. Raises MissingKeyError."""
        found = self.__scope.get(key)
        if found is None:
            raise self._missing(key)
        return found.origin

    def secret(self, key: str) -> Secret:
        """Return the value of `key` as a Secret, which hides it until `reveal()`. Raises MissingKeyError."""
        found = self.__scope.get(key)
        if found is None:
            raise self._missing(key)
        return found.value

    # As a whole

    def require(self, keys: Mapping[str, str], *, service: str | None = None) -> None:
        """Check that each of `keys` has a value that is not empty; `keys` says what each is for.

        Raises ConfigurationError that lists all that are missing.
        """
        if not hasattr(keys, "items"):
            raise UsageError(
                f"keys: it is of type {type(keys).__name__}; give a dict from each key to its purpose: "
                '{"SECRET_KEY": "signs sessions"}'
            )
        missing = {key: description for key, description in keys.items() if not self.get(key, service=service)}
        if missing:
            cause = "it is required and has no value"
            raise ConfigurationError([_problem(cause, key=key, hint=hint) for key, hint in missing.items()])

    def resolved(self, services: Iterable[str] | None = None) -> dict[str, Resolved]:
        """Return the shared entries and those of the services (None: all selected) as one dict, sorted by key.

        Raises ConfigurationError if two services give one key different values.
        """
        if isinstance(services, str) or not (services is None or hasattr(services, "__iter__")):
            raise UsageError(f"services: it is of type {type(services).__name__}; give a list of strings")
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
        return {key: merged[key] for key in sorted(merged)}

    def overridden(self) -> list[Resolved]:
        """Return the entries of a scope that `resolved` does not have, because the file of a service has their key."""
        merged = {(found.entry.file, key) for key, found in self.resolved().items()}
        scopes = [self.__state.shared]
        scopes += [
            {key: scope[key] for key in self.__state.service_keys[name]}
            for name, scope in self.__state.services.items()
        ]
        found = {(one.entry.file, key): one for scope in scopes for key, one in scope.items()}
        return [found[entry] for entry in sorted(found.keys() - merged)]

    def beside(self) -> Mapping[str, Resolved]:
        """Return the values that are not of env files: the placeholders of a template, by their text."""
        return self.__state.template_entries

    def as_environ(self, services: Iterable[str] | None = None) -> dict[str, str]:
        """Return the shared values and those of the services (None: all selected) as one dict, for a child process.

        Raises ConfigurationError if two services give one key different values.
        """
        return {key: found.value.reveal() for key, found in self.resolved(services).items()}

    def refresh(self) -> Refreshed:
        """Resolve the configuration again; return it with the keys whose version or value changed.

        Raises what `resolve_config` raises; this configuration stays as it is.
        """
        reload = self.__state.reload
        if reload is None:
            raise UsageError("this configuration was not made by resolve_config and cannot be refreshed")
        new = reload()
        self._share_secrets(new)
        from secretsync.config.refreshed import Refreshed

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
        """Return a filter for one handler that masks every secret of this configuration in log records."""
        from secretsync.config.log_filter import SecretFilter

        return SecretFilter(self.masker())

    def install_log_masking(self) -> LogMasking:
        """Mask every secret of this configuration on all handlers of this process, present and later ones.

        The result has `uninstall()`, and is a context manager.
        """
        from secretsync.config.log_masking import LogMasking

        return LogMasking(self.masker())

    def structlog_processor(self) -> StructlogProcessor:
        """Return a processor for structlog; put it in front of the renderer."""
        from secretsync.config.log_integrations import StructlogProcessor

        return StructlogProcessor(self.masker())

    def loguru_patcher(self) -> LoguruPatcher:
        """Return the argument for `loguru.logger.configure(patcher=...)`."""
        from secretsync.config.log_integrations import LoguruPatcher

        return LoguruPatcher(self.masker())

    def sentry_before_send(self) -> SentryHook:
        """Return the argument `before_send` of `sentry_sdk.init`. It fits the other `before_` arguments too."""
        from secretsync.config.log_integrations import SentryHook

        return SentryHook(self.masker())

    def masker(self) -> Masker:
        """Return an object whose `text` and `value` mask every secret of this configuration.

        After a `refresh` it masks the values before and after.
        """
        import weakref

        from secretsync.config.masking.masker import Masker

        masker = Masker()
        # First listed and then filled, so that a refresh in another thread cannot be missed.
        self.__state.maskers.append(weakref.ref(masker, self.__state.maskers.remove))
        masker.add(self._secrets())
        masker.add(list(self.__state.other_secrets))
        return masker

    def _share_secrets(self, new: Config) -> None:
        """Let the maskers of this configuration mask the secrets of `new` too, and the other way round."""
        state = self.__state
        new.__state.maskers, new.__state.other_secrets = state.maskers, state.other_secrets
        added = [secret for secret in new._secrets() if secret not in state.other_secrets]
        state.other_secrets.update(dict.fromkeys((*self._secrets(), *added)))
        for reference in list(state.maskers):
            if (masker := reference()) is not None:
                masker.add(added)

    def _secrets(self) -> Iterator[Secret]:
        for scope in (self.__state.shared, *self.__state.services.values()):
            for found in scope.values():
                if found.is_secret:
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
        return MissingKeyError([_problem(cause, kind="missing", key=str(key), hint=hint)])

    def _no_service(self, name: str) -> str:
        if name in self.__state.known_services:
            return f"the service {name!r} was not selected; name it in services="
        known = self.__state.known_services
        return f"{unknown('service', name, known)}; {suggestion(name, known)}"


def new_config(reload: Callable[[], Config] | None = None, **state: Any) -> Config:
    """Return a configuration with this state. `reload`: called by `refresh`."""
    shared = _State(**state)
    shared.reload = reload
    return Config(shared)


def _conflict(key: str, one: Resolved, other: Resolved, first: str, second: str) -> Problem:
    cause = f"the services {first} and {second} give it different values ({one.entry.file}:{one.entry.line})"
    return _problem(
        cause,
        key=key,
        file=other.entry.file,
        line=other.entry.line,
        hint="select one of them with --service, or rename one key",
    )


def _problem(cause: str, kind: str = "configuration", **place: Any) -> Problem:
    from secretsync.core.problems.kinds import ProblemKind  # Imported only for a problem.

    return Problem(kind=ProblemKind(kind), cause=cause, **place)
