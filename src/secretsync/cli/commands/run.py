"""Resolve, then become COMMAND with the configuration in its environment.

COMMAND takes our process id: signals and the exit status are its own. Nothing is started unless everything that is
selected resolved.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from secretsync.cli.console import say
from secretsync.cli.loading import handed_over, open_plan, resolve_valid
from secretsync.cli.options import add_access_log, add_source, add_validation
from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, UsageError
from secretsync.core.model import Environ
from secretsync.resolving.handover import Handover, handover_variables
from secretsync.running import exec_command, process_protection

if TYPE_CHECKING:
    from secretsync.config.config import Resolved
    from secretsync.planning.plan import Plan
    from secretsync.running.drop_privileges import User

USAGE = "[-e NAME] [--env-file FILE...] [OPTIONS] -- COMMAND [ARGUMENT]..."
_SHOWN_NAMES = 20  # of variables that are not handed over, in a message
EXAMPLE = "  secretsync run -e production -- gunicorn app:app"


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and the command behind the first `--`."""
    if "--" not in arguments:
        return arguments, []
    index = arguments.index("--")
    return arguments[:index], arguments[index + 1 :]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `run`."""
    add_source(parser)
    add_validation(parser)
    add_access_log(parser)
    parser.add_argument(
        "--clean",
        action="store_true",
        help="inherit only PATH, HOME, LANG, LC_*, TZ, TERM, HOSTNAME, USER and what --pass-env names",
    )
    parser.add_argument(
        "--pass-env",
        metavar="NAME",
        action="append",
        default=[],
        help="hand this inherited variable over: with --clean, or a credential that we used; AWS_* works too",
    )
    parser.add_argument(
        "--allow-name",
        metavar="NAME",
        action="append",
        default=[],
        help="take a value from a store under a name that steers processes, such as PATH",
    )
    parser.add_argument(
        "--resolve-environment",
        action="store_true",
        help="resolve $<...> in inherited variables too; then no env/ is needed",
    )
    parser.add_argument(
        "--files",
        metavar="DIR",
        help="write each secret to a file in DIR (made if absent), and set NAME_FILE to its path in place of NAME",
    )
    parser.add_argument("--allow-disk", action="store_true", help="let --files write to a disk, where strict")
    parser.add_argument(
        "--user",
        metavar="USER[:GROUP]",
        help="once the secrets are read, become this user (name or number) and give up every right of root",
    )


def execute(options: argparse.Namespace) -> int:
    """Never returns but by an exception: the process is another one then."""
    if not options.command:
        raise UsageError("there is no command; put it behind --: secretsync run -e production -- COMMAND")
    core_limits = process_protection.forbid_core_file()
    environ = exec_command.inherited_environment()
    # Before any store is asked: all that can be wrong with the call.
    path = exec_command.find_command(options.command[0], environ)
    user = _find_user(options.user)
    plan, seen = _open_plan(options, environ)
    folder = _open_folder(options, plan, user)
    patterns = [pattern for spec in plan.specs.values() for pattern in spec.credentials]
    if exec_command.used_credentials(patterns, environ, ()):
        _hide(options)
    config = resolve_valid(plan, seen, options)
    resolved = config.resolved()
    exec_command.refuse_unsafe_variables(resolved, options.allow_name)
    in_files = {} if folder is None else _choose_files(folder, resolved, environ, options)
    removed = (
        *exec_command.used_credentials(patterns, environ, options.pass_env),
        *_names_of_another_run(environ, plan, options),
    )
    environment = _environment(options, environ, resolved, in_files, removed)
    handover = Handover.of(
        plan.project,
        config.services,
        resolved,
        in_files,
        {os.fsdecode(name): os.fsdecode(value) for name, value in environment.items()},
        validates=not options.no_validate,
    )
    environment |= {name.encode(): text.encode() for name, text in handover.to_variables().items()}
    exec_command.refuse_unfit(environment, resolved)
    exec_command.refuse_too_large(path, options.command, environment)
    if (unseen := [name for name in removed if name not in resolved]) and not options.quiet:
        rest = f" and {len(unseen) - _SHOWN_NAMES} more" if len(unseen) > _SHOWN_NAMES else ""
        say(f"not handed to the command: {', '.join(unseen[:_SHOWN_NAMES])}{rest} (--pass-env keeps one)")
    if options.verbose:
        say(f"{len(resolved)} variables resolved; starting {path}")

    if user is not None:
        _become_user(user)
    if folder is not None:
        _write_files(folder, resolved, in_files)
    process_protection.restore_core_file(core_limits)
    exec_command.become(path, options.command, environment)


def _environment(
    options: argparse.Namespace,
    environ: Mapping[str, str],
    resolved: Mapping[str, Resolved],
    in_files: Mapping[str, str],
    removed: tuple[str, ...],
) -> dict[bytes, bytes]:
    """The application's: what is inherited, what was resolved, and where the rest of it is."""
    values = {key: found.value.reveal() for key, found in resolved.items() if key not in in_files}
    values |= {f"{key}_FILE": path for key, path in in_files.items()}
    # What a file holds now is not to be in a variable of old as well, nor is word of another resolution.
    removed = (*removed, *in_files, *handover_variables(environ))
    return exec_command.child_environment(
        environ, values, is_clean=options.clean, passed=options.pass_env, removed=removed
    )


def _names_of_another_run(environ: Mapping[str, str], plan: Plan, options: argparse.Namespace) -> tuple[str, ...]:
    """Return the variables that a `run` around this one resolved for something else and that no option keeps."""
    outer = handed_over(environ)
    if outer is None or outer.is_of(plan.project):
        return ()
    return exec_command.used_credentials(outer.handed_names(environ), environ, options.pass_env)


def _find_user(text: str | None) -> User | None:
    if text is None:
        return None
    from secretsync.running.drop_privileges import find_user

    return find_user(text)


def _open_plan(options: argparse.Namespace, environ: Mapping[str, str]) -> tuple[Plan, Environ]:
    """The plan, and what of the environment it may see: not the variables that it resolves itself."""
    kept = [name for name in environ if any(fnmatchcase(name, pattern) for pattern in options.pass_env)]
    if not options.resolve_environment:
        return open_plan(options, must_be_named=True, environ=Environ(environ), kept=kept)
    from secretsync.project.environ_entries import variables_file

    # The values of a `run` around this one are resolved already: a `$<` in them is text.
    outer = handed_over(environ)
    resolved = () if outer is None else outer.handed_names(environ)
    variables = variables_file({name: value for name, value in environ.items() if name not in resolved})
    taken = {entry.key for entry in variables.entries}
    rest = {name: value for name, value in environ.items() if name not in taken}
    return open_plan(options, must_be_named=True, environ=Environ(rest), variables=variables, kept=kept)


def _open_folder(options: argparse.Namespace, plan: Plan, user: User | None) -> str | None:
    if options.files is None:
        return None
    from secretsync.running.secret_files import open_folder

    owner = None if user is None else (user.uid, user.gid)
    return open_folder(options.files, owner=owner, must_be_in_memory=plan.is_strict and not options.allow_disk)


def _hide(options: argparse.Namespace) -> None:
    """Keep others out of our memory and environment while there are credentials in them."""
    failure = process_protection.hide_process()
    if failure is not None and not options.quiet:
        say(f"until the command starts, processes of the same user can read our memory: {failure}")


def _choose_files(
    folder: str, resolved: Mapping[str, Resolved], environ: Mapping[str, str], options: argparse.Namespace
) -> dict[str, str]:
    """The path of the file that each secret will be in."""
    secrets = {key: found for key, found in resolved.items() if found.origin.is_secret}
    taken = [found.entry for key, found in secrets.items() if f"{key}_FILE" in {**resolved, **environ}]
    if taken:
        raise ConfigurationError(
            [
                Problem(
                    kind=ProblemKind.CONFIGURATION,
                    key=entry.key,
                    file=entry.file,
                    line=entry.line,
                    cause=f"--files sets {entry.key}_FILE, and there is a variable of this name already",
                    hint=f"take {entry.key}_FILE away, or leave --files out",
                )
                for entry in taken
            ]
        )
    # A store's value must not become, for instance, the file of SSL_CERT_FILE.
    exec_command.refuse_unsafe_variables({f"{key}_FILE": found for key, found in secrets.items()}, options.allow_name)
    return {key: os.path.join(folder, key) for key in secrets}


def _become_user(user: User) -> None:
    from secretsync.running.drop_privileges import become_user

    become_user(user)


def _write_files(folder: str, resolved: Mapping[str, Resolved], in_files: Mapping[str, str]) -> None:
    from secretsync.running.secret_files import write_secrets

    write_secrets(folder, {key: resolved[key].value.reveal() for key in in_files})
