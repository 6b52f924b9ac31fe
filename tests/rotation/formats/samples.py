"""Reports for the tests of the formats: every state, and names that try to break out of each format."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Clock
from secretsync.core.reporting.terminal import Look
from secretsync.project.bindings import Limit
from secretsync.rotation.age_rules import State
from secretsync.rotation.formats.document import Document
from secretsync.rotation.report import AgeFinding, Key, RotationReport, SecretAge

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
DAY = 86400

# What a name may try: to end an element, a cell, a line, a command, a string, or to turn the text around.
HOSTILE = (
    "<script>alert(1)</script>",
    "</title></style><img src=x onerror=alert(1)>",
    "a|b",
    "a\nb",
    "a\r\n::error::b",
    "\x1b[31mred\x1b]0;title\x07",
    "::stop-commands::x",
    "100%0Aline,title=x:y",
    'it\'s "quoted"',
    'x",state="ok"} 1\nsecretsync_secrets{environment="',
    "back\\slash\\n\\",
    "]]>&amp;<!--",
    "\u202eevil\u2028\u2029\u0085",
    "nul\x00",
    "\udcff no UTF-8",
    "\ufffe\uffff",
    " edge ",
    "🔑é",
)

KINDS = {State.MISSING: ProblemKind.MISSING, State.DENIED: ProblemKind.DENIED, State.ERROR: ProblemKind.UNAVAILABLE}
QUIET = (State.OK, State.DYNAMIC, State.EXEMPT)
DATED = (State.OK, State.DUE, State.OVERDUE)


def secret(state: State, name: str = "plain", *, line: int = 1, days: int = 100) -> SecretAge:
    """Return a secret in `state`, with `name` wherever a text from elsewhere can stand."""
    keys = (Key("A_KEY", f"env/{name}/security.env", line), Key("B_URL", f"env/{name}/web.env", line + 1))
    reference = f"aws:{state.value}/{name}"
    findings: tuple[AgeFinding, ...] = ()
    if state not in QUIET:
        finding = AgeFinding(
            state=state,
            reference=reference,
            keys=keys,
            cause=f"cause {name} after {days} days",
            hint=f"hint {name}",
            kind=KINDS.get(state),
            counts=state is not State.DUE,
        )
        findings = (finding,)
    never = Limit(seconds=None, reason=name, until=date(2027, 1, 1), written="never")
    return SecretAge(
        reference=reference,
        store="aws",
        provider="aws",
        keys=keys,
        state=state,
        limit=never if state is State.EXEMPT else Limit(seconds=90.0 * DAY, written="90d"),
        limit_from=f"pattern {name}",
        version=f"version {name}",
        clock=Clock.VERSION_CREATED if state in DATED else Clock.NONE,
        created=NOW - timedelta(days=days) if state in DATED else None,
        age=days * DAY if state in DATED else None,
        expires=NOW + timedelta(days=3) if state is State.DUE else None,
        findings=findings,
        hints=(f"note {name}",),
    )


def document(
    *names: str, environments: tuple[str, ...] = ("production",), colour: bool = False, days: int = 100
) -> Document:
    """Every state under each of `names`, in each of `environments`, `days` after their secrets were made."""
    reports = []
    for environment in environments:
        rows = [
            secret(state, name, line=number * 10 + 1, days=days) for number, name in enumerate(names) for state in State
        ]
        rows.sort(key=lambda row: row.reference)
        reports.append(RotationReport(project="shop", environment=environment, at=NOW, secrets=tuple(rows)))
    return Document(at=NOW, reports=tuple(reports), is_several=len(environments) > 1, look=Look(is_coloured=colour))
