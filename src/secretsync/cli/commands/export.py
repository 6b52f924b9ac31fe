"""Write manifests with which another platform reads the same secrets. They hold references, never a value.

No store is asked, and no variable of this process is used. An entry that the platform cannot carry is an error, and
then nothing is written; with --only-mapped, the other entries are written and this entry is listed.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from secretsync.cli import console
from secretsync.cli.loading import open_any_plan
from secretsync.cli.options import add_option, add_source
from secretsync.core.errors import OutputError, UsageError
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.core.text import count_of, path_or
from secretsync.exporting.entries import read_source
from secretsync.exporting.target import Settings
from secretsync.exporting.targets import TARGETS, export

if TYPE_CHECKING:
    from secretsync.planning.plan import Plan

USAGE = "--to TARGET [-e NAME] [OPTIONS]"
EXAMPLE = """  secretsync export --to external-secrets -e production --output deploy/production.yaml
  secretsync export --to external-secrets -e production --check deploy/production.yaml
  secretsync export --to ecs -e production --only-mapped --layout tfvars"""

_KUBERNETES = ("namespace", "store_kind", "service_account", "with_stores", "reloader")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `export`."""
    parser.add_argument(
        "--to", required=True, metavar="TARGET", choices=list(TARGETS), help=f"one of: {', '.join(TARGETS)}"
    )
    add_source(parser)
    parser.add_argument(
        "--only-mapped", action="store_true", help="leave out and list what the target cannot carry, instead of ending"
    )
    add_option(parser, "--kv-version")
    add_option(parser, "--output")
    parser.add_argument(
        "--check", metavar="FILE", help="write nothing; end with 1 if FILE is not what would be written"
    )
    parser.add_argument("--name", metavar="NAME", help="the name of the objects (default: the project's name)")
    group = parser.add_argument_group("external-secrets")
    group.add_argument("--namespace", metavar="NAME", help="the namespace of the objects")
    group.add_argument(
        "--store-kind",
        metavar="KIND",
        choices=("SecretStore", "ClusterSecretStore"),
        help="the kind of the stores that the objects name: SecretStore (default) or ClusterSecretStore",
    )
    group.add_argument("--with-stores", action="store_true", help="also write the SecretStores")
    group.add_argument(
        "--service-account", metavar="NAME", help="the service account that logs in, for stores and generators"
    )
    group.add_argument(
        "--reloader", action="store_true", help="let Reloader restart the pods when a Secret changes: its annotation"
    )
    parser.add_argument(
        "--layout",
        choices=("task-definition", "tfvars"),
        help="ecs: a part of a task definition (default), or variables for Terraform",
    )


def execute(options: argparse.Namespace) -> int:
    """Return 0, or 1 if --check finds a difference. Raises OutputError for entries that the target cannot carry."""
    _check_options(options)
    plan = open_any_plan(options)
    written = export(options.to, read_source(plan), _settings(options, plan))
    if written.problems and not options.only_mapped:
        raise OutputError(written.problems)
    if not options.quiet:
        for problem in written.problems:
            console.warn(f"left out: {problem}")
        for note in written.notes:
            console.info(f"note: {note}")
    if options.check is not None:
        return _check(options, written.text)
    console.write_report(written.text, options.output)
    if written.problems:
        console.info(f"{count_of(len(written.problems), 'entry', 'entries')} left out")
    return 0


def _check_options(options: argparse.Namespace) -> None:
    """Raise UsageError for options that do not go together."""
    given = [name for name in _KUBERNETES if getattr(options, name)]
    if options.to != "external-secrets" and given:
        raise UsageError(f"--{given[0].replace('_', '-')} does not go with --to {options.to}; remove it")
    if options.to != "ecs" and options.layout is not None:
        raise UsageError(f"--layout does not go with --to {options.to}; remove it")
    if options.check is not None and options.output is not None:
        raise UsageError("--check writes nothing; remove --output")
    if options.with_stores and options.store_kind == "ClusterSecretStore":
        raise UsageError("--with-stores writes SecretStores of one namespace; remove --store-kind")


def _settings(options: argparse.Namespace, plan: Plan) -> Settings:
    for name in (options.namespace, options.service_account):
        if name is not None and (name != name.lower() or not name.replace("-", "").replace(".", "").isalnum()):
            raise UsageError("a name of Kubernetes has lower case letters, digits and '-'; correct it")
    return Settings(
        command=_command(options, plan.project.environment),
        name=options.name,
        namespace=options.namespace,
        store_kind=options.store_kind or "SecretStore",
        service_account=options.service_account,
        with_stores=options.with_stores,
        reloader=options.reloader,
        layout=options.layout or "task-definition",
        kv_version=options.kv_version and int(options.kv_version),
    )


def _command(options: argparse.Namespace, environment: str | None) -> str:
    """Return the shortest command for the comment in the file: it names no path of this machine."""
    return f"secretsync export --to {options.to}" + (f" -e {environment}" if environment else "")


def _check(options: argparse.Namespace, expected: str) -> int:
    """Return 0 if the file of --check has the `expected` text, with any line ends; else 1."""
    shown = path_or(options.check, "the file")
    data = read_file(options.check, Input.MANIFEST)
    if isinstance(data, FileRefusal) and not data.is_absent:
        raise OutputError(f"{shown}: {data.cause}")
    if isinstance(data, FileRefusal):
        console.info(f"{shown}: there is no such file; write it with --output")
        return 1
    if data.decode("utf-8", "surrogateescape").replace("\r\n", "\n") == expected:
        return 0
    console.info(f"{shown}: it is out of date; write it again with --output")
    return 1
