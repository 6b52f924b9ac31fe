"""Ages against policy: every state and each side of every boundary, whatever time zone the machine is in."""

import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from secretsync import ConfigurationError, RotationReport, SecretAge, State, UsageError, check_rotation
from secretsync.core.errors import ExitStatus, ProblemKind
from secretsync.core.model import Clock, Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.project.bindings_file import parse_bindings
from secretsync.rotation.age_rules import Case, assess_age
from secretsync.rotation.max_age import BUILT_IN, AppliedLimit, specificity
from secretsync.rotation.report import exit_status
from secretsync.testing import MemoryProvider
from tests.support.cases import check_each
from tests.support.growth import Action, AssertLinear
from tests.support.projects import MakeProject
from tests.support.tools import needs

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
DAY = 86400
MINUTE = 60
ZONES = ("UTC", "America/New_York", "Asia/Kathmandu", ":bad")


def ago(days: float = 0, seconds: int = 0) -> datetime:
    """Return the moment so long before NOW; negative: after it."""
    return NOW - timedelta(days=days, seconds=seconds)


def made(days: float = 0, seconds: int = 0, clock: Clock = Clock.VERSION_CREATED, **more: object) -> SecretInfo:
    """Return a version of that age."""
    return SecretInfo(version="7", created=ago(days, seconds), clock=clock, **more)  # type: ignore[arg-type]


class Row(NamedTuple):
    """The metadata of a store, the settings of the binding, and the expected result."""

    name: str
    said: SecretInfo | Missing | Failed
    state: str
    status: int
    binding: str = ""
    is_strict: bool = False  # judged with strict=True


def row(name: str, said: SecretInfo | Missing | Failed, state: str, status: int, binding: str = "") -> Row:
    """Return a row of the table."""
    return Row(name, said, state, status, binding)


def _boundaries() -> Iterator[Row]:
    """Limits of every length and source, one second either side of due and overdue."""
    kinds = {
        "AWS": Clock.VERSION_CREATED,
        "VAULT": Clock.VERSION_CREATED,
        "STATIC": Clock.LAST_ROTATED,
        "AZURE": Clock.VERSION_CREATED,
    }
    for kind, clock in kinds.items():
        for limit, seconds, warn in (
            ("90d", 90 * DAY, 14 * DAY),
            ("12h", DAY // 2, DAY // 4),
            ("P26W", 182 * DAY, 14 * DAY),
        ):
            name, bound = f"{kind}_{limit.upper()}", f'max_age = "{limit}"'
            yield row(f"{name}_BEFORE_DUE", made(seconds=seconds - warn - 1, clock=clock), "ok", 0, bound)
            yield row(f"{name}_DUE", made(seconds=seconds - warn, clock=clock), "due", 0, bound)
            yield row(f"{name}_BEFORE_LIMIT", made(seconds=seconds - 1, clock=clock), "due", 0, bound)
            yield row(f"{name}_AT_LIMIT", made(seconds=seconds, clock=clock), "overdue", 1, bound)
            yield row(f"{name}_AFTER_LIMIT", made(seconds=seconds + 1, clock=clock), "overdue", 1, bound)


def _declared() -> Iterator[Row]:
    """Register stores without a clock: files and variables."""
    touched = SecretInfo(modified=ago(1))
    for kind, said in (("DOCKER", touched), ("ENV", SecretInfo()), ("VAULT_KV1", SecretInfo())):
        yield row(f"{kind}_UNDECLARED", said, "unknown", 1)
        yield row(f"{kind}_FRESH", said, "ok", 0, "rotated = 2026-11-01")
        yield row(f"{kind}_BEFORE_DUE", said, "ok", 0, "rotated = 2026-09-09T08:00:01Z")
        yield row(f"{kind}_DUE", said, "due", 0, "rotated = 2026-09-09T08:00:00Z")
        yield row(f"{kind}_BEFORE_LIMIT", said, "due", 0, "rotated = 2026-08-26T08:00:01Z")
        yield row(f"{kind}_AT_LIMIT", said, "overdue", 1, "rotated = 2026-08-26T08:00:00Z")
        yield row(f"{kind}_IN_ANOTHER_ZONE", said, "overdue", 1, "rotated = 2026-08-26T13:45:00+05:45")
        yield row(f"{kind}_WITHOUT_ZONE_IS_UTC", said, "overdue", 1, "rotated = 2026-08-26T08:00:00")
        yield row(f"{kind}_IN_THE_FUTURE", said, "unknown", 1, "rotated = 2027-01-01")
    yield row("DOCKER_TOUCHED_LONG_AGO", SecretInfo(modified=ago(4000)), "unknown", 1)
    yield row("CLOCK_BEFORE_DECLARATION", made(100), "overdue", 1, "rotated = 2026-11-01")


def _store_dates() -> Iterator[Row]:
    """Expiry, deletion, not before, a rotation on its way: findings beside the age."""
    yield row("EXPIRED", made(1, expires=ago()), "expired", 1)
    yield row("EXPIRES_IN_A_SECOND", made(1, expires=ago(seconds=-1)), "due", 0)
    yield row("EXPIRES_AT_THE_WINDOW", made(1, expires=ago(-14)), "due", 0)
    yield row("EXPIRES_BEYOND_IT", made(1, expires=ago(-14, -1)), "ok", 0)
    yield row("EXPIRED_AND_OVERDUE", made(100, expires=ago(1)), "expired", 1)
    yield row("DISABLED", made(1, enabled=False), "missing", 3)
    yield row("NOT_YET_VALID", made(1, not_before=ago(seconds=-1)), "missing", 3)
    yield row("VALID_FROM_NOW_ON", made(1, not_before=ago()), "ok", 0)
    yield row("TO_BE_DELETED", made(1, deletion=ago(-300)), "due", 0)
    yield row("DELETED", made(1, deletion=ago()), "expired", 1)
    yield row("PENDING_FOR_A_DAY", made(1, pending_since=ago(1)), "ok", 0)
    yield row("PENDING_LONGER", made(1, pending_since=ago(1, 1)), "overdue", 1)
    yield row("PENDING_IN_THE_FUTURE", made(1, pending_since=ago(-1)), "ok", 0)
    yield row("LEASED", SecretInfo(dynamic=True), "dynamic", 0)
    yield row("LEASED_WITH_OLD_DATES", made(4000, dynamic=True, expires=ago(1)), "dynamic", 0)
    yield row("PINNED_OLD", made(100, newer_version="8"), "overdue", 1)


def _clocks() -> Iterator[Row]:
    """Dates that lie in the future, at the edges of the calendar, or say no moment."""
    yield row("MADE_NOW", made(), "ok", 0)
    yield row("MADE_IN_FIVE_MINUTES", made(seconds=-5 * MINUTE), "ok", 0)
    yield row("MADE_A_SECOND_LATER", made(seconds=-5 * MINUTE - 1), "unknown", 1)
    yield row("MADE_IN_AN_HOUR", made(seconds=-3600), "unknown", 1)
    edge = Clock.VERSION_CREATED
    yield row("MADE_AT_THE_EPOCH", SecretInfo(created=datetime(1970, 1, 1, tzinfo=UTC), clock=edge), "overdue", 1)
    yield row("MADE_BEFORE_IT", SecretInfo(created=datetime(1969, 7, 20, tzinfo=UTC), clock=edge), "overdue", 1)
    yield row("MADE_IN_9999", SecretInfo(created=datetime.max.replace(tzinfo=UTC), clock=edge), "unknown", 1)
    yield row("MADE_ON_A_LEAP_DAY", SecretInfo(created=datetime(2024, 2, 29, tzinfo=UTC), clock=edge), "overdue", 1)
    in_kathmandu = ago(90).astimezone(timezone(timedelta(hours=5, minutes=45)))
    yield row("MADE_ELSEWHERE", SecretInfo(created=in_kathmandu, clock=edge), "overdue", 1)


def _exemptions() -> Iterator[Row]:
    never = 'max_age = "never", reason = "frozen"'
    yield row("EXEMPT", made(4000), "exempt", 0, never)
    yield row("EXEMPT_WITHOUT_CLOCK", SecretInfo(), "exempt", 0, never)
    yield row("EXEMPT_UNTIL_TODAY", made(4000), "exempt", 0, f"{never}, until = 2026-11-24")
    yield row("EXEMPT_UNTIL_YESTERDAY", made(1), "expired", 1, f"{never}, until = 2026-11-23")
    yield row("EXEMPT_AND_EXPIRED", made(1, expires=ago()), "expired", 1, never)


def _failures() -> Iterator[Row]:
    yield row("ABSENT", Missing(), "missing", 3)
    yield row("UNUSABLE", Failed(ProblemKind.UNUSABLE, "deleted"), "missing", 3)
    yield row("DENIED", Failed(ProblemKind.DENIED, "no permission"), "denied", 4)
    yield row("DOWN", Failed(ProblemKind.UNAVAILABLE, "connection refused"), "error", 5)
    yield row("MISCONFIGURED", Failed(ProblemKind.CONFIGURATION, "both are set"), "error", 2)


def _stricter() -> Iterator[Row]:
    """Return the same rows with strict=True."""
    due, overdue = made(80), made(90)
    yield Row("STRICT_OK", made(1), "ok", 0, is_strict=True)
    yield Row("STRICT_DUE", due, "due", 1, is_strict=True)
    yield Row("STRICT_OVERDUE", overdue, "overdue", 1, is_strict=True)
    yield Row("STRICT_UNKNOWN", SecretInfo(), "unknown", 1, is_strict=True)
    yield Row("STRICT_DOWN", Failed(ProblemKind.UNAVAILABLE, "connection refused"), "error", 5, is_strict=True)


TABLE = (
    *_boundaries(),
    *_declared(),
    *_store_dates(),
    *_clocks(),
    *_exemptions(),
    *_failures(),
    *_stricter(),
)


class Store(MemoryProvider):
    """A store that says of each path what it was told to."""

    def __init__(self, said: Mapping[str, SecretInfo | Missing | Failed]) -> None:
        super().__init__()
        for path, outcome in said.items():
            if isinstance(outcome, SecretInfo):
                self.put(path, "no value is read here")
                self.describe_as(path, outcome)
            elif isinstance(outcome, Failed):
                self.fail(path, outcome.kind, outcome.cause)


def check(
    root: Path, rows: Mapping[str, SecretInfo | Missing | Failed], *, strict: bool = False, now: datetime = NOW
) -> RotationReport:
    """Return the report on the environment `production` below `root`, whose store says `rows`."""
    store = Store(rows)
    report = check_rotation("production", root=root, environ={}, now=now, strict=strict, stores={"memory": store})
    assert store.fetched == []
    return report


def write(root: Path, env: str, toml: str = "", environment: str = "production") -> None:
    """Create an environment of one file and its bindings."""
    (root / "env" / environment).mkdir(parents=True, exist_ok=True)
    (root / "env" / environment / "security.env").write_text(env)
    (root / "providers").mkdir(exist_ok=True)
    (root / "providers" / f"{environment}.toml").write_text(toml)


@pytest.fixture(scope="module", params=ZONES)
def judged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, SecretAge]]:
    """Every row of the table, judged on a machine in one of the time zones."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    root = tmp_path_factory.mktemp("table")
    write(
        root,
        "".join(f"{one.name}=$<{one.name}>\n" for one in TABLE),
        "[secrets]\n"
        + "".join(
            f'{one.name} = {{ ref = "memory:{one.name}", {one.binding or "max_age = " + repr("90d")} }}\n'
            for one in TABLE
        ),
    )
    found: dict[str, SecretAge] = {}
    for strict in (False, True):
        report = check(root, {one.name: one.said for one in TABLE}, strict=strict)
        by_name = {secret.keys[0].name: secret for secret in report.secrets}
        found |= {one.name: by_name[one.name] for one in TABLE if one.is_strict == strict}
    yield found
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def test_the_table_is_long_enough() -> None:
    """Each row has a name of its own."""
    assert len({one.name for one in TABLE}) == len(TABLE) >= 60


def test_truth(judged: dict[str, SecretAge]) -> None:
    """State and exit status of each row, in every time zone."""

    def check_row(row: Row) -> None:
        secret = judged[row.name]
        assert (secret.state.value, int(exit_status(secret.findings))) == (row.state, row.status), secret.hint
        assert secret.age is None or secret.age >= 0

    check_each(TABLE, check_row, lambda row: row.name)


def test_second_findings(judged: dict[str, SecretAge]) -> None:
    """Expiry is a finding beside the age, and so is each other thing that is wrong."""
    assert [finding.state for finding in judged["EXPIRED_AND_OVERDUE"].findings] == [State.EXPIRED, State.OVERDUE]
    assert len({finding.cause for finding in judged["EXPIRED_AND_OVERDUE"].findings}) == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MADE_ELSEWHERE", "90 days old, at its limit"),
        ("PENDING_FOR_A_DAY", "in progress since 2026-11-23T08:00:00Z"),
        ("PENDING_LONGER", "begun at 2026-11-23T07:59:59Z and has not ended"),
        ("DOCKER_TOUCHED_LONG_AGO", "its file was changed at "),
        ("DOCKER_UNDECLARED", "rotated = 2026-10-01"),
        ("EXEMPT_UNTIL_TODAY", "exempt until 2026-11-24: frozen"),
        ("EXEMPT_UNTIL_YESTERDAY", "ended on 2026-11-23"),
        ("MADE_IN_AN_HOUR", "60 minutes in the future"),
        ("MADE_IN_AN_HOUR", "compare the store's clock"),
        ("DOCKER_IN_THE_FUTURE", "as its binding declares it; correct the date in the binding"),
        ("CLOCK_BEFORE_DECLARATION", "is not used"),
        ("TO_BE_DELETED", "will be deleted at"),
        ("AWS_90D_BEFORE_LIMIT", "1 second"),
        ("AWS_90D_AT_LIMIT", "at its limit"),
        ("AWS_90D_AFTER_LIMIT", "1 second over its limit"),
    ],
)
def test_hints(judged: dict[str, SecretAge], name: str, words: str) -> None:
    """Each row has a hint that names the next step."""
    assert words in (judged[name].hint or "")


def test_a_good_secret_needs_no_words(judged: dict[str, SecretAge]) -> None:
    """Nothing is said where there is nothing to say."""
    assert judged["MADE_NOW"].hint is None
    assert judged["MADE_NOW"].findings == ()


def test_clock_and_days(judged: dict[str, SecretAge]) -> None:
    """Each age says which clock it is from; days are rounded down, on both sides of the limit."""
    assert judged["STATIC_90D_DUE"].clock is Clock.LAST_ROTATED
    assert judged["DOCKER_FRESH"].clock is Clock.DECLARED
    assert judged["DOCKER_UNDECLARED"].clock is Clock.NONE
    days = {
        name: (judged[f"AWS_90D_{name}"].age_days, judged[f"AWS_90D_{name}"].days_left)
        for name in ("BEFORE_LIMIT", "AT_LIMIT", "AFTER_LIMIT")
    }
    assert days == {"BEFORE_LIMIT": (89, 0), "AT_LIMIT": (90, 0), "AFTER_LIMIT": (90, 0)}
    assert judged["LEASED_WITH_OLD_DATES"].days_left is None


NAIVE = datetime(2026, 11, 1)  # noqa: DTZ001 - this is what is refused


@pytest.mark.parametrize(
    "info",
    [
        SecretInfo(created=NAIVE, clock=Clock.VERSION_CREATED),
        made(1, expires=NAIVE),
        made(1, pending_since=NAIVE),
        SecretInfo(modified=NAIVE),
        SecretInfo(created="2026-11-01", clock=Clock.VERSION_CREATED),  # type: ignore[arg-type]
        SecretInfo(created=datetime.max.replace(tzinfo=timezone(timedelta(hours=-7)))),
    ],
)
def test_dates_that_say_no_moment(info: SecretInfo) -> None:
    """A plug-in's date without a zone, beyond the calendar in UTC, or no date at all is refused, never guessed at."""
    applied = AppliedLimit(BUILT_IN, "default")
    judged = assess_age(Case(ref=SecretRef("memory", "x"), outcome=Found(info), applied=applied, now=NOW))
    assert judged.state is State.UNKNOWN
    assert "without a time zone" in judged.issues[0].cause


@pytest.mark.parametrize("moment", [NAIVE, "2026-11-01", 1793491200])
def test_a_bad_date_spoils_no_other(tmp_path: Path, moment: object) -> None:
    """A wrong type of date makes its secret unknown and changes no other age."""
    write(tmp_path, "A_KEY=$<memory:a>\nB_KEY=$<memory:b>\n")
    bad = SecretInfo(created=moment, clock=Clock.VERSION_CREATED)  # type: ignore[arg-type]
    report = check(tmp_path, {"a": bad, "b": made(1)})
    assert [secret.state in (State.UNKNOWN, State.ERROR) for secret in report.secrets] == [True, False]
    assert report.secrets[1].state is State.OK
    assert report.exit_status != ExitStatus.OK


# One environment at a time


def test_mixed_statuses(tmp_path: Path) -> None:
    """A status that a retry cannot change goes first, and a store's failure before a finding."""
    said: dict[str, SecretInfo | Missing | Failed] = {"old": made(100)}
    expected = [
        ("old", ExitStatus.FINDINGS),
        ("down", ExitStatus.UNAVAILABLE),
        ("denied", ExitStatus.DENIED),
        ("gone", ExitStatus.MISSING),
    ]
    outcomes: dict[str, SecretInfo | Missing | Failed] = {
        "down": Failed(ProblemKind.UNAVAILABLE, "down"),
        "denied": Failed(ProblemKind.DENIED, "denied"),
        "gone": Missing(),
    }
    for name, status in expected:
        if name in outcomes:
            said[name] = outcomes[name]
        write(tmp_path, "".join(f"{one.upper()}_KEY=$<memory:{one}>\n" for one in said))
        report = check(tmp_path, said)
        assert report.exit_status is status
    assert report.summary[State.OVERDUE] == 1


@pytest.mark.parametrize(
    ("environment", "toml", "strict", "status"),
    [
        ("production", "", False, 1),
        ("prod-eu", "", False, 1),
        ("development", "", False, 0),
        ("development", "", True, 1),
        ("development", "strict = true\n", False, 1),
        ("production", "strict = false\n", False, 0),
        ("production", '[rotation]\non_unknown = "warn"\n', False, 0),
        ("production", '[rotation]\non_unknown = "warn"\n', True, 1),
        ("development", '[rotation]\non_unknown = "fail"\n', False, 1),
    ],
)
def test_unknown(tmp_path: Path, environment: str, toml: str, strict: bool, status: int) -> None:
    """An unknown age fails where the environment is strict; `on_unknown` and strict=True say otherwise."""
    write(tmp_path, "A_TOKEN=$<memory:a>\n", toml, environment)
    report = check_rotation(
        environment, root=tmp_path, environ={}, now=NOW, strict=strict, stores={"memory": Store({"a": SecretInfo()})}
    )
    assert report.exit_status == status
    assert [(secret.state, secret.age_days) for secret in report.secrets] == [(State.UNKNOWN, None)]
    assert [finding.counts for finding in report.findings] == [status == 1]


def test_rows(tmp_path: Path) -> None:
    """A secret is one row: text has none, variables add keys, fields share a row, defaults do not count."""
    write(
        tmp_path,
        "PLAIN=text\n"
        "LOG_LEVEL=$<env:LOG_LEVEL:-INFO>\n"
        "REGION=$<env:REGION>\n"
        "API_TOKEN=$<env:API_TOKEN>\n"
        "USER_NAME=$<memory:db#user>\n"
        "DB_PASSWORD=$<memory:db#password>\n"
        "URL=postgresql://${USER_NAME}:${DB_PASSWORD}@db\n"
        "COPY=${URL}\n"
        "PINNED=$<memory:db?version=1#password>\n"
        "OPTIONAL_KEY=$<memory:gone:-none>\n"
        "LITERAL='$<memory:literal>'\n",
    )
    store = MemoryProvider()
    for _ in range(2):
        store.put("db", {"user": "x", "password": "y"}, created=ago(3))
    environ = {"API_TOKEN": "t", "REGION": "eu"}
    report = check_rotation("production", root=tmp_path, environ=environ, now=NOW, stores={"memory": store})
    rows = {secret.reference: [(key.name, key.line) for key in secret.keys] for secret in report.secrets}
    assert rows == {
        "env:API_TOKEN": [("API_TOKEN", 4)],
        "env:REGION": [("REGION", 3)],  # in security.env
        "memory:db": [("COPY", 8), ("DB_PASSWORD", 6), ("URL", 7), ("USER_NAME", 5)],
        "memory:db?version=1": [("PINNED", 9)],
    }
    pinned = report.secrets[-1]
    assert pinned.version == "1"
    assert "pinned to version 1, and judged as such; a newer version exists: 2" in (pinned.hint or "")


def test_services(tmp_path: Path) -> None:
    """Services that are not selected are not asked for."""
    write(tmp_path, "A_KEY=$<memory:a>\n")
    (tmp_path / "env/production/web.env").write_text("B_KEY=$<memory:b>\n")
    (tmp_path / "env/production/job.env").write_text("C_KEY=$<memory:c>\n")
    store = Store({name: made(1) for name in "abc"})
    report = check_rotation(
        "production", root=tmp_path, environ={}, now=NOW, services=["web"], stores={"memory": store}
    )
    assert [secret.reference for secret in report.secrets] == ["memory:a", "memory:b"]
    assert {ref.path for ref in store.described} == {"a", "b"}


def test_lookup(tmp_path: Path) -> None:
    """A bare name is judged at the store that has it; a name that nobody has is missing; a failure ends the lookup."""
    write(
        tmp_path,
        "FIRST_KEY=$<FIRST_KEY>\nSECOND_KEY=$<SECOND_KEY>\nNOWHERE=$<NOWHERE>\nBROKEN_KEY=$<BROKEN_KEY>\n",
        'lookup = ["one", "two"]\n[stores.one]\nprovider = "docker"\n'
        '[stores.two]\nprovider = "docker"\nmax_age = "5d"\n',
    )
    one = Store({"FIRST_KEY": made(1), "BROKEN_KEY": Failed(ProblemKind.UNAVAILABLE, "down")})
    two = Store({"FIRST_KEY": made(100), "SECOND_KEY": made(100), "BROKEN_KEY": made(1)})
    report = check_rotation("production", root=tmp_path, environ={}, now=NOW, stores={"one": one, "two": two})
    rows = {secret.reference: (secret.state.value, secret.limit_from) for secret in report.secrets}
    assert rows == {
        "NOWHERE": ("missing", "store two"),
        "one:BROKEN_KEY": ("error", "built-in default"),
        "one:FIRST_KEY": ("ok", "built-in default"),
        "two:SECOND_KEY": ("overdue", "store two"),
    }
    assert report.exit_status is ExitStatus.MISSING
    hints = {secret.reference: secret.hint or "" for secret in report.secrets}
    assert "no store has it: one:NOWHERE, two:NOWHERE; put it there, or bind it" in hints["NOWHERE"]
    assert "a lookup ends at a store that failed (two not asked)" in hints["one:BROKEN_KEY"]


# Limits


LIMITS = """
[stores.memory]
provider = "docker"
max_age = "50d"
[secrets]
BOUND_SIGNING_KEY = { ref = "memory:bound", max_age = "30d" }
LONGER_KEY = { ref = "memory:longer", max_age = "300d" }
PART_KEY = { ref = "memory:parts#a", max_age = "never", reason = "frozen" }
ALIAS_ONE = { ref = "memory:alias", max_age = "20d" }
ALIAS_TWO = { ref = "memory:alias", max_age = "10d" }
DECLARED = { ref = "memory:declared", rotated = 2026-11-14 }
[rotation]
max_age = "70d"
[rotation.patterns]
"*_KEY" = "60d"
"*_SIGNING_KEY" = "365d"
"EXACT_SIGNING_KEY" = "40d"
"""


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ("X=$<memory:x>", ("50d", "store memory")),
        ("X=$<env:X_PASSWORD>", ("70d", "default")),
        ("X_KEY=$<memory:x>", ("60d", "pattern *_KEY")),
        ("X_SIGNING_KEY=$<memory:x>", ("365d", "pattern *_SIGNING_KEY")),
        ("EXACT_SIGNING_KEY=$<memory:x>", ("40d", "pattern EXACT_SIGNING_KEY")),
        ("X_KEY=$<BOUND_SIGNING_KEY>", ("30d", "binding BOUND_SIGNING_KEY")),
        ("X_KEY=$<LONGER_KEY>", ("300d", "binding LONGER_KEY")),
        # Written as store:path, it is the same secret.
        ("X_KEY=$<memory:longer>", ("300d", "binding LONGER_KEY")),
        # Another part of the same secret is not exempt, and the strictest of all uses holds.
        ("A=$<memory:parts#a>", ("never", "binding PART_KEY")),
        ("A=$<memory:parts#a>\nB=$<memory:parts#b>", ("50d", "store memory")),
        ("A=$<memory:parts#a>\nB_KEY=$<memory:parts#b>", ("60d", "pattern *_KEY")),
        ("A=$<ALIAS_ONE>", ("10d", "binding ALIAS_TWO")),
        # Each name counts, also of what leads to it.
        ("X_SIGNING_KEY=$<memory:x>\nY_KEY=$<memory:x>", ("60d", "pattern *_KEY")),
        ("X_SIGNING_KEY=$<memory:x>\nY_KEY=a${X_SIGNING_KEY}", ("60d", "pattern *_KEY")),
    ],
)
def test_limit(tmp_path: Path, entries: str, expected: tuple[str, str]) -> None:
    """Binding before pattern before store before default; of a secret's uses the strictest."""
    write(tmp_path, f"{entries}\n", LIMITS)
    store = Store({path: made(1) for path in ("x", "bound", "longer", "parts", "alias", "declared")})
    environ = {"X_PASSWORD": "x"}
    report = check_rotation("production", root=tmp_path, environ=environ, now=NOW, stores={"memory": store})
    assert [(one.limit.written, one.limit_from) for one in report.secrets] == [expected]


def test_specificity() -> None:
    """More literal characters say more; then classes, then single wildcards; a name without any wildcard says most."""
    ordered = ["*", "?*", "[A-Z]*", "*_KEY", "?*_KEY", "[AB]*_KEY", "*_SIGNING_KEY", "KEY"]
    shuffled = [*ordered[4:], *ordered[:4]]
    assert sorted(shuffled, key=specificity) == ordered


@pytest.mark.parametrize("order", [("A*", "*B"), ("*B", "A*")])
def test_overlapping_patterns(tmp_path: Path, order: tuple[str, str]) -> None:
    """Two patterns that say equally much: the stricter one, in whatever order they are written."""
    limits = {"A*": "20d", "*B": "30d"}
    lines = "\n".join(f'"{pattern}" = "{limits[pattern]}"' for pattern in order)
    write(tmp_path, "AB=$<memory:x>\n", f"[rotation.patterns]\n{lines}\n")
    assert [one.limit_from for one in check(tmp_path, {"x": made(1)}).secrets] == ["pattern A*"]


def test_built_in_limit(tmp_path: Path) -> None:
    """Without any policy the limit is 90 days, and the report says that it is ours."""
    write(tmp_path, "A_KEY=$<memory:x>\n")
    secret = check(tmp_path, {"x": made(89)}).secrets[0]
    assert (secret.limit.written, secret.limit_from, secret.state) == ("90d", "built-in default", State.DUE)


@pytest.mark.parametrize(("seconds", "state"), [(40 * DAY, "due"), (40 * DAY - 1, "ok")])
def test_warn_before(tmp_path: Path, seconds: int, state: str) -> None:
    """`warn_before` is taken as it is written, also where it is longer than the default."""
    write(tmp_path, "A_KEY=$<memory:x>\n", '[rotation]\nwarn_before = "50d"\n')
    assert check(tmp_path, {"x": made(seconds=seconds)}).secrets[0].state.value == state


def test_warn_before_beyond_the_calendar(tmp_path: Path) -> None:
    """The longest time that can be written is like any other: everything with an end is due."""
    write(tmp_path, "A_KEY=$<memory:x>\n", '[rotation]\nwarn_before = "999999999w"\n')
    for info in (made(1), made(1, expires=ago(-3000))):
        assert check(tmp_path, {"x": info}).secrets[0].state is State.DUE


@pytest.mark.parametrize(
    "line",
    [
        'max_age = "0d"',
        'max_age = "-1d"',
        'max_age = "90"',
        'max_age = "never"',
        'max_age = "never", reason = " "',
        'max_age = "P3M"',
        'max_age = "90d", until = 2027-01-01',
        'rotated = "yesterday"',
    ],
)
def test_bad_limits(tmp_path: Path, line: str) -> None:
    """A limit that is none, or an exemption without a reason, is an error with file, line and key."""
    write(tmp_path, "A_KEY=$<A_KEY>\n", f'[secrets]\nA_KEY = {{ ref = "memory:x", {line} }}\n')
    with pytest.raises(ConfigurationError, match=r"providers/production\.toml:2: secrets\.A_KEY"):
        check(tmp_path, {"x": made(1)})


# Moments


def test_other_moment(tmp_path: Path) -> None:
    """The same metadata has other states at another time."""
    write(tmp_path, "A_KEY=$<memory:x>\n")
    states = {
        days: check(tmp_path, {"x": made(0)}, now=NOW + timedelta(days=days)).secrets[0].state.value
        for days in (-1, 0, 75, 76, 89, 90)
    }
    assert states == {-1: "unknown", 0: "ok", 75: "ok", 76: "due", 89: "due", 90: "overdue"}


def test_naive_now(tmp_path: Path) -> None:
    """A moment without a time zone is refused."""
    write(tmp_path, "A_KEY=$<memory:x>\n")
    with pytest.raises(UsageError, match="no time zone"):
        check(tmp_path, {"x": made(1)}, now=datetime(2026, 1, 1))  # noqa: DTZ001 - this is what is refused


def test_clock_of_the_machine(tmp_path: Path) -> None:
    """Without `now` it is this moment."""
    write(tmp_path, "A_KEY=$<memory:x>\n")
    store = MemoryProvider({"x": "value"})
    before = datetime.now(UTC)
    report = check_rotation("production", root=tmp_path, environ={}, stores={"memory": store})
    assert before <= report.at <= datetime.now(UTC)
    assert [secret.age_days for secret in report.secrets] == [0]


# The stores without a clock, as they are


def test_files_and_variables(project: MakeProject) -> None:
    """Touching a secrets file, writing it anew or changing its mode makes it no younger: its age is declared."""
    made_project = project(
        {
            "env/production/security.env": "A_TOKEN=$<A_TOKEN>\nB_TOKEN=$<docker:b_token>\nC_TOKEN=$<env:C_TOKEN>\n",
            "providers/production.toml": '[stores.docker]\ndir = "s"\n[secrets]\n'
            'A_TOKEN = { ref = "docker:a_token", rotated = 2026-08-01 }\n'
            'C = { ref = "env:C_TOKEN", rotated = 2026-11-20 }\n',
            "s/a_token": "x",
            "s/b_token": "y",
        }
    )
    path = made_project.root / "s/a_token"

    def ages() -> list[tuple[str, str, int | None]]:
        report = check_rotation("production", root=made_project.root, environ={"C_TOKEN": "z"}, now=NOW)
        return [(one.reference, one.state.value, one.age_days) for one in report.secrets]

    expected = [("docker:a_token", "overdue", 115), ("docker:b_token", "unknown", None), ("env:C_TOKEN", "ok", 4)]
    assert ages() == expected
    for moment in (0.0, time.time(), 4e9):
        os.utime(path, (moment, moment))
        assert ages() == expected
    path.write_text("another")
    path.chmod(0o400)
    assert ages() == expected


@pytest.mark.parametrize("moment", [-1e11, 1e14])
def test_modification_times_beyond_the_calendar(tmp_path: Path, moment: float) -> None:
    """File systems in memory keep any number; it is a hint, so the secret's age is unknown and no store has failed."""
    needs(Path("/dev/shm").is_dir(), "a file system in memory")
    with TemporaryDirectory(dir="/dev/shm") as folder:
        write(tmp_path, "A_TOKEN=$<docker:a>\n", f'[stores.docker]\ndir = "{folder}"\n')
        (Path(folder) / "a").write_text("x")
        os.utime(Path(folder) / "a", (moment, moment))
        (secret,) = check_rotation("production", root=tmp_path, environ={}, now=NOW).secrets
    assert secret.state is State.UNKNOWN


@pytest.mark.parametrize("change", ["2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"])
@pytest.mark.parametrize("zone", ["America/New_York", "UTC"])
def test_days_when_clocks_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, change: str) -> None:
    """A day is 86,400 seconds, also where New York's has 23 or 25 hours; a declared date begins in UTC."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    moment = datetime.fromisoformat(change)
    declared = (moment - timedelta(days=2)).date()
    write(
        tmp_path,
        "A_KEY=$<memory:a>\nB_TOKEN=$<B_TOKEN>\n",
        f'[rotation]\nmax_age = "36h"\n[secrets]\nB_TOKEN = {{ ref = "memory:b", rotated = {declared} }}\n',
    )
    for seconds, state in ((36 * 3600 - 1, State.DUE), (36 * 3600, State.OVERDUE)):
        said = {"a": SecretInfo(created=moment - timedelta(hours=12)), "b": SecretInfo()}
        first = check(tmp_path, said, now=moment - timedelta(hours=12) + timedelta(seconds=seconds)).secrets[0]
        assert (first.state, first.age) == (state, seconds)
        midnight = datetime(declared.year, declared.month, declared.day, tzinfo=UTC)
        second = check(tmp_path, said, now=midnight + timedelta(seconds=seconds)).secrets[1]
        assert (second.state, second.age) == (state, seconds)
    monkeypatch.undo()
    time.tzset()


# Many


def test_answers_are_found_by_their_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking in an answer costs the same however many were asked for: references are not compared one by one."""
    count = 500
    compared = 0
    equal = SecretRef.__eq__

    def counting(one: SecretRef, other: object) -> bool:
        nonlocal compared
        compared += 1
        return equal(one, other)

    write(tmp_path, "".join(f"KEY_{number}=$<memory:{number}>\n" for number in range(count)))
    monkeypatch.setattr(SecretRef, "__eq__", counting)
    check(tmp_path, {str(number): made(1) for number in range(count)})
    assert compared < 50 * count


def test_progress_and_many(tmp_path: Path) -> None:
    """2,000 secrets: each asked once, one that is bad stops no other, and progress counts up to all of them."""
    count = 2000
    write(tmp_path, "".join(f"KEY_{number}=$<memory:{number}>\n" for number in range(count)))
    said: dict[str, SecretInfo | Missing | Failed] = {str(number): made(1) for number in range(count)}
    said["77"] = Failed(ProblemKind.DENIED, "no permission")
    seen: list[tuple[int, int]] = []
    store = Store(said)
    report = check_rotation(
        "production",
        root=tmp_path,
        environ={},
        now=NOW,
        stores={"memory": store},
        progress=lambda done, total: seen.append((done, total)),
    )
    assert len(store.described) == count
    assert report.summary[State.OK] == count - 1
    assert report.exit_status is ExitStatus.DENIED
    assert seen == [(number, count) for number in range(1, count + 1)]


@pytest.mark.parametrize("pattern", ["P@*", "*_P@", "P@_KEY", "P*@", "?P@"])
def test_time_grows_with_the_number_of_patterns(assert_linear: AssertLinear, pattern: str) -> None:
    """Time grows linearly with the number of patterns and of the names that are compared with them."""

    def prepare(size: int) -> Action:
        written = "".join(f'"{pattern.replace("@", str(index).zfill(5))}" = "90d"\n' for index in range(size))
        data = f"[rotation.patterns]\n{written}".encode()
        names = [f"P{str(index).zfill(5)}_KEY" for index in range(size)]

        def match() -> list[object]:
            policy = parse_bindings(data, "b.toml").rotation
            return [policy.limits_of(name) for name in names]

        return match

    assert_linear(prepare, 50)
