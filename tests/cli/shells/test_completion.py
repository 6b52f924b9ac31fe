"""Completion: what SecretSync decides about the last word of a command line, without a shell."""

from pathlib import Path

import pytest

from secretsync.cli.commands import COMMANDS
from secretsync.cli.manual.option_list import command_module, list_options
from secretsync.cli.parser import build_parser
from secretsync.cli.shells.completion import KINDS, complete, kind_of
from secretsync.cli.shells.completion_scripts import format_completion, unquoted
from secretsync.cli.shells.project_names import ProjectNames
from secretsync.providers.registry import BUILT_IN
from secretsync.rendering.formats import FORMATS
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject, Project

# Values that a project does not decide: any text is possible.
FREE = {"ACTION", "TIME", "N", "BYTES", "TEXT", "USER[:GROUP]", "MODE", "FIELD", "NAME"}
FREE_NAMES = {"--name", "--namespace", "--service-account", "--secret", "--setting"}


@pytest.fixture
def shop(project: MakeProject, canary: CanaryFactory, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Three environments, services, bindings and records, and a secret in plain text that must never be shown."""
    secret = canary()
    made = project(
        {
            "env/production/common.env": "PORT=8000\n",
            "env/production/security.env": f"TOKEN=$<TOKEN>\nPLAIN='{secret}\nFAKE_KEY={secret}'\nURL=$<docker:url>\n",
            "env/production/web.env": "WEB_HOST=x\n",
            "env/staging/worker.env": "WORKERS=2\n",
            "providers/production.toml": '[stores.safe]\nprovider = "docker"\ndir = "files"\n'
            '[secrets]\nKEY = "safe:key"\n',
        }
    )
    monkeypatch.chdir(made.root)
    return made


def words_of(*words: str, environ: dict[str, str] | None = None) -> list[str]:
    """Return the candidates for the last of `words`."""
    found = complete(("secretsync", *words), environ or {})
    assert found.kind in ("words", "open")
    return [word for word, _ in found.words]


def test_commands() -> None:
    """The first word is a command or a group of commands, the next one a command of the group."""
    assert words_of("") == list(dict.fromkeys(name.split()[0] for name in COMMANDS))
    assert words_of("rot") == ["rotation"]
    assert words_of("rotation", "") == ["merge"]
    assert words_of("--") == ["--help", "--version"]
    assert words_of("no-such-command", "") == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_are_those_of_the_parser(command: str) -> None:
    """Each option of argparse is completed, and no other."""
    actions = build_parser(command, command_module(command))._actions
    expected = {max(action.option_strings, key=len) for action in actions if action.option_strings}
    assert set(words_of(*command.split(), "-")) == expected
    for action in actions:
        if action.option_strings and action.choices:
            name = max(action.option_strings, key=len)
            assert words_of(*command.split(), name, "") == list(map(str, action.choices))
            (first, *_) = map(str, action.choices)
            assert complete(("secretsync", *command.split(), f"{name}={first}"), {}).prefix == f"{name}="


@pytest.mark.parametrize("command", COMMANDS)
def test_each_value_has_a_kind(command: str) -> None:
    """A new option with a value is completed, or is listed here as free text."""
    for option in list_options(command_module(command)):
        if not option.has_value or option.choices:
            continue
        kind = kind_of(command, option)
        is_free = option.long_name in FREE_NAMES or option.metavar in FREE - {"NAME"}
        assert (kind is None) == is_free, (command, option.long_name, option.metavar)
        assert kind in (None, "files", "folders") or hasattr(ProjectNames, str(kind))
    assert set(KINDS.values()) <= set(dir(ProjectNames))


def test_names_of_the_project(shop: Project) -> None:
    """Environments, services, keys, secrets, stores and formats are those of the project."""
    assert words_of("run", "-e", "") == ["production", "staging"]
    assert words_of("check", "--environment=st") == ["staging"]
    assert words_of("run", "-e", "production", "--service", "") == ["web"]
    assert words_of("run", "--service", "") == ["web", "worker"]
    assert words_of("explain", "-e", "production", "") == ["PORT", "TOKEN", "PLAIN", "URL", "WEB_HOST"]
    assert words_of("explain", "", environ={"SECRETSYNC_ENV": "staging"}) == ["WORKERS"]
    assert words_of("get", "-e", "production", "") == ["TOKEN", "KEY"]
    assert words_of("set", "-e", "production", "K") == ["KEY"]
    assert words_of("permissions", "-e", "production", "--store", "s") == ["safe", "ssm"]
    assert words_of("import", "a.env", "--to", "va") == ["vault:"]
    assert words_of("import", "a.env", "--to", "vault:") == []
    assert words_of("providers", "az") == ["azure"]
    assert words_of("run", "--pass-env", "A", environ={"APP": "1", "odd name": "2", "A_B": "3"}) == ["APP", "A_B"]
    assert words_of("render", "-e", "production", "--format", "") == list(FORMATS)


@pytest.mark.sink(".secretsync/history/*")  # settings are recorded as they are
def test_records(shop: Project) -> None:
    """`diff` takes the records of the environment, the newest first, or two environments."""
    for port in (1, 2):
        shop.write("env/production/common.env", f"PORT={port}\n")
        shop.cli("track", "-e", "production", "--offline", expect=0)
    assert words_of("diff", "-e", "production", "") == ["HEAD", "HEAD~1", "production", "staging"]
    assert words_of("diff", "-e", "production", "HEAD~1", "HE") == ["HEAD", "HEAD~1"]
    assert words_of("diff", "st") == ["staging"]


def test_files_folders_and_commands(shop: Project) -> None:
    """The shell itself completes paths and the command of `run`."""
    assert complete(("secretsync", "run", "--env-file", ""), {}).kind == "files"
    assert complete(("secretsync", "run", "--env-file=a"), {})[:2] == ("files", "--env-file=")
    assert complete(("secretsync", "run", "--root", ""), {}).kind == "folders"
    assert complete(("secretsync", "run", "-e", "production", "--", "ls", "-"), {})[:2] == ("commands", "5")
    assert complete(("secretsync", "run", "--timeout", ""), {}) == ("words", "", ())
    assert complete(("secretsync", "rotation", "merge", "a.json", ""), {}).kind == "files"


def test_other_folders_and_files(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--root` and `--env-file` select what is read; a tilde is the home directory."""
    monkeypatch.chdir("/")
    assert words_of("run", "-e", "") == []
    assert words_of("run", "--root", str(shop.root), "-e", "") == ["production", "staging"]
    monkeypatch.setenv("HOME", str(shop.root))
    assert words_of("run", "--root=~", "-e", "p") == ["production"]
    assert words_of("explain", "--env-file", "~/env/staging/worker.env", "") == ["WORKERS"]
    assert words_of("explain", "--env-file-optional", "~/env/staging/worker.env", "") == ["WORKERS"]
    assert words_of("explain", "--env-file", "no-such-file", "") == []


def test_an_option_is_offered_again_only_if_it_may_be_repeated(shop: Project) -> None:
    """`--root` is given once; `--service` as often as needed."""
    offered = words_of("run", "--root", "x", "--service", "web", "--")
    assert "--root" not in offered
    assert "--service" in offered
    assert words_of("run", "")[:2] == ["--help", "--environment"]


def test_a_broken_project_has_no_candidates(shop: Project) -> None:
    """A completion reports nothing: the command does."""
    shop.write("env/production/security.env", b"\xff\xfe")
    shop.write("providers/production.toml", "[[[")
    assert words_of("explain", "-e", "production", "P") == ["PORT"]
    assert words_of("explain", "-e", "no-such", "") == []
    shop.write(".secretsync/history/production.json", "{")
    assert words_of("diff", "-e", "production", "") == []


def test_names_that_a_shell_would_run(shop: Project) -> None:
    """A name with a meaning for a shell is no candidate, because bash puts a candidate on the line as it is."""
    hostile = ("$(touch x)", "a;b", "a b", "`x`", "a|b", "\u202eb", "a'b")
    names = "".join(f'"{name}" = "docker:x"\n' for name in (*hostile, "FINE"))
    stores = "".join(f'[stores."{name}"]\nprovider = "docker"\n' for name in (*hostile, "fine"))
    shop.write("providers/staging.toml", f"[secrets]\n{names}{stores}")
    for name in hostile:
        shop.write(f"env/{name}/common.env", "A=1\n")
    assert words_of("run", "-e", "") == ["production", "staging"]
    assert words_of("get", "-e", "staging", "") == ["FINE"]
    found = words_of("permissions", "-e", "staging", "--store", "")
    assert set(found) == {"fine", *BUILT_IN}
    shop.write("env/staging/a;b.env", "A=1\n")
    assert words_of("run", "-e", "staging", "--service", "") == []


def test_a_pipe_is_not_read(shop: Project, tmp_path: Path) -> None:
    """A completion does not take the content of a pipe from the command, and does not wait for it."""
    import os

    os.mkfifo(tmp_path / "pipe")
    assert words_of("explain", "--env-file", str(tmp_path / "pipe"), "") == []


def test_the_lines_for_each_shell() -> None:
    """Colons are escaped for zsh, and descriptions are left out for bash."""
    found = complete(("secretsync", "import", "--to", "vau"), {"SECRETSYNC_ROOT": "/no-such-folder"})
    assert found.words == ()
    found = found._replace(kind="open", words=(("vault:", "a: b\x1b"),))
    assert format_completion("zsh", found) == "open \nvault\\::a: b\\x1b\n"
    assert format_completion("fish", found) == "open \nvault:\ta: b\\x1b\n"
    assert format_completion("bash", found) == "open \nvault:\n"
    assert unquoted(["'a b'", "a\\ b", '"open', "plain", ""]) == ["a b", "a b", "open", "plain", ""]
