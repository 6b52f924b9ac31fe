"""Collect the entries of a configuration or a plan that a policy validates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from secretsync.config.config import Config
from secretsync.core.records import Record
from secretsync.core.secret import Secret
from secretsync.planning.plan import ChoicePart, EntryId, EntryPart, EnvironPart, Plan, PlannedPart
from secretsync.planning.secrecy import secret_entries
from secretsync.project.placeholders import Text


class Subject(Record, kw_only=True):
    """An entry to validate. `value` is None if it is in a store that was not asked."""

    key: str
    service: str | None
    file: str
    line: int
    value: Secret | None
    is_secret: bool = False


def subjects_of(config: Config) -> tuple[Subject, ...]:
    """Return every entry of a configuration: the shared ones, and those of each selected service's own file."""
    scopes = [(None, config), *((name, config.service(name)) for name in config.services)]
    return tuple(
        Subject(
            key=key,
            service=service,
            file=origin.file,
            line=origin.line,
            value=scope.secret(key),
            is_secret=origin.is_secret,
        )
        for service, scope in scopes
        for key in scope
        if (origin := scope.origin(key)).service == service
    )


def planned_subjects(plan: Plan, values: Mapping[EntryId, Secret]) -> tuple[Subject, ...]:
    """Return every entry of a plan, with the values that are known."""
    own = [*plan.shared.values()]
    own += [scope[key] for name, scope in plan.services.items() for key in scope if key in plan.service_keys[name]]
    entries = [plan.entries[entry_id].entry for entry_id in dict.fromkeys(own)]
    secret = secret_entries(plan)
    return tuple(
        Subject(
            key=entry.key,
            service=entry.service,
            file=entry.file,
            line=entry.line,
            value=values.get((entry.file, entry.key)),
            is_secret=(entry.file, entry.key) in secret,
        )
        for entry in entries
    )


def written_values(plan: Plan) -> dict[EntryId, Secret]:
    """Return the values of a plan that do not depend on a store or on the process environment."""
    values: dict[EntryId, Secret] = {}
    for entry_id, planned in plan.entries.items():
        if (value := _written_value(planned.parts, values)) is not None:
            values[entry_id] = value
    return values


def _written_value(parts: Sequence[PlannedPart], values: Mapping[EntryId, Secret]) -> Secret | None:
    pieces: list[Secret] = []
    for part in parts:
        piece: Secret | None = None
        if isinstance(part, Text):
            piece = Secret(part.text)
        elif isinstance(part, EntryPart):
            piece = values.get(part.entry)
        elif isinstance(part, ChoicePart) and not isinstance(part.value, EnvironPart):
            value = values.get(part.value.entry)
            if value is not None:
                piece = _written_value(part.used(is_empty=not value), values)
        if piece is None:
            return None
        pieces.append(piece)
    return Secret("".join(piece.reveal() for piece in pieces))
