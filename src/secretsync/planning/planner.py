"""Making the plan: which reference is asked of which store, and every configuration error at once. No I/O."""

from __future__ import annotations

from secretsync.core.errors import Problem, UsageError
from secretsync.core.model import Entry
from secretsync.core.names import SensitiveNames
from secretsync.core.records import Record, replace
from secretsync.core.text import by_place, message_or_none, name_or_none, suggestion, unknown
from secretsync.planning.plan import (
    ChoicePart,
    EntryId,
    EntryPart,
    EnvironPart,
    Plan,
    PlannedEntry,
    PlannedPart,
    ProblemPart,
    SecretPart,
    problem_at,
)
from secretsync.project.bindings import Bindings
from secretsync.project.env_file import EnvFile
from secretsync.project.env_file_places import unquoted_tail
from secretsync.project.layout import Project, is_security_file
from secretsync.project.placeholders import BareName, Fault, Part, Placeholder, Text, Variable, parse_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from secretsync.planning.references import TargetFinder
    from secretsync.providers.interface import ProviderSpec

_SHOWN_NAMES = 12  # of a circle's, in a message
# What one value may be made of, by variables within variables; people write a handful.
_MAX_PIECES = 1000
# Each suggestion compares a name with all keys, which takes quadratic time if many variables are unknown.
_MAX_SUGGESTIONS = 20


def make_plan(
    project: Project,
    files: Sequence[EnvFile],
    bindings: Bindings,
    environ: Mapping[str, str],
    services: Iterable[str] | None = None,
    replaced: Mapping[str, ProviderSpec] | None = None,
    template_entries: Sequence[Entry] = (),
    names: SensitiveNames | None = None,
) -> tuple[Plan | None, tuple[Problem, ...]]:
    """Return the plan for the selected services (None: all), and every configuration problem of the whole environment.

    `replaced`: the specs of stores that the caller brings, in place of the configured ones.
    `template_entries`: entries that no env file has; they see the shared configuration and the selected services.
    `names`: the rule for sensitive names; None means the built-in one.

    There is no plan if there is a problem. Raises UsageError for a service that has no file.
    """
    selected = _select(project, services)
    planner = _Planner(project, files, bindings, environ, names or SensitiveNames(), replaced)
    planner.plan_everything(selected, template_entries)
    problems = (
        *bindings.problems,
        *(problem for file in files for problem in file.problems),
        *planner.problems,
    )
    if problems:
        return None, tuple(sorted(dict.fromkeys(problems), key=by_place))
    return planner.plan(selected, template_entries), ()


def _select(project: Project, services: Iterable[str] | None) -> tuple[str, ...]:
    if services is None:
        return project.services
    selected = tuple(dict.fromkeys(services))
    for name in selected:
        if name not in project.services:
            hint = suggestion(name, project.services)
            raise UsageError(f"{project.label}: {unknown('service', name, project.services)}; {hint}")
    return selected


class _Scope(Record):
    """An entry, and what its variables may use."""

    entry: Entry
    layers: tuple[str, ...]  # the files that its variables see, the highest first
    variables: list[str]  # those that no file defines, filled while the entry is planned


class _Planner:
    """Plans every entry of an environment, and keeps what is selected."""

    def __init__(
        self,
        project: Project,
        files: Sequence[EnvFile],
        bindings: Bindings,
        environ: Mapping[str, str],
        names: SensitiveNames,
        replaced: Mapping[str, ProviderSpec] | None,
    ) -> None:
        self.project = project
        self.names = names
        self.bindings = bindings
        self.environ = environ
        self.replaced = replaced
        self.problems: list[Problem] = []
        self.suggestions = 0
        self.by_file = {file.file: {entry.key: entry for entry in file.entries} for file in files}
        # Files stand with the lowest first; a scope's layers with the highest first.
        self.whole_layers = tuple(file.file for file in reversed(files) if file.service is None)
        self.service_files = {file.service: file.file for file in files if file.service is not None}
        self.planned: dict[EntryId, PlannedEntry] = {}
        self._targets: TargetFinder | None = None

    @property
    def targets(self) -> TargetFinder:
        """The stores. Their modules are imported only if there are bindings or placeholders."""
        if self._targets is None:
            from secretsync.planning.references import TargetFinder

            self._targets = TargetFinder(self.bindings, self.project.environment, self.replaced)
        return self._targets

    def layers(self, service: str | None) -> tuple[str, ...]:
        return self.whole_layers if service is None else (self.service_files[service], *self.whole_layers)

    def visible(self, service: str | None) -> dict[str, EntryId]:
        """Return what a scope sees: each key with the entry of its highest layer, in the order of the files."""
        seen: dict[str, EntryId] = {}
        for file in reversed(self.layers(service)):
            seen.update({key: (file, key) for key in self.by_file[file]})
        return seen

    def plan_everything(self, selected: Sequence[str], template_entries: Sequence[Entry]) -> None:
        for entries in self.by_file.values():
            layers = self.layers(next(iter(entries.values())).service) if entries else ()  # of all entries of a file
            for entry in entries.values():
                self.planned[entry.file, entry.key] = self._plan_entry(entry, layers)
        merged = (*(self.service_files[service] for service in selected), *self.whole_layers)
        for entry in template_entries:
            self.planned[entry.file, entry.key] = self._plan_entry(entry, merged)
        if self.bindings.file is not None:
            self.problems += self.targets.problems
        self._refuse_cycles()

    def plan(self, selected: Sequence[str], template_entries: Sequence[Entry]) -> Plan:
        shared = self.visible(None)
        services = {service: self.visible(service) for service in selected}
        wanted = [*shared.values(), *(entry for scope in services.values() for entry in scope.values())]
        beside = {entry.key: (entry.file, entry.key) for entry in template_entries}
        wanted += beside.values()
        entries = self._with_dependencies(wanted)
        composed = (planned for planned in entries.values() if planned.text is None)
        parts = (part for planned in composed for part in planned.secrets)
        names = sorted({target.store for part in parts for target in part.targets})
        strict = self.bindings.strict
        return Plan(
            project=self.project,
            is_strict=self.project.is_strict if strict is None else strict,
            bindings=self.bindings,
            entries=entries,
            shared=shared,
            services=services,
            service_keys={service: frozenset(self.by_file[self.service_files[service]]) for service in selected},
            stores={name: self.targets.stores[name] for name in names},
            specs={name: self.targets.spec(name) for name in names},
            known_services=self.project.services,
            template_entries=beside,
            names=self.names,
        )

    def _with_dependencies(self, wanted: Iterable[EntryId]) -> dict[EntryId, PlannedEntry]:
        """`wanted` and what they lead to, each after what it leads to. There are no cycles any more."""
        ordered: dict[EntryId, PlannedEntry] = {}
        for entry in wanted:
            planned = self.planned[entry]
            if planned.text is None:
                self._add_with_dependencies(entry, ordered)
            else:
                ordered[entry] = planned
        return ordered

    def _add_with_dependencies(self, wanted: EntryId, ordered: dict[EntryId, PlannedEntry]) -> None:
        stack = [(wanted, False)]
        while stack:
            entry, is_ready = stack.pop()
            if entry in ordered:
                continue
            planned = self.planned[entry]
            if is_ready or planned.text is not None:
                ordered[entry] = planned
                continue
            stack.append((entry, True))
            stack += [(part.entry, False) for part in planned.all_parts if isinstance(part, EntryPart)]

    def _plan_entry(self, entry: Entry, layers: tuple[str, ...]) -> PlannedEntry:
        """Return an entry's parts; `layers`: the files that its variables see, the highest first."""
        if entry.literal or "$" not in entry.text:
            return PlannedEntry.of_text(entry)
        parsed = parse_value(entry.text)
        for fault in parsed.faults:
            self._note_fault(entry, fault)
        scope = _Scope(entry, layers, [])
        if len(parsed.parts) == 1 and (own := self._plan_own_name(scope, parsed.parts[0])) is not None:
            return PlannedEntry(entry, (own,), tuple(scope.variables))
        parts = self._plan_parts(scope, parsed.parts, is_needed=True)
        return PlannedEntry(entry, parts, tuple(scope.variables))

    def _plan_parts(self, scope: _Scope, parts: Sequence[Part], *, is_needed: bool) -> tuple[PlannedPart, ...]:
        """Return the plan of a value, or of a word. `is_needed`: it is used in any case, so its problems are noted."""
        planned: list[PlannedPart] = []
        for part in parts:
            if isinstance(part, Text):
                planned.append(part)
            elif isinstance(part, Placeholder):
                planned.append(self._plan_placeholder(scope.entry, part))
            else:
                planned += self._plan_variable(scope, part, is_needed=is_needed)
        return tuple(planned)

    def _note_fault(self, entry: Entry, fault: Fault) -> None:
        hint = fault.hint
        if fault.is_unterminated and unquoted_tail(entry).startswith("#"):
            hint = "the value was cut at ' #', where a comment begins: put it in double quotes"
        self._note(entry, fault.offset, fault.cause, hint)

    def _note(self, entry: Entry, offset: int, cause: str, hint: str | None, reference: str | None = None) -> None:
        self.problems.append(problem_at(entry, offset, cause, hint, reference))

    def _plan_placeholder(self, entry: Entry, part: Placeholder) -> SecretPart:
        found = self.targets.find(part.reference)
        if isinstance(found, Fault):
            shown = self.targets.shown(part.reference, part.written)
            self._note(entry, part.offset, found.cause, found.hint, shown)
            found = ()
        name = part.reference.name if isinstance(part.reference, BareName) else None
        default = None if part.default is None else (Text(part.default),) if part.default else ()
        return SecretPart(part.written, found, default, part.message, part.offset, name)

    def _plan_own_name(self, scope: _Scope, part: Part) -> SecretPart | None:
        """Return the plan of SECRET_KEY=${SECRET_KEY}, the form in which other tools name a secret; else None."""
        entry = scope.entry
        if not isinstance(part, Variable) or part.name != entry.key or part.operator.endswith("+"):
            return None
        if self._find_entry(scope, part.name) is not None or not self._names_secret(entry):
            return None
        planned = self._plan_placeholder(
            entry, Placeholder(BareName(part.name), None, part.message, written=part.name, offset=part.offset)
        )
        default = None if part.default is None else self._plan_parts(scope, part.word, is_needed=False)
        return replace(planned, default=default, is_colon=not part.operator or part.operator.startswith(":"))

    def _find_entry(self, scope: _Scope, name: str) -> EntryPart | None:
        """Return the entry that a variable names; its own name means the entry of the next lower scope."""
        layers = scope.layers
        if name == scope.entry.key:
            layers = layers[layers.index(scope.entry.file) + 1 :]
        return next((EntryPart((file, name)) for file in layers if name in self.by_file[file]), None)

    def _plan_variable(self, scope: _Scope, part: Variable, *, is_needed: bool) -> tuple[PlannedPart, ...]:
        value: EntryPart | EnvironPart | None = self._find_entry(scope, part.name)
        text = None  # None: the plan does not know it
        if value is None:
            scope.variables.append(part.name)
            if part.name in self.environ:
                value = EnvironPart(part.name)
                text = self.environ.get(part.name)
        if value is not None and not part.operator:
            return (value,)
        is_set = bool(text) if part.operator.startswith(":") else text is not None
        is_known = value is None or text is not None
        is_needed = is_needed and is_known and is_set == part.operator.endswith("+")
        if not part.operator or part.operator.endswith("?"):
            word: tuple[PlannedPart, ...] = (self._plan_problem(scope, part, value, is_needed=is_needed),)
        else:
            word = self._plan_parts(scope, part.word, is_needed=is_needed)
        if value is not None:
            return (ChoicePart(value, part.operator, word),)
        return () if part.operator.endswith("+") else word

    def _names_secret(self, entry: Entry) -> bool:
        """Return True if `KEY=${KEY}` stands for `$<KEY>`; PORT=${PORT} in common.env is a setting."""
        in_security = entry.service is None and is_security_file(entry.file)
        return in_security or self.names.is_sensitive(entry.key) or entry.key in self.bindings.secrets

    def _plan_problem(
        self, scope: _Scope, part: Variable, value: EntryPart | EnvironPart | None, *, is_needed: bool
    ) -> ProblemPart:
        """Return the problem of a variable that has no value, or (`value` is not None) an empty value."""
        found = ProblemPart(
            scope.entry, part.offset, part.name, message_or_none(part.message), is_empty=value is not None
        )
        if is_needed:
            hint = None
            if value is None and self.suggestions < _MAX_SUGGESTIONS:
                self.suggestions += 1
                known = [key for file in scope.layers for key in self.by_file[file] if key != part.name]
                hint = suggestion(part.name, known, "") or None
            self.problems.append(found.problem(hint))
        return found

    def _refuse_cycles(self) -> None:
        """Note each cycle of variables once, at the entry of it that stands first, and each value that explodes."""
        composed = [entry for entry, planned in self.planned.items() if planned.text is None]
        if not composed:
            return
        done: set[EntryId] = set()
        position = {entry: index for index, entry in enumerate(self.planned)}
        pieces: dict[EntryId, int] = {}
        path: dict[EntryId, None] = {}
        for start in composed:
            stack: list[tuple[EntryId, bool]] = [(start, False)]
            while stack:
                entry, is_leaving = stack.pop()
                if is_leaving:
                    path.popitem()
                    done.add(entry)
                    pieces[entry] = self._count_pieces(entry, pieces)
                elif entry in path:
                    entries = list(path)
                    self._note_cycle(entries[entries.index(entry) :], position)
                elif entry not in done:
                    path[entry] = None
                    stack.append((entry, True))
                    parts = reversed(list(self.planned[entry].all_parts))
                    stack += [(part.entry, False) for part in parts if isinstance(part, EntryPart)]

    def _count_pieces(self, entry: EntryId, pieces: Mapping[EntryId, int]) -> int:
        """Of how many texts and secrets a value is made. A0=x, A1=${A0}${A0}, ... doubles it with each line."""
        parts = self.planned[entry].all_parts
        count = sum(
            pieces.get(part.entry, 1) if isinstance(part, EntryPart) else 1
            for part in parts
            if type(part) is not ChoicePart
        )
        if count <= _MAX_PIECES:
            return count
        self._note(
            self.planned[entry].entry,
            0,
            f"it is made of more than {_MAX_PIECES} texts and secrets",
            "variables that hold others several times grow without bound: write less of them",
        )
        return 1  # what leads to it is not to blame

    def _note_cycle(self, cycle: Sequence[EntryId], position: Mapping[EntryId, int]) -> None:
        start = min(range(len(cycle)), key=lambda index: position[cycle[index]])
        cycle = (*cycle[start:], *cycle[:start])
        first = self.planned[cycle[0]].entry
        keys = [name_or_none(key) or "..." for _, key in (*cycle, cycle[0])]
        if len(keys) > _SHOWN_NAMES:
            keys[_SHOWN_NAMES - 2 : -1] = [f"... ({len(cycle)} in all)"]
        names = " -> ".join(keys)
        self._note(first, 0, f"the variables lead in a circle: {names}", "give one of them a value of its own")
