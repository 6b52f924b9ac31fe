"""Ages end to end: from the metadata of real servers, asked as somebody who may read no value."""

from __future__ import annotations

import importlib.util
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from secretsync import RotationReport, SecretAge, check_rotation
from tests.servers.aws import AwsAccount
from tests.servers.azure import AzureWorld
from tests.servers.faults import FaultProxy, html
from tests.servers.ministack import Ministack
from tests.servers.openbao import VaultSpace
from tests.servers.postgresql import PostgreSql
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.projects import MakeProject
from tests.support.tools import needs

DAY = 86400
SECOND = timedelta(seconds=1)
ZONES = ("UTC", "America/New_York", "Asia/Kathmandu", ":bad")


@dataclass
class Scene:
    """A store with secrets, and somebody who may see their metadata."""

    settings: str  # of its [stores.NAME]
    environ: Mapping[str, str]  # of who asks
    secrets: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # reference and date, by name

    def check(
        self, root: Path, now: datetime, *, max_age: str = "90d", more: Mapping[str, str] | None = None, toml: str = ""
    ) -> RotationReport:
        """Return the report on its secrets, and on `more` references by name."""
        references = {name: reference for name, (reference, _) in self.secrets.items()} | dict(more or {})
        entries = "".join(f"{name}=$<{reference}>\n" for name, reference in references.items())
        for path, text in (
            ("env/production/security.env", entries),
            ("providers/production.toml", f'{toml}\n{self.settings}\n[rotation]\nmax_age = "{max_age}"\n'),
        ):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return check_rotation("production", root=root, environ=self.environ, now=now, timeout=HANG)

    def rows(self, root: Path, now: datetime, **options: Any) -> dict[str, SecretAge]:
        """Return the rows of a report by name."""
        return {row.keys[0].name: row for row in self.check(root, now, **options).secrets}


def provider(name: str) -> None:
    """Skip the test where the provider, or its SDK, is not here."""
    modules = {"aws": "boto3", "vault": "hvac", "azure": "azure.keyvault.secrets"}
    needs(importlib.util.find_spec(f"secretsync.providers.{name}"), f"the provider {name}")
    needs(importlib.util.find_spec(modules[name].partition(".")[0]), f"the SDK of {name}")


def aws_dates(account: AwsAccount, name: str) -> dict[str, datetime]:
    """Return the creation date of each version of a secret by its id, as the account's root sees it."""
    answer = account.client().list_secret_version_ids(SecretId=account.name(name), IncludeDeprecated=True)
    return {one["VersionId"]: one["CreatedDate"].astimezone(UTC) for one in answer["Versions"]}


def aws_scene(account: AwsAccount) -> Scene:
    """Return the account, asked as somebody who may read metadata alone."""
    return Scene('[stores.aws]\nregion = "eu-west-1"', account.environ(account.metadata_only()))


def vault_scene(vault: VaultSpace, *paths: str) -> Scene:
    """OpenBao, asked with a token that may read these paths alone."""
    token = vault.token(vault.policy(*paths, capabilities=["read", "list"]))
    return Scene(f'[stores.vault]\naddress = "{vault.url}"\nauth = {{ method = "token" }}', vault.environ(token))


def vault_dates(vault: VaultSpace, mount: str, path: str) -> dict[str, datetime]:
    """Return the creation date of each version of a KV v2 secret, as root sees it."""
    data = vault.root.secrets.kv.v2.read_secret_metadata(path, mount_point=mount)["data"]
    return {number: datetime.fromisoformat(one["created_time"]) for number, one in data["versions"].items()}


class MakeScene(Protocol):
    """Fills a store of one kind."""

    def __call__(self, request: pytest.FixtureRequest, canary: CanaryFactory) -> Scene:
        """Return the filled store."""
        ...


def aws_truth(request: pytest.FixtureRequest, canary: CanaryFactory) -> Scene:
    """Return a secret of two versions, the older one pinned by id and by stage too."""
    provider("aws")
    server: Ministack = request.getfixturevalue("ministack_clock")
    account: AwsAccount = request.getfixturevalue("aws_clock")
    with server.at(40 * DAY):
        account.create("app", canary())
    (old,) = aws_dates(account, "app")
    with server.at(3 * DAY):
        new = account.put("app", canary())
    dates = aws_dates(account, "app")
    scene = aws_scene(account)
    scene.secrets = {
        "CURRENT": ("aws:app", dates[new]),
        "PINNED": (f"aws:app?version={old}", dates[old]),
        "STAGED": ("aws:app?stage=AWSPREVIOUS", dates[old]),
    }
    return scene


def vault_truth(request: pytest.FixtureRequest, canary: CanaryFactory) -> Scene:
    """Return a KV v2 secret of two versions, and a static role of the database engine."""
    provider("vault")
    vault: VaultSpace = request.getfixturevalue("vault")
    roles = vault.database(request.getfixturevalue("postgresql"))
    # A schedule that is slower than every limit, so that the limits decide.
    role = vault.root.read(roles.static_role)["data"]
    slow = {"db_name": role["db_name"], "username": role["username"], "rotation_period": "87600h"}
    vault.root.write_data(roles.static_role, data=slow)
    mount = vault.kv2()
    for _ in range(2):
        vault.write(mount, "app", {"key": canary()})
    dates = vault_dates(vault, mount, "app")
    rotated = vault.root.read(roles.static_role)["data"]["last_vault_rotation"]
    scene = vault_scene(vault, f"{mount}/metadata/*", roles.static_role)
    scene.secrets = {
        "CURRENT": (f"vault:{mount}/app#key", dates["2"]),
        "PINNED": (f"vault:{mount}/app?version=1#key", dates["1"]),
        "STATIC": (f"vault:{roles.static_creds}#password", datetime.fromisoformat(rotated)),
    }
    return scene


def azure_truth(request: pytest.FixtureRequest, canary: CanaryFactory) -> Scene:
    """Return a secret of two versions."""
    provider("azure")
    world: AzureWorld = request.getfixturevalue("azure")
    vault = world.vault()
    long_ago, lately = datetime(2026, 6, 1, 12, tzinfo=UTC), datetime(2026, 11, 1, 12, tzinfo=UTC)
    old = vault.set("app", canary(), created=long_ago)
    vault.set("app", canary(), created=lately)
    scene = Scene(
        f'[stores.azure]\nvault_url = "{vault.url}"',
        {**world.network, **world.client_secret(world.principal(may=("list",)))},
    )
    scene.secrets = {"CURRENT": ("azure:app", lately), "PINNED": (f"azure:app?version={old.id}", long_ago)}
    return scene


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test in one of the time zones."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


# 8 secrets of 3 stores, 2 limits, 6 moments: 96 rows in each time zone.
BOUNDARIES: dict[str, tuple[Callable[[timedelta, timedelta], timedelta], str]] = {
    "a second before due": (lambda limit, warn: limit - warn - SECOND, "ok"),
    "due": (lambda limit, warn: limit - warn, "due"),
    "a second before the limit": (lambda limit, _: limit - SECOND, "due"),
    "the limit": (lambda limit, _: limit, "overdue"),
    "a second after the limit": (lambda limit, _: limit + SECOND, "overdue"),
    "six minutes before it was made": (lambda _, __: timedelta(minutes=-6), "unknown"),
}
LIMITS = {"90d": (timedelta(days=90), timedelta(days=14)), "36h": (timedelta(hours=36), timedelta(hours=18))}


@pytest.mark.parametrize("make", [aws_truth, vault_truth, azure_truth], ids=["aws", "vault", "azure"])
def test_truth(
    make: MakeScene, zone: str, request: pytest.FixtureRequest, canary: CanaryFactory, tmp_path: Path
) -> None:
    """Every boundary of every secret, counted from the very date that the store has for its version."""
    scene = make(request, canary)
    found, expected = {}, {}
    for max_age, (limit, warn) in LIMITS.items():
        for boundary, (length, state) in BOUNDARIES.items():
            for name, (_, created) in scene.secrets.items():
                row = scene.rows(tmp_path, created + length(limit, warn), max_age=max_age)[name]
                found[name, max_age, boundary] = row.state.value
                expected[name, max_age, boundary] = state
                assert row.created == created
    assert found == expected


def test_aws_states(aws_clock: AwsAccount, ministack_clock: Ministack, canary: CanaryFactory, tmp_path: Path) -> None:
    """The clock of AWS is the current version's date, by the real time; each trouble has its own state."""
    provider("aws")
    account = aws_clock
    with ministack_clock.at(100 * DAY):
        for name in ("old", "edited", "renewed", "stuck"):
            account.create(name, canary())
    with ministack_clock.at(80 * DAY):
        account.put("renewed", canary())
    with ministack_clock.at(2 * DAY):
        account.create("deleted", canary())
        account.create("half", canary())
        account.put("stuck", canary())
        account.pending("stuck", canary())
    account.pending("half", canary())
    account.delete("deleted")
    client = account.client()
    client.tag_resource(SecretId=account.name("edited"), Tags=[{"Key": "team", "Value": "x"}])
    client.update_secret(SecretId=account.name("edited"), Description="edited")
    names = ("old", "edited", "renewed", "stuck", "half", "deleted", "gone")
    scene = aws_scene(account)
    rows = scene.rows(tmp_path, datetime.now(UTC), more={name.upper(): f"aws:{name}" for name in names})
    assert {name: (row.state.value, row.age_days) for name, row in rows.items()} == {
        "OLD": ("overdue", 100),
        "EDITED": ("overdue", 100),
        "RENEWED": ("due", 80),
        "STUCK": ("overdue", 2),
        "HALF": ("ok", 2),
        "DELETED": ("missing", None),
        "GONE": ("missing", None),
    }
    assert "has not ended" in (rows["STUCK"].hint or "")
    assert "in progress since" in (rows["HALF"].hint or "")
    canary.assert_clean(repr(rows))


def test_vault_states(vault: VaultSpace, postgresql: PostgreSql, canary: CanaryFactory, tmp_path: Path) -> None:
    """KV v2 by its versions, KV v1 not at all, static roles by their rotation, leases without an age."""
    provider("vault")
    roles, mount, mount1 = vault.database(postgresql), vault.kv2(), vault.kv1()
    for name in ("app", "edited", "deleted"):
        vault.write(mount, name, {"key": canary()})
    vault.write1(mount1, "app", {"key": canary()})
    vault.delete(mount, "deleted", 1)
    role = f"{roles.mount}/roles/app"
    scene = vault_scene(vault, f"{mount}/metadata/*", f"{mount1}/", roles.static_role, role)
    references = {
        "APP": f"vault:{mount}/app#key",
        "EDITED": f"vault:{mount}/edited#key",
        "DELETED": f"vault:{mount}/deleted#key",
        "GONE": f"vault:{mount}/gone#key",
        "V1": f"vault:{mount1}/app#key",
        "STATIC": f"vault:{roles.static_creds}#password",
        "LEASED": f"vault:{roles.creds}#password",
    }
    before = scene.rows(tmp_path, datetime.now(UTC), more=references)
    vault.root.secrets.kv.v2.update_metadata("edited", mount_point=mount, custom_metadata={"team": "x"}, max_versions=7)
    seen = len(vault.audit())
    later = datetime.now(UTC) + timedelta(days=89)
    rows = scene.rows(tmp_path, later, more=references)
    assert {name: row.state.value for name, row in rows.items()} == {
        "APP": "due",
        "EDITED": "due",
        "DELETED": "missing",
        "GONE": "missing",
        "V1": "unknown",
        "STATIC": "ok",
        "LEASED": "dynamic",
    }
    # The engine rotates the static role each day, so that a forecast has another date for it, and no version.
    same = {name: row.created for name, row in rows.items() if name != "STATIC"}
    assert same == {name: row.created for name, row in before.items() if name != "STATIC"}
    created, rotated = before["STATIC"].created, rows["STATIC"].created
    assert created is not None
    assert rotated is not None
    assert (rotated - created) % timedelta(days=1) == timedelta(0)
    assert before["STATIC"].version is not None
    assert rows["STATIC"].version is None
    assert "a forecast: its store keeps that schedule" in (rows["STATIC"].hint or "")
    asked = {path for _, path in vault.audit()[seen:]}
    values = {f"{mount}/data/{name}" for name in ("app", "edited", "deleted", "gone")}
    values |= {f"{mount1}/app", roles.static_creds, roles.creds}
    assert asked
    assert not asked & values
    canary.assert_clean(repr(rows))


def test_azure_states(azure: AzureWorld, canary: CanaryFactory, tmp_path: Path) -> None:
    """The clock of Key Vault is the version's creation; expiry, a later start and disabling are findings beside it."""
    provider("azure")
    vault, now = azure.vault(), datetime(2026, 11, 24, 8, tzinfo=UTC)

    def ago(days: float) -> datetime:
        return now - timedelta(days=days)

    vault.set("old", canary(), created=ago(90))
    edited = vault.set("edited", canary(), created=ago(90))
    edited.updated = int(now.timestamp())
    edited.tags["team"] = "x"
    vault.set("expired", canary(), created=ago(1), expires=now)
    vault.set("expiring", canary(), created=ago(1), expires=now + SECOND)
    vault.set("later", canary(), created=ago(1), not_before=now + SECOND)
    vault.set("disabled", canary(), created=ago(200))
    vault.set("disabled", canary(), created=ago(1), enabled=False)
    vault.set("deleted", canary())
    vault.delete("deleted")
    scene = Scene(
        f'[stores.azure]\nvault_url = "{vault.url}"',
        {**azure.network, **azure.client_secret(azure.principal(may=("list",)))},
    )
    names = ("old", "edited", "expired", "expiring", "later", "disabled", "deleted", "gone")
    rows = scene.rows(tmp_path, now, more={name.upper(): f"azure:{name}" for name in names})
    assert {name: row.state.value for name, row in rows.items()} == {
        "OLD": "overdue",
        "EDITED": "overdue",
        "EXPIRED": "expired",
        "EXPIRING": "due",
        "LATER": "missing",
        "DISABLED": "missing",
        "DELETED": "missing",
        "GONE": "missing",
    }
    assert azure.requests.count("get") == azure.requests.count("get version") == 0
    canary.assert_clean(repr(rows))


def test_failures(
    aws: AwsAccount,
    vault: VaultSpace,
    canary: CanaryFactory,
    tmp_path: Path,
    fault_proxy: Callable[[str], FaultProxy],
) -> None:
    """A store that may not be asked is denied, one that answers with a web page is an error; neither is ever fresh."""
    provider("aws")
    provider("vault")
    account, mount, down = aws, vault.kv2(), fault_proxy(vault.url)
    account.create("app", canary())
    vault.write(mount, "app", {"key": canary()})
    down.fail(html())
    scene = Scene(
        f'[stores.aws]\nregion = "eu-west-1"\n[stores.vault]\naddress = "{vault.url}"\n'
        f'[stores.down]\nprovider = "vault"\naddress = "{down.url}"\n',
        {**account.environ(account.principal(("ListSecrets",))), **vault.environ(vault.token())},
    )
    more = {"A": "aws:app", "V": f"vault:{mount}/app#key", "D": "down:secret/app#key"}
    report = scene.check(tmp_path, datetime.now(UTC), more=more)
    assert {row.keys[0].name: row.state.value for row in report.secrets} == {"A": "denied", "V": "denied", "D": "error"}
    assert report.exit_status == 4


def test_command(
    aws_clock: AwsAccount, ministack_clock: Ministack, canary: CanaryFactory, project: MakeProject
) -> None:
    """The whole way, as a process: JSON by somebody who may read no value, and who is refused when he tries."""
    provider("aws")
    account = aws_clock
    with ministack_clock.at(91 * DAY):
        account.create("app", {"key": canary()})
    made = project(
        {
            "env/production/security.env": "APP_KEY=$<aws:app#key>\n",
            "providers/production.toml": '[stores.aws]\nregion = "eu-west-1"\n',
        }
    )
    environ = account.environ(account.metadata_only())
    done = made.cli("check-rotation", "-e", "production", "--format", "json", env=environ, expect=1)
    (row,) = json.loads(done.stdout)["secrets"]
    assert (row["state"], row["age_days"], row["clock"]) == ("overdue", 91, "version created")
    made.cli("check", "-e", "production", "--fetch", env=environ, expect=4)


def test_a_rotation_by_vault_is_a_difference(vault: VaultSpace, postgresql: PostgreSql, project: MakeProject) -> None:
    """`rotate-role` changes the version of a static role, so that `diff --exit-code` finds it."""
    provider("vault")
    roles = vault.database(postgresql)
    scene = vault_scene(vault, roles.static_role)
    made = project(
        {
            "env/production/security.env": f"DB_PASSWORD=$<vault:{roles.static_creds}#password>\n",
            "providers/production.toml": f"{scene.settings}\n",
        }
    )
    environ = dict(scene.environ)
    made.cli("track", "-e", "production", env=environ, expect=0)
    made.cli("diff", "-e", "production", "--exit-code", env=environ, expect=0)
    vault.root.write_data(f"{roles.mount}/rotate-role/{roles.static_creds.rpartition('/')[2]}", data={})
    done = made.cli("diff", "-e", "production", "--exit-code", "--format", "json", env=environ, expect=1)
    assert json.loads(done.stdout)["summary"]["rotated"] == 1
    forecast = made.cli("check-rotation", "-e", "production", "--at", "2031-01-01", env=environ, expect=0)
    assert "ok" in forecast.stdout
