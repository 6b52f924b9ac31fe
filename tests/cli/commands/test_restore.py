"""`secretsync restore`: byte and mode exact, verified first, shown first, and never half done."""

import contextlib
import json
import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.backup.samples import FILES, GOOD, archive_of, limit_files, lose, make_modes, member, state
from tests.support.limits import HANG
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs_tool


@pytest.fixture
def made(project: MakeProject) -> Project:
    """Return a project with modes of all kinds."""
    return make_modes(project(FILES))


@pytest.fixture
def archive(made: Project) -> Path:
    """Return an archive of it."""
    return Path(made.cli("backup", expect=0).stdout.strip())


def damage(made: Project) -> None:
    """Change, lose, add."""
    made.write("env/production/common.env", "DEBUG=True\n")
    (made.root / "env/production/security.env").unlink()
    made.write("env/production/extra.env", "EXTRA=1\n")


def test_backup_damage_restore(made: Project, archive: Path) -> None:
    """Shown, refused without a yes, done with it, and nothing to do after it."""
    before = state(made.root)
    damage(made)
    damaged = state(made.root)
    shown = made.cli("restore", str(archive), "--dry-run", expect=0)
    assert shown.stdout.split("\n")[1:-1] == [
        "  changed  env/production/common.env",
        "  kept     env/production/extra.env  (not in the archive; --delete removes it)",
        "  added    env/production/security.env",
    ]
    assert "give --yes" in made.cli("restore", str(archive), expect=2).stderr
    assert state(made.root) == damaged
    made.cli("restore", str(archive), "--yes", expect=0)
    assert state(made.root).pop("env/production/extra.env")
    assert "  removed  env/production/extra.env\n" in made.cli("restore", str(archive), "-y", "--delete").stdout
    assert state(made.root) == before
    assert "nothing would change" in made.cli("restore", str(archive), expect=0).stdout
    assert sorted(os.listdir(made.root)) == ["backups", "env", "providers"]


def test_everything_lost(made: Project, archive: Path) -> None:
    """An archive is restored into an empty directory: the working directory or another one."""
    before = state(made.root)
    for tree in ("env", "providers"):
        lose(made.root / tree)
    made.cli("restore", str(archive), "-y", expect=0)
    assert state(made.root) == before
    other = made.home / "other"
    other.mkdir()
    made.cli("restore", str(archive), "-qy", "--root", str(other), expect=0)
    assert state(other) == before


@pytest.mark.parametrize(("answer", "is_restored"), [("y\n", True), ("n\n", False), ("\n", False), ("yes\n", True)])
def test_asked_on_a_terminal(made: Project, archive: Path, answer: str, *, is_restored: bool) -> None:
    """Nothing but a yes is a yes."""
    before = state(made.root)
    damage(made)
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        secretsync_argv(["restore", str(archive), "--delete"]),
        cwd=made.root,
        env=clean_environment(made.home),
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    os.write(ours, answer.encode())
    _, said = done.communicate(timeout=HANG)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 0
    assert b"restore this? [y/N]" in said
    assert (state(made.root) == before) == is_restored


HOSTILE = {
    "up": ("outside env/", [member("../evil", b"x")]),
    "absolute": ("outside env/", [member("/tmp/evil", b"x")]),
    "up inside": ("lead elsewhere", [member("env/../../evil", b"x")]),
    "link": ("neither a file", [member("env/x", type=b"2", linkname="..")]),
    "through a link": ("neither a file", [member("env/x", type=b"2", linkname="/tmp"), member("env/x/evil", b"x")]),
    "setuid": ("setuid", [member("env/x", b"x", mode=0o4755)]),
    "device": ("neither a file", [member("env/x", type=b"3", devmajor=1, devminor=3)]),
}


@pytest.mark.parametrize(("words", "more"), HOSTILE.values(), ids=list(HOSTILE))
def test_a_hostile_archive(made: Project, words: str, more: list[object]) -> None:
    """Status 6, the reason on one line, and nothing is changed anywhere: neither in the project nor beside it."""
    archive = made.write("hostile.tar.gz", archive_of([*GOOD, *more]))  # type: ignore[list-item]
    before, beside = state(made.root), sorted(made.root.parent.iterdir())
    failed = made.cli("restore", str(archive), "--yes", "--delete", expect=6)
    assert words in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert failed.stdout == ""
    assert state(made.root) == before
    assert sorted(made.root.parent.iterdir()) == beside
    assert not Path("/tmp/evil").exists()


def test_damaged_and_missing_archives(made: Project, archive: Path) -> None:
    """Each says what it is."""
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    assert "it is cut off" in made.cli("restore", str(archive), "-y", expect=6).stderr
    archive.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    assert "damaged" in made.cli("restore", str(archive), "-y", expect=6).stderr
    assert "no such file" in made.cli("restore", "gone.tar.gz", "-y", expect=2).stderr
    assert "regular file" in made.cli("restore", "/dev/null", "-y", expect=2).stderr
    assert "a folder" in made.cli("restore", "env", "-y", expect=2).stderr
    assert "name an archive" in made.cli("restore", "-y", expect=2).stderr
    assert "name an archive" in made.cli("restore", str(archive), "--resume", expect=2).stderr


@pytest.mark.parametrize("tree", ["env", "providers"])
def test_never_through_a_link(made: Project, archive: Path, tree: str) -> None:
    """A tree that became a link stays one, and what it leads to stays as it is."""
    elsewhere = made.home / "elsewhere"
    (made.root / tree).rename(elsewhere)
    (made.root / tree).symlink_to(elsewhere)
    before = sorted((path, path.lstat().st_mtime_ns) for path in elsewhere.rglob("*"))
    failed = made.cli("restore", str(archive), "--yes", "--delete", "--root", str(made.root), expect=6)
    assert f"{tree}: it is no folder, and nothing goes through a link" in failed.stderr
    assert (made.root / tree).is_symlink()
    assert sorted((path, path.lstat().st_mtime_ns) for path in elsewhere.rglob("*")) == before


def test_cut_short(made: Project, archive: Path) -> None:
    """Between the two renamings every command says what to do; --resume finishes it, and so does the next restore."""
    before = state(made.root)

    def cut_short() -> None:
        (made.root / "env").rename(made.root / ".secretsync-old-env")
        shutil.copytree(made.root / ".secretsync-old-env", made.root / ".secretsync-new-env")
        journal = {"schema": 1, "trees": [{"tree": "env", "had": True, "gets": True}]}
        made.write(".secretsync-restore.json", json.dumps(journal))

    cut_short()
    for command in (("explain",), ("run", "-e", "test", "--", "true"), ("backup",), ("check", "-e", "production")):
        failed = made.cli(*command, expect=2)
        assert "was cut short; `secretsync restore --resume` finishes it" in failed.stderr
    made.cli("restore", str(archive), "--dry-run", expect=2)
    resumed = made.cli("restore", "--resume", cwd=made.root / "backups", expect=0)
    assert "finished the interrupted restore" in resumed.stderr
    assert state(made.root) == before
    assert "there is no interrupted restore" in made.cli("restore", "--resume", expect=0).stderr
    cut_short()
    assert "finished the interrupted restore" in made.cli("restore", str(archive), "--yes", expect=0).stderr
    assert state(made.root) == before
    made.cli("explain", "-e", "test", expect=0)


def test_a_full_disk(made: Project, archive: Path) -> None:
    """The old files stay, and nothing is left beside them."""
    made.write("env/production/big.txt", "x" * 5000)
    damage(made)
    before = state(made.root)
    done = subprocess.run(
        secretsync_argv(["restore", str(archive), "--yes"]),
        cwd=made.root,
        env=clean_environment(made.home),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: limit_files(1000),
    )
    assert done.returncode == 6, done.stderr
    assert "cannot be written there: File too large; nothing was changed" in done.stderr
    assert state(made.root) == before
    assert sorted(os.listdir(made.root)) == ["backups", "env", "providers"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, which is not here")
def test_without_the_rights_of_root(made: Project, archive: Path) -> None:
    """A folder that we may not write, and a file whose owner we cannot restore, leave everything as it was."""
    argv = [needs_tool("setpriv"), "--bounding-set=-all", "--inh-caps=-all"]
    argv += secretsync_argv(["restore", str(archive), "--yes"])
    env = clean_environment(made.home)
    goal = state(made.root)
    damage(made)
    before = state(made.root)
    made.root.chmod(0o555)
    failed = run_command(argv, cwd=made.root, env=env, expect=6)
    assert "cannot be written there: Permission denied; nothing was changed" in failed.stderr
    made.root.chmod(0o755)
    os.chown(made.root / "env/production/common.env", 4711, -1)
    failed = run_command(argv, cwd=made.root, env=env, expect=6)
    assert "env/production/common.env: it belongs to another user or group" in failed.stderr
    (made.root / "env/test/common.env").chmod(0)
    os.chown(made.root / "env/test/common.env", 4711, -1)
    (made.root / "env/test").chmod(0o700)
    failed = run_command([*argv, "--delete"], cwd=made.root, env=env, expect=6)
    (made.root / "env/test").chmod(0o500)
    (made.root / "env/test/common.env").chmod(0o644)
    assert state(made.root) == before
    for path in (made.root / "env").rglob("*"):
        os.chown(path, 0, 0)
    (made.root / "env/production/common.env").chmod(0)  # what cannot be read is put back
    run_command([*argv, "--delete"], cwd=made.root, env=env, expect=0)
    assert state(made.root) == goal
    assert sorted(os.listdir(made.root)) == ["backups", "env", "providers"]


@pytest.mark.parametrize("name", [".secretsync-old-env", ".secretsync-new-providers"])
def test_leftovers_of_a_killed_restore_are_removed_if_nothing_else_changes(
    made: Project, archive: Path, name: str
) -> None:
    """A restore that is killed after it removed its journal leaves an old tree. --dry-run does not remove it."""
    made.write(f"{name}/production/common.env", "A=old\n")
    made.cli("restore", str(archive), "--dry-run", expect=0)
    assert (made.root / name).exists()
    made.cli("restore", str(archive), "-y", expect=0)
    assert sorted(os.listdir(made.root)) == ["backups", "env", "providers"]


def test_killed_while_it_works(made: Project, archive: Path) -> None:
    """The command itself, killed at moments that are spread over its life: old, new, or resumed to new."""
    goal = state(made.root)
    damage(made)
    damaged = state(made.root)
    kept = made.root.parent / "damaged"
    shutil.copytree(made.root / "env", kept)
    for kill in range(25):
        process = subprocess.Popen(
            secretsync_argv(["restore", str(archive), "-qy", "--delete"]),
            cwd=made.root,
            env=clean_environment(made.home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05 + kill * 0.004)  # the moment
        process.kill()
        process.wait()
        if (made.root / ".secretsync-restore.json").exists():
            made.cli("restore", "--resume", expect=0)
            assert state(made.root) == goal
        assert state(made.root) in (damaged, goal)
        made.cli("restore", str(archive), "-qy", "--delete", expect=0)
        assert state(made.root) == goal
        assert sorted(os.listdir(made.root)) == ["backups", "env", "providers"]
        lose(made.root / "env")
        shutil.copytree(kept, made.root / "env")
