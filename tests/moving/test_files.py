"""The files that an import writes: what exists is kept, whatever its form."""

import os
import stat
import tomllib
from pathlib import Path

import pytest

from secretsync.core.errors import ConfigurationError, OutputError
from secretsync.moving.files import Line, PlannedFile, check_writable, plan_bindings, plan_env_file, write

BINDINGS = "providers/production.toml"
ENV = "env/production/common.env"


def put(root: Path, path: str, content: bytes) -> Path:
    """Write a file of a project."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    "content",
    [
        '[secrets]\nX = "vault:a/b#c"\n',
        '[secrets]\r\nX = "vault:a/b#c"\r\n[rotation]\r\nmax_age = "90d"\r\n',
        '[ secrets ] # here\nX = "vault:a/b#c"',
        '["secrets"]\nX = "vault:a/b#c"\n',
        "['secrets']",
        '#:schema x.json\nsecrets.X = "vault:a/b#c"\n[rotation]\nmax_age = "90d"\n',
        '[secrets.X]\nref = "vault:a/b#c"\nmax_age = "3d"\n',
        '[stores.vault]\naddress = """https://\n[secrets]\n"""\n',
        '\ufeff[stores.vault]\naddress = "https://vault"',
        "",
    ],
)
def test_bindings_in_each_form(tmp_path: Path, content: str) -> None:
    """The new bindings are in the table `secrets`, however the file writes it, and all else has its value."""
    put(tmp_path, BINDINGS, content.encode())
    before = tomllib.loads(content.removeprefix("\ufeff"))
    planned = plan_bindings(str(tmp_path), BINDINGS, {"A": "docker:a", "B": "docker:b"})
    assert planned.state == "extended"
    read = tomllib.loads(planned.content.removeprefix("\ufeff"))
    assert read == {**before, "secrets": {**before.get("secrets", {}), "A": "docker:a", "B": "docker:b"}}


def test_bindings_without_a_place(tmp_path: Path) -> None:
    """An inline table cannot be added to, so that the file is refused before anything is written."""
    put(tmp_path, BINDINGS, b'secrets = { X = "vault:a/b#c" }\n')
    with pytest.raises(ConfigurationError, match=r"write it as a table: \[secrets\]; nothing was written"):
        plan_bindings(str(tmp_path), BINDINGS, {"A": "docker:a"})


@pytest.mark.parametrize("content", [b"NAME=caf\xe9\n", "NAME=1\n".encode("utf-16")])
def test_an_env_file_that_is_not_utf8(tmp_path: Path, content: bytes) -> None:
    """An existing file in another encoding is named as such."""
    put(tmp_path, ENV, content)
    with pytest.raises(ConfigurationError, match=rf"{ENV}:1"):
        plan_env_file(str(tmp_path), ENV, [(Line("A", "1", ()), "1")], ())


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_the_mode_of_a_file(tmp_path: Path, mode: int) -> None:
    """An existing file keeps its mode, and a new one has the mode that the umask gives to any file."""
    existing = put(tmp_path, ENV, b"X=1\n")
    existing.chmod(mode)
    old = os.umask(0o077)
    try:
        write(str(tmp_path), [PlannedFile(ENV, "X=1\nY=2\n", "X=1\n"), PlannedFile(BINDINGS, "", None)])
    finally:
        os.umask(old)
    assert existing.read_bytes() == b"X=1\nY=2\n"
    assert stat.S_IMODE(existing.stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / BINDINGS).stat().st_mode) == 0o600


@pytest.mark.parametrize("before", [None, "X=1\n"])
def test_a_file_that_changes_meanwhile(tmp_path: Path, before: str | None) -> None:
    """A file that another process writes between the plan and the write is not replaced."""
    theirs = put(tmp_path, ENV, b"X=2\n")
    with pytest.raises(OutputError, match="another process wrote it at the same time"):
        write(str(tmp_path), [PlannedFile(ENV, "X=1\nY=2\n", before)])
    assert theirs.read_bytes() == b"X=2\n"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A link, and a file in the place of a folder, are found before a secret is stored."""
    put(tmp_path, "target", b"X=1\n")
    (tmp_path / "env/production").mkdir(parents=True)
    (tmp_path / ENV).symlink_to(tmp_path / "target")
    with pytest.raises(OutputError, match=f"{ENV}: it is a symbolic link"):
        check_writable(str(tmp_path), [PlannedFile(ENV, "X=1\nY=2\n", "X=1\n")])
    put(tmp_path, "providers", b"")
    with pytest.raises(OutputError, match=f"{BINDINGS}: .*/providers is not a folder"):
        check_writable(str(tmp_path), [PlannedFile(BINDINGS, "", None)])
    check_writable(str(tmp_path), [PlannedFile(ENV, "X=1\n", "X=1\n"), PlannedFile("new/file", "", None)])
