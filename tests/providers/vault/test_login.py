"""Logging in to Vault: each method, where its credentials come from, and tokens that end."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hvac.exceptions import InvalidPath, InvalidRequest

from secretsync.core.errors import ConfigurationError, ProblemKind
from secretsync.core.model import Found, SecretRef
from secretsync.providers.interface import Deadline
from secretsync.providers.vault.provider import VaultProvider
from tests.providers.vault.helpers import failed, fetch, fetch_all, field, make_provider
from tests.servers import faults
from tests.servers.certificates import CertificateAuthority
from tests.servers.faults import FaultProxy, Gate, hold, running
from tests.servers.loopback import LoopbackServer, Request, Response, json_response
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG

Proxies = Callable[[str], FaultProxy]


class World:
    """One secret, the policy to read it, and a folder for credentials."""

    def __init__(self, vault: VaultSpace, value: str, folder: Path, proxy: FaultProxy) -> None:
        self.vault, self.value, self.folder, self.proxy = vault, value, folder, proxy
        self.mount = vault.kv2()
        self.path = f"{self.mount}/app"
        vault.write(self.mount, "app", {"key": value})
        self.policy = vault.policy(f"{self.mount}/data/*")

    def file(self, text: str) -> str:
        """Return the name of a new file with this text and an editor's line end."""
        name = f"credential-{len(list(self.folder.iterdir()))}"
        (self.folder / name).write_text(text + "\n")
        return name

    def provider(self, *, environ: dict[str, str] | None = None, **auth: object) -> VaultProvider:
        """Return a provider that logs in this way."""
        variables = {**self.vault.environ(url=self.proxy.url), **(environ or {})}
        return make_provider(variables, root=str(self.folder), **({"auth": auth} if auth else {}))

    def logins(self) -> int:
        """How often somebody logged in."""
        return self.proxy.requests.count("* /v1/auth/*/login*")

    def reads(self, provider: VaultProvider) -> bool:
        """Whether the provider gets at the secret."""
        return field(fetch(provider, self.path), "key") == self.value


@pytest.fixture
def world(vault: VaultSpace, canary: CanaryFactory, tmp_path: Path, fault_proxy: Proxies) -> World:
    """Return a secret behind a policy."""
    return World(vault, canary(), tmp_path, fault_proxy(vault.url))


# Each method


def test_token_from_each_place(world: World, home: Path) -> None:
    """A file that is named, the environment, OpenBao's name of it, and the file of `vault login`, in this order."""
    token = world.vault.token(world.policy)
    assert world.reads(world.provider(method="token", token_file=world.file(token), environ={"VAULT_TOKEN": "s.x"}))
    assert world.reads(world.provider(environ={"VAULT_TOKEN": token, "BAO_TOKEN": "s.x"}))
    assert world.reads(world.provider(environ={"BAO_TOKEN": token}))
    nothing = failed(fetch(world.provider(environ={"HOME": str(home)}), world.path))
    assert nothing.kind is ProblemKind.DENIED
    assert "VAULT_TOKEN" in (nothing.hint or "")
    (home / ".vault-token").write_text(token)
    assert world.reads(world.provider(environ={"HOME": str(home)}))


def test_the_process_is_not_asked(world: World, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the environment that a provider is given counts: hvac and requests would look at the process's own."""
    token = world.vault.token(world.policy)
    (home / ".vault-token").write_text(token)
    (home / ".netrc").write_text("machine 127.0.0.1 login app password x\n")
    for name, value in {
        "VAULT_TOKEN": token,
        "VAULT_NAMESPACE": "nowhere",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
        "REQUESTS_CA_BUNDLE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    assert failed(fetch(world.provider(), world.path)).kind is ProblemKind.DENIED
    assert world.proxy.requests.count() == 0
    assert world.reads(world.provider(environ={"VAULT_TOKEN": token}))
    assert all("Authorization" not in request.headers for request in world.proxy.requests.log)


def test_proxy_of_the_environment(world: World) -> None:
    """A proxy that is given is used, but not for hosts that are excepted."""
    token = world.vault.token(world.policy)
    environ = {"VAULT_TOKEN": token, "HTTP_PROXY": "http://127.0.0.1:9"}
    assert "proxy" in failed(fetch(world.provider(environ=environ), world.path, seconds=1.0)).cause
    assert world.reads(world.provider(environ={**environ, "NO_PROXY": "127.0.0.1"}))


def test_approle(world: World) -> None:
    """The role's id in the settings, a file or the environment; the secret_id in a file or the environment."""
    role = world.vault.approle(world.policy)
    auth: dict[str, Any] = {"method": "approle", "mount": role.mount}
    secret_id = world.file(role.secret_id)
    assert world.reads(world.provider(**auth, role_id=role.role_id, secret_id_file=secret_id))
    assert world.reads(world.provider(**auth, role_id_file=world.file(role.role_id), secret_id_file=secret_id))
    variables = {"VAULT_ROLE_ID": role.role_id, "VAULT_SECRET_ID": role.secret_id}
    assert world.reads(world.provider(**auth, environ=variables))
    wrong = failed(fetch(world.provider(**auth, environ={**variables, "VAULT_SECRET_ID": "wrong"}), world.path))
    assert wrong.kind is ProblemKind.DENIED
    assert f"auth/{role.mount} by approle was refused (400)" in wrong.cause


def test_wrapped_secret_id(world: World) -> None:
    """The wrapping is opened once; where somebody else opened it before, that is said."""
    role = world.vault.approle(world.policy, wrap="60s")
    auth: dict[str, Any] = {"method": "approle", "mount": role.mount, "role_id": role.role_id, "wrapped": True}
    provider = world.provider(**auth, secret_id_file=world.file(role.secret_id))
    assert world.reads(provider)
    opened = failed(fetch(world.provider(**auth, secret_id_file=world.file(role.secret_id)), world.path))
    assert opened.kind is ProblemKind.DENIED
    assert "opened before" in opened.cause
    world.vault.root.auth.token.revoke_accessor(_accessor(world, role.mount))
    assert world.reads(provider)  # by what was in the wrapping, which it keeps


def _accessor(world: World, mount: str) -> str:
    """Return the accessor of the token that a login at `mount` gave."""
    token = world.vault.root.auth.token
    for accessor in world.vault.root.list("auth/token/accessors")["data"]["keys"]:
        try:
            found = token.lookup_accessor(accessor)["data"]
        except (InvalidPath, InvalidRequest):
            continue  # a token of another test, which has ended since the list was made
        if found["path"] == f"auth/{mount}/login":
            return str(found["accessor"])
    pytest.fail(f"no token of auth/{mount}/login")


def test_userpass(world: World) -> None:
    """A user's name and password; a wrong password is denied, and asked about once."""
    user = world.vault.userpass(world.policy)
    auth: dict[str, Any] = {"method": "userpass", "mount": user.mount, "username": user.username}
    assert world.reads(world.provider(**auth, password_file=world.file(user.password)))
    assert world.reads(world.provider(**auth, environ={"VAULT_PASSWORD": user.password}))
    before = world.logins()
    provider = world.provider(**auth, environ={"VAULT_PASSWORD": "wrong"})
    outcomes = fetch_all(provider, *(f"{world.mount}/app-{number}" for number in range(20)))
    assert {failed(outcome).kind for outcome in outcomes} == {ProblemKind.DENIED}
    assert world.logins() - before == 1


def test_jwt(world: World) -> None:
    """A signed token from a file or the environment; one that has expired is denied."""
    role = world.vault.jwt(world.policy)
    auth: dict[str, Any] = {"method": "jwt", "mount": role.mount, "role": role.role}
    assert world.reads(world.provider(**auth, jwt_file=world.file(role.sign())))
    assert world.reads(world.provider(**auth, environ={"VAULT_JWT": role.sign()}))
    expired = world.provider(**auth, environ={"VAULT_JWT": role.sign(lifetime=-1800)})
    assert failed(fetch(expired, world.path)).kind is ProblemKind.DENIED


def test_kubernetes(world: World) -> None:
    """A pod's token, which the API server vouches for."""
    role = world.vault.kubernetes(world.policy)
    try:
        auth: dict[str, Any] = {"method": "kubernetes", "mount": role.mount, "role": role.role}
        assert world.reads(world.provider(**auth, jwt_file=world.file(role.token)))
        other = world.provider(**auth, jwt_file=world.file(role.api.reviewer))
        assert failed(fetch(other, world.path)).kind is ProblemKind.DENIED
    finally:
        role.api.stop()
    outside = failed(fetch(world.provider(method="kubernetes", role="app"), world.path))
    assert "/var/run/secrets/kubernetes.io/serviceaccount/token" in outside.cause


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"s.x\r\nX-A: b"])
def test_credential_files_that_are_none(world: World, content: bytes) -> None:
    """An empty file, one that is no text, and one with a line end inside are denied, and nothing is sent."""
    (world.folder / "token").write_bytes(content)
    outcome = failed(fetch(world.provider(method="token", token_file="token"), world.path))
    assert outcome.kind is ProblemKind.DENIED
    assert world.proxy.requests.count() == 0


# Tokens that end


def test_a_dead_token_is_replaced_once_for_all(world: World) -> None:
    """Between two reads the token is revoked: one login more, and every secret is there."""
    role = world.vault.approle(world.policy)
    for number in range(30):
        world.vault.write(world.mount, f"app-{number}", {"key": world.value})
    paths = [f"{world.mount}/app-{number}" for number in range(30)]
    variables = {"VAULT_ROLE_ID": role.role_id, "VAULT_SECRET_ID": role.secret_id}
    provider = world.provider(method="approle", mount=role.mount, environ=variables)
    assert all(isinstance(outcome, Found) for outcome in fetch_all(provider, *paths))
    assert world.logins() == 1
    world.vault.root.auth.token.revoke_accessor(_accessor(world, role.mount))
    assert all(isinstance(outcome, Found) for outcome in fetch_all(provider, *paths))
    assert world.logins() == 2
    assert all(isinstance(outcome, Found) for outcome in fetch_all(provider, *paths))
    assert world.logins() == 2


def test_a_token_that_dies_on_the_way(world: World) -> None:
    """Sixty secrets, the token revoked after the first twenty: one login more, and all sixty are there."""
    role = world.vault.approle(world.policy)
    paths = [f"{world.mount}/app-{number}" for number in range(60)]
    for number in range(60):
        world.vault.write(world.mount, f"app-{number}", {"key": world.value})
    variables = {"VAULT_ROLE_ID": role.role_id, "VAULT_SECRET_ID": role.secret_id}
    provider = world.provider(method="approle", mount=role.mount, environ=variables)
    gate, reads = Gate(), f"GET /v1/{world.mount}/data/*"
    world.proxy.fail(hold(gate), reads, after=20)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(fetch_all, provider, *paths)
        world.proxy.requests.wait_for(30, reads)
        world.vault.root.auth.token.revoke_accessor(_accessor(world, role.mount))
        gate.open()
        assert all(isinstance(outcome, Found) for outcome in asked.result())
    assert world.logins() == 2


def test_a_dead_token_that_cannot_be_replaced(world: World) -> None:
    """Where the new login is refused, that is the answer, after one try."""
    role = world.vault.approle(world.policy)
    variables = {"VAULT_ROLE_ID": role.role_id, "VAULT_SECRET_ID": role.secret_id}
    provider = world.provider(method="approle", mount=role.mount, environ=variables)
    assert world.reads(provider)
    world.vault.root.auth.token.revoke_accessor(_accessor(world, role.mount))
    world.vault.root.delete(f"auth/{role.mount}/role/app")
    outcomes = fetch_all(provider, *(f"{world.mount}/app-{number}" for number in range(10)))
    assert {failed(outcome).kind for outcome in outcomes} == {ProblemKind.DENIED}
    assert world.logins() == 2


def test_a_forbidden_path_is_no_reason_to_log_in_again(world: World) -> None:
    """A live token that may not read something stays."""
    role = world.vault.approle(world.policy)
    variables = {"VAULT_ROLE_ID": role.role_id, "VAULT_SECRET_ID": role.secret_id}
    provider = world.provider(method="approle", mount=role.mount, environ=variables)
    other = world.vault.kv2()
    outcomes = fetch_all(provider, world.path, *(f"{other}/app-{number}" for number in range(10)))
    assert isinstance(outcomes[0], Found)
    assert {failed(outcome).kind for outcome in outcomes[1:]} == {ProblemKind.DENIED}
    assert world.logins() == 1
    assert world.proxy.requests.count("GET /v1/auth/token/lookup-self") == 1


def test_a_token_near_its_end_is_renewed(world: World) -> None:
    """The token of a login lives on; where the server does not renew it, there is a new login."""
    role = world.vault.approle(world.policy)
    variables = {"VAULT_ROLE_ID": role.role_id, "VAULT_SECRET_ID": role.secret_id}
    provider = world.provider(method="approle", mount=role.mount, environ=variables)
    assert world.reads(provider)
    session = provider._session.get()
    assert session is not None
    assert session.token is not None
    session.token._ends = session.token._ends and session.token._ends - 3600 + 5  # as if almost an hour had gone by
    assert session.token.is_ending
    assert world.reads(provider)
    assert world.proxy.requests.count("* /v1/auth/token/renew-self") == 1
    assert world.logins() == 1
    assert not session.token.is_ending
    session.token._ends = session.token._ends and session.token._ends - 3600 + 5
    world.proxy.fail(faults.vault_error(400, "lease is not renewable"), "* /v1/auth/token/renew-self")
    assert world.reads(provider)
    assert world.logins() == 2


def test_a_token_file_that_was_written_anew(world: World) -> None:
    """An agent's file with a newer token is read again when the old token has died."""
    first, second = world.vault.token(world.policy), world.vault.token(world.policy)
    name = world.file(first)
    provider = world.provider(method="token", token_file=name)
    assert world.reads(provider)
    world.vault.revoke(first)
    assert "the token is not valid" in failed(fetch(provider, world.path)).cause
    (world.folder / name).write_text(second)
    assert world.reads(provider)


def test_stores_share_no_token(world: World) -> None:
    """Two stores of one process have each their own identity."""
    allowed, other = world.vault.token(world.policy), world.vault.token()
    reader, stranger = world.provider(environ={"VAULT_TOKEN": allowed}), world.provider(environ={"VAULT_TOKEN": other})
    assert world.reads(reader)
    assert failed(fetch(stranger, world.path)).kind is ProblemKind.DENIED
    assert world.reads(reader)


# Settings


def _wrong_settings() -> Iterator[tuple[dict[str, Any], str]]:
    yield {"auth": {"method": "kubernetes"}}, "needs role"
    yield {"auth": {"method": "token", "role": "app"}}, "role does not go with the method token"
    yield {"auth": {"token_file": ""}}, "token_file is empty"
    yield {"auth": {"method": "jwt", "mount": "a/../b"}}, "mount is no path"
    yield {"kv_version": 3}, "kv_version is 1 or 2"
    yield {"address": "vault.internal:8200"}, "address is not a URL"
    yield {"address": "https://vault.internal:x"}, "address is not a URL"
    yield {"address": "https://vault.internal:8200/word@x"}, "address has a path"
    yield {"address": "https://user:word@vault.internal"}, "has a user or a password in it"
    yield {"address": "http://vault.internal:8200"}, "in the clear"
    yield {"address": "http://169.254.169.254"}, "metadata service"
    yield {"address": ""}, "it has no address"


@pytest.mark.parametrize(("settings", "words"), list(_wrong_settings()))
def test_settings_that_are_wrong(settings: dict[str, Any], words: str) -> None:
    """What does not go together is a configuration error, before anything is asked."""
    with pytest.raises(ConfigurationError) as caught:
        make_provider({}, **{"address": "https://vault.internal:8200", **settings})
    assert words in str(caught.value)
    assert "word@" not in str(caught.value)


def test_plain_http_on_wish() -> None:
    """Where something else encrypts the way, it can be said."""
    make_provider({}, address="http://vault.internal:8200", plain_http=True)
    make_provider({}, address="http://localhost:8200")


def test_building_and_listing_need_no_sdk() -> None:
    """What a provider accepts is known, and a provider built, before hvac is imported."""
    code = (
        "import sys\n"
        "from secretsync.providers.interface import StoreContext\n"
        "from secretsync.providers.vault.provider import VaultProvider\n"
        "VaultProvider(StoreContext(store='v', environment='e', settings={'address': 'https://v:1'}))\n"
        "assert not {'hvac', 'requests', 'urllib3'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_references_and_no_requests(world: World) -> None:
    """Nothing asked, nobody logged in."""
    assert list(world.provider().fetch((), Deadline(HANG))) == []
    assert list(world.provider().describe([SecretRef("vault", "a/b")][:0], Deadline(HANG))) == []
    assert world.proxy.requests.count() == 0


def test_ldap_logs_in_as_userpass_does(world: World) -> None:
    """The request of ldap has the form of userpass: name in the path, password in the body."""
    user = world.vault.userpass(world.policy)
    environ = {"VAULT_PASSWORD": user.password}
    provider = world.provider(method="ldap", mount=user.mount, username=user.username, environ=environ)
    assert world.reads(provider)


@pytest.mark.parametrize("name", ["VAULT_TOKEN", "BAO_TOKEN"])
@pytest.mark.parametrize("damage", ["{}\n", "{}\r\n", " {}", "{} ", "\t{}", "{}\u00e9", "{}\0"])
def test_a_damaged_token_is_named(world: World, canary: CanaryFactory, name: str, damage: str) -> None:
    """A token with a line end or white space is denied before the first request; the message has its variable."""
    value = canary()
    outcome = failed(fetch(world.provider(environ={name: damage.format(value)}), world.path))
    assert outcome.kind is ProblemKind.DENIED
    assert name in outcome.cause
    assert value not in f"{outcome}"
    assert world.proxy.requests.count() == 0


@pytest.mark.parametrize(
    ("name", "auth"),
    [
        ("VAULT_SECRET_ID", {"method": "approle", "role_id": "x"}),
        ("VAULT_JWT", {"method": "jwt"}),
        ("VAULT_PASSWORD", {"method": "userpass", "username": "app"}),
        ("BAO_PASSWORD", {"method": "ldap", "username": "app"}),
    ],
)
def test_a_damaged_credential_is_named(world: World, canary: CanaryFactory, name: str, auth: dict[str, str]) -> None:
    """A credential with a line end is denied before the first request; the message has its variable."""
    value = canary()
    outcome = failed(fetch(world.provider(environ={name: f"{value}\n"}, **auth), world.path))
    assert outcome.kind is ProblemKind.DENIED
    assert name in outcome.cause
    assert value not in f"{outcome}"
    assert world.proxy.requests.count() == 0


class IamServer(LoopbackServer):
    """A Vault that accepts one login by AWS IAM, and answers all reads."""

    def answer(self, request: Request) -> Response:
        """Return a token for a login, a mount, or a secret."""
        if request.path == "/v1/auth/aws/login":
            return json_response({"auth": {"client_token": "s.iam", "lease_duration": 3600, "renewable": False}})
        if request.headers["X-Vault-Token"] != "s.iam":
            return json_response({"errors": ["permission denied"]}, 403)
        return json_response({"data": {"data": {"key": "text"}, "metadata": {"version": 1}}})


def test_aws_iam(canary: CanaryFactory) -> None:
    """The login is a request for GetCallerIdentity, signed as botocore signs it, without the secret key."""
    secret_key, session_token = canary(), canary()
    server = IamServer()
    with running(server):
        environ = {
            "VAULT_ADDR": server.url,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": secret_key,
            "AWS_SESSION_TOKEN": session_token,
            "AWS_REGION": "us-east-1",
        }
        auth = {"method": "aws", "role": "app", "server_id": "vault.test"}
        provider = make_provider(environ, auth=auth, kv_version=2)
        assert isinstance(fetch(provider, "secret/app"), Found)
        sent = server.requests.log[0].json
        headers = json.loads(base64.b64decode(str(sent["iam_request_headers"])))
        body = base64.b64decode(str(sent["iam_request_body"]))
        assert (sent["role"], body) == ("app", b"Action=GetCallerIdentity&Version=2011-06-15")
        assert headers["X-Vault-AWS-IAM-Server-ID"] == "vault.test"
        assert headers["X-Amz-Security-Token"] == session_token
        assert secret_key not in json.dumps([sent, headers])
        assert "AKIAEXAMPLE/" in headers["Authorization"]
        for missing in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            incomplete = {name: value for name, value in environ.items() if name != missing}
            outcome = failed(fetch(make_provider(incomplete, auth=auth, kv_version=2), "secret/app"))
            assert outcome.kind is ProblemKind.DENIED
            assert missing in f"{outcome.hint}"
        damaged = {**environ, "AWS_SECRET_ACCESS_KEY": f"{secret_key}\n"}
        outcome = failed(fetch(make_provider(damaged, auth=auth, kv_version=2), "secret/app"))
        assert "AWS_SECRET_ACCESS_KEY" in outcome.cause


def test_aws_iam_with_a_profile(canary: CanaryFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keys in variables, the login is signed with the keys of the SDK: a profile, or a role of the platform."""
    config = tmp_path / "config"
    config.write_text(f"[default]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = {canary()}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    server = IamServer()
    with running(server):
        auth = {"method": "aws", "role": "app"}
        environ = {"VAULT_ADDR": server.url, "AWS_REGION": "us-east-1"}
        assert isinstance(fetch(make_provider(environ, auth=auth, kv_version=2), "secret/app"), Found)
        headers = json.loads(base64.b64decode(str(server.requests.log[0].json["iam_request_headers"])))
        assert "AKIAPROFILE/" in headers["Authorization"]
        config.write_text("[default]\ncredential_process = /nowhere/helper\n")
        outcome = failed(fetch(make_provider(environ, auth=auth, kv_version=2), "secret/app"))
    assert outcome.kind is ProblemKind.DENIED
    assert "got no AWS keys" in outcome.cause
    assert "aws sso login" in f"{outcome.hint}"


class _Refusing(IamServer):
    """Refuses every login."""

    errors = ("invalid credentials",)

    def answer(self, request: Request) -> Response:
        """Return the refusal of a login."""
        return json_response({"errors": list(self.errors)}, 400)


@pytest.mark.parametrize(
    ("auth", "environ", "words"),
    [
        ({"method": "approle"}, {"VAULT_ROLE_ID": "r", "VAULT_SECRET_ID": "s"}, "vault write -f auth/approle/role/"),
        ({"method": "jwt", "role": "ci"}, {"VAULT_JWT": "j"}, "vault read auth/jwt/role/ci"),
        ({"method": "kubernetes", "role": "app", "jwt_file": "jwt"}, {}, "vault read auth/kubernetes/role/app"),
        ({"method": "userpass", "username": "u"}, {"VAULT_PASSWORD": "p"}, "vault write auth/userpass/users/"),
        ({"method": "ldap", "username": "u", "mount": "corp"}, {"VAULT_PASSWORD": "p"}, "-path=corp"),
        ({"method": "cert", "role": "web"}, {}, "openssl x509 -enddate"),
        (
            {"method": "aws", "role": "app"},
            {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s"},
            "aws sts get-caller-identity",
        ),
    ],
)
def test_a_refused_login(auth: dict[str, str], environ: dict[str, str], words: str, tmp_path: Path) -> None:
    """Name the method, what may have ended, and the command that shows or renews it."""
    (tmp_path / "jwt").write_text("token")
    server = _Refusing()
    with running(server):
        variables = {"VAULT_ADDR": server.url, **environ}
        outcome = failed(fetch(make_provider(variables, root=str(tmp_path), auth=auth, kv_version=2), "secret/app"))
        server.errors = ("no handler for route 'auth/x/login'",)
        unmounted = failed(fetch(make_provider(variables, root=str(tmp_path), auth=auth, kv_version=2), "secret/app"))
    assert outcome.kind is ProblemKind.DENIED
    assert f"by {auth['method']} was refused (400)" in outcome.cause
    assert words in f"{outcome.hint}"
    assert "no auth method is mounted at auth/" in unmounted.cause


def test_a_client_certificate_logs_in(tmp_path: Path) -> None:
    """The method cert sends the role over a connection with the client's certificate."""
    authority = CertificateAuthority(tmp_path)
    context = authority.server_context("127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.bundle)

    class CertServer(IamServer):
        def answer(self, request: Request) -> Response:
            if request.path == "/v1/auth/cert/login":
                return json_response({"auth": {"client_token": "s.iam", "lease_duration": 3600}})
            return super().answer(request)

    certificate, key = authority.files("client")
    server = CertServer(context)
    with running(server):
        environ = {"VAULT_ADDR": server.url, "VAULT_CACERT": str(authority.bundle)}
        auth = {"method": "cert", "role": "web", "cert_file": str(certificate), "key_file": str(key)}
        assert isinstance(fetch(make_provider(environ, auth=auth, kv_version=2), "secret/app"), Found)
        assert server.requests.log[0].json == {"name": "web"}
        variables = {**environ, "VAULT_CLIENT_CERT": str(certificate), "VAULT_CLIENT_KEY": str(key)}
        assert isinstance(fetch(make_provider(variables, auth={"method": "cert"}, kv_version=2), "secret/app"), Found)
        outcome = failed(fetch(make_provider(environ, auth={"method": "cert"}, kv_version=2), "secret/app"))
        assert outcome.kind is ProblemKind.DENIED
        assert "client certificate" in outcome.cause


def test_a_client_of_hvac(world: World) -> None:
    """A provider of the application's own client reads with its token, and does not close it."""
    client = world.vault.server.client(world.vault.token(world.policy))
    provider = VaultProvider.from_client(client)
    assert world.reads(provider)
    assert provider.requests.total == 2
    provider.close()
    assert client.is_authenticated()
    refused = failed(fetch(VaultProvider.from_client(world.vault.server.client("s.unknown")), world.path))
    assert refused.kind is ProblemKind.DENIED


@pytest.mark.parametrize("is_hvac", [False, True])
@pytest.mark.parametrize("large", faults.LARGE)
def test_a_large_answer(world: World, large: str, *, is_hvac: bool) -> None:
    """An answer is bounded after it was decompressed, also if a client of hvac receives it."""
    token = world.vault.token(world.policy)
    client = world.vault.server.client(token, url=world.proxy.url)
    provider = VaultProvider.from_client(client) if is_hvac else world.provider(environ={"VAULT_TOKEN": token})
    world.proxy.fail(faults.LARGE[large](), f"GET /v1/{world.mount}/data/app")
    outcome = failed(fetch(provider, world.path))
    assert outcome.kind is ProblemKind.UNAVAILABLE
    assert faults.is_refused_as_large(outcome.cause)


@pytest.mark.parametrize("is_hvac", [False, True])
@pytest.mark.parametrize("is_chunked", [True, False])
def test_an_endless_answer(world: World, *, is_chunked: bool, is_hvac: bool) -> None:
    """After the deadline nothing is read any more, also if a client of hvac receives the answer."""
    token, ended = world.vault.token(world.policy), threading.Event()
    client = world.vault.server.client(token, url=world.proxy.url)
    provider = VaultProvider.from_client(client) if is_hvac else world.provider(environ={"VAULT_TOKEN": token})
    assert world.reads(provider)
    world.proxy.fail(faults.endless(ended, is_chunked=is_chunked), f"GET /v1/{world.mount}/data/app")
    assert failed(fetch(provider, world.path, seconds=0.7)).kind is ProblemKind.UNAVAILABLE
    assert ended.wait(HANG)
