"""Each refusal of AWS: its kind, its words, and how often it is asked."""

import json
import socket
import unittest.mock
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)

from secretsync.core.errors import ProblemKind, ResolutionError
from secretsync.core.model import Missing
from secretsync.providers.aws.errors import outcome_of
from secretsync.providers.aws_account.errors import OPENING, AwsRequestError
from tests.providers.aws.helpers import LONG, describe, failed, fetch, provider, ref
from tests.servers.aws import AwsAccount
from tests.servers.faults import FaultProxy, aws_error, html, respond
from tests.support.canary import CanaryFactory, find_leaks
from tests.support.limits import HANG

pytestmark = pytest.mark.usefixtures("way")
MakeProxy = Callable[[str], FaultProxy]


def client_error(
    code: str, message: str = "", status: int = 400, operation: str = "GetSecretValue", pause: str = ""
) -> AwsRequestError:
    """Return the error for an answer of AWS."""
    metadata: Any = {"HTTPStatusCode": status, "HTTPHeaders": {"retry-after": pause}}
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return AwsRequestError.of(ClientError(response, operation), operation)


@pytest.fixture
def proxy(aws: AwsAccount, fault_proxy: MakeProxy) -> FaultProxy:
    """Return a proxy before the account, which counts requests."""
    return fault_proxy(aws.url)


@pytest.fixture(params=["ministack", "moto"])
def account(request: pytest.FixtureRequest) -> AwsAccount:
    """Return an account on either server: they write the same refusals in different ways."""
    found: AwsAccount = request.getfixturevalue("aws" if request.param == "ministack" else "aws_moto")
    return found


def test_missing(account: AwsAccount, fault_proxy: MakeProxy) -> None:
    """What is not there is missing, after one request."""
    proxy = fault_proxy(account.url)
    [outcome] = fetch(provider(account, url=proxy.url), account.name("nothing"))
    assert isinstance(outcome, Missing)
    assert proxy.requests.count() == 1


def test_scheduled_for_deletion(account: AwsAccount, fault_proxy: MakeProxy, canary: CanaryFactory) -> None:
    """A secret that will be deleted is unusable, said to be recoverable, and asked once; metadata say the same."""
    account.create("doomed", canary())
    account.delete("doomed")
    proxy = fault_proxy(account.url)
    of = provider(account, url=proxy.url)
    outcome = failed(fetch(of, account.name("doomed"))[0])
    assert proxy.requests.count() == 1
    assert outcome.kind is ProblemKind.UNUSABLE
    assert "scheduled for deletion" in outcome.cause
    assert "recoverable" in outcome.cause
    assert failed(describe(of, account.name("doomed"))[0]) == outcome


def test_a_version_that_never_was(aws: AwsAccount, canary: CanaryFactory) -> None:
    """A secret without the version or the stage asked for is unusable, by its metadata too: no default applies."""
    aws.create("app", canary())
    of = provider(aws)
    for asked, words in ((ref("app", version="0" * 36), "0" * 36), (ref("app", stage="NOSUCH"), "NOSUCH")):
        for outcome in (fetch(of, asked)[0], describe(of, asked)[0]):
            assert failed(outcome).kind is ProblemKind.UNUSABLE
            assert words in failed(outcome).cause


def test_no_current_version(aws_moto: AwsAccount) -> None:
    """A secret without a version AWSCURRENT is unusable, and not missing."""
    aws_moto.valueless("valueless")
    outcome = failed(fetch(provider(aws_moto), aws_moto.name("valueless"))[0])
    assert outcome.kind is ProblemKind.UNUSABLE
    assert "AWSCURRENT" in outcome.cause


def test_denied(aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory) -> None:
    """Who may not read is told who they are and which right is missing, after one request."""
    aws.create("app", canary())
    who = aws.metadata_only()
    outcome = failed(fetch(provider(aws, who, url=proxy.url), "app")[0])
    assert outcome.kind is ProblemKind.DENIED
    assert "AccessDeniedException" in outcome.cause
    assert who.arn in outcome.cause
    assert "secretsmanager:GetSecretValue" in outcome.cause
    assert proxy.requests.count() == 1


_EARLY, _LATE = "20261124T080000Z", "20261124T081500Z"


@pytest.mark.parametrize(
    ("code", "message", "kind", "words"),
    [
        ("DecryptionFailure", "Secrets Manager can't decrypt it", ProblemKind.UNUSABLE, ["KMS key", "kms:Decrypt"]),
        ("AccessDeniedException", "Access to KMS is not allowed", ProblemKind.DENIED, ["kms:Decrypt"]),
        ("AccessDeniedException", "", ProblemKind.DENIED, ["secretsmanager:GetSecretValue"]),
        (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            ProblemKind.DENIED,
            ["expired"],
        ),
        ("ExpiredToken", "", ProblemKind.DENIED, ["expired", "sign in"]),
        (
            "InvalidSignatureException",
            f"Signature expired: {_EARLY} is now earlier than 20261124T081000Z ({_LATE} - 5 min.)",
            ProblemKind.DENIED,
            ["clock", _EARLY, _LATE],
        ),
        (
            "InvalidSignatureException",
            f"Signature not yet current: {_LATE} is still later than 20261124T080500Z ({_EARLY} + 5 min.)",
            ProblemKind.DENIED,
            ["clock", _LATE, _EARLY],
        ),
        ("RequestTimeTooSkewed", "", ProblemKind.DENIED, ["clock"]),
        ("InvalidSignatureException", "The request signature we calculated", ProblemKind.DENIED, ["secret access key"]),
        ("SignatureDoesNotMatch", "", ProblemKind.DENIED, ["secret access key"]),
        ("UnrecognizedClientException", "The security token is invalid", ProblemKind.DENIED, ["does not know"]),
        ("InvalidClientTokenId", "", ProblemKind.DENIED, ["does not know"]),
        ("InvalidRequestException", "You can't do that", ProblemKind.UNUSABLE, ["InvalidRequestException"]),
        ("InvalidParameterException", "", ProblemKind.UNUSABLE, ["InvalidParameterException"]),
        ("SomethingNewException", "", ProblemKind.UNAVAILABLE, ["GetSecretValue", "SomethingNewException"]),
    ],
)
def test_permanent(code: str, message: str, kind: ProblemKind, words: list[str]) -> None:
    """An error that no retry fixes has its own kind and words, and is not retryable."""
    error = client_error(code, message)
    assert not error.is_retryable
    outcome = failed(outcome_of(error, ref("app")))
    assert outcome.kind is kind
    for word in words:
        assert word in f"{outcome.cause}; {outcome.hint}"


@pytest.mark.parametrize(
    ("error", "is_retryable"),
    [
        (client_error("ThrottlingException"), True),
        (client_error("ThrottlingException", operation="BatchGetSecretValue"), True),
        (client_error("SlowDown", status=503, operation="BatchGetSecretValue"), True),
        (client_error("InternalServiceError", status=500), True),
        (client_error("InternalServiceError", status=500, operation="BatchGetSecretValue"), True),
        (client_error("", status=429), True),
        (client_error("", status=502), True),
        (client_error("AccessDeniedException"), False),
        (client_error("", status=403), False),
        (AwsRequestError.of(ConnectTimeoutError(endpoint_url="https://x.test"), "GetSecretValue"), True),
        (AwsRequestError.of(ReadTimeoutError(endpoint_url="https://x.test"), "GetSecretValue"), True),
        (AwsRequestError.of(SSLError(endpoint_url="https://x.test", error=OSError("x")), "GetSecretValue"), False),
        (AwsRequestError.of(NoCredentialsError(), OPENING), False),
        (AwsRequestError.of(RuntimeError("the credentials are still expired"), OPENING), False),
        (AwsRequestError.of(ValueError("secret"), OPENING), False),
    ],
    ids=lambda value: value.code if isinstance(value, AwsRequestError) else None,
)
def test_retryable(error: AwsRequestError, *, is_retryable: bool) -> None:
    """Throttling, failures of the service and lost connections are retryable."""
    assert error.is_retryable is is_retryable


def test_missing_has_one_code_for_three_meanings() -> None:
    """ResourceNotFoundException means a missing secret, unless its message names a version or a stage."""
    assert isinstance(outcome_of(client_error("ResourceNotFoundException"), ref("app")), Missing)
    message = "Secrets Manager can't find the specified secret value for staging label: X"
    outcome = failed(outcome_of(client_error("ResourceNotFoundException", message), ref("app", stage="X")))
    assert outcome.kind is ProblemKind.UNUSABLE


def test_the_error_keeps_the_pause_and_the_host() -> None:
    """Retry-After becomes the pause, and the host of a connection error is in the hint."""
    assert client_error("ThrottlingException", pause="7").retry_after == 7.0
    error = AwsRequestError.of(EndpointConnectionError(endpoint_url="https://u:p@host.test:8443/x"), "GetSecretValue")
    assert failed(error.outcome).hint == "is there a way to host.test:8443 from here?"


def test_a_permanent_error_is_not_retried(aws: AwsAccount, proxy: FaultProxy) -> None:
    """A real server gets one request only."""
    proxy.fail(aws_error("ExpiredTokenException", 400, ""))
    assert failed(fetch(provider(aws, url=proxy.url), "app")[0]).kind is ProblemKind.DENIED
    assert proxy.requests.count() == 1


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"])
def test_permanent_for_a_batch(aws: AwsAccount, proxy: FaultProxy, code: str) -> None:
    """Where nobody knows us, single reads are not tried after a batch."""
    proxy.fail(aws_error(code))
    outcomes = fetch(provider(aws, url=proxy.url), *(f"app-{number}" for number in range(20)))
    assert {failed(outcome).kind for outcome in outcomes} == {ProblemKind.DENIED}
    assert proxy.requests.count() == 1


def test_keys_that_are_wrong(aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory) -> None:
    """A secret access key that is not the access key's is denied, with one request."""
    aws.create("app", canary())
    who = aws.principal()
    of = provider(aws, who, url=proxy.url, environ={"AWS_SECRET_ACCESS_KEY": canary()})
    outcome = failed(fetch(of, "app")[0])
    assert outcome.kind is ProblemKind.DENIED
    assert proxy.requests.count() == 1
    assert not find_leaks(repr(outcome))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(aws_error("ThrottlingException"), id="throttled"),
        pytest.param(aws_error("TooManyRequestsException", 429), id="429"),
        pytest.param(aws_error("InternalServiceError", 500), id="internal error"),
        pytest.param(respond(502), id="502"),
        pytest.param(html(503), id="503"),
    ],
)
def test_temporary(aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory, fault: object) -> None:
    """What a retry fixes is tried again; if it goes on, it is unavailable at the deadline."""
    value = canary()
    aws.create("app", value)
    of = provider(aws, url=proxy.url)
    proxy.fail(fault, times=2)  # type: ignore[arg-type]
    assert not isinstance(fetch(of, "app")[0], Missing)
    assert proxy.requests.count() == 3
    assert of.requests.by_operation() == {"GetSecretValue": 3}
    proxy.requests.clear()
    proxy.fail(fault)  # type: ignore[arg-type]
    assert failed(fetch(of, "app", seconds=2)[0]).kind is ProblemKind.UNAVAILABLE
    assert proxy.requests.count() > 3


def test_who_we_are_is_asked_once(aws: AwsAccount, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """`doctor` shows the state as it is now."""
    monkeypatch.setattr("secretsync.providers.remote._IDENTITY_TIME", float(HANG))  # the SDK may load for long
    proxy.fail(aws_error("ThrottlingException"))
    with pytest.raises(ResolutionError):
        provider(aws, url=proxy.url).identity()
    assert proxy.requests.count() == 1


def test_an_unknown_host_is_asked_once(aws: AwsAccount) -> None:
    """A host that does not exist ends it long before the deadline."""
    of = provider(aws, url="https://secretsmanager.invalid")
    with unittest.mock.patch("socket.getaddrinfo", side_effect=socket.gaierror(socket.EAI_NONAME, "unknown")):
        outcome = failed(fetch(of, "app")[0])
    assert outcome.kind is ProblemKind.UNAVAILABLE
    assert of.requests.total == 1


def test_retry_after(aws: AwsAccount, proxy: FaultProxy) -> None:
    """A pause that the store asks for and that is longer than the deadline ends the tries at once."""
    body = json.dumps({"__type": "TooManyRequestsException"}).encode()
    proxy.fail(respond(429, body, {"Retry-After": "60"}))
    assert failed(fetch(provider(aws, url=proxy.url), "app", seconds=50)[0]).kind is ProblemKind.UNAVAILABLE
    assert proxy.requests.count() == 1


def test_a_page_of_a_proxy(aws: AwsAccount, proxy: FaultProxy) -> None:
    """404 without AWS's code is no missing secret."""
    proxy.fail(html(404))
    assert failed(fetch(provider(aws, url=proxy.url), "app")[0]).kind is ProblemKind.UNAVAILABLE


@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_no_text_of_an_answer_is_shown(aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory, status: int) -> None:
    """Whatever is in an answer, its code included, a value in it is not repeated."""
    for body in (
        {"__type": canary(), "message": canary()},
        {"__type": "AccessDeniedException", "message": f"User: {canary()} is not authorized to perform: {canary()}"},
        {"SecretString": canary(), "Name": canary()},
        {"Errors": [{"SecretId": "app", "ErrorCode": canary(), "Message": canary()}]},
    ):
        proxy.heal()
        proxy.fail(respond(status, json.dumps(body).encode(), {"x-amzn-RequestId": canary()}))
        names = ("app", *(f"app-{number}" for number in range(5)))
        outcomes = fetch(provider(aws, url=proxy.url), *names, seconds=1.0 if status == 500 else LONG)
        described = describe(provider(aws, url=proxy.url), "app", seconds=1.0 if status == 500 else LONG)
        assert not find_leaks(f"{outcomes} {described}")
