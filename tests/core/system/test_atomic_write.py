"""The writer of rendered files."""

import errno
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from secretsync.core.errors import OutputError
from secretsync.core.system import atomic_write
from secretsync.core.system.atomic_write import UNCHANGED, WRITTEN, write_file, write_new_file
from tests.support.amounts import AMOUNTS

ROOT = Path(__file__).resolve().parents[3]
IS_ROOT = os.geteuid() == 0


def mode_of(path: Path) -> int:
    """Return the permission bits of `path` itself."""
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder in which nothing but the files of the test may be left."""
    path = tmp_path / "out"
    path.mkdir(mode=0o700)
    yield path
    assert not [name for name in os.listdir(path) if name.startswith(".secretsync-")]


@pytest.fixture
def umask() -> Iterator[Callable[[int], None]]:
    """Set the umask for this test."""
    before = os.umask(0o022)

    def set_umask(mask: int) -> None:
        os.umask(mask)

    yield set_umask
    os.umask(before)


def refused(path: Path | str, **options: object) -> str:
    """Return the message with which `path` is refused."""
    with pytest.raises(OutputError) as caught:
        write_file(str(path), b"new", **options)  # type: ignore[arg-type]
    assert caught.value.exit_status == 6
    assert caught.value.__context__ is None
    assert caught.value.problems[0].file == str(path)
    return str(caught.value)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_mode_is_0600_whatever_the_umask(folder: Path, umask: Callable[[int], None], mask: int) -> None:
    """A new file is for its owner alone."""
    umask(mask)
    assert write_file(str(folder / "file"), b"value") == WRITTEN
    assert mode_of(folder / "file") == 0o600
    assert (folder / "file").read_bytes() == b"value"


def traced(folder: Path, mask: int) -> list[str]:
    """Return the system calls by which one file is written, as strace tells them."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace, which is not here")
    script = "import os, sys; from secretsync.core.system.atomic_write import write_file; os.umask(int(sys.argv[1])); "
    script += "write_file(sys.argv[2], b'value')"
    calls = "openat,write,fchmod,fchown,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,link,linkat,flock"
    log = folder.parent / "strace"
    done = subprocess.run(
        [
            strace,
            "-f",
            "-e",
            f"trace={calls}",
            "-o",
            str(log),
            sys.executable,
            "-c",
            script,
            str(mask),
            str(folder / "file"),
        ],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(atomic_write.__file__).parents[2])},
        check=False,
    )
    if done.returncode != 0 and b"ptrace" in done.stderr.lower():
        pytest.skip("needs the right to trace processes, which is not here")
    assert done.returncode == 0, done.stderr
    lines = log.read_text().split("\n")
    first = next(index for index, line in enumerate(lines) if ".secretsync-" in line)
    return [line.split(" ", 1)[1].strip() for line in lines[first - 1 :] if " " in line]


def test_order_of_the_system_calls(folder: Path) -> None:
    """Private from its first instant, on disk before it gets its name, the name on disk before we say so."""
    lines = traced(folder, 0)
    opened = next(line for line in lines if line.startswith("openat") and "O_EXCL" in line)
    assert {"O_CREAT", "O_EXCL", "O_NOFOLLOW"} <= set(re.findall(r"O_\w+", opened))
    assert ", 0600)" in opened
    names = [line.split("(")[0] for line in lines]
    sequence = [name for name in names if name in {"openat", "write", "fchmod", "fsync", "renameat", "renameat2"}]
    start = sequence.index("write")
    assert sequence[start : start + 4] == ["write", "fsync", "renameat", "fsync"]
    assert "fchmod" not in names


def test_a_umask_is_undone_by_widening_only(folder: Path) -> None:
    """No moment at which the file is readable for others."""
    for line in traced(folder, 0o777):
        if line.startswith("fchmod"):
            assert line.split(",")[1].strip().startswith("0600")


def test_other_mode(folder: Path) -> None:
    """The mode that is asked for holds, for new and for replaced files."""
    for data in (b"one", b"two"):
        assert write_file(str(folder / "file"), data, mode=0o640) == WRITTEN
        assert mode_of(folder / "file") == 0o640


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o600), (0o640, 0o600), (0o400, 0o400), (0o777, 0o600)])
def test_an_existing_mode_is_narrowed_and_never_widened(folder: Path, before: int, after: int) -> None:
    """A file that others could read loses that right, and a read-only file stays read-only."""
    file = folder / "file"
    for data in (b"new", b"old"):  # changed, and unchanged
        file.unlink(missing_ok=True)
        file.write_bytes(b"old")
        file.chmod(before)
        assert write_file(str(file), data) == (UNCHANGED if data == b"old" and (before & 0o400) else WRITTEN)
        assert mode_of(file) == after


def test_unchanged_content_is_not_written(folder: Path) -> None:
    """Inode and modification time stay; other content is a new inode."""
    file = folder / "file"
    write_file(str(file), b"value")
    os.utime(file, ns=(10**18, 10**18))
    before = file.stat()
    assert write_file(str(file), b"value") == UNCHANGED
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert write_file(str(file), b"other") == WRITTEN
    assert file.stat().st_ino != before.st_ino


@pytest.mark.skipif(not IS_ROOT, reason="needs root, which is not here")
def test_owner(folder: Path) -> None:
    """The owner that is asked for holds; without one a file of somebody else is replaced, not kept."""
    file = folder / "file"
    assert write_file(str(file), b"value", owner=(4711, 4712)) == WRITTEN
    assert (file.stat().st_uid, file.stat().st_gid) == (4711, 4712)
    assert write_file(str(file), b"value", owner=(4711, 4712)) == UNCHANGED
    assert write_file(str(file), b"value", owner=(4711, 4713)) == WRITTEN
    assert file.stat().st_gid == 4713
    assert write_file(str(file), b"value") == WRITTEN
    assert file.stat().st_uid == 0


def test_a_link_is_never_followed(folder: Path, tmp_path: Path) -> None:
    """The file behind it stays as it was, and the link too."""
    behind = tmp_path / "behind"
    behind.write_bytes(b"old")
    (folder / "file").symlink_to(behind)
    (folder / "dangling").symlink_to(tmp_path / "nothing")
    assert "symbolic link" in refused(folder / "file")
    assert "symbolic link" in refused(folder / "dangling")
    assert behind.read_bytes() == b"old"
    assert (folder / "file").is_symlink()
    assert not (tmp_path / "nothing").exists()


def test_hard_links_are_refused(folder: Path, tmp_path: Path) -> None:
    """The other name would keep the old values."""
    (folder / "file").write_bytes(b"old")
    os.link(folder / "file", tmp_path / "other")
    assert "hard links" in refused(folder / "file")
    assert (folder / "file").read_bytes() == b"old"


def test_what_is_no_file(folder: Path, tmp_path: Path) -> None:
    """Folders, devices, missing folders and empty names are errors that say so."""
    assert "folder" in refused(folder)
    assert "device" in refused("/dev/null")
    assert "create its folder first" in refused(folder / "missing" / "file")
    (tmp_path / "plain").write_bytes(b"")
    assert "no folder" in refused(tmp_path / "plain" / "file")
    for path in ("", f"{folder}/", f"{folder}/..", f"{folder}/.", f"{folder}/a\0b"):
        assert "not the name of a file" in refused(path)


@pytest.mark.parametrize("name", ["with space", "with\nnewline", "é\u2028", "b\udcff\udcfe", "n" * 255, "-"])
def test_names_of_files(folder: Path, name: str) -> None:
    """Every name that the file system takes."""
    assert write_file(f"{folder}/{name}", b"value") == WRITTEN
    assert Path(f"{folder}/{name}").read_bytes() == b"value"


def test_a_message_is_one_line(folder: Path) -> None:
    """A name with a line feed or an escape sequence cannot forge a log line."""
    message = refused(f"{folder}/a\n\x1b[31mb/file")
    assert message.isprintable()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write", "fsync", "rename", "fchmod"])
def test_a_failing_write_leaves_the_old_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """A full disk costs nothing but the attempt."""

    def fail(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    (folder / "file").write_bytes(b"old")
    monkeypatch.setattr(os, call, fail)
    message = refused(folder / "file", mode=0o640)
    monkeypatch.undo()
    assert os.strerror(number) in message
    assert (folder / "file").read_bytes() == b"old"
    assert os.listdir(folder) == ["file"]


def test_a_real_full_disk(tmp_path: Path) -> None:
    """A file size limit stands for it: the kernel itself refuses in the middle of the file."""
    script = (
        "import resource, signal, sys; from secretsync.core.system.atomic_write import write_file\n"
        "from secretsync.core.errors import OutputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try: write_file(sys.argv[1], b'new' * 5000)\n"
        "except OutputError as error: print(error); sys.exit(error.exit_status)\n"
    )
    (tmp_path / "file").write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "file")],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(atomic_write.__file__).parents[2])},
        check=False,
    )
    assert done.returncode == 6, done.stderr
    assert b"newnew" not in done.stdout + done.stderr
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_no_frame_of_the_error_holds_the_data(folder: Path) -> None:
    """An error reporter that walks over frames finds no value in ours."""
    with pytest.raises(OutputError) as caught:
        write_file(str(folder / "missing" / "file"), b"a value nobody sees")
    frames = [entry.frame.f_locals for entry in caught.traceback if "secretsync" in str(entry.path)]
    assert frames
    assert "nobody" not in repr(frames)


def test_left_over_files(folder: Path) -> None:
    """Ours are removed once their writer is gone; locked ones, other people's and links stay."""
    import fcntl

    stale, living, linked = (folder / f".secretsync-{name}.tmp" for name in ("stale", "living", "linked"))
    for path in (stale, living):
        path.write_bytes(b"part")
    linked.symlink_to(folder / "elsewhere")
    others = folder / ".secretsync-others.tmp"
    if IS_ROOT:
        others.write_bytes(b"part")
        os.chown(others, 4711, 4711)
    with living.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_file(str(folder / "file"), b"value")
        assert not stale.exists()
        assert living.exists()
        assert linked.is_symlink()
        assert others.exists() == IS_ROOT
    write_file(str(folder / "file"), b"value")  # unchanged, and it cleans up all the same
    assert not living.exists()
    linked.unlink()
    others.unlink(missing_ok=True)


def test_killed_at_any_moment(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Old or new, each time, never a part; and nothing is left after the next run."""
    kills = request.config.getoption("--kills")
    seed = request.config.getoption("--hostile-seed")
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.system.kill_writer", str(tmp_path), str(kills), str(seed)],
        capture_output=True,
        cwd=ROOT,
        check=True,
    )
    counts = json.loads(done.stdout)
    assert counts["torn"] == 0
    assert counts["not_removed"] == 0
    assert counts["left_behind"] > 0, "no step was between two versions: the test shows nothing"


def test_two_writers_and_a_reader(folder: Path) -> None:
    """Whoever looks sees one complete version, whoever writes."""
    file = folder / "file"
    versions = [bytes([letter]) * 50_000 for letter in b"ab"]
    write_file(str(file), versions[0])
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(file.read_bytes())

    def write(first: int) -> None:
        for count in range(100):
            write_file(str(file), versions[(first + count) % 2])

    reader = threading.Thread(target=read)
    reader.start()
    writers = [threading.Thread(target=write, args=(number,)) for number in (0, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    reader.join()
    assert seen <= set(versions)
    assert file.read_bytes() in versions


def test_a_target_that_is_swapped_for_a_link(folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Somebody who puts a link in its place all the time gets nothing written elsewhere."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    file = folder / "file"
    swaps = AMOUNTS[request.config.getoption("amount")].swaps

    def swap() -> None:
        link, plain = folder / "link", folder / "plain"
        for _ in range(swaps):
            link.symlink_to(victim)
            link.replace(file)
            plain.write_bytes(b"plain")
            plain.replace(file)

    # How often the attacker is in time depends on the machine; both outcomes have tests of their own.
    outcomes: set[str] = set()
    attacker = threading.Thread(target=swap)
    attacker.start()
    number = 0
    while number < swaps // 10 or attacker.is_alive():
        number += 1
        try:
            outcomes.add(write_file(str(file), b"%d" % number))
        except OutputError:
            outcomes.add("refused")
    attacker.join()
    assert victim.read_bytes() == b"untouched"
    assert outcomes <= {WRITTEN, "refused"}


@pytest.mark.parametrize("kind", ["file", "fifo"])
def test_a_target_that_is_swapped_after_the_check(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Between our look and our write the target becomes a link: the link is replaced or refused, never followed."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    target = folder / "file"
    if kind == "fifo":
        os.mkfifo(target)
    else:
        target.write_bytes(b"old")
    looked = atomic_write._present

    def look_and_swap(descriptor: int, name: str) -> os.stat_result | None:
        present = looked(descriptor, name)
        target.unlink()
        target.symlink_to(victim)
        return present

    monkeypatch.setattr(atomic_write, "_present", look_and_swap)
    if kind == "fifo":
        refused(target)
    else:
        assert write_file(str(target), b"new") == WRITTEN
        assert not target.is_symlink()
        assert target.read_bytes() == b"new"
    assert victim.read_bytes() == b"untouched"


@pytest.mark.parametrize("seconds", [30, 1e300])
def test_fifo(folder: Path, seconds: float) -> None:
    """A FIFO gets everything, more than a pipe holds too, and stays a FIFO."""
    os.mkfifo(folder / "fifo", 0o600)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append((folder / "fifo").read_bytes()))
    reader.start()
    data = os.urandom(300_000)
    assert write_file(str(folder / "fifo"), data, fifo_seconds=seconds) == WRITTEN
    reader.join()
    assert received == [data]
    assert stat.S_ISFIFO((folder / "fifo").lstat().st_mode)


def test_fifo_without_a_reader(folder: Path) -> None:
    """It ends by its deadline."""
    os.mkfifo(folder / "fifo")
    assert "no process opened" in refused(folder / "fifo", fifo_seconds=0.05)


def test_fifo_whose_reader_goes_or_sleeps(folder: Path) -> None:
    """A reader that closes, and one that takes nothing, are two clean errors."""
    os.mkfifo(folder / "fifo")
    sleeping = os.open(folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(OutputError, match="did not take everything in time"):
        write_file(str(folder / "fifo"), bytes(300_000), fifo_seconds=0.05)
    os.close(sleeping)

    def read_a_part() -> None:
        with (folder / "fifo").open("rb", buffering=0) as opened:
            opened.read(1)

    reader = threading.Thread(target=read_a_part)
    reader.start()
    with pytest.raises(OutputError, match="went away"):
        write_file(str(folder / "fifo"), bytes(300_000), fifo_seconds=30)
    reader.join()


@pytest.mark.parametrize("path", ["-", "/dev/stdout"])
def test_stdout(tmp_path: Path, path: str) -> None:
    """It is written plainly, whatever it is."""
    script = f"from secretsync.core.system.atomic_write import write_file; write_file({path!r}, b'value' * 50000)"
    env = {**os.environ, "PYTHONPATH": str(Path(atomic_write.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, env=env, check=True, cwd=tmp_path)
    assert done.stdout == b"value" * 50000
    assert os.listdir(tmp_path) == []


def test_a_descriptor_of_the_shell() -> None:
    """`--output >(command)` gives a path below /dev/fd."""
    reading, writing = os.pipe()
    assert write_file(f"/dev/fd/{writing}", b"value") == WRITTEN
    assert os.read(reading, 100) == b"value"
    os.close(reading)
    assert "went away" in refused(f"/dev/fd/{writing}")
    os.close(writing)
    assert "cannot be written" in refused(f"/dev/fd/{writing}")


@pytest.mark.parametrize("has_links", [True, False])
def test_a_new_file_never_replaces_one(folder: Path, monkeypatch: pytest.MonkeyPatch, *, has_links: bool) -> None:
    """Whatever has the name keeps it: a file, a folder, a link; on file systems without hard links too."""

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    (folder / "file").write_bytes(b"old")
    (folder / "folder").mkdir()
    (folder / "link").symlink_to(folder / "nothing")
    for name in ("file", "folder", "link"):
        assert not write_new_file(str(folder / name), b"new")
    assert (folder / "file").read_bytes() == b"old"
    assert not (folder / "nothing").exists()
    umask = os.umask(0o777)
    try:
        assert write_new_file(str(folder / "new"), b"value")
    finally:
        os.umask(umask)
    assert (folder / "new").read_bytes() == b"value"
    assert mode_of(folder / "new") == 0o600
    assert (folder / "new").stat().st_nlink == 1
    with pytest.raises(OutputError, match="create its folder first"):
        write_new_file(str(folder / "missing" / "file"), b"new")
