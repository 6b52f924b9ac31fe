"""`run --files`: secrets in files of their own, for applications that take NAME_FILE in place of NAME."""

import json
import os
import secrets
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.canary import make_canary
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which is not here"),
    pytest.mark.sink("files/*", "here/*", "more/*", "memory/*"),
]

PRODUCTION = ("run", "-e", "production")
BINDINGS = '[stores.docker]\ndir = "secrets"\n'


@pytest.fixture
def memory() -> Iterator[Path]:
    """Yield the name of a folder in memory that is not there yet."""
    shared = Path("/dev/shm")
    done = subprocess.run(["stat", "-f", "-c", "%T", shared], capture_output=True, text=True, check=False)
    needs(done.stdout == "tmpfs\n" and os.access(shared, os.W_OK), "a file system in memory at /dev/shm")
    folder = shared / f"secretsync-test-{secrets.token_hex(6)}"
    yield folder
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def secret() -> str:
    """With what files and shells take differently, and a line end that belongs to it."""
    return make_canary(before="'ü$<X>\r\n", after="\n")


@pytest.fixture
def app(project: MakeProject, secret: str) -> Project:
    """One secret, in a text of its own too, and one setting."""
    return project(
        {
            "env/production/common.env": "LOG_LEVEL=INFO\n",
            "env/production/security.env": "DB_PASSWORD=$<docker:db_password>\nDB_URL=db://app:$<docker:db_password?as=text>@host\n",
            "providers/production.toml": BINDINGS,
            "secrets/db_password": f"{secret}\n",
        }
    )


def test_each_secret_is_a_file(app: Project, memory: Path, secret: str) -> None:
    """Each secret is a file with mode 0400, byte for byte; a variable has its path; settings stay variables."""
    done = app.cli(*PRODUCTION, "--files", str(memory), "--", "env", "-0", env={"DB_URL": "old"}, expect=0)
    found = dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)
    assert found["DB_PASSWORD_FILE"] == str(memory / "DB_PASSWORD")
    assert found["DB_URL_FILE"] == str(memory / "DB_URL")
    assert found["LOG_LEVEL"] == "INFO"
    assert not {"DB_PASSWORD", "DB_URL", "LOG_LEVEL_FILE"} & set(found)
    assert (memory / "DB_PASSWORD").read_bytes() == secret.encode()
    assert (memory / "DB_URL").read_bytes() == f"db://app:{secret}@host".encode()
    assert stat.S_IMODE(memory.stat().st_mode) == 0o700
    assert {stat.S_IMODE((memory / name).stat().st_mode) for name in ("DB_PASSWORD", "DB_URL")} == {0o400}


def test_relative_folder_is_given_to_the_application_as_a_whole_path(app: Project) -> None:
    """A relative directory becomes absolute, because the application may change its working directory."""
    done = app.cli(*PRODUCTION, "--files", "here", "--allow-disk", "--", "printenv", "DB_PASSWORD_FILE", expect=0)
    assert done.stdout == f"{app.root.resolve()}/here/DB_PASSWORD\n"


def test_files_of_an_earlier_run_go(app: Project, memory: Path, secret: str) -> None:
    """Files of an earlier run are removed or get the new values."""
    app.cli(*PRODUCTION, "--files", str(memory), "--", "true", expect=0)
    app.write("env/production/security.env", "API_KEY=$<docker:db_password>\nDB_URL=$<docker:other>\n")
    app.write("secrets/other", other := make_canary())
    app.cli(*PRODUCTION, "--files", str(memory), "--", "true", expect=0)
    visible = {path.name: path.read_bytes() for path in memory.iterdir() if not path.name.startswith(".")}
    assert visible == {"API_KEY": secret.encode(), "DB_URL": other.encode()}


def test_what_it_did_not_write_stays(app: Project, memory: Path) -> None:
    """A folder that holds something else is refused whole, whatever that is called."""
    memory.mkdir(mode=0o700)
    (memory / "DB_PASSWORD").write_text("mine")
    done = app.cli(*PRODUCTION, "--files", str(memory), "--", "echo", "started", expect=6)
    assert done.stdout == ""
    assert "DB_PASSWORD" in done.stderr
    assert {path.name: path.read_text() for path in memory.iterdir()} == {"DB_PASSWORD": "mine"}


def test_disk_is_refused_where_strict(app: Project) -> None:
    """Before a store is asked, and nothing is made; --allow-disk says otherwise."""
    (app.root / "secrets" / "db_password").rename(app.root / "elsewhere")
    done = app.cli(*PRODUCTION, "--files", str(app.root / "files"), "--", "true", expect=6)
    assert "--allow-disk" in done.stderr
    assert not (app.root / "files").exists()
    (app.root / "elsewhere").rename(app.root / "secrets" / "db_password")
    app.cli(*PRODUCTION, "--files", str(app.root / "files"), "--allow-disk", "--", "true", expect=0)
    app.write("env/development/security.env", "API_KEY=$<docker:db_password>\n")
    app.write("providers/development.toml", BINDINGS)
    app.cli("run", "-e", "development", "--files", str(app.root / "more"), "--", "true", expect=0)
    assert (app.root / "more" / "API_KEY").exists()


def test_folder_that_others_may_enter_is_refused(app: Project, memory: Path) -> None:
    """A directory that others may enter is refused, and so are links, files and missing parents."""
    memory.mkdir(mode=0o750)
    assert "0700" in app.cli(*PRODUCTION, "--files", str(memory), "--", "true", expect=6).stderr
    memory.rmdir()
    memory.symlink_to(app.root)
    assert "it is a link or a file" in app.cli(*PRODUCTION, "--files", f"{memory}", "--allow-disk", "--", "true").stderr
    memory.unlink()
    app.cli(*PRODUCTION, "--files", str(memory / "a" / "b"), "--", "true", expect=6)
    app.cli(*PRODUCTION, "--files", str(app.write("file", "")), "--allow-disk", "--", "true", expect=6)


@pytest.mark.parametrize("where", ["inherited", "written"])
def test_variable_that_is_there_already_is_an_error(app: Project, memory: Path, where: str) -> None:
    """The application would be told two things; the message names both, and nothing is started."""
    if where == "written":
        app.write("env/production/common.env", "DB_PASSWORD_FILE=/etc/db\n")
    env = {"DB_PASSWORD_FILE": "/etc/db"} if where == "inherited" else {}
    done = app.cli(*PRODUCTION, "--files", str(memory), "--", "echo", "started", env=env, expect=2)
    assert done.stdout == ""
    assert "env/production/security.env:1: DB_PASSWORD: --files sets DB_PASSWORD_FILE" in done.stderr
    assert list(memory.iterdir()) == []


def test_no_store_fills_a_file_that_steers_the_application(app: Project, memory: Path) -> None:
    """SSL_CERT in a file would be SSL_CERT_FILE: whom the application trusts."""
    app.write("env/production/security.env", "SSL_CERT=$<docker:db_password>\n")
    arguments = [*PRODUCTION, "--files", str(memory), "--allow-name", "SSL_CERT"]
    assert "SSL_CERT_FILE" in app.cli(*arguments, "--", "true", expect=6).stderr
    app.cli(*arguments, "--allow-name", "SSL_CERT_FILE", "--", "true", expect=0)


def test_library_inside_the_application_reads_the_files(app: Project, memory: Path, secret: str) -> None:
    """`resolve_config` in the application reads the files, asks no store, and knows the origins."""
    code = """
import json, pathlib, secretsync
pathlib.Path("secrets/db_password").unlink()
config = secretsync.resolve_config("production")
print(json.dumps([config["DB_PASSWORD"], config["LOG_LEVEL"], list(config.origin("DB_PASSWORD").references)]))
"""
    done = app.cli(*PRODUCTION, "--files", str(memory), "--", sys.executable, "-c", code, expect=0, reveals=True)
    assert json.loads(done.stdout) == [secret, "INFO", ["docker:db_password"]]


def test_large_secret_goes_into_a_file(app: Project, memory: Path) -> None:
    """No variable can hold it: what the error about that recommends."""
    app.write("secrets/db_password", "x" * 200_000)
    app.cli(*PRODUCTION, "--", "true", expect=6)
    app.cli(*PRODUCTION, "--files", str(memory), "--", "true", expect=0)
    assert (memory / "DB_PASSWORD").stat().st_size == 200_000
