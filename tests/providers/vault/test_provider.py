"""What Vault's answers mean: values, metadata, and the many ways in which there is none."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import hypothesis
import pytest
from hypothesis import strategies as st

from secretsync.core.errors import ProblemKind, ResolutionError
from secretsync.core.model import Clock, Failed, Found, Missing, SecretRef
from secretsync.providers.interface import Deadline
from tests.providers.vault.helpers import describe, failed, fetch, fetch_all, field, known, make_provider
from tests.servers import faults
from tests.servers.certificates import CertificateAuthority
from tests.servers.faults import FaultProxy, running
from tests.servers.loopback import LoopbackServer, Request, Response, json_response
from tests.servers.openbao import OpenBao, VaultSpace
from tests.servers.postgresql import PostgreSql
from tests.servers.process import HOST
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG

Proxies = Callable[[str], FaultProxy]

UNUSABLE, DENIED, UNAVAILABLE = ProblemKind.UNUSABLE, ProblemKind.DENIED, ProblemKind.UNAVAILABLE


def reader(vault: VaultSpace, *mounts: str) -> str:
    """Return a token that may read and list everything in these mounts."""
    return vault.token(vault.policy(*(f"{mount}/*" for mount in mounts), capabilities=["read", "list"]))


# Values


def test_each_state_of_a_kv2_secret_has_its_own_answer(vault: VaultSpace, canary: CanaryFactory) -> None:
    """Missing, no such version, deleted, destroyed, wrong mount, KV v1: each with its own kind and words."""
    kv2, kv1 = vault.kv2(), vault.kv1()
    for _ in range(3):
        vault.write(kv2, "app", {"key": canary()})
    vault.delete(kv2, "app", 2)
    vault.delete(kv2, "app", 1, destroy=True)
    vault.write1(kv1, "app", {"key": canary()})
    provider = make_provider(vault.environ("root"))
    expected: list[tuple[str, str | None, type, ProblemKind | None, str]] = [
        (f"{kv2}/none", None, Missing, None, f"there is no {kv2}/none"),
        (f"{kv2}/app", "9", Missing, None, "has no version 9"),
        (f"{kv2}/none", "9", Missing, None, f"there is no {kv2}/none"),
        (f"{kv2}/app", "2", Failed, UNUSABLE, "version 2 of"),
        (f"{kv2}/app", "2", Failed, UNUSABLE, "is deleted"),
        (f"{kv2}/app", "1", Failed, UNUSABLE, "is destroyed"),
        (f"{kv2}/app", "x", Failed, ProblemKind.CONFIGURATION, "whole numbers"),
        (f"{kv2}/app", "0", Failed, ProblemKind.CONFIGURATION, "whole numbers"),
        ("nothing/app", None, Failed, UNUSABLE, "nothing is mounted at nothing/app"),
        (f"{kv1}/none", None, Missing, None, f"there is no {kv1}/none"),
        (f"{kv1}/app", "1", Failed, UNUSABLE, "KV v1 keeps no versions"),
    ]
    for path, version, kind, problem, words in expected:
        for outcome in (fetch(provider, path, version), describe(provider, path, version)):
            assert isinstance(outcome, kind), (path, version, outcome)
            assert isinstance(outcome, Missing | Failed)
            assert words in outcome.cause
            assert not isinstance(outcome, Failed) or outcome.kind is problem
    assert isinstance(fetch(provider, f"{kv2}/app"), Found)
    assert isinstance(fetch(provider, f"{kv1}/app"), Found)


def test_version_and_creation_come_with_the_value(vault: VaultSpace, canary: CanaryFactory) -> None:
    """A payload has its version's number and its date; all fields come from that version."""
    mount, first, second = vault.kv2(), canary(), canary()
    vault.write(mount, "app/deep", {"key": first, "user": "a"})
    vault.write(mount, "app/deep", {"key": second, "user": "b"})
    provider = make_provider(vault.environ("root"))
    newest, pinned = fetch(provider, f"{mount}/app/deep"), fetch(provider, f"{mount}/app/deep", "1")
    assert (field(newest, "key"), field(newest, "user")) == (second, "b")
    assert (field(pinned, "key"), field(pinned, "user")) == (first, "a")
    assert isinstance(newest, Found)
    assert isinstance(pinned, Found)
    assert (newest.value.version, pinned.value.version) == ("2", "1")
    assert newest.value.created is not None
    assert abs((dt.datetime.now(dt.UTC) - newest.value.created).total_seconds()) < 60


def test_without_a_field_the_whole_secret_is_json(vault: VaultSpace, canary: CanaryFactory) -> None:
    """A KV secret is an object, whether it has one field or several."""
    mount, value = vault.kv2(), canary(after='"\u2028é')
    vault.write(mount, "one", {"value": value})
    outcome = fetch(make_provider(vault.environ("root")), f"{mount}/one")
    assert isinstance(outcome, Found)
    text = outcome.value.reveal()
    assert isinstance(text, str)
    assert json.loads(text) == {"value": value}


def test_one_request_a_mount_and_one_a_path(vault: VaultSpace, fault_proxy: Proxies, canary: CanaryFactory) -> None:
    """Forty paths in two nested mounts: two questions for mounts, forty reads, and connections that are kept."""
    mounts = [vault.kv2(f"team-{vault.kv1()}/a"), vault.kv2(f"team-{vault.kv1()}/b")]
    paths = [f"{mount}/app-{number}" for mount in mounts for number in range(20)]
    for mount in mounts:
        for number in range(20):
            vault.write(mount, f"app-{number}", {"key": canary()})
    proxy = fault_proxy(vault.url)
    provider = make_provider(vault.environ(reader(vault, *mounts), url=proxy.url))
    for _ in range(2):
        assert all(isinstance(outcome, Found) for outcome in fetch_all(provider, *paths))
    assert proxy.requests.count("GET /v1/sys/internal/ui/mounts/*") == 2
    assert proxy.requests.count() == 2 + 2 * 40
    assert proxy.requests.connections <= 33


def test_mounts_side_by_side_below_one_folder(vault: VaultSpace, canary: CanaryFactory) -> None:
    """Of several mounts below one folder, each path finds its own, whatever their versions."""
    folder = vault.kv1("teams-" + vault.kv1()) + "-x"
    kv1, kv2 = vault.kv1(f"{folder}/one"), vault.kv2(f"{folder}/two")
    first, second = canary(), canary()
    vault.write1(kv1, "a/b", {"key": first})
    vault.write(kv2, "a/b", {"key": second})
    provider = make_provider(vault.environ(reader(vault, kv1, kv2)))
    outcomes = fetch_all(provider, f"{kv1}/a/b", f"{kv2}/a/b", f"{folder}/three/x")
    assert field(outcomes[0], "key") == first
    assert field(outcomes[1], "key") == second
    assert failed(outcomes[2]).kind is DENIED


@pytest.mark.parametrize("status", [403, 404])
def test_mounts_that_may_not_be_asked_for(
    vault: VaultSpace, fault_proxy: Proxies, canary: CanaryFactory, status: int
) -> None:
    """Where that question is closed, the first segment is the mount, and both versions are tried."""
    kv1, kv2, first, second = vault.kv1(), vault.kv2(), canary(), canary()
    vault.write1(kv1, "app", {"key": first})
    vault.write(kv2, "app", {"key": second})
    proxy = fault_proxy(vault.url)
    proxy.fail(faults.vault_error(status, "permission denied"), "GET /v1/sys/internal/ui/mounts/*")
    token = vault.token(vault.policy(f"{kv1}/app", f"{kv2}/data/app", f"{kv2}/metadata/app"))
    provider = make_provider(vault.environ(token, url=proxy.url))
    outcomes = fetch_all(provider, f"{kv1}/app", f"{kv2}/app", f"{kv2}/other")
    assert field(outcomes[0], "key") == first
    assert field(outcomes[1], "key") == second
    assert failed(outcomes[2]).kind is DENIED
    assert known(describe(provider, f"{kv2}/app")).version == "1"


def test_kv_version_is_not_asked_where_it_is_set(
    vault: VaultSpace, fault_proxy: Proxies, canary: CanaryFactory
) -> None:
    """The setting saves the question, and a wrong one is said to be wrong."""
    kv1, kv2, value = vault.kv1(), vault.kv2(), canary()
    vault.write1(kv1, "app", {"key": value})
    vault.write(kv2, "app", {"key": value})
    proxy = fault_proxy(vault.url)
    environ = vault.environ("root", url=proxy.url)
    assert field(fetch(make_provider(environ, kv_version=1), f"{kv1}/app"), "key") == value
    assert field(fetch(make_provider(environ, kv_version=2), f"{kv2}/app"), "key") == value
    assert proxy.requests.count("*/ui/mounts/*") == 0
    wrong = failed(fetch(make_provider(environ, kv_version=1), f"{kv2}/app"))
    assert wrong.kind is UNUSABLE
    assert "KV v2" in wrong.cause


def test_namespace(vault: VaultSpace, canary: CanaryFactory) -> None:
    """The namespace comes from the setting or the environment; the token of another one is no good in it."""
    inside, value = vault.new_namespace(), canary()
    mount = inside.kv2()
    inside.write(mount, "app", {"key": value})
    token = inside.token(inside.policy(f"{mount}/data/app"))
    assert field(fetch(make_provider(inside.environ(token)), f"{mount}/app"), "key") == value
    provider = make_provider(vault.environ(token), namespace=inside.namespace)
    assert field(fetch(provider, f"{mount}/app"), "key") == value
    assert failed(fetch(make_provider(vault.environ(token)), f"{mount}/app")).kind is DENIED
    # A path may name the namespace too.
    assert field(fetch(make_provider(vault.environ("root")), f"{inside.namespace}/{mount}/app"), "key") == value


def test_a_namespace_that_is_not_there(vault: VaultSpace, canary: CanaryFactory) -> None:
    """It is named, and none of its secrets is missing: a default would stand in for a wrong setting."""
    mount = vault.kv2()
    vault.write(mount, "app", {"key": canary()})
    for version in (None, 2):
        provider = make_provider(vault.environ("root"), namespace="nowhere", kv_version=version)
        for outcome in (fetch(provider, f"{mount}/app"), describe(provider, f"{mount}/app")):
            assert failed(outcome).kind is UNUSABLE
            assert failed(outcome).cause == "the server has no namespace nowhere"
        with pytest.raises(ResolutionError, match="no namespace nowhere"):
            provider.identity()


def test_dead_token_and_forbidden_path_are_told_apart(
    vault: VaultSpace, fault_proxy: Proxies, canary: CanaryFactory
) -> None:
    """Both are 403: one message speaks of the token, the other names the policy that is missing; no retries."""
    mount = vault.kv2()
    vault.write(mount, "app", {"key": canary()})
    proxy = fault_proxy(vault.url)
    allowed = vault.token(vault.policy(f"{mount}/data/other"))
    forbidden = failed(fetch(make_provider(vault.environ(allowed, url=proxy.url)), f"{mount}/app"))
    assert forbidden.kind is DENIED
    assert f'path "{mount}/data/app" {{ capabilities = ["read"] }}' in (forbidden.hint or "")
    assert proxy.requests.count(f"GET /v1/{mount}/data/app") == 1
    vault.revoke(allowed)
    dead = failed(fetch(make_provider(vault.environ(allowed, url=proxy.url)), f"{mount}/app"))
    assert dead.kind is DENIED
    assert "the token is not valid" in dead.cause
    assert proxy.requests.count(f"GET /v1/{mount}/data/app") == 1


HOSTILE = [
    "app name",
    "app+x",
    "äpp",
    "a&b=c",
    "app;x",
    "a:b",
    "a@b",
    "app*",
    "a\\b",
    "50%",
    "%s",
    "x'y\"z",
    "{x}",
    "~",
]


def test_paths_arrive_as_they_are_written(vault: VaultSpace, fault_proxy: Proxies, canary: CanaryFactory) -> None:
    """What is special in a URL is encoded once: each path leads to the secret of exactly that name."""
    mount = vault.kv2()
    proxy = fault_proxy(vault.url)
    provider = make_provider(vault.environ("root", url=proxy.url))
    for name in HOSTILE:
        value = canary()
        vault.root.secrets.kv.v2.create_or_update_secret(name, secret={"key": value}, mount_point=mount)
        assert provider.spec.check_path(f"{mount}/{name}") is None
        assert field(fetch(provider, f"{mount}/{name}"), "key") == value
    for request in proxy.requests.log:
        assert request.target.isascii()
        assert not set(request.target) & set(" ;\"'{}\\?#")


@pytest.mark.parametrize(
    "path",
    [
        *("app", "", "/", "m/", "/m", "m//x", "m/./x", "m/../x", "m/..", "../m/x", "m/%2e%2e/x", "m/%2E./x"),
        *(
            "m/x%2f..",
            "m/x?a",
            "m/x#y",
            "m/x\n",
            "m/\0",
            "m/x\r\nX-A: b",
            "m/ /x",
            "m/x ",
            " m/x",
            "m/\u202ex",
            "m/x%00",
        ),
    ],
)
def test_paths_that_are_refused(vault: VaultSpace, path: str) -> None:
    """Whatever could lead to another path than the one written is refused before anything is asked."""
    assert make_provider(vault.environ("root")).spec.check_path(path) is not None


class Echo(LoopbackServer):
    """A server that knows nothing."""

    def answer(self, request: Request) -> Response:
        """Answer that the secret does not exist."""
        return json_response({"errors": []}, 404)


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    """Yield a server that knows nothing."""
    server = Echo()
    with running(server):
        yield server


@hypothesis.given(
    path=st.text(st.sampled_from("ab/.%2eEfF5c?#&=+;: \\~*\"'{}$<>\t\n\r\0\x7f\u0085\u2028\u202eéß/"), max_size=12)
)
def test_what_is_accepted_is_asked_for_exactly(echo: Echo, path: str) -> None:
    """A path is refused, or the server is asked for it and nothing else."""
    provider = make_provider({"VAULT_ADDR": echo.url, "VAULT_TOKEN": "s.x"}, kv_version=1)
    if provider.spec.check_path(path) is not None:
        return
    echo.requests.clear()
    assert isinstance(fetch(provider, path), Missing)
    targets = [request.target for request in echo.requests.log]
    assert [unquote(target, errors="strict") for target in targets] == [f"/v1/{path}"]
    assert not {"", ".", ".."} & set(targets[0].removeprefix("/").split("/"))


# Leases and static roles


def test_leased_credentials_belong_together(vault: VaultSpace, postgresql: PostgreSql, fault_proxy: Proxies) -> None:
    """User and password come from one lease, and let one in; each read is a new lease."""
    roles = vault.database(postgresql)
    proxy = fault_proxy(vault.url)
    provider = make_provider(vault.environ(reader(vault, roles.mount), url=proxy.url))
    first, second = fetch(provider, roles.creds), fetch(provider, roles.creds)
    user, password = field(first, "username"), field(first, "password")
    assert postgresql.query("select current_user", user=user, password=password) == user
    assert field(second, "username") != user
    assert proxy.requests.count(f"GET /v1/{roles.creds}") == 2
    assert isinstance(first, Found)
    assert first.value.version is not None
    assert first.value.version.startswith(f"{roles.creds}/")


def test_end_of_a_lease(vault: VaultSpace, postgresql: PostgreSql, fault_proxy: Proxies) -> None:
    """A value ends with its lease, or with a token that ends before. Only a lease needs the end of the token."""
    roles, proxy = vault.database(postgresql), fault_proxy(vault.url)
    mount = vault.kv2()
    vault.write(mount, "app", {"key": "1"})
    policy = vault.policy(roles.creds, f"{mount}/data/*")
    unseen = vault.token(policy, ttl="40m", no_default_policy=True)
    role = vault.approle(policy, ttl="20m")
    auth = {"method": "approle", "mount": role.mount, "role_id": role.role_id}
    ends = []
    for token, settings in (
        (vault.token(policy, ttl="2h"), None),
        (vault.token(policy, ttl="50m"), None),
        ("root", None),
        (unseen, None),  # it may not look itself up
        (None, auth),
    ):
        environ = {**vault.environ(token, url=proxy.url), "VAULT_SECRET_ID": role.secret_id}
        more: dict[str, Any] = {"auth": settings} if settings else {}
        provider = make_provider(environ, **more)
        plain, leased = fetch_all(provider, f"{mount}/app", roles.creds)
        assert isinstance(plain, Found)
        assert plain.value.lifetime is None
        assert isinstance(leased, Found)
        assert leased.value.lifetime is not None
        assert 0 < leased.value.lifetime <= {"its lease": 3600, "the login token": 3000}[leased.value.ends_with]
        ends.append(leased.value.ends_with)
    assert ends == ["its lease", "the login token", "its lease", "its lease", "the login token"]
    assert proxy.requests.count("GET /v1/auth/token/lookup-self") == 4


def test_leased_credentials_are_not_asked_for_twice(
    vault: VaultSpace, postgresql: PostgreSql, fault_proxy: Proxies
) -> None:
    """Where the server may have made a lease already, the request is not repeated; a busy server is asked again."""
    roles = vault.database(postgresql)
    proxy = fault_proxy(vault.url)
    provider = make_provider(vault.environ("root", url=proxy.url))
    proxy.fail(faults.reset(asked=True), f"GET /v1/{roles.creds}", times=1)
    assert failed(fetch(provider, roles.creds)).kind is UNAVAILABLE
    assert proxy.requests.count(f"GET /v1/{roles.creds}") == 1
    proxy.heal()
    proxy.fail(faults.vault_error(503), f"GET /v1/{roles.creds}", times=1)
    assert field(fetch(provider, roles.creds), "username")
    assert proxy.requests.count(f"GET /v1/{roles.creds}") == 3


def test_static_role(vault: VaultSpace, postgresql: PostgreSql) -> None:
    """Its password is read; its age is that of the rotation, which is told without the password."""
    roles = vault.database(postgresql)
    provider = make_provider(vault.environ(reader(vault, roles.mount)))
    value = fetch(provider, roles.static_creds)
    assert postgresql.query("select 1", user=field(value, "username"), password=field(value, "password")) == "1"
    auditor = make_provider(vault.environ(vault.token(vault.policy(roles.static_role, f"{roles.mount}/roles/app"))))
    info = known(describe(auditor, roles.static_creds))
    assert info.clock is Clock.LAST_ROTATED
    assert info.created is not None
    assert abs((dt.datetime.now(dt.UTC) - info.created).total_seconds()) < 60
    assert info.rotation_period == 86400
    assert info.next_rotation == info.created + dt.timedelta(days=1)
    assert not info.dynamic
    assert failed(fetch(auditor, roles.static_creds)).kind is DENIED
    # The value and the metadata have the same version, which a rotation changes.
    assert info.version is not None
    assert isinstance(value, Found)
    assert value.value.version == info.version
    vault.root.write_data(f"{roles.mount}/rotate-role/{roles.static_creds.rpartition('/')[2]}", data={})
    rotated = known(describe(auditor, roles.static_creds))
    assert rotated.version not in (None, info.version)
    again = fetch(provider, roles.static_creds)
    assert isinstance(again, Found)
    assert again.value.version == rotated.version


def test_roles_that_are_not_there(vault: VaultSpace, postgresql: PostgreSql) -> None:
    """A role that does not exist is missing, for values and for metadata."""
    roles = vault.database(postgresql)
    provider = make_provider(vault.environ("root"))
    for path in (f"{roles.mount}/creds/none", f"{roles.mount}/static-creds/none"):
        for outcome in (fetch(provider, path), describe(provider, path)):
            assert isinstance(outcome, Missing), (path, outcome)


def test_metadata_of_a_lease_makes_none(vault: VaultSpace, postgresql: PostgreSql) -> None:
    """A leased secret is known as such from its role; where that may not be read, a note says so."""
    roles = vault.database(postgresql)
    known_role, unknown_role = "a lease ends after 60 minutes", f"whether {roles.creds} exists"
    for token, note in (
        (reader(vault, roles.mount), known_role),
        (vault.token(vault.policy(roles.creds)), unknown_role),
    ):
        info = known(describe(make_provider(vault.environ(token)), roles.creds))
        assert info.dynamic
        assert info.created is None
        assert [text.startswith(note) for text in info.notes] == [True]
    assert roles.creds not in [path for _, path in vault.audit()]


# Metadata


def test_metadata_touches_no_value(vault: VaultSpace, postgresql: PostgreSql, canary: CanaryFactory) -> None:
    """The server's own log: describing asks for mounts and metadata, with a token that could do nothing else."""
    kv2, kv1, roles = vault.kv2(), vault.kv1(), vault.database(postgresql)
    vault.write(kv2, "app", {"key": canary()})
    vault.write1(kv1, "folder/app", {"key": canary()})
    policies = [
        vault.policy(f"{kv2}/metadata/*", roles.static_role, f"{roles.mount}/roles/*"),
        vault.policy(f"{kv1}/folder/", capabilities=["list"]),
    ]
    provider = make_provider(vault.environ(vault.token(*policies)))
    paths = [f"{kv2}/app", f"{kv1}/folder/app", roles.static_creds, roles.creds]
    refs = [SecretRef("vault", path) for path in paths]
    assert all(isinstance(outcome, Found) for _, outcome in provider.describe(refs, Deadline(HANG)))
    asked = {(operation, path) for operation, path in vault.audit() if not path.startswith("sys/internal/ui/mounts/")}
    assert asked == {
        ("read", f"{kv2}/metadata/app"),
        ("list", f"{kv1}/folder/"),
        ("read", roles.static_role),
        ("read", f"{roles.mount}/roles/app"),
    }
    assert failed(fetch(provider, f"{kv2}/app")).kind is DENIED


def test_age_is_that_of_the_current_version(vault: VaultSpace, canary: CanaryFactory) -> None:
    """Neither custom metadata nor a newer version moves the date of a version; a pinned one knows of the newer one."""
    mount = vault.kv2()
    vault.write(mount, "app", {"key": canary()})
    provider = make_provider(vault.environ("root"))
    before = known(describe(provider, f"{mount}/app"))
    vault.root.secrets.kv.v2.update_metadata("app", mount_point=mount, custom_metadata={"owner": "somebody"})
    assert known(describe(provider, f"{mount}/app")) == before
    vault.write(mount, "app", {"key": canary()})
    pinned, newest = known(describe(provider, f"{mount}/app", "1")), known(describe(provider, f"{mount}/app"))
    assert before.created is not None
    assert newest.created is not None
    assert pinned.created == before.created < newest.created
    assert (pinned.version, pinned.newer_version, newest.version, newest.newer_version) == ("1", "2", "2", None)
    assert before.clock is Clock.VERSION_CREATED


def test_deletion_that_is_to_come(vault: VaultSpace, canary: CanaryFactory) -> None:
    """A version that Vault will delete is usable until then, and says when."""
    mount, value = vault.kv2(), canary()
    vault.root.secrets.kv.v2.update_metadata("app", mount_point=mount, delete_version_after="2h")
    vault.write(mount, "app", {"key": value})
    provider = make_provider(vault.environ("root"))
    assert field(fetch(provider, f"{mount}/app"), "key") == value
    info = known(describe(provider, f"{mount}/app"))
    assert info.deletion is not None
    assert info.created is not None
    assert info.deletion - info.created == dt.timedelta(hours=2)


def test_metadata_without_a_version(vault: VaultSpace) -> None:
    """Metadata that were written before any value are no secret."""
    mount = vault.kv2()
    vault.root.secrets.kv.v2.update_metadata("app", mount_point=mount, custom_metadata={"owner": "somebody"})
    provider = make_provider(vault.environ("root"))
    assert isinstance(describe(provider, f"{mount}/app"), Missing)
    assert isinstance(fetch(provider, f"{mount}/app"), Missing)


def test_kv1_says_what_it_cannot(vault: VaultSpace, canary: CanaryFactory) -> None:
    """KV v1 has no date; that a secret is there is told by its folder, or not at all."""
    mount = vault.kv1()
    vault.write1(mount, "app", {"key": canary()})
    listing = make_provider(vault.environ(reader(vault, mount)))
    info = known(describe(listing, f"{mount}/app"))
    assert (info.created, info.clock) == (None, Clock.NONE)
    assert any("KV v1 has no metadata" in note for note in info.notes)
    reading = make_provider(vault.environ(vault.token(vault.policy(f"{mount}/app"))))
    assert any("may not list" in note for note in known(describe(reading, f"{mount}/app")).notes)


# Who we are, and the way there


def test_identity(vault: VaultSpace, canary: CanaryFactory) -> None:
    """Names and ids; neither the token nor its accessor."""
    policy = vault.policy("x/y")
    token = vault.token(policy, display_name="app")
    identity = make_provider(vault.environ(token)).identity()
    assert (identity.store, identity.provider, identity.endpoint) == ("vault", "vault", vault.url)
    assert identity.principal == "token-app"
    assert dict(identity.details)["policies"] == f"default, {policy}"
    end = dt.datetime.fromisoformat(dict(identity.details)["login ends"])
    assert dt.timedelta(0) < end - dt.datetime.now(dt.UTC) <= dt.timedelta(hours=1)
    assert "login ends" not in dict(make_provider(vault.environ("root")).identity().details)
    accessor = vault.root.auth.token.lookup(token)["data"]["accessor"]
    assert token not in repr(identity)
    assert accessor not in repr(identity)
    with pytest.raises(ResolutionError) as caught:
        make_provider(vault.environ("s.dead")).identity()
    assert caught.value.problems[0].kind is DENIED
    assert caught.value.__context__ is None


def test_tls(openbao_tls: OpenBao, openbao: OpenBao, canary: CanaryFactory, tmp_path: Path) -> None:
    """The authority comes from the setting or the environment; without it, or with another one, nothing is sent."""
    space, value = openbao_tls.space(), canary()
    mount = space.kv2()
    space.write(mount, "app", {"key": value})
    token = reader(space, mount)
    assert field(fetch(make_provider(space.environ(token)), f"{mount}/app"), "key") == value
    environ = {"VAULT_ADDR": space.url, "VAULT_TOKEN": token}
    assert openbao_tls.ca_cert is not None
    provider = make_provider(environ, root=str(openbao_tls.ca_cert.parent), ca_cert=openbao_tls.ca_cert.name)
    assert field(fetch(provider, f"{mount}/app"), "key") == value
    untrusted = failed(fetch(make_provider(environ), f"{mount}/app"))
    assert untrusted.kind is UNAVAILABLE
    assert "certificate is not trusted" in untrusted.cause
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    unreadable = failed(fetch(make_provider(environ, ca_cert=str(broken)), f"{mount}/app"))
    assert str(broken) in unreadable.cause


class Silent(LoopbackServer):
    """A server that is not asked anything, if all is well."""

    def answer(self, request: Request) -> Response:
        """Return what would be found."""
        return json_response({"data": {}})


@pytest.mark.parametrize("fault", ["name", "authority", "date"])
def test_tls_of_another_server(fault: str, tmp_path: Path) -> None:
    """A certificate for another name, of another authority, or expired, is refused before the token is sent."""
    own, other = CertificateAuthority(tmp_path / "own"), CertificateAuthority(tmp_path / "other")
    authority, name = other if fault == "authority" else own, "other.test" if fault == "name" else HOST
    server = Silent(authority.server_context(name, expired=fault == "date"))
    with running(server):
        environ = {"VAULT_ADDR": server.url, "VAULT_TOKEN": "s.x", "VAULT_CACERT": str(own.bundle)}
        outcome = failed(fetch(make_provider(environ), "secret/app"))
        assert outcome.kind is UNAVAILABLE
        assert "certificate is not trusted" in outcome.cause
        assert server.requests.count() == 0
        assert server.requests.connections == 1
