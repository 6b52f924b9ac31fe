"""The contract of a provider: failures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from secretsync.core.errors import ProblemKind
from secretsync.core.model import SecretRef, Selector
from secretsync.core.secret import Payload
from secretsync.providers.interface import Answer, Deadline
from secretsync.resolving.requests.fetch import ask
from secretsync.testing.asking import (
    Contract,
    answers_of_core,
    assert_failed,
    fetch,
    fetch_one,
    found,
    secret_part,
    text_of,
)
from secretsync.testing.memory import LONG_TIMEOUT, MemoryProvider
from secretsync.testing.store import StoreUnderTest


class FaultContract(Contract):
    """The behaviour of every provider if a store refuses, fails or hangs."""

    def test_denied(self, store: StoreUnderTest) -> None:
        """A secret without the right to read it is denied, not missing. Other secrets are found."""
        self._needs("denied")
        value, allowed = self.make_value(), self.make_value()
        store.put("forbidden", value)
        store.put("allowed", allowed)
        store.deny("forbidden")
        forbidden, found = fetch(store, ["forbidden", "allowed"])
        assert_failed(forbidden, ProblemKind.DENIED)
        assert value not in f"{forbidden}"
        assert text_of(found) == allowed

    def test_disabled(self, store: StoreUnderTest) -> None:
        """A disabled or deleted secret is unusable, not missing or denied."""
        self._needs("disabled")
        store.put("disabled", self.make_value())
        store.disable("disabled")
        assert_failed(fetch_one(store, "disabled"), ProblemKind.UNUSABLE)

    def test_unavailable(self, store: StoreUnderTest) -> None:
        """If a store is down, every reference fails, whether the secret exists or not."""
        self._needs("unavailable")
        store.put("down", self.make_value())
        store.go_down()
        for outcome in fetch(store, ["down", "missing"], seconds=3.0):
            assert_failed(outcome, ProblemKind.UNAVAILABLE)

    def test_hung_past_the_deadline(self, store: StoreUnderTest) -> None:
        """A store that never answers costs the deadline and no more."""
        self._needs("hung")
        store.put("hung", self.make_value())
        store.hang()
        began = time.monotonic()
        ref = store.ref("hung")
        outcome = answers_of_core(store, [(ref, Selector())], seconds=1.0).of(ref)
        assert time.monotonic() - began < LONG_TIMEOUT  # a wide margin for a busy machine; the point is that it ends
        assert_failed(outcome, ProblemKind.UNAVAILABLE)

    def test_throttled(self, store: StoreUnderTest) -> None:
        """A store with too many requests is unavailable. Its secrets are not missing or denied."""
        self._needs("throttled")
        store.put("throttled", self.make_value())
        store.throttle()
        assert_failed(fetch(store, ["throttled"], seconds=3.0)[0], ProblemKind.UNAVAILABLE)

    def test_garbled_answer(self, store: StoreUnderTest) -> None:
        """A success with a body that is not an answer fails, and is not an empty value."""
        self._needs("garbled answer")
        store.put("garbled", self.make_value())
        store.garble()
        assert_failed(fetch(store, ["garbled"], seconds=5.0)[0], ProblemKind.UNAVAILABLE)

    def test_raising(self, store: StoreUnderTest) -> None:
        """If a provider raises an exception, the core reports a failure without the exception's text."""
        value = self.make_value()
        store.put("first", value)
        provider = store.provider()

        class Raising(MemoryProvider):
            def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
                yield from provider.fetch(refs[:1], deadline)
                raise ValueError(value)

        first, second = store.ref("first"), store.ref("second")
        parts = [secret_part(first, Selector()), secret_part(second, Selector())]
        outcomes = ask(parts, {first.store: Raising()}, Deadline(LONG_TIMEOUT), Payload)
        found(outcomes[first])
        failed = assert_failed(outcomes[second], ProblemKind.UNAVAILABLE)
        assert "ValueError" in failed.cause
        assert value not in f"{failed}"
