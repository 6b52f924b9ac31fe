"""Read through a session of boto3 that the application made."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Missing
from secretsync.providers import AwsProvider
from tests.providers.aws.helpers import describe, failed, fetch, info_of, provider, ref, value_of
from tests.servers.aws import AwsAccount
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject

KEYS: dict[str, Any] = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


@pytest.fixture
def session() -> Iterator[boto3.Session]:
    """Yield a session inside moto, whose requests do not leave the process."""
    with mock_aws():
        yield boto3.Session(**KEYS, region_name="eu-west-1")


def test_values_and_ages(session: boto3.Session, canary: CanaryFactory) -> None:
    """Read values, versions and dates in batches and one by one, in the region of the session and of an ARN."""
    client = session.client("secretsmanager")
    values = {f"prod/{number}": canary() for number in range(25)}
    for name, value in values.items():
        client.create_secret(Name=name, SecretString=value)
    elsewhere = canary()
    other = session.client("secretsmanager", region_name="us-east-2")
    arn = other.create_secret(Name="elsewhere", SecretString=elsewhere)["ARN"]
    of = AwsProvider.from_session(session)
    *found, missing = fetch(of, *values, arn, "nothing")
    assert [value_of(one) for one in found] == [*values.values(), elsewhere]
    assert isinstance(missing, Missing)
    assert of.requests.by_operation()["BatchGetSecretValue"] == 2
    assert value_of(fetch(of, ref("prod/0", stage="AWSCURRENT"))[0]) == values["prod/0"]
    assert info_of(describe(of, "prod/0")[0]).created is not None
    identity = of.identity()
    assert identity.endpoint == "https://secretsmanager.eu-west-1.amazonaws.com"
    assert f"{identity.principal}".startswith("arn:aws:sts::123456789012:")


def test_a_session_in_a_resolution(session: boto3.Session, canary: CanaryFactory, project: MakeProject) -> None:
    """Resolve a configuration, without a variable and without a setting of the store."""
    from secretsync import resolve_config

    value = canary()
    session.client("secretsmanager").create_secret(Name="prod/app", SecretString=f'{{"password": "{value}"}}')
    made = project({"env/production/security.env": "DB_PASSWORD=$<aws:prod/app#password>\n"})
    config = resolve_config("production", root=made.root, stores={"aws": AwsProvider.from_session(session)})
    assert config["DB_PASSWORD"] == value


class _Counting(boto3.Session):
    """A session of an application, which makes its own clients."""

    made: list[str]

    def client(self, service_name: Any, *arguments: Any, **options: Any) -> Any:
        """Count the clients."""
        self.made = [*getattr(self, "made", []), service_name]
        return super().client(service_name, *arguments, **options)


def test_the_clients_of_the_session(aws: AwsAccount, canary: CanaryFactory) -> None:
    """Read through clients that the session makes, and not through variables or another session."""
    value = canary()
    aws.create("app", value)
    variables = aws.environ()
    session = _Counting(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], region_name="eu-west-1")
    sent: list[str] = []
    session.events.register("before-send.secrets-manager", lambda request, **_: sent.append(request.url))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", aws.url)
        of = AwsProvider.from_session(session)
        assert value_of(fetch(of, "app")[0]) == value
    assert session.made == ["secretsmanager"]
    assert sent == [f"{aws.url}/"]
    assert value_of(fetch(provider(aws), "app")[0]) == value
    assert len(sent) == 1
    of.close()


def test_a_session_without_credentials(canary: CanaryFactory) -> None:
    """Return denied if the session does not find credentials, and send nothing."""
    of = AwsProvider.from_session(boto3.Session(region_name="eu-west-1"), store="mine")
    outcome = failed(fetch(of, "app")[0])
    assert outcome.kind is ProblemKind.DENIED
    assert of.requests.total == 0


def test_a_session_without_a_region() -> None:
    """Return a mistake in the configuration if neither the session nor an ARN has a region."""
    of = AwsProvider.from_session(boto3.Session(**KEYS))
    assert failed(fetch(of, "app")[0]).kind is ProblemKind.CONFIGURATION
