"""Export plans that are made from texts."""

from collections.abc import Mapping
from typing import Any

import yaml

from secretsync.core.secret import AnyEnviron
from secretsync.exporting.entries import read_source
from secretsync.exporting.target import Settings, Written
from secretsync.exporting.targets import export
from tests.support.plans import good_plan

STORES = """
[stores.aws]
region = "eu-west-1"
[stores.vault]
address = "https://vault.example.com:8200"
auth = { method = "kubernetes", role = "app" }
kv_version = 2
[stores.vault-one]
provider = "vault"
address = "https://vault.example.com:8200"
kv_version = 1
[stores.vault-unknown]
provider = "vault"
address = "https://vault.example.com:8200"
[stores.engines]
provider = "vault"
address = "https://vault.example.com:8200"
auth = { method = "kubernetes", role = "app" }
[stores.azure]
vault_url = "https://shared.vault.azure.net"
credential = "workload-identity"
"""


def exported(files: Mapping[str, str], *, to: str = "external-secrets", bindings: str = "", **options: Any) -> Written:
    """Return the export of `files`, which are given by their stems; `options`: those of `Settings`."""
    plan = good_plan(files, bindings=f"project = 'shop'\n{STORES}\n{bindings}", environ=AnyEnviron({"HOME": "/"}))
    return export(to, read_source(plan), Settings(**{"command": "secretsync export", **options}))


def objects(files: Mapping[str, str], **options: Any) -> list[dict[str, Any]]:
    """Return the objects of an export without problems."""
    written = exported(files, **options)
    assert [str(problem) for problem in written.problems] == []
    return list(yaml.safe_load_all(written.text))


def refusal(value: str, *, to: str = "external-secrets", **options: Any) -> str:
    """Return the reason and the hint for a secret with this value; fail if it is exported."""
    written = exported({"security": f"KEY={value}\n"}, to=to, **options)
    (problem,) = written.problems
    assert "KEY" not in (written.text or "")
    return f"{problem.cause}; {problem.hint}"
