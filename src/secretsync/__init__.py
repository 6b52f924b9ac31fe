"""SecretSync: configuration that is safe to commit, resolved from the stores that hold its secrets."""

from __future__ import annotations

TYPE_CHECKING = False  # without importing typing: `import secretsync` imports nothing
if TYPE_CHECKING:
    from typing import Any

    from secretsync.api import check_rotation, resolve_config
    from secretsync.appconfig import AppConfig
    from secretsync.config.binding.fields import Key
    from secretsync.config.config import Config
    from secretsync.config.refreshed import Refreshed
    from secretsync.core import __version__
    from secretsync.core.errors import (
        ConfigurationError,
        MissingKeyError,
        OutputError,
        Problem,
        ProblemKind,
        ResolutionError,
        SecretSyncError,
        UsageError,
        ValidationError,
        ValueTypeError,
    )
    from secretsync.core.model import Origin
    from secretsync.core.secret import Secret
    from secretsync.refreshing.live import Live, live
    from secretsync.resolving.requests.kept_stores import close_stores
    from secretsync.rotation.age_rules import State
    from secretsync.rotation.report import AgeFinding, RotationReport, SecretAge

__all__ = [
    "AgeFinding",
    "AppConfig",
    "Config",
    "ConfigurationError",
    "Key",
    "Live",
    "MissingKeyError",
    "Origin",
    "OutputError",
    "Problem",
    "ProblemKind",
    "Refreshed",
    "ResolutionError",
    "RotationReport",
    "Secret",
    "SecretAge",
    "SecretSyncError",
    "State",
    "UsageError",
    "ValidationError",
    "ValueTypeError",
    "__version__",
    "check_rotation",
    "close_stores",
    "live",
    "resolve_config",
]

# Where each public name lives. They are imported on first use: the commands pay only for what they need.
_HOMES = {
    "__version__": "core",
    "AppConfig": "appconfig",
    "Config": "config.config",
    "AgeFinding": "rotation.report",
    "Key": "config.binding.fields",
    "Live": "refreshing.live",
    "Origin": "core.model",
    "Refreshed": "config.refreshed",
    "RotationReport": "rotation.report",
    "Secret": "core.secret",
    "SecretAge": "rotation.report",
    "State": "rotation.report",
    "check_rotation": "api",
    "close_stores": "resolving.requests.kept_stores",
    "live": "refreshing.live",
    "resolve_config": "api",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        message = f"module 'secretsync' has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    try:
        import posix  # noqa: F401 - already imported, except on Windows, which does not have the module

        value = getattr(import_module(f"secretsync.{_HOMES.get(name, 'core.errors')}"), name)
    except ModuleNotFoundError as error:
        from secretsync.core.system.platforms import refusal

        text = refusal(error.name)
        if text is None:
            raise
        message = f"secretsync: {text}"
        raise ImportError(message, name=error.name) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
