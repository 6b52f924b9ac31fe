"""The targets of an export, by name."""

from __future__ import annotations

from importlib import import_module

from secretsync.core.records import Record
from secretsync.exporting.entries import Source
from secretsync.exporting.target import Settings, Written


class ExportTarget(Record):
    """One platform. `module`: its module in this package, imported only if the target is used."""

    module: str
    reader: str  # the platform, for people
    writes: str


TARGETS = {
    "external-secrets": ExportTarget(
        "external_secrets", "External Secrets Operator", "ExternalSecret, ConfigMap, VaultDynamicSecret, SecretStore"
    ),
    "ecs": ExportTarget("ecs", "Amazon ECS, Terraform", "`secrets` and `environment` of container definitions"),
    "gitlab": ExportTarget("gitlab", "GitLab CI/CD", "`secrets:` and `variables:` of a job"),
}


def export(target: str, source: Source, settings: Settings) -> Written:
    """Return the text of `source` for the platform `target`. No store is asked."""
    module = import_module(f"secretsync.exporting.{TARGETS[target].module}")
    written: Written = module.export(source, settings)
    return written
