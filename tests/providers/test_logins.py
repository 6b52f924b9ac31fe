"""The ways to log in to each store: what is found, where, what is missing, and the next step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from secretsync.providers.interface import StoreContext
from secretsync.providers.logins import Login, LoginState
from secretsync.providers.registry import BUILT_IN, load_provider
from tests.support.canary import CanaryFactory, find_leaks

USED, BEGUN, ABSENT = LoginState.USED, LoginState.INCOMPLETE, LoginState.ABSENT
LATER, UNSEEN = LoginState.NOT_REACHED, LoginState.UNSEEN


def logins_of(
    store: str, environ: Mapping[str, str], settings: Mapping[str, Any] | None = None, root: Path = Path("/nowhere")
) -> tuple[Login, ...]:
    """Return the ways to log in to a store."""
    context = StoreContext(store=store, environment="test", settings=settings or {}, environ=environ, root=str(root))
    described: tuple[Login, ...] = load_provider(store).logins(context)  # type: ignore[attr-defined]
    return described


class Case(NamedTuple):
    """Variables and settings; the states; and the chosen way, with what is found and missing there."""

    store: str
    environ: dict[str, str]
    settings: dict[str, Any]
    states: tuple[LoginState, ...]
    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


APP = {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client"}
EMPTY = {"HOME": "/nowhere", "PATH": "/nowhere"}
CASES = {
    "aws: nothing": Case("aws", {}, {}, (ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, UNSEEN)),
    "aws: no metadata": Case("aws", {"AWS_EC2_METADATA_DISABLED": "TRUE"}, {}, (ABSENT,) * 6),
    "aws: half of the keys": Case(
        "aws",
        {"AWS_ACCESS_KEY_ID": "AKIA"},
        {},
        (BEGUN, LATER, LATER, LATER, LATER, LATER),
        ("AWS_ACCESS_KEY_ID",),
        ("AWS_SECRET_ACCESS_KEY",),
    ),
    "aws: only the other half": Case(
        "aws", {"AWS_SECRET_ACCESS_KEY": "x"}, {}, (ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, UNSEEN)
    ),
    "ssm: keys": Case(
        "ssm",
        {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x", "AWS_PROFILE": "p"},
        {},
        (USED, LATER, LATER, LATER, LATER, LATER),
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ),
    "aws: a profile of the settings hides keys": Case(
        "aws",
        {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x"},
        {"profile": "p"},
        (ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, UNSEEN),
    ),
    "aws: a container": Case(
        "aws",
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/"},
        {},
        (ABSENT, ABSENT, ABSENT, ABSENT, USED, LATER),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
    ),
    "vault: a token": Case("vault", {"BAO_TOKEN": "t"}, {}, (USED, LATER), ("BAO_TOKEN",)),
    "vault: nothing": Case("vault", {}, {}, (ABSENT, ABSENT)),
    "vault: approle": Case(
        "vault",
        {"VAULT_ROLE_ID": "r"},
        {"auth": {"method": "approle"}},
        (BEGUN,),
        ("VAULT_ROLE_ID",),
        ("the setting auth.secret_id_file or VAULT_SECRET_ID or BAO_SECRET_ID",),
    ),
    "vault: kubernetes": Case("vault", {}, {"auth": {"method": "kubernetes", "role": "r"}}, (ABSENT,)),
    "vault: userpass": Case(
        "vault",
        {"VAULT_PASSWORD": "p"},
        {"auth": {"method": "userpass", "username": "u"}},
        (USED,),
        ("auth.username", "VAULT_PASSWORD"),
    ),
    "vault: keys of AWS": Case("vault", {}, {"auth": {"method": "aws"}}, (ABSENT, UNSEEN)),
    "azure: an application": Case(
        "azure",
        {**APP, "AZURE_CLIENT_SECRET": "x"},
        {},
        (USED, LATER, LATER, LATER, LATER, LATER),
        ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
    ),
    "azure: a platform": Case(
        "azure",
        {"IDENTITY_ENDPOINT": "http://127.0.0.1:9/msi"},
        {},
        (ABSENT, ABSENT, ABSENT, USED, LATER, LATER),
        ("IDENTITY_ENDPOINT",),
    ),
    "azure: nothing": Case("azure", {}, {}, (ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, UNSEEN)),
    "azure: by the setting": Case(
        "azure",
        {**APP, "AZURE_CLIENT_SECRET": "x"},
        {"credential": "client-certificate"},
        (BEGUN,),
        ("AZURE_TENANT_ID", "AZURE_CLIENT_ID"),
        ("AZURE_CLIENT_CERTIFICATE_PATH",),
    ),
    "azure: a machine by the setting": Case("azure", {}, {"credential": "managed-identity"}, (UNSEEN,)),
    "env": Case("env", {}, {}, (USED,), ("the variables of this process", "the files that variables NAME_FILE name")),
    "docker: no folder": Case("docker", {}, {"dir": "absent"}, (ABSENT,)),
    "docker: a folder": Case("docker", {}, {"dir": "/"}, (USED,), ("/ (dir)",)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_states(name: str) -> None:
    """Each way has its state, and the chosen one names what is found and what is missing."""
    case = CASES[name]
    described = logins_of(case.store, {**EMPTY, **case.environ}, case.settings)
    assert tuple(login.state for login in described) == case.states
    chosen = next((login for login in described if login.state in (USED, BEGUN)), None)
    inputs = ((), ()) if chosen is None else (chosen.found, chosen.missing)
    assert inputs == (case.found, case.missing)
    for login in described:
        if login.state in (BEGUN, ABSENT, UNSEEN):
            assert login.hint, login.name


def test_each_provider_describes_its_logins() -> None:
    """Every built-in provider has a checklist, also if no input is set."""
    assert all(logins_of(name, EMPTY) for name in BUILT_IN)


def test_profiles_of_files(tmp_path: Path, canary: CanaryFactory) -> None:
    """A profile is found by the names of its settings, and a role of it comes before a web identity."""
    key = canary()
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[profile ops]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\n")
    (tmp_path / ".aws/credentials").write_text(f"[default]\naws_access_key_id = AKIA\naws_secret_access_key = {key}\n")
    home = {"HOME": str(tmp_path)}
    plain = logins_of("aws", home)
    assert plain[3].state is USED
    assert plain[3].found == ("aws_access_key_id in ~/.aws/credentials",)
    role = logins_of("aws", {**home, "AWS_PROFILE": "ops", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token"})
    assert (role[1].name, role[1].state) == ("a role of a profile: ops", USED)
    assert role[1].found == ("role_arn in ~/.aws/config",)
    assert not find_leaks(repr((plain, role)))


def test_a_malformed_file_is_no_error(tmp_path: Path) -> None:
    """A file that cannot be parsed has no profile. The identity names the mistake in it."""
    (tmp_path / "config").write_text("no section\n")
    found = logins_of("aws", {**EMPTY, "AWS_CONFIG_FILE": str(tmp_path / "config")})
    assert found[3].state is ABSENT


def test_tokens_in_files(tmp_path: Path, canary: CanaryFactory) -> None:
    """The name of a file with a token is shown, and not its content; a file that is absent is a mistake."""
    token = canary()
    (tmp_path / "token").write_text(token)
    named = logins_of("vault", EMPTY, {"auth": {"token_file": "token"}}, tmp_path)
    assert named[0].found == ("auth.token_file (the file token)",)
    absent = logins_of("vault", EMPTY, {"auth": {"token_file": "other"}}, tmp_path)
    assert (absent[0].state, absent[0].mistakes) == (
        BEGUN,
        ("auth.token_file names other: there is no such file",),
    )
    (tmp_path / ".vault-token").write_text(token)
    written = logins_of("vault", {**EMPTY, "HOME": str(tmp_path)})
    assert written[1].found == (f"the file {tmp_path}/.vault-token",)
    assert [login.state for login in written] == [ABSENT, USED]
    assert not find_leaks(repr((named, absent, written)))


def test_a_malformed_variable(canary: CanaryFactory) -> None:
    """A malformed credential is named with its next step, and its value is not shown."""
    value = canary()
    for store, name, settings in (
        ("vault", "VAULT_TOKEN", {}),
        ("vault", "VAULT_SECRET_ID", {"auth": {"method": "approle"}}),
        ("azure", "AZURE_CLIENT_SECRET", {}),
    ):
        described = logins_of(store, {**EMPTY, **APP, name: f"{value} \n"}, settings)
        begun = next(login for login in described if login.state is BEGUN)
        assert begun.mistakes == (f"{name} ends with a line end",)
        assert f"set {name} again" in begun.hint
        assert not find_leaks(repr(described))
