"""Whose identity Key Vault is asked with, what can be wrong with it, and what is told of it."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.identity import ManagedIdentityCredential

from secretsync.core.errors import ConfigurationError, ProblemKind, ResolutionError
from secretsync.core.model import Failed, Found, Outcome, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers import AzureProvider
from secretsync.providers.azure.credentials import Credential, Tokens
from secretsync.providers.azure.errors import AzureRequestError
from secretsync.providers.interface import Deadline, StoreContext
from tests.servers import faults
from tests.servers.azure import TENANT, AzureWorld, Principal, Vault
from tests.servers.loopback import Fault
from tests.support.canary import CanaryFactory, find_leaks
from tests.support.limits import HANG, STALL

APP = SecretRef("azure", "app")
Apply = Callable[[Mapping[str, str]], None]

# How each kind's environment is made, and how many requests for a token go to the authority.
KINDS: dict[str, Callable[[AzureWorld, Principal], dict[str, str]]] = {
    "client-secret": AzureWorld.client_secret,
    "client-certificate": AzureWorld.client_certificate,
    "workload-identity": AzureWorld.workload_identity,
    "managed-identity": AzureWorld.managed_identity,
    "managed-identity of the user": lambda world, principal: world.managed_identity(principal, user_assigned=True),
    "managed-identity of the machine": AzureWorld.machine_identity,
    "cli": AzureWorld.cli,
}


@pytest.fixture
def vault(azure: AzureWorld, canary: CanaryFactory) -> Vault:
    """Return a vault with one secret."""
    vault = azure.vault()
    vault.set("app", canary())
    return vault


@pytest.fixture
def apply(monkeypatch: pytest.MonkeyPatch) -> Apply:
    """Return a function that sets variables of this process, without an `az` that may be installed."""
    monkeypatch.setenv("PATH", os.defpath)

    def set_all(variables: Mapping[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


def provider(vault: Vault, environ: Mapping[str, str] | None = None, **settings: str) -> AzureProvider:
    """Return a provider on `vault`; without `environ`: with this process's own environment."""
    context = StoreContext(
        store="azure",
        environment="test",
        settings={"vault_url": vault.url, **settings},
        environ=os.environ if environ is None else environ,
    )
    return AzureProvider(context)


def ask(asked: AzureProvider, seconds: float = HANG) -> Outcome[Payload]:
    """Return the answer for the vault's secret."""
    return dict(asked.fetch((APP,), Deadline(seconds)))[APP]


@pytest.mark.parametrize("kind", KINDS)
def test_the_environment_shows_the_credential(azure: AzureWorld, vault: Vault, apply: Apply, kind: str) -> None:
    """Each identity is found by its variables, costs one token, and is told by its ids alone."""
    principal = azure.principal()
    apply(KINDS[kind](azure, principal))
    asked = provider(vault)
    assert isinstance(ask(asked), Found)
    assert azure.requests.count("challenge") == 1
    assert azure.requests.count("get") == 1
    before = len(azure.keyvault.issued)
    identity = asked.identity()
    assert len(azure.keyvault.issued) == before == 1
    assert identity.endpoint == vault.url
    assert identity.principal == f"object id {principal.object_id}"
    details = dict(identity.details)
    end = datetime.fromisoformat(details.pop("login ends"))
    assert timedelta(0) < end - datetime.now(UTC) <= timedelta(days=2)
    assert details == {"credential": kind.split(" ", maxsplit=1)[0], "tenant": TENANT, "client id": principal.client_id}
    assert not any(part in repr(identity) for part in azure.keyvault.issued[0].split("."))


@pytest.mark.parametrize("kind", ["client-secret", "client-certificate", "workload-identity"])
def test_variables_that_only_the_caller_gives(azure: AzureWorld, vault: Vault, kind: str) -> None:
    """These take nothing from the process: `environ=` is enough."""
    environ = KINDS[kind](azure, azure.principal())
    assert isinstance(ask(provider(vault, environ)), Found)


@pytest.mark.parametrize("kind", ["managed-identity", "default", "cli"])
def test_variables_that_only_the_process_has(azure: AzureWorld, vault: Vault, kind: str) -> None:
    """If the SDK reads the process itself, another environment is refused rather than ignored."""
    environ = {**azure.managed_identity(azure.principal()), "PATH": "/nowhere", "AZURE_TENANT_ID": TENANT}
    with pytest.raises(ConfigurationError, match="the process's own environment"):
        provider(vault, environ, credential=kind)


def test_the_settings_name_the_identity(azure: AzureWorld, vault: Vault, apply: Apply) -> None:
    """`client_id` goes before AZURE_CLIENT_ID, `credential` before what the environment shows."""
    principal = azure.principal()
    apply(azure.managed_identity(principal))
    apply({**azure.client_secret(azure.principal()), "AZURE_CLIENT_ID": "another"})
    assert isinstance(ask(provider(vault, credential="managed-identity", client_id=principal.client_id)), Found)
    assert azure.requests.count("token") == 0


def test_default(azure: AzureWorld, vault: Vault, apply: Apply) -> None:
    """The SDK's own chain, on wish."""
    principal = azure.principal()
    apply(azure.client_secret(principal))
    asked = provider(vault, credential="default")
    assert isinstance(ask(asked), Found)
    assert dict(asked.identity().details)["credential"] == "default"


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("client-secret", "AZURE_TENANT_ID, AZURE_CLIENT_SECRET"),
        ("client-certificate", "AZURE_CLIENT_CERTIFICATE_PATH"),
        ("workload-identity", "AZURE_FEDERATED_TOKEN_FILE"),
    ],
)
def test_a_credential_without_its_variables(azure: AzureWorld, vault: Vault, kind: str, missing: str) -> None:
    """A missing variable is named before the first request."""
    with pytest.raises(ConfigurationError, match=missing):
        provider(vault, {"AZURE_CLIENT_ID": "app"}, credential=kind)
    assert not azure.requests.log


@pytest.mark.parametrize("kind", ["client-secret", "client-certificate", "workload-identity"])
@pytest.mark.parametrize("missing", ["AZURE_TENANT_ID", "AZURE_CLIENT_ID"])
def test_a_half_set_identity(azure: AzureWorld, vault: Vault, kind: str, missing: str) -> None:
    """Name the variable that is not set, instead of an identity that the user did not mean."""
    environ = KINDS[kind](azure, azure.principal())
    proof = list(environ)[2]
    del environ[missing]
    with pytest.raises(ConfigurationError, match=f"{proof} is set, and {missing} is not"):
        provider(vault, {**environ, "PATH": os.defpath})
    assert not azure.requests.log


def test_a_half_set_identity_beside_one_of_the_platform(azure: AzureWorld, vault: Vault, apply: Apply) -> None:
    """Use the identity that the platform shows, because the other one is not complete."""
    apply({**azure.managed_identity(azure.principal()), "AZURE_CLIENT_SECRET": "left-over"})
    assert isinstance(ask(provider(vault)), Found)


def test_an_application_without_its_credential(azure: AzureWorld, vault: Vault, apply: Apply) -> None:
    """Name the variables that prove the identity of an application, if only its ids are set."""
    apply({**azure.machine_identity(azure.principal()), "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": "app"})
    outcome = ask(provider(vault))
    assert isinstance(outcome, Failed)
    for name in ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"):
        assert name in str(outcome.hint)


def test_a_certificate_with_a_password(azure: AzureWorld, vault: Vault, canary: CanaryFactory) -> None:
    """Read the key with the password in the environment; without it, the message names the variables."""
    environ = azure.client_certificate(azure.principal(), password=canary())
    assert isinstance(ask(provider(vault, environ)), Found)
    del environ["AZURE_CLIENT_CERTIFICATE_PASSWORD"]
    outcome = ask(provider(vault, environ))
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.DENIED
    assert "AZURE_CLIENT_CERTIFICATE_PATH" in outcome.cause
    assert "AZURE_CLIENT_CERTIFICATE_PASSWORD" in str(outcome.hint)


def test_a_certificate_that_the_application_does_not_have(azure: AzureWorld, vault: Vault) -> None:
    """Give the command that registers a certificate."""
    environ = azure.client_certificate(azure.principal())
    azure.keyvault.certificates.clear()
    outcome = ask(provider(vault, environ))
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.DENIED
    assert "AADSTS700027" in outcome.cause
    assert "az ad app credential reset" in str(outcome.hint)


@pytest.mark.parametrize("content", [None, "", "hello"], ids=["missing", "empty", "no certificate"])
def test_a_certificate_file_that_cannot_be_used(
    azure: AzureWorld, vault: Vault, tmp_path: Path, content: str | None
) -> None:
    """Deny before a token is requested, with the name of the variable."""
    environ = azure.client_certificate(azure.principal())
    if content is not None:
        (tmp_path / "app.pem").write_text(content)
    environ["AZURE_CLIENT_CERTIFICATE_PATH"] = str(tmp_path / "app.pem")
    outcome = ask(provider(vault, environ))
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.DENIED
    assert "AZURE_CLIENT_CERTIFICATE_PATH" in outcome.cause
    assert azure.requests.count("token") == 0


def test_identity_asks_for_a_token_where_there_is_none(azure: AzureWorld, vault: Vault) -> None:
    """The identity can be asked first; the secret is then read with the same token."""
    asked = provider(vault, azure.client_secret(azure.principal()))
    assert dict(asked.identity().details)["tenant"] == TENANT
    assert isinstance(ask(asked), Found)
    assert azure.requests.count("get*") == 1


def test_identity_needs_no_right(azure: AzureWorld, vault: Vault) -> None:
    """An identity without rights in the vault is still reported."""
    principal = azure.principal(())
    identity = provider(vault, azure.client_secret(principal)).identity()
    assert identity.principal == f"object id {principal.object_id}"


@pytest.mark.parametrize("firewall", [False, True])
def test_identity_says_when_the_vault_is_not_to_be_had(azure: AzureWorld, vault: Vault, *, firewall: bool) -> None:
    """A vault that does not let us near it is no identity, though there is a token."""
    kind = ProblemKind.DENIED if firewall else ProblemKind.UNAVAILABLE
    fault = faults.respond(502)
    if firewall:
        body = b'{"error": {"code": "Forbidden", "innererror": {"code": "ForbiddenByFirewall"}}}'
        fault = faults.respond(403, body, {"Content-Type": "application/json"})
    azure.keyvault.fail(fault, "list")
    with pytest.raises(ResolutionError) as caught:
        provider(vault, azure.client_secret(azure.principal())).identity()
    assert caught.value.problems[0].kind is kind


def test_a_token_that_is_no_jwt(azure: AzureWorld, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that tells nothing is used all the same."""
    issue = azure.keyvault.issue

    def opaque(principal: Principal) -> dict[str, object]:
        issued = issue(principal)
        azure.keyvault._tokens["opaque"] = azure.keyvault._tokens[str(issued["access_token"])]
        return {**issued, "access_token": "opaque"}

    monkeypatch.setattr(azure.keyvault, "issue", opaque)
    identity = provider(vault, azure.client_secret(azure.principal())).identity()
    assert identity.principal is None
    assert [name for name, _ in identity.details] == ["credential", "login ends"]


# What goes wrong


def wrong_secret(azure: AzureWorld) -> dict[str, str]:
    """Return a client secret that is not the application's."""
    return {**azure.client_secret(azure.principal()), "AZURE_CLIENT_SECRET": "wrong"}


def wrong_client(azure: AzureWorld) -> dict[str, str]:
    """Return an application that the tenant does not have."""
    return {**azure.client_secret(azure.principal()), "AZURE_CLIENT_ID": "nobody"}


def wrong_tenant(azure: AzureWorld) -> dict[str, str]:
    """Return a tenant that is not the vault's."""
    return {**azure.client_secret(azure.principal()), "AZURE_TENANT_ID": "22222222-2222-3333-4444-555555555555"}


def wrong_assertion(azure: AzureWorld) -> dict[str, str]:
    """Return a federated token that the authority does not know."""
    variables = azure.workload_identity(azure.principal())
    azure.keyvault.assertions.clear()
    return variables


def no_file(azure: AzureWorld) -> dict[str, str]:
    """Return a federated token whose file is not there."""
    return {**azure.workload_identity(azure.principal()), "AZURE_FEDERATED_TOKEN_FILE": "/nowhere/token"}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (wrong_secret, "AADSTS7000215"),
        (wrong_client, "AADSTS700016"),
        (wrong_tenant, "tenant"),
        (wrong_assertion, "AADSTS"),
        (no_file, "AZURE_FEDERATED_TOKEN_FILE names /nowhere/token: there is no such file"),
    ],
)
def test_denied(azure: AzureWorld, vault: Vault, make: Callable[[AzureWorld], dict[str, str]], words: str) -> None:
    """No token is denied, for every secret, and says what the authority said, after one request for one."""
    refs = [APP, SecretRef("azure", "other"), SecretRef("azure", "third")]
    asked = provider(vault, make(azure))
    answers = dict(asked.fetch(refs, Deadline(HANG)))
    assert sorted(answers, key=str) == sorted(refs, key=str)
    for outcome in answers.values():
        assert isinstance(outcome, Failed)
        assert outcome.kind is ProblemKind.DENIED, outcome
        assert words in outcome.cause, outcome
    assert azure.requests.count("token") <= 1
    assert azure.requests.count("get") == 0
    with pytest.raises(ResolutionError) as caught:
        asked.identity()
    assert caught.value.problems[0].kind is ProblemKind.DENIED


@pytest.mark.parametrize(
    "wrong", [{"AZURE_TENANT_ID": "no id/"}, {"AZURE_AUTHORITY_HOST": "http://login.microsoftonline.com"}]
)
def test_settings_that_the_sdk_does_not_take(azure: AzureWorld, vault: Vault, wrong: dict[str, str]) -> None:
    """They are a matter of configuration, and nothing is asked."""
    outcome = ask(provider(vault, {**azure.client_secret(azure.principal()), **wrong}))
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.CONFIGURATION, outcome
    assert azure.requests.operations.keys() <= {"challenge"}


def test_an_identity_that_the_platform_does_not_know(azure: AzureWorld, vault: Vault, apply: Apply) -> None:
    """A client id that is not assigned here is denied."""
    for variables in (azure.managed_identity(azure.principal()), azure.machine_identity(azure.principal())):
        apply(variables)
        outcome = ask(provider(vault, credential="managed-identity", client_id="another"))
        assert isinstance(outcome, Failed)
        assert outcome.kind is ProblemKind.DENIED, outcome
        assert "client_id" in str(outcome.hint)


@pytest.mark.parametrize("machine", [False, True])
@pytest.mark.parametrize("how", ["refuse", "mute", "black_hole", "garble", "fail"])
def test_a_dead_identity_endpoint(azure: AzureWorld, vault: Vault, apply: Apply, how: str, *, machine: bool) -> None:
    """An endpoint that is not there, silent or broken does not stall the run past the deadline."""
    apply((azure.machine_identity if machine else azure.managed_identity)(azure.principal()))
    endpoint = azure.endpoints[0]
    if how == "garble":
        endpoint.fail(faults.html())
    elif how == "fail":
        endpoint.fail(faults.respond(503))
    else:
        getattr(endpoint, how)()
    began = time.monotonic()
    outcome = ask(provider(vault), 1.5)
    assert time.monotonic() - began < 1.5 + STALL
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNAVAILABLE, outcome


def test_a_machine_without_an_identity_service_says_so(azure: AzureWorld, vault: Vault, apply: Apply) -> None:
    """If nothing listens, the failure comes long before a generous deadline."""
    apply(azure.machine_identity(azure.principal()))
    azure.endpoints[0].black_hole()
    began = time.monotonic()
    outcome = ask(provider(vault), HANG)
    assert time.monotonic() - began < HANG
    assert isinstance(outcome, Failed)
    assert "managed-identity" in outcome.cause


def test_an_identity_endpoint_that_recovers(azure: AzureWorld, vault: Vault, apply: Apply) -> None:
    """A busy endpoint is asked again."""
    apply(azure.managed_identity(azure.principal()))
    azure.endpoints[0].fail(faults.respond(500), times=2)
    assert isinstance(ask(provider(vault)), Found)
    assert azure.endpoints[0].requests.count("token") == 3


@pytest.mark.parametrize("kind", ["client-secret", "client-certificate", "workload-identity"])
@pytest.mark.parametrize(
    "fault",
    [
        faults.respond(503),
        faults.respond(429, b"", {"Retry-After": "0"}),
        faults.respond(
            429,
            b'{"error": "temporarily_unavailable", "error_description": "AADSTS90055: Too many requests."}',
            {"Content-Type": "application/json"},
        ),
        faults.reset(),
    ],
    ids=["down", "busy", "busy, and says so", "reset"],
)
def test_an_authority_that_recovers(azure: AzureWorld, vault: Vault, kind: str, fault: Fault) -> None:
    """A request to an authority that is busy or away for a while is retried."""
    azure.keyvault.fail(fault, "token", times=2)
    assert isinstance(ask(provider(vault, KINDS[kind](azure, azure.principal()))), Found)
    assert azure.requests.count("token") == 3


@pytest.mark.parametrize("kind", ["client-secret", "workload-identity", "managed-identity"])
def test_a_token_answer_that_is_none_is_not_asked_for_again(
    azure: AzureWorld, vault: Vault, apply: Apply, kind: str
) -> None:
    """A page with status 200 in the place of a token is an answer that no repetition fixes."""
    variables = KINDS[kind](azure, azure.principal())
    apply(variables)
    for server in (azure.keyvault, *azure.endpoints):
        server.fail(faults.html(), "token")
    outcome = ask(provider(vault))
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNAVAILABLE
    assert sum(server.requests.count("token") for server in (azure.keyvault, *azure.endpoints)) == 1


def test_retry_after_of_a_token_endpoint(azure: AzureWorld, vault: Vault, apply: Apply) -> None:
    """An endpoint that asks for more time than there is is asked once."""
    apply(azure.managed_identity(azure.principal()))
    azure.endpoints[0].fail(faults.respond(429, b"busy", {"Retry-After": "60"}), "token")
    outcome = ask(provider(vault), 20.0)
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNAVAILABLE
    assert azure.endpoints[0].requests.count("token") == 1


@pytest.mark.parametrize("script", ["exit 1", "echo 'Please run: az login' >&2; exit 1", "echo nonsense", "exit 127"])
def test_a_cli_without_a_login(azure: AzureWorld, vault: Vault, apply: Apply, script: str) -> None:
    """A CLI that gives no token is denied, with the way out."""
    variables = azure.cli(azure.principal())
    program = os.path.join(variables["PATH"].partition(":")[0], "az")
    with open(program, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\n{script}\n")
    apply(variables)
    outcome = ask(provider(vault))
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.DENIED
    assert "az login" in str(outcome.hint)


def test_the_cli_is_asked_once(azure: AzureWorld, vault: Vault, apply: Apply, canary: CanaryFactory) -> None:
    """It caches nothing by itself: its one token serves all secrets."""
    variables = azure.cli(azure.principal())
    apply(variables)
    refs = [SecretRef("azure", f"app-{number}") for number in range(20)]
    for ref in refs:
        vault.set(ref.path, canary())
    answers = dict(provider(vault).fetch(refs, Deadline(HANG)))
    assert all(isinstance(outcome, Found) for outcome in answers.values())
    with open(os.path.join(variables["PATH"].partition(":")[0], "calls"), encoding="utf-8") as file:
        assert len(file.readlines()) == 1


def test_no_exception_is_chained(azure: AzureWorld, vault: Vault) -> None:
    """An exception of the SDK, which holds the response, ends where it is translated."""
    context = StoreContext(
        store="azure", environment="test", settings={"vault_url": vault.url}, environ=wrong_secret(azure)
    )
    with pytest.raises(AzureRequestError) as caught:
        Tokens(Credential(context)).get_token("https://vault.azure.net/.default", tenant_id=TENANT)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_building_imports_no_sdk() -> None:
    """A provider can be built, and its spec read, without azure's SDK."""
    code = """
import json, sys
from secretsync.providers.azure.provider import AzureProvider
from secretsync.providers.interface import StoreContext
AzureProvider(StoreContext(store="azure", environment="x", settings={"vault_url": "https://kv.vault.azure.net"}))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules} & {"azure", "msal", "requests", "urllib3"})))
"""
    import sys

    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True, env={"PATH": "/nowhere"})
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize(("make", "cause"), [(os.mkfifo, "a named pipe"), (Path.mkdir, "a folder")])
def test_a_federated_token_in_a_special_file(tmp_path: Path, make: Callable[[Path], None], cause: str) -> None:
    """Refuse the file at once, because azure-identity would wait for a FIFO."""
    make(tmp_path / "token")
    environ = {
        "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token"),
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555556",
    }
    settings = {"credential": "workload-identity"}
    context = StoreContext(store="azure", environment="test", settings=settings, environ=environ)
    with pytest.raises(AzureRequestError) as raised:
        Tokens(Credential(context)).get_token("https://vault.azure.net/.default")
    failed = raised.value.outcome
    assert f"it is not a regular file but {cause}" in failed.cause


def test_a_credential_of_the_application(azure: AzureWorld, vault: Vault, apply: Apply) -> None:
    """Read with a credential of azure-identity that the application made. `close` does not close the credential."""
    closed = []

    class Kept(ManagedIdentityCredential):
        def close(self) -> None:
            closed.append(self)
            super().close()

    apply(azure.managed_identity(azure.principal()))
    credential = Kept()
    asked = AzureProvider.from_credential(credential, vault_url=vault.url)
    assert isinstance(ask(asked), Found)
    assert dict(asked.identity().details)["credential"] == "the credential of the application"
    asked.close()
    again = AzureProvider.from_credential(credential, vault_url=f"{vault.url}/", store="azure")
    assert isinstance(ask(again), Found)
    again.close()
    assert not closed
    credential.close()


def test_a_credential_of_the_application_that_fails(vault: Vault, canary: CanaryFactory) -> None:
    """Return denied, and repeat nothing of the exception, which may hold a credential."""
    text = canary()

    class Failing:
        def get_token(self, *scopes: str, **options: object) -> AccessToken:
            raise RuntimeError(text)

    outcome = ask(AzureProvider.from_credential(Failing(), vault_url=vault.url))
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.DENIED
    assert "the credential of the application (RuntimeError)" in outcome.cause
    assert not find_leaks(repr(outcome))


@pytest.mark.parametrize("url", ["", "vault", "http://v.vault.azure.net", "https://v.vault.azure.net/secrets"])
def test_a_credential_with_a_wrong_url(url: str) -> None:
    """Raise ConfigurationError at once."""
    with pytest.raises(ConfigurationError, match="vault_url"):
        AzureProvider.from_credential(None, vault_url=url)  # type: ignore[arg-type]
