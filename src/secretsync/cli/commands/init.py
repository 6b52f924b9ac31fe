"""Begin a project: env/, providers/ and lines for .gitignore. What is there already stays as it is."""

from __future__ import annotations

import argparse
import os
import subprocess

from secretsync.cli.console import say
from secretsync.core.errors import OutputError, UsageError
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.core.names import is_environment_name, is_lenient
from secretsync.core.text import path_or

USAGE = "[--root DIR] [-e NAME]..."
EXAMPLE = "  secretsync init && secretsync explain -e development"

_IGNORED = (
    "# written by secretsync init: what holds plain secrets, and what secretsync track records",
    "/.secrets/",
    "/.secretsync/",
    "/.env",
    "/.env.*",
    "!/.env.example",
    "# archives of secretsync backup",
    "/backups/",
)


# The built-in rules say the same of the keys that are there; written down, they can be read, tightened and required.
_POLICY = """\
# What must hold in {name} before anything starts (secretsync run, render, resolve_config) or is deployed
# (secretsync audit).

[required]
SECRET_KEY   = "the key that sessions and tokens are signed with"
FORCE_HTTPS  = "whether plain http is redirected to https"
# Written in env/{name}/database.env, or exported by the platform.
DATABASE_URL = { description = "where the database is", service = "database", environment = true }

[checks.DEBUG]
is_false = true
message  = "debug mode shows the application's insides to everybody: it must be off"

[checks.SECRET_KEY]
min_length = 32
message    = "it must have 32 characters or more: python -c 'import secrets; print(secrets.token_urlsafe(48))'"

[checks.FORCE_HTTPS]
is_true = true
message = "sessions and passwords would pass the network in plain text: it must be on"

[checks.SESSION_TIMEOUT]
max      = 3600
severity = "warning"
message  = "a session should end after an hour at most: 3600 seconds"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `init`."""
    parser.add_argument("--root", metavar="DIR", default=".", help="where the project is (default: here)")
    parser.add_argument(
        "-e",
        "--environment",
        metavar="NAME",
        action="append",
        help="an environment to begin with; may be repeated (default: development and production)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but what went wrong")


def execute(options: argparse.Namespace) -> int:
    """0, after what was missing is there."""
    names = options.environment or ["development", "production"]
    for name in names:
        if not is_environment_name(name):
            raise UsageError("an environment's name is letters, digits, '_' and '-', at most 64")
    root = options.root
    if not os.path.isdir(root):
        raise UsageError(f"{path_or(root, '--root')}: there is no such folder")
    for name in names:
        for path, text in _files(name).items():
            _write(root, path, text, is_quiet=options.quiet)
    _ignore(root, is_quiet=options.quiet)
    for ignored, rule in _ignored_by_git(root, [f"env/{name}/common.env" for name in names]):
        hint = "it is meant to be committed: add !/env/ and !/env/** to .gitignore"
        say(f"warning: git ignores {ignored} ({rule}); {hint}")
    if not options.quiet:
        print(f"next: secretsync explain -e {names[0]}")
    return 0


def _files(name: str) -> dict[str, str]:
    """The files of a first environment, by path."""
    lenient = is_lenient(name)
    secret = "$<SECRET_KEY:-for-development-only>" if lenient else "$<SECRET_KEY>"
    return {
        f"env/{name}/common.env": (
            f"# Settings of {name}. Safe to commit: no secret is written here.\n"
            f"ENVIRONMENT={name}\n"
            f"DEBUG={'True' if lenient else 'False'}\n"
            f"LOG_LEVEL={'DEBUG' if lenient else 'WARNING'}\n"
            f"FORCE_HTTPS={'False' if lenient else 'True'}\n"
            "# Seconds.\n"
            f"SESSION_TIMEOUT={'86400' if lenient else '1800'}\n"
        ),
        f"env/{name}/security.env": (
            f"# Secrets, as placeholders. Each is looked for as providers/ says.\nSECRET_KEY={secret}\n"
        ),
        f"env/{name}/app.env": (
            "# Settings of one service, app. Another service is another file.\nPORT=8000\n"
            "# as=url percent-encodes a secret, so that no character of it changes how the URL is read.\n"
            "# DATABASE_URL=postgresql://app:$<DATABASE_PASSWORD?as=url>@db.internal:5432/app\n"
        ),
        f"providers/{name}.toml": _bindings(name, is_lenient_one=lenient),
        **({} if lenient else {f"env/{name}/policy.toml": _POLICY.replace("{name}", name)}),
    }


def _bindings(name: str, *, is_lenient_one: bool) -> str:
    folder = f'dir = ".secrets/{name}"' if is_lenient_one else 'dir = "/run/secrets"'
    return (
        f"# Where {name} finds its secrets. No credential is written here.\n"
        "# A bare name, $<SECRET_KEY>, is looked for in these stores in turn: the file secret_key, then the variable.\n"
        'lookup = ["docker", "env"]\n'
        "\n"
        "[stores.docker]\n"
        f"{folder}\n"
        "\n"
        "# Better: say where each one is, and how old it may grow.\n"
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
        with open(full, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        what = "kept"
    except OSError as error:
        failure, what = error.strerror, ""
    else:
        what = "made"
    if failure is not None:
        raise OutputError(f"{full}: it cannot be written: {failure}")
    if not is_quiet:
        print(f"{what} {path}")


def _ignore(root: str, *, is_quiet: bool) -> None:
    """Add to .gitignore the lines that it lacks."""
    path = os.path.join(root, ".gitignore")
    failure = None
    try:
        has_added = _add_missing_lines(path)
    except OSError as error:
        failure, has_added = error.strerror, False
    if failure is not None:
        raise OutputError(f"{path}: it cannot be written: {failure}")
    if has_added and not is_quiet:
        print("added lines to .gitignore")


def _add_missing_lines(path: str) -> bool:
    data = read_file(path, Input.IGNORE_FILE)
    if isinstance(data, FileRefusal) and not data.is_absent:
        raise OutputError(f"{path}: {data.cause}")
    text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else ""
    present = set(text.split("\n"))
    missing = [line for line in _IGNORED if line not in present]
    if not any(line.startswith(("/", "!")) for line in missing):
        return False
    with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(("" if not text or text.endswith("\n") else "\n") + "\n".join(missing) + "\n")
    return True


def _ignored_by_git(root: str, paths: list[str]) -> list[tuple[str, str]]:
    """Those of `paths` that git ignores, each with the rule that says so. None without git."""
    try:
        done = subprocess.run(
            ["git", "-C", root, "check-ignore", "-v", "--", *paths],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for line in done.stdout.split("\n"):
        rule, tab, path = line.partition("\t")
        pattern = rule.rpartition(":")[2]
        if tab and not pattern.startswith("!"):
            found.append((path, rule))
    return found
