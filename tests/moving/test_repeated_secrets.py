"""A value that repeats a secret of another entry."""

from urllib.parse import quote

import pytest

from secretsync.moving.classify import Kind, classify
from secretsync.moving.source_entry import literal_entry
from secretsync.policy.policy import Policy
from tests.support.canary import CanaryFactory


@pytest.mark.parametrize("form", ["{}", "user=app {} x", "http://x/?q={}"])
@pytest.mark.parametrize("is_encoded", [False, True])
@pytest.mark.parametrize("source", ["API_TOKEN", "DATABASE_URL"])
def test_a_setting_that_repeats_a_secret(canary: CanaryFactory, form: str, source: str, *, is_encoded: bool) -> None:
    """A setting with a value of a secret, or with the password of a URL, is a secret, also if it is encoded."""
    secret = canary("p/ss ")
    encoded = quote(secret, safe="")
    first = {"API_TOKEN": secret, "DATABASE_URL": f"postgres://app:{encoded}@db/app"}[source]
    second = form.format(encoded if is_encoded else secret)
    rows = classify((literal_entry(source, first, file=""), literal_entry("NOTE", second, file="")), Policy(), (), ())
    assert rows[1].kind is Kind.SECRET
    assert all(secret not in row.text.reveal() and encoded not in row.text.reveal() for row in rows)
