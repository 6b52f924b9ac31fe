"""Servers of the tests keep tests apart, count requests, play faults and refuse wrong credentials."""

from __future__ import annotations

import concurrent.futures
import http.client
import socket
import time
from collections.abc import Callable

import botocore.exceptions
import hvac
import hvac.exceptions
import pytest
import requests
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient

from tests.servers import faults
from tests.servers.aws import AwsAccount, Principal
from tests.servers.azure import TENANT, AzureWorld
from tests.servers.faults import FaultProxy, Gate
from tests.servers.ministack import Ministack
from tests.servers.openbao import OpenBao, VaultSpace, start_openbao
from tests.servers.process import HOST, PortReservation
from tests.support.limits import HANG

DAY = 86400.0
Proxies = Callable[[str], FaultProxy]


def aws_code(call: Callable[[], object]) -> str:
    """Return the error code with which AWS refuses `call`."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


# AWS


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


def test_audit_shows_what_was_asked(vault: VaultSpace) -> None:
    """The audit file has every path, and leaves out what the root token did."""
    mount = vault.kv2()
    vault.write(mount, "app", {"k": "v"})
    client = vault.server.client(vault.token(vault.policy(f"{mount}/metadata/*")))
    client.secrets.kv.v2.read_secret_metadata("app", mount_point=mount)
    with pytest.raises(hvac.exceptions.Forbidden):
        client.secrets.kv.v2.read_secret_version("app", mount_point=mount, raise_on_deleted_version=True)
    assert vault.audit() == [("read", f"{mount}/metadata/app"), ("read", f"{mount}/data/app")]


@pytest.mark.usefixtures("openbao")
def test_a_paused_server_is_stopped_surely(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`stop` ends a process that does not listen to signals at the moment."""
    server = start_openbao(tmp_path_factory.mktemp("bao"))
    server.process.pause()
    server.process.stop()
    assert not server.process.is_running


# Azure


def test_a_wrong_client_secret_is_refused(azure: AzureWorld) -> None:
    """The authority checks whom it gives a token."""
    vault, principal = azure.vault(), azure.principal()
    credential = ClientSecretCredential(TENANT, principal.client_id, "wrong")
    with credential, SecretClient(vault.url, credential) as client, pytest.raises(Exception, match="AADSTS7000215"):
        client.get_secret("app")


def test_nothing_but_azure_is_reachable(azure: AzureWorld) -> None:
    """The proxy leads nowhere else."""
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        requests.get("https://example.com/", timeout=HANG)
    assert azure.proxy.requests.operations == {"CONNECT example.com:443": 1}
