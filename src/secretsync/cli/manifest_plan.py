"""Make the plan of the references in manifests of other platforms, for a check of ages."""

from __future__ import annotations

import argparse
import os

from secretsync.cli import console
from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, UsageError
from secretsync.core.files import STANDARD_INPUT, FileRefusal, Input
from secretsync.core.names import is_lenient
from secretsync.core.records import replace
from secretsync.core.secret import Environ
from secretsync.core.system.pipes import read_named_file
from secretsync.core.text import path_or
from secretsync.exporting.manifests import Manifests, Unreadable
from secretsync.planning.plan import Plan
from secretsync.planning.planner import make_plan
from secretsync.planning.request import read_project_bindings
from secretsync.project.bindings import DEFAULT_TIMEOUT
from secretsync.project.env_file import EnvFile
from secretsync.project.layout import Project, SourceFile, check_environment_name


def plan_of_manifests(options: argparse.Namespace, environ: Environ) -> tuple[Plan, int]:
    """Return the plan, and the number of references that cannot be checked. Each of them is printed.

    Raises UsageError for options that do not go with --from, and ConfigurationError for what cannot be read.
    """
    _check_options(options)
    name = (options.environment or ["manifests"])[0]
    root = os.path.abspath(options.root or os.curdir)
    bindings = SourceFile(path=options.bindings, shown=options.bindings, service=None) if options.bindings else None
    empty = Project(
        root=root,
        environment=name,
        is_strict=not is_lenient(name),
        files=(),
        bindings=bindings,
        is_in_folders=False,
    )
    manifests = Manifests(read_project_bindings(empty))
    faults = [fault for path in options.manifests if (fault := _add(manifests, path, options)) is not None]
    if faults:
        raise ConfigurationError(faults)
    found = manifests.read()
    places = dict.fromkeys(entry.file for entry in manifests.entries)
    # Each object is a service, because two objects may have the same key.
    project = replace(empty, files=tuple(SourceFile(path=one, shown=one, service=one) for one in places))
    files = [
        EnvFile(file=one, service=one, entries=tuple(entry for entry in manifests.entries if entry.file == one))
        for one in places
    ]
    plan, problems = make_plan(project, files, found, environ)
    if plan is None:
        raise ConfigurationError(problems)
    for line in manifests.unchecked:
        console.warn(f"not checked: {line}")
    return plan, len(manifests.unchecked)


def _check_options(options: argparse.Namespace) -> None:
    others = ("env_file", "service", "all")
    if given := [name for name in others if getattr(options, name)]:
        raise UsageError(f"--{given[0].replace('_', '-')} does not go with --from; remove it")
    if options.environment is not None:
        if len(options.environment) > 1:
            raise UsageError("--from takes one -e, which is only a name; remove the others")
        check_environment_name(options.environment[0])


def _add(manifests: Manifests, path: str, options: argparse.Namespace) -> Problem | None:
    """Add a file, and return what is wrong with it."""
    shown = "standard input" if path == STANDARD_INPUT else path_or(path, "a file of --from")
    data = read_named_file(path, Input.MANIFEST, options.timeout or DEFAULT_TIMEOUT)
    if isinstance(data, FileRefusal):
        return Problem(kind=ProblemKind.CONFIGURATION, cause=f"{shown}: {data.cause}")
    try:
        manifests.add(shown, data)
    except Unreadable as unreadable:
        return Problem(kind=ProblemKind.CONFIGURATION, cause=str(unreadable))
    return None
