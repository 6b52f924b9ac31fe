"""The options --mode and --owner."""

import pytest

from secretsync.cli.permissions import parse_mode, parse_owner
from secretsync.core.errors import UsageError


def test_parse_mode() -> None:
    """Octal digits and nothing else."""
    assert [parse_mode(text) for text in ("600", "0640", "0o400")] == [0o600, 0o640, 0o400]
    for text in ("", "6", "rw", "888", "1777", "4755", "-600", "06000", "٦٤٠"):
        with pytest.raises(UsageError):
            parse_mode(text)


def test_parse_owner() -> None:
    """Names and numbers, either part alone."""
    assert parse_owner("root") == (0, -1)
    assert parse_owner("root:root") == (0, 0)
    assert parse_owner(":4711") == (-1, 4711)
    for text, kind in (("no-such-user", "user"), (":no-such-group", "group")):
        with pytest.raises(UsageError, match=f"there is no {kind} of this name"):
            parse_owner(text)
