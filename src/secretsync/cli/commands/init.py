"""Create a project: env/, providers/ and lines for .gitignore and .dockerignore. Existing files are not changed."""

from __future__ import annotations

import argparse
import os

from secretsync.cli import console
from secretsync.cli.commands.schema import FILES, schema_text
from secretsync.cli.init_stores import STORES, bindings_of_store, next_commands, unbound
from secretsync.cli.options import add_option
from secretsync.core.errors import OutputError, UsageError
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.core.names import is_environment_name, is_lenient
from secretsync.core.system.atomic_write import shared_mode, write_new_file
from secretsync.core.system.git import GitError, ignored_paths
from secretsync.core.text import path_or

USAGE = "[--root DIR] [-e NAME]... [--store STORE] [--service NAME] [--schemas]"
EXAMPLE = "  secretsync init && secretsync explain -e development"

_IGNORED_BY_GIT = (
    "# written by secretsync init: files with plain text secrets, and the records of secretsync track",
    "/.secrets/",
    "/.secretsync/",
    "/.env",
    "/.env.*",
    "!/.env.example",
    "# archives of secretsync backup",
    "/backups/",
)
# The image keeps env/ and providers/, because `secretsync run` reads them there.
_IGNORED_BY_DOCKER = (
    "# written by secretsync init: the history of git, files with plain text secrets, and records",
    ".git",
    "**/.env",
    "**/.env.*",
    "!**/.env.example",
    "**/.secrets",
    ".secretsync",
    "backups",
)


# The built-in rules check the same keys. The file makes the rules visible, and users can tighten them.
_POLICY = """\
# Rules for the values of {name}. They are checked before anything starts (secretsync run, render, resolve_config) and
# before a deployment (secretsync audit).

[required]
SECRET_KEY   = "the key that signs sessions and tokens"
FORCE_HTTPS  = "redirect http to https"
{database}
[checks.DEBUG]
is_false = true
message  = "debug mode shows internals of the application to every visitor; turn it off"

[checks.SECRET_KEY]
min_length = 32
message    = "it must have 32 or more characters; make it: python -c 'import secrets; print(secrets.token_urlsafe(48))'"

[checks.FORCE_HTTPS]
is_true = true
message = "sessions and passwords would be sent in plain text; turn it on"

[checks.SESSION_TIMEOUT]
max      = 3600
severity = "warning"
message  = "a session should end after at most one hour (3600 seconds)"
"""

_DATABASE = """\
# Written in env/{name}/{service}.env, or set by the platform.
DATABASE_URL = { description = "the address of the database", service = "{service}", environment = true }
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `init`."""
    add_option(parser, "--root", default=".", help="the project's folder (default: this folder)")
    help_text = "create this environment; may be repeated (default: development and production)"
    add_option(parser, "--environment", action="append", help=help_text)
    parser.add_argument(
        "--store",
        metavar="STORE",
        choices=STORES,
        help=f"bind the secrets to this store: {', '.join(STORES)}; then the default of -e is production",
    )
    add_option(parser, "--service", action=None, default="app", help="the name of the service (default: app)")
    parser.add_argument(
        "--schemas",
        action="store_true",
        help="write JSON Schemas for editors into schemas/, and name them in the files that are created",
    )
    add_option(parser, "--quiet")


def execute(options: argparse.Namespace) -> int:
    """Return 0 after the missing files are written."""
    names = _names(options)
    root = options.root
    if options.schemas:
        for file in FILES:
            _write(root, f"schemas/{file}.schema.json", schema_text(file), is_quiet=options.quiet)
    for name in names:
        for path, text in _files(name, options.service, options.store).items():
            _write(root, path, _schema_line(root, path) + text, is_quiet=options.quiet)
        if options.store:
            _warn_if_unbound(options, name)
    _ignore(root, ".gitignore", _IGNORED_BY_GIT, is_quiet=options.quiet)
    _ignore(root, ".dockerignore", _IGNORED_BY_DOCKER, is_quiet=options.quiet)
    for ignored, rule in _ignored_by_git(root, [f"env/{name}/common.env" for name in names]).items():
        hint = "this file must be committed; add !/env/ and !/env/** to .gitignore"
        console.warn(f"git ignores {ignored} ({rule}); {hint}")
    if not options.quiet:
        commands = next_commands(names[0]) if options.store else (f"secretsync explain -e {names[0]}",)
        print("\n".join(f"next: {command}" for command in commands))
    return 0


def _names(options: argparse.Namespace) -> list[str]:
    """Return the environments. Raises UsageError for options that cannot be used."""
    names: list[str] = options.environment or (["production"] if options.store else ["development", "production"])
    if not all(is_environment_name(name) for name in names):
        raise UsageError("the name of an environment must be letters, digits, '_' and '-', at most 64")
    if not is_environment_name(options.service) or options.service in ("common", "security"):
        raise UsageError("--service must be a name of letters, digits, '_' and '-', and not common or security")
    if not os.path.isdir(options.root):
        raise UsageError(f"{path_or(options.root, '--root')}: there is no such folder; create it")
    return names


def _warn_if_unbound(options: argparse.Namespace, name: str) -> None:
    data = read_file(os.path.join(options.root, f"providers/{name}.toml"), Input.BINDINGS)
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else ""
    if (warning := unbound(options.store, name, options.service, text)) is not None:
        console.warn(warning)


def _schema_line(root: str, path: str) -> str:
    """Return the line that leads editors to the schema of a TOML file; nothing if the project has no such schema."""
    file = "policy" if path.endswith("/policy.toml") else "bindings"
    schema = f"schemas/{file}.schema.json"
    if not path.endswith(".toml") or not os.path.isfile(os.path.join(root, schema)):
        return ""
    return f"#:schema {'../' * path.count('/')}{schema}\n"


def _files(name: str, service: str, store: str | None) -> dict[str, str]:
    """Return the files of an environment, by path. `store`: that of the secrets; None means the lookup order."""
    lenient = is_lenient(name)
    secret = "$<SECRET_KEY:-for-development-only>" if lenient and store is None else "$<SECRET_KEY>"
    bindings = _bindings(name, has_lenient_rules=lenient) if store is None else bindings_of_store(store, name, service)
    database = "" if store else _DATABASE.replace("{name}", name).replace("{service}", service)
    return {
        f"env/{name}/common.env": (
            f"# Settings of {name}. Safe to commit: this file contains no secret.\n"
            f"ENVIRONMENT={name}\n"
            f"DEBUG={'True' if lenient else 'False'}\n"
            f"LOG_LEVEL={'DEBUG' if lenient else 'WARNING'}\n"
            f"FORCE_HTTPS={'False' if lenient else 'True'}\n"
            "# Seconds.\n"
            f"SESSION_TIMEOUT={'86400' if lenient else '1800'}\n"
        ),
        f"env/{name}/security.env": (
            f"# Secrets, as placeholders. providers/{name}.toml configures where they are.\nSECRET_KEY={secret}\n"
        ),
        f"env/{name}/{service}.env": (
            f"# Settings of one service, {service}. Another service is another file.\nPORT=8000\n"
            "# as=url percent-encodes a secret, so that no character of it changes how the URL is read.\n"
            "# DATABASE_URL=postgresql://app:$<DATABASE_PASSWORD?as=url>@db.internal:5432/app\n"
        ),
        f"providers/{name}.toml": bindings,
        **(
            {}
            if lenient
            else {f"env/{name}/policy.toml": _POLICY.replace("{name}", name).replace("{database}", database)}
        ),
    }


def _bindings(name: str, *, has_lenient_rules: bool) -> str:
    folder = f'dir = ".secrets/{name}"' if has_lenient_rules else 'dir = "/run/secrets"'
    return (
        f"# The stores of the secrets of {name}. This file contains no credential.\n"
        "# A bare name such as $<SECRET_KEY> is searched in these stores in order: file secret_key, then variable.\n"
        'lookup = ["docker", "env"]\n'
        "\n"
        "[stores.docker]\n"
        f"{folder}\n"
        "\n"
        "# Better: name the place of each secret, and its maximum age.\n"
        "[secrets]\n"
        '# SECRET_KEY = "vault:secret/app#secret_key"\n'
        '# SECRET_KEY = { ref = "aws:prod/app#secret_key", max_age = "90d" }\n'
        "\n"
        "[rotation]\n"
        'max_age = "90d"\n'
    )


def _write(root: str, path: str, text: str, *, is_quiet: bool) -> None:
    full = os.path.join(root, path)
    failure = None
    try:
        os.makedirs(os.path.dirname(full), exist_ok=True)
    except OSError as error:
        failure = error.strerror
    if failure is not None:
        raise OutputError(f"{full}: it cannot be written: {failure}")
    # As a whole or not at all, because the next run would keep a part of a file.
    is_absent = not os.path.lexists(full)
    is_created = is_absent and write_new_file(full, text.encode("utf-8"), mode=shared_mode(full))
    if not is_quiet:
        print(f"{'created' if is_created else 'kept'} {path}")


def _ignore(root: str, name: str, lines: tuple[str, ...], *, is_quiet: bool) -> None:
    """Add the missing lines to an ignore file."""
    path = os.path.join(root, name)
    failure = None
    try:
        has_added = _add_missing_lines(path, lines)
    except OSError as error:
        failure, has_added = error.strerror, False
    if failure is not None:
        raise OutputError(f"{path}: it cannot be written: {failure}")
    if has_added and not is_quiet:
        print(f"added lines to {name}")


def _add_missing_lines(path: str, lines: tuple[str, ...]) -> bool:
    data = read_file(path, Input.IGNORE_FILE)
    if isinstance(data, FileRefusal) and not data.is_absent:
        raise OutputError(f"{path}: {data.cause}")
    text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else ""
    present = set(text.split("\n"))
    missing = [line for line in lines if line not in present]
    if all(line.startswith("#") for line in missing):
        return False
    with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(("" if not text or text.endswith("\n") else "\n") + "\n".join(missing) + "\n")
    return True


def _ignored_by_git(root: str, paths: list[str]) -> dict[str, str]:
    """Return those of `paths` that git ignores, each with its rule; none without a repository."""
    try:
        return ignored_paths(root, os.environ, paths)
    except GitError as error:
        if error.hint is not None:
            console.warn(f"{error.cause}, so it is unknown if it ignores env/; {error.hint}")
        return {}
