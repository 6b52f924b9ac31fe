"""The contract of a provider: new versions, for providers that can be written."""

from __future__ import annotations

from collections.abc import Callable

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Found, Missing, Selector
from secretsync.core.secret import Payload, Secret
from secretsync.providers.interface import Deadline
from secretsync.providers.writing import Written
from secretsync.resolving.requests.write import FieldChange, no_answer, write
from secretsync.testing.asking import Contract, assert_failed, describe, fetch_one, found, select_text, text_of
from secretsync.testing.memory import LONG_TIMEOUT
from secretsync.testing.store import StoreUnderTest

_FIELD = Selector("password")


class _Interrupted(FieldChange):
    """A change during which another process writes: after the present value was read, and before the write."""

    __slots__ = ("_interrupt",)

    def __init__(self, selector: Selector, value: str, interrupt: Callable[[], object]) -> None:
        super().__init__([(selector, Secret(value))])
        self._interrupt = interrupt

    def apply(self, present: Payload | None, *, from_file: bool = False) -> Payload | Failed | None:
        made = super().apply(present, from_file=from_file)
        self._interrupt()
        return made


class WriteContract(Contract):
    """The behaviour of every provider whose spec says `is_writable=True`. Other providers pass without a write."""

    def test_write_replaces_a_field(self, store: StoreUnderTest) -> None:
        """A write of a field keeps the other fields, with their types and digits, and names both versions."""
        if not _is_writable(store):
            return
        other, value = self.make_value(), self.make_value()
        old = store.put(
            "written", f'{{"password": "{self.make_value()}", "other": "{other}", "port": 5432, "on": true}}'
        )
        written = found(_write(store, "written", FieldChange([(_FIELD, Secret(value))])))
        outcome = fetch_one(store, "written")
        assert select_text(outcome, _FIELD) == value
        assert [select_text(outcome, Selector(name)) for name in ("other", "port", "on")] == [other, "5432", "true"]
        assert (written.before, written.is_new, written.race) == (old, False, None)
        if old is not None:
            assert written.after not in (None, old)
            assert written.after == found(describe(store, "written")).version

    def test_write_creates(self, store: StoreUnderTest) -> None:
        """A write to a secret that does not exist creates the secret."""
        if not _is_writable(store):
            return
        value = self.make_value()
        written = found(_write(store, "created", FieldChange([(_FIELD, Secret(value))])))
        assert written.is_new
        assert written.before is None
        assert select_text(fetch_one(store, "created"), _FIELD) == value

    def test_write_of_the_whole_value(self, store: StoreUnderTest) -> None:
        """A write without a field replaces all of the secret, and a read returns the value byte for byte."""
        if not _is_writable(store):
            return
        self._needs("whole value")
        for value in (self.make_value(), self.make_value(after="\n"), self.make_value("\ufeff"), self.make_value("  ")):
            found(_write(store, "whole", FieldChange([(Selector(), Secret(value))])))
            assert text_of(fetch_one(store, "whole")) == value

    def test_write_keeps_a_value_that_must_stay(self, store: StoreUnderTest) -> None:
        """A change that keeps present values writes nothing if the value is equal, and fails if it is another one."""
        if not _is_writable(store):
            return
        value = self.make_value()
        store.put("kept", f'{{"password": "{value}"}}')
        same = found(_write(store, "kept", FieldChange([(_FIELD, Secret(value))], keeps_present=True)))
        assert (same.is_changed, same.before) == (False, same.after)
        other = _write(store, "kept", FieldChange([(_FIELD, Secret(self.make_value()))], keeps_present=True))
        assert_failed(other, ProblemKind.UNUSABLE)
        assert select_text(fetch_one(store, "kept"), _FIELD) == value

    def test_write_reports_a_lost_race(self, store: StoreUnderTest) -> None:
        """If another process writes between the read and the write, nothing is written or the race is reported."""
        if not _is_writable(store):
            return
        self._needs("race")
        store.put("raced", f'{{"password": "{self.make_value()}"}}')
        theirs = self.make_value()
        change = _Interrupted(_FIELD, self.make_value(), lambda: store.put("raced", f'{{"password": "{theirs}"}}'))
        outcome = _write(store, "raced", change)
        if isinstance(outcome, Found):
            assert outcome.value.race is not None
        else:
            assert isinstance(outcome, Failed)
            assert select_text(fetch_one(store, "raced"), _FIELD) == theirs

    def test_write_to_a_value_without_fields(self, store: StoreUnderTest) -> None:
        """A field cannot be set in a value that is not a JSON object, and the value stays."""
        if not _is_writable(store):
            return
        self._needs("whole value")
        value = self.make_value()
        store.put("text", value)
        failed = assert_failed(_write(store, "text", FieldChange([(_FIELD, Secret(value))])), ProblemKind.UNUSABLE)
        assert value not in f"{failed}"
        assert text_of(fetch_one(store, "text")) == value

    def test_write_to_a_store_that_is_down(self, store: StoreUnderTest) -> None:
        """A write to a store that is down fails within the deadline."""
        if not _is_writable(store):
            return
        self._needs("unavailable")
        store.go_down()
        outcome = _write(store, "down", FieldChange([(_FIELD, Secret(self.make_value()))]), seconds=3.0)
        assert_failed(outcome, ProblemKind.UNAVAILABLE)

    def test_write_is_hidden(self, store: StoreUnderTest) -> None:
        """Neither a change nor its result shows a value when it is printed."""
        if not _is_writable(store):
            return
        value = self.make_value()
        change = FieldChange([(_FIELD, Secret(value))])
        assert value not in f"{change!r} {change} {_write(store, 'hidden-write', change)!r}"


def _is_writable(store: StoreUnderTest) -> bool:
    return store.provider().spec.is_writable


def _write(
    store: StoreUnderTest, name: str, change: FieldChange, *, seconds: float = LONG_TIMEOUT
) -> Found[Written] | Missing | Failed:
    return write(store.provider(), store.ref(name), change, Deadline(seconds)) or no_answer()
