"""Errors of Parameter Store as outcomes: missing, denied, unusable, unavailable."""

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Missing
from secretsync.providers.aws_account.errors import AwsRequestError
from secretsync.providers.ssm.errors import outcome_of
from tests.providers.ssm.helpers import failed, ref

_USER = "User: arn:aws:iam::123456789012:user/app is not authorized to perform: ssm:GetParameters on resource: x"


@pytest.mark.parametrize(
    ("code", "message", "kind", "words"),
    [
        ("ParameterVersionNotFound", "", ProblemKind.UNUSABLE, "no version 3"),
        ("InvalidKeyId", "disabled (Service: AWSKMS; Error Code: DisabledException)", ProblemKind.UNUSABLE, "KMS key"),
        ("InvalidKeyId", "(Service: AWSKMS; Error Code: AccessDeniedException)", ProblemKind.DENIED, "kms:Decrypt"),
        ("AccessDeniedException", "(Service: AWSKMS; Status Code: 400)", ProblemKind.DENIED, "kms:Decrypt"),
        ("AccessDeniedException", _USER, ProblemKind.DENIED, "user/app may not call ssm:GetParameters"),
        ("ThrottlingException", "Rate exceeded", ProblemKind.UNAVAILABLE, "too many requests"),
        ("InternalServerError", "", ProblemKind.UNAVAILABLE, "InternalServerError"),
        ("TooManyUpdates", "", ProblemKind.UNAVAILABLE, "at the same time"),
        ("ValidationException", "1 error", ProblemKind.UNUSABLE, "takes no such request"),
        ("ParameterPatternMismatchException", "value", ProblemKind.UNUSABLE, "AllowedPattern"),
        ("ParameterMaxVersionLimitExceeded", "", ProblemKind.UNUSABLE, "has a label"),
        ("ExpiredTokenException", "", ProblemKind.DENIED, "expired"),
        ("UnrecognizedClientException", "", ProblemKind.DENIED, "does not know"),
        ("InvalidSignatureException", "", ProblemKind.DENIED, "signature"),
    ],
)
def test_codes(code: str, message: str, kind: ProblemKind, words: str) -> None:
    """Each code of AWS is one kind, and the text of AWS is not repeated."""
    outcome = failed(outcome_of(AwsRequestError(code, message, operation="GetParameters"), ref("/app", version="3")))
    assert outcome.kind is kind
    assert words in outcome.cause
    assert "Service:" not in f"{outcome.cause} {outcome.hint}"


def test_missing() -> None:
    """A parameter that does not exist is missing."""
    assert isinstance(outcome_of(AwsRequestError("ParameterNotFound"), ref("/app")), Missing)


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/a/b", "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b"),
        ("a", "arn:aws:ssm:eu-west-1:123456789012:parameter/a"),
        ("arn:aws:ssm:us-east-1:1:parameter/a", "arn:aws:ssm:us-east-1:1:parameter/a"),
    ],
)
def test_the_statement_of_a_policy(path: str, resource: str) -> None:
    """A refusal has the statement that the policy of the identity needs."""
    error = AwsRequestError("AccessDeniedException", _USER, operation="GetParameters")
    error.region = "eu-west-1"
    hint = str(failed(outcome_of(error, ref(path))).hint)
    assert f'{{"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "{resource}"}}' in hint
