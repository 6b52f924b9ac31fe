"""Metadata of parameters: dates, versions, deletion, and no request for a value."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Clock, Failed, Found, Missing
from secretsync.providers.ssm.describe import secret_info
from tests.providers.ssm.helpers import describe, failed, info_of, provider, put, ref
from tests.servers.aws import REGION, AwsAccount
from tests.servers.ministack import Ministack
from tests.servers.parameters import METADATA_ACTIONS, ParameterProxy
from tests.support.canary import CanaryFactory

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
RECORD = {"Name": "/app", "Version": 3, "LastModifiedDate": NOW.timestamp()}


@pytest.mark.parametrize("transport", ["auto", "sdk"])
def test_the_date_of_the_newest_version(
    aws_clock: AwsAccount, ministack_clock: Ministack, canary: CanaryFactory, transport: str
) -> None:
    """Count the age from the last value. A user who may read no value sees it, by name and by ARN."""
    with ministack_clock.at(90 * 86400):
        put(aws_clock, "/app", canary())
    with ministack_clock.at(30 * 86400):
        put(aws_clock, "/app", canary())
    aws_clock.client("ssm").label_parameter_version(Name="/app", Labels=["live"])
    user = aws_clock.principal(METADATA_ACTIONS, service="ssm")
    account = aws_clock.client("sts").get_caller_identity()["Account"]
    arn = f"arn:aws:ssm:{REGION}:{account}:parameter/app"
    for info in map(info_of, describe(provider(aws_clock, user, transport=transport), "/app", arn)):
        assert info.created is not None
        assert timedelta(days=29) < datetime.now(UTC) - info.created < timedelta(days=31)
        assert (info.version, info.clock) == ("2", Clock.VERSION_CREATED)


def test_many_parameters(aws: AwsAccount, proxy: ParameterProxy, canary: CanaryFactory) -> None:
    """Read the metadata of 60 parameters with few requests, none of which returns a value."""
    names = [f"/many/{number}" for number in range(60)]
    for name in names:
        put(aws, name, canary())
    found = describe(provider(aws, url=proxy.url), *names, "/gone")
    assert [info_of(one).version for one in found[:-1]] == ["1"] * 60
    assert isinstance(found[-1], Missing)
    assert proxy.requests.operations == {"DescribeParameters": 3}


def test_a_user_without_the_right(aws: AwsAccount) -> None:
    """Deny, with the statement that a policy needs."""
    user = aws.principal(("GetParameters",), service="ssm")
    outcome = failed(describe(provider(aws, user), "/app")[0])
    assert outcome.kind is ProblemKind.DENIED
    assert '"Action": "ssm:DescribeParameters", "Resource": "*"' in str(outcome.hint)


def test_an_older_version_has_no_date() -> None:
    """Give the newer version, and neither the date of another version nor a request for a value."""
    found = secret_info(ref("/app", version="2"), RECORD)
    assert isinstance(found, Found)
    assert (found.value.version, found.value.newer_version, found.value.created) == ("2", "3", None)
    assert found.value.notes
    label = secret_info(ref("/app", stage="live"), RECORD)
    assert isinstance(label, Found)
    assert (label.value.version, label.value.created) == (None, None)
    assert isinstance(secret_info(ref("/app", version="4"), RECORD), Failed)
    pinned = secret_info(ref("/app", version="3"), RECORD)
    assert isinstance(pinned, Found)
    assert pinned.value.created == NOW


@pytest.mark.parametrize(
    "record", [{}, {"Version": True}, RECORD | {"Version": "3"}, RECORD | {"LastModifiedDate": "x"}]
)
def test_a_record_without_facts(record: dict[str, object]) -> None:
    """Fail as unavailable, because an age must not be guessed."""
    assert failed(secret_info(ref("/app"), record)).kind is ProblemKind.UNAVAILABLE


def test_the_date_of_the_deletion() -> None:
    """Read the date at which a policy deletes the parameter. Other and damaged policies have none."""
    policy = {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2027-01-31T12:00:00.000Z"}}
    texts = ["{", "[]", json.dumps({"Type": "NoChangeNotification"}), json.dumps(policy)]
    found = secret_info(ref("/app"), RECORD | {"Policies": [{"PolicyText": text} for text in texts]})
    assert isinstance(found, Found)
    assert found.value.deletion == datetime(2027, 1, 31, 12, tzinfo=UTC)
