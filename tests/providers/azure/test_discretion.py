"""Nothing of a value, a token or a credential gets out of Key Vault's SDK, whatever the application logs."""

import http.client
import logging
from collections.abc import Callable, Iterator

import pytest

from secretsync.core.model import Failed, Found
from secretsync.providers.azure.provider import AzureProvider
from secretsync.providers.interface import Deadline, StoreContext
from tests.contract.stores_azure import AzureStore
from tests.servers import faults
from tests.servers.azure import AzureWorld
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def logged() -> Iterator[Callable[[], str]]:
    """Everything that loggers say at DEBUG, with exceptions, as text."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{self.format(record)} {record.__dict__!r}")

    root, handler = logging.getLogger(), Handler(logging.DEBUG)
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lambda: "\n".join(lines)
    root.setLevel(before)
    root.removeHandler(handler)


def provider(store: AzureStore, environ: dict[str, str]) -> AzureProvider:
    """Return a provider with the identity that `environ` shows."""
    settings = {"vault_url": store.vault.url}
    return AzureProvider(StoreContext(store="azure", environment="test", settings=settings, environ=environ))


def faulty_vault(world: AzureWorld, value: str) -> None:
    """Let a vault send a value in an invalid answer."""
    world.keyvault.fail(faults.respond(200, f'{{"value": "{value}'.encode(), JSON), "get", times=1)
    world.keyvault.fail(faults.respond(400, f'{{"error": {{"code": "{value}", "message": "{value}"}}}}'.encode(), JSON))


def broken_vault(world: AzureWorld, value: str) -> None:
    """Let a vault fail, with a value in its body and headers."""
    world.keyvault.fail(faults.respond(500, value.encode(), {"x-ms-request-id": value, "Retry-After": "0"}), "get")


def faulty_authority(world: AzureWorld, value: str) -> None:
    """Let an authority repeat what it was sent."""
    body = f'{{"error": "{value}", "error_description": "AADSTS7000215 {value}", "access_token": "{value}"}}'
    for server in (world.keyvault, *world.endpoints):
        server.fail(faults.respond(401, body.encode(), JSON), "token")


def cut_token(world: AzureWorld, value: str) -> None:
    """Let an authority and an endpoint cut their answer within a token."""
    for server in (world.keyvault, *world.endpoints):
        server.fail(faults.respond(200, f'{{"access_token": "{value}'.encode(), JSON), "token")


def half_a_token(world: AzureWorld, value: str) -> None:
    """Let an authority and an endpoint return a token and nothing else."""
    for server in (world.keyvault, *world.endpoints):
        server.fail(faults.respond(200, f'{{"access_token": "{value}"}}'.encode(), JSON), "token")


FAULTS = [None, faulty_vault, broken_vault, faulty_authority, cut_token, half_a_token]


@pytest.mark.parametrize("identity", ["client_secret", "workload_identity", "managed_identity", "machine_identity"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__ if fault else "no fault")
def test_logs_and_outcomes(
    azure: AzureWorld,
    canary: CanaryFactory,
    monkeypatch: pytest.MonkeyPatch,
    logged: Callable[[], str],
    fault: Callable[[AzureWorld, str], None] | None,
    identity: str,
) -> None:
    """With the root logger at DEBUG, neither the logs nor the outcomes show a value, a token or a client secret."""
    store, principal = AzureStore(azure), azure.principal()
    for number in range(3):
        store.put(f"app-{number}", canary())
    variables = getattr(azure, identity)(principal)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if fault:
        fault(azure, canary())
    asked = provider(store, {**variables, "PATH": "/nowhere"} if identity.startswith("c") else dict(variables))
    refs = [store.ref(f"app-{number}") for number in range(3)]
    outcomes = [outcome for call in (asked.fetch, asked.describe) for _, outcome in call(refs, Deadline(HANG))]
    if fault:
        assert any(isinstance(outcome, Failed) for outcome in outcomes)
    said = f"{logged()} {outcomes!r} {vars(asked)!r} {[str(outcome) for outcome in outcomes]}"
    canary.assert_clean(said, "the logs and outcomes")
    for token in (*azure.keyvault.issued, principal.secret, *azure.keyvault.assertions):
        assert token not in said
    assert not [name for name in ("azure", "msal", "urllib3") if logging.getLogger(name).level != logging.NOTSET]


def test_http_client_prints_no_credential(
    azure: AzureWorld, canary: CanaryFactory, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An application that has http.client print requests sees neither the token nor the client secret."""
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    store, principal = AzureStore(azure), azure.principal()
    store.put("app", canary())
    [(_, outcome)] = provider(store, azure.client_secret(principal)).fetch((store.ref("app"),), Deadline(HANG))
    assert isinstance(outcome, Found)
    said = "".join(capfd.readouterr())
    assert principal.secret not in said
    assert not [token for token in azure.keyvault.issued if token in said]


def test_the_applications_own_use_of_the_sdk_is_logged(
    azure: AzureWorld, canary: CanaryFactory, logged: Callable[[], str]
) -> None:
    """Silence ends with our call."""
    store = AzureStore(azure)
    store.put("app", canary())
    ref = store.ref("app")
    dict(provider(store, azure.client_secret(azure.principal())).fetch((ref,), Deadline(HANG)))
    logging.getLogger("azure.core.pipeline").info("the application's own")
    assert "the application's own" in logged()
