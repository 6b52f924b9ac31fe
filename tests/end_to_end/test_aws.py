"""From a placeholder to the application, with AWS behind it: statuses, messages, and what the child inherits."""

import json
from collections.abc import Callable

import pytest

from tests.servers.aws import AwsAccount
from tests.servers.faults import FaultProxy, html, silence
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.projects import MakeProject, Project

PATIENT = f'timeout = "{HANG}s"\n'

MakeProxy = Callable[[str], FaultProxy]
PRINT = ("sh", "-c", 'printf %s "$SECRET_KEY/$PASSWORD"')


@pytest.fixture
def app(project: MakeProject) -> Project:
    """Return a project whose two secrets are fields of one secret, and a third one is another."""
    return project(
        {
            "env/production/security.env": "SECRET_KEY=$<SECRET_KEY>\nPASSWORD=$<aws:app#/db/password>\n",
            "env/production/web.env": "TOKEN=$<aws:token>\n",
            "providers/production.toml": PATIENT
            + '[stores.aws]\nregion = "eu-west-1"\n[secrets]\nSECRET_KEY = "aws:app#key"\n',
        }
    )


def _fill(aws: AwsAccount, canary: CanaryFactory) -> tuple[str, str]:
    key, password = canary(), canary(after=" $x")
    aws.create("app", {"key": key, "db": {"password": password}})
    aws.create("token", canary())
    return key, password


def test_run(aws: AwsAccount, app: Project, canary: CanaryFactory, fault_proxy: MakeProxy) -> None:
    """The application gets the values of one read, and none of our keys."""
    key, password = _fill(aws, canary)
    proxy = fault_proxy(aws.url)
    environ = aws.environ(aws.principal(), url=proxy.url)
    done = app.cli("run", "-e", "production", "--", *PRINT, env=environ, expect=0, reveals=True)
    assert done.stdout == f"{key}/{password}"
    assert proxy.requests.operations == {"GetSecretValue": 2}
    names = app.cli("run", "-e", "production", "--", "sh", "-c", "env | cut -d= -f1", env=environ, expect=0)
    assert "AWS_SECRET_ACCESS_KEY" in names.stderr
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & set(names.stdout.split("\n"))
    assert "AWS_REGION" in names.stdout.split("\n")


def test_render(aws: AwsAccount, app: Project, canary: CanaryFactory) -> None:
    """Everything is there."""
    key, password = _fill(aws, canary)
    environ = aws.environ(aws.principal())
    done = app.cli("render", "-e", "production", "--format", "json", env=environ, expect=0, reveals=True)
    rendered = json.loads(done.stdout)
    assert (rendered["SECRET_KEY"], rendered["PASSWORD"]) == (key, password)


def test_a_hundred(aws: AwsAccount, project: MakeProject, fault_proxy: MakeProxy) -> None:
    """100 secrets are five batches from the command line too."""
    names = [f"many-{number}" for number in range(100)]
    aws.create_many(names)
    lines = "".join(f"KEY_{number}=$<aws:{name}>\n" for number, name in enumerate(names))
    proxy = fault_proxy(aws.url)
    done = project({"env/production/security.env": lines, "providers/production.toml": PATIENT}).cli(
        "render", "-e", "production", "--format", "json", env=aws.environ(url=proxy.url), expect=0
    )
    assert len(json.loads(done.stdout)) == 100
    assert proxy.requests.operations == {"BatchGetSecretValue": 5}


def test_a_hundred_without_the_right_to_batches(aws: AwsAccount, project: MakeProject) -> None:
    """They are rendered all the same, with one warning."""
    names = [f"many-{number}" for number in range(100)]
    aws.create_many(names)
    lines = "".join(f"KEY_{number}=$<aws:{name}>\n" for number, name in enumerate(names))
    done = project({"env/production/security.env": lines, "providers/production.toml": PATIENT}).cli(
        "render", "-e", "production", "--format", "json", env=aws.environ(aws.no_batch()), expect=0
    )
    assert len(json.loads(done.stdout)) == 100
    assert done.stderr.count("BatchGetSecretValue was refused") == 1


@pytest.mark.parametrize("command", [("render", "--format", "json"), ("run", "--", "true"), ("check",)])
def test_missing(aws: AwsAccount, app: Project, canary: CanaryFactory, command: tuple[str, ...]) -> None:
    """A secret that is not there is status 3, with the place where it was asked for."""
    aws.create("app", {"key": canary(), "db": {"password": canary()}})
    done = app.cli(command[0], "-e", "production", *command[1:], env=aws.environ(), expect=3)
    assert "env/production/web.env:1" in done.stderr + done.stdout
    assert "aws:token" in done.stderr + done.stdout


def test_metadata_rights_alone(aws: AwsAccount, app: Project, canary: CanaryFactory) -> None:
    """`check` is content and says what it did not look at; `render` names each reference and the right it lacks."""
    _fill(aws, canary)
    environ = aws.environ(aws.metadata_only())
    checked = app.cli("check", "-e", "production", env=environ, expect=0)
    assert "the right to read values" in checked.stdout + checked.stderr
    rendered = app.cli("render", "-e", "production", "--format", "json", "-v", env=environ, expect=4)
    assert rendered.stderr.count("secretsmanager:GetSecretValue") >= 3
    for reference in ("aws:app#key", "aws:app#/db/password", "aws:token"):
        assert reference in rendered.stderr
    assert rendered.stdout == ""


def test_a_field_that_is_not_there(aws: AwsAccount, app: Project, canary: CanaryFactory) -> None:
    """It is status 3, and no default."""
    aws.create("app", {"other": canary()})
    aws.create("token", canary())
    app.cli("render", "-e", "production", "--format", "json", env=aws.environ(), expect=3)


def test_no_credentials(aws: AwsAccount, app: Project) -> None:
    """It is status 4."""
    environ = {name: value for name, value in aws.environ().items() if "KEY" not in name}
    done = app.cli("run", "-e", "production", "--", "true", env=environ, expect=4)
    assert "no credentials" in done.stderr


@pytest.mark.parametrize("fault", ["refused", "silent", "a page"])
@pytest.mark.parametrize("command", [("render", "--format", "json"), ("run", "--", "echo", "started"), ("check",)])
def test_unavailable(
    aws: AwsAccount, app: Project, fault_proxy: MakeProxy, fault: str, command: tuple[str, ...]
) -> None:
    """It is status 5 by the deadline, nothing is rendered or started, and no thread holds up the exit."""
    proxy = fault_proxy(aws.url)
    if fault == "refused":
        proxy.refuse()
    else:
        proxy.fail(silence() if fault == "silent" else html())
    options = ("-e", "production", "--timeout", "1s")
    # A process that a thread holds up would be killed, which is another status.
    done = app.cli(command[0], *options, *command[1:], env=aws.environ(url=proxy.url), expect=5)
    assert "started" not in done.stdout
