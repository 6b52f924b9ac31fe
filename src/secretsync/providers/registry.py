"""Find a provider by its name, first in the built-in table, then in entry points. Import it on first use."""

from __future__ import annotations

import os
import threading

from secretsync.core.errors import ConfigurationError
from secretsync.core.light import cast
from secretsync.core.text import suggestion, unknown
from secretsync.providers.interface import Provider, ProviderSpec, ProviderType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "secretsync.providers"

# The built-in providers, as module:class.
BUILT_IN = {
    "aws": "secretsync.providers.aws.provider:AwsProvider",
    "azure": "secretsync.providers.azure.provider:AzureProvider",
    "docker": "secretsync.providers.docker:DockerProvider",
    "env": "secretsync.providers.env:EnvProvider",
    "ssm": "secretsync.providers.ssm.provider:SsmProvider",
    "vault": "secretsync.providers.vault.provider:VaultProvider",
}

_importing: dict[int, threading.Lock] = {}  # by process: a fork copies a lock that is held


def provider_names() -> tuple[str, ...]:
    """Return the names of all providers, built-in and installed."""
    return tuple(sorted({*BUILT_IN, *plug_ins()}))


def plug_ins() -> dict[str, EntryPoint]:
    """Return the entry points of providers in other distributions, by name, without built-in names."""
    from importlib.metadata import entry_points

    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value)):
        if point.name not in BUILT_IN:
            found.setdefault(point.name, point)
    return found


def load_provider(name: str) -> ProviderType:
    """Return the class of the provider called `name`. Its SDK is not imported.

    Raises ConfigurationError if there is no such provider, or if a plug-in cannot be imported.
    """
    if target := BUILT_IN.get(name):
        from secretsync.core.light import import_module

        module, _, attribute = target.partition(":")
        return cast("ProviderType", getattr(import_module(module), attribute))
    points = plug_ins()
    if name not in points:
        known = {*BUILT_IN, *points}
        hint = suggestion(name, known, "`secretsync providers` lists those that are installed")
        raise ConfigurationError(f"{unknown('provider called', name, known)}; {hint}")
    failure, loaded = None, None
    try:
        loaded = points[name].load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plug-in may raise anything while it is imported, SystemExit too
        failure = f"cannot be imported: {type(error).__name__}; reinstall its package"
    else:
        if not isinstance(getattr(loaded, "spec", None), ProviderSpec):
            failure = "is no provider: it has no `spec`; report it to who made its package"
    if failure is not None:
        raise ConfigurationError(f"the provider {name!r} ({points[name].value}) {failure}")
    return cast("ProviderType", loaded)


def missing_modules(provider: ProviderType) -> tuple[str, ...]:
    """Return the modules of the provider's SDK that are not installed."""
    return tuple(module for module in provider.spec.modules if not is_installed(module))


def import_sdk(provider: Provider) -> None:
    """Import the SDK of a provider."""
    import_modules(provider.spec.modules)


def import_modules(modules: tuple[str, ...]) -> None:
    """Import modules of an SDK. Only one thread imports at a time.

    Otherwise all SDKs would be ready at the same late time, and no store could be asked while the next SDK is imported.
    In addition, requests hides a warning of urllib3 with a switch of the whole process, and a parallel import may
    reset that switch.
    """
    if modules:
        from secretsync.core.light import import_module

        with _importing.setdefault(os.getpid(), threading.Lock()):
            for module in modules:
                import_module(module)


def is_installed(module: str) -> bool:
    """Return True if a module can be imported. It is not imported."""
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
