"""The fields of a secret of Vault and the right to read it, asked for without its value."""

from __future__ import annotations

from secretsync.core.model import Found, SecretOutline, SecretRef
from secretsync.providers.interface import Deadline
from secretsync.providers.vault.provider import VaultProvider
from tests.providers.vault.helpers import make_provider
from tests.servers.openbao import VaultSpace
from tests.servers.postgresql import PostgreSql
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG


def outline(provider: VaultProvider, path: str, version: str | None = None) -> SecretOutline:
    """Return the outline of one secret."""
    ref = SecretRef("vault", path, version)
    outcome = dict(provider.outline((ref,), Deadline(HANG)))[ref]
    assert isinstance(outcome, Found), f"{outcome}"
    return outcome.value


def test_the_fields_of_a_version(vault: VaultSpace, canary: CanaryFactory) -> None:
    """The names of the fields come for the version that a reference means, without a request for the value."""
    mount = vault.kv2()
    vault.write(mount, "app", {"old": canary()})
    vault.write(mount, "app", {"password": canary(), "db": {"port": 5432, "hosts": ["a", "b"]}})
    rights = vault.policy(f"{mount}/subkeys/*", f"{mount}/data/*")
    provider = make_provider(vault.environ(vault.token(rights)))
    found = outline(provider, f"{mount}/app")
    assert found.fields == {"password": None, "db": {"port": None, "hosts": None}}
    assert found.is_readable is True
    assert outline(provider, f"{mount}/app", "1").fields == {"old": None}
    assert not [path for _, path in vault.audit() if "/data/" in path]


def test_a_token_without_the_rights(vault: VaultSpace, canary: CanaryFactory) -> None:
    """A token that may read metadata alone gets an unknown outline, and no failure."""
    mount = vault.kv2()
    vault.write(mount, "app", {"password": canary()})
    provider = make_provider(vault.environ(vault.token(vault.policy(f"{mount}/metadata/*"))))
    assert outline(provider, f"{mount}/app") == SecretOutline(fields=None, is_readable=False)


def test_other_engines(vault: VaultSpace, postgresql: PostgreSql, canary: CanaryFactory) -> None:
    """KV v1 and leased credentials have no structure without a value, and a right that is known."""
    mount, roles = vault.kv1(), vault.database(postgresql)
    vault.write1(mount, "app", {"password": canary()})
    provider = make_provider(vault.environ(vault.token(vault.policy(f"{mount}/app", roles.creds))))
    for path in (f"{mount}/app", roles.creds):
        assert outline(provider, path) == SecretOutline(fields=None, is_readable=True)
    assert not [path for _, path in vault.audit() if path in (f"{mount}/app", roles.creds)]
