"""What metadata alone tells of the secrets of a plan."""

from datetime import UTC, datetime, timedelta

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import SecretInfo
from secretsync.inspection.check import Checked, check
from secretsync.resolving.stores import StoreAccess
from secretsync.testing import MemoryProvider
from tests.support.plans import good_plan

NOW = datetime(2026, 5, 17, 12, tzinfo=UTC)


def checked(text: str, store: MemoryProvider) -> Checked:
    """Return the check of an env file whose placeholders name the store `m`."""
    plan = good_plan({"common": text}, stores={"m": store})
    return check(plan, StoreAccess({}, timeout=30, replaced={"m": store}).metadata(plan), NOW)


def test_secrets_are_counted_once_and_no_value_is_read() -> None:
    """Two placeholders of one secret count as one, and the store is asked for metadata only."""
    store = MemoryProvider({"a": "1", "b": "2"})
    result = checked("A=$<m:a>\nB=x$<m:a>y\nC=$<m:b>\nD=text", store)
    assert (result.problems, result.secrets) == ((), 2)
    assert store.fetched == []


def test_what_metadata_cannot_show_is_listed() -> None:
    """A field is a part of a value, and so is the right to read values."""
    result = checked("A=$<m:a#user>\nB=$<m:a#password>", MemoryProvider({"a": {"user": "x", "password": "y"}}))
    assert result.not_checked == (
        "the fields of 2 references: no value was read (m:a#password, m:a#user)",
        "the right to read values: m",
    )


def test_problems_are_in_the_order_of_the_file() -> None:
    """Missing and failed secrets are told apart; a default makes a missing secret no problem."""
    store = MemoryProvider({})
    store.fail("denied", ProblemKind.DENIED, "access is denied")
    result = checked("A=$<m:none>\nB=$<m:denied>\nC=$<m:none:-text>\nD=$<m:denied:-text>", store)
    found = [(problem.line, problem.key, problem.kind) for problem in result.problems]
    assert found == [(1, "A", ProblemKind.MISSING), (2, "B", ProblemKind.DENIED), (4, "D", ProblemKind.DENIED)]
    assert result.secrets == 0


@pytest.mark.parametrize(
    ("info", "cause"),
    [
        (SecretInfo(enabled=False), "the secret is disabled"),
        (SecretInfo(expires=NOW), "the secret expired at 2026-05-17T12:00:00Z"),
        (SecretInfo(expires=NOW + timedelta(seconds=1)), None),
        (SecretInfo(not_before=NOW + timedelta(seconds=1)), "the secret is not valid before 2026-05-17T12:00:01Z"),
        (SecretInfo(not_before=NOW), None),
    ],
)
def test_secrets_that_exist_and_cannot_be_used(info: SecretInfo, cause: str | None) -> None:
    """A secret counts from the second in which it becomes valid, until the second in which it expires."""
    store = MemoryProvider({"a": "1"})
    store.describe_as("a", info)
    result = checked("A=$<m:a>", store)
    causes = [(problem.kind, problem.cause) for problem in result.problems]
    assert causes == ([] if cause is None else [(ProblemKind.UNUSABLE, cause)])
    assert result.secrets == (1 if cause is None else 0)


def test_notes_of_a_store_are_passed_on() -> None:
    """A store that could not find out something about a secret tells it, once for each secret."""
    store = MemoryProvider({"a": "1"})
    store.describe_as("a", SecretInfo(notes=("the tags were not read",)))
    assert checked("A=$<m:a>\nB=$<m:a>", store).not_checked[0] == "m:a: the tags were not read"
