"""`secretsync backup`: what gets into an archive, what is refused, which archives are removed."""

import json
import os
import re
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from secretsync.backup import tree as trees
from secretsync.backup.archive import read_archive, write_archive
from secretsync.backup.tree import read_trees
from secretsync.core.errors import OutputError
from tests.backup.samples import AT, FILES, MODES, limit_files, make_modes, state
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs

NAME = re.compile(r"secretsync-\d{8}T\d{6}Z(-\d+)?\.tar\.gz")
# Letters in their order: of the shape of a token, and none.
TOKEN = "gh" + "p_" + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"


@pytest.fixture
def made(project: MakeProject) -> Project:
    """Return a project with modes of all kinds."""
    return make_modes(project(FILES))


def backed_up(made: Project, *arguments: str) -> Path:
    """Return the archive that a backup makes."""
    path = Path(made.cli("backup", *arguments, expect=0).stdout.rstrip("\n"))
    assert NAME.fullmatch(path.name)
    return path


def refused(made: Project, *arguments: str, status: int = 6) -> list[str]:
    """Return the lines with which a backup is refused; no archive and nothing else is left."""
    before = sorted(made.root.rglob("*"))
    done = made.cli("backup", *arguments, expect=status)
    assert done.stdout == ""
    assert [path for path in sorted(made.root.rglob("*")) if path not in before] == []
    return done.stderr.rstrip("\n").split("\n")


def test_an_archive(made: Project) -> None:
    """Everything of both trees and nothing else, byte and mode exact, for its owner alone, in a folder of ours."""
    made.write("README.md", "not part of it")
    path = backed_up(made)
    assert path.parent == made.root / "backups"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    nodes = read_archive(path.read_bytes(), "x").nodes
    assert {name: (node.kind, node.mode, node.data) for name, node in nodes.items()} == state(made.root)
    assert {name: nodes[name].mode for name in MODES} == MODES
    assert os.listdir(path.parent) == [path.name]


def test_other_tools_read_it(made: Project) -> None:
    """The program tar lists the archive, the manifest is first, and no member has an owner."""
    with tarfile.open(backed_up(made)) as tar:
        names = tar.getnames()
        assert names == ["manifest.json", *sorted(names[1:])]
        assert {(member.uid, member.gid, member.uname, member.gname) for member in tar} == {(0, 0, "", "")}
        opened = tar.extractfile("manifest.json")
        assert opened is not None
        manifest = json.load(opened)
    assert manifest["schema"] == 1
    assert manifest["project"] == os.path.realpath(made.root)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", manifest["created"])


@pytest.mark.parametrize("mask", ["000", "022", "777"])
def test_umask(made: Project, mask: str) -> None:
    """The archive is for its owner alone whatever the umask."""
    argv = ["sh", "-c", f'umask {mask}; exec "$@"', "sh", *secretsync_argv(["backup", "--output", str(made.home)])]
    done = run_command(argv, cwd=made.root, env=clean_environment(made.home), expect=0)
    assert stat.S_IMODE(Path(done.stdout.strip()).stat().st_mode) == 0o600


def test_none_is_written_over(made: Project) -> None:
    """Archives of one second get numbers, and a link of such a name is not followed."""
    paths = {backed_up(made) for _ in range(4)}
    assert len(paths) == 4
    assert len(os.listdir(made.root / "backups")) == 4


PLAIN = {
    "a name of secrets": ("env/production/web.env", "#\nDB_PASSWORD={}\n", 2, "plaintext-name"),
    "in development": ("env/development/common.env", "A=1\nAPI_TOKEN={}\n", 2, "plaintext-name"),
    "a URL": ("env/test/db.env", "URL=pg://app:{}@db/app\n", 1, "plaintext-url"),
    "a default": (
        "env/test/db.env",
        "URL=pg://app:$<PW:-{}>@db/app\nPASSWORD=$<X:-{}>\nA=pg://u:{}@h",
        3,
        "plaintext-url",
    ),
    "an editor's copy": ("env/production/security.env~", "SECRET_KEY={}\n", 1, "plaintext-name"),
    "a file of no environment": ("env/notes.txt", "remember:\n\nDB_PASSWORD={}\n", 3, "plaintext-name"),
    "a hidden file": ("providers/.env", "DB_PASSWORD={}\n", 1, "plaintext-name"),
    "a store's setting": ("providers/test.toml", "[stores.vault]\ntoken = '{}'\n", 2, "plaintext-name"),
    "a binding": ("providers/test.toml", "[secrets]\nNAME = '{}'\n", 2, "plaintext-name"),
    "a binding's table": ("providers/test.toml", "[secrets]\nNAME = {{ ref = '{}' }}\n", 2, "plaintext-name"),
    "a store's URL": ("providers/test.toml", "[stores.vault]\naddress = 'https://u:{}@v/'\n", 2, "plaintext-url"),
    "a check": ("env/test/policy.toml", "[checks.DB_PASSWORD]\nequals = '{}'\n", 2, "plaintext-name"),
    "a list": ("env/test/policy.toml", "[checks.DB_PASSWORD]\none_of = ['x', '{}']\n", 2, "plaintext-name"),
    "of the policy's names": ("env/test/pin.env", "ADMIN_PIN={}\n", 1, "plaintext-name"),
}


@pytest.mark.sink("backups/*.tar.gz")
@pytest.mark.parametrize(("file", "text", "line", "rule"), PLAIN.values(), ids=list(PLAIN))
def test_plain_secrets_are_refused(
    made: Project, canary: CanaryFactory, file: str, text: str, line: int, rule: str
) -> None:
    """Plain secrets are refused with file and line and without the value; --allow-plaintext accepts them."""
    if file == "env/test/pin.env":
        (made.root / "env/test").chmod(0o700)
        made.write("env/test/policy.toml", "sensitive = ['*_PIN']\n")
    (made.root / "env/test").chmod(0o700)
    made.write(file, text.replace("{}", canary()).replace("{{", "{").replace("}}", "}"))
    lines = refused(made)
    assert any(f" {file}:{line}:" in said and f"({rule})" in said for said in lines), lines
    assert any("--allow-plaintext" in said for said in lines)
    allowed = made.cli("backup", "--allow-plaintext", expect=0)
    assert "warning: the archive contains plain text secrets" in allowed.stderr


def test_tokens_and_keys_are_found_anywhere(made: Project) -> None:
    """Tokens and keys are found in comments and in binary files."""
    made.write("env/production/common.env", f"# was {TOKEN}\nDEBUG=False\n")
    made.write("env/production/blob", b"\0\xff\n-----BEGIN RSA PRIVATE KEY-----\n\xfe")
    made.write("providers/production.toml", f"[secrets]\nA = 'docker:a' # {TOKEN}\n")
    (first, *lines) = refused(made)
    assert first.endswith("--allow-plaintext archives plain text secrets too")
    assert [re.findall(r"(\S+:\d+): .*\(([a-z-]+)\)", line) for line in lines[1:]] == [
        [("env/production/blob:2", "plaintext-key")],
        [("env/production/common.env:1", "plaintext-token")],
        [("providers/production.toml:2", "plaintext-token")],
    ]


def test_what_is_no_plain_secret(made: Project) -> None:
    """Stand-ins, descriptions, references, settings about secrets, and what the policy ignores for a reason."""
    (made.root / "env/production/policy.toml").unlink()
    made.write(
        "env/production/policy.toml",
        "[required]\nSECRET_KEY = 'signs'\n[checks.SECRET_KEY]\nmessage = 'must be long'\nmin_length = 32\n"
        "[[ignore]]\nrule = 'plaintext-name'\nkey = 'PUBLIC_TOKEN'\nreason = 'it is public'\n",
    )
    made.write("env/production/common.env", "PUBLIC_TOKEN=abcdef-not-secret\nAPI_TOKEN=changeme\nTOKEN_TTL=30\n")
    made.write(
        "providers/production.toml",
        "[stores.vault]\naddress = 'https://vault.internal'\nauth = { method = 'approle', role_id_env = 'ROLE' }\n"
        "key = 'secret/{environment}/app#{name}'\n[stores.azure]\ncredential = 'workload-identity'\n"
        "[secrets]\nOLD_KEY = { ref = 'docker:x', max_age = 'never', reason = 'the vendor keeps it' }\n"
        "[rotation.patterns]\n'*_TOKEN' = '30d'\n",
    )
    made.write("env/README.md", "DATABASE_URL=pg://app:$<PW>@db/app\n# pg://app:password@db\n")
    backed_up(made)


def test_what_looks_random_is_a_warning(made: Project, canary: CanaryFactory) -> None:
    """A guess does not keep anybody from a backup."""
    made.write("env/production/common.env", "SESSION_SEED=q7Rk2ZpX9vLm4TsB8nWc3HdY\n")
    done = made.cli("backup", expect=0)
    assert "warning: env/production/common.env:1: SESSION_SEED" in done.stderr
    assert "q7Rk2ZpX" not in done.stderr


def test_what_cannot_be_judged_is_refused(made: Project) -> None:
    """A line that cannot be parsed may be a value; a policy that cannot be read may name secrets."""
    made.write("env/production/common.env", 'DEBUG=False\nkf83jd"d\n')
    (made.root / "env/production/policy.toml").unlink()
    made.write("env/production/policy.toml", "sensitive = 3\n")
    made.write("providers/production.toml", "[[[\n")
    lines = refused(made)
    assert len([line for line in lines if "plain text secrets in it would not be found" in line]) == 3
    assert not any("kf83jd" in line for line in lines)
    backed_up(made, "--allow-plaintext")


def test_what_no_archive_takes(made: Project) -> None:
    """Links, devices, bits that change who runs a file, and names that no terminal shows: all in one report."""
    (made.root / "env/production/link.env").symlink_to("common.env")
    os.mkfifo(made.root / "env/production/fifo.env")
    made.write("env/production/odd\x1b[31m.env", "")
    made.write("env/production/setuid.env", "", mode=0o4644)
    (made.root / "providers").chmod(0o1777)
    lines = refused(made, "--allow-plaintext")
    assert [re.sub(r":.*", "", line.strip()) for line in lines[1:]] == [
        "env/production/fifo.env",
        "env/production/link.env",
        r"env/production/odd\x1b[31m.env",
        "env/production/setuid.env",
        "providers",
    ]


@pytest.mark.parametrize("tree", ["env", "providers"])
def test_a_tree_behind_a_link(made: Project, tree: str) -> None:
    """Nothing is read through one."""
    (made.root / tree).rename(made.root / "elsewhere")
    (made.root / tree).symlink_to("elsewhere")
    assert "it is no folder, and nothing goes through a link" in refused(made)[0]


def test_too_much(made: Project) -> None:
    """A file that is too large to restore is refused by `backup`."""
    with (made.root / "env/production/core").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    assert "env/production/core: this is too much" in refused(made, "--allow-plaintext")[0]


def test_not_into_itself(made: Project) -> None:
    """An archive in env/ would be part of the next one."""
    for folder in ("env", "env/backups", "providers/../env/x"):
        assert "inside the archived folder" in refused(made, "--output", folder, status=2)[0]


@pytest.mark.parametrize("changes", [0, 1, 3, 1000])
def test_files_that_change_while_they_are_read(made: Project, monkeypatch: pytest.MonkeyPatch, changes: int) -> None:
    """Two files that change together are never mixed: it looks again, and gives up where that never ends."""
    pair = ("env/production/common.env", "providers/production.toml")
    number, real = 0, trees._Walk.read

    def write_both() -> None:
        for path in pair:
            made.write(path, f"# {number}\n")

    def read(walk: trees._Walk, folder: int, name: str, path: str) -> bytes | None:
        nonlocal number
        if path == pair[1] and number < changes:  # the first one was read already
            number += 1
            write_both()
        return real(walk, folder, name, path)

    write_both()
    monkeypatch.setattr(trees._Walk, "read", read)
    if changes == 1000:
        with pytest.raises(OutputError, match="being changed all the time"):
            read_trees(str(made.root))
        return
    nodes = read_trees(str(made.root))
    assert [nodes[path].data for path in pair] == [f"# {changes}\n".encode()] * 2


def test_keep(made: Project, canary: CanaryFactory) -> None:
    """The newest stay; what is not an archive of this project, whatever its name, is not touched."""
    folder = made.root / "backups"
    root = os.path.realpath(made.root)
    nodes = read_trees(root)
    ours = write_archive(nodes, project=root, at=AT)
    old = [folder / f"secretsync-20250101T00000{number}Z.tar.gz" for number in range(3)]
    old += [folder / "secretsync-20250101T000002Z-2.tar.gz", folder / "secretsync-20250101T000002Z-10.tar.gz"]
    folder.mkdir()
    for path in old:
        path.write_bytes(ours)
    foreign = {
        "secretsync-20240101T000000Z.tar.gz": write_archive(nodes, project="/srv/other", at=AT),
        "secretsync-20240101T000001Z.tar.gz": ours[:-20],
        "secretsync-20240101T000002Z.tar.gz": b"mine",
        "secretsync-20240101T000003Z.tar.gz.bak": ours,
        "my-secretsync-20240101T000003Z.tar.gz": ours,
        "secretsync-latest.tar.gz": ours,
        "notes.txt": b"",
    }
    for name, data in foreign.items():
        (folder / name).write_bytes(data)
    outside = made.write("outside.tar.gz", ours)
    (folder / "secretsync-20240101T000004Z.tar.gz").symlink_to(outside)
    (folder / "secretsync-20240101T000005Z.tar.gz").mkdir()
    done = made.cli("backup", "--keep", "3", expect=0)
    new = Path(done.stdout.strip())
    left = set(os.listdir(folder))
    assert left - {new.name} == {
        *foreign,
        "secretsync-20240101T000004Z.tar.gz",
        "secretsync-20240101T000005Z.tar.gz",
        *(path.name for path in old[3:]),
    }
    assert len(re.findall(r"removed .*secretsync-2025", done.stderr)) == 3
    assert len(re.findall(r"warning: .*secretsync-2024", done.stderr)) == 2
    assert outside.read_bytes() == ours


def test_keep_where_the_clock_went_back(made: Project) -> None:
    """The archive that was just made stays, though an older one says that it is from the future."""
    ours = write_archive(read_trees(str(made.root)), project=os.path.realpath(made.root), at=AT)
    future = made.write("backups/secretsync-29991231T235959Z.tar.gz", ours)
    new = backed_up(made, "--keep", "1")
    assert new.exists()
    assert not future.exists()


def test_keep_only_after_success(made: Project, canary: CanaryFactory) -> None:
    """A backup that is refused removes nothing."""
    path = backed_up(made)
    made.write("env/production/common.env", f"DB_PASSWORD={canary()}\n")
    refused(made, "--keep", "1")
    assert path.exists()
    for count in ("0", "-1", "x", "1.5", "9" * 30):
        refused(made, f"--keep={count}", status=2)


def test_a_folder_that_cannot_be_written(made: Project) -> None:
    """Status 6, with the path and the reason."""
    made.write("plain", "")
    assert "plain" in refused(made, "--output", "plain")[0]
    assert "plain/x: this folder cannot be made" in refused(made, "--output", "plain/x")[0]
    needs(os.geteuid() == 0 and Path("/proc/sys").is_dir(), "root and /proc")
    assert "cannot be made" in refused(made, "--output", "/proc/sys/backups")[0]


def test_a_full_disk(made: Project) -> None:
    """A file size limit stands for it: nothing partial is left under any name."""
    done = subprocess.run(
        secretsync_argv(["backup"]),
        cwd=made.root,
        env=clean_environment(made.home),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: limit_files(100),
    )
    assert done.returncode == 6, done.stderr
    assert "it cannot be written: File too large" in done.stderr
    assert os.listdir(made.root / "backups") == []


def test_no_project(made: Project) -> None:
    """A folder without one is a usage error, and --root names one."""
    failed = made.cli("backup", cwd=made.home, expect=2)
    assert "secretsync init" in failed.stderr
    done = made.cli("backup", "-q", "--root", str(made.root), cwd=made.home, expect=0)
    assert done.stderr == ""
    assert Path(done.stdout.strip()).parent == made.root / "backups"
