"""Input files: only regular ones, within the bound of their kind, and never waited for."""

import ast
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import secretsync
from secretsync.core.files import MAX_BYTES, FileRefusal, Input, check_file, read_file, size_in_words
from tests.support.processes import CommandResult
from tests.support.projects import MakeProject


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))  # the whole path may be longer than a socket's may be


def _linked(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def link(path: Path) -> None:
        make(path.with_name("target"))
        path.symlink_to("target")

    return link


def _large(kind: Input) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(MAX_BYTES[kind] + 1)

    return make


SPECIAL: dict[str, tuple[Callable[[Path], None], str]] = {
    "folder": (Path.mkdir, "not a regular file but a folder"),
    "FIFO": (os.mkfifo, "not a regular file but a named pipe"),
    "socket": (_socket, "not a regular file but a socket"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "not a regular file but a device"),
    "terminal": (lambda path: path.symlink_to("/dev/tty"), "not a regular file but a device"),
    "link to a folder": (_linked(Path.mkdir), "not a regular file but a folder"),
    "link to a FIFO": (_linked(os.mkfifo), "not a regular file but a named pipe"),
    "link to a socket": (_linked(_socket), "not a regular file but a socket"),
    "link to nothing": (lambda path: path.symlink_to("gone"), "No such file or directory"),
    "link to itself": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
    "nothing": (lambda _: None, "No such file or directory"),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(outcome: bytes | FileRefusal | None) -> FileRefusal:
    """Return the refusal that an outcome is."""
    assert isinstance(outcome, FileRefusal)
    return outcome


@pytest.mark.parametrize("special", SPECIAL)
def test_special_files_are_refused(here: Path, special: str) -> None:
    """Return the cause at once, from both ways to look at a file."""
    make, cause = SPECIAL[special]
    make(here / "x")
    for outcome in (read_file("x", Input.ENV_FILE), check_file("x", Input.ENV_FILE)):
        assert cause in refused(outcome).cause


@pytest.mark.parametrize("kind", list(Input))
def test_every_kind_has_a_bound(here: Path, kind: Input) -> None:
    """Read a file of exactly the bound; refuse one byte more, without reading the file."""
    path = here / "x"
    _large(kind)(path)
    for outcome in (read_file("x", kind), check_file("x", kind)):
        assert refused(outcome).is_too_large
        assert "it is larger than " in refused(outcome).cause
    with path.open("r+b") as file:
        file.truncate(MAX_BYTES[kind])
    data = read_file("x", kind)
    assert isinstance(data, bytes)
    assert len(data) == MAX_BYTES[kind]
    assert check_file("x", kind) is None


def test_a_file_that_grows(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse a file that another process extends, and stop at the bound if the file never ends."""
    path = here / "x"
    path.write_bytes(b"A=1\n")
    read = os.read
    asked: list[int] = []

    def growing(descriptor: int, size: int) -> bytes:
        with path.open("ab") as file:
            file.write(b"B=2\n" * 65536)
        asked.append(size)
        return read(descriptor, size)

    monkeypatch.setattr("secretsync.core.files.os.read", growing)
    assert refused(read_file("x", Input.JOURNAL)).cause == "it is larger than 4096 bytes"
    assert sum(asked) <= MAX_BYTES[Input.JOURNAL] + 1 + 5  # five: the size that the first call saw, and one

    def once(descriptor: int, size: int) -> bytes:
        data = read(descriptor, size)
        if data:
            path.write_bytes(b"A=2\nB=3\n")
        return data

    path.write_bytes(b"A=1\n")
    monkeypatch.setattr("secretsync.core.files.os.read", once)
    assert refused(read_file("x", Input.ENV_FILE)).cause == "it was changed while it was read"


def test_a_writer_of_a_refused_fifo_is_not_disturbed(here: Path) -> None:
    """Refuse a FIFO without opening it, because its writer would otherwise continue and get SIGPIPE."""
    os.mkfifo(here / "x")
    writer = subprocess.Popen(["/bin/sh", "-c", "exec echo A=1 > x"], cwd=here)
    try:
        for _ in range(20):
            refused(read_file("x", Input.ENV_FILE))
        assert writer.poll() is None
        assert (here / "x").read_text() == "A=1\n"
        assert writer.wait(30) == 0
    finally:
        writer.kill()
        writer.wait()


def test_a_kernel_file_without_a_size() -> None:
    """Read a file of /proc, whose size is 0."""
    data = read_file("/proc/self/status", Input.KERNEL)
    assert isinstance(data, bytes)
    assert b"VmRSS" in data


def test_a_link_is_followed_only_on_request(here: Path) -> None:
    """Refuse a link as the last component if `follow` is false."""
    (here / "x").write_bytes(b"1")
    (here / "link").symlink_to("x")
    assert read_file("link", Input.ENV_FILE) == b"1"
    assert refused(read_file("link", Input.ENV_FILE, follow=False)).cause == "it is a symbolic link"
    assert refused(read_file("a\0b", Input.ENV_FILE)).is_absent


# Where each input of a project is, and the command that reads it.
INPUTS: dict[str, tuple[str, tuple[str, ...], int]] = {
    "env file": ("env/test/common.env", ("check", "-e", "test"), 2),
    "bindings": ("providers/test.toml", ("check", "-e", "test"), 2),
    "bindings by name": ("b.toml", ("check", "--env-file", "env/test/security.env", "--bindings", "b.toml"), 2),
    "policy": ("env/test/policy.toml", ("audit", "-e", "test"), 2),
    "template": ("t.in", ("render", "-e", "test", "--template", "t.in", "--escape", "none"), 2),
    "secrets file": ("files/db", ("run", "--env-file", "docker.env", "--bindings", "docker.toml", "--", "true"), 3),
    "NAME_FILE": ("db", ("run", "--env-file", "name.env", "--", "true"), 3),
    "history": (".secretsync/history/test.json", ("track", "-e", "test", "--list"), 2),
    "archive": ("a.tar.gz", ("restore", "a.tar.gz", "--yes"), 2),
    ".gitignore": (".gitignore", ("init",), 6),
    ".env.example": (".env.example", ("template", "--check"), 6),
    "login token": ("token", ("run", "--env-file", "vault.env", "--bindings", "vault.toml", "--", "true"), 4),
    "AWS token": ("token", ("run", "--env-file", "aws.env", "--", "true"), 4),
    "AWS certificates": ("ca.pem", ("run", "--env-file", "aws-tls.env", "--", "true"), 2),
    "certificates": ("ca.pem", ("run", "--env-file", "vault.env", "--bindings", "tls.toml", "--", "true"), 2),
}
KINDS = {
    "FIFO": SPECIAL["FIFO"][0],
    "link to a device": SPECIAL["device"][0],
    "folder": SPECIAL["folder"][0],
}


def _run(made: object, *command: str, expect: int) -> CommandResult:
    env = {"DB_FILE": "db", "AWS_ENDPOINT_URL": "https://127.0.0.1:9", "AWS_REGION": "eu-west-1"}
    if "aws.env" in command:
        env |= {"AWS_WEB_IDENTITY_TOKEN_FILE": "token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/app"}
    if "aws-tls.env" in command:
        env |= {"AWS_CA_BUNDLE": "ca.pem", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return made.cli(*command, env=env, expect=expect, timeout=20)  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("special", KINDS)
@pytest.mark.parametrize("name", INPUTS)
def test_no_command_waits_for_a_special_file(project: MakeProject, name: str, special: str) -> None:
    """End at once with the file and the cause, whatever kind of input the file is."""
    if (name, special) == ("certificates", "folder"):
        pytest.skip("ca_cert may be a folder of certificates")
    path, command, status = INPUTS[name]
    made = project(
        {
            "env/test/common.env": "PORT=8000\n",
            "env/test/security.env": "",
            "docker.env": "A=$<docker:db>\n",
            "docker.toml": '[stores.docker]\ndir = "files"\n',
            "name.env": "A=$<env:DB>\n",
            "vault.env": "A=$<vault:secret/app#a>\n",
            "vault.toml": '[stores.vault]\naddress = "http://127.0.0.1:9"\nauth = { token_file = "token" }\n',
            "aws.env": "A=$<aws:app>\n",
            "aws-tls.env": "A=$<aws:arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf>\n",
            "tls.toml": '[stores.vault]\naddress = "https://127.0.0.1:9"\nca_cert = "ca.pem"\n',
        }
    )
    file = made.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    KINDS[special](file)
    failed = _run(made, *command, expect=status)
    assert path in failed.stderr or file.name in failed.stderr
    # A link out of its folder is refused before the file is looked at.
    assert "not a regular file" in failed.stderr or "a link that leads out of" in failed.stderr


def test_the_bounds_are_documented() -> None:
    """The table of the manual has the bounds of the code."""
    text = (Path(__file__).parents[2] / "docs" / "inputs.md").read_text(encoding="utf-8")
    rows = dict(
        line.strip("| ").split(" | ") for line in text.split("## Input files")[1].split("\n") if line[:2] == "| "
    )
    documented = {name: bound for name, bound in rows.items() if bound.endswith("MiB")}
    words = {
        "env file": Input.ENV_FILE,
        "--template": Input.TEMPLATE,
        ".env.example": Input.EXAMPLE,
        "in a backup": Input.ARCHIVED_FILE,
        "other bindings": Input.BINDINGS,
        "policy.toml": Input.POLICY,
        "secrets file": Input.SECRET_FILE,
        "certificates": Input.CERTIFICATES,
        "history": Input.HISTORY,
        "an archive of": Input.ARCHIVE,
        ".gitignore": Input.IGNORE_FILE,
        "a Dockerfile": Input.DOCKERFILE,
    }
    for word, kind in words.items():
        assert [bound for name, bound in documented.items() if word in name] == [size_in_words(MAX_BYTES[kind])]


# Writers, and files that are no inputs: os.devnull, standard output, folders.
OPENERS = {
    "backup/archive.py": 2,
    "backup/restore.py": 1,
    "backup/tree.py": 2,
    "backup/tree_writer.py": 3,
    "cli/__init__.py": 3,
    "cli/commands/audit.py": 1,
    "cli/commands/init.py": 1,
    "cli/starting/watching.py": 1,
    "core/system/atomic_write.py": 5,
    "core/files.py": 1,
    "core/system/pipes.py": 1,
    "core/system/temporary_file.py": 2,
    "resolving/requests/access_log.py": 2,
    "running/dropped_names.py": 1,
    "supervising/lease_keeper.py": 1,
    "supervising/output.py": 2,
    "supervising/sides.py": 1,
    "supervising/supervise.py": 1,
    "supervising/terminal.py": 1,
    "tracking/history_file.py": 1,
}


@pytest.mark.slow
def test_nothing_else_opens_files() -> None:
    """Count the calls that open a file in each module: inputs are read by the one reader."""
    root = Path(secretsync.__file__).parent
    found: dict[str, int] = {}
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("open", "read_text", "read_bytes", "open_code", "FileIO"):
                module = str(path.relative_to(root))
                found[module] = found.get(module, 0) + 1
    assert found == {module: count for module, count in OPENERS.items() if count}
