"""Words of a user's input that a message may repeat."""

import pytest

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.text import (
    by_place,
    count_of,
    is_shown,
    looks_like_value,
    name_or_none,
    path_or,
    suggestion,
    unknown,
)
from tests.support.canary import CanaryFactory

NAMES = """
    AWS_S3_BUCKET2 Sha256Salt x509 OAUTH2_CLIENT_ID sha256_salt ES256K_KEY next_public_api_url2 camelCaseName1
    DB2_HOST K8S_NAMESPACE BASE64URL_KEY base64url SECRET_KEY DB_PASSWORD postgres12 ELASTICSEARCH7_URL
    EC2METADATA aws-eu-west-1 MyVeryLongCamelCaseSettingName SQLALCHEMY_DATABASE_URI *_SIGNING_KEY IPV4ADDRESS
    HTTP2_MAX_STREAMS awsS3Bucket oauth2ClientId OAuth2ClientSecret h2database MD5PASSWORD sentryDSN
    discovery.type NEXT_PUBLIC_API_V2_URL
"""
VALUES = """
    S3cretPassw0rd QWxhZGRpbjpvcGVuIHNlc2FtZQ ghp_abcdefghijklmnop AKIAIOSFODNN7EXAMPLE deadbeef01234567
    Tr0ub4dor3 p4ssw0rd MIIEvQIBADANBgkqhkiG9w0BAQEFAASC JBSWY3DPEHPK3PXP sk-proj-abc prefix_S3cretPassw0rd
    hvs.CAESIJ eyJhbGciOi
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_names_are_shown(name: str) -> None:
    """Show names of the usual kinds, also those with digits and capitals."""
    assert name_or_none(name) == name


@pytest.mark.parametrize("value", VALUES.split())
def test_values_are_not_shown(value: str) -> None:
    """Hide what looks like a password, a token, a key or base64."""
    assert looks_like_value(value)
    assert name_or_none(value) is None


def test_what_is_no_name_is_not_shown(canary: CanaryFactory) -> None:
    """Hide a word that is no name by its characters or its length."""
    for word in ("", "a b", "a=b", "a:b", "1a", "a\n", "é", "x" * 129, canary()):
        assert name_or_none(word) is None


def test_misspellings_of_known_words() -> None:
    """Show a word with at most two wrong letters, one in short words; a suggestion may be farther away."""
    known = ("docker", "vault", "aws", "env")
    for word in ("docker", "dokcer", "dockr", "DOCKER", "vualt", "valut", "asw", "enf"):
        assert is_shown(word, known), word
    for word in ("dockerpw1", "my-docker", "awsome", "envy99", "vaulted1", "x" * 100_000, ""):
        assert not is_shown(word, known), word
    assert suggestion("dockerpw1", known, "-") == "did you mean docker?"
    assert suggestion("zzz", known, "-") == "-"
    assert unknown("store called", "dockr", known) == "there is no store called 'dockr'"
    assert unknown("store called", "hunter2", known) == "there is no store of this name"
    assert unknown("command", "hunter2", known) == "there is no command of this name"


def test_paths() -> None:
    """Show a path, but not a single word that looks like a value, and no assignment."""
    for path in (".env", "env/test/common.env", "/run/secrets/db", "prod.env", "name", "./S3cretPassw0rd.env"):
        assert path_or(path, "-") == path
    for path in ("S3cretPassw0rd", "DB=/x/y", "DB=x", "admin:pw"):
        assert path_or(path, "-") == "-"


def test_counts() -> None:
    """Use the singular for 1 only, and a plural of its own if the noun has one."""
    assert [count_of(number, "secret") for number in (0, 1, 2)] == ["0 secrets", "1 secret", "2 secrets"]
    assert [count_of(number, "entry", "entries") for number in (0, 1)] == ["0 entries", "1 entry"]


def test_suggestion_without_a_near_word() -> None:
    """List the known words if none is near, or `none`, or what the caller has to say."""
    assert suggestion("xyz", ("docker", "env")) == "there are: docker, env"
    assert suggestion("xyz", ()) == "there are: none"
    assert suggestion("xyz", ("docker",), "ask for help") == "ask for help"
    assert suggestion("dokcer", ("docker",)) == "did you mean docker?"


def test_suggestion_for_the_beginning_of_a_word() -> None:
    """A word that begins so is nearer than one that only has more letters in common."""
    assert suggestion("--env", ("--pass-env", "--env-file", "--environment")) == "did you mean --env-file?"
    assert suggestion("--pass", ("--pass-env", "--clas")) == "did you mean --pass-env?"


def test_order_of_places() -> None:
    """Sort by file, then by line and column as numbers; what has no place comes first."""
    places = [("b", 1, 1), ("a", 10, None), ("a", 9, 2), ("a", 9, 1), (None, None, None)]
    problems = [
        Problem(kind=ProblemKind.OUTPUT, cause="", file=file, line=line, column=column) for file, line, column in places
    ]
    assert sorted(problems, key=by_place) == problems[::-1]
