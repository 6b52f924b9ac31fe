"""An application that `run` started without credentials asks a store: the message names what `run` did not pass on."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from tests.servers.aws import AwsAccount
from tests.servers.azure import AzureWorld
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.projects import MakeProject, Project

PROGRAM = """
import json, sys
from secretsync import SecretSyncError, resolve_config

config = resolve_config()
def message(call):
    try:
        call()
    except SecretSyncError as error:
        return str(error)
    return ""
found = [message(config.refresh), message(lambda: resolve_config("staging"))]
print(json.dumps(found))
"""


def messages(made: Project, env: Mapping[str, str], *options: str) -> list[str]:
    """Return the messages of `refresh`, and of another environment, in an application of `run`."""
    script = made.write("application.py", PROGRAM)
    command = ["run", "-e", "production", *options, "--", sys.executable, "-I", str(script)]
    found: list[str] = json.loads(made.cli(*command, env=env, reveals=True, expect=0).stdout)
    return found


def shop(project: MakeProject, reference: str, bindings: str) -> Project:
    """Return two environments with one secret."""
    files: dict[str, Any] = {}
    for name in ("production", "staging"):
        files[f"env/{name}/security.env"] = f"SECRET_KEY=$<{reference}>\n"
        files[f"providers/{name}.toml"] = f'timeout = "{HANG}s"\n{bindings}'
    return project(files)


def test_keys_of_aws(aws: AwsAccount, project: MakeProject, canary: CanaryFactory) -> None:
    """Both variables are named; with --pass-env the store answers."""
    aws.create("app", canary())
    made = shop(project, "aws:app", '[stores.aws]\nregion = "eu-west-1"\n')
    environ = aws.environ(aws.principal())
    for found in messages(made, environ):
        assert "aws:app: denied: no credentials were found" in found
        assert "`secretsync run` did not pass AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY" in found
        assert "--pass-env AWS_ACCESS_KEY_ID --pass-env AWS_SECRET_ACCESS_KEY" in found
    assert messages(made, environ, "--pass-env", "AWS_*") == ["", ""]


def test_token_of_vault(vault: VaultSpace, project: MakeProject, canary: CanaryFactory) -> None:
    """VAULT_TOKEN is named; the address too if --clean removed it."""
    mount = vault.kv2()
    vault.write(mount, "app", {"key": canary()})
    made = shop(project, f"vault:{mount}/app#key", "")
    environ = vault.environ(vault.token(vault.policy(f"{mount}/data/*")))
    for found in messages(made, environ):
        assert "there is no token to log in with; `secretsync run` did not pass VAULT_TOKEN to this process" in found
    for found in messages(made, environ, "--clean"):
        assert "--pass-env VAULT_ADDR" in found
        assert "--pass-env VAULT_TOKEN" in found


def test_client_secret_of_azure(azure: AzureWorld, project: MakeProject, canary: CanaryFactory) -> None:
    """The other two variables stay, and the message names the one that is gone."""
    key_vault = azure.vault()
    key_vault.set("app-key", canary())
    made = shop(project, "azure:app-key", f'[stores.azure]\nvault_url = "{key_vault.url}"\n')
    environ = {**azure.client_secret(azure.principal()), **azure.network}
    for found in messages(made, environ):
        assert "`secretsync run` did not pass AZURE_CLIENT_SECRET to this process" in found


def test_commands_inside_an_application(vault: VaultSpace, project: MakeProject, canary: CanaryFactory) -> None:
    """`doctor` and `explain` below `run` name what `run` did not pass on, also if the store has no address."""
    mount = vault.kv2()
    vault.write(mount, "app", {"key": canary()})
    made = shop(project, f"vault:{mount}/app#key", "")
    environ = vault.environ(vault.token(vault.policy(f"{mount}/data/*")))
    step = "`secretsync run` did not pass VAULT_TOKEN to this process: start it with --pass-env VAULT_TOKEN"
    for command, status in (("doctor", 4), ("explain", 0)):
        inner = [sys.executable, "-m", "secretsync", command, "-e", "production"]
        done = made.cli("run", "-e", "production", "--", *inner, env=environ, expect=status)
        assert step in done.stdout + done.stderr
        bare = made.cli("run", "--clean", "-e", "production", "--", *inner, env=environ)
        assert "--pass-env VAULT_ADDR --pass-env VAULT_TOKEN" in bare.stdout + bare.stderr
