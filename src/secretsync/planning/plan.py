"""The plan of a configuration: what each value is put together from, and which reference is asked of which store."""

from __future__ import annotations

from secretsync.core.errors import Problem
from secretsync.core.light import MappingProxyType
from secretsync.core.model import Entry, SecretRef
from secretsync.core.names import SensitiveNames
from secretsync.core.records import Record, replace
from secretsync.project.bindings import Bindings, StoreConfig
from secretsync.project.env_file import EnvFile
from secretsync.project.env_file_places import locate
from secretsync.project.layout import Project
from secretsync.project.placeholders import Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from typing import Any

    from secretsync.planning.references import Target
    from secretsync.providers.interface import ProviderSpec

EntryId = tuple[str, str]  # file and key: no file has a key twice


class SecretPart(Record):
    """A placeholder: the places to ask, in order."""

    written: str
    targets: tuple[Target, ...]
    default: tuple[PlannedPart, ...] | None
    message: str | None
    offset: int
    name: str | None = None  # the bare name; None: a reference into a store
    is_colon: bool = True  # an empty value counts as missing: `:-` and `:?`, but not `-` and `?`


class EntryPart(Record):
    """A variable that is another entry."""

    entry: EntryId


class EnvironPart(Record):
    """A variable that the process environment has."""

    name: str


class ProblemPart(Record):
    """A variable that has no value: a problem, but only if the value of the entry needs this part."""

    entry: Entry
    offset: int
    name: str
    message: str | None
    is_empty: bool  # it exists, and is empty

    def problem(self, suggested: str | None = None) -> Problem:
        """Return the problem. `suggested`: a hint that is better than the general one."""
        from secretsync.core.text import name_or_none  # needed only if something is wrong

        name = f"the variable {self.name}" if name_or_none(self.name) else "this variable"
        cause = f"{name} is {'empty' if self.is_empty else 'neither an entry nor in the process environment'}"
        if self.message:
            cause = f"{cause}: {self.message}"
        hint = suggested or "define it, export it, or give a default: ${NAME:-default}"
        if self.is_empty:
            hint = "give it a value, or a default: ${NAME:-default}"
        return problem_at(self.entry, self.offset, cause, hint)


class ChoicePart(Record):
    """A variable with a word, `${NAME:-word}`, that is an entry or in the process environment."""

    value: EntryPart | EnvironPart
    operator: str
    word: tuple[PlannedPart, ...]  # of `:?` and `?`: the problem

    def used(self, *, is_empty: bool) -> tuple[PlannedPart, ...]:
        """Return the parts that replace this one. `is_empty`: the variable is empty."""
        is_set = not (is_empty and self.operator.startswith(":"))
        if self.operator.endswith("+"):
            return self.word if is_set else ()
        return (self.value,) if is_set else self.word


PlannedPart = Text | SecretPart | EntryPart | EnvironPart | ChoicePart | ProblemPart


def is_template_key(key: str) -> bool:
    """Return True for the entry of a placeholder in a template: its key is the placeholder, and no name."""
    return key.startswith("$")


def with_literal(hint: str | None, key: str) -> str | None:
    """Return the hint of a problem at `key`; for a placeholder in a template, also the way to write it as text."""
    if not is_template_key(key) or "'$$" in (hint or ""):
        return hint
    return "; ".join(filter(None, (hint, f"for the text itself write '$${key[1:2]}'")))


def problem_at(entry: Entry, offset: int, cause: str, hint: str | None, reference: str | None = None) -> Problem:
    """Return a problem of the configuration at `offset` of the text of an entry."""
    from secretsync.core.problems.kinds import ProblemKind  # Imported only for a problem.

    line, column = locate(entry, offset)
    return Problem(
        kind=ProblemKind.CONFIGURATION,
        file=entry.file,
        line=line,
        column=column,
        key=None if is_template_key(entry.key) else entry.key,  # a template's placeholder may have a value in it
        reference=reference,
        cause=cause,
        hint=with_literal(hint, entry.key),
    )


def walk(parts: Iterable[PlannedPart]) -> Iterator[PlannedPart]:
    """Yield every part, and every part inside a default or word, whether or not it will be used."""
    for part in parts:
        yield part
        if isinstance(part, ChoicePart):
            yield from walk((part.value, *part.word))
        elif isinstance(part, SecretPart) and part.default:
            yield from walk(part.default)


class PlannedEntry(Record):
    """An entry and what its value is put together from.

    `text`: its value if it has no placeholder and no variable, as most entries; else None.
    """

    __slots__ = ("text",)

    entry: Entry
    parts: tuple[PlannedPart, ...]
    variables: tuple[str, ...] = ()  # those that no file defines, also if a default takes their place

    if TYPE_CHECKING:

        @property
        def text(self) -> str | None:  # not a field, because it follows from the parts
            """Return the value, or None."""

    def __init__(self, entry: Entry, parts: tuple[PlannedPart, ...], variables: tuple[str, ...] = ()) -> None:
        super().__init__(entry, parts, variables)
        text = "" if not parts else parts[0].text if len(parts) == 1 and isinstance(parts[0], Text) else None
        _put_text(self, text)

    @property
    def all_parts(self) -> Iterator[PlannedPart]:
        """Its parts, and those inside the words of variables."""
        return walk(self.parts) if self.text is None else iter(self.parts)

    @property
    def secrets(self) -> Iterator[SecretPart]:
        """Its placeholders."""
        if self.text is not None:
            return iter(())
        return (part for part in self.all_parts if isinstance(part, SecretPart))

    def location(self, part: SecretPart) -> tuple[int, int]:
        """Line and column of a placeholder, in the entry's file."""
        return locate(self.entry, part.offset)

    @classmethod
    def of_text(cls, entry: Entry) -> PlannedEntry:
        """Return the plan of an entry whose text is taken literally. Its part is made only if it is asked for."""
        planned = cls.__new__(cls)
        put_entry, _, put_variables = cls._puts
        put_entry(planned, entry)
        put_variables(planned, ())
        _put_text(planned, entry.text)
        return planned

    def __getattr__(self, name: str) -> Any:
        """Make the parts of a literal text. Called only for an attribute without a value."""
        if name != "parts":
            raise AttributeError(name)
        parts = (Text(self.text),) if self.text else ()
        self._puts[1](self, parts)
        return parts


_put_text = PlannedEntry.text.__set__  # type: ignore[attr-defined]


class Plan(Record, kw_only=True):
    """The requests to each store, and the entries that are made from the responses."""

    project: Project
    is_strict: bool
    bindings: Bindings
    entries: Mapping[EntryId, PlannedEntry]  # those that are needed, each after those it leads to
    shared: Mapping[str, EntryId]  # the configuration as a whole: key -> entry
    services: Mapping[str, Mapping[str, EntryId]]  # the selected services, each with what it sees
    service_keys: Mapping[str, frozenset[str]]  # the keys that a selected service's own file defines
    stores: Mapping[str, StoreConfig]  # those that may be asked
    specs: Mapping[str, ProviderSpec]  # of those stores
    known_services: tuple[str, ...] = ()  # all that have a file
    template_entries: Mapping[str, EntryId] = MappingProxyType(
        {}
    )  # a template's placeholders: they see what is rendered
    files: tuple[EnvFile, ...] = ()  # the env files as they were read; a pipe cannot be read again
    names: SensitiveNames = SensitiveNames()  # the rule for sensitive names, with the policy's changes

    def is_secret_store(self, store: str) -> bool:
        """Return True if the values of this store are secrets under any name."""
        return self.specs[store].is_secret_store

    @property
    def project_name(self) -> str:
        """The name of the project in reports."""
        return self.bindings.project_name(self.project.root)

    @property
    def bindings_name(self) -> str:
        """The bindings file, or the one that there could be, for messages."""
        if self.bindings.file is not None:
            return self.bindings.file
        return f"providers/{self.project.environment}.toml" if self.project.is_in_folders else "a file for --bindings"

    def without(self, known: Collection[EntryId]) -> Plan:
        """Return the same plan without requests for the entries that are known, and for what only they lead to."""
        needed: set[EntryId] = set()
        stack = [*self.shared.values(), *(entry for scope in self.services.values() for entry in scope.values())]
        while stack:
            entry = stack.pop()
            if entry not in needed and entry not in known:
                needed.add(entry)
                stack += [part.entry for part in self.entries[entry].all_parts if isinstance(part, EntryPart)]
        entries = {entry: planned for entry, planned in self.entries.items() if entry in needed}
        parts = (part for planned in entries.values() for part in planned.secrets)
        names = {target.store for part in parts for target in part.targets}
        stores = {name: config for name, config in self.stores.items() if name in names}
        return replace(self, entries=entries, stores=stores)

    def placed(self, problem: Problem) -> Problem:
        """Return a problem that a store has by itself, at the first placeholder that leads to it."""
        entries = self.entries.values()
        uses = ((entry, part, target) for entry in entries for part in entry.secrets for target in part.targets)
        for planned, part, target in uses:
            if target.store != problem.store:
                continue
            line, column = planned.location(part)
            return replace(
                problem,
                key=planned.entry.key,
                file=planned.entry.file,
                line=line,
                column=column,
                reference=target.shown,
                cause=problem.cause.removeprefix(f"{target.store}: "),
            )
        return problem

    @property
    def visible(self) -> tuple[EntryId, ...]:
        """The entries that the configuration shows: the shared ones, and those in the services' own files."""
        in_services = (
            entry
            for name, scope in self.services.items()
            for key, entry in scope.items()
            if key in self.service_keys[name]
        )
        return tuple(dict.fromkeys((*self.shared.values(), *in_services)))

    @property
    def secrets(self) -> Iterator[SecretPart]:
        """Every placeholder of every entry."""
        composed = (planned for planned in self.entries.values() if planned.text is None)
        return (part for planned in composed for part in planned.secrets)

    @property
    def refs(self) -> tuple[SecretRef, ...]:
        """Every reference that may be asked, once, sorted."""
        return tuple(sorted({target.ref for part in self.secrets for target in part.targets}, key=str))
