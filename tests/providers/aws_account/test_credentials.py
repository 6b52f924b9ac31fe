"""Where the AWS provider finds credentials, region and endpoint: in the environment that it is given."""

import os
from collections.abc import Callable
from pathlib import Path

import botocore.session
import pytest
from botocore.exceptions import UnknownServiceError

from secretsync.core.errors import ProblemKind, ResolutionError
from secretsync.providers.aws.provider import AwsProvider
from secretsync.providers.aws_account.sdk.session import StoreSession
from secretsync.providers.interface import Deadline, StoreContext
from tests.providers.aws.helpers import LONG, failed, fetch, provider, ref, value_of
from tests.servers.aws import AwsAccount, ContainerCredentials
from tests.servers.faults import FaultProxy, reset, respond, running
from tests.servers.loopback import Fault
from tests.support.canary import CanaryFactory, find_leaks
from tests.support.tools import needs

MakeProxy = Callable[[str], FaultProxy]
NO_KEYS: dict[str, str | None] = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def test_keys_of_the_given_environment(aws: AwsAccount, canary: CanaryFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that the provider is given counts, and not that of the process."""
    value = canary()
    aws.create("app", value)
    for name in aws.environ():
        monkeypatch.setenv(name, "nonsense")
    assert value_of(fetch(provider(aws), "app")[0]) == value


def test_no_credentials(aws: AwsAccount, fault_proxy: MakeProxy) -> None:
    """Without credentials nothing is asked, and each reference is denied; with some it goes on."""
    proxy = fault_proxy(aws.url)
    outcomes = fetch(provider(aws, url=proxy.url, environ=NO_KEYS), "app", "other")
    for outcome in outcomes:
        assert failed(outcome).kind is ProblemKind.DENIED
        assert "no credentials" in failed(outcome).cause
    assert proxy.requests.count() == 0


def test_half_of_the_keys(aws: AwsAccount) -> None:
    """An access key without its secret is no credential."""
    outcome = failed(fetch(provider(aws, environ={"AWS_SECRET_ACCESS_KEY": None}), "app")[0])
    assert outcome.kind is ProblemKind.DENIED
    assert "not complete (PartialCredentialsError)" in outcome.cause


@pytest.mark.parametrize(
    "empty", [("AWS_REGION",), ("AWS_DEFAULT_REGION",), ("AWS_PROFILE", "AWS_CONFIG_FILE"), ("AWS_SESSION_TOKEN",)]
)
def test_an_empty_variable(aws: AwsAccount, canary: CanaryFactory, empty: tuple[str, ...]) -> None:
    """It counts as unset: a region of no letters has none of the secrets, and they are not missing."""
    value = canary()
    aws.create("app", value)
    assert value_of(fetch(provider(aws, environ=dict.fromkeys(empty, "")), "app")[0]) == value


def _profile(folder: Path, text: str) -> dict[str, str | None]:
    """Return the variables that make the profile `work` of a file with this text the one in use."""
    (folder / "config").write_text(text)
    return {**NO_KEYS, "AWS_CONFIG_FILE": str(folder / "config"), "AWS_PROFILE": "work"}


def test_a_profile_that_wants_a_code(aws: AwsAccount, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nobody is asked for a code: a prompt would outlive the deadline."""
    role = "role_arn = arn:aws:iam::123456789012:role/x\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n"
    keys = f"aws_access_key_id = {aws.root.access_key}\naws_secret_access_key = {aws.root.secret_key}\n"
    environ = _profile(tmp_path, f"[profile work]\n{role}source_profile = me\n[profile me]\n{keys}")
    outcome = failed(fetch(provider(aws, environ=environ), "app")[0])
    assert outcome.kind is ProblemKind.DENIED
    assert "wants a code of an MFA device" in outcome.cause
    assert capfd.readouterr() == ("", "")


def test_a_process_that_gives_no_credentials(aws: AwsAccount, canary: CanaryFactory, tmp_path: Path) -> None:
    """A `credential_process` that writes anything else: denied, and what it wrote is not shown."""
    for script in ("echo '{}'", "echo {} >&2; exit 3", 'echo \'{{"Version": 1, "SecretAccessKey": "{}"}}\''):
        (tmp_path / "process").write_text(f"#!/bin/sh\n{script.format(canary())}\n")
        environ = _profile(tmp_path, f"[profile work]\ncredential_process = /bin/sh {tmp_path}/process\n")
        outcome = failed(fetch(provider(aws, environ=environ), "app")[0])
        assert outcome.kind is ProblemKind.DENIED
        assert "credential_process of the profile work" in outcome.cause
        assert not find_leaks(repr(outcome))


def test_no_metadata_service(aws: AwsAccount, fault_proxy: MakeProxy) -> None:
    """No credentials and a metadata address that swallows everything do not stall past the deadline."""
    hole = fault_proxy(aws.url)
    hole.black_hole()
    environ: dict[str, str | None] = {
        **NO_KEYS,
        "AWS_EC2_METADATA_DISABLED": None,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": hole.url,
        "AWS_METADATA_SERVICE_TIMEOUT": "30",
    }
    os.environ.pop("AWS_EC2_METADATA_DISABLED", None)
    outcomes = fetch(provider(aws, environ=environ), "app", "other", seconds=0.5)
    assert {failed(outcome).kind for outcome in outcomes} == {ProblemKind.UNAVAILABLE}


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_region_of_the_environment(aws: AwsAccount, fault_proxy: MakeProxy, variable: str) -> None:
    """Either variable says the region; AWS_REGION wins."""
    proxy = fault_proxy(aws.url)
    environ: dict[str, str | None] = {"AWS_REGION": None, "AWS_DEFAULT_REGION": "eu-north-1", variable: "eu-south-2"}
    fetch(provider(aws, url=proxy.url, environ=environ), "app")
    assert _regions(proxy) == {"eu-south-2"}


def test_region_of_the_store(aws: AwsAccount, fault_proxy: MakeProxy) -> None:
    """The store's region wins over the environment's."""
    proxy = fault_proxy(aws.url)
    fetch(provider(aws, url=proxy.url, region="ap-south-1"), "app")
    assert _regions(proxy) == {"ap-south-1"}


def test_region_of_an_arn(aws: AwsAccount, fault_proxy: MakeProxy) -> None:
    """A secret is asked for in the region that its ARN names, beside those of the store's region."""
    proxy = fault_proxy(aws.url)
    arns = [f"arn:aws:secretsmanager:{region}:123456789012:secret:app" for region in ("us-east-1", "sa-east-1")]
    fetch(provider(aws, url=proxy.url), "app", *arns)
    assert _regions(proxy) == {"eu-west-1", "us-east-1", "sa-east-1"}


def test_an_arn_needs_no_other_region(aws: AwsAccount, canary: CanaryFactory) -> None:
    """With an ARN no region has to be set; a plain name without one is a mistake in the configuration."""
    value = canary()
    arn = aws.create("app", value)
    environ: dict[str, str | None] = {"AWS_REGION": None, "AWS_DEFAULT_REGION": None}
    found, name = fetch(provider(aws, environ=environ), arn, "app")
    assert value_of(found) == value
    assert failed(name).kind is ProblemKind.CONFIGURATION
    assert "AWS_REGION" in f"{failed(name).hint}"


def _regions(proxy: FaultProxy) -> set[str]:
    return {f"{request.headers['Authorization']}".split("/")[2] for request in proxy.requests.log}


def test_endpoint_of_the_store(aws: AwsAccount, fault_proxy: MakeProxy) -> None:
    """The store's endpoint wins over the environment's, for Secrets Manager alone."""
    proxy, other = fault_proxy(aws.url), fault_proxy(aws.url)
    of = provider(aws, url=other.url, endpoint_url=proxy.url)
    fetch(of, "app")
    assert (proxy.requests.count(), other.requests.count()) == (1, 0)
    identity = of.identity()
    assert identity.endpoint == proxy.url
    assert other.requests.operations == {"GetCallerIdentity": 1}


def test_endpoint_of_the_service(aws: AwsAccount, fault_proxy: MakeProxy) -> None:
    """The variable of the service wins over the one of all services."""
    proxy, other = fault_proxy(aws.url), fault_proxy(aws.url)
    fetch(provider(aws, url=other.url, environ={"AWS_ENDPOINT_URL_SECRETS_MANAGER": proxy.url}), "app")
    assert (proxy.requests.count(), other.requests.count()) == (1, 0)


def test_an_endpoint_that_is_none(aws: AwsAccount) -> None:
    """What is no URL is a mistake in the configuration."""
    assert failed(fetch(provider(aws, endpoint_url="nonsense"), "app")[0]).kind is ProblemKind.CONFIGURATION


@pytest.mark.parametrize(
    "url", ["http://secrets.example.com", "http://169.254.169.254", "http://localhost.example.com"]
)
def test_an_endpoint_in_the_clear(aws: AwsAccount, url: str) -> None:
    """Plain http leads to no other machine, whatever names it; nothing is asked."""
    for of in (
        provider(aws, endpoint_url=url),
        provider(aws, url=url),
        provider(aws, environ={"AWS_ENDPOINT_URL_STS": url}, role_arn=aws.role()),
    ):
        outcome = failed(fetch(of, "app")[0])
        assert outcome.kind is ProblemKind.CONFIGURATION
        assert "in the clear" in outcome.cause


@pytest.mark.blocked_network
def test_an_endpoint_in_the_clear_that_is_allowed(aws: AwsAccount) -> None:
    """The store's setting allows it; the guard of the tests is what stops it here."""
    of = provider(aws, url="http://secrets.example.com", plain_http=True)
    assert failed(fetch(of, "app", seconds=2)[0]).kind is ProblemKind.UNAVAILABLE


@pytest.mark.parametrize("service", ["secretsmanager", "signin", "sso", "sso-oidc", "sts"])
def test_services_of_the_credential_chain(aws: AwsAccount, service: str) -> None:
    """Every service that botocore may ask for credentials can be loaded, and no other."""
    needs(service in botocore.session.Session().get_available_services(), f"botocore with the service {service}")
    session = StoreSession(StoreContext(store="aws", environment="test", environ=aws.environ()), 4)
    assert session.create_client(service).meta.service_model.service_name == service
    with pytest.raises(UnknownServiceError):
        session.create_client("s3")


def test_profile(aws: AwsAccount, canary: CanaryFactory, tmp_path: Path) -> None:
    """A profile of the file that the given environment names, by the store's setting or by the variable."""
    value = canary()
    aws.create("app", value)
    who = aws.principal()
    (tmp_path / "config").write_text("[profile work]\nregion = eu-west-1\n")
    keys = f"aws_access_key_id = {who.access_key}\naws_secret_access_key = {who.secret_key}\n"
    (tmp_path / "credentials").write_text(f"[work]\n{keys}")
    files: dict[str, str | None] = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_REGION": None,
        "AWS_DEFAULT_REGION": None,
    }
    assert value_of(fetch(provider(aws, environ=files, profile="work"), "app")[0]) == value
    by_variable = provider(aws, environ={**files, **NO_KEYS, "AWS_PROFILE": "work"})
    assert value_of(fetch(by_variable, "app")[0]) == value
    assert by_variable.identity().principal == who.arn


def test_a_profile_that_is_not_there(aws: AwsAccount) -> None:
    """It is a mistake in the configuration."""
    assert failed(fetch(provider(aws, profile="nowhere"), "app")[0]).kind is ProblemKind.CONFIGURATION


def test_assumed_role(aws: AwsAccount, fault_proxy: MakeProxy, canary: CanaryFactory) -> None:
    """`role_arn` is assumed once, and its rights count."""
    value = canary()
    aws.create("app", value)
    user = aws.principal(())
    role = aws.role(user)
    proxy = fault_proxy(aws.url)
    of = provider(aws, user, url=proxy.url, role_arn=role)
    assert value_of(fetch(of, "app")[0]) == value
    fetch(of, "app", *(f"app-{number}" for number in range(40)))
    assert proxy.requests.operations["AssumeRole"] == 1
    assert f"{of.identity().principal}".startswith(role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/"))


def test_a_role_that_does_not_trust_us(aws: AwsAccount, canary: CanaryFactory) -> None:
    """Who may not assume the role is told so, and not that the secret may not be read."""
    aws.create("app", canary())
    role = aws.role(aws.principal())
    outcome = failed(fetch(provider(aws, aws.principal(), role_arn=role), "app")[0])
    assert outcome.kind is ProblemKind.DENIED
    assert "sts:AssumeRole" in outcome.cause


def test_pod(aws: AwsAccount, fault_proxy: MakeProxy, canary: CanaryFactory, tmp_path: Path) -> None:
    """The role of a pod on EKS: a token's file and a role in the given environment, asked for once."""
    value = canary()
    aws.create("app", value)
    proxy = fault_proxy(aws.url)
    of = AwsProvider(StoreContext(store="aws", environment="test", environ=aws.pod(tmp_path, url=proxy.url)))
    assert value_of(fetch(of, "app")[0]) == value
    fetch(of, *(f"app-{number}" for number in range(40)))
    assert proxy.requests.operations["AssumeRoleWithWebIdentity"] == 1


def test_pod_without_its_token(aws: AwsAccount, tmp_path: Path) -> None:
    """A token's file that is not there is no credential."""
    environ = {**aws.pod(tmp_path), "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "nothing")}
    of = AwsProvider(StoreContext(store="aws", environment="test", environ=environ))
    assert failed(fetch(of, "app")[0]).kind is ProblemKind.DENIED


def test_container(aws: AwsAccount, canary: CanaryFactory) -> None:
    """The role of a task on ECS; keys that run out in the middle are got again, once."""
    value = canary()
    aws.create("app", value)
    session = aws.assume(aws.role(), aws.principal(()))
    task = ContainerCredentials(session, lifetime=5)
    with running(task):
        of = AwsProvider(StoreContext(store="aws", environment="test", environ=task.environ(aws.url)))
        assert value_of(fetch(of, "app")[0]) == value
        task.lifetime = 3600
        task.requests.clear()
        fetch(of, *(f"app-{number}" for number in range(50)))
        assert task.requests.count() <= 1


def test_container_that_refuses(aws: AwsAccount, canary: CanaryFactory) -> None:
    """A credential endpoint that gives none is denied, and says nothing of what it answered."""
    task = ContainerCredentials(aws.root)
    with running(task):
        environ = {**task.environ(aws.url), "AWS_CONTAINER_AUTHORIZATION_TOKEN": canary()}
        of = AwsProvider(StoreContext(store="aws", environment="test", environ=environ))
        outcome = failed(fetch(of, "app", seconds=10)[0])
    assert outcome.kind is ProblemKind.DENIED
    assert not find_leaks(repr(outcome))


@pytest.mark.parametrize("fault", [respond(503), respond(429), reset()], ids=["503", "429", "reset"])
def test_container_that_fails_for_now(aws: AwsAccount, canary: CanaryFactory, fault: Fault) -> None:
    """A credential endpoint that fails is asked again; if it keeps failing, the store is unavailable."""
    value = canary()
    aws.create("app", value)
    task = ContainerCredentials(aws.assume(aws.role(), aws.principal(())))
    with running(task):
        # botocore itself asks three times.
        task.fail(fault, times=4)
        of = AwsProvider(StoreContext(store="aws", environment="test", environ=task.environ(aws.url)))
        assert value_of(fetch(of, "app")[0]) == value
        task.fail(fault)
        of = AwsProvider(StoreContext(store="aws", environment="test", environ=task.environ(aws.url)))
        outcome = failed(fetch(of, "app", seconds=4)[0])
    assert outcome.kind is ProblemKind.UNAVAILABLE


def test_web_identity_while_the_service_is_busy(
    aws: AwsAccount, canary: CanaryFactory, tmp_path: Path, fault_proxy: MakeProxy
) -> None:
    """A throttled AssumeRoleWithWebIdentity is asked again."""
    value, proxy = canary(), fault_proxy(aws.url)
    aws.create("app", value)
    body = b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
    proxy.fail(respond(400, body, {"Content-Type": "text/xml"}), "AssumeRoleWithWebIdentity", times=2)
    of = AwsProvider(StoreContext(store="aws", environment="test", environ=aws.pod(tmp_path, url=proxy.url)))
    assert value_of(fetch(of, "app")[0]) == value
    assert proxy.requests.count("AssumeRoleWithWebIdentity") == 3


def test_identity(aws: AwsAccount) -> None:
    """Who we are, where, and in which region: ids only."""
    who = aws.principal()
    identity = provider(aws, who).identity()
    assert identity.principal == who.arn
    assert identity.endpoint == aws.url
    assert dict(identity.details)["region"] == "eu-west-1"
    assert dict(identity.details)["account"] in who.arn
    assert who.secret_key not in repr(identity)
    assert "login ends" not in dict(identity.details)


@pytest.mark.usefixtures("way")
def test_end_of_temporary_credentials(aws: AwsAccount) -> None:
    """The identity names the time at which credentials end."""
    end = {"AWS_CREDENTIAL_EXPIRATION": "2199-01-31T12:00:00Z"}
    assert dict(provider(aws, aws.principal(), environ=end).identity().details)["login ends"] == "2199-01-31T12:00:00Z"


def test_no_identity(aws: AwsAccount, fault_proxy: MakeProxy) -> None:
    """Where nobody knows us, that is what is raised."""
    proxy = fault_proxy(aws.url)
    body = b"<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message/></Error></ErrorResponse>"
    proxy.fail(respond(403, body, {"Content-Type": "text/xml"}))
    with pytest.raises(ResolutionError, match="expired"):
        provider(aws, url=proxy.url).identity()


def test_two_stores_share_nothing(aws: AwsAccount, canary: CanaryFactory) -> None:
    """Two providers with different keys, used at the same time, are two identities."""
    aws.create("app", canary())
    allowed, denied = provider(aws, aws.principal()), provider(aws, aws.metadata_only())
    answers = allowed.fetch((ref("app"),), Deadline(LONG)), denied.fetch((ref("app"),), Deadline(LONG))
    first, second = next(answers[0])[1], next(answers[1])[1]
    assert isinstance(value_of(first), str)
    assert failed(second).kind is ProblemKind.DENIED
