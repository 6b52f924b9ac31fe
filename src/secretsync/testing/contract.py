"""The contract that makes a provider a provider."""

from __future__ import annotations

import json
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Protocol

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Clock, Failed, Found, Missing, Outcome, SecretInfo, SecretRef, Selector
from secretsync.core.records import replace
from secretsync.core.secret import Payload, Secret
from secretsync.planning.plan import SecretPart
from secretsync.planning.references import Target
from secretsync.providers.interface import Answer, Deadline, Provider
from secretsync.resolving.extract import select
from secretsync.resolving.fetch import Answers, ask
from secretsync.testing.memory import LONG_TIMEOUT, MemoryProvider

__all__ = ["ProviderContract", "StoreUnderTest"]


class StoreUnderTest(Protocol):
    """A real store that the contract's tests fill and break.

    A `name` is a simple word that the store makes a path of.
    """

    def provider(self) -> Provider:
        """A new provider on the store."""
        ...

    def ref(self, name: str, *, version: str | None = None) -> SecretRef:
        """The reference to the secret called `name`."""
        ...

    def put(self, name: str, value: str | bytes) -> str | None:
        """Store a (new version of a) secret; the version's id, where the store has one."""
        ...

    def values_read(self) -> int:
        """How often a value was read from the store until now, or tried to be."""
        ...

    def deny(self, name: str) -> None:
        """Take away the right to read this one."""
        ...

    def disable(self, name: str) -> None:
        """Disable or delete it, so that it is there and cannot be used."""
        ...

    def edit_metadata(self, name: str) -> None:
        """Change tags, description or custom metadata, and no value."""
        ...

    def go_down(self) -> None:
        """Refuse connections from now on."""
        ...

    def hang(self) -> None:
        """Accept requests and answer nothing from now on."""
        ...

    def throttle(self) -> None:
        """Answer every request with "too many requests" from now on."""
        ...

    def garble(self) -> None:
        """Answer every request with success and something that is not an answer from now on."""
        ...


class ProviderContract:
    """What every provider does. Subclass it and give it a fixture `store` that returns a StoreUnderTest.

    `lacks` names the cases that a store cannot have, each with the reason in its nature:
    `lacks = {"pinned version": "a file has one version"}`.
    """

    lacks: ClassVar[Mapping[str, str]] = {}

    # Each value is unique, so that no test finds another's.
    @staticmethod
    def make_value(before: str = "", after: str = "") -> str:
        """A new value with `before` and `after` around it; a suite with canaries of its own overrides it."""
        return f"{before}{os.urandom(12).hex()}{after}"

    def _needs(self, case: str) -> None:
        if case in self.lacks:
            import pytest

            pytest.skip(f"{case}: {self.lacks[case]}")

    # Answers

    def test_found(self, store: StoreUnderTest) -> None:
        """A secret that is there is found, byte for byte."""
        value = self.make_value()
        store.put("found", value)
        assert _text(_fetch_one(store, "found")) == value

    def test_missing(self, store: StoreUnderTest) -> None:
        """A secret that is not there is missing, and nothing else."""
        store.put("other", self.make_value())
        assert isinstance(_fetch_one(store, "missing"), Missing)

    def test_every_reference_is_answered_once(self, store: StoreUnderTest) -> None:
        """Each of many references is answered once, and nothing else is."""
        values = {f"many-{number}": self.make_value() for number in range(0, 24, 2)}
        for name, value in values.items():
            store.put(name, value)
        names = [f"many-{number}" for number in range(24)]
        outcomes = _fetch(store, names)
        for name, outcome in zip(names, outcomes, strict=True):
            if name in values:
                assert _text(outcome) == values[name]
            else:
                assert isinstance(outcome, Missing)

    def test_no_references(self, store: StoreUnderTest) -> None:
        """Nothing asked is nothing answered, and no request."""
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
        answers = _ask(store, [(ref, Selector(field="user")), (ref, Selector(field="password"))])
        outcome = answers.of(ref)
        assert isinstance(outcome, Found)
        assert _selected(outcome, Selector(field="password")) == value
        assert store.values_read() - before == 1

    # Values

    def test_empty_value(self, store: StoreUnderTest) -> None:
        """An empty secret is found, and empty."""
        self._needs("empty value")
        store.put("empty", "")
        assert _text(_fetch_one(store, "empty")) == ""

    def test_large_value(self, store: StoreUnderTest) -> None:
        """64 KiB less a little, the most that the stores have in common, come back whole."""
        self._needs("64 KiB")
        value = self.make_value() + "x" * 60_000
        store.put("large", value)
        assert _text(_fetch_one(store, "large")) == value

    def test_unicode_value(self, store: StoreUnderTest) -> None:
        """Text of any script, separators and quotes come back as they are."""
        value = self.make_value("é\u2028\u0085🔑ß\u202e\"'\\ $<X> ${HOME} `id`\t")
        store.put("unicode", value)
        assert _text(_fetch_one(store, "unicode")) == value

    def test_binary_value(self, store: StoreUnderTest) -> None:
        """Bytes that are no text come back as bytes."""
        self._needs("binary")
        value = bytes(range(1, 256)) + self.make_value().encode()
        store.put("binary", value)
        outcome = _fetch_one(store, "binary")
        assert isinstance(outcome, Found)
        assert outcome.value.reveal() == value

    def test_newline_at_the_end(self, store: StoreUnderTest) -> None:
        """A provider takes nothing off a value: whether a trailing line end counts is the core's decision."""
        value = self.make_value() + "\n"
        store.put("newline", value)
        outcome = _fetch_one(store, "newline")
        assert isinstance(outcome, Found)
        assert outcome.value.reveal() in (value, value.encode())

    def test_scalars_of_json(self, store: StoreUnderTest) -> None:
        """Numbers keep their digits, booleans are words."""
        self._needs("digits of numbers")
        store.put("json", '{"port": 3306, "rate": 1.10, "big": 9223372036854775809, "on": true, "p": {"q": ["a"]}}')
        outcome = _fetch_one(store, "json")
        assert isinstance(outcome, Found)
        for field, text in {"port": "3306", "rate": "1.10", "big": "9223372036854775809", "on": "true"}.items():
            assert _selected(outcome, Selector(field=field)) == text
        assert _selected(outcome, Selector(field="/p/q/0")) == "a"

    def test_names_with_hostile_characters(self, store: StoreUnderTest) -> None:
        """A hostile path is refused before it is asked, or is missing: it never leads to another secret."""
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
        """A reference with a version gets that version, whatever came after it; one that never was is not found."""
        self._needs("pinned version")
        first, second = self.make_value(), self.make_value()
        version = store.put("pinned", first)
        store.put("pinned", second)
        assert _text(_fetch_one(store, "pinned", version=version)) == first
        assert _text(_fetch_one(store, "pinned")) == second

    def test_rotated_between_two_reads(self, store: StoreUnderTest) -> None:
        """A new version is seen by the next read, under another id."""
        provider, ref = store.provider(), store.ref("rotated")
        found: list[Found[Payload]] = []
        values = [self.make_value(), self.make_value()]
        for value in values:
            store.put("rotated", value)
            outcome = dict(provider.fetch((ref,), Deadline(LONG_TIMEOUT)))[ref]
            assert isinstance(outcome, Found)
            found.append(outcome)
        assert [_text(outcome) for outcome in found] == values
        if "pinned version" not in self.lacks:
            assert found[0].value.version != found[1].value.version

    # What goes wrong

    def test_denied(self, store: StoreUnderTest) -> None:
        """A secret that we may not read is denied, never missing, and spoils no other."""
        self._needs("denied")
        value, allowed = self.make_value(), self.make_value()
        store.put("forbidden", value)
        store.put("allowed", allowed)
        store.deny("forbidden")
        forbidden, found = _fetch(store, ["forbidden", "allowed"])
        assert isinstance(forbidden, Failed)
        assert forbidden.kind is ProblemKind.DENIED
        assert value not in f"{forbidden}"
        assert _text(found) == allowed

    def test_disabled(self, store: StoreUnderTest) -> None:
        """A disabled or deleted secret is unusable, and said to be: neither missing nor denied."""
        self._needs("disabled")
        store.put("disabled", self.make_value())
        store.disable("disabled")
        outcome = _fetch_one(store, "disabled")
        assert isinstance(outcome, Failed)
        assert outcome.kind is ProblemKind.UNUSABLE

    def test_unavailable(self, store: StoreUnderTest) -> None:
        """A store that is down has failed for every reference, whether the secret is there or not."""
        self._needs("unavailable")
        store.put("down", self.make_value())
        store.go_down()
        for outcome in _fetch(store, ["down", "missing"], seconds=3.0):
            assert isinstance(outcome, Failed)
            assert outcome.kind is ProblemKind.UNAVAILABLE

    def test_hung_past_the_deadline(self, store: StoreUnderTest) -> None:
        """A store that never answers costs the deadline and no more."""
        self._needs("hung")
        store.put("hung", self.make_value())
        store.hang()
        began = time.monotonic()
        ref = store.ref("hung")
        outcome = _ask(store, [(ref, Selector())], seconds=1.0).of(ref)
        assert time.monotonic() - began < LONG_TIMEOUT  # a wide margin for a busy machine; the point is that it ends
        assert isinstance(outcome, Failed)
        assert outcome.kind is ProblemKind.UNAVAILABLE

    def test_throttled(self, store: StoreUnderTest) -> None:
        """A store that has too much to do is unavailable, and never says that a secret is missing or denied."""
        self._needs("throttled")
        store.put("throttled", self.make_value())
        store.throttle()
        outcome = _fetch(store, ["throttled"], seconds=3.0)[0]
        assert isinstance(outcome, Failed)
        assert outcome.kind is ProblemKind.UNAVAILABLE

    def test_garbled_answer(self, store: StoreUnderTest) -> None:
        """Success with an answer that is none has failed, and is no empty value."""
        self._needs("garbled answer")
        store.put("garbled", self.make_value())
        store.garble()
        outcome = _fetch(store, ["garbled"], seconds=5.0)[0]
        assert isinstance(outcome, Failed)
        assert outcome.kind is ProblemKind.UNAVAILABLE

    def test_raising(self, store: StoreUnderTest) -> None:
        """Where a provider raises in spite of its contract, the core says so, without the exception's text."""
        value = self.make_value()
        store.put("first", value)
        provider = store.provider()

        class Raising(MemoryProvider):
            def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
                yield from provider.fetch(refs[:1], deadline)
                raise ValueError(value)

        first, second = store.ref("first"), store.ref("second")
        parts = [_part(first, Selector()), _part(second, Selector())]
        answers = ask(parts, {first.store: Raising()}, Deadline(LONG_TIMEOUT), Payload)
        assert isinstance(answers.of(first), Found)
        failed = answers.of(second)
        assert isinstance(failed, Failed)
        assert "ValueError" in failed.cause
        assert value not in f"{failed}"

    # Metadata

    def test_describe_reads_no_value(self, store: StoreUnderTest) -> None:
        """What a store knows about a secret comes without a request for its value."""
        version = store.put("described", self.make_value())
        before = store.values_read()
        info = _describe(store, "described")
        assert isinstance(info, Found)
        assert info.value.enabled
        if version is not None:
            assert info.value.version == version
        if store.provider().spec.has_clock:
            self._needs("clock")
            assert info.value.created is not None
            assert info.value.created.utcoffset() is not None
            assert info.value.clock is not Clock.NONE
        assert store.values_read() == before

    def test_describe_missing(self, store: StoreUnderTest) -> None:
        """What is not there is missing for metadata too."""
        assert isinstance(_describe(store, "missing"), Missing)

    def test_describe_and_fetch_agree(self, store: StoreUnderTest) -> None:
        """The version that metadata tell is the one that a read returns."""
        self._needs("pinned version")
        store.put("agreed", self.make_value())
        store.put("agreed", self.make_value())
        info, outcome = _describe(store, "agreed"), _fetch_one(store, "agreed")
        assert isinstance(info, Found)
        assert isinstance(outcome, Found)
        assert info.value.version == outcome.value.version

    def test_metadata_edits_leave_the_age(self, store: StoreUnderTest) -> None:
        """Tags, descriptions and the like can be edited without making a secret younger."""
        self._needs("metadata")
        store.put("edited", self.make_value())
        before = _describe(store, "edited")
        store.edit_metadata("edited")
        after = _describe(store, "edited")
        assert isinstance(before, Found)
        assert isinstance(after, Found)
        assert before.value.created == after.value.created
        assert before.value.version == after.value.version

    # Discretion, identity, processes

    def test_values_are_hidden(self, store: StoreUnderTest) -> None:
        """No outcome, payload or provider shows a value when it is printed."""
        value = self.make_value()
        store.put("hidden", value)
        provider, ref = store.provider(), store.ref("hidden")
        outcome = dict(provider.fetch((ref,), Deadline(LONG_TIMEOUT)))[ref]
        assert isinstance(outcome, Found)
        shown = f"{outcome!r} {outcome} {outcome.value!r} {provider!r} {provider} {vars(provider)!r}"
        assert value not in shown

    def test_identity(self, store: StoreUnderTest) -> None:
        """A provider says who we are, by names and ids."""
        value = self.make_value()
        store.put("identity", value)
        identity = store.provider().identity()
        assert identity.provider == store.provider().spec.name
        assert identity.store
        assert value not in repr(identity)

    def test_use_from_threads(self, store: StoreUnderTest) -> None:
        """One provider serves several threads at once, each with its own answers."""
        values = {f"thread-{number}": self.make_value() for number in range(8)}
        for name, value in values.items():
            store.put(name, value)
        provider = store.provider()
        outcomes: dict[str, Outcome[Payload]] = {}

        def read(name: str) -> None:
            ref = store.ref(name)
            outcomes[name] = dict(provider.fetch((ref,), Deadline(LONG_TIMEOUT)))[ref]

        _in_threads(read, values)
        assert {name: _text(outcome) for name, outcome in outcomes.items()} == values

    def test_after_a_fork(self, store: StoreUnderTest) -> None:
        """A process that forked after a read can read too, with a provider of its own."""
        value = self.make_value()
        store.put("forked", value)
        assert _text(_fetch_one(store, "forked")) == value
        assert _in_child(lambda: _text(_fetch_one(store, "forked")) == value)


def _hostile_paths(path: str) -> Iterator[str]:
    yield from (f"{path}/../{path}", f"../{path}", f"./{path}", f"/{path}", f"{path}/", f"//{path}", f"{path}/.")
    yield from (f"{path}\n", f"{path}\0", f"{path}%00", f"{path}\r\nX: y", f" {path}", f"{path} ", f"{path}\u202e")
    yield from (f"{path}?list=true", f"{path}#x", f"{path}%2F..%2F", f"{path}*", "*", "..", ".", f"{path};x", "..data")


def _fetch(store: StoreUnderTest, names: Sequence[str], *, seconds: float = LONG_TIMEOUT) -> list[Outcome[Payload]]:
    """The outcomes for `names`, in their order, after a check that each was answered once and nothing else was."""
    refs = tuple(store.ref(name) for name in names)
    answers = list(store.provider().fetch(refs, Deadline(seconds)))
    assert sorted(map(str, refs)) == sorted(str(ref) for ref, _ in answers)
    outcomes = dict(answers)
    return [outcomes[ref] for ref in refs]


def _fetch_one(store: StoreUnderTest, name: str, *, version: str | None = None) -> Outcome[Payload]:
    ref = store.ref(name, version=version)
    return dict(store.provider().fetch((ref,), Deadline(LONG_TIMEOUT)))[ref]


def _describe(store: StoreUnderTest, name: str) -> Outcome[SecretInfo]:
    ref = store.ref(name)
    return dict(store.provider().describe((ref,), Deadline(LONG_TIMEOUT)))[ref]


def _part(ref: SecretRef, selector: Selector) -> SecretPart:
    return SecretPart(str(ref), (Target(ref, selector, str(ref)),), None, None, 0)


def _ask(
    store: StoreUnderTest, wanted: Sequence[tuple[SecretRef, Selector]], *, seconds: float = LONG_TIMEOUT
) -> Answers[Payload]:
    """The answers that the core gets."""
    parts = [_part(ref, selector) for ref, selector in wanted]
    return ask(parts, {parts[0].targets[0].store: store.provider()}, Deadline(seconds), Payload)


def _text(outcome: Outcome[Payload]) -> str:
    """The value of a found secret as text, as the core takes it."""
    assert isinstance(outcome, Found), f"not found: {outcome}"
    return _selected(outcome, Selector())


def _selected(outcome: Found[Payload], selector: Selector) -> str:
    chosen = select(outcome.value, selector)
    assert isinstance(chosen, Secret), f"{chosen}"
    return chosen.reveal()


def _in_threads(work: Callable[[str], None], names: Mapping[str, object]) -> None:
    threads = [threading.Thread(target=work, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_TIMEOUT)


def _in_child(claim: Callable[[], bool]) -> bool:
    """Whether `claim` holds in a forked child."""
    with warnings.catch_warnings():
        # Python warns of a fork beside threads; that it works all the same is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        is_true = False
        try:
            is_true = claim()
        finally:
            os._exit(0 if is_true else 1)
    _, status = os.waitpid(child, 0)
    return status == 0
