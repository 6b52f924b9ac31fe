"""An audit that asks the stores knows which values end while the application uses them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from secretsync.audit.report import AuditReport
from secretsync.core.model import Found, SecretRef
from secretsync.core.secret import Environ, Payload
from secretsync.policy.rules import Severity
from secretsync.resolving.stores import Answers
from tests.audit.test_online_ages import report
from tests.servers.openbao import VaultSpace
from tests.servers.postgresql import PostgreSql
from tests.support.projects import MakeProject


def audited(vault: VaultSpace, project: MakeProject, path: str, token: str) -> AuditReport:
    """Return the audit of a project whose second entry refers to `path`."""
    entries = f'A=1\nDB_USER="$<vault:{path}#username>"\nDB_PASSWORD="$<vault:{path}#password>"\n'
    made = project({"env/production/security.env": entries})
    return report(Environ(vault.environ(token)), made, datetime.now(UTC))


@pytest.mark.parametrize(("ttl", "end"), [("2h", "its lease after 60 minutes"), ("50m", "the login token after ")])
def test_leases(vault: VaultSpace, postgresql: PostgreSql, project: MakeProject, ttl: str, end: str) -> None:
    """A leased secret is one finding, at its first entry; it ends with its lease, or before that with the login."""
    roles = vault.database(postgresql)
    token = vault.token(vault.policy(roles.creds), ttl=ttl)
    [found] = [one for one in audited(vault, project, roles.creds, token).findings if one.rule == "lease-ends"]
    assert found.message.startswith(f"vault:{roles.creds} ends with {end}")
    assert (found.severity, found.key, found.line) == (Severity.WARNING, "DB_USER", 2)


def test_static_roles_are_not_leased(vault: VaultSpace, postgresql: PostgreSql, project: MakeProject) -> None:
    """The password of a static role does not end with a lease: the rule passes."""
    roles = vault.database(postgresql)
    token = vault.token(vault.policy(roles.static_creds), ttl="50m")
    assert "lease-ends" in audited(vault, project, roles.static_creds, token).passed


def test_the_shortest_is_first() -> None:
    """Leased values are sorted by their ends; values that do not end are left out."""
    lives = {"a": 60.0, "b": None, "c": 6.0, "d": 6.0}
    outcomes = {SecretRef("v", name): Found(Payload("x", lifetime=life)) for name, life in lives.items()}
    assert [(life, ref.path) for life, ref, _ in Answers(outcomes).leased()] == [(6.0, "c"), (6.0, "d"), (60.0, "a")]
