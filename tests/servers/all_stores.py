"""A project whose sixty references lead to all five stores, and the servers behind it, to be slowed down and broken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.aws import REGION, AwsAccount
from tests.servers.azure import AzureWorld, Vault
from tests.servers.openbao import VaultSpace
from tests.support.canary import make_canary
from tests.support.limits import HANG
from tests.support.processes import CommandResult
from tests.support.projects import MakeProject, Project

REMOTE = ("aws", "azure", "vault")
_WORK = re.compile(
    r"^secretsync: (?P<store>[a-z]+): (?P<metadata>metadata of )?(?P<secrets>\d+) secrets?"
    r"(?:, (?P<requests>\d+) requests?)?, (?P<seconds>\d+\.\d\d) s$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Work:
    """The line of `--verbose` about one store."""

    secrets: int
    requests: int | None
    seconds: float


@dataclass(slots=True)
class AllStores:
    """The project, who reads it, and what it must get."""

    project: Project
    aws: AwsAccount
    vault: VaultSpace
    mount: str
    azure: AzureWorld
    keyvault: Vault
    environ: dict[str, str] = field(repr=False)
    values: dict[str, str] = field(repr=False)
    keys: Mapping[str, tuple[str, ...]]  # of the entries, by store

    def cli(self, *arguments: str, **options: Any) -> CommandResult:
        """Run a command and return its result."""
        return self.project.cli(*arguments, env={**self.environ, **options.pop("env", {})}, **options)


def work(stderr: str) -> dict[str, Work]:
    """Return the line of `--verbose` about each store."""
    found = {}
    for match in _WORK.finditer(stderr):
        requests = None if match["requests"] is None else int(match["requests"])
        found[match["store"]] = Work(int(match["secrets"]), requests, float(match["seconds"]))
    return found


def fill(
    make_project: MakeProject,
    aws: AwsAccount,
    vault: VaultSpace,
    azure: AzureWorld,
    files: Path,
    *,
    url: Callable[[str], str] = lambda url: url,
) -> AllStores:
    """Twenty references each to AWS and to Vault, two a secret, ten to Azure, five to files, five to the environment.

    url: what an application is told in place of a server's URL, such as that of a proxy before it.
    """
    values: dict[str, str] = {}
    references: dict[str, str] = {}
    environ: dict[str, str] = {}
    mount, keyvault = vault.kv2(), azure.vault()
    for number in range(10):
        pair = {"user": make_canary(), "password": make_canary(after=" $x'\"\\")}
        aws.create(f"app/{number}", pair)
        vault.write(mount, f"app/{number}", {part: text[::-1] for part, text in pair.items()})
        for part, text in pair.items():
            key = f"{number}_{part.upper()}"
            references[f"AWS_{key}"], values[f"AWS_{key}"] = f"aws:app/{number}#{part}", text
            references[f"VAULT_{key}"], values[f"VAULT_{key}"] = f"vault:{mount}/app/{number}#{part}", text[::-1]
        keyvault.set(f"key-{number}", json.dumps([make_canary()]))
        references[f"AZURE_{number}"] = f"azure:key-{number}"
        values[f"AZURE_{number}"] = keyvault.secrets[f"key-{number}"][-1].value
    for number in range(5):
        values[f"DOCKER_{number}"], values[f"ENV_{number}"] = make_canary(), make_canary()
        (files / f"key_{number}").write_text(f"{values[f'DOCKER_{number}']}\n")
        environ[f"GIVEN_{number}"] = values[f"ENV_{number}"]
        references[f"DOCKER_{number}"], references[f"ENV_{number}"] = f"docker:key_{number}", f"env:GIVEN_{number}"
    project = make_project(
        {
            "env/production/security.env": "".join(f'{key}="$<{ref}>"\n' for key, ref in references.items()),
            "providers/production.toml": f'timeout = "{HANG}s"\n[stores.aws]\nregion = "{REGION}"\n'
            f'[stores.azure]\nvault_url = "{keyvault.url}"\n[stores.docker]\ndir = "{files}"\n',
        }
    )
    token = vault.token(vault.policy(f"{mount}/data/*", f"{mount}/metadata/*"))
    environ |= aws.environ(aws.principal(), url=url(aws.url)) | vault.environ(token, url=url(vault.url))
    environ |= azure.client_secret(azure.principal()) | azure.network
    keys: dict[str, tuple[str, ...]] = {}
    for key, reference in references.items():
        store = reference.partition(":")[0]
        keys[store] = (*keys.get(store, ()), key)
    return AllStores(project, aws, vault, mount, azure, keyvault, environ, values, keys)
