"""Values of Parameter Store: types, versions, labels, and requests for ten names."""

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Missing
from tests.providers.ssm.helpers import failed, fetch, provider, put, ref, value_of
from tests.servers.aws import REGION, AwsAccount
from tests.servers.parameters import READ_ACTIONS, ParameterProxy
from tests.support.canary import CanaryFactory


@pytest.mark.parametrize("kind", ["String", "SecureString"])
@pytest.mark.parametrize("name", ["plain", "/deep/er/name"])
def test_types_and_names(aws: AwsAccount, canary: CanaryFactory, kind: str, name: str) -> None:
    """Read text and decrypted text, by name and by ARN."""
    value = canary()
    put(aws, name, value, kind)
    account = aws.client("sts").get_caller_identity()["Account"]
    arn = f"arn:aws:ssm:{REGION}:{account}:parameter/{name.removeprefix('/')}"
    assert [value_of(one) for one in fetch(provider(aws), name, arn)] == [value, value]


def test_a_list_is_its_text(aws: AwsAccount, canary: CanaryFactory) -> None:
    """Read a StringList with its commas."""
    first, second = canary(), canary()
    put(aws, "/list", f"{first},{second}", "StringList")
    assert value_of(fetch(provider(aws), "/list")[0]) == f"{first},{second}"


def test_versions_and_labels(aws: AwsAccount, proxy: ParameterProxy, canary: CanaryFactory) -> None:
    """Read the newest version, a version by its number and one by its label, although AWS takes no name twice."""
    values = [canary() for _ in range(3)]
    for value in values:
        put(aws, "/app", value)
    aws.client("ssm").label_parameter_version(Name="/app", ParameterVersion=2, Labels=["live"])
    asked = [ref("/app"), ref("/app", version="1"), ref("/app", stage="live")]
    found = fetch(provider(aws, url=proxy.url), *asked)
    assert [value_of(one) for one in found] == [values[2], values[0], values[1]]


def test_a_version_that_is_not_there(aws: AwsAccount, proxy: ParameterProxy, canary: CanaryFactory) -> None:
    """Tell a missing parameter from a missing version and a missing label."""
    put(aws, "/app", canary())
    asked = [ref("/app", version="9"), ref("/app", stage="live"), ref("/gone", version="1"), ref("/gone")]
    version, label, *gone = fetch(provider(aws, url=proxy.url), *asked)
    assert "no version 9" in failed(version).cause
    assert "the label live" in failed(label).cause
    assert all(isinstance(one, Missing) for one in gone)
    assert proxy.requests.count("GetParameter") == 0


@pytest.mark.parametrize(
    ("version", "stage", "words"),
    [
        ("live", None, "is a number"),
        ("0", None, "is a number"),
        (None, "3", "begins with a letter"),
        ("1", "a", "both"),
    ],
)
def test_versions_and_labels_that_are_none(
    aws: AwsAccount, proxy: ParameterProxy, version: str | None, stage: str | None, words: str
) -> None:
    """Refuse a version that AWS would take for a label, and the other way round, without a request."""
    [outcome] = fetch(provider(aws, url=proxy.url), ref("/app", version=version, stage=stage))
    assert failed(outcome).kind is ProblemKind.UNUSABLE
    assert words in failed(outcome).cause
    assert proxy.requests.count() == 0


@pytest.mark.parametrize("transport", ["auto", "sdk"])
def test_ten_names_a_request(aws: AwsAccount, proxy: ParameterProxy, canary: CanaryFactory, transport: str) -> None:
    """Read 25 parameters with three requests."""
    names = {f"/many/{number}": canary() for number in range(25)}
    for name, value in names.items():
        put(aws, name, value)
    found = fetch(provider(aws, url=proxy.url, transport=transport), *names)
    assert [value_of(one) for one in found] == list(names.values())
    assert proxy.requests.operations == {"GetParameters": 3}


def test_one_refused_name(aws: AwsAccount, proxy: ParameterProxy, canary: CanaryFactory) -> None:
    """Find the other nine parameters of a request if AWS refuses it because of one right or one key."""
    names = {f"/some/{number}": canary() for number in range(10)}
    for name, value in names.items():
        put(aws, name, value)
    proxy.denied.add("/some/3")
    kms = "(Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException)"
    proxy.undecrypted["/some/5"] = (
        "AccessDeniedException",
        f"The ciphertext refers to a key that you may not use {kms}",
    )
    proxy.undecrypted["/some/6"] = ("InvalidKeyId", "key is disabled (Service: AWSKMS; Error Code: DisabledException)")
    found = dict(zip(names, fetch(provider(aws, url=proxy.url), *names), strict=True))
    denied, key, disabled = (failed(found.pop(f"/some/{number}")) for number in (3, 5, 6))
    assert {name: value_of(one) for name, one in found.items()} == {name: names[name] for name in found}
    assert denied.kind is ProblemKind.DENIED
    assert f'"Resource": "arn:aws:ssm:{REGION}:000000000000:parameter/some/3"' in str(denied.hint)
    assert (key.kind, "kms:Decrypt" in key.cause) == (ProblemKind.DENIED, True)
    assert disabled.kind is ProblemKind.UNUSABLE


def test_a_user_without_the_right(aws: AwsAccount, canary: CanaryFactory) -> None:
    """Deny, with the action that the policy needs, and read with that action alone."""
    value = canary()
    put(aws, "/app", value)
    user = aws.principal(("DescribeParameters",), service="ssm")
    outcome = failed(fetch(provider(aws, user), "/app")[0])
    assert outcome.kind is ProblemKind.DENIED
    assert "ssm:GetParameters" in outcome.cause
    reader = aws.principal([action for action in READ_ACTIONS if action.startswith("Get")], service="ssm")
    assert value_of(fetch(provider(aws, reader), "/app")[0]) == value
