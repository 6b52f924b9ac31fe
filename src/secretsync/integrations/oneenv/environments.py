"""Fill OneEnv's named environments with resolved values."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from secretsync.api import resolve_config
from secretsync.config.config import Config
from secretsync.core.errors import UsageError
from secretsync.core.secret import MASK, Environ
from secretsync.project.layout import SECURITY, find_root, is_security_file
from secretsync.resolving.pipeline import log_warning

if TYPE_CHECKING:
    from secretsync.config.log_masking import LogMasking
    from secretsync.providers.interface import Provider

_PLACEHOLDER = re.compile(r"(?<!\$)(?:\$\$)*\$<")  # a pair of $ is the text $


def load(
    environment: str | None = None,
    *,
    root: str | os.PathLike[str] | None = None,
    services: Iterable[str] | None = None,
    timeout: float | None = None,
    stores: Mapping[str, Provider] | None = None,
    mask_logs: bool = True,
) -> Config:
    """Resolve `environment` and fill OneEnv with it; return the configuration.

    `oneenv.env()` gets the shared configuration (security.env over common.env), `oneenv.env("security")` the entries of
    security.env, and `oneenv.env("database")` those of database.env. Values of an earlier call are removed.
    `load_dotenv` of a file in the project's `env/` keeps the resolved values from then on.

    mask_logs: True if every secret of the configuration is masked in the log records of this process.
    The other arguments are as in `resolve_config`.

    Raises UsageError if OneEnv is older than 0.4.0, and what `resolve_config` raises.
    """
    import oneenv  # type: ignore[import-untyped]

    if not hasattr(oneenv, "env") or not hasattr(oneenv, "NamedEnvironment"):
        raise UsageError("oneenv: this version does not have named environments; install oneenv 0.4.0 or newer")
    config = resolve_config(environment, root=root, services=services, timeout=timeout, stores=stores)
    state = _guard(oneenv.NamedEnvironment)
    if mask_logs:
        state.mask(config)
    state.clear()
    for name, values in _values_of(config).items():
        state.fill(oneenv.env(name), values)
    state.environment, state.folders = config.environment, _env_folders(root)
    state.names = ("common", SECURITY, *config.services)
    return config


def _values_of(config: Config) -> dict[str | None, dict[str, str]]:
    """Return the values of each named environment of OneEnv; None is the name of the common one."""
    found: dict[str | None, dict[str, str]] = {None: dict(config)}
    found[SECURITY] = {key: config[key] for key in config if is_security_file(config.origin(key).file)}
    for name in config.services:
        scope = config.service(name)
        found[name] = {key: scope[key] for key in scope if scope.origin(key).service == name}
    return found


def _env_folders(root: str | os.PathLike[str] | None) -> frozenset[str]:
    """Return the path of the folder `env/`, with and without links; nothing if this process does not have the files."""
    try:
        folder = find_root(None if root is None else os.fspath(root), Environ(os.environ))
    except UsageError:  # the values are those that `run` handed over
        return frozenset()
    path = os.path.join(folder, "env")
    return frozenset({os.path.abspath(path), os.path.realpath(path)})


class _Values(dict[str, str]):
    """Values of one named environment. OneEnv keeps them in an attribute, whose `repr` error reporters show."""

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self, MASK))


class _State:
    """The result of the last `load`, for the calls of `load_dotenv` that follow."""

    def __init__(self) -> None:
        self.environment: str | None = None
        self.folders: frozenset[str] = frozenset()  # env/
        self.names: tuple[str, ...] = ()  # of the env files that were resolved, without .env
        self._maskings: list[LogMasking] = []
        self._filled: list[tuple[Any, frozenset[str]]] = []

    def mask(self, config: Config) -> None:
        """Mask the secrets of `config` and of the configuration before it in log records."""
        self._maskings.append(config.install_log_masking())
        for masking in self._maskings[:-2]:
            masking.uninstall()
        del self._maskings[:-2]

    def fill(self, named: Any, values: Mapping[str, str]) -> None:
        """Put `values` into a named environment."""
        present = getattr(named, "_env_vars", None)
        if not isinstance(present, dict):
            raise UsageError("oneenv: this version keeps its values in another place; install oneenv 0.4.0")
        named._env_vars = _Values({**present, **values})  # noqa: SLF001 - OneEnv can only be filled from files
        self._filled.append((named, frozenset(values)))

    def clear(self) -> None:
        """Remove the values of the last `load`."""
        for named, keys in self._filled:
            named._env_vars = _Values(  # noqa: SLF001
                {key: value for key, value in named._env_vars.items() if key not in keys}  # noqa: SLF001
            )
        self._filled.clear()

    def place(self, path: str) -> str | None:
        """Return the place of a file in the project's `env/`, such as `production/common.env`; None for other files.

        Raises UsageError if the file is of another environment than the loaded one, because the program would then
        mix two environments.
        """
        for real in (os.path.abspath(path), os.path.realpath(path)):
            for folder in self.folders:
                if real.startswith(folder + os.sep):
                    place = real[len(folder) + 1 :]
                    self._check(place)
                    return place
        return None

    def _check(self, place: str) -> None:
        name = place.split(os.sep, maxsplit=1)[0]
        if name != self.environment:
            raise UsageError(
                f"{os.path.join('env', place)}: the loaded environment is {self.environment}; "
                f"set the variable ENVIRONMENT to {self.environment}, or load {name}"
            )

    def has(self, place: str) -> bool:
        """Return True if the values of a file in `env/` are in the named environments; otherwise log a warning."""
        is_resolved = os.path.basename(place).removesuffix(".env") in self.names
        if not is_resolved:
            log_warning(f"{os.path.join('env', place)}: it was not read, because load() did not select this service")
        return is_resolved


def _guard(kind: Any) -> _State:
    """Return the state of the guard in front of `kind.load_dotenv`; put the guard there first if it is not there."""
    state: _State | None = getattr(kind.load_dotenv, "secretsync_state", None)
    if state is None:
        state = _State()
        kind.load_dotenv = _guarded(kind.load_dotenv, state)
    return state


def _guarded(original: Callable[..., bool], state: _State) -> Callable[..., bool]:
    @functools.wraps(original)
    def load_dotenv(self: Any, dotenv_path: Any = None, *args: Any, **options: Any) -> bool:
        """Read a file into this environment, unless SecretSync has resolved it."""
        if dotenv_path is None:
            return original(self, dotenv_path, *args, **options)
        if (place := state.place(os.fspath(dotenv_path))) is not None:
            return os.path.exists(dotenv_path) and state.has(place)
        before = dict(self._env_vars)
        is_read = original(self, dotenv_path, *args, **options)
        _drop_placeholders(self, before, os.fspath(dotenv_path))
        return is_read

    load_dotenv.secretsync_state = state  # type: ignore[attr-defined]
    return load_dotenv


def _drop_placeholders(named: Any, before: Mapping[str, Any], path: str) -> None:
    """Put earlier values back in place of placeholders that were read as text."""
    after = named._env_vars  # noqa: SLF001
    keys = [key for key, value in after.items() if _PLACEHOLDER.search(value or "") and before.get(key) != value]
    for key in keys:
        if key in before:
            after[key] = before[key]
        else:
            del after[key]
    named._env_vars = _Values(after)  # noqa: SLF001
    if keys:
        log_warning(
            f"{path}: OneEnv does not resolve the placeholders of {', '.join(keys)}, so these keys were not read; "
            "put the file into env/, and load its environment"
        )
