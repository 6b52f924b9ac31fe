"""An audit that asks the stores knows how old secrets are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from secretsync.audit.collect import audit_plan
from secretsync.audit.report import AuditReport
from secretsync.core.secret import Environ
from secretsync.planning.request import ConfigRequest, load_plan
from secretsync.policy.findings import RuleFinding
from secretsync.policy.rules import Severity
from secretsync.resolving.stores import StoreAccess
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.projects import MakeProject, Project

DAY = timedelta(days=1)
SECURITY, BINDINGS = "env/production/security.env", "providers/production.toml"


def report(environ: Environ, made: Project, at: datetime, environment: str = "production") -> AuditReport:
    """Return the audit of a moment."""
    plan = load_plan(ConfigRequest(environment=environment, root=str(made.root)), environ)
    return audit_plan(plan, environ, at=at, access=StoreAccess(environ, timeout=HANG))


def of_ages(audited: AuditReport) -> dict[str, RuleFinding]:
    """Return the findings about ages, by rule."""
    return {one.rule: one for one in audited.findings if one.rule.startswith("rotation-")}


def test_ages_come_from_the_stores(vault: VaultSpace, project: MakeProject, canary: CanaryFactory) -> None:
    """Young, due and overdue, at the entry's line; the rules that found nothing are among those that passed."""
    mount = vault.kv2()
    vault.write(mount, "app", {"key": canary()})
    settings = f'[stores.vault]\naddress = "{vault.url}"\nauth = {{ method = "token" }}\n[rotation]\nmax_age = "90d"\n'
    made = project(
        {
            SECURITY: f"OTHER=1\nAPP_KEY=$<vault:{mount}/app#key>\n",
            BINDINGS: settings,
            "env/development/security.env": f"APP_KEY=$<vault:{mount}/app#key>\n",
            "providers/development.toml": settings,
        }
    )
    environ = Environ(vault.environ(vault.token(vault.policy(f"{mount}/*", capabilities=["read", "list"]))))
    now = datetime.now(UTC)
    young = report(environ, made, now)
    assert of_ages(young) == {}
    assert {"rotation-overdue", "rotation-expired", "rotation-due", "rotation-undated"} <= set(young.passed)
    assert (young.ages.secrets, young.ages.dated, young.ages.overdue) == (1, 1, 0)

    due = of_ages(report(environ, made, now + 80 * DAY))
    assert set(due) == {"rotation-due"}
    assert due["rotation-due"].severity is Severity.WARNING

    old = report(environ, made, now + 91 * DAY)
    (found,) = of_ages(old).values()
    assert (found.rule, found.key, found.file, found.line) == ("rotation-overdue", "APP_KEY", SECURITY, 2)
    assert f"vault:{mount}/app" in found.message
    assert (found.severity, int(old.exit_status()), old.ages.overdue) == (Severity.ERROR, 1, 1)

    lenient = of_ages(report(environ, made, now + 91 * DAY, "development"))
    assert lenient["rotation-overdue"].severity is Severity.WARNING


def test_stores_without_a_clock(project: MakeProject, canary: CanaryFactory) -> None:
    """Declared dates, ended exemptions and missing dates are found online too, once each."""
    stores = project({"old": canary(), "exempt": canary(), "undated": canary()})
    made = project(
        {
            SECURITY: "OLD=$<OLD>\nEXEMPT=$<EXEMPT>\nUNDATED=$<UNDATED>\n",
            BINDINGS: f"[stores.docker]\ndir = '{stores.root}'\n"
            "[secrets]\n"
            "OLD = { ref = 'docker:old', rotated = 2026-01-01 }\n"
            "EXEMPT = { ref = 'docker:exempt', max_age = 'never', reason = 'x', until = 2026-11-01, "
            "rotated = 2026-01-01 }\n"
            "UNDATED = 'docker:undated'\n",
        }
    )
    audited = report(Environ({}), made, datetime(2026, 11, 24, tzinfo=UTC))
    found = [(one.rule, one.key) for one in audited.findings if one.rule.startswith("rotation-")]
    assert sorted(found) == [
        ("rotation-expired", "EXEMPT"),
        ("rotation-overdue", "OLD"),
        ("rotation-undated", "UNDATED"),
    ]


@pytest.mark.parametrize("limit", ["999999999w", "999999999d", "P999999W"])
def test_a_limit_beyond_the_calendar(project: MakeProject, limit: str) -> None:
    """A secret with such a limit is not overdue."""
    binding = f"A = {{ ref = 'docker:a', rotated = 2026-01-01, max_age = '{limit}' }}\n"
    made = project({SECURITY: "A=$<A>\n", BINDINGS: f"[stores.docker]\ndir = 'none'\n[secrets]\n{binding}"})
    audited = made.cli("audit", "-e", "production", expect=0)
    assert "0 overdue" in audited.stdout


def test_who_may_not_see_ages_is_told_so(vault: VaultSpace, project: MakeProject, canary: CanaryFactory) -> None:
    """The right to values alone: no finding on ages, and the report says that they were not seen."""
    mount = vault.kv2()
    vault.write(mount, "app", {"key": canary()})
    made = project(
        {
            SECURITY: f"APP_KEY=$<vault:{mount}/app#key>\n",
            BINDINGS: f'[stores.vault]\naddress = "{vault.url}"\nkv_version = 2\nauth = {{ method = "token" }}\n',
        }
    )
    environ = Environ(vault.environ(vault.token(vault.policy(f"{mount}/data/*", capabilities=["read"]))))
    audited = report(environ, made, datetime.now(UTC) + 91 * DAY)
    assert of_ages(audited) == {}
    assert audited.problems == ()
    assert any("metadata" in line and "APP_KEY" in line for line in audited.not_checked)
    assert (audited.ages.secrets, audited.ages.dated) == (1, 0)
