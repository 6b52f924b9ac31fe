"""Reduce the entries of a plan to text and secrets, which every target can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.model import Entry
from secretsync.core.records import Record
from secretsync.planning.plan import ChoicePart, EntryId, EntryPart, EnvironPart, Plan, PlannedPart, SecretPart
from secretsync.planning.secrecy import has_secret_shape, secret_entries
from secretsync.project.placeholders import Text

if TYPE_CHECKING:
    from secretsync.planning.references import Target
    from secretsync.project.bindings import StoreConfig


class Refused(Exception):  # noqa: N818 - does not leave this package
    """A target cannot carry an entry."""

    def __init__(self, cause: str, hint: str) -> None:
        """`hint`: the nearest way to the same result."""
        self.cause = cause
        self.hint = hint
        super().__init__(cause)


class Taken(Record):
    """A secret in a value: the one place that has it."""

    target: Target
    provider: str
    store: StoreConfig
    name: str | None = None  # the bare name; None: a reference into a store
    message: str | None = None


Piece = str | Taken


class Item(Record):
    """An entry and its value, as text and secrets."""

    entry: Entry
    pieces: tuple[Piece, ...]

    @property
    def key(self) -> str:
        """The name of the entry."""
        return self.entry.key

    @property
    def text(self) -> str | None:
        """The value of a setting; None if a secret is in it."""
        texts = [piece for piece in self.pieces if isinstance(piece, str)]
        return "".join(texts) if len(texts) == len(self.pieces) else None

    @property
    def secrets(self) -> tuple[Taken, ...]:
        """The secrets in the value."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Taken))

    @property
    def single(self) -> Taken | None:
        """The secret that is the whole value; None if there is text, or several secrets."""
        return self.secrets[0] if len(self.pieces) == 1 and self.secrets else None


class Scope(Record):
    """The entries of one service, or (`service` is None) those that all services share."""

    service: str | None
    items: tuple[Item, ...]  # sorted by key


class Source(Record):
    """What is exported: the entries that have a value in text and secrets, and the other ones as problems."""

    plan: Plan
    scopes: tuple[Scope, ...]
    problems: tuple[Problem, ...]

    def merged(self) -> tuple[Scope, ...]:
        """Return for each service all that it sees. Without services: the shared entries."""
        shared = {item.key: item for item in self.scopes[0].items}
        own = [scope for scope in self.scopes if scope.service is not None]
        if not own:
            return self.scopes
        return tuple(Scope(scope.service, _sorted({**self._below(scope, shared)})) for scope in own)

    def _below(self, scope: Scope, shared: Mapping[str, Item]) -> dict[str, Item]:
        """Return the shared items and those of `scope` over them. A refused entry of the service hides a shared one."""
        hidden = self.plan.service_keys[scope.service or ""]
        kept = {key: item for key, item in shared.items() if key not in hidden}
        return kept | {item.key: item for item in scope.items}


def _sorted(items: Mapping[str, Item]) -> tuple[Item, ...]:
    return tuple(items[key] for key in sorted(items))


def problem_of(entry: Entry, refused: Refused) -> Problem:
    """Return the problem of an entry that a target cannot carry."""
    return Problem(
        kind=ProblemKind.OUTPUT,
        file=entry.file,
        line=entry.line or None,
        key=entry.key,
        cause=refused.cause,
        hint=refused.hint,
    )


def read_source(plan: Plan) -> Source:
    """Return the entries of `plan` for a target. No store is asked, and no variable of this process is used."""
    reader = _Reader(plan)
    scopes = [Scope(None, reader.items(plan.shared.items()))]
    for name in sorted(plan.services):
        own = ((key, entry) for key, entry in plan.services[name].items() if key in plan.service_keys[name])
        scopes.append(Scope(name, reader.items(own)))
    return Source(plan, tuple(scopes), tuple(reader.problems))


class _Reader:
    """Reduces entries, and keeps the problems of those that cannot be reduced."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.secret = secret_entries(plan)
        self.problems: list[Problem] = []

    def items(self, entries: Iterable[tuple[str, EntryId]]) -> tuple[Item, ...]:
        """Return the entries that can be reduced, sorted by key."""
        found = {}
        for key, entry_id in sorted(entries):
            entry = self.plan.entries[entry_id].entry
            try:
                found[key] = Item(entry, self._pieces(entry_id))
            except Refused as refused:
                self.problems.append(problem_of(entry, refused))
        return _sorted(found)

    def _pieces(self, entry_id: EntryId) -> tuple[Piece, ...]:
        pieces = _joined(self._reduced(self.plan.entries[entry_id].parts))
        self._refuse_plain_text(pieces, is_secret=entry_id in self.secret)
        return pieces

    def _refuse_plain_text(self, pieces: tuple[Piece, ...], *, is_secret: bool) -> None:
        texts = [piece for piece in pieces if isinstance(piece, str)]
        if len(texts) < len(pieces):  # The text around a secret: a password may be written around a placeholder.
            whole = "".join(piece if isinstance(piece, str) else "\0" for piece in pieces)
            is_secret = any(has_secret_shape(text) for text in (*texts, whole))
        if is_secret and any(texts):
            raise Refused(
                "it has a secret in plain text, and a manifest never holds a value",
                "put the secret into a store and write a placeholder; if it is no secret, name it under "
                "not_sensitive in policy.toml",
            )

    def _reduced(self, parts: Iterable[PlannedPart]) -> Iterator[Piece]:
        for part in parts:
            if isinstance(part, Text):
                yield part.text
            elif isinstance(part, EntryPart):
                yield from self._pieces(part.entry)
            elif isinstance(part, SecretPart):
                yield self._taken(part)
            elif isinstance(part, ChoicePart):
                yield from self._reduced(self._chosen(part))
            elif isinstance(part, EnvironPart):
                raise _of_process(part.name)
            else:
                raise Refused("one of its variables has no value", "define the variable in an env file")

    def _chosen(self, part: ChoicePart) -> tuple[PlannedPart, ...]:
        """Return the parts that replace a variable with a word. Raises Refused if only the process can tell."""
        if isinstance(part.value, EnvironPart):
            raise _of_process(part.value.name)
        pieces = self._pieces(part.value.entry)
        if part.operator.startswith(":") and pieces and not any(isinstance(piece, str) for piece in pieces):
            raise Refused(
                f"the operator {part.operator} needs to know if {part.value.entry[1]}, a secret, is empty",
                "use the variable without an operator",
            )
        return part.used(is_empty=not pieces)

    def _taken(self, part: SecretPart) -> Taken:
        target = part.targets[0]
        provider = self.plan.specs[target.store].name
        if len(part.targets) > 1:
            raise Refused(
                f"it is looked up in several stores ({', '.join(one.store for one in part.targets)})",
                f'bind it to one place: {part.name} = "store:path" in {self.plan.bindings_name}',
            )
        if provider == "env":
            raise _of_process(target.ref.path)
        if part.default is not None:
            raise Refused(
                "it has a default, which no target can use for one secret that is missing",
                "create the secret and remove the default, or set the entry on the platform",
            )
        if provider == "docker":
            raise Refused(
                "it is read from a file of the container",
                "bind the name to a store that the platform can read, or mount the file as before",
            )
        return Taken(target, provider, self.plan.stores[target.store], part.name, part.message)


def _of_process(name: str) -> Refused:
    return Refused(
        f"it uses the environment variable {name}, whose value is not known before the process starts",
        "set the entry on the platform (Deployment, task definition or job)",
    )


def _joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return the pieces with neighbouring texts as one, and without empty texts."""
    found: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and found and isinstance(found[-1], str):
            found[-1] += piece
        elif piece != "":
            found.append(piece)
    return tuple(found)
