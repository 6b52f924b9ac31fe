"""Suggestions for a file, a variable or a path in another spelling."""

import pytest

from secretsync.core.model import Missing, SecretRef
from secretsync.providers.aws.provider import AwsProvider
from secretsync.providers.azure.provider import AzureProvider
from secretsync.providers.docker import DockerProvider
from secretsync.providers.env import EnvProvider
from secretsync.providers.interface import Deadline, StoreContext
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.projects import MakeProject

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:production/app-AbCdEf"


def _hint(provider: DockerProvider | EnvProvider, name: str) -> str:
    [(_, outcome)] = provider.fetch((SecretRef("store", name),), Deadline(HANG))
    assert isinstance(outcome, Missing)
    return str(outcome.hint)


@pytest.mark.parametrize(
    "file", ["db_password", "DB_PASSWORD", "db-password", "db.password", "dbpassword", "db_pasword"]
)
def test_a_file_in_another_spelling(project: MakeProject, file: str) -> None:
    """Suggest the file that is there."""
    folder = project({f"sec/{file}": "x", "sec/other": "x"}).root / "sec"
    provider = DockerProvider(StoreContext(store="store", environment="", settings={"dir": str(folder)}))
    assert _hint(provider, "Db_Password") == f"did you mean $<store:{file}>?"
    assert "put it there" in _hint(provider, "smtp_token")


def test_a_file_with_an_ending(project: MakeProject) -> None:
    """Suggest a file whose name has an ending."""
    folder = project({"sec/db_password.txt": "x"}).root / "sec"
    provider = DockerProvider(StoreContext(store="store", environment="", settings={"dir": str(folder)}))
    assert _hint(provider, "db_password") == "did you mean $<store:db_password.txt>?"


def test_a_folder_that_cannot_be_read(project: MakeProject) -> None:
    """Suggest nothing if there is no folder."""
    settings = {"dir": str(project({}).root / "nothing")}
    assert "put it there" in _hint(DockerProvider(StoreContext(store="store", environment="", settings=settings)), "a")


def test_a_variable_in_another_spelling(canary: CanaryFactory) -> None:
    """Suggest the variable that is set."""
    provider = EnvProvider(StoreContext(store="env", environment="", environ={"DB_PASSWORD": canary()}))
    assert _hint(provider, "Db_Password") == "did you mean $<env:DB_PASSWORD>?"
    assert _hint(provider, "DBPASSWORD") == "did you mean $<env:DB_PASSWORD>?"
    assert "did you mean" not in _hint(provider, "SMTP_TOKEN")


def test_a_bare_name_in_another_spelling(project: MakeProject) -> None:
    """Suggest the file in another spelling, although it is in the first of two stores."""
    app = project({".env": "A=$<DBPASSWORD>\n", "sec/db_password": "x", "b.toml": '[stores.docker]\ndir = "sec"\n'})
    result = app.cli("run", "--env-file", ".env", "--bindings", "b.toml", "--", "true", expect=3)
    assert "no store has it: docker:dbpassword, env:DBPASSWORD; did you mean $<docker:db_password>?" in result.stderr


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        (f"{ARN}:password::", f"$<aws:{ARN}#password>"),
        (f"{ARN}:password:AWSPREVIOUS:", f"$<aws:{ARN}?stage=AWSPREVIOUS#password>"),
        (f"{ARN}:password::01234567-89ab", f"$<aws:{ARN}?version=01234567-89ab#password>"),
        (f"{ARN}::AWSPREVIOUS:", f"$<aws:{ARN}?stage=AWSPREVIOUS>"),
        (f"{ARN}:password", f"$<aws:{ARN}#password>"),
        ("production/app:password::", "$<aws:production/app#password>"),
    ],
)
def test_the_form_of_ecs(path: str, meant: str) -> None:
    """Write the key, stage and version of a task definition of ECS as a reference."""
    assert AwsProvider.spec.check_path(path) == f"this is the form of ECS: write {meant}"


@pytest.mark.parametrize("path", [f"{ARN}:{{}}::", "app:{}::"])
def test_a_pasted_value_is_not_repeated(path: str, canary: CanaryFactory) -> None:
    """Explain the form without the words of the path if one of them looks like a value."""
    value = canary()
    wrong = AwsProvider.spec.check_path(path.format(value))
    assert wrong is not None
    assert value not in wrong


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/app", "parameter of Systems Manager"),
        ("arn:aws:s3:::bucket", "no ARN of a secret"),
        ("a b", "letters, digits"),
        ("app:{}", "letters, digits"),
    ],
)
def test_other_paths_of_aws(path: str, words: str) -> None:
    """Say what the path is, or how a path is written."""
    assert words in str(AwsProvider.spec.check_path(path))


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("https://app.vault.azure.net/secrets/db-password", "$<azure:db-password>"),
        ("https://app.vault.azure.net/secrets/db-password/", "$<azure:db-password>"),
        (
            f"https://app.vault.azure.net/secrets/db-password/{'0123456789abcdef' * 2}",
            f"$<azure:db-password?version={'0123456789abcdef' * 2}>",
        ),
        (
            "@Microsoft.KeyVault(SecretUri=https://app.vault.azure.net/secrets/db-password/)",
            "$<azure:db-password>",
        ),
    ],
)
def test_the_url_of_a_secret_of_key_vault(path: str, meant: str) -> None:
    """Write the URL of a secret as a reference."""
    assert f"write {meant}" in str(AzureProvider.spec.check_path(path))
