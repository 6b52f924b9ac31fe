"""The public names for authors of providers. Each name is imported on first use."""

from __future__ import annotations

TYPE_CHECKING = False  # without importing typing
if TYPE_CHECKING:
    from typing import Any

    from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, ResolutionError
    from secretsync.core.model import Clock, Failed, Found, Missing, SecretInfo, SecretOutline, SecretRef
    from secretsync.core.secret import Payload
    from secretsync.providers.aws.provider import AwsProvider
    from secretsync.providers.azure.provider import AzureProvider
    from secretsync.providers.interface import (
        Answer,
        Deadline,
        Identity,
        Information,
        Outline,
        OutlineProvider,
        Provider,
        ProviderSpec,
        RequestCounter,
        Setting,
        SettingType,
        StoreContext,
    )
    from secretsync.providers.ssm.provider import SsmProvider
    from secretsync.providers.threads import run_in_threads
    from secretsync.providers.vault.provider import VaultProvider
    from secretsync.providers.writing import Change, WritableProvider, Written

__all__ = [
    "Answer",
    "AwsProvider",
    "AzureProvider",
    "Change",
    "Clock",
    "ConfigurationError",
    "Deadline",
    "Failed",
    "Found",
    "Identity",
    "Information",
    "Missing",
    "Outline",
    "OutlineProvider",
    "Payload",
    "Problem",
    "ProblemKind",
    "Provider",
    "ProviderSpec",
    "RequestCounter",
    "ResolutionError",
    "SecretInfo",
    "SecretOutline",
    "SecretRef",
    "Setting",
    "SettingType",
    "SsmProvider",
    "StoreContext",
    "VaultProvider",
    "WritableProvider",
    "Written",
    "run_in_threads",
]

# The modules of the names that are not in providers.interface.
_HOMES = {
    **dict.fromkeys(("ConfigurationError", "Problem", "ProblemKind", "ResolutionError"), "core.errors"),
    **dict.fromkeys(("Clock", "Failed", "Found", "Missing", "SecretInfo", "SecretOutline", "SecretRef"), "core.model"),
    **dict.fromkeys(("Change", "WritableProvider", "Written"), "providers.writing"),
    "AwsProvider": "providers.aws.provider",
    "AzureProvider": "providers.azure.provider",
    "Payload": "core.secret",
    "SsmProvider": "providers.ssm.provider",
    "VaultProvider": "providers.vault.provider",
    "run_in_threads": "providers.threads",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        message = f"module 'secretsync.providers' has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    value = getattr(import_module(f"secretsync.{_HOMES.get(name, 'providers.interface')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
