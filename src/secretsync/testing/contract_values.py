"""The contract of a provider: values and versions."""

from __future__ import annotations

import json
from collections.abc import Iterator

from secretsync.core.model import Found, Missing, Outcome, Selector
from secretsync.core.records import replace
from secretsync.core.secret import Payload
from secretsync.providers.interface import Deadline
from secretsync.testing.asking import (
    Contract,
    answers_of_core,
    fetch,
    fetch_one,
    found,
    select_text,
    text_of,
)
from secretsync.testing.memory import LONG_TIMEOUT
from secretsync.testing.store import StoreUnderTest


class ValueContract(Contract):
    """The behaviour of every provider with secrets that exist, and with secrets that do not."""

    # Answers

    def test_found(self, store: StoreUnderTest) -> None:
        """A secret that exists is found, byte for byte."""
        value = self.make_value()
        store.put("found", value)
        assert text_of(fetch_one(store, "found")) == value

    def test_missing(self, store: StoreUnderTest) -> None:
        """A secret that does not exist is missing."""
        store.put("other", self.make_value())
        assert isinstance(fetch_one(store, "missing"), Missing)

    def test_every_reference_is_answered_once(self, store: StoreUnderTest) -> None:
        """Each of many references is answered once, and nothing else is answered."""
        values = {f"many-{number}": self.make_value() for number in range(0, 24, 2)}
        for name, value in values.items():
            store.put(name, value)
        names = [f"many-{number}" for number in range(24)]
        outcomes = fetch(store, names)
        for name, outcome in zip(names, outcomes, strict=True):
            if name in values:
                assert text_of(outcome) == values[name]
            else:
                assert isinstance(outcome, Missing)

    def test_no_references(self, store: StoreUnderTest) -> None:
        """No references get no answers, and cause no request."""
        before = store.values_read()
        assert list(store.provider().fetch((), Deadline(LONG_TIMEOUT))) == []
        assert list(store.provider().describe((), Deadline(LONG_TIMEOUT))) == []
        assert store.values_read() == before

    def test_duplicates_are_asked_once(self, store: StoreUnderTest) -> None:
        """Two references to one secret are answered by one read."""
        value = self.make_value()
        store.put("twice", json.dumps({"user": "app", "password": value}))
        ref = store.ref("twice")
        before = store.values_read()
        answers = answers_of_core(store, [(ref, Selector(field="user")), (ref, Selector(field="password"))])
        assert select_text(answers.of(ref), Selector(field="password")) == value
        assert store.values_read() - before == 1

    # Values

    def test_empty_value(self, store: StoreUnderTest) -> None:
        """An empty secret is found, and empty."""
        self._needs("empty value")
        store.put("empty", "")
        assert text_of(fetch_one(store, "empty")) == ""

    def test_large_value(self, store: StoreUnderTest) -> None:
        """64 KiB less a little, the most that the stores have in common, come back whole."""
        self._needs("64 KiB")
        value = self.make_value() + "x" * 60_000
        store.put("large", value)
        assert text_of(fetch_one(store, "large")) == value

    def test_unicode_value(self, store: StoreUnderTest) -> None:
        """Text of any script, separators and quotes come back as they are."""
        value = self.make_value("é\u2028\u0085🔑ß\u202e\"'\\ $<X> ${HOME} `id`\t")
        store.put("unicode", value)
        assert text_of(fetch_one(store, "unicode")) == value

    def test_binary_value(self, store: StoreUnderTest) -> None:
        """Bytes that are not text come back as bytes."""
        self._needs("binary")
        value = bytes(range(1, 256)) + self.make_value().encode()
        store.put("binary", value)
        assert found(fetch_one(store, "binary")).reveal() == value

    def test_newline_at_the_end(self, store: StoreUnderTest) -> None:
        """A provider removes nothing from a value, because the core decides whether a trailing line end counts."""
        value = self.make_value() + "\n"
        store.put("newline", value)
        assert found(fetch_one(store, "newline")).reveal() in (value, value.encode())

    def test_scalars_of_json(self, store: StoreUnderTest) -> None:
        """Numbers keep their digits, booleans are words."""
        self._needs("digits of numbers")
        store.put("json", '{"port": 3306, "rate": 1.10, "big": 9223372036854775809, "on": true, "p": {"q": ["a"]}}')
        outcome = fetch_one(store, "json")
        for field, text in {"port": "3306", "rate": "1.10", "big": "9223372036854775809", "on": "true"}.items():
            assert select_text(outcome, Selector(field=field)) == text
        assert select_text(outcome, Selector(field="/p/q/0")) == "a"

    def test_names_with_hostile_characters(self, store: StoreUnderTest) -> None:
        """A hostile path is refused before a request, or is missing. It never leads to another secret."""
        value = self.make_value()
        store.put("victim", value)
        provider, path = store.provider(), store.ref("victim").path
        for hostile in _hostile_paths(path):
            if provider.spec.check_path(hostile) is None:
                ref = replace(store.ref("victim"), path=hostile)
                outcome = dict(provider.fetch((ref,), Deadline(LONG_TIMEOUT)))[ref]
                assert not isinstance(outcome, Found), f"{hostile!r} was found"

    # Versions

    def test_pinned_version(self, store: StoreUnderTest) -> None:
        """A reference with a version gets that version, although a newer one exists."""
        self._needs("pinned version")
        first, second = self.make_value(), self.make_value()
        version = store.put("pinned", first)
        store.put("pinned", second)
        assert text_of(fetch_one(store, "pinned", version=version)) == first
        assert text_of(fetch_one(store, "pinned")) == second

    def test_rotated_between_two_reads(self, store: StoreUnderTest) -> None:
        """A new version is seen by the next read, under another id."""
        provider, ref = store.provider(), store.ref("rotated")
        outcomes: list[Outcome[Payload]] = []
        values = [self.make_value(), self.make_value()]
        for value in values:
            store.put("rotated", value)
            outcomes += dict(provider.fetch((ref,), Deadline(LONG_TIMEOUT))).values()
        assert [text_of(outcome) for outcome in outcomes] == values
        if "pinned version" not in self.lacks:
            assert found(outcomes[0]).version != found(outcomes[1]).version


def _hostile_paths(path: str) -> Iterator[str]:
    yield from (f"{path}/../{path}", f"../{path}", f"./{path}", f"/{path}", f"{path}/", f"//{path}", f"{path}/.")
    yield from (f"{path}\n", f"{path}\0", f"{path}%00", f"{path}\r\nX: y", f" {path}", f"{path} ", f"{path}\u202e")
    yield from (f"{path}?list=true", f"{path}#x", f"{path}%2F..%2F", f"{path}*", "*", "..", ".", f"{path};x", "..data")
