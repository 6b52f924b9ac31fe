"""Where a project is, which files it has, and that no bad name touches the disk."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from secretsync import resolve_config
from secretsync.core.errors import UsageError
from secretsync.core.secret import Environ
from secretsync.planning.request import ConfigRequest, load_plan
from secretsync.project.layout import environments, find_root, named_environment, open_files, open_project
from tests.support.projects import MakeProject

BAD_NAMES = [
    *("", ".", "..", "../prod", "/etc", "prod/../../x", "prod\0", "prod/", "prod ", " prod", "prod.", "a.b", "-prod"),
    *("_prod", "prod\n", "\nprod", "É", "\uff50rod", "prod\\x", "~", "*", "$X", "a" * 65, "a" * 300, "prod\u202e"),
]

_touched: list[str] | None = None


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _touched is not None and event in ("open", "os.listdir", "os.scandir", "glob.glob", "os.stat"):
        _touched.append(f"{event} {arguments[0]!r}")


sys.addaudithook(_audit)  # it cannot be taken away again, and does nothing between tests


@contextmanager
def nothing_touched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail where anything on disk was opened, listed or looked at."""
    global _touched  # noqa: PLW0603 - the hook has no other way to a test

    def refuse(path: object, *arguments: object, **options: object) -> None:
        pytest.fail(f"looked at {path!r}")

    with monkeypatch.context() as patch:
        # stat raises no audit event.
        for name in ("stat", "lstat", "readlink"):
            patch.setattr(os, name, refuse)
        for name in ("isdir", "isfile", "exists", "lexists", "islink", "realpath"):
            patch.setattr(os.path, name, refuse)
        _touched = []
        try:
            yield
            assert _touched == []
        finally:
            _touched = None


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_environment_touches_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """A word that is not a name is refused before a path is looked at, by the library and by its parts."""
    with nothing_touched(monkeypatch), pytest.raises(UsageError, match="an environment's name is"):
        open_project(name, str(tmp_path))
    with nothing_touched(monkeypatch), pytest.raises(UsageError, match="an environment's name is"):
        resolve_config(name, root=tmp_path, environ={})


@pytest.mark.parametrize("name", [name for name in BAD_NAMES if name])
@pytest.mark.parametrize("variable", ["SECRETSYNC_ENV", "ENVIRONMENT"])
def test_a_bad_name_in_the_process_environment(monkeypatch: pytest.MonkeyPatch, name: str, variable: str) -> None:
    """It is refused just so."""
    with nothing_touched(monkeypatch), pytest.raises(UsageError, match="an environment's name is"):
        resolve_config(environ={variable: name})


@pytest.mark.parametrize("name", ["../prod", "prod\n", "prod\u202e"])
def test_a_bad_name_on_the_command_line(project: MakeProject, name: str) -> None:
    """It is status 2, and nothing of it can forge a line."""
    made = project({"env/development/common.env": "A=1"})
    result = made.cli("explain", f"--environment={name}", expect=2)
    assert "an environment's name is" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "name", ["../security", "security", "common", "", ".", "web.env", "/etc/passwd", "web\0", "WEB"]
)
def test_a_service_without_a_file(project: MakeProject, name: str) -> None:
    """A service is one of the files that were found, and never a path: the special files are none."""
    made = project({"env/test/common.env": "A=1", "env/test/security.env": "B=1", "env/test/web.env": "C=1"})
    with pytest.raises(UsageError, match="there is no service"):
        resolve_config("test", root=made.root, services=[name], environ={})


def test_known_names_and_nearest(project: MakeProject) -> None:
    """An environment or a service that is not there is an error that names the nearest, or all."""
    made = project({"env/production/web.env": "A=1", "env/staging/common.env": "A=1"})
    with pytest.raises(UsageError, match="did you mean production"):
        open_project("prodction", str(made.root))
    with pytest.raises(UsageError, match="there are: production, staging"):
        open_project("xxx", str(made.root))
    with pytest.raises(UsageError, match="did you mean web"):
        resolve_config("production", root=made.root, services=["wep"], environ={})
    with pytest.raises(UsageError, match="there are: web"):
        resolve_config("production", root=made.root, services=["database"], environ={})


def test_files_and_services(project: MakeProject) -> None:
    """The lowest first: common, security, then the services by name; what is no env file is not there."""
    made = project(
        {
            **dict.fromkeys((f"env/test/{stem}.env" for stem in ("web", "security", "common", "api", "A-1_b")), "X=1"),
            "env/test/.env": "X=1",
            "env/test/.hidden.env": "X=1",
            "env/test/web.env.bak": "X=1",
            "env/test/policy.toml": "",
            "env/test/README": "",
            "providers/test.toml": "",
        }
    )
    opened = open_project("test", str(made.root))
    assert [source.shown for source in opened.files] == [
        f"env/test/{stem}.env" for stem in ("common", "security", "A-1_b", "api", "web")
    ]
    assert opened.services == ("A-1_b", "api", "web")
    assert opened.bindings is not None
    assert opened.bindings.shown == "providers/test.toml"
    assert opened.label == "test"


def test_no_file_is_a_must(project: MakeProject) -> None:
    """One service alone makes an environment, and bindings need not be there."""
    made = project({"env/test/web.env": "X=1"})
    config = resolve_config("test", root=made.root, environ={})
    assert dict(config) == {}
    assert dict(config.service("web")) == {"X": "1"}


@pytest.mark.parametrize("stem", ["web server", "web.prod", "-web", "é", "a" * 65, "web\n"])
def test_files_that_are_no_service(project: MakeProject, stem: str) -> None:
    """Such an env file is an error, not left out."""
    made = project({"env/test/common.env": "A=1", f"env/test/{stem}.env": "B=1"})
    with pytest.raises(UsageError, match="rename the file") as caught:
        open_project("test", str(made.root))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "is_strict"),
    [
        *((name, False) for name in ("development", "dev", "test", "testing", "ci", "local", "Development", "CI")),
        *((name, True) for name in ("prod", "production", "production-eu", "staging", "dev2", "test-1", "qa")),
    ],
)
def test_strict_and_lenient(project: MakeProject, name: str, is_strict: bool) -> None:
    """Six names are lenient, everything else keeps all safeguards; the bindings have the last word."""
    made = project({f"env/{name}/common.env": "A=1"})
    assert resolve_config(name, root=made.root, environ={}).is_strict is is_strict
    made.write(f"providers/{name}.toml", f"strict = {str(not is_strict).lower()}")
    assert resolve_config(name, root=made.root, environ={}).is_strict is not is_strict


def test_links(project: MakeProject, tmp_path: Path) -> None:
    """A link that stays in env/ is followed; one that leads out of it is refused, a file as well as a folder."""
    made = project({"env/shared/common.env": "A=1"})
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "common.env").write_text("A=2")
    folder = made.root / "env" / "test"
    folder.mkdir()
    (folder / "common.env").symlink_to("../shared/common.env")
    assert resolve_config("test", root=made.root, environ={})["A"] == "1"
    (folder / "common.env").unlink()
    (folder / "common.env").symlink_to(outside / "common.env")
    with pytest.raises(UsageError, match="leads out of env/"):
        open_project("test", str(made.root))
    (folder / "common.env").unlink()
    folder.rmdir()
    folder.symlink_to(outside)
    with pytest.raises(UsageError, match="leads out of env/"):
        open_project("test", str(made.root))
    folder.unlink()
    folder.symlink_to("shared")
    assert resolve_config("test", root=made.root, environ={})["A"] == "1"


def test_links_as_kubernetes_makes_them(project: MakeProject, tmp_path: Path) -> None:
    """A ConfigMap's files are links to links beside them, and env/ itself may be a link."""
    made = project()
    mount = tmp_path / "mount" / "test"
    (mount / "..2026").mkdir(parents=True)
    (mount / "..2026" / "common.env").write_text("A=1")
    (mount / "..data").symlink_to("..2026")
    (mount / "common.env").symlink_to("..data/common.env")
    (made.root / "env").symlink_to(tmp_path / "mount")
    assert resolve_config("test", root=made.root, environ={})["A"] == "1"


def test_what_is_not_readable_is_a_problem_of_the_file(project: MakeProject) -> None:
    """Folders, FIFOs and dangling links under the name of a file are found together, without waiting."""
    made = project({"env/test/web.env": "A=1"})
    (made.root / "env/test/common.env").mkdir()
    os.mkfifo(made.root / "env/test/security.env")
    (made.root / "env/test/api.env").symlink_to("nowhere.env")
    (made.root / "providers").mkdir()
    os.mkfifo(made.root / "providers/test.toml")
    result = made.cli("explain", "-e", "test", expect=2)
    for name in ("env/test/common", "env/test/security", "env/test/api"):
        assert f"{name}.env: it " in result.stderr
    assert "providers/test.toml: it is not a regular file" in result.stderr


def test_the_root(project: MakeProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is the argument, else the variable, else the nearest folder upwards with an env file."""
    outer = project({"env/test/common.env": "A=outer", "inner/env/README": "", "inner/env/x/.env": "A=1"})
    inner = outer.root / "inner" / "deep"
    inner.mkdir()
    other = project({"env/test/common.env": "A=other"})
    assert find_root(None, {}, start=str(inner)) == str(outer.root)
    assert find_root(None, {"SECRETSYNC_ROOT": str(other.root)}, start=str(inner)) == str(other.root)
    assert find_root(str(outer.root), {"SECRETSYNC_ROOT": str(other.root)}, start="/") == str(outer.root)
    assert find_root(None, {"SECRETSYNC_ROOT": ""}, start=str(inner)) == str(outer.root)
    monkeypatch.chdir(inner)
    assert find_root(None, {}) == str(outer.root)
    assert find_root("../..", {}) == str(outer.root)
    assert resolve_config("test", environ={})["A"] == "outer"
    outer.write("inner/env/test/web.env", "A=inner")
    assert find_root(None, {}) == str(outer.root / "inner")
    for given, variable in ((str(tmp_path), ""), (None, str(tmp_path)), (str(tmp_path / "no"), "")):
        with pytest.raises(UsageError, match="no folder env/"):
            find_root(given, {"SECRETSYNC_ROOT": variable})
    with pytest.raises(UsageError, match=r"no env/<environment>/\*\.env was found"):
        find_root(None, {}, start=str(tmp_path))


def test_the_environment(project: MakeProject) -> None:
    """It is the argument, else SECRETSYNC_ENV, else ENVIRONMENT, else development; an empty variable says nothing."""
    made = project({f"env/{name}/common.env": f"A={name}" for name in ("a", "b", "c", "development")})

    def chosen(name: str | None, **environ: str) -> str:
        return resolve_config(name, root=made.root, environ=environ)["A"]

    assert chosen("a", SECRETSYNC_ENV="b", ENVIRONMENT="c") == "a"
    assert chosen(None, SECRETSYNC_ENV="b", ENVIRONMENT="c") == "b"
    assert chosen(None, SECRETSYNC_ENV="", ENVIRONMENT="c") == "c"
    assert chosen(None, SECRETSYNC_ENV="", ENVIRONMENT="") == "development"
    assert chosen(None) == "development"
    assert named_environment({}) is None


def test_environments(project: MakeProject) -> None:
    """Folders with an env file and a name count."""
    made = project(
        {"env/b/x.env": "", "env/a/x.env": "", "env/c/x.txt": "", "env/.d/x.env": "", "env/e f/x.env": "", "env/g": ""}
    )
    assert environments(str(made.root)) == ("a", "b")
    assert environments(str(made.root / "nowhere")) == ()


def test_files_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files take the place of an environment: later over earlier, lenient without a name, without services."""
    monkeypatch.chdir(tmp_path)
    Path("one.env").write_text("A=1\nB=1\n")
    Path("two.env").write_text("B=${B}2\nC=${A}\n")
    Path("stores.toml").write_text('[secrets]\nX = "env:Y"\n')
    config = resolve_config(files=["one.env", "two.env"], bindings="stores.toml", environ={})
    assert dict(config) == {"A": "1", "B": "12", "C": "1"}
    assert not config.is_strict
    assert config.environment is None
    for files, bindings in ((["no.env"], None), (["one.env"], "no.toml")):
        with pytest.raises(UsageError, match="there is no such file"):
            open_files(files, bindings)
    with pytest.raises(UsageError, match="the name of an env file is empty"):
        open_files([""], None)
    with pytest.raises(UsageError, match="no env file is named"):
        open_files([], None)
    with pytest.raises(UsageError, match="there is no service"):
        load_plan(ConfigRequest(files=("one.env",), services=("one",)), Environ({}))


def test_one_file_named_twice(tmp_path: Path) -> None:
    """It is the same file: nothing in it leads in a circle."""
    path = tmp_path / "x.env"
    path.write_text("HOME_PAGE=${HOME_PAGE}\nA=1\n")
    config = resolve_config(files=[path, path], environ={"HOME_PAGE": "x"})
    assert dict(config) == {"HOME_PAGE": "x", "A": "1"}


@pytest.mark.parametrize("path", ["/dev/fd/987", "/proc/self/fd/987"])
def test_a_closed_descriptor_has_its_own_hint(path: str) -> None:
    """A process substitution does not pass through sudo."""
    with pytest.raises(UsageError, match="closed it, as sudo does: use --env-file -"):
        open_files([path], root=None, environment=None, bindings=None)
