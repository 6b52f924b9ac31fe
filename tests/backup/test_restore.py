"""Restoring: all or nothing at whatever moment it is killed or fails, and only in the trees."""

import errno
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from secretsync.backup import restore as restoring
from secretsync.backup.archive import write_archive
from secretsync.backup.restore_plan import Restore, What, plan_restore
from secretsync.backup.tree import Kind, Node, read_trees
from secretsync.core.errors import OutputError, UsageError
from secretsync.project.layout import find_root
from tests.backup.samples import AT, FILES, lose, make_modes, state
from tests.support.projects import MakeProject, Project

ROOT = Path(__file__).parents[2]


def planned(made: Project, archived: Mapping[str, Node], *, delete: bool = False) -> Restore:
    """Return the plan of a restore of `archived`."""
    return plan_restore(read_trees(str(made.root)), archived, delete=delete)


@pytest.fixture
def made(project: MakeProject) -> Project:
    """Return a project with modes of all kinds."""
    return make_modes(project(FILES))


@pytest.fixture
def archived(made: Project) -> dict[str, Node]:
    """Return the content of an archive that was made before a test damages it."""
    return read_trees(str(made.root))


def damage(made: Project) -> None:
    """Something of each kind: changed, lost, added, a mode, another kind of thing."""
    made.write("env/production/common.env", "DEBUG=True\n")
    (made.root / "env/production/security.env").chmod(0o666)
    (made.root / "providers/production.toml").unlink()
    made.write("env/production/extra.env", "EXTRA=1\n", mode=0o604)
    (made.root / "env/test").chmod(0o700)
    (made.root / "env/test/common.env").unlink()
    (made.root / "env/test/common.env").symlink_to("../production/common.env")


def leftovers(made: Project) -> list[str]:
    """Return the files that a restore left in the root in addition to the trees."""
    return sorted(name for name in os.listdir(made.root) if name not in ("env", "providers"))


def kill(script: str, *arguments: str | Path) -> dict[str, int]:
    """Return the counts of a script that kills at every step."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/backup" / script), *arguments],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


def test_a_backup_killed_at_every_step(made: Project) -> None:
    """No archive that is not whole, and nothing is left after the next backup."""
    counts = kill("kill_backup.py", made.root)
    assert counts["kills"] >= 4
    assert counts["left_behind"] >= 1
    assert counts["archives"] >= 1


def test_killed_at_every_step(project: MakeProject, tmp_path: Path) -> None:
    """Old or new, or a state that other commands refuse and the next restore makes new; nothing is left behind.

    The second tree is removed, the first one changed; the other way round; the first one changed, the second one made.
    """
    for lost in ("providers", "env", "none"):
        new = project({name: text for name, text in FILES.items() if not name.startswith(f"{lost}/")})
        make_modes(new)
        archive = tmp_path / f"{lost}.tar.gz"
        archive.write_bytes(write_archive(read_trees(str(new.root)), project="/srv/app", at=AT))
        old = project(FILES)
        damage(old)
        if lost == "none":
            lose(old.root / "providers")
        counts = kill("kill_restore.py", tmp_path / lost, old.root, archive)
        # Each phase met a kill: while building, while swapping, while clearing away.
        assert min(counts.values()) >= 3, counts


@pytest.mark.parametrize("delete", [False, True])
def test_damage_is_undone(made: Project, archived: dict[str, Node], *, delete: bool) -> None:
    """Every byte and mode of the archive is back; what it does not have is kept, or removed where that was asked."""
    before = state(made.root)
    damage(made)
    restore = planned(made, archived, delete=delete)
    restoring.apply(str(made.root), restore)
    after = state(made.root)
    extra = after.pop("env/production/extra.env", None)
    assert extra == (None if delete else (Kind.FILE, 0o604, b"EXTRA=1\n"))
    assert after == before
    assert leftovers(made) == []
    assert {change.path: change.what for change in restore.changes} == {
        "env/production/common.env": What.CHANGED,
        "env/production/extra.env": What.REMOVED if delete else What.KEPT,
        "env/production/security.env": What.MODE,
        "env/test": What.MODE,
        "env/test/common.env": What.CHANGED,
        "providers/production.toml": What.ADDED,
    }


def test_what_is_kept_stays_as_it_is(made: Project, archived: dict[str, Node]) -> None:
    """Files that the archive does not have keep bytes, mode and time; links stay links, and unchanged files old."""
    made.write("env/local/own.env", "OWN=1\n", mode=0o640)
    (made.root / "env/local/link").symlink_to("/nowhere/at all")
    made.write("env/production/common.env", "DEBUG=True\n")
    old = 10**18
    for name in ("env/local/own.env", "env/test/common.env"):
        os.utime(made.root / name, ns=(old, old))
    restoring.apply(str(made.root), planned(made, archived))
    assert os.readlink(made.root / "env/local/link") == "/nowhere/at all"
    for name in ("env/local/own.env", "env/test/common.env"):
        assert (made.root / name).stat().st_mtime_ns == old
    assert state(made.root)["env/local/own.env"] == (Kind.FILE, 0o640, b"OWN=1\n")


def test_what_cannot_be_kept(made: Project, archived: dict[str, Node]) -> None:
    """Files that cannot be kept are reported before anything changes; --delete removes them."""
    (made.root / "providers/production.toml").unlink()
    made.write("providers/production.toml/inside", "")
    os.mkfifo(made.root / "env/fifo")
    before = state(made.root)
    with pytest.raises(OutputError) as caught:
        planned(made, archived)
    assert [problem.file for problem in caught.value.problems] == ["env/fifo", "providers/production.toml/inside"]
    assert state(made.root) == before
    restoring.apply(str(made.root), planned(made, archived, delete=True))
    assert not (made.root / "env/fifo").exists()
    assert (made.root / "providers/production.toml").is_file()


@pytest.mark.parametrize("mask", [0, 0o022, 0o077, 0o777])
def test_modes_whatever_the_umask(made: Project, archived: dict[str, Node], mask: int) -> None:
    """No umask changes a mode, neither of what is restored nor of what is kept."""
    before = state(made.root)
    damage(made)
    for tree in ("env", "providers"):
        (made.root / tree).rename(made.root.parent / f"lost-{tree}-{mask}")
    umask = os.umask(mask)
    try:
        restoring.apply(str(made.root), planned(made, archived))
    finally:
        os.umask(umask)
    assert state(made.root) == before


@pytest.mark.parametrize("which", range(8))
@pytest.mark.parametrize("call", ["rename", "fsync", "mkdir", "fchmod", "unlink", "rmdir"])
def test_failing_calls(
    made: Project, archived: dict[str, Node], monkeypatch: pytest.MonkeyPatch, call: str, which: int
) -> None:
    """After any failing system call the old files or the new ones are there, and the error is reported."""
    damage(made)
    before = state(made.root)
    restore = planned(made, archived, delete=True)
    real, left = getattr(os, call), which

    def fail(*arguments: object, **options: object) -> object:
        nonlocal left
        left -= 1
        if left == -1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments, **options)

    monkeypatch.setattr(os, call, fail)
    message = ""
    try:
        restoring.apply(str(made.root), restore)
    except OutputError as error:
        message = str(error)
    monkeypatch.undo()
    after = {path: (node.kind, node.mode, node.data) for path, node in archived.items()}
    now = state(made.root)
    assert now in (before, after)
    if now == before:
        assert "nothing was changed" in message or "as they were" in message or "cannot be written" in message
    elif left < 0:
        assert "everything is restored" in message
    assert find_root(str(made.root), {}) == str(made.root)
    restoring.apply(str(made.root), planned(made, archived, delete=True))
    assert state(made.root) == after
    assert leftovers(made) == []


def test_a_tree_that_cannot_be_moved(made: Project, archived: dict[str, Node], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first tree is put back if the second one (a mount point) cannot be moved."""
    damage(made)
    before = state(made.root)
    real = os.rename

    def rename(source: str, target: str, **options: int) -> None:
        if source == "providers":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        real(source, target, **options)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(OutputError, match="busy; the old ones are as they were"):
        restoring.apply(str(made.root), planned(made, archived))
    assert state(made.root) == before
    assert leftovers(made) == []


def test_changes_meanwhile(made: Project, archived: dict[str, Node]) -> None:
    """A file that changed after the preview is not overwritten."""
    damage(made)
    restore = planned(made, archived)
    made.write("env/production/common.env", "DEBUG=Maybe\n")
    before = state(made.root)
    with pytest.raises(OutputError, match="changed meanwhile"):
        restoring.apply(str(made.root), restore)
    assert state(made.root) == before
    assert leftovers(made) == []


def test_two_at_once(made: Project, archived: dict[str, Node]) -> None:
    """The second one is refused while the first has the folder."""
    damage(made)
    restore = planned(made, archived)
    folder = os.open(made.root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another restore is under way"):
            restoring.apply(str(made.root), restore)
    finally:
        os.close(folder)
    restoring.apply(str(made.root), restore)


def test_what_was_made_anew_after_a_kill(made: Project, archived: dict[str, Node]) -> None:
    """Resuming never removes what somebody put in place since: it says what to do."""
    root = made.root
    (root / "env").rename(root / ".secretsync-old-env")
    (root / ".secretsync-new-env").mkdir()
    journal = {"schema": 1, "trees": [{"tree": "env", "had": True, "gets": True}]}
    made.write(".secretsync-restore.json", json.dumps(journal))
    made.write("env/production/common.env", "MINE=1\n")
    with pytest.raises(OutputError, match="to keep env/ and providers/ as they are now"):
        restoring.resume(str(root))
    assert made.read("env/production/common.env") == "MINE=1\n"
    with pytest.raises(UsageError, match="--resume"):
        find_root(str(root), {})
    for text in ("", "[]", '{"trees": []}', '{"trees": [{"tree": "../x", "had": true, "gets": true}]}'):
        made.write(".secretsync-restore.json", text)
        with pytest.raises(OutputError, match="damaged"):
            restoring.resume(str(root))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, which is not here")
def test_owners(made: Project, archived: dict[str, Node]) -> None:
    """Files keep the owner that they have; new ones get that of the folder around them."""
    for path in (made.root / "env").rglob("*"):
        os.chown(path, 4711, 4712)
    made.write("env/production/common.env", "DEBUG=True\n")
    (made.root / "env/production/security.env").unlink()
    restoring.apply(str(made.root), planned(made, archived))
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in (made.root / "env").rglob("*")}
    assert owners == {(4711, 4712)}
