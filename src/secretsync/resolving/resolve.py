"""Put the answers of the stores into a plan: make a configuration, or report every problem."""

from __future__ import annotations

from secretsync.config.config import Config, new_config
from secretsync.core.errors import Problem
from secretsync.core.model import Failed, Found, Missing, Origin, Resolved
from secretsync.core.records import Record
from secretsync.core.secret import Payload, Secret, variable_text
from secretsync.core.text import by_place
from secretsync.planning.plan import (
    ChoicePart,
    EntryId,
    EntryPart,
    EnvironPart,
    Plan,
    PlannedEntry,
    PlannedPart,
    SecretPart,
)
from secretsync.planning.secrecy import has_secret_shape, is_secret_part, secret_entries
from secretsync.project.placeholders import Text
from secretsync.resolving.stores import Answers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from secretsync.planning.references import Target

    ValueCheck = Callable[["Inputs", Mapping[EntryId, Resolved]], None]


class _Pieces:
    """The pieces of one entry's value, and the origin of each piece."""

    __slots__ = ("contents", "inserted", "is_from_store", "references", "stores", "texts", "uses_secret", "versions")

    def __init__(self) -> None:
        self.texts: list[Secret] = []
        self.inserted: list[Secret] = []
        self.references: list[str] = []
        self.stores: list[str] = []
        self.versions: list[str | None] = []
        self.contents: list[Secret | None] = []  # see Resolved
        self.is_from_store = False
        self.uses_secret = False  # through a variable

    def add(self, text: str) -> None:
        """Append a piece."""
        self.texts.append(Secret(text))

    def add_origin(self, target: Target, version: str | None, content: Secret | None = None) -> None:
        """Append where a piece came from. `content`: see Resolved."""
        self.references.append(target.shown)
        self.stores.append(target.store)
        self.versions.append(version)
        self.contents.append(content)

    def add_shaped(self, value: Secret) -> None:
        """Append the passwords and tokens in `value` to the pieces that are secrets by themselves."""
        from secretsync.core.recognition.secret_patterns import pieces_of_secrets

        self.inserted += map(Secret, pieces_of_secrets(value.reveal()))

    def joined(self) -> Secret:
        """Return the value."""
        return Secret("".join(piece.reveal() for piece in self.texts))


class Inputs(Record):
    """The inputs for the value of every entry."""

    plan: Plan
    answers: Answers[Payload]
    environ: Mapping[str, str]
    secret: frozenset[EntryId]  # the secret entries of the plan


def resolve(
    plan: Plan,
    answers: Answers[Payload],
    environ: Mapping[str, str],
    *,
    inherited: Mapping[EntryId, Resolved] | None = None,
    reload: Callable[[], Config] | None = None,
    check: ValueCheck | None = None,
) -> Config | tuple[Problem, ...]:
    """Return the configuration, or every problem.

    `inherited`: entries whose values are known already.
    `reload`: called by `Config.reload`.
    `check`: called with the values of the entries.

    No exception is raised, so that no traceback contains a value.
    """
    inherited = inherited or {}
    known = [entry_id for entry_id, found in inherited.items() if found.is_secret]
    inputs = Inputs(plan, answers, environ, secret_entries(plan, known))
    resolved, problems = resolve_entries(inputs, inherited)
    if check is not None:
        check(inputs, resolved)
    if problems:
        return tuple(sorted(problems, key=by_place))
    return new_config(
        reload,
        environment=plan.project.environment,
        is_strict=plan.is_strict,
        environ=environ,
        shared={key: resolved[entry_id] for key, entry_id in plan.shared.items()},
        services={
            name: {key: resolved[entry_id] for key, entry_id in scope.items()} for name, scope in plan.services.items()
        },
        service_keys=plan.service_keys,
        known_services=plan.known_services,
        template_entries={key: resolved[entry_id] for key, entry_id in plan.template_entries.items()},
    )


def resolve_values(
    plan: Plan, answers: Answers[Payload], environ: Mapping[str, str], check: ValueCheck | None = None
) -> tuple[dict[EntryId, Secret], tuple[Problem, ...]]:
    """Return the values that can be resolved, and the problems of the other entries. `check`: as in `resolve`."""
    inputs = Inputs(plan, answers, environ, secret_entries(plan))
    resolved, problems = resolve_entries(inputs)
    if check is not None:
        check(inputs, resolved)
    return {entry_id: found.value for entry_id, found in resolved.items()}, tuple(problems)


def resolve_entries(
    inputs: Inputs, known: Mapping[EntryId, Resolved] | None = None
) -> tuple[dict[EntryId, Resolved], dict[Problem, None]]:
    """Return the values of all entries that can be resolved, with those that are `known`, and the problems."""
    resolved: dict[EntryId, Resolved] = dict(known or {})
    problems: dict[Problem, None] = {}
    for entry_id, planned in inputs.plan.entries.items():
        if planned.text is not None and entry_id not in inputs.secret:
            resolved[entry_id] = Resolved(planned.entry, Secret(planned.text), None, (), is_from_store=False)
        elif (value := _resolve_entry(inputs, planned, resolved, problems)) is not None:
            resolved[entry_id] = value
    return resolved, problems


def _resolve_entry(
    inputs: Inputs, planned: PlannedEntry, resolved: Mapping[EntryId, Resolved], problems: dict[Problem, None]
) -> Resolved | None:
    """Return the value of one entry; None if it cannot be resolved.

    The problems of its own placeholders are added to `problems`. The entry of a variable has added its own problems.
    """
    entry = planned.entry
    pieces = _Pieces()
    making = _Making(inputs, planned, resolved, problems, pieces)
    if not _add(making, planned.parts):
        return None
    value = pieces.joined()
    is_secret = (entry.file, entry.key) in inputs.secret or pieces.uses_secret
    if has_secret_shape(value.reveal()):  # A URL with a password may come from the process environment as a whole.
        is_secret = True
        pieces.add_shaped(value)
    origin = Origin(
        key=entry.key,
        file=entry.file,
        line=entry.line,
        service=entry.service,
        is_secret=is_secret,
        references=tuple(pieces.references),
        stores=tuple(pieces.stores),
        versions=tuple(pieces.versions),
    )
    contents = tuple(pieces.contents) if any(one is not None for one in pieces.contents) else ()
    return Resolved(entry, value, origin, tuple(pieces.inserted), is_from_store=pieces.is_from_store, contents=contents)


class _Making(Record):
    """An entry whose value is made: what it is made from, and what the parts add to."""

    inputs: Inputs
    planned: PlannedEntry
    resolved: Mapping[EntryId, Resolved]
    problems: dict[Problem, None]
    pieces: _Pieces


def _add(making: _Making, parts: Iterable[PlannedPart]) -> bool:
    """Add the text of each part to the pieces. False if a part has none."""
    is_whole = True
    for part in parts:
        if isinstance(part, Text):
            making.pieces.add(part.text)
        elif isinstance(part, EnvironPart):
            _add_environ(making, part)
        elif isinstance(part, EntryPart):
            is_whole &= _add_entry(making.pieces, making.resolved.get(part.entry))
        elif isinstance(part, ChoicePart):
            used = used_parts(part, making.resolved, making.inputs.environ)
            is_whole &= used is not None and _add(making, used)
        elif isinstance(part, SecretPart):
            is_whole &= _add_secret(making, part)
        else:
            making.problems[part.problem()] = None
            is_whole = False
    return is_whole


def used_parts(
    part: ChoicePart, resolved: Mapping[EntryId, Resolved], environ: Mapping[str, str]
) -> tuple[PlannedPart, ...] | None:
    """Return the parts that replace a variable with a word; None if the entry that it names has no value."""
    if isinstance(part.value, EntryPart):
        found = resolved.get(part.value.entry)
        return None if found is None else part.used(is_empty=not found.value)
    return part.used(is_empty=not environ.get(part.value.name))


def _add_environ(making: _Making, part: EnvironPart) -> None:
    pieces, inputs = making.pieces, making.inputs
    pieces.add(variable_text(inputs.environ.get(part.name, "")))
    if is_secret_part(inputs.plan, making.planned.entry, part):
        pieces.inserted.append(pieces.texts[-1])


def _add_entry(pieces: _Pieces, found: Resolved | None) -> bool:
    if found is None:
        return False
    pieces.texts.append(found.value)
    pieces.inserted.extend(found.inserted)
    if found.is_secret:  # because an entry of a lower file may be visible only as a part of this value
        pieces.uses_secret = True
        pieces.inserted.append(found.value)
    pieces.is_from_store |= found.is_from_store
    pieces.references.extend(found.origin.references)
    pieces.stores.extend(found.origin.stores)
    pieces.versions.extend(found.origin.versions)
    pieces.contents.extend(found.contents or [None] * len(found.origin.references))
    return True


def _add_secret(making: _Making, part: SecretPart) -> bool:
    """Add the value of a placeholder, or its default. False if it has none, which is noted."""
    plan, pieces = making.inputs.plan, making.pieces
    index, chosen, version = choose(making.inputs, part)
    target = part.targets[index]
    if isinstance(chosen, Missing) and part.default is not None:
        pieces.add_origin(target, None)
        return _add(making, part.default)
    if isinstance(chosen, Missing | Failed):
        from secretsync.resolving.failures import failure_problem  # Imported only for a problem.

        making.problems[failure_problem(plan, making.planned, part, index, chosen)] = None
        return False
    pieces.texts.append(chosen)
    pieces.add_origin(target, version, chosen if version is None and plan.specs[target.store].is_local else None)
    pieces.is_from_store |= plan.is_secret_store(target.store)
    if is_secret_part(plan, making.planned.entry, part):
        pieces.inserted.append(chosen)
    return True


def choose(inputs: Inputs, part: SecretPart) -> tuple[int, Secret | Missing | Failed, str | None]:
    """Return the index of the target that decides, its value, and the version. An empty value may count as missing."""
    index, outcome = inputs.answers.settle(part)
    if not isinstance(outcome, Found):
        return index, outcome, None
    from secretsync.resolving.extract import EMPTY, NO_FIELD, select  # Imported only if a store has returned a value.

    chosen = select(outcome.value, part.targets[index].selector)
    if isinstance(chosen, Failed) and chosen.cause == NO_FIELD and part.default is not None:
        hint = f"{chosen.hint}; the default does not apply, because the secret exists"
        return index, Failed(chosen.kind, chosen.cause, hint), None
    if isinstance(chosen, Secret) and not chosen and part.is_colon and (part.default, part.message) != (None, None):
        return index, Missing(EMPTY), None
    return index, chosen, outcome.value.version
