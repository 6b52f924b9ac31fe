"""Values from AWS Secrets Manager: which requests they take, and what is believed of the answers."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Found, Missing
from secretsync.providers.aws.provider import AwsProvider
from tests.providers.aws.helpers import failed, fetch, provider, ref, value_of
from tests.servers.aws import AwsAccount
from tests.servers.faults import FaultProxy, aws_error, respond
from tests.support.canary import CanaryFactory

pytestmark = pytest.mark.usefixtures("way")
MakeProxy = Callable[[str], FaultProxy]


@pytest.fixture
def proxy(aws: AwsAccount, fault_proxy: MakeProxy) -> FaultProxy:
    """Return a proxy before the account, which counts requests."""
    return fault_proxy(aws.url)


def test_one_secret_by_name_and_by_arn(aws: AwsAccount, canary: CanaryFactory) -> None:
    """A name, an ARN, and an ARN without the characters that AWS puts at its end, are all the same secret."""
    value = canary()
    arn = aws.create("prod/app", value)
    for path in ("prod/app", arn, arn[:-7]):
        assert value_of(fetch(provider(aws), path)[0]) == value


def test_version_and_date_come_with_the_value(aws: AwsAccount, canary: CanaryFactory) -> None:
    """A payload says which version it is and when that was made, in UTC."""
    aws.create("app", canary())
    version = aws.put("app", canary())
    [outcome] = fetch(provider(aws), "app")
    assert isinstance(outcome, Found)
    assert outcome.value.version == version
    assert outcome.value.created is not None
    assert outcome.value.created.tzinfo is UTC
    assert abs((datetime.now(UTC) - outcome.value.created).total_seconds()) < 3600


def test_stages_and_versions(aws: AwsAccount, canary: CanaryFactory) -> None:
    """A pinned version or stage is that one."""
    values = [canary(), canary(), canary()]
    aws.create("app", values[0])
    version = aws.put("app", values[1])
    aws.pending("app", values[2])
    outcomes = fetch(
        provider(aws),
        ref("app", stage="AWSPREVIOUS"),
        ref("app", version=version),
        ref("app", stage="AWSPENDING"),
        "app",
    )
    assert [value_of(outcome) for outcome in outcomes] == [values[0], values[1], values[2], values[1]]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_few_are_read_singly(aws: AwsAccount, proxy: FaultProxy, count: int) -> None:
    """A handful takes a request each, and no right to batches."""
    aws.create_many(f"few-{number}" for number in range(count))
    fetch(provider(aws, url=proxy.url), *(f"few-{number}" for number in range(count)))
    assert proxy.requests.operations == {"GetSecretValue": count}


@pytest.mark.parametrize(("count", "batches"), [(5, 1), (20, 1), (41, 2), (100, 5)])
def test_many_are_read_by_twenty(aws: AwsAccount, proxy: FaultProxy, count: int, batches: int) -> None:
    """Batches are full, side by side, and a last one of a single secret is a single read."""
    names = [f"many-{number}" for number in range(count)]
    aws.create_many(names)
    of = provider(aws, url=proxy.url)
    outcomes = fetch(of, *names)
    assert [value_of(outcome) for outcome in outcomes] == [f"value-of-{name}" for name in names]
    assert proxy.requests.operations["BatchGetSecretValue"] == batches
    assert proxy.requests.count() == -(-count // 20)
    assert of.requests.by_operation() == proxy.requests.operations


def test_pinned_ones_beside_batches(aws: AwsAccount, proxy: FaultProxy) -> None:
    """What is pinned is read by itself; the rest goes in a batch."""
    names = [f"mixed-{number}" for number in range(10)]
    aws.create_many(names)
    version = aws.put("mixed-0", "new")
    outcomes = fetch(
        provider(aws, url=proxy.url), *names, ref("mixed-0", stage="AWSPREVIOUS"), ref("mixed-0", version=version)
    )
    assert [value_of(outcome) for outcome in outcomes[-2:]] == ["value-of-mixed-0", "new"]
    assert proxy.requests.operations == {"BatchGetSecretValue": 1, "GetSecretValue": 2}


def test_errors_of_a_batch_are_kept_apart(aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory) -> None:
    """In one batch: found, missing, scheduled for deletion and denied, each answered for itself."""
    values = {f"apart/ok-{number}": canary() for number in range(5)}
    for name, value in values.items():
        aws.create(name, value)
    aws.create("apart/deleted", canary())
    aws.delete("apart/deleted")
    aws.create("elsewhere", canary())
    who = aws.principal(resource="arn:aws:secretsmanager:*:*:secret:apart/*")
    outcomes = fetch(provider(aws, who, url=proxy.url), *values, "apart/missing", "apart/deleted", "elsewhere")
    assert [value_of(outcome) for outcome in outcomes[:5]] == list(values.values())
    assert isinstance(outcomes[5], Missing)
    assert "scheduled for deletion" in failed(outcomes[6]).cause
    assert failed(outcomes[6]).kind is ProblemKind.UNUSABLE
    assert failed(outcomes[7]).kind is ProblemKind.DENIED
    assert proxy.requests.operations == {"BatchGetSecretValue": 1}


def test_without_the_right_to_batches(aws: AwsAccount, proxy: FaultProxy, caplog: pytest.LogCaptureFixture) -> None:
    """100 secrets are read one by one, with one warning, and the provider remembers."""
    names = [f"single-{number}" for number in range(100)]
    aws.create_many(names)
    of = provider(aws, aws.no_batch(), url=proxy.url)
    with caplog.at_level(logging.WARNING):
        outcomes = fetch(of, *names)
    assert [value_of(outcome) for outcome in outcomes] == [f"value-of-{name}" for name in names]
    assert proxy.requests.operations == {"BatchGetSecretValue": 5, "GetSecretValue": 100}
    assert len(caplog.records) == 1
    assert "secretsmanager:BatchGetSecretValue" in caplog.text
    proxy.requests.clear()
    fetch(of, *names[:30])
    assert proxy.requests.operations == {"GetSecretValue": 30}
    assert len(caplog.records) == 1


def test_batches_throttled(aws: AwsAccount, proxy: FaultProxy, caplog: pytest.LogCaptureFixture) -> None:
    """A batch that is throttled is not tried again: its secrets are read one by one."""
    names = [f"throttled-{number}" for number in range(40)]
    aws.create_many(names)
    proxy.fail(aws_error("ThrottlingException"), "BatchGetSecretValue")
    outcomes = fetch(provider(aws, url=proxy.url), *names)
    assert [value_of(outcome) for outcome in outcomes] == [f"value-of-{name}" for name in names]
    assert proxy.requests.operations == {"BatchGetSecretValue": 2, "GetSecretValue": 40}
    assert len(caplog.records) == 1


def test_a_batch_that_one_id_spoils(aws: AwsAccount, proxy: FaultProxy, caplog: pytest.LogCaptureFixture) -> None:
    """Where a batch fails as a whole, its secrets are read one by one; the next time batches are tried again."""
    names = [f"spoiled-{number}" for number in range(6)]
    aws.create_many(names)
    proxy.fail(aws_error("InvalidParameterException"), "BatchGetSecretValue", times=1)
    of = provider(aws, url=proxy.url)
    assert all(isinstance(outcome, Found) for outcome in fetch(of, *names))
    assert all(isinstance(outcome, Found) for outcome in fetch(of, *names))
    assert proxy.requests.operations == {"BatchGetSecretValue": 2, "GetSecretValue": 6}
    assert not caplog.records


def test_what_a_batch_leaves_out(aws: AwsAccount, proxy: FaultProxy) -> None:
    """An id of which a batch says nothing, or that was throttled in it, is read by itself."""
    names = [f"left-{number}" for number in range(6)]
    aws.create_many(names)
    told = {"SecretId": names[0], "ErrorCode": "ThrottlingException", "Message": "slow down"}
    document = json.dumps({"SecretValues": [], "Errors": [told], "NextToken": "more"}).encode()
    proxy.fail(respond(200, document), "BatchGetSecretValue")
    assert all(isinstance(outcome, Found) for outcome in fetch(provider(aws, url=proxy.url), *names))
    assert proxy.requests.operations == {"BatchGetSecretValue": 1, "GetSecretValue": 6}


def test_connections_are_kept(aws: AwsAccount, proxy: FaultProxy) -> None:
    """A second round of reads needs no new connection, and never are there more than workers."""
    names = [f"kept-{number}" for number in range(60)]
    aws.create_many(names)
    of = provider(aws, aws.no_batch(), url=proxy.url)
    fetch(of, *names)
    workers = of._client.get().workers
    connections = proxy.requests.connections
    assert connections <= workers
    assert proxy.requests.peak <= workers
    fetch(of, *names)
    assert proxy.requests.connections <= workers


def _answer(**members: object) -> bytes:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf"
    return json.dumps(
        {"ARN": arn, "Name": "app", "VersionId": "1" * 36, "VersionStages": ["AWSCURRENT"], **members}
    ).encode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"text"', id="a string"),
        pytest.param(b"{}", id="an empty object"),
        pytest.param(b"<html>Welcome</html>", id="a page"),
        pytest.param(_answer(SecretString="x")[:-3], id="cut"),
        pytest.param(_answer(), id="no value"),
        pytest.param(_answer(SecretString=None), id="null as a value"),
        pytest.param(_answer(SecretString=5), id="a number as a value"),
        pytest.param(_answer(SecretString={"a": "b"}), id="an object as a value"),
        pytest.param(_answer(SecretBinary="!"), id="a value that is no base64"),
        pytest.param(_answer(SecretString="x", Name="other"), id="another name"),
        pytest.param(_answer(SecretString="x", Name=None), id="no name"),
        pytest.param(_answer(SecretString="x", CreatedDate="never"), id="a date that is none"),
        pytest.param(b"\xff\xfe{", id="not UTF-8"),
    ],
)
def test_an_answer_that_is_none(aws: AwsAccount, proxy: FaultProxy, body: bytes) -> None:
    """Success without a value of the secret that was asked for is a failure, at once, and no empty value."""
    proxy.fail(respond(200, body, {"Content-Type": "application/x-amz-json-1.1"}))
    outcome = failed(fetch(provider(aws, url=proxy.url), "app")[0])
    assert outcome.kind is ProblemKind.UNAVAILABLE
    assert proxy.requests.count() == 1


@pytest.mark.parametrize(
    ("asked", "members"),
    [
        (ref("app", version="2" * 36), {}),
        (ref("app", stage="AWSPREVIOUS"), {}),
        (ref("arn:aws:secretsmanager:eu-west-1:123456789012:secret:ap"), {}),
        (ref("arn:aws:secretsmanager:eu-west-1:210987654321:secret:app"), {}),
    ],
)
def test_an_answer_about_another(aws: AwsAccount, proxy: FaultProxy, asked: object, members: dict[str, str]) -> None:
    """Another version, stage, secret or account than was asked for is not believed."""
    proxy.fail(respond(200, _answer(SecretString="x", **members)))
    assert "about another" in failed(fetch(provider(aws, url=proxy.url), asked)[0]).cause  # type: ignore[arg-type]


def test_a_secret_without_a_value(aws: AwsAccount, aws_moto: AwsAccount) -> None:
    """A secret that was made without a value has failed, whichever way the server says it."""
    for account in (aws, aws_moto):
        account.valueless("valueless")
        failed(fetch(provider(account), account.name("valueless"))[0])


@pytest.mark.parametrize(
    "path",
    [
        "app",
        "prod/app",
        "a.b_c+d=e@f-g",
        "rds!cluster-1",
        "arn:aws-cn:secretsmanager:cn-north-1:1234:secret:a/b-AbCdEf",
    ],
)
def test_paths(path: str) -> None:
    """Names and ARNs as AWS has them."""
    assert AwsProvider.spec.check_path(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a b",
        "a\n",
        "a*",
        "a?b",
        "é",
        "x" * 513,
        "arn:aws:s3:::bucket",
        "arn:aws:secretsmanager:eu-west-1:1:secret:",
    ],
)
def test_paths_that_are_none(path: str) -> None:
    """What AWS would not take is refused before it is asked."""
    assert AwsProvider.spec.check_path(path) is not None
