"""The contract of a provider, as a test class."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable

from secretsync.core.model import Clock, Missing, Outcome
from secretsync.core.secret import Payload
from secretsync.providers.interface import Deadline
from secretsync.testing.asking import describe, fetch_one, found, outline, text_of
from secretsync.testing.contract_faults import FaultContract
from secretsync.testing.contract_values import ValueContract
from secretsync.testing.contract_writes import WriteContract
from secretsync.testing.memory import LONG_TIMEOUT
from secretsync.testing.store import StoreUnderTest


class ProviderContract(ValueContract, FaultContract, WriteContract):
    """The tests that every provider passes. Subclass it, with a fixture `store` that returns a StoreUnderTest.

    `lacks` names the cases that a store cannot have, each with the reason in its nature:
    `lacks = {"pinned version": "a file has one version"}`.
    """

    # Metadata

    def test_describe_reads_no_value(self, store: StoreUnderTest) -> None:
        """Metadata come without a request for the value."""
        version = store.put("described", self.make_value())
        before = store.values_read()
        info = found(describe(store, "described"))
        assert info.enabled
        if version is not None:
            assert info.version == version
        if store.provider().spec.has_clock:
            self._needs("clock")
            assert info.created is not None
            assert info.created.utcoffset() is not None
            assert info.clock is not Clock.NONE
        assert store.values_read() == before

    def test_outline_reads_no_value(self, store: StoreUnderTest) -> None:
        """The fields of a secret, and the right to read it, come without a request for its value."""
        if not store.provider().spec.has_outlines:
            return
        store.put("outlined", f'{{"field": "{self.make_value()}", "other": {{"inner": "{self.make_value()}"}}}}')
        before = store.values_read()
        outlined = found(outline(store, "outlined"))
        assert outlined.fields in (None, {"field": None, "other": {"inner": None}})
        assert store.values_read() == before

    def test_describe_missing(self, store: StoreUnderTest) -> None:
        """A secret that does not exist is missing, without a request for its value."""
        assert isinstance(describe(store, "missing"), Missing)

    def test_describe_and_fetch_agree(self, store: StoreUnderTest) -> None:
        """The version in the metadata is the version that a read returns."""
        self._needs("pinned version")
        store.put("agreed", self.make_value())
        store.put("agreed", self.make_value())
        assert found(describe(store, "agreed")).version == found(fetch_one(store, "agreed")).version

    def test_metadata_edits_leave_the_age(self, store: StoreUnderTest) -> None:
        """An edit of tags or descriptions does not change the age of a secret."""
        self._needs("metadata")
        store.put("edited", self.make_value())
        before = found(describe(store, "edited"))
        store.edit_metadata("edited")
        after = found(describe(store, "edited"))
        assert (after.created, after.version) == (before.created, before.version)

    # Hidden values, identity, threads and processes

    def test_values_are_hidden(self, store: StoreUnderTest) -> None:
        """No outcome, payload or provider shows a value when it is printed."""
        value = self.make_value()
        store.put("hidden", value)
        provider, ref = store.provider(), store.ref("hidden")
        outcome = dict(provider.fetch((ref,), Deadline(LONG_TIMEOUT)))[ref]
        shown = f"{outcome!r} {outcome} {found(outcome)!r} {provider!r} {provider} {vars(provider)!r}"
        assert value not in shown

    def test_identity(self, store: StoreUnderTest) -> None:
        """The identity has names and ids, and no value."""
        value = self.make_value()
        store.put("identity", value)
        identity = store.provider().identity()
        assert identity.provider == store.provider().spec.name
        assert identity.store
        assert value not in repr(identity)

    def test_use_from_threads(self, store: StoreUnderTest) -> None:
        """One provider answers several threads at the same time."""
        values = {f"thread-{number}": self.make_value() for number in range(8)}
        for name, value in values.items():
            store.put(name, value)
        provider = store.provider()
        outcomes: dict[str, Outcome[Payload]] = {}

        def read(name: str) -> None:
            ref = store.ref(name)
            outcomes[name] = dict(provider.fetch((ref,), Deadline(LONG_TIMEOUT)))[ref]

        threads = [threading.Thread(target=read, args=(name,), daemon=True) for name in values]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG_TIMEOUT)
        assert {name: text_of(outcome) for name, outcome in outcomes.items()} == values

    def test_after_a_fork(self, store: StoreUnderTest) -> None:
        """A process that forked after a read can read too, with a provider of its own."""
        value = self.make_value()
        store.put("forked", value)
        assert text_of(fetch_one(store, "forked")) == value
        assert _in_child(lambda: text_of(fetch_one(store, "forked")) == value)


def _in_child(claim: Callable[[], bool]) -> bool:
    """Return the result of `claim` in a forked child."""
    with warnings.catch_warnings():
        # Python warns of a fork in a process with threads, and this test shows that such a fork works.
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
