"""Write `secrets` and `environment` of an ECS task definition, or the same as variables for Terraform."""

from __future__ import annotations

import json
from typing import Any

from secretsync.exporting.arns import is_complete
from secretsync.exporting.entries import Item, Refused, Scope, Source, Taken
from secretsync.exporting.target import Outcome, Settings, Written, names_of, refuse_forms, single_secret, top_field

LAYOUTS = ("task-definition", "tfvars")

_NEAREST = "keep `secretsync run` as the image's entrypoint for this entry"


def export(source: Source, settings: Settings) -> Written:
    """Return a container for each service, or one container if there are no services."""
    outcome = Outcome(source)
    scopes = source.merged()
    names = names_of(source, settings, [scope.service for scope in scopes])
    containers = {scope.service or names[scope.service]: _container(scope, outcome) for scope in scopes}
    document: dict[str, Any] = {"containers": containers}
    if settings.layout == "task-definition":
        document = {"containerDefinitions": [{"name": name, **parts} for name, parts in containers.items()]}
    return outcome.written(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _container(scope: Scope, outcome: Outcome) -> dict[str, list[dict[str, str]]]:
    environment: list[dict[str, str]] = []
    secrets: list[dict[str, str]] = []

    def write(item: Item) -> None:
        if item.text is not None:
            environment.append({"name": item.key, "value": item.text})
        else:
            secrets.append({"name": item.key, "valueFrom": _value_from(single_secret(item, "ECS", _NEAREST))})

    for item in scope.items:
        outcome.attempt(item, write)
    return {"environment": environment, "secrets": secrets}


def _value_from(taken: Taken) -> str:
    """Return `ARN`, or `ARN:field:stage:version` with empty parts. Raises Refused."""
    ref, selector = taken.target.ref, taken.target.selector
    if taken.provider == "ssm":
        return _parameter(taken)
    if taken.provider != "aws":
        raise Refused(f"ECS reads secrets of AWS, but not of {taken.provider}", _NEAREST)
    if not is_complete(ref.path):
        raise Refused(
            "ECS needs the complete ARN of the secret, with the six characters at its end",
            "write the ARN in place of the name, in the reference or in the binding",
        )
    if ref.version is not None and ref.stage is not None:
        raise Refused("ECS takes a version or a stage, but not both", "remove the stage")
    refuse_forms(selector, "ECS", _NEAREST)
    field = top_field(selector, "ECS", _NEAREST) or ""
    if ":" in field:
        raise Refused("ECS separates the parts of a reference by ':', and the field has one in its name", _NEAREST)
    parts = (field, ref.stage or "", ref.version or "")
    return ":".join((ref.path, *parts)) if any(parts) else ref.path


def _parameter(taken: Taken) -> str:
    """Return the name or the ARN of a parameter, which ECS takes without a version or a field. Raises Refused."""
    ref, selector = taken.target.ref, taken.target.selector
    if ref.version is not None or ref.stage is not None:
        raise Refused("ECS reads the newest version of a parameter only", _NEAREST)
    refuse_forms(selector, "ECS", _NEAREST)
    if selector.field is not None:
        raise Refused("ECS takes no field of a parameter", _NEAREST)
    return ref.path
