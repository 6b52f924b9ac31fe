"""`secretsync run`: the application starts with exactly its environment, or not at all."""

import json
import os
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.providers.plugin.fixtures import RequestLog
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs, needs_tool

Values = Callable[[Mapping[str, str]], Path]

# What the application writes: its environment and its arguments, byte for byte.
SHOW = "import os, sys; sys.stdout.buffer.write(b'\\0'.join(k + b'=' + v for k, v in sorted(os.environb.items())))"
ARGUMENTS = "import os, sys; sys.stdout.buffer.write(b'\\0'.join(map(os.fsencode, sys.argv[1:])))"
PYTHON = [sys.executable, "-I", "-c"]


@pytest.fixture
def shop(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a project with a setting, a secrets file and a service."""
    return project(
        {
            "env/test/common.env": "PORT=8000\n",
            "env/test/security.env": "SECRET_KEY=$<docker:key>\n",
            "env/test/web.env": "URL=https://${SECRET_KEY}@web\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n',
            "files/key": canary(),
        }
    )


def environment_of(made: Project, *options: str, env: Mapping[str, str] | None = None, **more: Any) -> dict[str, bytes]:
    """Return the environment that an application finds itself with, without what says what was resolved."""
    command = [*options, "--", *PYTHON, SHOW]
    run = made.cli("run", "-e", "test", *command, env=env, reveals=True, expect=0, **more)
    pairs = (pair.partition(b"=") for pair in run.stdout_bytes.split(b"\0"))
    found = {name.decode(): value for name, _, value in pairs}
    # LC_CTYPE: the application's own interpreter sets it where no locale is (PEP 538).
    own = ("SECRETSYNC_RESOLVED", "SECRETSYNC_RESOLVED_KEY", "LC_CTYPE")
    return {name: value for name, value in found.items() if name not in own}


def test_the_environment_is_exactly_what_is_inherited_and_resolved(shop: Project) -> None:
    """Nothing else, nothing less, and resolved values over inherited ones."""
    key = shop.read("files/key")
    expected = {
        **{name: value.encode() for name, value in clean_environment(shop.home).items()},
        "KEPT": b"kept",
        "PORT": b"8000",
        "SECRET_KEY": key.encode(),
        "URL": f"https://{key}@web".encode(),
    }
    assert environment_of(shop, env={"KEPT": "kept", "PORT": "1"}) == expected
    assert environment_of(shop, "--service", "web", env={"KEPT": "kept"}) == expected


def test_the_interpreters_own_variable_is_not_handed_over(shop: Project) -> None:
    """Python sets LC_CTYPE where no locale is; the application gets it only where we were given it."""
    env_tool = needs_tool("env")
    for given in ({}, {"LC_CTYPE": "C.UTF-8"}, {"LC_ALL": "C.UTF-8"}):
        shown = shop.cli("run", "-e", "test", "--", env_tool, "-0", env=given, reveals=True, expect=0).stdout
        names = [pair.partition("=")[0] for pair in shown.split("\0")]
        assert ("LC_CTYPE" in names) is ("LC_CTYPE" in given)


def test_what_was_resolved_is_told_by_name(shop: Project, canary: CanaryFactory) -> None:
    """One variable lists files, references and versions, without a value."""
    show = "import os; print(os.environ['SECRETSYNC_RESOLVED'])"
    told = json.loads(shop.cli("run", "-e", "test", "--", *PYTHON, show, expect=0).stdout)
    assert told["environment"] == "test"
    assert told["services"] == ["web"]
    assert set(told["names"]) == {"PORT", "SECRET_KEY", "URL"}
    assert told["names"]["SECRET_KEY"]["references"] == ["docker:key"]


@pytest.mark.parametrize("locale", [None, "C", "latin-1"])
def test_a_hostile_value_arrives_byte_for_byte(
    project: MakeProject, canary: CanaryFactory, tmp_path: Path, locale: str | None
) -> None:
    """Placeholders, variables, commands, quotes, backslashes, line ends and UTF-8, whatever the locale."""
    env = {} if locale is None else {"LC_ALL": "C"}
    if locale == "latin-1":
        localedef = needs_tool("localedef")
        made = subprocess.run(
            [localedef, "-i", "en_US", "-f", "ISO-8859-1", tmp_path / "en_US.ISO-8859-1"],
            check=False,
            capture_output=True,
        )
        needs(made.returncode == 0, "the sources of locales")
        env = {"LC_ALL": "en_US.ISO-8859-1", "LOCPATH": str(tmp_path)}
    value = canary(after="a$<X>${HOME}$(id)`id`\"'\\\n\r\n\té\u2028\x85\x0b\x0c\x1b[0m %s {x} \\")
    made_project = project(
        {
            "env/test/security.env": 'A=$<docker:a>\nB="<$<docker:a>>"\n',
            "env/test/common.env": "C='a$<X>${HOME}$(id)\"é'\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n',
            "files/a": value + "\n",
        }
    )
    found = environment_of(made_project, env=env)
    assert found["A"] == value.encode()
    assert found["B"] == f"<{value}>".encode()
    assert found["C"] == 'a$<X>${HOME}$(id)"é'.encode()


def test_inherited_bytes_stay_as_they_are(shop: Project) -> None:
    """A variable that is not UTF-8 goes through, and so does one that an entry refers to."""
    shop.write("env/test/common.env", "COPY=<${RAW}>\n")
    env = {os.fsencode(name): os.fsencode(value) for name, value in clean_environment(shop.home).items()}
    argv = secretsync_argv(["run", "-e", "test", "--", *PYTHON, SHOW])
    run = subprocess.run(argv, cwd=shop.root, env={**env, b"RAW": b"\xff\xe9"}, capture_output=True, check=True)
    assert b"RAW=\xff\xe9\0" in run.stdout
    assert b"COPY=<\xff\xe9>\0" in run.stdout


# Nothing is started unless everything resolved


def test_every_missing_secret_is_listed_and_nothing_starts(project: MakeProject) -> None:
    """Status 3, each with file, line, column and key, in one report; the command has not run."""
    made = project(
        {
            "env/production/common.env": "PORT=8000\n",
            "env/production/security.env": "\n# one\nA=$<ONE>\nB=x$<docker:two>y$<docker:three>\n",
            "env/production/web.env": "C=${A}\nD=$<env:FOUR:?ask the platform team>\n",
            "providers/production.toml": '[stores.docker]\ndir = "files"\n',
        }
    )
    failed = made.cli("run", "-e", "production", "--", "touch", "started", expect=3)
    assert not (made.root / "started").exists()
    assert failed.stdout == ""
    lines = failed.stderr.split("\n")
    assert lines[0] == "secretsync run: 4 problems"
    folder = f"there is no folder {made.root}/files"
    cause = f"no store has it: docker:one ({folder}), env:ONE; put it there, "
    assert lines[1].startswith(f"  env/production/security.env:3:3: A: ONE: {cause}")
    assert 'ONE = "store:path" in providers/production.toml' in lines[1]
    assert lines[2].startswith("  env/production/security.env:4:4: B: docker:two: there is no file ")
    assert f", because {folder}; put it there, or name its folder: dir in [stores.docker]" in lines[2]
    assert lines[3].startswith("  env/production/security.env:4:18: B: docker:three: there is no file ")
    assert lines[4] == (
        "  env/production/web.env:2:3: D: env:FOUR: the variable FOUR is not set; ask the platform team"
    )
    assert lines[5:] == [""]


@pytest.mark.parametrize(
    ("paths", "status"),
    [
        (["gone", "deny/a", "away/a"], 3),
        (["deny/a", "away/a"], 4),
        (["away/a", "disabled/a"], 3),
        (["away/a"], 5),
        (["gone", "late/a"], 3),
        (["ok", "late/a"], 5),
    ],
)
def test_several_kinds_of_failure(
    project: MakeProject, plugin: Path, probe_values: Values, canary: CanaryFactory, paths: list[str], status: int
) -> None:
    """The lowest of 3, 4, 5, since what no retry mends goes first; all are listed."""
    made = project(
        {
            "env/test/security.env": "".join(f"K{n}=$<probe:{path}>\n" for n, path in enumerate(paths)),
            "providers/test.toml": f'[stores.probe]\nvalues = "{probe_values({"ok": canary()})}"\n',
        }
    )
    failed = made.cli("run", "-e", "test", "--", "touch", "started", sys_path=[plugin], expect=status)
    for number, path in enumerate(paths):
        assert (f"security.env:{number + 1}:4: K{number}: probe:{path}: " in failed.stderr) is (path != "ok")
    assert not (made.root / "started").exists()


def test_a_configuration_error_goes_before_all(project: MakeProject, plugin: Path, requests: RequestLog) -> None:
    """Status 2 with every such error, and no store is asked."""
    made = project(
        {
            "env/test/security.env": "A=$<probe:gone>\nB=$<nowhere:x>\nC=$<probe:x?colour=red>\n",
            "env/test/web.env": "D=${NOT_THERE}\nE=$<\n",
            "providers/test.toml": f'lookpu = ["env"]\n[stores.probe]\nlog = "{requests.path}"\n',
        }
    )
    failed = made.cli("run", "-e", "test", "--", "true", sys_path=[plugin], expect=2)
    for said in (
        "secretsync run: 5 problems",
        "env/test/security.env:2:3: B: there is no store of this name",
        "env/test/security.env:3:3: C: probe:x: an unknown option",
        "env/test/web.env:1:3: D: the variable NOT_THERE is neither an entry nor in the process environment",
        "env/test/web.env:2:3: E: ",
        "providers/test.toml:1: lookpu: unknown key; did you mean lookup?",
    ):
        assert said in failed.stderr
    os.write(os.open(requests.path, os.O_WRONLY), b"nothing before this")
    assert requests.wait() == "nothing before this"


def test_services_that_disagree(project: MakeProject) -> None:
    """Status 2, both named, nothing started; one of them alone is fine."""
    made = project({"env/test/a.env": "X=1\n", "env/test/b.env": "\nX=2\n"})
    failed = made.cli("run", "-e", "test", "--", "touch", "started", expect=2)
    assert "env/test/b.env:2: X: the services a and b give it different values (env/test/a.env:1)" in failed.stderr
    assert not (made.root / "started").exists()
    assert environment_of(made, "--service", "b")["X"] == b"2"


# What is handed over


def test_used_credentials_are_not_handed_over(
    project: MakeProject, plugin: Path, probe_values: Values, canary: CanaryFactory
) -> None:
    """Credentials of the stores that were asked are removed and named; identity pointers stay."""
    made = project(
        {
            "env/test/security.env": "A=$<probe:a>\n",
            "providers/test.toml": f'[stores.probe]\nvalues = "{probe_values({"a": canary()})}"\n',
        }
    )
    env = {name: canary() for name in ("PROBE_TOKEN", "PROBE_APP_SECRET", "PROBE_TOKEN_FILE", "AWS_SECRET_ACCESS_KEY")}
    more: dict[str, Any] = {"env": env, "sys_path": [plugin]}
    kept = environment_of(made, **more)
    assert {"PROBE_TOKEN_FILE", "AWS_SECRET_ACCESS_KEY", "A"} <= kept.keys()
    assert not {"PROBE_TOKEN", "PROBE_APP_SECRET"} & kept.keys()
    said = made.cli("run", "-e", "test", "--", "true", expect=0, **more).stderr
    assert (
        said
        == "secretsync: removed from the environment: PROBE_APP_SECRET, PROBE_TOKEN (--pass-env keeps a variable)\n"
    )
    assert made.cli("run", "-e", "test", "-q", "--", "true", expect=0, **more).stderr == ""
    passed = environment_of(made, "--pass-env", "PROBE_*", **more)
    assert passed["PROBE_TOKEN"] == env["PROBE_TOKEN"].encode()

    # What the env files define stays, and is not said to be gone.
    made.write("env/test/common.env", "PROBE_TOKEN=defined\nPROBE_APP_SECRET=defined\n")
    assert environment_of(made, **more)["PROBE_TOKEN"] == b"defined"
    assert made.cli("run", "-e", "test", "--", "true", expect=0, **more).stderr == ""


def test_credentials_of_stores_that_were_not_asked_stay(shop: Project, canary: CanaryFactory) -> None:
    """A token that the application uses by itself is none of our business."""
    env = {"VAULT_TOKEN": canary(), "AWS_SECRET_ACCESS_KEY": canary(), "AZURE_CLIENT_SECRET": canary()}
    assert env.keys() <= environment_of(shop, env=env).keys()


def test_clean(shop: Project) -> None:
    """`--clean` leaves basic variables, those of --pass-env, and what was resolved."""
    plain = {"HOME": str(shop.home), "LANG": "C.UTF-8", "LC_TIME": "C", "TZ": "UTC", "TERM": "dumb"}
    env = {
        **plain,
        "HOSTNAME": "box",
        "USER": "me",
        "OTHER": "x",
        "MINE_A": "a",
        "MINE_B": "b",
        "LD_LIBRARY_PATH": "/x",
    }
    found = environment_of(shop, "--clean", "--pass-env", "MINE_*", env=env)
    expected = {"PATH", *plain, "HOSTNAME", "USER", "MINE_A", "MINE_B", "PORT", "SECRET_KEY", "URL"}
    assert found.keys() == expected


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PATH", "BASH_ENV", "NODE_OPTIONS", "PYTHONPATH", "https_proxy"])
def test_names_that_steer_a_process(shop: Project, name: str) -> None:
    """From a store they are status 6 unless allowed by name; written into the file they are the team's choice."""
    shop.write("env/test/extra.env", f"{name}=$<docker:key>\n")
    failed = shop.cli("run", "-e", "test", "--", "touch", "started", expect=6)
    assert f"env/test/extra.env:1: {name}: " in failed.stderr
    assert f"--allow-name {name}" in failed.stderr
    assert not (shop.root / "started").exists()
    if name not in ("LD_PRELOAD", "BASH_ENV"):
        assert environment_of(shop, "--allow-name", name)[name] == shop.read("files/key").encode()
    shop.write("env/test/extra.env", f"{name}=/written/there\n")
    if name != "LD_PRELOAD":
        assert environment_of(shop)[name] == b"/written/there"


def test_the_largest_variable(shop: Project) -> None:
    """KEY=value of 131,071 bytes is handed over; one byte more is status 6 by name, before anything starts."""
    shop.write("env/test/web.env", "")
    for size, expect in ((131_071, 0), (131_072, 6)):
        characters = size - len("SECRET_KEY=")
        shop.write("files/key", "é" * (characters // 2) + "x" * (characters % 2))
        run = shop.cli("run", "-e", "test", "--", "true", expect=expect)
    assert "env/test/security.env:1: SECRET_KEY: KEY=value is over 131071 bytes" in run.stderr


def test_an_environment_that_is_too_large_altogether(project: MakeProject) -> None:
    """Each variable fits and all of them do not: status 6, no traceback."""
    lines = "".join(f"K{number}={'x' * 120_000}\n" for number in range(60))
    failed = project({"env/test/common.env": lines}).cli("run", "-e", "test", "--", "true", expect=6)
    assert "too large for the kernel; select services with --service, or pass the largest" in failed.stderr
    assert "SECRETSYNC_RESOLVED" not in failed.stderr


def test_a_nul_character(shop: Project) -> None:
    """No variable can hold one: status 6, with key and place."""
    shop.write("files/key", b"a\0b")
    failed = shop.cli("run", "-e", "test", "--", "touch", "started", expect=6)
    assert "env/test/security.env:1: SECRET_KEY: it holds a NUL character" in failed.stderr
    assert not (shop.root / "started").exists()


# The command


def test_the_argument_list_is_untouched(shop: Project) -> None:
    """No shell, no expansion, our own options and `--` included."""
    arguments = ["a b", "$(id)", "${HOME}", "$<SECRET_KEY>", "'\"", "*", "", "--", "-e", "--help", "\n", "é", "-v"]
    run = shop.cli("run", "-e", "test", "--", *PYTHON, ARGUMENTS, *arguments, expect=0)
    assert run.stdout_bytes.decode().split("\0") == arguments


@pytest.mark.parametrize("status", [0, 1, 2, 42, 255])
def test_the_exit_status_is_the_applications(shop: Project, status: int) -> None:
    """The exit status of the application is passed on unchanged."""
    shop.cli("run", "-e", "test", "--", "sh", "-c", f"exit {status}", expect=status)


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ([], 2, "there is no command"),
        ([""], 2, "the command is an empty word"),
        (["no-such-command"], 127, "no-such-command: no folder in PATH has it"),
        (["./no/such/file"], 127, "./no/such/file: there is no such file"),
        (["./plain"], 126, "./plain: it cannot be executed"),
        (["./folder"], 126, "./folder: it cannot be executed"),
        (["./no-shebang"], 126, "./no-shebang: it cannot be executed: Exec format error"),
        (["./bad-shebang"], 127, "./bad-shebang: the file, or the interpreter in its first line, does not exist"),
        (["bad\nname\x1b[31m"], 127, r"bad\nname\x1b[31m: no folder in PATH has it"),
    ],
)
def test_commands_that_cannot_be_run(shop: Project, command: list[str], status: int, said: str) -> None:
    """127 where it is not there, 126 where it cannot be executed, 2 where there is none; on one line."""
    shop.write("plain", "text", mode=0o644)
    shop.write("folder/file", "")
    shop.write("no-shebang", b"\x01\x02\x03", mode=0o755)
    shop.write("bad-shebang", "#!/no/such/interpreter\n", mode=0o755)
    failed = shop.cli("run", "-e", "test", "--", *command, expect=status)
    assert f"secretsync run: {said}" in failed.stderr
    assert failed.stderr.count("\n") == 1


def test_the_command_is_found_by_the_path_that_we_were_given(shop: Project) -> None:
    """The command is looked up in the inherited PATH, and not in a PATH that the env files define."""
    shop.write("mine/tool", "#!/bin/sh\necho mine $PATH\n", mode=0o755)
    shop.write("theirs/tool", "#!/bin/sh\necho theirs\n", mode=0o755)
    shop.write("env/test/common.env", "PATH=/defined\n")
    env = {"PATH": f"{shop.root}/nowhere:{shop.root}/mine:{shop.root}/theirs"}
    assert shop.cli("run", "-e", "test", "--", "tool", env=env, expect=0).stdout == "mine /defined\n"


def test_a_relative_command_and_a_dot_in_path(shop: Project) -> None:
    """From the working directory, also where PATH names it by `.` or by nothing."""
    shop.write("tool", "#!/bin/sh\necho here\n", mode=0o755)
    for command, path in (("./tool", "/nowhere"), ("tool", "."), ("tool", "/nowhere:")):
        assert shop.cli("run", "-e", "test", "--", command, env={"PATH": path}, expect=0).stdout == "here\n"


# Projects without folders, and names


def test_env_files_with_bindings(project: MakeProject, canary: CanaryFactory) -> None:
    """Later files over earlier ones, the bindings in a file of its own."""
    secret = canary()
    made = project(
        {
            ".env": "A=1\nB=$<TOKEN>\n",
            "more.env": "A=2\n",
            "stores.toml": '[stores.docker]\ndir = "files"\n[secrets]\nTOKEN = "docker:token"\n',
            "files/token": secret,
        }
    )
    options = ["--env-file", ".env", "--env-file", "more.env", "--bindings", "stores.toml"]
    run = made.cli("run", *options, "--", *PYTHON, SHOW, reveals=True, expect=0)
    pairs = run.stdout.split("\0")
    assert "A=2" in pairs
    assert f"B={secret}" in pairs


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "no environment is named"),
        (["--env-file", ".env", "-e", "../test"], "an environment's name is letters, digits"),
        (["--env-file", ".env", "-e", ""], "its value is empty"),
        (["--env-file", ".env", "--service", "web"], "--env-file has no services"),
        (["--bindings", "x.toml", "-e", "test"], "--bindings needs --env-file"),
        (["--env-file", "gone.env"], "gone.env: there is no such file"),
        (["--env-file", ".env", "--bindings", "gone.toml"], "gone.toml: there is no such file"),
        (["-e", "tset"], "did you mean test?"),
        (["-e", "../test"], "an environment's name is letters, digits"),
        (["-e", "test", "--service", "wbe"], "did you mean web?"),
        (["-e", "test", "--root", "/no/such"], "there is no folder env/ in it"),
        (["-e", "test", "--timeout", "soon"], "--timeout"),
        (["-e", "test", "-q", "-v"], "not allowed with"),
    ],
)
def test_wrong_options(shop: Project, options: list[str], said: str) -> None:
    """Status 2 and a sentence that says what to do."""
    shop.write(".env", "A=1\n")
    failed = shop.cli("run", *options, "--", "touch", "started", expect=2)
    assert said in failed.stderr
    assert not (shop.root / "started").exists()


@pytest.mark.parametrize("option", ["-e", "--service", "--root", "--env-file", "--timeout", "--no-such-option"])
def test_control_characters_in_names(shop: Project, option: str) -> None:
    """A name cannot forge a log line: each message stays on its line, without an escape sequence."""
    name = "a\nb\r\x1b[31m\u202e%s"
    arguments = [*([] if option in ("-e", "--env-file") else ["-e", "test"]), option, name]
    failed = shop.cli("run", *arguments, "--", "true", expect=2)
    for character in ("\r", "\x1b", "\u202e"):
        assert character not in failed.stderr
    assert all(line.startswith(("secretsync", "usage:")) for line in failed.stderr.rstrip("\n").split("\n"))


def test_the_environment_can_be_named_by_variables(shop: Project) -> None:
    """$SECRETSYNC_ENV over $ENVIRONMENT, the option over both, and $SECRETSYNC_ROOT."""
    shop.write("env/other/common.env", "PORT=9000\n")
    elsewhere: dict[str, Any] = {"cwd": shop.home, "expect": 0}
    root = {"SECRETSYNC_ROOT": str(shop.root)}
    show = ["--", "sh", "-c", "echo $PORT"]
    assert shop.cli("run", *show, env={**root, "ENVIRONMENT": "other"}, **elsewhere).stdout == "9000\n"
    both = {**root, "ENVIRONMENT": "other", "SECRETSYNC_ENV": "test"}
    assert shop.cli("run", *show, env=both, **elsewhere).stdout == "8000\n"
    assert shop.cli("run", "-e", "other", *show, env=both, **elsewhere).stdout == "9000\n"


# Streams and signals


def test_closed_streams_stay_closed(shop: Project) -> None:
    """The application finds them as they were given to us: neither a file of ours nor a socket in their place."""
    show = (
        "import os\n"
        "def is_open(n):\n"
        "    try: os.fstat(n)\n"
        "    except OSError: return False\n"
        "    return True\n"
        "found = [n for n in range(20) if is_open(n)]\n"
        "open('listed', 'w').write(str(found))\n"
    )
    shop.write("show.py", show)
    command = shlex.join([*secretsync_argv(["run", "-e", "test", "--"]), sys.executable, "-I", "show.py"])
    for closed in ("", "0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
        script = f"{command} {closed} 7<show.py"
        run_command(["sh", "-c", script], cwd=shop.root, env=clean_environment(shop.home), expect=0)
        gone = [int(word[0]) for word in closed.split()]
        assert shop.read("listed") == str([number for number in (0, 1, 2) if number not in gone]), closed


def test_talk_goes_to_stderr_even_where_that_is_closed(shop: Project) -> None:
    """With stderr closed a message is lost; it does not end in the data."""
    command = shlex.join(secretsync_argv(["run", "-e", "nothing", "--", "true"]))
    run = run_command(["sh", "-c", f"{command} 2>&-"], cwd=shop.root, env=clean_environment(shop.home), expect=2)
    assert run.stdout == ""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_while_a_store_hangs(
    project: MakeProject, plugin: Path, requests: RequestLog, number: signal.Signals, status: int
) -> None:
    """The process ends at once with the status of the signal; nothing was started."""
    made = project(
        {
            "env/test/security.env": "A=$<probe:hang/a>\n",
            "providers/test.toml": f'[stores.probe]\nlog = "{requests.path}"\n',
        }
    )
    env = {**clean_environment(made.home), "PYTHONPATH": str(plugin)}
    argv = secretsync_argv(["run", "-e", "test", "--", "touch", "started"], isolated=False)
    with subprocess.Popen(argv, cwd=made.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert requests.wait() == "fetch probe:hang/a\n"
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=HANG)
    assert (process.returncode, stdout, stderr) == (status, b"", b"")
    assert not (made.root / "started").exists()


def test_verbose_says_what_is_done(shop: Project) -> None:
    """On stderr: counts and names, no value."""
    run = shop.cli("run", "-e", "test", "-v", "--", "true", expect=0)
    assert "test: lenient, 3 entries, 1 reference" in run.stderr
    assert "3 variables resolved; starting " in run.stderr
    assert run.stdout == ""


def test_the_script_does_the_same(shop: Project) -> None:
    """The installed command `secretsync`, as people call it."""
    script = Path(sys.executable).with_name("secretsync")
    needs(script.is_file() and stat.S_IMODE(script.stat().st_mode) & 0o100, "the command secretsync beside python")
    argv = [str(script), "run", "-e", "test", "--", "sh", "-c", 'echo "$PORT"']
    assert run_command(argv, cwd=shop.root, env=clean_environment(shop.home), expect=0).stdout == "8000\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--env", ".env"), "did you mean --env-file?"),
        ((".env",), "1 argument too many; put --env-file before the name of an env file"),
        (("python", "-c", "pass"), "the command is not after --; put -- before it"),
        (("--env-file", ".env", "gunicorn", "-w", "2", "--bind", "x"), "the command is not after --; put -- before it"),
        (("--bind", "x"), "there is no option of this name; did you mean --bindings?"),
        (("-e", ".env"), "name a file with --env-file"),
    ],
)
def test_first_mistakes_with_an_env_file(project: MakeProject, arguments: tuple[str, ...], said: str) -> None:
    """The message names the option that is meant."""
    made = project({".env": "DEBUG=true\n"})
    assert said in made.cli("run", *arguments, "--", "true", expect=2).stderr
