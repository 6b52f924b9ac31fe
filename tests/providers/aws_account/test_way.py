"""The way to AWS, and the credentials, the region and the endpoint of each way: those that botocore finds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import botocore.loaders
import botocore.session
import pytest
from botocore.exceptions import NoRegionError

from secretsync.providers.aws_account.client import Way
from secretsync.providers.aws_account.direct import DirectWay
from secretsync.providers.aws_account.errors import AwsRequestError
from secretsync.providers.aws_account.inputs import check_inputs
from secretsync.providers.aws_account.sdk.way import SdkWay, open_session
from secretsync.providers.aws_account.way import configured_region, reason_for_sdk
from secretsync.providers.interface import Deadline, RequestCounter, StoreContext
from tests.servers.aws import ContainerCredentials, Principal
from tests.servers.faults import running
from tests.servers.loopback import LoopbackServer, Request, Response
from tests.support.limits import HANG

_LOADER = botocore.loaders.Loader()  # the descriptions of the services are read once
ROLE = "arn:aws:iam::123456789012:role/app"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAVARIABLES", "AWS_SECRET_ACCESS_KEY": "of-the-variables"}
REGION = {"AWS_DEFAULT_REGION": "eu-west-1"}
POD = {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/token", "AWS_ENDPOINT_URL_STS": "{sts}"}
TASK = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{task}/creds", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "{token}"}
FILE = {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{home}/task-token"}
DEFAULT = {
    ".aws/credentials": "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = of-the-file\n",
}


class Sts(LoopbackServer):
    """STS as its two kinds of answers are documented. It gives keys to whoever has the token."""

    def answer(self, request: Request) -> Response:
        """Return the keys, for who brings the token."""
        if request.form.get("WebIdentityToken") != "a.web.token":
            code = "<Code>InvalidIdentityToken</Code><Message>no</Message>"
            return Response(400, f"<ErrorResponse><Error>{code}</Error></ErrorResponse>".encode())
        keys = (
            "<Credentials><AccessKeyId>ASIAPOD</AccessKeyId><SecretAccessKey>of-the/pod+=</SecretAccessKey>"
            "<SessionToken>the//session+token==</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>"
        )
        name = "AssumeRoleWithWebIdentity"
        body = (
            f'<{name}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n <{name}Result>{keys}'
            f"<AssumedRoleUser><AssumedRoleId>A:b</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/app/b</Arn>"
            f"</AssumedRoleUser></{name}Result></{name}Response>"
        )
        return Response(200, body.encode(), {"Content-Type": "text/xml"})


@dataclass(frozen=True)
class Row:
    """One environment. `is_direct`: the SDK is not needed. `region`: that of each way."""

    name: str
    environ: dict[str, str]
    is_direct: bool
    files: dict[str, str] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)
    instead: dict[str, str] = field(default_factory=dict)  # variables for botocore, which does not know the others


ROWS = [
    Row("keys", {**KEYS, **REGION}, is_direct=True),
    Row("keys of a session", {**KEYS, **REGION, "AWS_SESSION_TOKEN": "a-token"}, is_direct=True),
    Row("an older name of the token", {**KEYS, **REGION, "AWS_SECURITY_TOKEN": "a-token"}, is_direct=True),
    Row(
        "both names of the token",
        {**KEYS, **REGION, "AWS_SECURITY_TOKEN": "one", "AWS_SESSION_TOKEN": "two"},
        is_direct=True,
    ),
    Row("an empty token", {**KEYS, **REGION, "AWS_SESSION_TOKEN": "", "AWS_SECURITY_TOKEN": ""}, is_direct=True),
    Row("keys that end", {**KEYS, **REGION, "AWS_CREDENTIAL_EXPIRATION": "2999-01-01T00:00:00Z"}, is_direct=True),
    Row("keys without a region", KEYS, is_direct=True),
    Row("keys and a pod", {**KEYS, **REGION, **POD}, is_direct=True),
    Row("keys and a task", {**KEYS, **REGION, **TASK}, is_direct=True),
    Row("an empty profile", {**KEYS, **REGION, "AWS_PROFILE": ""}, is_direct=True),
    Row("AWS_REGION", {**KEYS, "AWS_REGION": "us-east-2"}, is_direct=True, instead={"AWS_DEFAULT_REGION": "us-east-2"}),
    Row(
        "AWS_REGION wins",
        {**KEYS, **REGION, "AWS_REGION": "us-east-2"},
        is_direct=True,
        instead={"AWS_DEFAULT_REGION": "us-east-2"},
    ),
    Row("China", {**KEYS, "AWS_DEFAULT_REGION": "cn-north-1"}, is_direct=True),
    Row("GovCloud", {**KEYS, "AWS_DEFAULT_REGION": "us-gov-west-1"}, is_direct=True),
    Row("an isolated region", {**KEYS, "AWS_DEFAULT_REGION": "us-isob-east-1"}, is_direct=True),
    Row("a region of the future", {**KEYS, "AWS_DEFAULT_REGION": "eu-middle-7"}, is_direct=True),
    Row("an endpoint", {**KEYS, **REGION, "AWS_ENDPOINT_URL": "https://vpce.example.com:8443"}, is_direct=True),
    Row(
        "an endpoint of the service",
        {
            **KEYS,
            **REGION,
            "AWS_ENDPOINT_URL": "https://all.example.com",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://one.example.com",
        },
        is_direct=True,
    ),
    Row(
        "endpoints that are ignored",
        {
            **KEYS,
            **REGION,
            "AWS_ENDPOINT_URL": "https://all.example.com",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True",
        },
        is_direct=True,
    ),
    Row(
        "endpoints that are not ignored",
        {**KEYS, **REGION, "AWS_ENDPOINT_URL": "https://all.example.com", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "no"},
        is_direct=True,
    ),
    Row("FIPS that is off", {**KEYS, **REGION, "AWS_USE_FIPS_ENDPOINT": "false"}, is_direct=True),
    Row("a pod", {**REGION, **POD}, is_direct=True),
    Row("a pod with a name", {**REGION, **POD, "AWS_ROLE_SESSION_NAME": "app"}, is_direct=True),
    Row("a pod, and empty keys", {**REGION, **POD, "AWS_ACCESS_KEY_ID": ""}, is_direct=True),
    Row("a pod, and half of the keys", {**REGION, **POD, "AWS_SECRET_ACCESS_KEY": "x"}, is_direct=True),
    Row("a pod and a task", {**REGION, **POD, **TASK}, is_direct=True),
    Row("a task", {**REGION, **TASK}, is_direct=True),
    Row(
        "a task with a scheme",
        {**REGION, **TASK, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Bearer {token}"},
        is_direct=True,
    ),
    Row("a task by its file", {**REGION, **TASK, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "", **FILE}, is_direct=True),
    Row(
        "a task with both tokens", {**REGION, **TASK, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x", **FILE}, is_direct=True
    ),
    Row("a task, and an empty token file", {**REGION, **TASK, "AWS_WEB_IDENTITY_TOKEN_FILE": ""}, is_direct=True),
    Row("a file without a file", {**KEYS, **REGION, "AWS_CONFIG_FILE": "{home}/nothing"}, is_direct=True),
    Row("keys beside [default]", {**KEYS, **REGION}, is_direct=False, files=DEFAULT),
    Row("[default] alone", REGION, is_direct=False, files=DEFAULT),
    Row("a region of a file", KEYS, is_direct=False, files={".aws/config": "[default]\nregion = ap-south-1\n"}),
    Row(
        "an endpoint of a file",
        {**KEYS, **REGION},
        is_direct=False,
        files={".aws/config": "[default]\nendpoint_url = https://file.example.com\n"},
    ),
    Row("a pod beside [default]", {**REGION, **POD}, is_direct=False, files=DEFAULT),
    Row(
        "files elsewhere",
        {**REGION, "AWS_SHARED_CREDENTIALS_FILE": "{home}/mine"},
        is_direct=False,
        files={"mine": DEFAULT[".aws/credentials"]},
    ),
    Row(
        "a profile",
        {**REGION, "AWS_PROFILE": "work"},
        is_direct=False,
        files={".aws/credentials": DEFAULT[".aws/credentials"].replace("default", "work")},
    ),
    Row(
        "a profile beside keys",
        {**KEYS, **REGION, "AWS_PROFILE": "work"},
        is_direct=False,
        files={".aws/credentials": DEFAULT[".aws/credentials"].replace("default", "work")},
    ),
    Row("FIPS", {**KEYS, **REGION, "AWS_USE_FIPS_ENDPOINT": "true"}, is_direct=False),
    Row("dual stack", {**KEYS, **REGION, "AWS_USE_DUALSTACK_ENDPOINT": "TRUE"}, is_direct=False),
    Row("transport", {**KEYS, **REGION}, is_direct=False, settings={"transport": "sdk"}),
    Row("nothing", REGION, is_direct=False),
]


@dataclass
class Found:
    """The credentials, the region and the endpoint of one way."""

    keys: tuple[str | None, str | None, str | None] | None
    region: str | None
    endpoint: str | None


@pytest.fixture
def services(tmp_path: Path) -> Iterator[dict[str, str]]:
    """STS and the endpoint of a container on loopback, and a token's file: the texts for the environments."""
    sts, task = Sts(), ContainerCredentials(Principal("ASIATASK", "of-the-task", "the-token-of-the-task"))
    (tmp_path / "token").write_text("a.web.token")
    (tmp_path / "task-token").write_text(task.token)
    with running(sts, task):
        yield {"sts": sts.url, "task": task.url, "token": task.token, "home": str(tmp_path)}


def _of_botocore(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> Found:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    session = botocore.session.Session()
    session.register_component("data_loader", _LOADER)
    found = session.get_credentials()
    frozen = found.get_frozen_credentials() if found else None
    keys = (frozen.access_key, frozen.secret_key, frozen.token) if frozen else None
    try:
        endpoint = session.create_client("secretsmanager").meta.endpoint_url
    except NoRegionError:
        endpoint = None
    region = session.get_config_variable("region")
    return Found(keys, region, endpoint)


def _of_secretsync(context: StoreContext) -> Found:
    deadline = Deadline(HANG)
    way: Way
    check_inputs(context, "secretsmanager")
    if (reason := reason_for_sdk(context)) is None:
        way = DirectWay(context, RequestCounter())
        held = way.credentials.get(deadline)
        keys: tuple[str | None, str | None, str | None] | None = (held.access_key, held.secret_key, held.token)
        region = configured_region(context)
    else:
        session = open_session(context, reason)
        found = session.get_credentials()
        frozen = found.get_frozen_credentials() if found else None
        keys = (frozen.access_key, frozen.secret_key, frozen.token) if frozen else None
        region = session.region_name
        way = SdkWay(lambda: session, RequestCounter(), context.environ)
    try:
        endpoint = way.connect(None, "secretsmanager", deadline).endpoint
    except AwsRequestError:  # without a region, or without credentials
        endpoint = None
    return Found(keys, region, endpoint)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_same_as_botocore(
    row: Row, services: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Take the way that the environment asks for, with the credentials, the region and the endpoint of botocore."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, text in row.files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    environ = {name: value.format_map(services) for name, value in row.environ.items()}
    context = StoreContext(
        store="aws",
        environment="test",
        settings=row.settings,
        environ={**environ, "AWS_EC2_METADATA_DISABLED": "true"},
    )
    assert (reason_for_sdk(context) is None) is row.is_direct
    mine = _of_secretsync(context)
    # botocore looks for a profile without a name, and Compose sets what it has no value for.
    seen = {name: value for name, value in environ.items() if value or name != "AWS_PROFILE"}
    theirs = _of_botocore(monkeypatch, {**seen, **row.instead})
    if theirs.keys is None:
        theirs.endpoint = mine.endpoint = None  # without credentials no endpoint is looked for
    assert mine == theirs


def test_keys_that_have_ended() -> None:
    """Refuse keys that have ended by their own date before anything is requested, as botocore does."""
    environ = {**KEYS, **REGION, "AWS_CREDENTIAL_EXPIRATION": "2001-01-01T00:00:00Z"}
    way = DirectWay(StoreContext(store="aws", environment="test", environ=environ), RequestCounter())
    with pytest.raises(AwsRequestError) as caught:
        way.connect(None, "secretsmanager", Deadline(HANG))
    assert caught.value.code == "ExpiredToken"
