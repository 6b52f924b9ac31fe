"""Move in: turn files with plain text secrets into env files with placeholders, bindings, and secrets in a store.

Each entry is a setting, a secret, or a URL whose password is a secret, by the rules of `secretsync audit`. Settings
stay in clear in env/NAME/common.env. Secrets become placeholders in env/NAME/security.env, with their places in
providers/NAME.toml. Comments are kept. Existing files are added to, and no line of them is overwritten. With --write
the secrets are stored; a value that the store has already is never replaced. Without it the commands of the store are
printed, without a value.
"""

# ruff: noqa: N999 - the module of a command has the name of the command, and `importlib` imports it

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from secretsync.cli import console
from secretsync.cli.loading import no_environment, store_access
from secretsync.cli.options import add_option, variable_name
from secretsync.core.errors import ConfigurationError, UsageError
from secretsync.core.names import is_environment_name, is_lenient
from secretsync.core.secret import Environ
from secretsync.core.text import count_of, path_or, printable
from secretsync.moving.classify import Kind
from secretsync.moving.files import check_writable, write
from secretsync.moving.import_files import ImportPlan, ImportRequest, plan_import, reference_of, write_secrets
from secretsync.moving.sources import FORMATS, read_source
from secretsync.moving.store_commands import store_commands
from secretsync.policy.policy import Policy
from secretsync.project.bindings import Bindings
from secretsync.project.bindings_file import read_bindings
from secretsync.project.layout import named_environment

USAGE = "FILE... -e NAME --to STORE:PATH [--write | --dry-run] [OPTIONS]"
EXAMPLE = "  secretsync import .env -e production --to vault:secret/production/app --write"

_AS_PLANNED = {"created": "would create", "extended": "would extend"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `import`."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a file to import, - for standard input, or a pipe; later files override earlier ones",
    )
    help_text = "the environment that gets the entries: a folder in env/; else $SECRETSYNC_ENV, else $ENVIRONMENT"
    add_option(parser, "--environment", help=help_text)
    parser.add_argument(
        "--to",
        metavar="STORE:PATH",
        required=True,
        help="where the secrets go: a field of this secret for each; STORE: without a path is a secret for each",
    )
    listed = ", ".join(FORMATS)
    parser.add_argument(
        "--from",
        dest="source_format",
        metavar="FORMAT",
        choices=tuple(FORMATS),
        help=f"the format of the files, if their names and contents do not tell: {listed}",
    )
    kinds = {"secret": "this entry is a secret", "setting": "this entry is a setting, and stays in clear"}
    for name, help_text in kinds.items():
        parser.add_argument(
            f"--{name}",
            dest=f"{name}s",
            metavar="NAME",
            type=variable_name,
            action="append",
            default=[],
            help=f"{help_text}; may be repeated",
        )
    help_text = "write env/NAME/SERVICE.env; in a Compose file, import this service"
    add_option(parser, "--service", action=None, help=help_text)
    add_option(parser, "--root", default=".", help="the project's folder (default: this folder)")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--write", action="store_true", help="store the secrets too")
    way.add_argument("--dry-run", action="store_true", help="write nothing, and print what would be written")
    add_option(parser, "--timeout")
    messages = parser.add_mutually_exclusive_group()
    add_option(messages, "--verbose")
    add_option(messages, "--quiet")


def execute(options: argparse.Namespace) -> int:
    """Return 0 after the files are written."""
    request = _request(options)
    sources = [
        read_source(path, options.source_format, options.service, seconds=options.timeout or 30.0)
        for path in options.files
    ]
    plan = plan_import(sources, request, Policy())
    if not options.quiet:
        _print_plan(plan)
        for note in plan.notes:
            console.warn(note)
    if options.dry_run:
        _print_files(plan, _AS_PLANNED, options)
        return 0
    check_writable(request.root, plan.files)
    if options.write and plan.secrets:
        for ref, written in write_secrets(plan, store_access(options, Environ(os.environ))):
            if not options.quiet:
                console.info(f"{ref}: {'stored' if written.is_changed else 'it has these values already'}")
    write(request.root, plan.files)
    _print_files(plan, {}, options)
    if not options.quiet:
        _print_next(options, plan)
    return 0


def _request(options: argparse.Namespace) -> ImportRequest:
    environ, service = Environ(os.environ), options.service
    name = named_environment(environ) if options.environment is None else options.environment
    if name is None:
        raise no_environment(options, environ)
    if not is_environment_name(name):
        raise UsageError("the name of an environment must be letters, digits, '_' and '-', at most 64")
    if service is not None and (not is_environment_name(service) or service in ("common", "security")):
        raise UsageError("--service must be a name of letters, digits, '_' and '-', and not common or security")
    if not os.path.isdir(options.root):
        raise UsageError(f"{path_or(options.root, '--root')}: there is no such folder; create it")
    path = f"providers/{name}.toml"
    full = os.path.join(options.root, path)
    bindings = read_bindings(full, file=path) if os.path.lexists(full) else Bindings()
    if bindings.problems:
        raise ConfigurationError(bindings.problems)
    return ImportRequest(
        environment=name,
        root=os.path.abspath(options.root),
        to=options.to,
        bindings=bindings,
        secrets=tuple(options.secrets),
        settings=tuple(options.settings),
        service=service,
        is_strict=not is_lenient(name),
    )


def _print_plan(plan: ImportPlan) -> None:
    rows = []
    for row in plan.rows:
        places = ", ".join(reference_of(plan.targets[name]) for name in row.secrets)
        rows.append((row.kind.value, row.entry.key, row.reason or "-", places or "in clear"))
    print(console.format_table(("KIND", "KEY", "RULE", "PLACE"), rows))
    counts = {kind: sum(row.kind is kind for row in plan.rows) for kind in Kind}
    print()
    words = {
        Kind.SETTING: ("setting",),
        Kind.SECRET: ("secret",),
        Kind.URL: ("URL with a password", "URLs with a password"),
    }
    print(", ".join(count_of(count, *words[kind]) for kind, count in counts.items()))


def _print_files(plan: ImportPlan, words: Mapping[str, str], options: argparse.Namespace) -> None:
    for file in () if options.quiet else plan.files:
        print(f"{words.get(file.state, file.state)} {file.path}")


def _print_next(options: argparse.Namespace, plan: ImportPlan) -> None:
    if plan.secrets and not options.write:
        print()
        print(f"{count_of(len(plan.secrets), 'secret')} to store: run this again with --write, or:")
        for command in store_commands(plan):
            print(f"  {command}")
    print()
    files = ", ".join(printable(file) for file in options.files if os.path.isfile(file))
    if plan.secrets and options.write and files:
        print(f"next: remove the secrets from {files}: they are still there in plain text")
    print(f"next: secretsync run -e {plan.plan.project.environment} -- COMMAND")
