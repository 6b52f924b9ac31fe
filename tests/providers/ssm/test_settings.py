"""The paths that Parameter Store accepts, and the hint for every other form."""

import pytest

from secretsync.providers.ssm.settings import check_path

ARN = "arn:aws:ssm:eu-west-1:123456789012:parameter"


@pytest.mark.parametrize(
    "path",
    [
        "app",
        "/app",
        "/production/app/password",
        "/a.b/c_d/e-f",
        "/aws/service/ami",
        f"{ARN}/app",
        f"{ARN}/a/b/c",
        "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/app",
        "arn:aws:ssm:eu-west-1::parameter/aws/service/ami",
    ],
)
def test_names_and_arns(path: str) -> None:
    """Accept names, hierarchical names and ARNs."""
    assert check_path(path) is None


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("production/app", "begins with /"),
        ("/app/", "letters, digits"),
        ("//app", "letters, digits"),
        ("/app*", "letters, digits"),
        ("/" + "/".join("abcdefghijklmnop"), "at most 15 parts"),
        ("/" + "a" * 1011, "letters, digits"),
        ("/app:3", "?version="),
        ("/app:live", "?stage="),
        (f"{ARN}/app:3", "?version="),
        (ARN, "no ARN of a parameter"),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf", "secret of Secrets Manager"),
        ("/aws/reference/secretsmanager/app", "write aws:"),
    ],
)
def test_other_paths(path: str, words: str) -> None:
    """Refuse other paths with the form that is meant."""
    assert words in str(check_path(path))
