"""docs/audit.md says what the code does."""

import re
from pathlib import Path

from secretsync.policy.policy_file import parse_policy
from secretsync.policy.rules import CHECK_RULES, RULES

TEXT = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")


def test_the_policy_reference_is_a_policy() -> None:
    """The example is read without a problem, and every check has its row."""
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    read = parse_policy(example.encode(), "policy.toml")
    assert read.problems == ()
    assert read.required
    assert read.checks
    assert read.ignores
    rows = TEXT.partition("| Check | The value is |")[2].partition("\n\n")[0]
    for kind in CHECK_RULES:
        assert f"`{kind}" in rows, kind


def test_rules_that_are_named_are_there() -> None:
    """In prose too."""
    named = set(re.findall(r"`((?:plaintext|policy|file|git|rotation)-[a-z-]+)`", TEXT))
    assert named <= set(RULES)
