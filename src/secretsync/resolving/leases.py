"""Collect the leases of a resolution, and pass them to the process that renews them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from secretsync.core.lease import Lease
from secretsync.core.model import Found, SecretRef
from secretsync.core.secret import Hidden
from secretsync.planning.plan import Plan
from secretsync.project.layout import Project
from secretsync.providers.interface import StoreContext
from secretsync.providers.leasing import LeasingProvider
from secretsync.providers.registry import load_provider
from secretsync.resolving.requests.open_stores import Stores

_FIELDS = ("name", "began", "lifetime", "is_renewable", "is_login", "is_own")


class StoreLeases(Hidden):
    """The login and the leases of one store, and all that a provider for this store needs."""

    __slots__ = ("environment", "leases", "login", "provider", "root", "settings", "store")

    def __init__(
        self,
        store: str,
        provider: str,
        project: Project | None = None,
        *,
        login: Lease | None,
        leases: Sequence[Lease],
        settings: Mapping[str, Any],
        environment: str = "",
        root: str = ".",
    ) -> None:
        """Keep all. `provider`: the name of its kind. `project`: None if `environment` and `root` are given."""
        self.store, self.provider, self.settings = store, provider, settings
        self.login, self.leases = login, tuple(leases)
        self.environment = environment if project is None else project.environment or ""
        self.root = root if project is None else project.root

    def open(self, environ: Mapping[str, str]) -> LeasingProvider:
        """Return a new provider that uses the login. Raises SecretSyncError."""
        context = StoreContext(
            store=self.store,
            environment=self.environment,
            settings=self.settings,
            environ=environ,
            root=self.root,
        )
        provider = cast("LeasingProvider", load_provider(self.provider)(context))
        if self.login is not None:
            provider.take_login(self.login)
        return provider


def held_leases(plan: Plan, stores: Stores, answers: Mapping[SecretRef, object]) -> tuple[StoreLeases, ...]:
    """Return the logins and the leases that `answers` depend on. A login of its own is left out if it has no lease."""
    leases: dict[str, dict[str, Lease]] = {}
    for ref, outcome in answers.items():
        if isinstance(outcome, Found) and (lease := outcome.value.lease) is not None:
            leases.setdefault(ref.store, {})[lease.reveal()] = lease
    found = []
    for name in dict.fromkeys(ref.store for ref in answers):
        if not stores[name].spec.has_leases:
            continue
        config = plan.stores[name]
        login = cast("LeasingProvider", stores[name]).login()
        held = tuple(leases.get(name, {}).values())
        if held or (login is not None and not login.is_own):
            found.append(
                StoreLeases(name, config.provider, plan.project, login=login, leases=held, settings=config.settings)
            )
    return tuple(found)


def pack(sets: Iterable[StoreLeases]) -> str:
    """Return the leases as one line of JSON, with their ids, for a pipe to another process of this run."""
    return json.dumps(
        [
            {
                **{name: getattr(one, name) for name in ("store", "provider", "environment", "root")},
                "settings": _plain(one.settings),
                "login": None if one.login is None else _packed(one.login),
                "leases": [_packed(lease) for lease in one.leases],
            }
            for one in sets
        ]
    )


def unpack(text: str | bytes) -> Iterator[StoreLeases]:
    """Yield what `pack` packed."""
    for one in json.loads(text):
        login = one.pop("login")
        leases = [_unpacked(lease) for lease in one.pop("leases")]
        yield StoreLeases(**one, login=None if login is None else _unpacked(login), leases=leases)


def _packed(lease: Lease) -> dict[str, object]:
    return {"text": lease.reveal(), **{name: getattr(lease, name) for name in _FIELDS}}


def _unpacked(packed: dict[str, Any]) -> Lease:
    return Lease(packed.pop("text"), **packed)


def _plain(settings: object) -> object:
    if isinstance(settings, Mapping):
        return {name: _plain(value) for name, value in settings.items()}
    return [_plain(value) for value in settings] if isinstance(settings, list | tuple) else settings
