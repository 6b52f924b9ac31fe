"""Rules for the options of every command: what is named, what may be repeated, what is asked for."""

import argparse
import importlib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from secretsync.cli.commands import COMMANDS
from secretsync.cli.parser import build_parser
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project

FILES = {
    "env/production/common.env": "CODE=1\nPRODUCTION=1\n",
    "env/staging/common.env": "CODE=2\nSTAGING=1\n",
    "providers/production.toml": '[stores.docker]\ndir = "secrets"\n',
}

# Arguments without which a command would not read its options; a new command without arguments needs no row.
ARGUMENTS = {
    "run": ("--", "true"),
    "render": ("--format", "json"),
    "get": ("env:CODE",),
    "restore": ("archive.tar.gz",),
    "export": ("--to", "gitlab"),
    "permissions": ("--store", "aws"),
    "schema": ("bindings",),
    "completion": ("bash",),
    "import": ("env/production/common.env", "--to", "docker:", "--dry-run"),
    "set": ("docker:code", "--generate", "16"),
}
SEVERAL = {"check", "audit", "check-rotation", "doctor", "template"}
CREATES = {"init"}  # creates each environment that is named, so that none is ignored


def parser_of(command: str) -> argparse.ArgumentParser:
    """Return the parser of a command."""
    module = importlib.import_module(f"secretsync.cli.commands.{command.replace('-', '_').replace(' ', '_')}")
    return build_parser(command, module)


def options_of(command: str) -> dict[str, argparse.Action]:
    """Return the options of a command by their long names."""
    actions = parser_of(command)._actions
    return {name: action for action in actions for name in action.option_strings if name.startswith("--")}


READERS = [command for command in COMMANDS if "--environment" in options_of(command)]


def single_options() -> Iterator[tuple[str, str]]:
    """Yield each option of each command that takes one value."""
    for command in COMMANDS:
        for name, action in options_of(command).items():
            appends = action.nargs == 0 or isinstance(action, argparse._AppendAction) or name == "--env-file-optional"
            if not appends:
                yield command, name


@pytest.fixture
def shop(project: MakeProject) -> Project:
    """Two environments, none of them called development."""
    return project(FILES)


@pytest.mark.parametrize("command", READERS)
def test_a_repeated_environment(shop: Project, command: str) -> None:
    """Both environments are read, or the second name is refused, because only one of them would be checked."""
    rest = ARGUMENTS.get(command, ())
    if command in SEVERAL:
        done = shop.cli(command, "-e", "staging", "-e", "production", *rest, expect=0)
        shown = (done.stdout if command != "template" else shop.read(".env.example")).lower()
        assert "staging" in shown
        assert "production" in shown
    elif command not in CREATES:
        done = shop.cli(command, "-e", "staging", "-e", "production", *rest, expect=2)
        assert "--environment can be given only once" in done.stderr


@pytest.mark.parametrize("command", sorted(set(READERS) - CREATES))
def test_a_missing_environment(shop: Project, command: str) -> None:
    """A command refuses to choose an environment, and lists those of the project."""
    rest = ARGUMENTS.get(command, ())
    if command == "template":
        shop.cli(command, *rest, expect=0)
        return
    done = shop.cli(command, *rest, expect=2)
    if command == "explain":
        assert "env/development: there is no env file there" in done.stderr
        shop.write("env/development/common.env", "CODE=3\n")
        assert shop.cli(command, *rest, expect=0).stdout.startswith("development")
        return
    assert "no environment is named (the project has production, staging); give -e NAME" in done.stderr
    assert ("--all" in done.stderr) == (command in SEVERAL)
    assert done.stdout == ""
    # A folder with the default name of the library changes nothing.
    shop.write("env/development/common.env", "CODE=3\n")
    shop.cli(command, *rest, expect=2)
    for variable in ("SECRETSYNC_ENV", "ENVIRONMENT"):
        named = shop.cli(command, *rest, env={variable: "production", "CODE": "1"}, reveals=True)
        # A comparison with the last record needs a record, and a policy needs a secret in its store.
        needs = {"permissions": "that this environment uses"}.get(command, "there is no record of production")
        assert named.status == 0 or needs in named.stderr


@pytest.mark.parametrize(("command", "option"), [*single_options()])
def test_an_option_with_one_value_is_not_repeated(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second value is refused for every option that takes one, because only the last one would count."""
    action = options_of(command)[option]
    known = {
        **dict.fromkeys(("timeout", "grace", "interval", "settle", "splay"), "3s"),
        "outdated_after": "3d",
        "at": "2027-01-01",
        "keep": "3",
        "generate": "16",
    }
    value = known.get(action.dest, "x")
    value = next(iter(action.choices)) if action.choices else value
    with pytest.raises(SystemExit) as refused:
        parser_of(command).parse_args([option, value, option, value])
    assert refused.value.code == 2
    assert "can be given only once" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--root", "--bindings", "--output", "--history"])
def test_an_empty_path_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An option from a variable that is not set is refused, because another project or file would be used."""
    for command in COMMANDS:
        if option in options_of(command):
            with pytest.raises(SystemExit):
                parser_of(command).parse_args([option, ""])
            assert "its value is empty; give a value" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(SEVERAL))
def test_all_environments_of_a_project_without_any(project: MakeProject, command: str) -> None:
    """`--all` refuses a project without an environment, because a check of nothing would be green."""
    made = project({"env/README": "no environment yet\n"})
    done = made.cli(command, "--all", "--root", str(made.root), expect=2)
    assert "`secretsync init`" in done.stderr


# Every store that needs a setting, without any setting.
UNSET = {
    "env/production/common.env": "PORT=8000\nLEVEL=$<env:LEVEL:-INFO>\n",
    "env/production/security.env": "A=$<vault:secret/app#a>\nB=$<azure:b>\nC=$<aws:c>\nD=$<D>\nE=x${A}\n",
    "env/staging/security.env": "A=$<vault:secret/app#a>\n",
    "env/plain/common.env": "PORT=8000\n",
    "providers/production.toml": 'lookup = ["vault"]\n[stores.vault]\n[stores.azure]\n[stores.aws]\n',
    "providers/plain.toml": 'lookup = ["vault"]\n[stores.vault]\n[stores.azure]\n[stores.aws]\n',
}
SETTINGS = ("VAULT_ADDR", "AZURE_KEYVAULT_URL", "vault_url", "credentials", "address", "region")

# What each command does without a store: on secrets in stores, or on an environment that uses none of its stores.
WITHOUT_STORES: dict[str, list[tuple[str, ...]]] = {
    "run": [("-e", "plain", "--", "true")],
    "render": [("-e", "plain", "--format", "json")],
    "check": [("-e", "plain"), ("-e", "plain", "--fetch"), ("-e", "plain", "--strict")],
    "check-rotation": [("-e", "plain")],
    "get": [("-e", "production", "env:CODE")],
    "audit": [("-e", "production"), ("--all",), ("-e", "plain", "--online"), ("--rules",)],
    "track": [("-e", "production", "--offline"), ("-e", "production", "--list"), ("-e", "plain")],
    "diff": [
        ("-e", "production", "HEAD", "--offline"),
        ("production", "staging"),
        ("-e", "production", "HEAD~0", "HEAD"),
    ],
    "explain": [("-e", "production", "--offline"), ("-e", "production", "--offline", "A"), ("-e", "plain")],
    "ps": [()],
    "rotation merge": [("report.json",)],
    "doctor": [],  # it asks every store of the bindings
    "import": [("env/plain/common.env", "-e", "plain", "--to", "vault:secret/app")],
    "set": [],  # it asks the store of the binding
    "backup": [()],
    "restore": [("backups/archive.tar.gz", "--dry-run")],
    "template": [(), ("--check",)],
    "export": [("-e", "plain", "--to", "gitlab"), ("-e", "plain", "--to", "external-secrets")],
    "permissions": [],  # it needs a secret in a store
    "init": [("-e", "production")],
    "providers": [(), ("vault",)],
    "schema": [("bindings",), ("policy",)],
    "completion": [("bash",), ("fish", "--", "secretsync", "get", "-e", "production", "")],
}


def test_what_needs_no_store_asks_for_no_setting(project: MakeProject) -> None:
    """A command that asks no store works without the settings of any store, for a reviewer who has none."""
    assert sorted(WITHOUT_STORES) == sorted(COMMANDS)
    made = project(UNSET)
    made.cli("track", "-e", "production", "--offline", expect=0)
    made.cli("check-rotation", "-e", "plain", "--format", "json", "--output", "report.json", expect=0)
    archive = made.cli("backup", expect=0).stdout.strip()
    made.write("backups/archive.tar.gz", Path(archive).read_bytes())
    for command, calls in WITHOUT_STORES.items():
        for call in calls:
            done = made.cli(command, *call, env={"CODE": "1"}, reveals=True)
            # An audit may have findings on the files.
            assert done.status == 0 or (command, done.status) == ("audit", 1), (command, call, done.stderr)
            if command not in ("providers", "audit", "schema"):  # which are about settings
                assert not [name for name in SETTINGS if name in done.stdout + done.stderr], (command, call)


def test_explain_without_the_settings_of_stores(project: MakeProject) -> None:
    """A store that cannot be asked is named once, and everything else is explained."""
    made = project(UNSET)
    made.write("env/production/security.env", "A=$<vault:secret/app#a>\nB=$<vault:secret/app#b>\nC=$<azure:c>\n")
    made.write("providers/production.toml", "")
    done = made.cli("explain", "-e", "production", expect=0)
    assert "vault:secret/app#a (not asked)" in done.stdout
    assert "default (env:LEVEL is missing)" in done.stdout
    assert done.stderr.count("warning: vault: not asked: it has no address") == 1
    assert done.stderr.count("warning: azure: not asked: ") == 1
    offline = made.cli("explain", "-e", "production", "--offline", "--format", "json", expect=0)
    assert offline.stderr == ""
    origins = [origin for entry in json.loads(offline.stdout)["entries"] for origin in entry["origins"]]
    assert {origin["status"] for origin in origins if origin["store"] != "env"} == {"not asked"}


def test_doctor_shows_a_store_that_cannot_be_asked(project: MakeProject) -> None:
    """A store without its settings is a row, and the others are asked."""
    made = project({**UNSET, "providers/production.toml": "[stores.vault]\n"})
    made.write("env/production/security.env", "A=$<azure:a>\n")
    done = made.cli("doctor", "-e", "production", "--format", "json", expect=2)
    states = {row["store"]: row["status"] for row in json.loads(done.stdout)["stores"]}
    assert states["vault"] == states["azure"] == "configuration"


@pytest.mark.parametrize("redirection", ["> /dev/full", ">&-"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written(project: MakeProject, redirection: str, unbuffered: str) -> None:
    """Every command, and its help, ends with 6 and one line, because a lost report must not look like a good one."""
    made = project(UNSET)
    made.cli("track", "-e", "plain", expect=0)
    made.cli("track", "-e", "production", "--offline", expect=0)
    made.cli("check-rotation", "-e", "plain", "--format", "json", "--output", "report.json", expect=0)
    results = {command: calls[0] for command, calls in WITHOUT_STORES.items() if calls and command != "run"}
    results |= {"track": ("-e", "plain", "--list"), "restore": ("--help",), "template": ("--output", "-")}
    calls = [(command, *call) for command, call in results.items()]
    calls += [(command, "--help") for command in COMMANDS]
    for call in [*calls, ("--help",), ("--version",)]:
        line = shlex.join(secretsync_argv(call))
        env = clean_environment(made.home, {"CODE": "1", "PYTHONUNBUFFERED": unbuffered})
        argv = ["sh", "-c", f"{line.replace(' -I ', ' ')} {redirection}"]
        done = run_command(argv, cwd=made.root, env=env, expect=6)
        failure = [text for text in done.stderr.splitlines() if "standard output cannot be written" in text]
        assert len(failure) == 1, call


BROKEN = {
    "env/broken/security.env": "A=$<\n",
    "env/good/common.env": "CODE=1\n",
    "env/unset/security.env": "A=$<vault:secret/app#a>\n",
}


@pytest.mark.parametrize("command", sorted(SEVERAL - {"template"}))
def test_a_broken_environment_does_not_stop_the_others(project: MakeProject, command: str) -> None:
    """One environment with mistakes in its files is an error, the others are judged, and the status is 2."""
    made = project({**FILES, **BROKEN})
    done = made.cli(command, "-e", "broken", "-e", "good", "-e", "stagin", "--format", "json", expect=2)
    documents = json.loads(done.stdout)["environments"]
    assert [document["environment"] for document in documents] == ["broken", "good", "stagin"]
    assert "env/broken/security.env:1" in done.stderr
    assert "env/stagin: there is no env file there; did you mean staging?" in done.stderr
    for options in (("--all",), ("-e", "good", "-e", "broken")):
        shown = made.cli(command, *options, expect=2)
        assert "good" in shown.stdout
        assert "broken" in shown.stdout + shown.stderr
        assert shown.stderr.count("env/broken/security.env:1") == 1


@pytest.mark.parametrize("command", ["check", "check-rotation", "doctor"])
def test_an_environment_whose_store_has_no_settings(project: MakeProject, command: str) -> None:
    """A store that cannot be asked is an error of its environment alone."""
    made = project(BROKEN)
    done = made.cli(command, "-e", "unset", "-e", "good", "--format", "json", expect=2)
    documents = json.loads(done.stdout)["environments"]
    assert [document["environment"] for document in documents] == ["unset", "good"]
    assert "it has no address" in json.dumps(documents[0])
    assert "error" not in json.dumps(documents[1].get("secrets", []))


@pytest.mark.parametrize("report", ["table", "json", "junit", "sarif", "github", "html", "prometheus"])
def test_a_broken_environment_is_an_error_in_every_format(project: MakeProject, report: str) -> None:
    """Each format of check-rotation shows the state of the environment that cannot be judged."""
    made = project(BROKEN)
    done = made.cli("check-rotation", "-e", "broken", "-e", "good", "--format", report, expect=2)
    assert "error" in done.stdout
    assert "broken" in done.stdout


@pytest.mark.parametrize("command", sorted(SEVERAL - {"template"}))
def test_a_secret_in_the_place_of_an_environment_is_not_printed(project: MakeProject, command: str) -> None:
    """A name that no environment has may be a pasted secret, so that neither the report nor a message shows it."""
    made = project(BROKEN)
    for word in ("hunter4711", "sk_live_51HabcDEFghiJKLmnoPQRstu"):
        for options in (("-e", "good"), ()):
            done = made.cli(command, "-e", word, *options, "--format", "json", expect=2)
            assert word not in done.stdout + done.stderr
