"""References for GitLab CI: the keyword of each store, and what is refused."""

import pytest
import yaml

from tests.exporting.exports import exported, refusal


@pytest.mark.parametrize(
    ("reference", "secret"),
    [
        ("aws:app?stage=AWSPREVIOUS#key", {"secret_id": "app", "version_stage": "AWSPREVIOUS", "field": "key"}),
        ("aws:app?version=ab", {"secret_id": "app", "version_id": "ab"}),
        ("azure:db?version=" + "a" * 32, {"name": "db", "version": "a" * 32}),
        ("vault:secret/a/b#key", {"engine": {"name": "kv-v2", "path": "secret"}, "path": "a/b", "field": "key"}),
        ("vault-one:kv/a#/key", {"engine": {"name": "kv-v1", "path": "kv"}, "path": "a", "field": "key"}),
    ],
)
def test_each_store_has_its_keyword(reference: str, secret: dict[str, object]) -> None:
    """Write the keyword of the store with whole values, not as files."""
    document = yaml.safe_load(exported({"security": f"KEY=$<{reference}>\n"}, to="gitlab").text)
    written = document[".shop"]["secrets"]["KEY"]
    assert written.pop("file") is False
    ((keyword, found),) = written.items()
    region = {"region": "eu-west-1"} if keyword == "aws_secrets_manager" else {}
    assert found == secret | region


def test_settings_are_variables_that_gitlab_does_not_expand() -> None:
    """Keep a `$` in a value, which GitLab would otherwise replace."""
    document = yaml.safe_load(exported({"common": "A='$HOME'\n"}, to="gitlab").text)
    assert document[".shop"]["variables"] == {"A": {"value": "$HOME", "expand": False}}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x$<azure:one>", "without text around it"),
        ("$<azure:one#field>", "without fields"),
        ("$<azure:one?as=url>", "as=url"),
        ("$<aws:one#/a/b>", "fields of the top level"),
        ("$<aws:one?version=a&stage=b>", "stage"),
        ("$<vault:secret/app>", "name a field"),
        ("$<vault:secret/app?version=2#x>", "current version"),
        ("$<engines:database/static-creds/app#x>", "makes or rotates"),
        ("$<vault-unknown:secret/app#x>", "--kv-version"),
    ],
)
def test_what_gitlab_cannot_read_is_refused(value: str, reason: str) -> None:
    """Name the reason and the nearest way."""
    assert reason in refusal(value, to="gitlab")
