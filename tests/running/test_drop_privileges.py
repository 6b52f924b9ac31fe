"""`run --user`: what root alone may read is read first, then nothing of root is left."""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.canary import make_canary
from tests.support.pid1 import read_fields
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs, needs_tool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which is not here")

STATUS = ("cat", "/proc/self/status")
NOBODY = 65534


@pytest.fixture
def secret() -> str:
    """Return the content of a file that only root may read."""
    return make_canary()


@pytest.fixture
def app(project: MakeProject, secret: str) -> Project:
    """Return a project with that secret."""
    needs(os.geteuid() == 0, "root")
    made = project(
        {
            "env/production/security.env": "DB_PASSWORD=$<docker:db_password>\n",
            "providers/production.toml": '[stores.docker]\ndir = "secrets"\n',
        }
    )
    made.write("secrets/db_password", secret, mode=0o400)
    (made.root / "secrets").chmod(0o700)
    return made


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """Yield a folder that every user can reach: those of the tests are closed."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def run(app: Project, user: str, *command: str, options: Sequence[str] = (), status: int = 0) -> str:
    """Return the output of the command after `run --user USER`."""
    arguments = ["run", "-e", "production", "--user", user, *options, "--", *command]
    return app.cli(*arguments, reveals=True, expect=status).stdout


def test_application_has_no_right_of_root(app: Project, secret: str) -> None:
    """Ids, groups, every set of capabilities, and no way to get more; it has the secret all the same."""
    status = read_fields(run(app, "nobody", *STATUS))
    assert {status[name] for name in ("Uid", "Gid")} == {"\t".join([str(NOBODY)] * 4)}
    assert status["Groups"] == str(NOBODY)
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert run(app, "nobody", "printenv", "DB_PASSWORD") == f"{secret}\n"
    setpriv = needs_tool("setpriv")
    for way in ("--reuid=0", "--clear-groups", "--inh-caps=+chown"):
        assert run(app, "nobody", "sh", "-c", f"! {setpriv} {way} echo changed") == ""


def test_capabilities_that_would_survive_are_taken(app: Project) -> None:
    """Inheritable and ambient capabilities are removed even with securebits that keep them."""
    setpriv = needs_tool("setpriv")
    argv = [setpriv, "--inh-caps=+chown,+setuid", "--ambient-caps=+chown", "--securebits=+no_setuid_fixup"]
    argv += secretsync_argv(["run", "-e", "production", "--user", "nobody", "--", *STATUS])
    done = run_command(argv, cwd=app.root, env=clean_environment(app.home), expect=0)
    status = read_fields(done.stdout)
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}


@pytest.mark.parametrize(
    ("user", "uid", "gid", "groups"),
    [
        ("65534", 65534, 65534, "65534"),  # a number that passwd knows: its groups
        ("4711:4712", 4711, 4712, "4712"),  # one that it does not
        ("nobody:daemon", 65534, 1, "1"),
        ("daemon:4712", 1, 4712, "4712"),
    ],
)
def test_ids_by_name_and_number(app: Project, user: str, uid: int, gid: int, groups: str) -> None:
    """--user accepts the forms of a Dockerfile's USER."""
    status = read_fields(run(app, user, *STATUS))
    assert (status["Uid"], status["Gid"]) == ("\t".join([str(uid)] * 4), "\t".join([str(gid)] * 4))
    assert status["Groups"] == groups


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ("no-such-user", "there is no user of this name"),
        ("nobody:no-such-group", "there is no group of this name"),
        ("4711", "add its group: 4711:GROUP"),
        ("root", "--user cannot be root"),
        ("0:4711", "--user cannot be root"),
        ("4294967295:1", "must be below 4294967295"),
        ("nobody:4294967295", "must be below 4294967295"),
        ("", "its value is empty"),
    ],
)
def test_user_is_looked_up_before_anything_is_asked(app: Project, user: str, message: str) -> None:
    """A wrong user is status 2 before a store is asked."""
    (app.root / "secrets" / "db_password").unlink()
    done = app.cli("run", "-e", "production", "--user", user, "--", "echo", "started", expect=2)
    assert message in done.stderr
    assert done.stdout == ""


def test_only_root_can_become_another_user(app: Project) -> None:
    """--user is refused before a store is asked if the process is not root."""
    code = "import os; from secretsync.running.drop_privileges import find_user; "
    code += "os.setresuid(47, 47, 47); find_user('1:1')"
    done = run_command([sys.executable, "-I", "-c", code], cwd=Path("/"), env=clean_environment(app.home))
    assert "only root can become another user" in done.stderr


def test_without_the_right_to_change_users_nothing_starts(app: Project) -> None:
    """Root in name only, as in a container without capabilities: status 126, not a start as root."""
    argv = [needs_tool("setpriv"), "--bounding-set=-setuid", "--inh-caps=-all"]
    argv += secretsync_argv(["run", "-e", "production", "--user", "nobody", "--", "echo", "started"])
    done = run_command(argv, cwd=app.root, env=clean_environment(app.home), expect=126)
    assert done.stdout == ""
    assert "privileges of root" in done.stderr


def test_files_belong_to_the_user(app: Project, secret: str, shared_folder: Path) -> None:
    """Written by it, after root's rights are gone; a second start finds the folder of the first."""
    files = ["--files", str(shared_folder / "files"), "--allow-disk"]
    show = 'stat -c "%u %a" "$DB_PASSWORD_FILE"; cat "$DB_PASSWORD_FILE"'
    for _ in range(2):
        assert run(app, "nobody", "sh", "-c", show, options=files) == f"{NOBODY} 400\n{secret}"
    assert "0700" in app.cli("run", "-e", "production", *files, "--", "true", expect=6).stderr


def test_folder_that_cannot_be_given_away(app: Project, shared_folder: Path) -> None:
    """Root without the capability: the message names it, and no folder of root's is left for the next start."""
    argv = [needs_tool("setpriv"), "--bounding-set=-chown", "--inh-caps=-all"]
    argv += secretsync_argv(["run", "-e", "production", "--user", "nobody", "--files", str(shared_folder / "files")])
    argv += ["--allow-disk", "--", "echo", "started"]
    done = run_command(argv, cwd=app.root, env=clean_environment(app.home), expect=6)
    assert done.stdout == ""
    assert f"cannot be changed to user {NOBODY}" in done.stderr
    assert "CHOWN" in done.stderr
    assert list(shared_folder.iterdir()) == []


def test_bounding_set_without_the_right_to_change_it(app: Project) -> None:
    """Without SETPCAP the bounding set stays, and no_new_privs makes up for it."""
    argv = [needs_tool("setpriv"), "--bounding-set=-setpcap", "--inh-caps=-all"]
    argv += secretsync_argv(["run", "-e", "production", "--user", "nobody", "--", *STATUS])
    status = read_fields(run_command(argv, cwd=app.root, env=clean_environment(app.home), expect=0).stdout)
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert int(status["CapBnd"], 16) != 0
    assert status["NoNewPrivs"] == "1"
