"""Projects whose secrets are in Key Vault, from the env file to the application."""

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.servers import faults
from tests.servers.azure import AzureWorld, Vault, throttled
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.projects import MakeProject, Project

STATUS_MISSING, STATUS_DENIED, STATUS_UNAVAILABLE = 3, 4, 5


@pytest.fixture
def vault(azure: AzureWorld) -> Vault:
    """Return an empty vault."""
    return azure.vault()


@pytest.fixture
def app(project: MakeProject, vault: Vault) -> Project:
    """Return a strict environment with a bound name, a reference in full, and a bare name that is looked for."""
    return project(
        {
            "env/production/security.env": "SECRET_KEY=$<SECRET_KEY>\nDB_URL=pg://app:$<azure:db?as=url#password>@db/app\n"
            "API_TOKEN=$<API_TOKEN>\n",
            "providers/production.toml": f'timeout = "{HANG}s"\nlookup = ["azure"]\n[stores.azure]\n'
            f'vault_url = "{vault.url}"\n[secrets]\nSECRET_KEY = "azure:app-key"\n',
        }
    )


@pytest.fixture
def values(vault: Vault, canary: CanaryFactory) -> dict[str, str]:
    """Return the values that the application gets if everything works."""
    key, password, token = canary(), canary(after="@/"), canary()
    vault.set("app-key", key)
    vault.set("db", json.dumps({"user": "app", "password": password}))
    vault.set("api-token", token)
    return {"SECRET_KEY": key, "DB_URL": f"pg://app:{quote(password, safe='')}@db/app", "API_TOKEN": token}


@pytest.mark.parametrize("identity", ["client_secret", "workload_identity", "managed_identity"])
def test_run_and_render(azure: AzureWorld, app: Project, values: dict[str, str], identity: str) -> None:
    """Values get to the application, byte for byte; the client secret does not."""
    environ = {**getattr(azure, identity)(azure.principal()), **azure.network}
    rendered = app.cli(
        "render", "-e", "production", "--format", "json", "--reveal", env=environ, reveals=True, expect=0
    )
    assert json.loads(rendered.stdout) == values
    assert azure.requests.count("get") == 3
    argv = ("run", "-e", "production", "--", "env", "-0")
    ran = app.cli(*argv, env=environ, reveals=True, expect=0)
    got = dict(line.split("=", 1) for line in ran.stdout.split("\0") if line)
    assert {name: got[name] for name in values} == values
    assert "AZURE_CLIENT_SECRET" not in got
    assert ("AZURE_CLIENT_SECRET" in ran.stderr) == (identity == "client_secret")


def test_check_needs_no_right_to_read(azure: AzureWorld, app: Project, values: dict[str, str]) -> None:
    """Whoever may list can check, and cannot render: both say what they could not do."""
    environ = {**azure.client_secret(azure.principal(("list",))), **azure.network}
    checked = app.cli("check", "-e", "production", "-v", env=environ, expect=0)
    assert "3 secrets" in checked.stdout
    assert "the right to read values: azure" in checked.stdout
    assert azure.requests.count("get*") == 0
    rendered = app.cli("render", "-e", "production", "--format", "json", "-v", env=environ, expect=STATUS_DENIED)
    assert rendered.stderr.count("Key Vault Secrets User") == len(values)
    assert not rendered.stdout


def delete(azure: AzureWorld, vault: Vault) -> None:
    """One secret is gone."""
    vault.delete("app-key")


def disable(azure: AzureWorld, vault: Vault) -> None:
    """One secret is disabled."""
    vault.secrets["app-key"][-1].enabled = False


def expire(azure: AzureWorld, vault: Vault) -> None:
    """One secret is past its date."""
    vault.secrets["app-key"][-1].expires = 1_700_000_000


def reject(azure: AzureWorld, vault: Vault) -> None:
    """Forget the application."""
    azure.keyvault.principals.clear()


def refuse(azure: AzureWorld, vault: Vault) -> None:
    """Nothing listens."""
    azure.keyvault.refuse()


def throttle(azure: AzureWorld, vault: Vault) -> None:
    """Throttle the vault for longer than the timeout."""
    azure.keyvault.fail(throttled(retry_after=600), "get")


def garble(azure: AzureWorld, vault: Vault) -> None:
    """Answer with a page of HTML."""
    azure.keyvault.fail(faults.html(), "get")


@pytest.mark.parametrize(
    ("spoil", "status", "words"),
    [
        (delete, STATUS_MISSING, "no such secret or version; is it in this vault, "),
        (disable, STATUS_MISSING, "disabled"),
        (expire, STATUS_MISSING, "expired"),
        (reject, STATUS_DENIED, "AADSTS700016"),
        (refuse, STATUS_UNAVAILABLE, "vault.azure.net cannot be reached: the proxy 127.0.0.1:"),
        (throttle, STATUS_UNAVAILABLE, "too many requests"),
        (garble, STATUS_UNAVAILABLE, "garbled answer (JSONDecodeError); is vault_url right, and no proxy "),
    ],
)
def test_exit_statuses(
    azure: AzureWorld,
    vault: Vault,
    app: Project,
    values: dict[str, str],
    spoil: Callable[[AzureWorld, Vault], None],
    status: int,
    words: str,
) -> None:
    """Each fault has its status; nothing is started, nothing is rendered, and stderr has no noise of the SDK."""
    environ = {**azure.client_secret(azure.principal()), **azure.network}
    spoil(azure, vault)
    argv = ("run", "-e", "production", "--timeout", "20s", "--", "touch", "started")
    ran = app.cli(*argv, env=environ, expect=status)
    assert words in ran.stderr
    assert not (app.root / "started").exists()
    lines = [line for line in ran.stderr.split("\n") if line and "azure: waiting: " not in line]
    assert len(lines) <= 1 + len(values)
    assert all("env/production/security.env:" in line or line.startswith("secretsync run:") for line in lines)


def test_a_name_that_key_vault_cannot_have(azure: AzureWorld, app: Project) -> None:
    """An underscore is found before a request. The message does not repeat the name, because it may be a secret."""
    app.write("env/production/security.env", "X=$<azure:db_password>\n")
    failed = app.cli("render", "-e", "production", "--format", "json", expect=2)
    assert "do not have underscores; write a hyphen in place of each" in failed.stderr
    assert "password" not in failed.stderr
    assert not azure.requests.log
