"""The test servers answer the real SDKs as the services do, above all where that surprises."""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import http.client
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import hvac
import hvac.exceptions
import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError, ServiceRequestError
from azure.identity import ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient

from tests.servers import faults
from tests.servers.aws import AwsAccount, ContainerCredentials, Principal
from tests.servers.azure import TENANT, AzureWorld, throttled
from tests.servers.faults import FaultProxy, Gate
from tests.servers.loopback import Fault
from tests.servers.ministack import Ministack
from tests.servers.openbao import OpenBao, VaultSpace, start_openbao
from tests.servers.postgresql import PostgreSql
from tests.servers.process import HOST, PortReservation
from tests.support.limits import HANG

DAY = 86400.0
Proxies = Callable[[str], FaultProxy]


def aws_code(call: Callable[[], object]) -> str:
    """The error code with which AWS refuses `call`."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def azure_code(call: Callable[[], object]) -> tuple[int | None, str, str | None]:
    """Status, code and inner code with which a vault refuses `call`."""
    with pytest.raises(HttpResponseError) as caught:
        call()
    error: Any = caught.value.error
    return caught.value.status_code, error.code, error.innererror and error.innererror.get("code")


# AWS


def test_metadata_only_principal_sees_dates_and_no_value(aws: AwsAccount) -> None:
    """The three metadata calls work, both value calls are denied."""
    aws.create("app", "v")
    client = aws.client(principal=aws.metadata_only())
    assert client.list_secret_version_ids(SecretId="app")["Versions"][0]["VersionStages"] == ["AWSCURRENT"]
    assert client.describe_secret(SecretId="app")["Name"] == "app"
    assert [secret["Name"] for secret in client.list_secrets()["SecretList"]] == ["app"]
    assert aws_code(lambda: client.get_secret_value(SecretId="app")) == "AccessDeniedException"
    assert aws_code(lambda: client.batch_get_secret_value(SecretIdList=["app"])) == "AccessDeniedException"


def test_batch_keeps_errors_apart(aws: AwsAccount) -> None:
    """Denied, deleted and missing ids are listed as errors in a 200, beside the values."""
    readable = aws.create("prod/good", {"k": "v"})
    aws.create("prod/deleted", "x")
    aws.delete("prod/deleted")
    aws.create("other", "x")
    scope = readable.rpartition("good")[0] + "*"
    answer = aws.client(principal=aws.principal(resource=scope)).batch_get_secret_value(
        SecretIdList=["prod/good", "prod/deleted", "prod/none", "other"]
    )
    assert [value["Name"] for value in answer["SecretValues"]] == ["prod/good"]
    assert {error["SecretId"]: error["ErrorCode"] for error in answer["Errors"]} == {
        "prod/deleted": "InvalidRequestException",
        "prod/none": "ResourceNotFoundException",
        "other": "AccessDeniedException",
    }


def test_no_batch_principal_reads_one_by_one(aws: AwsAccount) -> None:
    """The right to read is not the right to read in batches."""
    aws.create("app", "v")
    client = aws.client(principal=aws.no_batch())
    assert client.get_secret_value(SecretId="app")["SecretString"] == "v"
    assert aws_code(lambda: client.batch_get_secret_value(SecretIdList=["app"])) == "AccessDeniedException"


def test_signatures_are_checked(aws: AwsAccount) -> None:
    """A user's key with a wrong secret is refused."""
    user = aws.principal()
    forged = Principal(user.access_key, "wrong")
    assert aws_code(lambda: aws.client(principal=forged).list_secrets()) == "InvalidSignatureException"


def test_accounts_are_apart(ministack: Ministack) -> None:
    """A test does not see another test's secrets."""
    first, second = ministack.account(), ministack.account()
    first.create("app", "v")
    assert second.client().list_secrets()["SecretList"] == []


def test_role_trusts_one_user(aws: AwsAccount) -> None:
    """Only the trusted user gets a session of the role, and the session reads."""
    aws.create("app", "v")
    trusted, other = aws.principal(actions=()), aws.principal(actions=())
    role = aws.role(trusted)
    assert aws_code(lambda: aws.assume(role, other)) == "AccessDenied"
    session = aws.assume(role, trusted)
    assert aws.client(principal=session).get_secret_value(SecretId="app")["SecretString"] == "v"


@pytest.mark.parametrize("platform", ["pod", "task"])
def test_platforms_give_sessions(
    aws: AwsAccount, platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """The standard chain finds a pod's web identity and a task's endpoint, and acts as their role."""
    aws.create("app", "v")
    if platform == "pod":
        variables = aws.pod(tmp_path)
    else:
        user = aws.principal(actions=())
        task = ContainerCredentials(aws.assume(aws.role(user), user))
        request.addfinalizer(task.stop)
        variables = task.environ(aws.url)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    session = boto3.Session()
    assert session.client("secretsmanager").get_secret_value(SecretId="app")["SecretString"] == "v"
    assert ":assumed-role/" in session.client("sts").get_caller_identity()["Arn"]


def test_clock_moves_version_dates_and_edits_do_not(ministack_clock: Ministack, aws_clock: AwsAccount) -> None:
    """A version is as old as the server's clock made it; an edit of the description moves LastChangedDate alone."""
    with ministack_clock.at(100 * DAY):
        aws_clock.create("app", "v")
    aws_clock.client().update_secret(SecretId="app", Description="edited")
    reader = aws_clock.client(principal=aws_clock.metadata_only())
    created = reader.list_secret_version_ids(SecretId="app")["Versions"][0]["CreatedDate"]
    changed = reader.describe_secret(SecretId="app")["LastChangedDate"]
    assert time.time() - created.timestamp() == pytest.approx(100 * DAY, abs=60)
    assert time.time() - changed.timestamp() == pytest.approx(0, abs=60)


def test_pending_version_leaves_current(aws: AwsAccount) -> None:
    """A rotation that was begun does not change what is read."""
    aws.create("app", "old")
    pending = aws.pending("app", "new")
    client = aws.client()
    assert client.get_secret_value(SecretId="app")["SecretString"] == "old"
    assert client.describe_secret(SecretId="app")["VersionIdsToStages"][pending] == ["AWSPENDING"]


def test_moto_has_rotation_metadata(aws_moto: AwsAccount) -> None:
    """It says when a secret was rotated and is next; where rotation was never on, it says nothing."""
    aws_moto.create("rotated", "v")
    aws_moto.create("plain", "v")
    client = aws_moto.client()
    client.rotate_secret(SecretId=aws_moto.name("rotated"), RotationRules={"AutomaticallyAfterDays": 30})
    rotated = client.describe_secret(SecretId=aws_moto.name("rotated"))
    assert rotated["NextRotationDate"] > rotated["LastRotatedDate"]
    assert "RotationEnabled" not in client.describe_secret(SecretId=aws_moto.name("plain"))


def test_valueless_secret(aws: AwsAccount, aws_moto: AwsAccount) -> None:
    """Missing in moto, as in AWS; ministack gives the 200 without a value that must not be taken for an empty one."""
    aws.valueless("app")
    answer = aws.client().get_secret_value(SecretId="app")
    assert "SecretString" not in answer
    assert "SecretBinary" not in answer
    aws_moto.valueless("app")
    missing = aws_code(lambda: aws_moto.client().get_secret_value(SecretId=aws_moto.name("app")))
    assert missing == "ResourceNotFoundException"


# The fault proxy


def test_proxy_counts_and_keeps_connections(aws: AwsAccount, fault_proxy: Proxies) -> None:
    """Signed requests pass unchanged, counted by operation, over one connection."""
    aws.create("app", "v")
    proxy = fault_proxy(aws.url)
    client = aws.client(principal=aws.principal(), url=proxy.url)
    for _ in range(3):
        assert client.get_secret_value(SecretId="app")["SecretString"] == "v"
    client.list_secrets()
    assert proxy.requests.operations == {"GetSecretValue": 3, "ListSecrets": 1}
    assert proxy.requests.connections == 1


def test_proxy_throttles_some(aws: AwsAccount, fault_proxy: Proxies) -> None:
    """A fault is for one operation, after so many, for so many."""
    aws.create("app", "v")
    proxy = fault_proxy(aws.url)
    proxy.fail(faults.aws_error("ThrottlingException"), "GetSecretValue", after=1, times=1)
    client = aws.client(url=proxy.url)
    client.list_secrets()
    client.get_secret_value(SecretId="app")
    assert aws_code(lambda: client.get_secret_value(SecretId="app")) == "ThrottlingException"
    assert client.get_secret_value(SecretId="app")["SecretString"] == "v"


@pytest.mark.parametrize("fault", [faults.html(), faults.empty()], ids=["html", "empty"])
def test_botocore_takes_garbage_for_an_empty_answer(aws: AwsAccount, fault_proxy: Proxies, fault: Fault) -> None:
    """A 200 that is not JSON raises nothing: there is just no value in the answer."""
    proxy = fault_proxy(aws.url)
    proxy.fail(fault)
    answer = aws.client(url=proxy.url).get_secret_value(SecretId="app")
    assert set(answer) == {"ResponseMetadata"}


def test_proxy_cuts_and_resets(openbao: OpenBao, fault_proxy: Proxies) -> None:
    """A cut body is shorter than its Content-Length; a reset is one."""
    proxy = fault_proxy(openbao.url)
    proxy.fail(faults.cut(5), times=1)
    proxy.fail(faults.reset(), times=1)
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=HANG)
    connection.request("GET", "/v1/sys/health")
    with pytest.raises(http.client.IncompleteRead) as caught:
        connection.getresponse().read()
    assert caught.value.expected == 5
    connection.close()
    with pytest.raises(ConnectionResetError):  # noqa: PT012 - either of the two may see it first
        connection.request("GET", "/v1/sys/health")
        connection.getresponse()
    connection.close()


@pytest.mark.parametrize("mode", ["silence", "drip", "mute", "black_hole", "paused"])
def test_hangs_end_by_the_clients_clock_alone(
    openbao: OpenBao, fault_proxy: Proxies, mode: str, request: pytest.FixtureRequest
) -> None:
    """Nothing comes back in time, whether the request was read, the connection accepted, or neither."""
    proxy = fault_proxy(openbao.url)
    if mode == "silence":
        proxy.fail(faults.silence())
    elif mode == "drip":
        proxy.fail(faults.drip(0.2))
    elif mode == "mute":
        proxy.mute()
    elif mode == "black_hole":
        proxy.black_hole()
    else:
        openbao.process.pause()
        request.addfinalizer(openbao.process.resume)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(requests.get, f"{proxy.url}/v1/sys/health", timeout=HANG)
        with pytest.raises(TimeoutError):
            asked.result(0.4)
        openbao.process.resume()
        proxy.heal()
        proxy.stop()  # cuts what hangs


def test_refused_and_healed_on_the_same_port(openbao: OpenBao, fault_proxy: Proxies) -> None:
    """A server that comes back is where it was."""
    proxy = fault_proxy(openbao.url)
    proxy.refuse()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{proxy.url}/v1/sys/health", timeout=HANG)
    proxy.heal()
    assert requests.get(f"{proxy.url}/v1/sys/health", timeout=HANG).status_code == 200


def test_a_port_is_kept_while_nothing_listens(fault_proxy: Proxies) -> None:
    """No other program gets the port of a server that is down, nor that of a server before it starts."""
    proxy, reserved = fault_proxy("http://127.0.0.1:1"), PortReservation(2)
    proxy.refuse()
    for port in (proxy.port, reserved.port, reserved.port + 1):
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((HOST, port))
    reserved.release()


def test_gate_shows_concurrency(openbao: OpenBao, fault_proxy: Proxies) -> None:
    """Held requests are all in flight before one of them is answered."""
    proxy, gate = fault_proxy(openbao.url), Gate()
    proxy.fail(faults.hold(gate))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(requests.get, f"{proxy.url}/v1/sys/health", timeout=HANG) for _ in range(4)]
        proxy.requests.wait_for(4, "GET /v1/sys/health")
        assert proxy.requests.peak == 4
        gate.open()
        assert [answer.result().status_code for answer in asked] == [200] * 4


# OpenBao


def test_absences_are_told_apart(vault: VaultSpace) -> None:
    """Missing path, missing mount, deleted, destroyed, and KV v1 read as v2: all 404, all different."""
    v2, v1 = vault.kv2(), vault.kv1()
    for path in ("deleted", "destroyed"):
        vault.write(v2, path, {"k": "v"})
    vault.delete(v2, "deleted", 1)
    vault.delete(v2, "destroyed", 1, destroy=True)
    vault.write1(v1, "app", {"k": "v"})

    def absence(mount: str, path: str) -> tuple[object, ...]:
        with pytest.raises(hvac.exceptions.InvalidPath) as caught:
            vault.root.secrets.kv.v2.read_secret_version(path, mount_point=mount, raise_on_deleted_version=True)
        error: Any = caught.value
        metadata = ((error.json or {}).get("data") or {}).get("metadata") or {}
        no_mount = any("no handler for route" in text for text in error.errors or ())
        return no_mount, bool(metadata.get("deletion_time")), metadata.get("destroyed")

    assert absence(v2, "none") == (False, False, None)
    assert absence("no-mount", "none") == (True, False, None)
    assert absence(v2, "deleted") == (False, True, False)
    assert absence(v2, "destroyed") == (False, False, True)
    assert absence(v1, "app") == (False, False, None)


def test_audit_shows_what_was_asked(vault: VaultSpace) -> None:
    """The audit file has every path, and leaves out what the root token did."""
    mount = vault.kv2()
    vault.write(mount, "app", {"k": "v"})
    client = vault.server.client(vault.token(vault.policy(f"{mount}/metadata/*")))
    client.secrets.kv.v2.read_secret_metadata("app", mount_point=mount)
    with pytest.raises(hvac.exceptions.Forbidden):
        client.secrets.kv.v2.read_secret_version("app", mount_point=mount, raise_on_deleted_version=True)
    assert vault.audit() == [("read", f"{mount}/metadata/app"), ("read", f"{mount}/data/app")]


@pytest.mark.parametrize("method", ["token", "approle", "wrapped", "userpass", "jwt", "kubernetes"])
def test_auth_methods_let_in(vault: VaultSpace, method: str, request: pytest.FixtureRequest) -> None:
    """Each method gives a token that reads what its policy allows."""
    mount = vault.kv2()
    vault.write(mount, "app", {"k": "v"})
    policy = vault.policy(f"{mount}/data/app")
    client = vault.server.client(None)
    if method == "token":
        client.token = vault.token(policy)
    elif method in {"approle", "wrapped"}:
        role = vault.approle(policy, wrap="60s" if method == "wrapped" else None)
        secret_id = role.secret_id
        if method == "wrapped":
            secret_id = vault.server.client(secret_id).sys.unwrap()["data"]["secret_id"]
        client.auth.approle.login(role.role_id, secret_id, mount_point=role.mount)
    elif method == "userpass":
        user = vault.userpass(policy)
        client.auth.userpass.login(user.username, user.password, mount_point=user.mount)
    elif method == "jwt":
        signer = vault.jwt(policy)
        with pytest.raises(hvac.exceptions.InvalidRequest):
            client.auth.jwt.jwt_login(signer.role, signer.sign(lifetime=-1000), path=signer.mount)
        answer = client.auth.jwt.jwt_login(signer.role, signer.sign(), path=signer.mount)
        client.token = answer["auth"]["client_token"]
    else:
        pod = vault.kubernetes(policy)
        request.addfinalizer(pod.api.stop)
        client.auth.kubernetes.login(pod.role, pod.token, mount_point=pod.mount)
        assert pod.api.requests.count() == 1
        with pytest.raises(hvac.exceptions.Forbidden):
            client.auth.kubernetes.login(pod.role, pod.api.reviewer, mount_point=pod.mount)
    read = client.secrets.kv.v2.read_secret_version("app", mount_point=mount, raise_on_deleted_version=True)
    assert read["data"]["data"] == {"k": "v"}


def test_wrapped_secret_id_opens_once(vault: VaultSpace) -> None:
    """A second look at a wrapped secret_id is refused with 400."""
    wrapping = vault.approle(wrap="60s").secret_id
    vault.server.client(wrapping).sys.unwrap()
    with pytest.raises(hvac.exceptions.InvalidRequest):
        vault.server.client(wrapping).sys.unwrap()


def test_rate_limit_says_when_to_come_back(vault: VaultSpace) -> None:
    """Past the quota it is 429 with Retry-After."""
    mount = vault.kv2()
    vault.rate_limit(mount, 1, interval="60s")
    headers = {"X-Vault-Token": vault.token()}
    url = f"{vault.url}/v1/{mount}/data/none"
    statuses = [requests.get(url, headers=headers, timeout=HANG) for _ in range(2)]
    assert statuses[-1].status_code == 429
    assert 0 < int(statuses[-1].headers["Retry-After"]) <= 60


def test_database_credentials_belong_together(vault: VaultSpace, postgresql: PostgreSql) -> None:
    """Each read of a role makes a user that PostgreSQL lets in with the password of that read alone."""
    roles = vault.database(postgresql)
    first, second = (vault.root.read(roles.creds)["data"] for _ in range(2))
    assert postgresql.query("SELECT current_user", user=first["username"], password=first["password"])
    with pytest.raises(subprocess.CalledProcessError):
        postgresql.query("SELECT 1", user=first["username"], password=second["password"])
    static = vault.root.read(roles.static_creds)["data"]
    assert postgresql.query("SELECT 1", user=static["username"], password=static["password"]) == "1"
    about = vault.root.read(roles.static_role)["data"]
    assert about["last_vault_rotation"]
    assert about["rotation_period"] == 86400
    assert "password" not in about


def test_sealed_and_uninitialised(openbao_sealed: OpenBao, openbao_uninitialised: OpenBao) -> None:
    """The health endpoint tells them apart; a read is 503 in both."""
    assert requests.get(f"{openbao_sealed.url}/v1/sys/health", timeout=HANG).status_code == 503
    assert requests.get(f"{openbao_uninitialised.url}/v1/sys/health", timeout=HANG).status_code == 501
    with pytest.raises(hvac.exceptions.VaultDown):
        openbao_sealed.client("t").read("secret/data/app")


def test_tls_needs_its_authority(openbao_tls: OpenBao) -> None:
    """The server's certificate is good with `ca_cert` and with nothing else."""
    assert openbao_tls.client().lookup_token()["data"]["policies"] == ["root"]
    with pytest.raises(requests.exceptions.SSLError):
        hvac.Client(openbao_tls.url, "root").lookup_token()


def test_namespaces_are_apart(vault: VaultSpace) -> None:
    """A mount of a namespace is not there without the namespace."""
    inner = vault.new_namespace()
    mount = inner.kv2()
    inner.write(mount, "app", {"k": "v"})
    read = inner.root.secrets.kv.v2.read_secret_version("app", mount_point=mount, raise_on_deleted_version=True)
    assert read["data"]["data"] == {"k": "v"}
    with pytest.raises(hvac.exceptions.InvalidPath):
        vault.root.secrets.kv.v2.read_secret_version("app", mount_point=mount, raise_on_deleted_version=True)


@pytest.mark.usefixtures("openbao")
def test_a_paused_server_is_stopped_surely(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`stop` ends a process that does not listen to signals at the moment."""
    server = start_openbao(tmp_path_factory.mktemp("bao"))
    server.process.pause()
    server.process.stop()
    assert not server.process.is_running


# Azure


@pytest.mark.parametrize("kind", ["client secret", "workload identity", "managed identity", "user-assigned"])
def test_identities_read_with_production_settings(
    azure: AzureWorld, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Each credential gets a token from its own endpoint; the challenge is verified against the vault's real name."""
    vault, principal = azure.vault(), azure.principal()
    vault.set("db-password", "v")
    credential: Any
    if kind == "client secret":
        credential = ClientSecretCredential(TENANT, principal.client_id, principal.secret)
    elif kind == "workload identity":
        for name, value in azure.workload_identity(principal).items():
            monkeypatch.setenv(name, value)
        credential = WorkloadIdentityCredential()
    else:
        variables = azure.managed_identity(principal, user_assigned=kind == "user-assigned")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        credential = ManagedIdentityCredential(client_id=variables.get("AZURE_CLIENT_ID"))
    with credential, SecretClient(vault.url, credential) as client:
        assert client.get_secret("db-password").value == "v"
        assert client.get_secret("DB-Password").value == "v"
    counted = azure.requests.operations
    assert counted["challenge"] == 1
    assert counted["get"] == 2
    assert counted["token"] == (0 if "assigned" in kind or "managed" in kind else 1)


@pytest.fixture
def key_vault(azure: AzureWorld) -> Callable[..., SecretClient]:
    """`key_vault(vault, may=("get",))` is the SDK's client, for a new principal with these rights."""

    def connect(vault: Any, may: tuple[str, ...] = ("get", "list", "set"), **options: Any) -> SecretClient:
        principal = azure.principal(may)
        return SecretClient(vault.url, ClientSecretCredential(TENANT, principal.client_id, principal.secret), **options)

    return connect


def test_a_wrong_client_secret_is_refused(azure: AzureWorld) -> None:
    """The authority checks whom it gives a token."""
    vault, principal = azure.vault(), azure.principal()
    credential = ClientSecretCredential(TENANT, principal.client_id, "wrong")
    with credential, SecretClient(vault.url, credential) as client, pytest.raises(Exception, match="AADSTS7000215"):
        client.get_secret("app")


def test_disabled_is_not_denied(azure: AzureWorld, key_vault: Callable[..., SecretClient]) -> None:
    """Both are 403; only the inner code tells them apart. Reading properties is another right than reading values."""
    vault = azure.vault()
    vault.set("off", "v", enabled=False)
    with key_vault(vault) as client:
        assert azure_code(lambda: client.get_secret("off")) == (403, "Forbidden", "SecretDisabled")
        assert azure_code(lambda: client.get_secret("none"))[:2] == (404, "SecretNotFound")
        assert azure_code(lambda: client.get_secret("off", "0" * 32))[:2] == (404, "SecretNotFound")
    with key_vault(vault, may=("list",)) as client:
        assert azure_code(lambda: client.get_secret("off")) == (403, "Forbidden", "ForbiddenByRbac")
        assert [found.enabled for found in client.list_properties_of_secret_versions("off")] == [False]


def test_expired_secrets_are_still_given(azure: AzureWorld, key_vault: Callable[..., SecretClient]) -> None:
    """The client has to look at `exp` and `nbf` by itself."""
    vault = azure.vault()
    now = dt.datetime.now(dt.UTC)
    vault.set("old", "v", expires=now - dt.timedelta(days=1))
    vault.set("early", "v", not_before=now + dt.timedelta(days=1))
    with key_vault(vault) as client:
        old, early = client.get_secret("old").properties, client.get_secret("early").properties
    assert old.expires_on is not None
    assert old.expires_on < now
    assert early.not_before is not None
    assert early.not_before > now


def test_lists_come_in_pages_and_versions_in_no_order(
    azure: AzureWorld, key_vault: Callable[..., SecretClient]
) -> None:
    """60 secrets are three pages; versions are sorted by id, which says nothing about their age."""
    vault = azure.vault()
    for number in range(60):
        vault.set(f"app-{number}", "v")
    made = [vault.set("app-0", "v", created=1_700_000_000 + day * DAY) for day in range(30)]
    with key_vault(vault) as client:
        assert len({item.name for item in client.list_properties_of_secrets()}) == 60
        assert azure.requests.count("list") == 3
        listed = [item.version for item in client.list_properties_of_secret_versions("app-0")]
    assert azure.requests.count("versions") == 2
    assert len(listed) == 31
    assert listed == sorted(str(version) for version in listed)
    assert {version.id for version in made} < set(listed)


def test_editing_tags_moves_updated_and_not_created(azure: AzureWorld, key_vault: Callable[..., SecretClient]) -> None:
    """What the SDK writes is kept; `created` is the version's own."""
    vault = azure.vault()
    vault.set("app", "v", created=1_700_000_000)
    with key_vault(vault) as client:
        client.update_secret_properties("app", tags={"a": "b"})
        found = client.get_secret("app").properties
        assert found.tags == {"a": "b"}
        assert found.created_on == dt.datetime.fromtimestamp(1_700_000_000, dt.UTC)
        assert found.updated_on is not None
        assert found.updated_on > found.created_on
        newer = client.set_secret("app", "new").properties.version
        assert client.get_secret("app").properties.version == newer
        client.begin_delete_secret("app")
        with pytest.raises(ResourceNotFoundError):
            client.get_secret("app")


def test_throttling_and_revoked_tokens(azure: AzureWorld, key_vault: Callable[..., SecretClient]) -> None:
    """The SDK comes back after Retry-After, and fetches another token when one is refused."""
    vault = azure.vault()
    vault.set("app", "v")
    with key_vault(vault, retry_total=1) as client:
        azure.keyvault.fail(throttled(retry_after=0), "get", times=1)
        assert client.get_secret("app").value == "v"
        assert azure.requests.count("get") == 2
        azure.keyvault.fail(throttled(retry_after=0), "get")
        assert azure_code(lambda: client.get_secret("app"))[:2] == (429, "Throttled")
        azure.keyvault.heal()
        azure.keyvault.revoke_tokens()
        with pytest.raises(HttpResponseError) as caught:
            client.get_secret("app")
        assert caught.value.status_code == 401


def test_a_dead_vault_is_a_connection_error(azure: AzureWorld, key_vault: Callable[..., SecretClient]) -> None:
    """With the double gone the proxy answers 502, which the SDK takes for a failed connection."""
    vault = azure.vault()
    client = key_vault(vault, retry_total=0)
    azure.keyvault.refuse()
    with client, pytest.raises(ServiceRequestError):
        client.get_secret("app")


def test_nothing_but_azure_is_reachable(azure: AzureWorld) -> None:
    """The proxy leads nowhere else."""
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        requests.get("https://example.com/", timeout=HANG)
    assert azure.proxy.requests.operations == {"CONNECT example.com:443": 1}
