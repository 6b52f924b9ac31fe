"""Writes of parameters: what a new version keeps, races, and a request that is never sent twice."""

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Found, Missing, Selector
from secretsync.core.secret import Secret
from secretsync.providers.interface import Deadline
from secretsync.providers.ssm.provider import SsmProvider
from secretsync.providers.writing import Written
from secretsync.resolving.requests.write import FieldChange, no_answer, write
from tests.providers.ssm.helpers import failed, fetch, provider, put, ref, value_of
from tests.servers.aws import AwsAccount
from tests.servers.faults import aws_error, reset
from tests.servers.parameters import ParameterProxy
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG


def _write(of: SsmProvider, path: str, value: str) -> Found[Written] | Missing | Failed:
    change = FieldChange([(Selector(), Secret(value))])
    return write(of, ref(path), change, Deadline(HANG)) or no_answer()


def _metadata(aws: AwsAccount, name: str) -> dict[str, object]:
    filters = [{"Key": "Name", "Values": [name]}]
    found: dict[str, object] = aws.client("ssm").describe_parameters(ParameterFilters=filters)["Parameters"][0]
    return found


@pytest.mark.parametrize("transport", ["auto", "sdk"])
def test_a_new_parameter_is_encrypted(aws: AwsAccount, canary: CanaryFactory, transport: str) -> None:
    """Create a SecureString."""
    value = canary()
    written = _write(provider(aws, transport=transport), "/new", value)
    assert isinstance(written, Found)
    assert (written.value.is_new, written.value.after) == (True, "1")
    assert _metadata(aws, "/new")["Type"] == "SecureString"
    assert value_of(fetch(provider(aws), "/new")[0]) == value


@pytest.mark.parametrize("kind", ["String", "SecureString"])
def test_a_new_version_keeps_the_rest(aws: AwsAccount, canary: CanaryFactory, kind: str) -> None:
    """Keep type, key, tier, description and pattern."""
    key = {"KeyId": "alias/own"} if kind == "SecureString" else {}
    put(aws, "/kept", canary(), kind, Tier="Advanced", Description="of app", AllowedPattern=".*", **key)
    before = _metadata(aws, "/kept")
    written = _write(provider(aws), "/kept", canary())
    assert isinstance(written, Found)
    assert (written.value.before, written.value.after, written.value.race) == ("1", "2", None)
    changed = {"Version", "LastModifiedDate"}
    after = _metadata(aws, "/kept")
    assert {name: after[name] for name in after if name not in changed} == {
        name: before[name] for name in before if name not in changed
    }


@pytest.mark.parametrize("transport", ["auto", "sdk"])
@pytest.mark.parametrize("fault", [reset(asked=True), aws_error("InternalServerError", 500)])
def test_a_lost_answer_is_not_asked_again(
    aws: AwsAccount, proxy: ParameterProxy, canary: CanaryFactory, transport: str, fault: object
) -> None:
    """Send the request that stores a value once, whatever happens to its answer."""
    put(aws, "/once", canary())
    of = provider(aws, url=proxy.url, transport=transport)
    fetch(of, "/once")  # so that there is a kept connection
    proxy.fail(fault, "PutParameter")  # type: ignore[arg-type]
    assert failed(_write(of, "/once", canary())).kind is ProblemKind.UNAVAILABLE
    assert proxy.requests.count("PutParameter") == 1


def test_an_arn_that_does_not_exist(aws: AwsAccount, canary: CanaryFactory) -> None:
    """Refuse to create a parameter by an ARN."""
    account = aws.client("sts").get_caller_identity()["Account"]
    outcome = failed(_write(provider(aws), f"arn:aws:ssm:eu-west-1:{account}:parameter/none", canary()))
    assert "without an ARN" in str(outcome.hint)
