"""Compare two states of a configuration."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from secretsync.core.records import Record, replace
from secretsync.project.placeholders import Placeholder, parse_value
from secretsync.tracking.history import EntryState, EnvironmentState, RecordedPlaceholder, StoreSetup


class ChangeKind(StrEnum):
    """A kind of change of an entry."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"  # its text, its file, or the existence of its secret
    REPOINTED = "re-pointed"  # another reference, or another store answers
    ROTATED = "rotated"  # the same reference, another version


class Change(Record, kw_only=True):
    """One entry that differs, in one way or in several."""

    kinds: tuple[ChangeKind, ...]
    before: EntryState | None
    after: EntryState | None

    @property
    def entry(self) -> EntryState:
        """The later state of the entry, or the earlier one if the entry was removed."""
        entry = self.after or self.before
        assert entry is not None  # noqa: S101 - one of the two is there
        return entry


class StoreChange(Record, kw_only=True):
    """One store with other settings, so that the same references may be other secrets."""

    before: StoreSetup
    after: StoreSetup


class Comparison(Record, kw_only=True):
    """All differences, and the parts that could not be compared."""

    changes: tuple[Change, ...]
    stores: tuple[StoreChange, ...]
    not_compared: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.changes or self.stores)

    @property
    def counts(self) -> dict[str, int]:
        """The number of entries with each kind of change, and of stores."""
        counts = {kind.value: sum(kind in change.kinds for change in self.changes) for kind in ChangeKind}
        return {**counts, "stores": len(self.stores)}


def compare(before: EnvironmentState, after: EnvironmentState) -> Comparison:
    """Return the differences.

    The answers of stores are not compared across environments, because each environment has its own secrets.
    """
    is_across = before.environment != after.environment
    if is_across:
        before, after = _without_answers(before), _without_answers(after)
    old = {(entry.service, entry.key): entry for entry in before.entries}
    new = {(entry.service, entry.key): entry for entry in after.entries}
    changes = []
    for name in sorted({*old, *new}, key=lambda name: (name[0] or "", name[1])):
        was, now = old.get(name), new.get(name)
        if kinds := tuple(_kinds(was, now)):
            changes.append(Change(kinds=kinds, before=was, after=now))
    setups = {setup.name: setup for setup in before.stores}
    pairs = [(setups[setup.name], setup) for setup in after.stores if setup.name in setups]
    return Comparison(
        changes=tuple(changes),
        stores=tuple(StoreChange(before=was, after=now) for was, now in pairs if was != now),
        not_compared=tuple(_not_compared(before, after, is_across=is_across)),
    )


def _without_answers(state: EnvironmentState) -> EnvironmentState:
    entries = []
    for entry in state.entries:
        bare = tuple(RecordedPlaceholder(references=source.references) for source in entry.sources)
        entries.append(replace(entry, sources=bare))
    return replace(state, entries=tuple(entries))


def _kinds(was: EntryState | None, now: EntryState | None) -> Iterator[ChangeKind]:
    if was is None or now is None:
        yield ChangeKind.ADDED if was is None else ChangeKind.REMOVED
        return
    pairs = list(zip(was.sources, now.sources, strict=False))
    is_repointed = len(was.sources) != len(now.sources) or any(_is_repointed(one, other) for one, other in pairs)
    # If only the reference in a text differs, the entry is re-pointed and not changed.
    text_differs = _frame(was) != _frame(now) if is_repointed else was.value != now.value
    if text_differs or was.file != now.file or any(_status_differs(one, other) for one, other in pairs):
        yield ChangeKind.CHANGED
    if is_repointed:
        yield ChangeKind.REPOINTED
    if any(_is_rotated(one, other) for one, other in pairs):
        yield ChangeKind.ROTATED


def _frame(entry: EntryState) -> object:
    """Return the text of an entry without its references."""
    if entry.value is None or not entry.sources:
        return entry.value
    return tuple(
        (part.default, part.message) if isinstance(part, Placeholder) else part
        for part in parse_value(entry.value).parts
    )


def _is_repointed(was: RecordedPlaceholder, now: RecordedPlaceholder) -> bool:
    return was.references != now.references or (None not in (was.answer, now.answer) and was.answer != now.answer)


def _status_differs(was: RecordedPlaceholder, now: RecordedPlaceholder) -> bool:
    return None not in (was.status, now.status) and was.status != now.status


def _is_rotated(was: RecordedPlaceholder, now: RecordedPlaceholder) -> bool:
    if _is_repointed(was, now) or None in (was.version, now.version):
        return False
    return was.version != now.version


def _not_compared(before: EnvironmentState, after: EnvironmentState, *, is_across: bool) -> Iterator[str]:
    """Yield the parts that may differ although no difference is shown."""
    old = {(entry.service, entry.key): entry for entry in before.entries}
    both = [(old[name], entry) for entry in after.entries if (name := (entry.service, entry.key)) in old]
    withheld = sorted({now.key for was, now in both if was.value is None and now.value is None})
    if withheld:
        yield f"plain text that may be a secret, and is never recorded: {', '.join(withheld)}"
    if is_across:
        yield "versions: those are each environment's own"
        return
    if before.offline or after.offline:
        yield "versions, and whether secrets are there: the stores were not asked (--offline)"
        return
    unversioned = {
        now.answer
        for was_entry, now_entry in both
        for was, now in zip(was_entry.sources, now_entry.sources, strict=False)
        if now.answer is not None and now.answer == was.answer and now.status == was.status == "found"
        if now.version is None or was.version is None
    }
    if unversioned:
        yield f"whether these were rotated, their stores name no versions: {', '.join(sorted(unversioned))}"
