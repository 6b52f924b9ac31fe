"""Identities of AWS that ended, fail or are missing: the message names the identity and the command that renews it."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, SecretRef
from secretsync.providers.aws.provider import AwsProvider
from secretsync.providers.aws_account.sdk import session as sdk_session
from secretsync.providers.interface import Deadline, StoreContext
from tests.servers.aws import REGION, AwsAccount, ContainerCredentials
from tests.servers.faults import FaultProxy, respond, running
from tests.servers.loopback import Fault, LoopbackServer, Request, Response
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import CommandResult
from tests.support.projects import MakeProject

STATUS_CONFIGURATION, STATUS_DENIED = 2, 4

MakeProxy = Callable[[str], FaultProxy]
Ask = Callable[..., CommandResult]

START = "https://corp.awsapps.com/start"
SESSION = (
    "sso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n"
    f"[sso-session corp]\nsso_start_url = {START}\nsso_region = eu-west-1\n"
)
OLD_FORM = f"sso_start_url = {START}\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = dev\n"
ROLE_OF_BASE = "role_arn = arn:aws:iam::123456789012:role/x\nsource_profile = base\n"
BASE_WITH_KEYS = "[profile base]\naws_access_key_id = AKIA\naws_secret_access_key = key\n"
RENEWED = "run `aws sso login --profile work`"


@pytest.fixture
def ask(project: MakeProject, aws: AwsAccount, home: Path) -> Ask:
    """Return a function that runs a program with a secret of AWS, by the profile `work`."""
    app = project({".env": "A=$<aws:app>\n", "b.toml": f'timeout = "{HANG}s"\n'})
    (home / ".aws" / "sso" / "cache").mkdir(parents=True)

    def ask(config: str | None, env: Mapping[str, str | None] | None = None) -> CommandResult:
        environ: dict[str, str | None] = {"AWS_ENDPOINT_URL": aws.url, "AWS_REGION": REGION}
        if config is not None:
            (home / ".aws" / "config").write_text(config)
            environ["AWS_PROFILE"] = "work"
        argv = ("run", "--env-file", ".env", "--bindings", "b.toml", "--", "true")
        return app.cli(*argv, env={**environ, **(env or {})})

    return ask


def _cache(home: Path, key: str, ends: dt.timedelta) -> None:
    """Write the token of a sign-in."""
    end = (dt.datetime.now(dt.UTC) + ends).strftime("%Y-%m-%dT%H:%M:%SZ")
    token = {"startUrl": START, "region": "eu-west-1", "accessToken": "token", "expiresAt": end}
    name = hashlib.sha1(key.encode()).hexdigest()
    (home / ".aws" / "sso" / "cache" / f"{name}.json").write_text(json.dumps(token))


@pytest.mark.parametrize(("settings", "key"), [(SESSION, "corp"), (OLD_FORM, START)], ids=["session", "old form"])
def test_a_session_that_ended(ask: Ask, home: Path, settings: str, key: str) -> None:
    """Name the profile and the command that signs in again."""
    result = ask(f"[profile work]\n{settings}")
    assert result.status == STATUS_DENIED
    assert "there is no SSO session of the profile work" in result.stderr
    assert RENEWED in result.stderr
    _cache(home, key, dt.timedelta(hours=-1))
    result = ask(f"[profile work]\n{settings}")
    assert result.status == STATUS_DENIED
    assert "the SSO session of the profile work has ended" in result.stderr
    assert RENEWED in result.stderr


def test_a_session_behind_a_role(ask: Ask) -> None:
    """Name the profile to sign in with, which is not the profile of the role."""
    role = "role_arn = arn:aws:iam::123456789012:role/app\nsource_profile = middle\n"
    middle = "role_arn = arn:aws:iam::123456789012:role/middle\nsource_profile = corp\n"
    result = ask(f"[profile work]\n{role}[profile middle]\n{middle}[profile corp]\n{SESSION}")
    assert result.status == STATUS_DENIED
    assert "run `aws sso login --profile corp`" in result.stderr


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "UnauthorizedException", "the SSO session of the profile work has ended"),
        (403, "ForbiddenException", "sso_role_name"),
        # The code of a secret that does not exist must not make the secret missing: a default would be used.
        (404, "ResourceNotFoundException", "sso_role_name"),
    ],
)
def test_a_session_that_is_refused(
    ask: Ask, home: Path, aws: AwsAccount, fault_proxy: MakeProxy, status: int, code: str, words: str
) -> None:
    """Tell an ended session and a role that is not assigned apart."""
    _cache(home, "corp", dt.timedelta(days=1))
    portal = fault_proxy(aws.url)
    headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
    portal.fail(respond(status, b'{"message": "no"}', headers))
    result = ask(f"[profile work]\n{SESSION}", {"AWS_ENDPOINT_URL_SSO": portal.url})
    assert result.status == STATUS_DENIED
    assert words in result.stderr
    assert "aws sso login --profile work" in result.stderr
    assert portal.requests.count() == 1


PROGRAMS = {
    "missing": ("/nowhere/helper --user {}", "/nowhere/helper cannot be started: No such file or directory"),
    "status": ("/bin/sh -c 'echo {} >&2; exit 3'", "/bin/sh ended with status 3"),
    "signal": ("/bin/sh -c 'kill -9 $$'", "/bin/sh got signal 9"),
    "no JSON": ("/bin/echo {}", "wrote something other than credentials"),
    "a list": ("/bin/echo '[\"{}\"]'", "wrote something other than credentials"),
    "no keys": ("/bin/echo '{{\"Version\": 1}}'", "wrote something other than credentials"),
    "a folder": ("/tmp {}", "/tmp cannot be started: Permission denied"),
}


@pytest.mark.parametrize("behind_a_role", [False, True])
@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_program_that_fails(ask: Ask, canary: CanaryFactory, kind: str, *, behind_a_role: bool) -> None:
    """Name the program of the profile, its status, and nothing of its arguments or its output."""
    command, words = PROGRAMS[kind]
    process = f"credential_process = {command.format(canary())}\n"
    config = f"[profile work]\n{process}"
    if behind_a_role:
        role = "role_arn = arn:aws:iam::123456789012:role/app\nsource_profile = base\n"
        config = f"[profile work]\n{role}[profile base]\n{process}"
    result = ask(config)
    assert result.status == STATUS_DENIED
    assert f"credential_process of the profile {'base' if behind_a_role else 'work'}" in result.stderr
    assert words in result.stderr


def test_a_program_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the program shortly before the deadline, because the store itself was not asked. Kill the program."""
    monkeypatch.setattr(sdk_session, "_PROGRAM_MARGIN", HANG)  # the program gets a tenth of a second
    config = tmp_path / "config"
    config.write_text("[profile work]\nregion = eu-west-1\ncredential_process = /bin/sleep 1000000\n")
    environ = {"AWS_PROFILE": "work", "AWS_CONFIG_FILE": str(config), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    provider = AwsProvider(StoreContext(store="aws", environment="test", environ=environ))
    [(_, outcome)] = provider.fetch([SecretRef("aws", "app")], Deadline(HANG))
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.DENIED
    assert "credential_process of the profile work failed: /bin/sleep did not end in time" in outcome.cause


@pytest.mark.parametrize(
    ("config", "status", "words"),
    [
        ("[profile wrok]\nregion = eu-west-1\n", STATUS_CONFIGURATION, "did you mean wrok?"),
        ("[profile other]\nregion = eu-west-1\n", STATUS_CONFIGURATION, "there is no profile"),
        ("[profile work\n", STATUS_CONFIGURATION, "config cannot be parsed"),
        ("[profile work]\nregion = eu-west-1\n", STATUS_DENIED, "the profile work has none"),
        ("[profile work]\ncredential_process = 'a b\n", STATUS_CONFIGURATION, "a quote is not closed"),
        (
            "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = gone\n",
            STATUS_CONFIGURATION,
            "source_profile of the profile work",
        ),
        (
            "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/x\ncredential_source = EcsContainer\n",
            STATUS_DENIED,
            "credential_source = EcsContainer of the profile work",
        ),
        (
            "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = /nowhere\n",
            STATUS_DENIED,
            "the file /nowhere, which the profile work names",
        ),
        (
            f"[profile work]\n{SESSION.replace('sso_account_id = 123456789012', '')}",
            STATUS_CONFIGURATION,
            "the profile work is not complete: sso_account_id is missing; run `aws configure sso --profile work`",
        ),
        (
            f"[profile work]\n{SESSION.partition('[')[0]}",
            STATUS_CONFIGURATION,
            "sso_session of the profile work names a section that does not exist",
        ),
        (
            f"[profile work]\n{ROLE_OF_BASE}[profile base]\n{ROLE_OF_BASE.replace('base', 'work')}",
            STATUS_CONFIGURATION,
            "leads back to a profile that was visited before",
        ),
        (
            f"[profile work]\nrole_arn = app\nsource_profile = base\n{BASE_WITH_KEYS}",
            STATUS_CONFIGURATION,
            "role_arn in ~/.aws/config cannot be right",
        ),
        (
            "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/x\ncredential_source = Ec2\n",
            STATUS_CONFIGURATION,
            "credential_source of the profile work cannot be used",
        ),
    ],
)
def test_a_profile_without_credentials(ask: Ask, config: str, status: int, words: str) -> None:
    """Name the profile and what is wrong with it."""
    result = ask(config)
    assert result.status == status
    assert words in result.stderr


@pytest.mark.parametrize("transport", ["auto", "sdk"])
@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("ExpiredTokenException", 400, "the web identity has ended"),
        ("InvalidIdentityToken", 400, "OpenID Connect provider"),
        ("IDPRejectedClaim", 403, "the issuer of the token"),
        ("AccessDenied", 403, "the trust policy of the role"),
    ],
)
def test_a_web_identity_that_is_refused(
    project: MakeProject,
    aws: AwsAccount,
    fault_proxy: MakeProxy,
    tmp_path: Path,
    transport: str,
    code: str,
    status: int,
    words: str,
) -> None:
    """Name the file of the token, and the trust policy if it is not the token."""
    proxy = fault_proxy(aws.url)
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>".encode()
    proxy.fail(respond(status, body, {"Content-Type": "text/xml"}), "AssumeRoleWithWebIdentity")
    bindings = f'timeout = "{HANG}s"\n[stores.aws]\ntransport = "{transport}"\n'
    app = project({".env": "A=$<aws:app>\n", "b.toml": bindings})
    argv = ("run", "--env-file", ".env", "--bindings", "b.toml", "--", "true")
    result = app.cli(*argv, env=aws.pod(tmp_path, url=proxy.url), expect=STATUS_DENIED)
    assert words in result.stderr
    assert code in result.stderr
    assert proxy.requests.operations == {"AssumeRoleWithWebIdentity": 1}


@pytest.mark.parametrize("transport", ["auto", "sdk"])
@pytest.mark.parametrize(
    ("fault", "words"), [(None, "start the task or the pod again"), (respond(404), "has the task a task role")]
)
def test_a_container_that_gets_no_keys(
    project: MakeProject, aws: AwsAccount, transport: str, fault: Fault | None, words: str
) -> None:
    """Name the variables of the endpoint and of its token."""
    task = ContainerCredentials(aws.root)
    with running(task):
        if fault is not None:
            task.fail(fault)
        environ = {**task.environ(aws.url), "AWS_CONTAINER_AUTHORIZATION_TOKEN": "another"}
        bindings = f'timeout = "{HANG}s"\n[stores.aws]\ntransport = "{transport}"\n'
        app = project({".env": "A=$<aws:app>\n", "b.toml": bindings})
        argv = ("run", "--env-file", ".env", "--bindings", "b.toml", "--", "true")
        result = app.cli(*argv, env=environ, expect=STATUS_DENIED)
    assert "the endpoint of AWS_CONTAINER_CREDENTIALS_FULL_URI" in result.stderr
    assert words in result.stderr


class _Machine(LoopbackServer):
    """The metadata service of a machine, with the keys of a role or without a role."""

    role: str | None = None

    def answer(self, request: Request) -> Response:
        """Return the name of the role, or its keys."""
        if request.method == "PUT":
            return Response(200, b"token")
        if self.role is None:
            return Response(404)
        if not request.path.endswith(self.role):
            return Response(200, self.role.encode())
        keys = {"AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "key", "Token": "token"}
        return Response(200, json.dumps({**keys, "Code": "Success", "Expiration": "2099-01-01T00:00:00Z"}).encode())


def test_a_machine(ask: Ask) -> None:
    """Tell a switched-off metadata service, a machine without a role and refused keys of a role apart."""
    assert "AWS_EC2_METADATA_DISABLED is true" in ask(None).stderr
    machine = _Machine()
    environ = {"AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.url}
    with running(machine):
        result = ask(None, environ)
        assert result.status == STATUS_DENIED
        assert "the metadata service of EC2 gives none" in result.stderr
        machine.role = "app"
        result = ask(None, environ)
    assert result.status == STATUS_DENIED
    assert "the keys of the EC2 instance's role" in result.stderr


@pytest.mark.parametrize("transport", ["auto", "sdk"])
def test_keys_that_expired(project: MakeProject, aws: AwsAccount, fault_proxy: MakeProxy, transport: str) -> None:
    """Name the variables of the keys."""
    proxy = fault_proxy(aws.url)
    proxy.fail(respond(400, b'{"__type": "ExpiredTokenException"}', {"Content-Type": "application/x-amz-json-1.1"}))
    app = project({".env": "A=$<aws:app>\n", "b.toml": f'[stores.aws]\ntransport = "{transport}"\n'})
    argv = ("run", "--env-file", ".env", "--bindings", "b.toml", "--", "true")
    result = app.cli(*argv, env=aws.environ(url=proxy.url), expect=STATUS_DENIED)
    assert "the keys in AWS_ACCESS_KEY_ID have expired (ExpiredTokenException)" in result.stderr
    assert "AWS_SESSION_TOKEN" in result.stderr
