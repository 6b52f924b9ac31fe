"""The commands of the stores that take the secrets of an import, from files or standard input."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from secretsync.moving.import_files import ImportPlan
from secretsync.planning.references import Target


def store_commands(plan: ImportPlan) -> Iterator[str]:
    """Yield one command for each secret. A value is never in a command."""
    seen: set[str] = set()
    for name, target in plan.targets.items():
        config = plan.plan.stores[target.store]
        command = _COMMANDS.get(config.provider, _own)
        line = command(name, target, config.settings, target.ref.path in seen)
        names = name
        if command is _aws:  # one command for all fields, which are in one file
            if target.ref.path in seen:
                continue
            names = ", ".join(key for key, other in plan.targets.items() if other.ref.path == target.ref.path)
        seen.add(target.ref.path)
        yield f"{line}  # {names}"


def _vault(name: str, target: Target, _settings: Mapping[str, Any], is_known: bool) -> str:  # noqa: FBT001
    # -cas=0 creates a secret. Without it, `put` would remove the fields that a secret has already.
    verb = "patch" if is_known else "put -cas=0"
    return f"vault kv {verb} {shlex.quote(target.ref.path)} {shlex.quote(f'{target.selector.field or name}=-')}"


def _aws(_name: str, target: Target, _settings: Mapping[str, Any], _is_known: bool) -> str:  # noqa: FBT001
    path, file = shlex.quote(target.ref.path), "file://value" if target.selector.field is None else "file://secret.json"
    return f"aws secretsmanager create-secret --name {path} --secret-string {file}"


def _ssm(_name: str, target: Target, _settings: Mapping[str, Any], _is_known: bool) -> str:  # noqa: FBT001
    return f"aws ssm put-parameter --type SecureString --name {shlex.quote(target.ref.path)} --value file://value"


def _azure(_name: str, target: Target, settings: Mapping[str, Any], _is_known: bool) -> str:  # noqa: FBT001
    host = str(settings.get("vault_url") or "").partition("://")[2].partition(".")[0] or "NAME"
    return f"az keyvault secret set --vault-name {host} --name {shlex.quote(target.ref.path)} --file value"


def _docker(_name: str, target: Target, settings: Mapping[str, Any], _is_known: bool) -> str:  # noqa: FBT001
    path = f"{settings.get('dir') or '/run/secrets'}/{target.ref.path}"
    return f"install -m 600 /dev/stdin {shlex.quote(path)}"


def _own(_name: str, target: Target, _settings: Mapping[str, Any], _is_known: bool) -> str:  # noqa: FBT001
    return f"secretsync set {shlex.quote(target.shown)}"


_COMMANDS = {"vault": _vault, "aws": _aws, "ssm": _ssm, "azure": _azure, "docker": _docker}
