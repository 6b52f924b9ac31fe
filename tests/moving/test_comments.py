"""The comments that an import keeps."""

import pytest

from secretsync.moving.comments import clean
from secretsync.policy.policy import Policy
from tests.support.canary import CanaryFactory

LEFT_OUT = "# (a comment was left out here, because it may hold a secret)"


def cleaned(*comments: str) -> list[str]:
    """Return the comments that are kept; no secret of another entry is known."""
    return list(clean(comments, (), Policy()))


@pytest.mark.parametrize("kind", ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY"])
@pytest.mark.parametrize("before", ["# ", "#", '# JWT_KEY="'])
def test_a_private_key_that_is_commented_out(canary: CanaryFactory, kind: str, before: str) -> None:
    """No line of a block of PEM is kept, although its inner lines look like any text."""
    block = (f"{before}-----BEGIN {kind}-----", f"# {canary('MIIB')}", "# ZmFrZQ==", f"# -----END {kind}-----")
    assert cleaned("# before", *block, "# after") == ["# before", LEFT_OUT, "# after"]
    assert cleaned(*block[:2]) == [LEFT_OUT]


@pytest.mark.parametrize(
    "text",
    [
        "# db password is {}",
        "# Password: {}",
        "# the old password was '{}', as of May",
        "# login password {}",
        "# API key: {} (staging)",
        '#   "client_secret": "{}",',
        "# user=app password={}",
        "# DB_PASSWORD = {} # prod",
    ],
)
def test_a_secret_in_prose(canary: CanaryFactory, text: str) -> None:
    """A value behind a word that names secrets is left out."""
    secret = canary()
    assert secret not in "".join(cleaned(text.format(secret)))


@pytest.mark.parametrize(
    "text",
    [
        "# Token: see the wiki",
        "# the API key is in the vault",
        "# SECRET_KEY must be set",
        "# password (at least 8 characters)",
        "# Secret key, 50 characters",
        "# session timeout: 3600",
        "# https://docs.djangoproject.com/en/5.0/ref/settings/#std-setting-SECRET_KEY",
        "# -----BEGIN CERTIFICATE-----",
    ],
)
def test_prose_is_kept(text: str) -> None:
    """A comment about secrets, without a value, is kept."""
    assert cleaned(text) == [text]


@pytest.mark.slow
def test_a_long_comment_takes_linear_time() -> None:
    """A comment of many words is read in one pass, so that this test ends."""
    text = "# " + "password " * 100_000
    assert cleaned(text) == [text.rstrip()]
