"""Suggestions for a field that a secret does not have."""

import json

import pytest

from secretsync.core.model import Failed, Selector
from secretsync.core.secret import Payload
from secretsync.resolving.extract import select
from secretsync.resolving.field_hints import field_hint
from tests.support.canary import CanaryFactory

DOCUMENT = {
    "port": 1,
    "db_password": "x",
    "hubspot": {"token": "x", "refreshToken": "x"},
    "list": [{"url": "x"}],
    "a.b": "x",
}


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("Port", "#port"),
        ("prot", "#port"),
        ("DB-PASSWORD", "#db_password"),
        ("dbPassword", "#db_password"),
        ("dbpasword", "#db_password"),
        ("hubspot.token", "#/hubspot/token"),
        ("hubspot/token", "#/hubspot/token"),
        ("hubspot:token", "#/hubspot/token"),
        ("$.hubspot.token", "#/hubspot/token"),
        ("hubspot.refresh_token", "#/hubspot/refreshToken"),
        ("token", "#/hubspot/token"),
        ("list[0].url", "#/list/0/url"),
        ("/Port", "#port"),
        ("/hubspot/tokn", "#/hubspot/token"),
        ("/token", "#/hubspot/token"),
        ("/a/b", "#a.b"),
    ],
)
def test_the_field_that_is_meant(field: str, meant: str) -> None:
    """Find another spelling, and the same name at another level."""
    assert field_hint(DOCUMENT, field) == f"did you mean {meant}?"


@pytest.mark.parametrize("field", ["nothing", "/hubspot/nothing", "x" * 500, "", "/", "[]", "..."])
def test_no_field_is_near(field: str) -> None:
    """Show no name of the secret if none is near."""
    assert "did you mean" not in field_hint(DOCUMENT, field)


def test_a_name_that_may_be_a_value(canary: CanaryFactory) -> None:
    """Show no name that looks like a value, even if it is near to what the user wrote."""
    name = canary()
    assert name not in field_hint({name: {"id": "x"}}, name[:-1] + "x")
    assert name not in field_hint({name: {"id": "x"}}, "id")


def test_a_large_secret_is_not_searched_to_its_end() -> None:
    """Look at some thousand fields at most, however deep the secret is."""
    deep: dict[str, object] = {"target": "x"}
    for _ in range(900):
        deep = {"a": deep}
    wide = {f"name-{number}": {"b": number} for number in range(50_000)}
    assert "did you mean" not in field_hint({"wide": wide, "deep": deep}, "target")


@pytest.mark.parametrize("field", ["Port", "/hubspot/tokn"])
def test_the_message(field: str) -> None:
    """Suggest the field in place of words on defaults."""
    outcome = select(Payload(json.dumps(DOCUMENT)), Selector(field=field))
    assert isinstance(outcome, Failed)
    assert "did you mean #" in str(outcome.hint)
    assert "default" not in str(outcome.hint)
