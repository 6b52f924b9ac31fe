"""`secretsync import`: the plan, the files, the store, and a second run."""

import os
from pathlib import Path

import dotenv
import pytest

from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment
from tests.support.projects import MakeProject, Project
from tests.support.terminals import answer_in_terminal

pytestmark = pytest.mark.sink("secrets/*")  # the store

STORE = '[stores.docker]\ndir = "secrets"\n'


def contents(made: Project) -> dict[str, bytes]:
    """Return all files of the project, without the imported one and the store."""
    paths = (path for path in made.root.rglob("*") if path.is_file())
    names = {str(path.relative_to(made.root)): path for path in paths}
    return {name: path.read_bytes() for name, path in names.items() if name.startswith(("env/", "providers/"))}


def make(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a folder with one .env."""
    text = (
        f"# The web application\nDEBUG=False # never on\nSECRET_KEY='{canary()}'\n\n# old: API_KEY={canary()}\n"
        f"DATABASE_URL=postgresql://app:{canary('p%40')}@db/app\nPORT=8000\n# the end\n"
    )
    return project({".env": text, "providers/production.toml": STORE})


def test_the_plan_without_a_write(project: MakeProject, canary: CanaryFactory) -> None:
    """A dry run writes nothing; without --write the files are written, and commands without values are printed."""
    made = make(project, canary)
    before = contents(made)
    dry = made.cli("import", ".env", "-e", "production", "--to", "docker:", "--dry-run", expect=0)
    assert contents(made) == before
    assert "would create env/production/security.env\nwould extend providers/production.toml\n" in dry.stdout
    done = made.cli("import", ".env", "-e", "production", "--to", "docker:", expect=0)
    assert "install -m 600 /dev/stdin secrets/secret_key  # SECRET_KEY" in done.stdout
    assert "2 secrets to store" in done.stdout
    assert not (made.root / "secrets").exists()
    assert made.read("env/production/common.env") == (
        "# The web application\n# never on\nDEBUG=False\nPORT=8000\n\n# the end\n"
    )
    assert made.read("env/production/security.env") == (
        "SECRET_KEY=$<SECRET_KEY>\n\n# (a comment was left out here, because it may hold a secret)\n"
        "DATABASE_URL=postgresql://app:$<DATABASE_PASSWORD?as=url>@db/app\n"
    )
    assert made.read("providers/production.toml") == (
        f'{STORE}\n[secrets]\nSECRET_KEY = "docker:secret_key"\nDATABASE_PASSWORD = "docker:database_password"\n'
    )


def test_a_second_run(project: MakeProject, canary: CanaryFactory) -> None:
    """A second run with --write changes neither a file nor the store; the application gets what it got before."""
    made = make(project, canary)
    command = ("import", ".env", "-e", "production", "--to", "docker:", "--write")
    made.cli(*command, expect=0)
    files = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in made.root.rglob("*") if path.is_file()}
    made.cli(*command, expect=0)
    assert {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in made.root.rglob("*") if path.is_file()
    } == files
    rendered = made.cli("render", "-e", "production", "--format", "dotenv", "--no-validate", reveals=True, expect=0)
    (made.root / "after").write_text(rendered.stdout)
    assert dict(dotenv.dotenv_values(made.root / "after")) == dict(dotenv.dotenv_values(made.root / ".env"))


def test_nothing_is_overwritten(project: MakeProject, canary: CanaryFactory) -> None:
    """An entry, a binding or a secret that is there with another value stays, and the import fails."""
    made = make(project, canary)
    command = ("import", ".env", "-e", "production", "--to", "docker:", "--write")
    made.write("env/production/common.env", "PORT=9000\n")
    before = contents(made)
    failed = made.cli(*command, expect=2)
    assert "env/production/common.env:1: PORT: it is there already, and with another value" in failed.stderr
    assert contents(made) == before
    made.write("env/production/common.env", "OTHER=1")
    theirs = canary()
    made.write("secrets/secret_key", theirs)
    failed = made.cli(*command, expect=3)
    assert "docker:secret_key: the secret has another value in the store already" in failed.stderr
    assert "docker:database_password: stored" in failed.stderr  # the user has to know what is in the store now
    assert made.read("secrets/secret_key") == theirs
    (made.root / "secrets/secret_key").unlink()
    made.cli(*command, expect=0)
    assert made.read("env/production/common.env").startswith("OTHER=1\n# The web application\n")


def test_a_file_that_cannot_be_written(project: MakeProject, canary: CanaryFactory) -> None:
    """No secret is stored, and no file is called created, if one of the files cannot be written."""
    made = make(project, canary)
    (made.root / "env/production").mkdir(parents=True)
    (made.root / "env/production/common.env").symlink_to("../../target.env")
    made.write("target.env", "OTHER=1\n")
    failed = made.cli("import", ".env", "-e", "production", "--to", "docker:", "--write", expect=6)
    assert "env/production/common.env: it is a symbolic link" in failed.stderr
    assert "created" not in failed.stdout
    assert "extended" not in failed.stdout
    assert not (made.root / "secrets").exists()
    assert made.read("target.env") == "OTHER=1\n"


def test_two_names_with_one_place(project: MakeProject, canary: CanaryFactory) -> None:
    """Two names that the store writes in one way are refused if their values differ, because one would be lost."""
    first, second = canary(), canary()
    made = project({".env": f"DB_PASSWORD={first}\ndb_password={second}\n", "providers/test.toml": STORE})
    command = ("import", ".env", "-e", "test", "--write", "--to")
    failed = made.cli(*command, "docker:", expect=2)
    assert "db_password: DB_PASSWORD has the same place, docker:db_password, and another value" in failed.stderr
    assert not (made.root / "secrets").exists()
    made.cli(*command, "docker:app", expect=0)
    assert made.cli("get", "db_password", "-e", "test", reveals=True, expect=0).stdout == second
    made = project({".env": f"DB_PASSWORD={first}\ndb_password={first}\n", "providers/test.toml": STORE})
    made.cli(*command, "docker:", expect=0)


def test_decisions_of_the_user(project: MakeProject, canary: CanaryFactory) -> None:
    """--secret and --setting win over the judgement; a name that no file has is refused."""
    made = project({".env": f"BUILD={canary()}\nPUBLIC_TOKEN=shown\n", "providers/test.toml": STORE})
    options = ("--secret", "BUILD", "--setting", "PUBLIC_TOKEN")
    made.cli("import", ".env", "-e", "test", "--to", "docker:", *options, expect=0)
    assert made.read("env/test/common.env") == "PUBLIC_TOKEN=shown\n"
    assert made.read("env/test/security.env") == "BUILD=$<BUILD>\n"
    assert (
        "no file has this name"
        in made.cli("import", ".env", "-e", "test", "--to", "docker:", "--secret", "NOPE", expect=2).stderr
    )
    failed = made.cli("import", ".env", "-e", "test", "--to", "docker:", "--setting", "BUILD", expect=2)
    assert "env/test/security.env:1: BUILD: it is there already" in failed.stderr
    for to in ("nowhere:x", "docker", "env:", "docker:a#b"):
        assert "--to" in made.cli("import", ".env", "-e", "test", "--to", to, expect=2).stderr


def test_a_service(project: MakeProject, canary: CanaryFactory) -> None:
    """A service of a Compose file gets its own env file."""
    web = f"  web:\n    environment:\n      PORT: 80\n      API_TOKEN: {canary()}\n"
    text = f"services:\n{web}  db:\n    environment: {{A: 1}}\n"
    made = project({"compose.yaml": text, "providers/test.toml": STORE})
    made.cli("import", "compose.yaml", "-e", "test", "--to", "docker:app", "--service", "web", "--write", expect=0)
    assert made.read("env/test/web.env") == "PORT=80\nAPI_TOKEN=$<API_TOKEN>\n"
    assert 'API_TOKEN = "docker:app#API_TOKEN"' in made.read("providers/test.toml")


def test_into_openbao(project: MakeProject, vault: VaultSpace, canary: CanaryFactory, tmp_path: Path) -> None:
    """All secrets of a file become fields of one version, and `run` gives the application what it got before."""
    made, mount = make(project, canary), vault.kv2()
    (made.root / "providers/production.toml").unlink()
    env = vault.environ(vault.token(vault.policy(f"{mount}/*", capabilities=["create", "read", "update"])))
    command = ("import", ".env", "-e", "production", "--to", f"vault:{mount}/production/app")
    shown = made.cli(*command, expect=0).stdout
    assert f"vault kv put -cas=0 {mount}/production/app SECRET_KEY=-  # SECRET_KEY" in shown
    assert f"vault kv patch {mount}/production/app DATABASE_PASSWORD=-" in shown
    for _ in range(2):
        made.cli(*command, "--write", env=env, expect=0)
    assert (
        vault.root.secrets.kv.v2.read_secret_metadata("production/app", mount_point=mount)["data"]["current_version"]
        == 1
    )
    rendered = made.cli(
        "render", "-e", "production", "--format", "dotenv", "--no-validate", env=env, reveals=True, expect=0
    )
    (tmp_path / "after").write_text(rendered.stdout)
    assert dict(dotenv.dotenv_values(tmp_path / "after")) == dict(dotenv.dotenv_values(made.root / ".env"))
    assert os.listdir(made.root / "env/production")


def test_no_environment_is_named(project: MakeProject) -> None:
    """In a folder without env/ the way is -e, because `import` makes the first environment."""
    failed = project({".env": "A=1\n"}).cli("import", ".env", "--to", "vault:", expect=2)
    assert "no environment is named; give -e NAME, or set $SECRETSYNC_ENV" in failed.stderr


def test_the_commands_of_aws(project: MakeProject, canary: CanaryFactory) -> None:
    """One command creates a JSON secret, and names its fields."""
    made = make(project, canary)
    shown = made.cli("import", ".env", "-e", "production", "--to", "aws:prod/app", expect=0).stdout
    assert shown.count("create-secret") == 1
    assert "--secret-string file://secret.json  # SECRET_KEY, DATABASE_PASSWORD\n" in shown


def test_the_plain_text_that_is_left(project: MakeProject, canary: CanaryFactory) -> None:
    """After a write, the files that still have the secrets are named."""
    made = make(project, canary)
    done = made.cli("import", ".env", "-e", "production", "--to", "docker:", "--write", expect=0)
    assert "next: remove the secrets from .env: they are still there in plain text\n" in done.stdout


def test_a_pipe(project: MakeProject, canary: CanaryFactory) -> None:
    """Secrets of another tool come from a pipe, so that no plain text is on the disk."""
    made, value = project({"providers/test.toml": STORE}), canary()
    command = ("import", "-", "-e", "test", "--to", "docker:", "--write")
    done = made.cli(*command, stdin=f'{{"API_TOKEN": "{value}", "PORT": "80"}}', expect=0)
    assert "still there in plain text" not in done.stdout
    assert made.read("env/test/common.env") == "PORT=80\n"
    assert made.read("secrets/api_token") == value
    assert "standard input: it is empty" in made.cli(*command, expect=2).stderr
    assert "standard input:1:2: there is" in made.cli(*command, stdin="A 1\n", expect=2).stderr


QUESTION = "a setting stays in clear [secret/setting]: "


def make_undecided(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a folder with a .env of which one entry mixes a secret with a variable of the process environment."""
    return project({".env": f"DEBUG=False\nAPI_TOKEN={canary()}${{REGION}}\n", "providers/production.toml": STORE})


def import_in_terminal(made: Project, *answers: tuple[str, str]) -> tuple[int, str]:
    """Return the exit status of an import with --write in a terminal, and what the terminal shows."""
    arguments = ["import", ".env", "-e", "production", "--to", "docker:", "--write"]
    return answer_in_terminal(arguments, answers, cwd=made.root, env=clean_environment(made.home))


def test_a_secret_that_the_user_decides(project: MakeProject, canary: CanaryFactory) -> None:
    """The question names the entry and the reason, and a wrong answer is asked again; the value is not echoed."""
    made, value = make_undecided(project, canary), canary()
    status, shown = import_in_terminal(
        made, (QUESTION, "perhaps\n"), (QUESTION, "secret\n"), ("without the variable: ", f"{value}\n")
    )
    assert status == 0, shown
    assert ".env:2: API_TOKEN: it mixes a secret with a variable of the process environment (plaintext-" in shown
    assert made.read("env/production/security.env") == "API_TOKEN=$<API_TOKEN>\n"
    assert made.read("secrets/api_token") == value


def test_the_end_of_the_input(project: MakeProject, canary: CanaryFactory) -> None:
    """If the user ends the input, the error is that of a pipe, and nothing is written."""
    made = make_undecided(project, canary)
    status, shown = import_in_terminal(made, (QUESTION, "\x04"))
    assert status == 2
    assert "say that it is a setting: --setting API_TOKEN" in " ".join(shown.split())
    assert not (made.root / "env").exists()


def test_a_pipe_is_not_asked(project: MakeProject, canary: CanaryFactory) -> None:
    """Without a terminal an entry that cannot be decided is an error."""
    made = make_undecided(project, canary)
    failed = made.cli("import", ".env", "-e", "production", "--to", "docker:", stdin="secret\n", expect=2)
    assert "--setting API_TOKEN" in failed.stderr
    assert "secret/setting" not in failed.stderr


def test_a_setting_that_the_user_decides(project: MakeProject) -> None:
    """A setting stays in clear."""
    made = project({".env": "API_TOKEN=kq81hX02mmZr7${REGION}\n", "providers/production.toml": STORE})
    status, shown = import_in_terminal(made, (QUESTION, "Setting\n"))
    assert status == 0, shown
    assert made.read("env/production/common.env") == "API_TOKEN=kq81hX02mmZr7${REGION-}\n"
