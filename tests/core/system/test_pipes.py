"""A file that a user names may be a pipe: it is read once, within a bound of size and a bound of time."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from secretsync.core.files import MAX_BYTES, FileRefusal, Input
from secretsync.core.system.pipes import read_named_file
from tests.support.limits import HANG
from tests.support.processes import open_files

KIND = Input.ENV_FILE
SOON = 0.05  # seconds, for what never happens


def read(path: str, seconds: float = HANG, *, may_be_empty: bool = False) -> bytes | FileRefusal:
    """Read the file of a user."""
    return read_named_file(path, KIND, seconds, may_be_empty=may_be_empty)


def cause(path: str, seconds: float = HANG) -> str:
    """Return the reason why a file is refused."""
    outcome = read(path, seconds)
    assert isinstance(outcome, FileRefusal)
    return outcome.cause


@contextmanager
def written(data: bytes, *, is_socket: bool = False) -> Iterator[int]:
    """Yield the reading end of a pipe, or of a socket, to which a thread writes `data` and which it then closes."""
    if is_socket:
        ends = socket.socketpair()
        reader, writer = (end.detach() for end in ends)
    else:
        reader, writer = os.pipe()

    def write() -> None:
        with open(writer, "wb", buffering=0) as file:
            try:
                file.write(data)
            except (BrokenPipeError, ConnectionResetError):
                return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield reader
    finally:
        os.close(reader)
        thread.join()


@pytest.mark.parametrize("is_socket", [False, True], ids=["pipe", "socket"])
@pytest.mark.parametrize("form", ["/dev/fd/{}", "/proc/self/fd/{}"])
@pytest.mark.parametrize("size", [1, 4, 70_000, 3_000_000])
def test_a_descriptor(form: str, is_socket: bool, size: int) -> None:
    """Read the pipe, or the socket that ksh uses for one, of a process substitution to its end."""
    data = os.urandom(size)
    before = open_files()
    with written(data, is_socket=is_socket) as descriptor:
        assert read(form.format(descriptor)) == data
    assert open_files() == before


def test_a_named_pipe(tmp_path: Path) -> None:
    """Read a FIFO whose writer comes before or after the reader, and read it again if it is written again."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    data = b"A=1\n" * 50_000
    for _ in range(3):
        writer = threading.Thread(target=path.write_bytes, args=(data,))
        writer.start()
        assert read(str(path)) == data
        writer.join()


@pytest.mark.parametrize("seconds", [30 * 86400.0, 1e300, float("inf")])
def test_a_bound_that_no_poll_takes(seconds: float) -> None:
    """A time of weeks, or without an end, is a bound like others."""
    with written(b"A=1\n") as descriptor:
        assert read(f"/dev/fd/{descriptor}", seconds) == b"A=1\n"


def test_a_named_pipe_in_parts(tmp_path: Path) -> None:
    """Wait for a writer that pauses, and join what several writers write."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    script = 'exec 3>"$0"; printf A >&3; { printf B >"$0"; }; printf C >&3'
    with subprocess.Popen(["/bin/sh", "-c", script, str(path)]):
        assert read(str(path)) == b"ABC"


@pytest.mark.parametrize("text", [b"", b"A=1\n"])
def test_time_is_bounded(tmp_path: Path, text: bytes) -> None:
    """Refuse a pipe that nobody writes to, and one whose writer does not close it."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    before = open_files()
    assert cause(str(path), SOON) == "nothing was written to it within 0.05 s; look at the program that writes it"
    keeper = os.open(path, os.O_RDWR)
    try:
        os.write(keeper, text)
        assert ("did not end" if text else "nothing was written") in cause(str(path), SOON)
    finally:
        os.close(keeper)
    reader, writer = os.pipe()
    try:
        os.write(writer, text)
        assert ("did not end" if text else "nothing was written") in cause(f"/dev/fd/{reader}", SOON)
    finally:
        os.close(reader)
        os.close(writer)
    assert open_files() == before


def test_a_writer_that_never_ends() -> None:
    """Refuse a pipe at the bound of size, whatever is still written, and accept exactly the bound."""
    most = MAX_BYTES[KIND]
    with written(bytes(most)) as descriptor:
        outcome = read(f"/dev/fd/{descriptor}")
        assert isinstance(outcome, bytes)
        assert len(outcome) == most
    for size in (most + 1, most * 2):
        with written(bytes(size)) as descriptor:
            assert cause(f"/dev/fd/{descriptor}") == "it is larger than 16 MiB"


@pytest.mark.parametrize("is_socket", [False, True], ids=["pipe", "socket"])
def test_an_empty_pipe(is_socket: bool) -> None:
    """Refuse a pipe without a byte, because the program that writes it has probably failed, unless it may be empty."""
    with written(b"", is_socket=is_socket) as descriptor:
        assert "wrote nothing" in cause(f"/dev/fd/{descriptor}")
        assert read(f"/dev/fd/{descriptor}", may_be_empty=True) == b""


def test_the_null_device(tmp_path: Path) -> None:
    """`/dev/null` is an empty file, also through a link and as a descriptor."""
    (tmp_path / "link").symlink_to("/dev/null")
    descriptor = os.open("/dev/null", os.O_RDONLY)
    try:
        for path in ("/dev/null", str(tmp_path / "link"), f"/dev/fd/{descriptor}"):
            assert read(path) == b""
    finally:
        os.close(descriptor)


def test_a_file_that_is_open(tmp_path: Path) -> None:
    """A descriptor of a regular file is the whole file, as for a here document in a temporary file."""
    path = tmp_path / "x"
    path.write_bytes(b"A=1\n")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        path.unlink()
        assert read(f"/dev/fd/{descriptor}") == b"A=1\n"
        assert read(f"/dev/fd/{descriptor}") == b"A=1\n"
    finally:
        os.close(descriptor)


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(path))


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (Path.mkdir, "a folder"),
    "endless device": (lambda path: path.symlink_to("/dev/zero"), "neither a regular file nor a pipe but a device"),
    "terminal": (lambda path: path.symlink_to("/dev/tty"), "neither a regular file nor a pipe but a device"),
    "socket": (_bind, "neither a regular file nor a pipe but a socket"),
    "nothing": (lambda path: path, "No such file or directory"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Refuse devices and sockets in the file system at once."""
    monkeypatch.chdir(tmp_path)
    make, expected = REFUSED[kind]
    make(Path("x"))
    before = open_files()
    assert expected in cause("x")
    assert open_files() == before


def test_a_terminal() -> None:
    """Refuse a terminal, because nobody types an env file."""
    ours, theirs = os.openpty()
    try:
        assert "it is a terminal" in cause(f"/dev/fd/{theirs}")
    finally:
        os.close(ours)
        os.close(theirs)


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse standard input if the process began without one, because the number may be another file now."""
    monkeypatch.setattr("sys.stdin", None)
    assert cause("/dev/stdin") == "it is closed"
