"""Make the plan of what `run` handed over, for an application whose env files do not exist any more."""

from __future__ import annotations

from collections.abc import Mapping

from secretsync.core.errors import ConfigurationError, UsageError
from secretsync.core.model import Entry
from secretsync.planning.plan import Plan
from secretsync.planning.planner import make_plan
from secretsync.project.bindings import Bindings
from secretsync.project.env_file import EnvFile
from secretsync.project.layout import COMMON, SECURITY, Project, SourceFile
from secretsync.resolving.handed_values import HandedValues


def plan_without_files(
    values: HandedValues, environ: Mapping[str, str], services: tuple[str, ...] | None = None
) -> Plan:
    """Return a plan of the handed over names alone. Each of its entries is in `values`; no store is in it.

    Raises UsageError if a secret was changed after `run` had resolved it, because no file can resolve it again.
    """
    handover = values.handover
    if not values.are_secrets_intact:
        raise UsageError(
            f"{handover.label}: the env files do not exist any more, and a secret was changed after `secretsync run` "
            "had resolved it; start the application again"
        )
    keys: dict[str, list[str]] = {}
    for name in values.values:
        keys.setdefault(handover.names[name]["file"], []).append(handover.entry_key(name))
    files = [_env_file(file, keys[file], is_in_folders=handover.files is None) for file in sorted(keys, key=_by_layer)]
    project = Project(
        root=handover.root,
        environment=handover.environment,
        is_strict=handover.is_strict,
        files=tuple(SourceFile(path=file.file, shown=file.file, service=file.service) for file in files),
        bindings=None,
        is_in_folders=handover.files is None,
    )
    selected = handover.services if services is None else services
    selected = tuple(name for name in selected if name in project.services)
    plan, problems = make_plan(project, files, Bindings(), environ, selected)
    if plan is None:
        raise ConfigurationError(problems)
    return plan


def _by_layer(file: str) -> tuple[bool, str]:
    """Return the sort key of a layer. The lowest comes first: services are above common.env and security.env."""
    return _stem(file) not in (COMMON, SECURITY), file


def _stem(file: str) -> str:
    return file.rpartition("/")[2].removesuffix(".env")


def _env_file(file: str, keys: list[str], *, is_in_folders: bool) -> EnvFile:
    stem = _stem(file)
    is_service = is_in_folders and file.endswith(".env") and stem not in (COMMON, SECURITY)
    service = stem if is_service else None
    entries = tuple(
        Entry(key=key, text="", literal=True, file=file, line=0, service=service, source="") for key in keys
    )
    return EnvFile(file=file, service=service, entries=entries)
