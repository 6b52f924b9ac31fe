"""Write the smallest policy with which an environment can be resolved, or only be checked."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from secretsync.core.errors import OutputError, Problem, ProblemKind, UsageError
from secretsync.core.model import SecretRef
from secretsync.core.records import Record, replace
from secretsync.core.text import unknown
from secretsync.exporting.arns import is_complete
from secretsync.exporting.entries import Refused
from secretsync.exporting.vault_paths import kv_version, role_path
from secretsync.planning.plan import Plan
from secretsync.project.bindings import StoreConfig


class Policy(Record):
    """A policy as text, and what its reader should know."""

    text: str
    notes: tuple[str, ...] = ()


class Options(Record, kw_only=True):
    """How a policy is written."""

    is_metadata_only: bool = False  # it is enough for `check` and `check-rotation`, and no value can be read with it
    kv_version: int | None = None  # of the KV mounts of a store whose settings do not have it


def policy_of(plan: Plan, store: str, options: Options) -> Policy:
    """Return the policy for the secrets of one store. No store is asked.

    Raises UsageError if the environment has no secret in this store, and OutputError if a policy cannot be written.
    """
    refs = sorted({ref.path: ref for ref in plan.refs if ref.store == store}.items())
    if not refs:
        cause = f"{plan.project.label}: no secret of this environment is in the store"
        if store not in plan.stores:
            cause = f"{plan.project.label}: {unknown('store called', store, plan.stores)} that this environment uses"
        raise UsageError(f"{cause}; name one of {', '.join(plan.stores) or 'its stores, of which it has none'}")
    config, provider = plan.stores[store], plan.specs[store].name
    write = _WRITERS.get(provider)
    if write is None:
        raise UsageError(f"there is no policy for {provider}; the platform gives the rights to files and variables")
    policy = write(config, [ref for _, ref in refs], options)
    if isinstance(policy, Policy):
        return policy
    raise OutputError([replace(plan.placed(problem), kind=ProblemKind.OUTPUT) for problem in policy])


def _problem(config: StoreConfig, cause: str, hint: str) -> Problem:
    return Problem(kind=ProblemKind.OUTPUT, store=config.name, cause=cause, hint=hint)


# AWS

_POLICY_LIMIT = 6144  # characters of a managed policy of IAM, without white space


def _aws(config: StoreConfig, refs: Sequence[SecretRef], options: Options) -> Policy:
    resources = [_arn(ref.path, config.settings.get("region")) for ref in refs]
    if options.is_metadata_only:
        statements = [
            _allow("SeeVersions", "secretsmanager:ListSecretVersionIds", resources),
            _allow("OptionalSchedules", "secretsmanager:DescribeSecret", resources),
            _allow("OptionalLists", "secretsmanager:ListSecrets"),
        ]
    else:
        statements = [
            _allow("ReadValues", "secretsmanager:GetSecretValue", resources),
            _allow("OptionalBatches", "secretsmanager:BatchGetSecretValue"),
        ]
    return _iam_policy(config, options, statements)


def _ssm(config: StoreConfig, refs: Sequence[SecretRef], options: Options) -> Policy:
    if options.is_metadata_only:
        return _iam_policy(config, options, [_allow("SeeParameters", "ssm:DescribeParameters")])
    resources = [_parameter_arn(ref.path, config.settings.get("region")) for ref in refs]
    return _iam_policy(config, options, [_allow("ReadValues", "ssm:GetParameters", resources)])


def _iam_policy(config: StoreConfig, options: Options, statements: Sequence[dict[str, Any]]) -> Policy:
    document = {"Version": "2012-10-17", "Statement": statements}
    notes = []
    if not options.is_metadata_only:
        notes.append("a secret that is encrypted with a key of your own also needs kms:Decrypt on that key")
    resources = [resource for statement in statements for resource in statement["Resource"]]
    if any(re.search(r":\*:(?:secret:|parameter/)", resource) for resource in resources):
        notes.append("the account or region is not known, so * stands for it; attach the policy in the right account")
    if config.settings.get("role_arn"):
        notes.append("attach the policy to the role of role_arn; the identity itself needs sts:AssumeRole on that role")
    if len(json.dumps(document, separators=(",", ":"))) > _POLICY_LIMIT:
        notes.append(f"the policy is over {_POLICY_LIMIT} characters, the limit of IAM; use a prefix of the names")
    return Policy(json.dumps(document, indent=2) + "\n", tuple(notes))


def _allow(sid: str, action: str, resources: Sequence[str] = ("*",)) -> dict[str, Any]:
    """Return a statement. A `sid` that begins with Optional marks a right that only saves requests."""
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": list(resources)}


def _arn(path: str, region: str | None) -> str:
    """Return the ARN of a secret. AWS appends a hyphen and six characters to each name."""
    if path.startswith("arn:"):
        return path if is_complete(path) else f"{path}-??????"
    return f"arn:{_partition(region)}:secretsmanager:{region or '*'}:*:secret:{path}-??????"


def _parameter_arn(path: str, region: str | None) -> str:
    """Return the ARN of a parameter of Systems Manager."""
    if path.startswith("arn:"):
        return path
    return f"arn:{_partition(region)}:ssm:{region or '*'}:*:parameter/{path.removeprefix('/')}"


def _partition(region: str | None) -> str:
    start = (region or "").rpartition("-")[0].rpartition("-")[0]
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(start, "aws")


# Vault


def _vault(config: StoreConfig, refs: Sequence[SecretRef], options: Options) -> Policy | list[Problem]:
    rules: list[str] = []
    problems: list[Problem] = []
    versions = set()
    for path in (ref.path for ref in refs):
        try:
            _refuse_pattern(path)
            version = kv_version(config, path, options.kv_version)
        except Refused as refused:
            problems.append(_problem(config, refused.cause, refused.hint))
        else:
            versions.add(version)
            rules += _rules(path, version, is_metadata_only=options.is_metadata_only)
    if problems:
        return problems
    is_first = options.is_metadata_only and 1 in versions
    note = "KV version 1 has no metadata: declare the dates of its secrets with rotated in the bindings"
    return Policy("\n".join(dict.fromkeys(rules)), (note,) if is_first else ())


def _refuse_pattern(path: str) -> None:
    """Raise Refused for a path that allows other secrets too, because a policy reads it as a pattern."""
    if path.endswith("*") or "+" in path.split("/") or "{{" in path:
        raise Refused(f"{path} would be a pattern in a policy", "rename the secret, or write the rule by hand")


def _rules(path: str, version: int | None, *, is_metadata_only: bool) -> list[str]:
    """Return the rules for one secret. `version`: of its KV mount; None means another engine."""
    mount, _, rest = path.partition("/")
    if not is_metadata_only:
        return [_rule(f"{mount}/data/{rest}" if version == 2 else path)]
    if version is None:
        return [_rule(role_path(path))]
    if version == 1:
        return [_rule(f"{path.rpartition('/')[0]}/", "the names of secrets for `check`", "list")]
    return [
        _rule(f"{mount}/metadata/{rest}"),
        _rule(f"{mount}/subkeys/{rest}", "the names of fields for `check`, without values"),
    ]


def _rule(path: str, optional: str | None = None, capability: str = "read") -> str:
    comment = "" if optional is None else f"# Optional: {optional}.\n"
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{")
    return f'{comment}path "{escaped}" {{\n  capabilities = ["{capability}"]\n}}\n'


# Azure

_ROLES = {False: "Key Vault Secrets User", True: "Key Vault Reader"}


def _azure(config: StoreConfig, refs: Sequence[SecretRef], options: Options) -> Policy | list[Problem]:
    host = urlsplit(str(config.settings.get("vault_url") or "")).hostname
    if not host:
        hint = f'set vault_url = "https://..." in [stores.{config.name}]'
        return [_problem(config, "it has no vault_url", hint)]
    name = host.partition(".")[0]
    lines = [
        "# Set OBJECT_ID to the object id of the identity.",
        f"VAULT_ID=$(az keyvault show --name {shlex.quote(name)} --query id --output tsv)",
        *(
            f'az role assignment create --role "{_ROLES[options.is_metadata_only]}" --assignee-object-id "$OBJECT_ID" '
            f'--scope "$VAULT_ID/secrets/{ref.path}"'
            for ref in refs
        ),
    ]
    note = "the roles were compared with their definitions only: no Azure account was used in the tests"
    return Policy("\n".join(lines) + "\n", (note,))


_WRITERS: dict[str, Callable[[StoreConfig, Sequence[SecretRef], Options], Policy | list[Problem]]] = {
    "aws": _aws,
    "azure": _azure,
    "ssm": _ssm,
    "vault": _vault,
}
