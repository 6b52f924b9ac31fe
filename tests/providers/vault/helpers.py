"""Asking a Vault provider from a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsync.core.model import Failed, Found, Missing, SecretInfo, SecretRef, Selector
from secretsync.core.secret import Payload, Secret
from secretsync.providers.interface import Deadline, StoreContext
from secretsync.providers.vault.provider import VaultProvider
from secretsync.resolving.extract import select
from tests.support.limits import HANG


def make_provider(environ: Mapping[str, str], *, root: str = ".", **settings: Any) -> VaultProvider:
    """Return a provider for the store `vault`."""
    context = StoreContext(store="vault", environment="test", settings=settings, environ=environ, root=root)
    return VaultProvider(context)


def fetch(
    provider: VaultProvider, path: str, version: str | None = None, *, seconds: float = HANG
) -> Found[Payload] | Missing | Failed:
    """Return what the provider answers for one secret."""
    ref = SecretRef("vault", path, version)
    return dict(provider.fetch((ref,), Deadline(seconds)))[ref]


def fetch_all(provider: VaultProvider, *paths: str, seconds: float = HANG) -> list[Found[Payload] | Missing | Failed]:
    """Return what it answers for several, in their order."""
    refs = [SecretRef("vault", path) for path in paths]
    answers = dict(provider.fetch(refs, Deadline(seconds)))
    return [answers[ref] for ref in refs]


def describe(
    provider: VaultProvider, path: str, version: str | None = None, *, seconds: float = HANG
) -> Found[SecretInfo] | Missing | Failed:
    """Return what it knows about one secret."""
    ref = SecretRef("vault", path, version)
    return dict(provider.describe((ref,), Deadline(seconds)))[ref]


def known(outcome: Found[SecretInfo] | Missing | Failed) -> SecretInfo:
    """Return the metadata of a secret that was found."""
    assert isinstance(outcome, Found), f"{outcome}"
    return outcome.value


def field(outcome: Found[Payload] | Missing | Failed, name: str) -> str:
    """Return a field of a secret that was found."""
    assert isinstance(outcome, Found), f"{outcome}"
    chosen = select(outcome.value, Selector(field=name))
    assert isinstance(chosen, Secret), f"{chosen}"
    return chosen.reveal()


def failed(outcome: object) -> Failed:
    """Return the failure that an outcome is."""
    assert isinstance(outcome, Failed), f"{outcome}"
    return outcome
