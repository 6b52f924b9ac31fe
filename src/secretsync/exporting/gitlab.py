"""Write `secrets:` and `variables:` of a hidden job for GitLab CI, which other jobs extend."""

from __future__ import annotations

from typing import Any

from secretsync.exporting.entries import Item, Refused, Scope, Source, Taken
from secretsync.exporting.target import Outcome, Settings, Written, names_of, refuse_forms, single_secret, top_field
from secretsync.exporting.vault_paths import kv_version
from secretsync.exporting.yaml_text import format_documents

_NEAREST = "call `secretsync run` in the job's script for this entry"
_FIELD = "name a field of the secret: #field"


def export(source: Source, settings: Settings) -> Written:
    """Return a hidden job for each service, or one if there are no services."""
    outcome = Outcome(source)
    scopes = source.merged()
    names = names_of(source, settings, [scope.service for scope in scopes])
    jobs = {f".{names[scope.service]}": _job(scope, outcome, settings.kv_version) for scope in scopes}
    comments = (f"Written by `{settings.command}`. Do not edit.", f"A job uses it with extends: {', '.join(jobs)}")
    return outcome.written(format_documents([jobs], comments))


def _job(scope: Scope, outcome: Outcome, assumed: int | None) -> dict[str, Any]:
    variables: dict[str, Any] = {}
    secrets: dict[str, Any] = {}

    def write(item: Item) -> None:
        if item.text is not None:
            # Without `expand`, GitLab would replace $NAME in the value.
            variables[item.key] = {"value": item.text, "expand": False}
        else:
            secrets[item.key] = {**_secret(single_secret(item, "GitLab CI", _NEAREST), assumed), "file": False}

    for item in scope.items:
        outcome.attempt(item, write)
    return {"variables": variables, "secrets": secrets}


def _secret(taken: Taken, assumed: int | None) -> dict[str, Any]:
    """Return the reference of GitLab for a secret. Raises Refused."""
    refuse_forms(taken.target.selector, "GitLab CI", _NEAREST)
    field = top_field(taken.target.selector, "GitLab CI", _NEAREST)
    if taken.provider == "aws":
        return {"aws_secrets_manager": _aws(taken, field)}
    if taken.provider == "azure":
        if field is not None:
            raise Refused("GitLab CI reads whole secrets of Key Vault, without fields", _NEAREST)
        ref = taken.target.ref
        return {"azure_key_vault": {"name": ref.path} | ({} if ref.version is None else {"version": ref.version})}
    if taken.provider == "vault":
        return {"vault": _vault(taken, field, assumed)}
    if taken.provider == "ssm":
        raise Refused("GitLab CI reads Secrets Manager, but no parameters of Systems Manager", _NEAREST)
    raise Refused(f"GitLab CI cannot read from a plug-in ({taken.provider})", _NEAREST)


def _aws(taken: Taken, field: str | None) -> dict[str, str]:
    ref, settings = taken.target.ref, taken.store.settings
    if ref.version is not None and ref.stage is not None:
        raise Refused("a version and a stage together are not for GitLab CI", "remove the stage")
    region = ref.path.split(":")[3] if ref.path.startswith("arn:") else settings.get("region")
    parts = {
        "secret_id": ref.path,
        "version_id": ref.version,
        "version_stage": ref.stage,
        "field": field,
        "region": region,
        "role_arn": settings.get("role_arn"),
    }
    return {name: value for name, value in parts.items() if value is not None}


def _vault(taken: Taken, field: str | None, assumed: int | None) -> dict[str, Any]:
    ref = taken.target.ref
    version = kv_version(taken.store, ref.path, assumed)
    if version is None:
        raise Refused("GitLab CI reads secrets of KV, but not credentials that Vault makes or rotates", _NEAREST)
    if field is None:
        raise Refused("GitLab CI reads a field of a secret of Vault, but not the whole secret", _FIELD)
    if ref.version is not None:
        raise Refused("GitLab CI reads the current version of a secret of Vault", _NEAREST)
    mount, _, path = ref.path.partition("/")
    return {"engine": {"name": f"kv-v{version}", "path": mount}, "path": path, "field": field}
