"""Resolve the configuration, then replace this process with COMMAND, with the configuration in its environment.

COMMAND keeps the process id, so signals and the exit status are its own. Nothing is started unless everything that is
selected resolved. With --supervise or --watch, SecretSync stays the parent process of COMMAND.
"""

from __future__ import annotations

import os

from secretsync.cli import console
from secretsync.cli.loading import handed_over, open_plan, resolve_valid
from secretsync.cli.options import add_access_log, add_option, add_source, duration, length, variable_pattern
from secretsync.core.errors import UsageError
from secretsync.core.secret import Environ
from secretsync.core.text import count_of
from secretsync.resolving.handover import Handover, handed_variables, hidden_values
from secretsync.resolving.handover_codec import handover_variables
from secretsync.running.environment import (
    child_environment,
    inherited_environment,
    inherited_variables,
    matches,
    refuse_too_large,
    refuse_unfit,
    used_credentials,
)
from secretsync.running.exec_command import exec_program, find_program
from secretsync.running.unsafe_variables import refuse_unsafe_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Mapping
    from typing import NoReturn

    from secretsync.cli.starting.record import StartRecord
    from secretsync.cli.starting.secret_folder import SecretFolder
    from secretsync.cli.starting.watching import SupervisedStart
    from secretsync.core.model import Resolved
    from secretsync.planning.plan import Plan
    from secretsync.running.drop_privileges import User
    from secretsync.supervising.output import MaskedOutput

USAGE = "[-e NAME] [--env-file FILE...] [OPTIONS] -- COMMAND [ARGUMENT]..."
_SHOWN_NAMES = 20  # of variables that are not handed over, in a message
EXAMPLE = "  secretsync run -e production -- gunicorn app:app"


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Split the arguments at the first `--` into the options of `run` and the command."""
    if "--" not in arguments:
        return arguments, []
    index = arguments.index("--")
    return arguments[:index], arguments[index + 1 :]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`."""
    add_source(parser)
    add_option(parser, "--inherited-wins")
    add_option(parser, "--no-validate")
    add_access_log(parser)
    parser.add_argument(
        "--clean",
        action="store_true",
        help="inherit only PATH, HOME, LANG, LC_*, TZ, TERM, HOSTNAME, USER and the names of --pass-env",
    )
    parser.add_argument(
        "--pass-env",
        metavar="NAME",
        type=variable_pattern,
        action="append",
        default=[],
        help="keep this inherited variable in spite of --clean, or if it is a credential that SecretSync used; a "
        "pattern such as AWS_* is possible; may be repeated",
    )
    add_option(parser, "--allow-name")
    parser.add_argument(
        "--resolve-environment",
        action="store_true",
        help="also resolve $<...> in inherited variables; then env/ is optional",
    )
    parser.add_argument(
        "--files",
        metavar="DIR",
        help="write each secret to a file in DIR, and set NAME_FILE to its path instead of NAME; DIR is created if it "
        "does not exist",
    )
    parser.add_argument("--allow-disk", action="store_true", help="let --files write to a disk in a strict environment")
    parser.add_argument(
        "--record",
        metavar="FILE",
        help="write the versions of the secrets that COMMAND starts with to FILE, without values, for check-rotation "
        "--running FILE",
    )
    parser.add_argument(
        "--user",
        metavar="USER[:GROUP]",
        help="after the secrets are read, become this user (name or number) and drop all privileges of root",
    )
    group = parser.add_argument_group("supervision")
    group.add_argument(
        "--supervise",
        action="store_true",
        help="stay the parent process: forward signals, reap orphaned processes, end with the status of COMMAND",
    )
    group.add_argument(
        "--grace",
        metavar="TIME",
        type=duration,
        help='with --supervise: the time between SIGTERM or SIGINT and SIGKILL: "10s" (default), "2m"',
    )
    group.add_argument(
        "--keep-leases",
        action="store_true",
        help="with --supervise or --watch: do not revoke leases and logins of stores at the end",
    )
    group.add_argument(
        "--mask-output",
        action="store_true",
        help="mask the secrets in standard output and error of COMMAND, unless they are a terminal; a best effort; "
        "implies --supervise",
    )
    _add_watch_options(parser)


def _add_watch_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("rotation")
    group.add_argument(
        "--watch",
        action="store_true",
        help="compare the versions of the secrets again and again, from metadata alone; after a change, resolve and "
        "validate the configuration, and restart COMMAND; implies --supervise",
    )
    group.add_argument(
        "--interval",
        metavar="TIME",
        type=duration,
        help='with --watch: the time between two comparisons: "60s" (default)',
    )
    group.add_argument(
        "--settle",
        metavar="TIME",
        type=length,
        help='with --watch: the time from a change to the next resolution, for other changes: "5s" (default)',
    )
    group.add_argument(
        "--splay",
        metavar="TIME",
        type=length,
        help="with --watch: wait up to this time more, at random, so that a fleet does not restart at once",
    )
    group.add_argument(
        "--on-change",
        metavar="ACTION",
        help='after a rotation: "restart" (default), "signal:HUP", "command:..." (for sh, with the new values in its '
        'environment) or "none"',
    )
    group.add_argument(
        "--watch-values",
        action="store_true",
        help="with --watch: read and compare the values of secrets without versions, except leased ones",
    )


def execute(options: argparse.Namespace) -> int:
    """Replace this process, or supervise one that is replaced. Only the supervisor returns, with the exit status."""
    if not options.command:
        raise UsageError("there is no command; add it after --: secretsync run -e production -- COMMAND")
    environ = inherited_environment()
    _refuse_lonely_options(options)
    if options.supervise or options.watch or options.mask_output:
        return _run_supervised(options, environ)
    return _become_application(options, environ)


def _become_application(
    options: argparse.Namespace,
    environ: dict[str, str],
    start: SupervisedStart | None = None,
    output: MaskedOutput | None = None,
) -> NoReturn:
    """Replace this process. `start`: the start below a supervisor, or None. `output`: masked, or None."""
    # Every mistake in the arguments is reported before a store is asked.
    path = find_program(options.command[0], environ)
    user = _find_user(options.user)
    plan, visible = _open_plan(options, environ)
    folder = _open_folder(options, plan, user)
    credentials = [pattern for spec in plan.specs.values() for pattern in spec.credentials]
    if start is not None:
        start.read_versions(plan, visible)
    # Nothing but credentials is hidden, because the application shows the values to the same processes.
    is_hidden = bool(used_credentials(credentials, environ, ()))
    on_leases = None if start is None else start.hand_over_leases
    config = resolve_valid(plan, visible, options, is_hidden=is_hidden, on_leases=on_leases)
    resolved = config.resolved()
    refuse_unsafe_variables(resolved, options.allow_name)
    count = len(resolved)
    resolved |= hidden_values(config)
    files = {} if folder is None else folder.choose(resolved, environ)
    unwanted = (*credentials, *_names_of_another_run(environ, plan))
    removed = used_credentials(unwanted, environ, options.pass_env)
    environment = _environment(options, environ, resolved, files, removed)
    variables = {os.fsdecode(name): os.fsdecode(value) for name, value in environment.items()}
    handover = Handover.of(
        plan.project,
        config.services,
        resolved,
        files,
        variables,
        is_strict=plan.is_strict,
        withheld=_withheld(environ, variables, plan),
        validates=not options.no_validate,
        record=options.record,
        key=None if start is None else start.key,
    )
    environment |= {name.encode(): text.encode() for name, text in handover.to_variables().items()}
    refuse_unfit(environment, resolved)
    refuse_too_large(path, options.command, environment)
    own = {*resolved, *handover_variables(environ)}
    if (unset := [name for name in removed if name not in own]) and not options.quiet:
        rest = f" and {len(unset) - _SHOWN_NAMES} more" if len(unset) > _SHOWN_NAMES else ""
        shown = ", ".join(unset[:_SHOWN_NAMES])
        console.info(f"removed from the environment: {shown}{rest} (--pass-env keeps a variable)")
    _warn_of_dropped_names(options, path, variables, resolved)
    if options.verbose:
        console.info(f"{count_of(count, 'variable')} resolved; starting {path}")
    record = _make_record(options, handover, plan, start)
    if start is not None:
        start.before_user_changes()
    _become_user(user)
    if folder is not None:
        folder.write(resolved, files, is_switched=options.watch)
    if record is not None:
        record.write()
    if output is not None:
        output.redirect(secret for found in resolved.values() if found.is_secret for secret in _secrets_of(found))
    if start is not None:
        if not start.is_start:
            start.react(environment, options.core_limits)
        start.end_with_supervisor()
    exec_program(path, options.command, environment, core_limits=options.core_limits)


def _make_record(
    options: argparse.Namespace, handover: Handover, plan: Plan, start: SupervisedStart | None
) -> StartRecord | None:
    """Return the record of this start. The user of the application may not read the module, so it is imported now."""
    if options.record is None or (start is not None and not start.is_recorded):
        return None
    from secretsync.cli.starting.record import StartRecord

    is_start = start is None or start.is_start
    return StartRecord(options.record, handover, plan.project_name, is_start=is_start)


def _open_plan(options: argparse.Namespace, environ: Mapping[str, str]) -> tuple[Plan, Environ]:
    """Return the plan, and the variables that it may use, without those that --resolve-environment resolves."""
    kept = [name for name in environ if matches(name, options.pass_env)]
    inherited = inherited_variables(environ, is_clean=options.clean, passed=options.pass_env)
    if not options.resolve_environment:
        return open_plan(options, environ=Environ(environ), kept=kept, inherited=inherited)
    from secretsync.project.environ_entries import variables_file

    # The values of an outer `run` are resolved already, so that a `$<` in one of them is text.
    outer = handed_over(environ)
    resolved = () if outer is None else (*outer.handed_names(environ), *handover_variables(environ))
    variables = variables_file({name: value for name, value in environ.items() if name not in resolved})
    taken = {entry.key for entry in variables.entries}
    rest = {name: value for name, value in environ.items() if name not in taken}
    return open_plan(options, environ=Environ(rest), variables=variables, kept=kept, inherited=inherited)


def _names_of_another_run(environ: Mapping[str, str], plan: Plan) -> tuple[str, ...]:
    """Return the variables that an outer `run` resolved for another configuration."""
    outer = handed_over(environ)
    return () if outer is None or outer.is_of(plan.project) else outer.handed_names(environ)


def _withheld(environ: Mapping[str, str], variables: Mapping[str, str], plan: Plan) -> tuple[str, ...]:
    """Return the variables for the access to stores that the application does not get, also those of an outer `run`."""
    outer = handed_over(environ)
    gone = {*environ, *(() if outer is None else outer.withheld)}.difference(variables)
    if not gone:
        return ()
    from secretsync.resolving.withheld import access_variables  # Imported only if a variable was removed.

    return access_variables(gone, plan.specs.values())


def _environment(
    options: argparse.Namespace,
    environ: Mapping[str, str],
    resolved: Mapping[str, Resolved],
    files: Mapping[str, str],
    removed: tuple[str, ...],
) -> dict[bytes, bytes]:
    """Return the environment of the application without the handover."""
    values = dict[str, str]()
    for key, found in resolved.items():
        if key not in files:
            values |= handed_variables(key, found.value)
    values |= {f"{key}_FILE": path for key, path in files.items()}
    # An inherited variable is removed if a file replaces it, or if it is the handover of another `run`.
    removed = (*removed, *files, *handover_variables(environ))
    return child_environment(environ, values, is_clean=options.clean, passed=options.pass_env, removed=removed)


def _warn_of_dropped_names(
    options: argparse.Namespace, path: str, environ: Mapping[str, str], resolved: Collection[str]
) -> None:
    """Print the names that a shell cannot have and does not pass on, if the command is such a shell."""
    names = sorted(name for name in resolved if "." in name or "-" in name)
    if not names or options.quiet:
        return
    from secretsync.running.dropped_names import dropping_shell

    if (shell := dropping_shell(path, options.command, environ)) is not None:
        shown = ", ".join(names[:_SHOWN_NAMES])
        rest = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        console.warn(f"{shell} drops variables with '.' or '-' in their names: {shown}{rest}; start the program itself")


# The options --supervise, --mask-output and --watch. Their modules are imported only if the options are given.


def _refuse_lonely_options(options: argparse.Namespace) -> None:
    """Raise UsageError for an option that has no effect without another one."""
    is_supervised = options.supervise or options.watch or options.mask_output
    needed = {
        "grace": "" if is_supervised else "--supervise",
        "keep_leases": "" if is_supervised else "--supervise",
        "on_change": "" if is_supervised else "--watch or --supervise",
        **dict.fromkeys(("interval", "settle", "splay", "watch_values"), "" if options.watch else "--watch"),
    }
    for name, other in needed.items():
        if other and getattr(options, name) not in (None, False):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} has no effect without {other}; add {other}, or remove {option}")


def _run_supervised(options: argparse.Namespace, environ: dict[str, str]) -> int:
    """Supervise the application. Each forked process continues here with its side."""
    from secretsync.cli.starting.watching import SupervisedStart, keep_leases, supervise, watch
    from secretsync.supervising.sides import KeeperSide, WatcherSide

    output = None
    if options.mask_output:
        from secretsync.supervising.output import MaskedOutput

        output = MaskedOutput()
    side = supervise(options, output, become_user=lambda: _follow_user(options))
    if isinstance(side, int):
        return side
    if isinstance(side, KeeperSide):
        return keep_leases(options, side, environ)
    if isinstance(side, WatcherSide):
        plan, visible = _open_plan(options, environ)
        return watch(options, side, plan, visible)
    return _become_application(options, environ, SupervisedStart(options, side), output)


def _follow_user(options: argparse.Namespace) -> None:
    """Become the user of the application in the supervisor."""
    from contextlib import suppress

    from secretsync.running.exec_command import CommandError

    with suppress(CommandError):  # The application reports the same failure and is not started.
        _become_user(_find_user(options.user))


def _secrets_of(found: Resolved) -> tuple[str, ...]:
    """Return the value of an entry, and the secrets that were inserted into it."""
    return found.value.reveal(), *(secret.reveal() for secret in found.inserted)


# The options --user and --files. Their modules are imported only if the options are given.


def _find_user(text: str | None) -> User | None:
    if text is None:
        return None
    from secretsync.running.drop_privileges import find_user

    return find_user(text)


def _become_user(user: User | None) -> None:
    if user is not None:
        from secretsync.running.drop_privileges import become_user

        become_user(user)


def _open_folder(options: argparse.Namespace, plan: Plan, user: User | None) -> SecretFolder | None:
    if options.files is None:
        return None
    from secretsync.cli.starting.secret_folder import SecretFolder

    return SecretFolder(options, user, is_strict=plan.is_strict)
