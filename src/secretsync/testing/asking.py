"""Requests to a provider under test, and assertions on its outcomes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import ClassVar, TypeVar, cast

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Found, Outcome, SecretInfo, SecretOutline, SecretRef, Selector
from secretsync.core.secret import Payload, Secret
from secretsync.planning.plan import SecretPart
from secretsync.planning.references import Target
from secretsync.providers.interface import Deadline, OutlineProvider
from secretsync.resolving.extract import select
from secretsync.resolving.requests.fetch import ask
from secretsync.resolving.stores import Answers
from secretsync.testing.memory import LONG_TIMEOUT
from secretsync.testing.store import StoreUnderTest

T = TypeVar("T", Payload, SecretInfo, SecretOutline)
U = TypeVar("U")


class Contract:
    """The base of all parts of the contract."""

    lacks: ClassVar[Mapping[str, str]] = {}

    @staticmethod
    def make_value(before: str = "", after: str = "") -> str:
        """Return a new unique value with `before` and `after` around it. A subclass may override it."""
        return f"{before}{os.urandom(12).hex()}{after}"

    def _needs(self, case: str) -> None:
        if case in self.lacks:
            import pytest

            pytest.skip(f"{case}: {self.lacks[case]}")


def fetch(store: StoreUnderTest, names: Sequence[str], *, seconds: float = LONG_TIMEOUT) -> list[Outcome[Payload]]:
    """Return the outcomes for `names`, in their order. Each must be answered once, and nothing else."""
    refs = tuple(store.ref(name) for name in names)
    answers = list(store.provider().fetch(refs, Deadline(seconds)))
    assert sorted(map(str, refs)) == sorted(str(ref) for ref, _ in answers)
    return [dict(answers)[ref] for ref in refs]


def fetch_one(store: StoreUnderTest, name: str, *, version: str | None = None) -> Outcome[Payload]:
    """Return the outcome for the value of one secret."""
    ref = store.ref(name, version=version)
    return dict(store.provider().fetch((ref,), Deadline(LONG_TIMEOUT)))[ref]


def describe(store: StoreUnderTest, name: str) -> Outcome[SecretInfo]:
    """Return the outcome for the metadata of one secret."""
    ref = store.ref(name)
    return dict(store.provider().describe((ref,), Deadline(LONG_TIMEOUT)))[ref]


def outline(store: StoreUnderTest, name: str) -> Outcome[SecretOutline]:
    """Return the outcome for the outline of one secret."""
    ref = store.ref(name)
    return dict(cast("OutlineProvider", store.provider()).outline((ref,), Deadline(LONG_TIMEOUT)))[ref]


def answers_of_core(
    store: StoreUnderTest, wanted: Sequence[tuple[SecretRef, Selector]], *, seconds: float = LONG_TIMEOUT
) -> Answers[Payload]:
    """Return the answers that the core gets."""
    parts = [secret_part(ref, selector) for ref, selector in wanted]
    return Answers(ask(parts, {parts[0].targets[0].store: store.provider()}, Deadline(seconds), Payload))


def secret_part(ref: SecretRef, selector: Selector) -> SecretPart:
    """Return the part of an entry that the core resolves with `ref`."""
    return SecretPart(str(ref), (Target(ref, selector, str(ref)),), None, None, 0)


def found(outcome: Outcome[U] | None) -> U:
    """Return what was found."""
    assert isinstance(outcome, Found), f"not found: {outcome}"
    return outcome.value


def assert_failed(outcome: object, kind: ProblemKind) -> Failed:
    """Return the failure, which must be of this kind."""
    assert isinstance(outcome, Failed), f"not failed: {outcome}"
    assert outcome.kind is kind
    return outcome


def text_of(outcome: Outcome[Payload]) -> str:
    """Return the value of a found secret as text, as the core takes it."""
    return select_text(outcome, Selector())


def select_text(outcome: Outcome[Payload] | None, selector: Selector) -> str:
    """Return the selected part of a found secret as text."""
    chosen = select(found(outcome), selector)
    assert isinstance(chosen, Secret), f"{chosen}"
    return chosen.reveal()
