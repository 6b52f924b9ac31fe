"""Plan and carry out an import: files with plain text secrets become env files, bindings, and secrets in a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, ResolutionError, UsageError
from secretsync.core.model import Failed, Found, SecretRef
from secretsync.core.names import is_entry_name
from secretsync.core.records import Record, replace
from secretsync.core.secret import Hidden, Secret
from secretsync.moving.classify import Classified, Kind, classify
from secretsync.moving.comments import clean
from secretsync.moving.files import Line, PlannedFile, plan_bindings, plan_env_file, refuse_moved, written_value
from secretsync.moving.source_entry import Source, SourceEntry, evaluate
from secretsync.planning.plan import Plan
from secretsync.planning.references import Target, TargetFinder
from secretsync.policy.policy import Policy
from secretsync.project.bindings import Bindings
from secretsync.project.layout import Project
from secretsync.project.placeholders import BareName, Fault, StorePath, format_reference, parse_reference
from secretsync.providers.interface import ProviderSpec
from secretsync.providers.writing import Written
from secretsync.resolving.requests.write import FieldChange
from secretsync.resolving.stores import StoreAccess


class ImportRequest(Record, kw_only=True):
    """What the user asked for."""

    environment: str
    root: str
    to: str  # STORE:PATH: one secret with a field for each name; STORE: without a path: one secret for each name
    bindings: Bindings
    secrets: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    service: str | None = None
    is_strict: bool = True
    replaced: Mapping[str, ProviderSpec] | None = None


class ImportPlan(Hidden):
    """All that an import does: the rows of the table, the files, and the secrets by their places."""

    __slots__ = ("files", "notes", "plan", "rows", "secrets", "spec", "targets")

    def __init__(
        self,
        rows: tuple[Classified, ...],
        files: tuple[PlannedFile, ...],
        secrets: Mapping[str, Secret],
        targets: Mapping[str, Target],
        plan: Plan,
        notes: tuple[str, ...],
    ) -> None:
        self.rows = rows
        self.files = files
        self.secrets = secrets
        self.targets = targets
        self.plan = plan
        self.notes = notes

    @property
    def by_secret(self) -> dict[SecretRef, list[str]]:
        """The names of each secret of the store."""
        found: dict[SecretRef, list[str]] = {}
        for name, target in self.targets.items():
            found.setdefault(target.ref, []).append(name)
        return found


def plan_import(sources: Sequence[Source], request: ImportRequest, policy: Policy) -> ImportPlan:
    """Return the plan. Nothing is written, and no store is asked.

    Raises ConfigurationError for a conflict with what exists, and for an entry that needs a decision.
    """
    entries: dict[str, SourceEntry] = {}
    for source in sources:
        entries.update({entry.key: entry for entry in source.entries})  # later files override earlier ones
    _check_names(request, entries)
    rows = _writable(tuple(entries.values()), request, policy)
    secrets = {name: value for row in rows for name, value in row.secrets.items()}
    finder = TargetFinder(request.bindings, request.environment, request.replaced)
    _target(finder, "NAME", request.to)  # so that a wrong --to is refused although there is no secret
    targets = {name: _target(finder, name, request.to) for name in secrets}
    _refuse_shared_places(targets, secrets)
    values = [value.reveal() for value in secrets.values()]
    _verify(rows, secrets)
    ends = [line for source in sources for line in clean(source.comments, values, policy)]
    files = _files(rows, targets, request, values, policy, ends)
    notes = tuple(note for source in sources for note in source.notes)
    return ImportPlan(rows, files, secrets, targets, _plan(request, finder, targets), notes)


def _check_names(request: ImportRequest, entries: Mapping[str, SourceEntry]) -> None:
    for option, names in (("--secret", request.secrets), ("--setting", request.settings)):
        for name in names:
            if name not in entries:
                raise UsageError(f"{option}: no file has this name; correct it")
    if both := set(request.secrets) & set(request.settings):
        raise UsageError(f"{min(both)} is named by --secret and by --setting; remove one of both")


def _writable(entries: tuple[SourceEntry, ...], request: ImportRequest, policy: Policy) -> tuple[Classified, ...]:
    """Return the entries with their kinds. A setting that no env file can hold becomes a secret."""
    forced = set(request.secrets)
    while True:
        rows = classify(entries, policy, forced, set(request.settings) - forced)
        bad = {row.entry.key for row in rows if row.kind is not Kind.SECRET and _shown(row) is None}
        if bad <= forced:
            return rows
        forced |= bad


def _shown(row: Classified) -> str | None:
    """Return the right side of the line of an entry; None if an env file cannot hold it."""
    text, value = row.text.reveal(), row.entry.value
    is_literal = row.kind is Kind.SETTING and value is not None and evaluate(text, {}, {}) == value.reveal()
    return written_value(row.entry.key, text, value.reveal() if is_literal and value is not None else None)


def _verify(rows: Sequence[Classified], secrets: Mapping[str, Secret]) -> None:
    """Raise ConfigurationError if an entry would get another value than before."""
    before = {row.entry.key: row.entry.value.reveal() for row in rows if row.entry.value is not None}
    plain = {name: value.reveal() for name, value in secrets.items()}
    problems = [
        Problem(
            kind=ProblemKind.CONFIGURATION,
            file=row.entry.file,
            line=row.entry.line or None,
            key=row.entry.key,
            cause="its value would change",
            hint=f"keep it as one secret: --secret {row.entry.key}",
        )
        for row in rows
        if row.kind is not Kind.SECRET
        and row.entry.value is not None
        and evaluate(row.text.reveal(), before, plain) != row.entry.value.reveal()
    ]
    if problems:
        raise ConfigurationError(problems)


def _target(finder: TargetFinder, name: str, to: str) -> Target:
    """Return the place of a secret. Raises UsageError if --to is not a place."""
    store, colon, path = to.partition(":")
    if not colon or store not in finder.stores:
        raise UsageError("--to must be STORE:PATH with a store of the bindings, such as vault:secret/production/app")
    if finder.problems:
        raise ConfigurationError(finder.problems)
    if not finder.spec(store).is_writable:
        raise UsageError(f"--to: the store {store} cannot be written; name another store")
    if path:
        parsed = parse_reference(to)
        if isinstance(parsed, BareName | Fault) or parsed.field is not None or parsed.options:
            raise UsageError("--to must be STORE:PATH without #field and ?options")
        found = finder.find(replace(parsed, field=name))
    else:
        narrowed = TargetFinder(
            replace(finder.bindings, lookup=(store,), secrets={}), finder.environment, finder.replaced
        )
        found = narrowed.find(BareName(name))
    if isinstance(found, Fault):
        raise UsageError(f"--to: {found.cause}" + (f"; {found.hint}" if found.hint else ""))
    return found[0]


def _refuse_shared_places(targets: Mapping[str, Target], secrets: Mapping[str, Secret]) -> None:
    """Raise ConfigurationError if two values would get one place, because one of them would be lost."""
    names: dict[tuple[SecretRef, str | None], str] = {}
    problems = []
    for name, target in targets.items():
        other = names.setdefault((target.ref, target.selector.field), name)
        if secrets[other].reveal() != secrets[name].reveal():
            cause = f"{other} has the same place, {reference_of(target)}, and another value"
            hint = f"rename one of both, or make them fields of one secret: --to {target.store}:PATH"
            problems.append(Problem(kind=ProblemKind.CONFIGURATION, key=name, cause=cause, hint=hint))
    if problems:
        raise ConfigurationError(problems)


def reference_of(target: Target) -> str:
    """Return the reference of a place, as it is written into bindings."""
    return format_reference(StorePath(target.store, target.ref.path, (), target.selector.field))


def _files(
    rows: Sequence[Classified],
    targets: Mapping[str, Target],
    request: ImportRequest,
    values: Sequence[str],
    policy: Policy,
    ends: Sequence[str],
) -> tuple[PlannedFile, ...]:
    folder = f"env/{request.environment}"
    own = f"{folder}/{request.service}.env" if request.service else None
    lines: dict[str, list[tuple[Line, str]]] = {}
    bound: dict[str, str] = {}
    for row in rows:
        key, text = row.entry.key, row.text.reveal()
        bound.update({name: reference_of(targets[name]) for name in row.secrets if is_entry_name(name)})
        if row.kind is Kind.SECRET and not is_entry_name(key):
            text = f"$<{reference_of(targets[key])}>"
        shown = written_value(key, text, None) if row.kind is Kind.SECRET else _shown(row)
        path = own or f"{folder}/{'common' if row.kind is Kind.SETTING else 'security'}.env"
        comments = tuple(clean(row.entry.comments, values, policy))
        lines.setdefault(path, []).append((Line(key, text, comments), shown or ""))
    if own is None:
        refuse_moved(request.root, folder, {path: [line.key for line, _ in some] for path, some in lines.items()})
    if ends and lines:
        lines.setdefault(own or f"{folder}/common.env", [])
    files = [
        plan_env_file(request.root, path, some, ends if path.endswith(("common.env", own or "common.env")) else ())
        for path, some in sorted(lines.items())
    ]
    if bound:
        files.append(plan_bindings(request.root, f"providers/{request.environment}.toml", bound))
    return tuple(files)


def _plan(request: ImportRequest, finder: TargetFinder, targets: Mapping[str, Target]) -> Plan:
    stores = {target.store for target in targets.values()}
    project = Project(
        root=request.root, environment=request.environment, is_strict=request.is_strict, files=(), bindings=None
    )
    return Plan(
        project=project,
        is_strict=request.is_strict,
        bindings=request.bindings,
        entries={},
        shared={},
        services={},
        service_keys={},
        stores={store: finder.stores[store] for store in stores},
        specs={store: finder.spec(store) for store in stores},
    )


def write_secrets(plan: ImportPlan, access: StoreAccess) -> Iterator[tuple[SecretRef, Written]]:
    """Store the secrets, and yield each result; a value that is there already is never replaced.

    Raises ResolutionError with each failure, after the other secrets are stored.
    """
    problems: list[Problem] = []
    for ref, names in plan.by_secret.items():
        change = FieldChange([(plan.targets[name].selector, plan.secrets[name]) for name in names], keeps_present=True)
        outcome: Found[Written] | Failed = access.write(plan.plan, ref, change)
        if isinstance(outcome, Found):
            yield ref, outcome.value
        else:
            problems.append(Problem(kind=outcome.kind, reference=str(ref), cause=outcome.cause, hint=outcome.hint))
    if problems:
        raise ResolutionError(problems)
