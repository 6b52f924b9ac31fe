"""Reading /proc: only wanted variables are kept, and no process can stop or mislead the reader."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from secretsync.core.errors import UsageError
from secretsync.resolving.handover_codec import has_no_value
from secretsync.running import processes
from secretsync.running.processes import Process, Unreadable, read_process, read_processes
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which is not here")


@contextmanager
def waiting(env: Mapping[str, str], name: str = "cat", *, is_ended: bool = False) -> Iterator[int]:
    """Start a process with these variables. `is_ended`: it has ended, and its parent does not know it yet."""
    argv = ["false"] if is_ended else [name]
    executable = f"/bin/{argv[0] if is_ended else 'cat'}"
    with subprocess.Popen(
        argv, executable=executable, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if is_ended:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        else:
            # The program runs if it answers. Before that, /proc may have no variables of it, although exec has begun.
            process.stdin.write(b"ready\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"ready\n"
        yield process.pid
        process.stdin.close()
        process.wait(HANG)


@linux
def test_values_are_not_kept(canary: CanaryFactory) -> None:
    """Of all variables only those of the hand-over without values are in the result."""
    env = {
        "KEY": canary(),
        "SECRETSYNC_RESOLVED": "{}",
        "SECRETSYNC_RESOLVED_KEY": "k",
        "SECRETSYNC_RESOLVED_1": "part",
        "SECRETSYNC_RESOLVED_VALUE_1": canary(),
        "SECRETSYNC_RESOLVED_X": canary(),
    }
    with waiting(env) as pid:
        found = read_process(pid, has_no_value)
    assert isinstance(found, Process)
    assert set(found.variables) == {"SECRETSYNC_RESOLVED", "SECRETSYNC_RESOLVED_KEY", "SECRETSYNC_RESOLVED_1"}
    assert (found.parent, found.program, found.is_own) == (os.getpid(), "cat", True)
    assert "part" not in repr(found)


@linux
def test_a_huge_environment(canary: CanaryFactory) -> None:
    """Megabytes of variables, of which the last one is wanted."""
    env = {f"V{number}": canary() + "x" * 100_000 for number in range(15)}
    with waiting({**env, "SECRETSYNC_RESOLVED": "here"}) as pid:
        found = read_process(pid, has_no_value)
    assert isinstance(found, Process)
    assert found.variables == {"SECRETSYNC_RESOLVED": "here"}


@linux
def test_variables_of_any_bytes() -> None:
    """Bytes that are not text, names without a value and a name that occurs twice do not end the list."""
    program = b"""
import ctypes, os, sys
lines = [b"\\xff\\xfe=1", b"NOTHING", b"=x", b"SECRETSYNC_RESOLVED=\\xff", b"SECRETSYNC_RESOLVED=second"]
library = ctypes.CDLL(None)
arguments = (ctypes.c_char_p * 2)(b"cat", None)
library.execve(b"/bin/cat", arguments, (ctypes.c_char_p * 6)(*lines, None))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"ready\n")  # It comes back from cat.
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n"
        found = read_process(process.pid, has_no_value)
        listed, _ = read_processes(has_no_value)
        process.stdin.close()
    assert isinstance(found, Process)
    assert found.variables == {"SECRETSYNC_RESOLVED": "\udcff"}
    assert process.pid in {one.pid for one in listed}


@linux
def test_an_ended_process() -> None:
    """A process that its parent did not wait for has no variables; afterwards there is no such process."""
    with waiting({"SECRETSYNC_RESOLVED": "x"}, is_ended=True) as pid:
        found = read_process(pid, has_no_value)
        assert isinstance(found, Unreadable) or not found.variables
        assert pid not in {one.pid for one in read_processes(has_no_value)[0]}
    gone = read_process(pid, has_no_value)
    assert isinstance(gone, Unreadable)
    assert gone.has_ended


@linux
@pytest.mark.parametrize("name", ["a) R 1 (b", "two words", "((((", "new\nline"])
def test_names_of_programs(name: str) -> None:
    """A name with parentheses, spaces or line ends does not change the other fields."""
    program = f"import os; open('/proc/self/comm', 'w').write({name!r}); os.write(1, b'x'); os.read(0, 1)"
    argv = [sys.executable, "-c", program]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        found = read_process(process.pid, has_no_value)
        process.communicate()
    assert isinstance(found, Process)
    assert (found.program, found.parent) == (name, os.getpid())


def test_an_id_that_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another process gets the id while the files are read, it counts as ended."""
    monkeypatch.setattr(processes, "_PROC", str(tmp_path))
    folder = tmp_path / "7"
    folder.mkdir()
    (tmp_path / "self").mkdir()
    (tmp_path / "self/environ").write_text("")
    (folder / "environ").write_bytes(b"SECRETSYNC_RESOLVED=x\0")
    (folder / "status").write_text(f"Uid:\t{os.geteuid()}\t{os.geteuid()}\t{os.geteuid()}\t{os.geteuid()}\n")

    def stat(start: int) -> str:
        return f"7 (cat) S 1 {' '.join(['0'] * 17)} {start} 0 0\n"

    (folder / "stat").write_text(stat(100))
    assert isinstance(read_process(7, has_no_value), Process)
    original = processes._variables

    def replace(*arguments: object) -> dict[str, str]:
        (folder / "stat").write_text(stat(200))
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(processes, "_variables", replace)
    assert read_process(7, has_no_value) == processes._GONE
    # A program with the setuid bit has the variables of another user.
    monkeypatch.setattr(processes, "_variables", original)
    (folder / "status").write_text(f"Uid:\t{os.geteuid() + 1}\t{os.geteuid()}\t{os.geteuid()}\t{os.geteuid()}\n")
    found = read_process(7, has_no_value)
    assert isinstance(found, Process)
    assert not found.is_own


def test_a_system_without_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the file of --record as the way out."""
    monkeypatch.setattr(processes, "_PROC", str(tmp_path))
    for read in (lambda: read_processes(has_no_value), lambda: read_process(1, has_no_value)):
        with pytest.raises(UsageError, match=r"does not show the variables.*run --record FILE.*--running FILE"):
            read()
