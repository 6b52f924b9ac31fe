"""`secretsync set`: a new version at the one place of a name, and no value in any output."""

import json
import os
import pty
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.servers.aws import READ_ACTIONS, AwsAccount
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, secretsync_argv
from tests.support.projects import MakeProject, Project

pytestmark = pytest.mark.sink("secrets/*")  # the store

FILES = """\
[stores.docker]
dir = "secrets"

[secrets]
TOKEN = "docker:token"
PASSWORD = "docker:app#password"
PLAIN_JSON = "docker:app"
ENCODED = "docker:encoded?decode=base64"
FROM_ENV = "env:FROM_ENV"
AS_JSON = "docker:app?as=json"
"""


def make(project: MakeProject, bindings: str = FILES) -> Project:
    """Return a project with these bindings."""
    return project({"env/production/security.env": "TOKEN=$<TOKEN>\n", "providers/production.toml": bindings})


def test_a_piped_value(project: MakeProject, canary: CanaryFactory) -> None:
    """A value from a pipe is stored without its line end, in a file of mode 0600, and `get` returns it."""
    made, value = make(project), canary()
    result = made.cli("set", "TOKEN", "-e", "production", stdin=f"{value}\n", expect=0)
    assert result.stdout == "TOKEN: docker:token: created\n"
    assert made.read("secrets/token") == value
    assert stat.S_IMODE(os.stat(made.root / "secrets/token").st_mode) == 0o600
    again = made.cli("set", "TOKEN", "-e", "production", stdin=canary(), expect=0)
    assert again.stdout == "TOKEN: docker:token: replaced; the store keeps no versions\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", ""])
def test_the_line_end_of_a_file(project: MakeProject, canary: CanaryFactory, end: str) -> None:
    """One line end of a file is dropped, or kept on request; a read returns exactly the value."""
    made, value = make(project), canary()
    made.write("value", value + end)
    kept = {"--keep-line-end": value + end, "-q": value + end.removesuffix("\n").removesuffix("\r")}
    for option, expected in kept.items():
        made.cli("set", "TOKEN", "-e", "production", "--from-file", "value", option, expect=0)
        assert made.cli("get", "TOKEN", "-e", "production", reveals=True, expect=0).stdout == expected


def test_a_field_of_a_json_secret(project: MakeProject, canary: CanaryFactory) -> None:
    """A field is replaced, and the other fields stay, digits included."""
    made, value = make(project), canary()
    made.write("secrets/app", '{"user": "app", "password": "old", "port": 5432.10}')
    made.cli("set", "PASSWORD", "-e", "production", stdin=value, expect=0)
    assert made.read("secrets/app") == f'{{"user":"app","password":"{value}","port":5432.10}}'
    made.cli("set", "PLAIN_JSON", "--field", "/nested/deep", "-e", "production", stdin=value, expect=0)
    assert json.loads(made.read("secrets/app"))["nested"] == {"deep": value}


def test_a_reference(project: MakeProject, canary: CanaryFactory) -> None:
    """A reference is set like a name."""
    made, value = make(project), canary()
    result = made.cli("set", "docker:other#key", "-e", "production", stdin=value, expect=0)
    assert result.stdout == "docker:other#key: created\n"
    assert json.loads(made.read("secrets/other")) == {"key": value}


def test_an_encoded_secret(project: MakeProject, canary: CanaryFactory) -> None:
    """A binding with decode=base64 gets the value encoded, so that a read returns the value."""
    made, value = make(project), canary()
    made.cli("set", "ENCODED", "-e", "production", stdin=value, expect=0)
    assert value not in made.read("secrets/encoded")
    assert made.cli("get", "ENCODED", "-e", "production", reveals=True, expect=0).stdout == value


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        (["--generate", "48"], r"[A-Za-z0-9_-]{64}"),
        (["--generate", "16", "--generate-format", "hex"], r"[0-9a-f]{32}"),
        (["--generate", "48", "--generate-format", "alnum"], r"[A-Za-z0-9]{65}"),
    ],
)
def test_a_generated_value(project: MakeProject, options: list[str], pattern: str) -> None:
    """A generated value has its format, differs each time, and is not printed."""
    made, seen = make(project), set()
    for _ in range(2):
        result = made.cli("set", "TOKEN", "-e", "production", *options, expect=0)
        value = made.read("secrets/token")
        assert re.fullmatch(pattern, value)
        assert value not in result.stdout + result.stderr
        seen.add(value)
    assert len(seen) == 2


def test_a_value_from_a_terminal(project: MakeProject, canary: CanaryFactory) -> None:
    """On a terminal the value is asked for, and is not echoed."""
    made, value = make(project), canary()
    leader, follower = pty.openpty()
    child = subprocess.Popen(
        secretsync_argv(["set", "TOKEN", "-e", "production"]),
        cwd=made.root,
        env=clean_environment(made.home),
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    shown = b""
    while b"value of TOKEN: " not in shown:
        shown += os.read(leader, 1024)
    os.write(leader, f"{value}\n".encode())
    assert child.wait(60) == 0
    shown += os.read(leader, 4096)
    os.close(leader)
    assert value.encode() not in shown
    assert b"docker:token: created" in shown
    assert made.read("secrets/token") == value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["UNBOUND"], "it is not clear where to store it (a lookup reads docker:unbound, env:UNBOUND); add UNBOUND"),
        (["PASWORD"], "did you mean PASSWORD? If not, add PASWORD = "),
        (["FROM_ENV"], "cannot be written; set the value there"),
        (["AS_JSON"], "with as=json, which cannot be reversed"),
        (["PASSWORD", "--field", "other"], "its binding names the field password; remove --field"),
        (["TOKEN", "--generate", "8"], "--generate 8 is too short"),
        (["nowhere:token"], "there is no store"),
    ],
)
def test_refusals(project: MakeProject, arguments: list[str], message: str) -> None:
    """Status 2 if there is not exactly one place that can be written; nothing is read from the pipe before."""
    failed = make(project).cli("set", *arguments, "-e", "production", expect=2)
    assert message in failed.stderr


@pytest.mark.parametrize("value", [b"", b"\n", b"\xff\xfe", b"a\0b"])
def test_values_that_are_refused(project: MakeProject, value: bytes) -> None:
    """Status 2 for a value that no entry can hold, and nothing is stored."""
    made = make(project)
    failed = made.cli("set", "TOKEN", "-e", "production", stdin=value, expect=2)
    assert "TOKEN: the value" in failed.stderr
    assert not (made.root / "secrets/token").exists()


def test_a_pinned_version(project: MakeProject) -> None:
    """A binding that pins a version is refused, because the new version would not be read."""
    made = make(project, '[secrets]\nTOKEN = "vault:secret/app?version=3#token"\n')
    assert "pins a version" in made.cli("set", "TOKEN", "-e", "production", expect=2).stderr


def test_a_link_is_not_written_through(project: MakeProject, canary: CanaryFactory, tmp_path: Path) -> None:
    """A secrets file that is a link out of its folder stays, and so does its target."""
    made = make(project)
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    (made.root / "secrets").mkdir()
    (made.root / "secrets/token").symlink_to(target)
    made.cli("set", "TOKEN", "-e", "production", stdin=canary(), expect=3)
    assert target.read_text() == "mine"


def test_check_rotation_names_the_command(project: MakeProject, vault: VaultSpace) -> None:
    """The hint of an overdue secret is a command that stores a new version, by the name or by the reference."""
    mount = vault.kv2()
    vault.write(mount, "app", {"token": "x", "plain key": "y"})
    made = make(
        project, f'[secrets]\nTOKEN = "vault:{mount}/app#token"\nPINNED = "vault:{mount}/app?version=1#token"\n'
    )
    env = vault.environ(vault.token(vault.policy(f"{mount}/*", capabilities=["read", "list"])))
    made.write("env/production/security.env", f"TOKEN=$<TOKEN>\nOTHER=$<vault:{mount}/app#plain key>\nP=$<PINNED>\n")
    report = made.cli("check-rotation", "-e", "production", "--at", "2040-01-01", "--format", "json", env=env)
    hints = {row["reference"]: row["hint"] for row in json.loads(report.stdout)["secrets"]}
    commands = f"`secretsync set 'vault:{mount}/app#plain key' -e production` and `secretsync set TOKEN -e production`"
    assert hints[f"vault:{mount}/app"].endswith(f"; rotate it: {commands}")
    assert hints[f"vault:{mount}/app?version=1"].split("; ")[1] == "rotate it"


def test_vault(project: MakeProject, vault: VaultSpace, canary: CanaryFactory) -> None:
    """A field of KV v2 is created, then replaced by a new version, and the other fields of the path stay."""
    mount, value = vault.kv2(), canary()
    rights = vault.policy(f"{mount}/*", capabilities=["create", "read", "update"])
    made = make(project, f'[secrets]\nTOKEN = "vault:{mount}/app#token"\nOTHER = "vault:{mount}/app#other"\n')
    env = vault.environ(vault.token(rights))
    created = made.cli("set", "TOKEN", "-e", "production", stdin=canary(), env=env, expect=0)
    assert created.stdout == f"TOKEN: vault:{mount}/app#token: created, version 1\n"
    made.cli("set", "OTHER", "-e", "production", stdin=canary(), env=env, expect=0)
    replaced = made.cli("set", "TOKEN", "-e", "production", stdin=value, env=env, expect=0)
    assert replaced.stdout == f"TOKEN: vault:{mount}/app#token: version 2 -> 3\n"
    assert made.cli("get", "TOKEN", "-e", "production", env=env, reveals=True, expect=0).stdout == value
    made.cli("get", "OTHER", "-e", "production", env=env, reveals=True, expect=0)


def test_vault_denies_the_write(project: MakeProject, vault: VaultSpace, canary: CanaryFactory) -> None:
    """A token that may only read gets status 4, with the policy that is needed."""
    mount = vault.kv2()
    made = make(project, f'[secrets]\nTOKEN = "vault:{mount}/app#token"\n')
    env = vault.environ(vault.token(vault.policy(f"{mount}/*", capabilities=["read"])))
    failed = made.cli("set", "TOKEN", "-e", "production", stdin=canary(), env=env, expect=4)
    assert 'capabilities = ["create", "update", "read"]' in failed.stderr


@pytest.mark.parametrize("transport", ["direct", "sdk"])
def test_aws(project: MakeProject, aws: AwsAccount, canary: CanaryFactory, transport: str) -> None:
    """A secret of AWS is created, then gets a new version."""
    user = aws.principal({*READ_ACTIONS, "CreateSecret", "PutSecretValue"})
    store = '[stores.aws]\ntransport = "sdk"\n\n' if transport == "sdk" else ""
    made, value = make(project, f'{store}[secrets]\nTOKEN = "aws:prod/app#token"\n'), canary()
    env = aws.environ(user)
    created = made.cli("set", "TOKEN", "-e", "production", stdin=canary(), env=env, expect=0)
    first = created.stdout.split()[-1]
    replaced = made.cli("set", "TOKEN", "-e", "production", stdin=value, env=env, expect=0)
    assert f"version {first} -> " in replaced.stdout
    assert made.cli("get", "TOKEN", "-e", "production", env=env, reveals=True, expect=0).stdout == value


def test_a_schedule_of_the_store(project: MakeProject, aws_moto: AwsAccount, canary: CanaryFactory) -> None:
    """A secret that its store rotates is set with a warning."""
    aws_moto.create("scheduled", canary())
    name = aws_moto.name("scheduled")
    rules = {"AutomaticallyAfterDays": 30}
    aws_moto.client().rotate_secret(SecretId=name, RotationRules=rules, RotateImmediately=True)
    made = make(project, f'[secrets]\nTOKEN = "aws:{name}"\n')
    result = made.cli("set", "TOKEN", "-e", "production", stdin=canary(), env=aws_moto.environ())
    assert "the store rotates" in result.stderr


@pytest.mark.parametrize("arguments", [("TOKEN", "{}"), ("TOKEN={}",)])
def test_a_value_as_an_argument(project: MakeProject, arguments: tuple[str, ...]) -> None:
    """A value among the arguments is refused with the reason and the ways that exist, and is not repeated."""
    value = "Tr0ub4dor"  # a canary is refused in the arguments of a test
    failed = make(project).cli("set", *(text.format(value) for text in arguments), "-e", "production", expect=2)
    assert "a value cannot be an argument" in failed.stderr
    assert "pipe the value, or give --from-file or --generate" in failed.stderr
    assert value not in failed.stderr


def test_a_closed_standard_input(project: MakeProject) -> None:
    """Without a standard input the ways to give a value are named."""
    made = make(project)
    command = f"exec {' '.join(secretsync_argv(('set', 'TOKEN', '-e', 'production')))} <&-"
    environment = clean_environment(made.home, {})
    failed = subprocess.run(["sh", "-c", command], cwd=made.root, env=environment, capture_output=True, check=False)
    assert failed.returncode == 2
    assert b"standard input is closed; pipe the value" in failed.stderr


def test_a_place_beside_the_other_secrets(project: MakeProject) -> None:
    """The advice for a name without a binding is the JSON secret that the other names have."""
    failed = make(project).cli("set", "NEW_KEY", "-e", "production", "--generate", "32", expect=2)
    assert 'add NEW_KEY = "docker:app#NEW_KEY" to [secrets] of providers/production.toml' in failed.stderr


def test_a_reference_is_shown_once(project: MakeProject) -> None:
    """A reference in the place of a name is in the result once."""
    done = make(project).cli("set", "docker:other", "-e", "production", "--generate", "32", expect=0)
    assert done.stdout == "docker:other: created\n"
