"""`secretsync diff` as a process: between records, environments and the present, and rotations of real stores."""

import json
import os
import pty
import subprocess
from typing import Any

import pytest

from tests.servers.aws import AwsAccount
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment, secretsync_argv
from tests.support.projects import MakeProject, Project

COMMON, SECURITY, WEB = "env/production/common.env", "env/production/security.env", "env/production/web.env"
BINDINGS = "providers/production.toml"


@pytest.fixture
def made(project: MakeProject, canary: CanaryFactory) -> Project:
    """Production with a first record, and staging."""
    made = project(
        {
            COMMON: "LOG_LEVEL=INFO\nOLD=1\n",
            SECURITY: "SECRET_KEY=$<SECRET_KEY>\nURL=postgresql://app:$<DB_PASSWORD>@db/app\n",
            WEB: "PORT=80\n",
            BINDINGS: (
                "[stores.docker]\ndir = 'secrets'\n"
                "[secrets]\nSECRET_KEY = 'docker:secret_key'\nDB_PASSWORD = 'docker:db_password'\n"
            ),
            "env/staging/common.env": "LOG_LEVEL=DEBUG\n",
            "env/staging/security.env": f"SECRET_KEY=$<SECRET_KEY>\nAPI_TOKEN={canary()}\n",
            "providers/staging.toml": "[stores.docker]\ndir = 'staging'\n[secrets]\nSECRET_KEY = 'docker:key'\n",
            "secrets/secret_key": canary(),
            "secrets/db_password": canary(),
        }
    )
    made.cli("track", "-e", "production", expect=0)
    return made


def difference(made: Project, *arguments: str, **options: Any) -> dict[str, Any]:
    """Return the document of `diff --format json`."""
    done = made.cli("diff", *arguments, "--format", "json", **options)
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["schema"] == 1
    return document


def kinds(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return the kind of change of each key."""
    return {change["key"]: change["kinds"] for change in document["changes"]}


def edit(made: Project, name: str, old: str, new: str) -> None:
    """Replace what must be there."""
    text = made.read(name)
    assert old in text
    made.write(name, text.replace(old, new))


def test_no_difference(made: Project) -> None:
    """Said, status 0 with --exit-code too; what could not be compared is said as well."""
    done = made.cli("diff", "-e", "production", "--exit-code", expect=0)
    assert "production (now): no difference to production HEAD (" in done.stdout
    assert (
        "not compared: whether these were rotated, their stores name no versions: "
        "docker:db_password, docker:secret_key\n" in done.stdout
    )
    assert made.cli("diff", "-e", "production", "-q", expect=0).stdout == ""


def test_each_kind_of_change(made: Project) -> None:
    """Each kind of change is printed in the form of a unified diff."""
    made.write(COMMON, "LOG_LEVEL=WARNING\nNEW=2\n")
    edit(made, BINDINGS, "docker:secret_key", "docker:db_password")
    edit(made, SECURITY, "@db/", "@db2/")
    done = made.cli("diff", "-e", "production", "--exit-code", expect=1)
    head, _, rest = done.stdout.partition("@@")
    assert head.startswith("--- production HEAD (2")
    assert head.endswith("\n+++ production (now)\n")
    assert f"@@{rest}" == (
        "@@ common.env: LOG_LEVEL: changed @@\n"
        "-LOG_LEVEL=INFO\n"
        "+LOG_LEVEL=WARNING\n"
        "@@ common.env: NEW: added @@\n"
        "+NEW=2\n"
        "@@ common.env: OLD: removed @@\n"
        "-OLD=1\n"
        "@@ security.env: SECRET_KEY: re-pointed @@\n"
        " SECRET_KEY=$<SECRET_KEY>\n"
        "-  docker:secret_key\n"
        "+  docker:db_password\n"
        "@@ security.env: URL: changed @@\n"
        "-URL=postgresql://app:$<DB_PASSWORD>@db/app\n"
        "+URL=postgresql://app:$<DB_PASSWORD>@db2/app\n"
        "not compared: whether these were rotated, their stores name no versions: docker:db_password\n"
        "\n"
        "1 added, 1 removed, 2 changed, 1 re-pointed\n"
    )
    assert difference(made, "-e", "production")["summary"] == {
        "added": 1,
        "removed": 1,
        "changed": 2,
        "re-pointed": 1,
        "rotated": 0,
        "stores": 0,
    }
    made.cli("diff", "-e", "production", expect=0)  # without --exit-code a difference is no failure


def test_what_is_a_change_and_what_is_none(made: Project) -> None:
    """Another file, another reference in the text, a missing secret, a store with other settings."""
    made.write(COMMON, "OLD=1\n")
    made.write(SECURITY, "LOG_LEVEL=INFO\n" + made.read(SECURITY).replace("$<DB_PASSWORD>", "$<docker:db_password>"))
    found = difference(made, "-e", "production")
    assert kinds(found) == {"LOG_LEVEL": ["changed"], "URL": ["changed"]}  # it is written in another way
    (moved,) = [change for change in found["changes"] if change["key"] == "LOG_LEVEL"]
    assert (moved["before"]["file"], moved["after"]["file"]) == ("common.env", "security.env")
    edit(made, SECURITY, "$<docker:db_password>", "$<docker:secret_key>")
    assert kinds(difference(made, "-e", "production"))["URL"] == ["re-pointed"]
    (made.root / "secrets/secret_key").unlink()
    found = difference(made, "-e", "production")
    assert kinds(found) == {"LOG_LEVEL": ["changed"], "SECRET_KEY": ["changed"], "URL": ["changed", "re-pointed"]}
    assert "(missing)" in made.cli("diff", "-e", "production").stdout
    edit(made, BINDINGS, "'secrets'", "'other'")
    (store,) = difference(made, "-e", "production")["stores"]
    assert store["before"]["settings"] == {"dir": "secrets"}
    assert store["after"]["settings"] == {"dir": "other"}
    told = made.cli("diff", "-e", "production", "--exit-code", expect=1).stdout
    assert "@@ store docker: other settings @@\n-dir = secrets\n+dir = other\n" in told


def test_a_lookup_that_is_answered_elsewhere(project: MakeProject, canary: CanaryFactory) -> None:
    """A bare name that another store answers than before is reported as re-pointed."""
    files = {SECURITY: "API_TOKEN=$<API_TOKEN>\n", BINDINGS: "[stores.docker]\ndir = 'secrets'\n"}
    made = project({**files, "secrets/api_token": canary()})
    env = {"API_TOKEN": canary()}
    made.cli("track", "-e", "production", env=env, expect=0)
    (made.root / "secrets/api_token").unlink()
    assert kinds(difference(made, "-e", "production", env=env)) == {"API_TOKEN": ["re-pointed"]}


def test_records(made: Project) -> None:
    """HEAD, HEAD~N and moments; one name is compared with the present."""
    for port in (81, 82):
        made.write(WEB, f"PORT={port}\n")
        made.cli("track", "-e", "production", "--message", f"port {port}", expect=0)
    made.write(WEB, "PORT=83\n")

    def ports(*names: str) -> tuple[str, str]:
        (change,) = difference(made, "-e", "production", *names)["changes"]
        assert change["kinds"] == ["changed"]
        return change["before"]["value"], change["after"]["value"]

    assert ports() == ports("HEAD") == ("82", "83")
    assert ports("HEAD~2", "HEAD") == ("80", "82")
    assert ports("HEAD", "HEAD~1") == ("82", "81")
    assert ports("HEAD~") == ("81", "83")
    assert ports("9999-01-01T00:00:00Z") == ("82", "83")
    shown = made.cli("diff", "-e", "production", "HEAD~1", "HEAD", expect=0).stdout
    assert "--- production HEAD~1 (" in shown
    assert ", port 81)\n+++ production HEAD (" in shown


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["HEAD~1"], "HEAD~1: there is 1 record of production"),
        (["HEAD", "HEAD~77777"], "HEAD~77777: there is 1 record"),
        (["2001-01-01"], "no record of production is that old; the first is of 2"),
        (["HEAD", "staging"], "name two records of one environment, or two environments"),
        (["stag\ning"], "one name must be a record"),
        (["a", "b", "c"], "two names at most"),
        (["staging", "production"], "remove -e, --env-file and --history"),
    ],
)
def test_names_of_no_record(made: Project, names: list[str], said: str) -> None:
    """A name that is not a record ends with status 2; the message lists the records that exist."""
    assert said in made.cli("diff", "-e", "production", *names, expect=2).stderr


def test_no_record_yet(made: Project) -> None:
    """The message names the command that makes a record; an environment that does not exist is an error."""
    failed = made.cli("diff", "-e", "staging", expect=2)
    assert "there is no record of staging yet; `secretsync track` makes the first" in failed.stderr
    failed = made.cli("diff", "staging", "gone", expect=2)
    assert "there is no environment of this name; there are: production, staging" in failed.stderr


def test_two_environments(made: Project, canary: CanaryFactory) -> None:
    """Two environments are compared without asking a store: settings by value, secrets by reference."""
    env = {"HTTPS_PROXY": "http://127.0.0.1:1"}
    done = made.cli("diff", "staging", "production", "--exit-code", env=env, expect=1)
    assert "@@ common.env: LOG_LEVEL: changed @@\n-LOG_LEVEL=DEBUG\n+LOG_LEVEL=INFO\n" in done.stdout
    assert (
        "@@ security.env: SECRET_KEY: re-pointed @@\n SECRET_KEY=$<SECRET_KEY>\n"
        "-  docker:key\n+  docker:secret_key\n" in done.stdout
    )
    assert "@@ security.env: API_TOKEN: removed @@\n-API_TOKEN=********\n" in done.stdout
    assert "@@ store docker: other settings @@\n-dir = staging\n+dir = secrets\n" in done.stdout
    assert "not compared: versions: those are each environment's own\n" in done.stdout
    document = difference(made, "staging", "production")
    assert (document["before"]["environment"], document["after"]["environment"]) == ("staging", "production")
    canary.assert_clean(json.dumps(document))
    assert difference(made, "staging", "staging")["changes"] == []


def test_hostile_text_is_escaped(project: MakeProject) -> None:
    """Text of the files cannot move the cursor or forge a line; JSON has the text unchanged."""
    hostile = "a\\n+FORGED=1 \x1b[2J\x9b\u202e\x7f"
    made = project({SECURITY: "A=1\n", "env/staging/security.env": f'X="{hostile}"\n'})
    shown = made.cli("diff", "production", "staging", expect=0).stdout
    assert not set(shown) & set("\x1b\x9b\u202e\x7f\r")
    assert not any(line.startswith("+FORGED") for line in shown.split("\n"))
    (change,) = [one for one in difference(made, "production", "staging")["changes"] if one["key"] == "X"]
    assert change["after"]["value"] == hostile.replace("\\n", "\n")


def test_a_forged_history_is_escaped(made: Project) -> None:
    """A message or an actor that somebody wrote into the file forges no line either."""
    name = ".secretsync/history/production.json"
    document = json.loads(made.read(name))
    (record,) = document["records"]
    record["message"], record["actor"]["user"] = "x\n+++ forged \x1b]0;x\x07", "eve\r\x1b[1A"
    record["entries"][0]["key"] = "K\n-forged"
    made.write(name, json.dumps(document))
    for arguments in (["diff"], ["track", "--list"]):
        shown = made.cli(*arguments, "-e", "production", expect=0).stdout
        assert not set(shown) & set("\x1b\x07\r")
        assert not any(line.startswith(("+++ forged", "-forged")) for line in shown.split("\n"))


@pytest.mark.parametrize("no_colour", [None, "1"])
def test_colours(made: Project, no_colour: str | None) -> None:
    """On a terminal alone, and not where NO_COLOR is set."""
    made.write(WEB, "PORT=81\n")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        secretsync_argv(["diff", "-e", "production"]),
        cwd=made.root,
        env=clean_environment(made.home, {"NO_COLOR": no_colour}),
        stdout=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # the terminal's end
        pass
    os.close(ours)
    assert process.wait(HANG) == 0
    assert (b"\x1b[32m+PORT=81\x1b[0m" in shown) == (no_colour is None)
    assert b"PORT=81" in shown


def test_a_rotation_in_vault(project: MakeProject, vault: VaultSpace, canary: CanaryFactory) -> None:
    """A rotation is found by the version id, with permission to read metadata alone."""
    mount = vault.kv2()
    vault.write(mount, "app", {"password": canary()})
    vault.write(mount, "still", {"key": canary()})
    token = vault.token(vault.policy(f"{mount}/metadata/*", "sys/internal/ui/mounts/*"))
    references = f"DB_PASSWORD = 'vault:{mount}/app#password'\nOTHER_KEY = 'vault:{mount}/still#key'\n"
    made = project(
        {
            SECURITY: "DB_PASSWORD=$<DB_PASSWORD>\nURL=postgresql://app:$<DB_PASSWORD>@db/\nOTHER=$<OTHER_KEY>\n",
            BINDINGS: f"[stores.vault]\nauth = {{ method = 'token' }}\n[secrets]\n{references}",
        }
    )
    canary.watch(made.root / "env")
    env = vault.environ(token)
    made.cli("track", "-e", "production", env=env, expect=0)
    canary.watch(made.root / ".secretsync")
    assert kinds(difference(made, "-e", "production", env=env)) == {}
    vault.write(mount, "app", {"password": canary()})
    shown = made.cli("diff", "-e", "production", "--exit-code", env=env, expect=1).stdout
    assert (
        "@@ security.env: DB_PASSWORD: rotated @@\n DB_PASSWORD=$<DB_PASSWORD>\n"
        f"-  vault:{mount}/app#password version 1\n+  vault:{mount}/app#password version 2\n" in shown
    )
    assert "\n2 rotated\n" in shown
    offline = made.cli("diff", "-e", "production", "--offline", "--exit-code", expect=0).stdout
    assert "not compared: versions, and whether secrets are there: the stores were not asked (--offline)" in offline
    assert made.cli("track", "-e", "production", env=env, expect=0).stdout.endswith("; 2 rotated\n")
    recorded = difference(made, "-e", "production", "HEAD~1", "HEAD")
    assert kinds(recorded) == {"DB_PASSWORD": ["rotated"], "URL": ["rotated"]}
    vault.delete(mount, "app", 2)
    assert kinds(difference(made, "-e", "production", env=env)) == {"DB_PASSWORD": ["changed"], "URL": ["changed"]}
    denied = made.cli("diff", "-e", "production", env=vault.environ(vault.token()), expect=4)
    assert "denied" in denied.stderr


def test_a_rotation_in_aws(project: MakeProject, aws: AwsAccount, canary: CanaryFactory) -> None:
    """A rotation is found by the version id; a pinned version does not change."""
    aws.create("app", json.dumps({"password": canary()}))
    listed = aws.client().list_secret_version_ids(SecretId=aws.name("app"))["Versions"]
    (first,) = [one["VersionId"] for one in listed]
    references = f"A_TOKEN = 'aws:app#password'\nB_TOKEN = 'aws:app?version={first}#password'\n"
    made = project({SECURITY: "A=$<A_TOKEN>\nB=$<B_TOKEN>\n", BINDINGS: f"[secrets]\n{references}"})
    env = aws.environ(aws.metadata_only())
    made.cli("track", "-e", "production", env=env, expect=0)
    second = aws.put("app", json.dumps({"password": canary()}))
    (change,) = difference(made, "-e", "production", env=env)["changes"]
    assert (change["key"], change["kinds"]) == ("A", ["rotated"])
    assert [change[side]["sources"][0]["version"] for side in ("before", "after")] == [first, second]
