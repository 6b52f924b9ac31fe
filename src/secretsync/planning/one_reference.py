"""The plan of one reference or name, without an env file."""

from __future__ import annotations

from collections.abc import Mapping

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, UsageError
from secretsync.core.records import Record
from secretsync.planning.plan import Plan, SecretPart
from secretsync.planning.references import Target, TargetFinder
from secretsync.planning.request import ConfigRequest, open_request, read_project_bindings
from secretsync.project.bindings import Bindings
from secretsync.project.layout import Project, absolute
from secretsync.project.placeholders import Fault, Reference, parse_reference


class OneReference(Record):
    """A reference, the places where its secret may be, and a plan with their stores."""

    written: str
    parsed: Reference
    plan: Plan
    targets: tuple[Target, ...]

    @property
    def part(self) -> SecretPart:
        """The part of an entry that would request the secret."""
        return SecretPart(self.written, self.targets, None, None, 0)


def open_reference(reference: str, request: ConfigRequest, environ: Mapping[str, str]) -> OneReference:
    """Return the plan of a reference, or of a name that the bindings or the lookup order find. No env file is read.

    Raises ConfigurationError for a bad reference or bad bindings.
    """
    project, bindings = _open_bindings(request, environ)
    finder = TargetFinder(bindings, project.environment)
    parsed = parse_reference(reference)
    found = parsed if isinstance(parsed, Fault) else finder.find(parsed)
    problems = [*bindings.problems, *finder.problems]
    if isinstance(found, Fault):
        shown = finder.shown(parsed, reference)
        cause = Problem(kind=ProblemKind.CONFIGURATION, reference=shown, cause=found.cause, hint=found.hint)
        problems.append(cause)
    if problems or isinstance(found, Fault) or isinstance(parsed, Fault):
        raise ConfigurationError(problems)
    plan = Plan(
        project=project,
        is_strict=project.is_strict,
        bindings=bindings,
        entries={},
        shared={},
        services={},
        service_keys={},
        stores={target.store: finder.stores[target.store] for target in found},
        specs={target.store: finder.spec(target.store) for target in found},
    )
    return OneReference(reference, parsed, plan, found)


def _open_bindings(request: ConfigRequest, environ: Mapping[str, str]) -> tuple[Project, Bindings]:
    """Return the project and its bindings; without a project, the default stores if the request does not name one."""
    is_named = request.environment is not None or request.root is not None or request.files is not None
    try:
        project = open_request(request, environ)
    except UsageError:
        if is_named:
            raise
        unnamed = Project(
            root=absolute("."), environment=None, is_strict=True, files=(), bindings=None, is_in_folders=False
        )
        return unnamed, Bindings()
    return project, read_project_bindings(project)
