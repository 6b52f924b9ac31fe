"""`--env-file` with pipes, standard input and `/dev/null`; optional files; which of file and variable wins."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from secretsync import ConfigurationError, UsageError, resolve_config
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.projects import MakeProject, Project

SHOW = "import secretsync, json; print(json.dumps(dict(secretsync.resolve_config())))"
COMMAND = f"{sys.executable} -P -m secretsync"


def shell(made: Project, script: str, *, program: str = "bash", expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in the folder of a project. `secretsync` in it is the command of this version."""
    env = {"PATH": os.environ["PATH"], "HOME": str(made.home), "PY": sys.executable, "SHOW": SHOW}
    done = subprocess.run(
        [program, "-c", script.replace("secretsync", COMMAND)],
        cwd=made.root,
        env=env,
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == expect, done.stderr
    return done


SOURCES = {
    "process substitution": ("bash", "secretsync run --env-file <(echo A=1) -- printenv A"),
    "two of them": ("bash", "secretsync run --env-file <(echo A=0) --env-file <(echo A=1) -- printenv A"),
    "process substitution of zsh": ("zsh", "secretsync run --env-file <(echo A=1) -- printenv A"),
    "temporary file of zsh": ("zsh", "secretsync run --env-file =(echo A=1) -- printenv A"),
    "process substitution of ksh": ("ksh93", "secretsync run --env-file <(echo A=1) -- printenv A"),
    "pipe of ksh, a socket": ("ksh93", "echo A=1 | secretsync run --env-file - -- printenv A"),
    "pipe": ("sh", "echo A=1 | secretsync run --env-file - -- printenv A"),
    "/dev/stdin": ("sh", "echo A=1 | secretsync run --env-file /dev/stdin -- printenv A"),
    "here document": ("sh", "secretsync run --env-file - -- printenv A <<E\nA=1\nE\n"),
    "here string": ("bash", "secretsync run --env-file - -- printenv A <<<A=1"),
    "here document of a descriptor": ("sh", "secretsync run --env-file /dev/fd/5 -- printenv A 5<<E\nA=1\nE\n"),
    "redirection": ("sh", "secretsync run --env-file - -- printenv A < a.env"),
    "the rest of a file": ("sh", "{ read line; secretsync run --env-file - -- printenv A; } < rest.env"),
    "named pipe": ("sh", "mkfifo p; echo A=1 > p & secretsync run --env-file p -- printenv A"),
    "link to a named pipe": ("sh", "mkfifo p; ln -s p q; echo A=1 > q & secretsync run --env-file q -- printenv A"),
    "optional pipe": ("sh", "echo A=1 | secretsync run --env-file-optional - -- printenv A"),
    "pipe over file": ("sh", "echo A=1 | secretsync run --env-file b.env --env-file - -- printenv A"),
    "file over pipe": ("sh", "echo A=2 | secretsync run --env-file - --env-file a.env -- printenv A"),
    "/dev/null": ("sh", "secretsync run --env-file a.env --env-file /dev/null -- printenv A"),
    "optional and absent": ("sh", "secretsync run --env-file a.env --env-file-optional no.env -- printenv A"),
    "optional and there": ("sh", "secretsync run --env-file b.env --env-file-optional a.env -- printenv A"),
    "optional first": ("sh", "secretsync run --env-file-optional b.env --env-file a.env -- printenv A"),
    "optional link to nothing": (
        "sh",
        "ln -s no x; secretsync run --env-file-optional x --env-file a.env -- printenv A",
    ),
}


@pytest.fixture
def files(project: MakeProject) -> Project:
    """Two env files that give A different values, and a file with a first line of another kind."""
    return project({"a.env": "A=1\n", "b.env": "A=2\n", "rest.env": "first line\nA=1\n"})


@pytest.mark.parametrize("name", SOURCES)
def test_sources(files: Project, name: str) -> None:
    """The application gets the value, and what it reads with `resolve_config` is the same."""
    program, script = SOURCES[name]
    if subprocess.run(["which", program], capture_output=True, check=False).returncode:
        pytest.skip(f"needs {program}")
    assert shell(files, script, program=program).stdout == "1\n"
    for path in ("p", "q", "x"):
        (files.root / path).unlink(missing_ok=True)
    asked = shell(files, script.replace("printenv A", '"$PY" -c "$SHOW"'), program=program)
    assert json.loads(asked.stdout) == {"A": "1"}


@pytest.mark.parametrize("source", ["--env-file /dev/null", "--env-file-optional no.env", "--env-file-optional -"])
def test_no_entries(files: Project, source: str) -> None:
    """An application may start without any entry, and `resolve_config` in it returns none."""
    assert shell(files, f'secretsync run {source} -- "$PY" -c "$SHOW"').stdout == "{}\n"


REFUSED = {
    "empty pipe": ("secretsync run --env-file <(false) -- touch started", "wrote nothing"),
    "empty standard input": ("false | secretsync run --env-file - -- touch started", "standard input: "),
    "no writer": ("mkfifo p; secretsync run --timeout 100ms --env-file p -- touch started", "p: nothing was written"),
    "no end": (
        "mkfifo p; exec 7<>p; echo A=1 >&7; secretsync run --timeout 100ms --env-file p -- touch started",
        "p: it did not end within 0.1 s",
    ),
    "endless": ("secretsync run --env-file <(cat /dev/zero) -- touch started", "it is larger than 16 MiB"),
    "device": ("secretsync run --env-file /dev/zero -- touch started", "/dev/zero: it is neither a regular file nor"),
    "closed": ("secretsync run --env-file - -- touch started <&-", "standard input: it is closed"),
    "absent": ("secretsync run --env-file no.env -- touch started", "no.env: there is no such file"),
    "absent by both options": (
        "secretsync run --env-file no.env --env-file-optional no.env -- touch started",
        "no.env: there is no such file",
    ),
    "a folder": ("secretsync run --env-file-optional . -- touch started", "a folder"),
    "wrong line": (
        "echo A: 1 | secretsync run --env-file - -- touch started",
        "standard input:1:2: there is ':' after",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_sources(files: Project, name: str) -> None:
    """What cannot be read is status 2 with its cause, and nothing is started."""
    script, cause = REFUSED[name]
    assert cause in shell(files, script, expect=2).stderr
    assert not (files.root / "started").exists()


@pytest.mark.parametrize(
    "command",
    [
        "render --format json",
        "check",
        "explain",
        "audit",
        "audit -e dev -e ci",
        "check-rotation -e dev -e ci",
        "doctor",
        "track --history h.json",
    ],
)
def test_every_command_reads_a_pipe_once(files: Project, command: str) -> None:
    """Commands that look at files several times, or for several names, do not read a pipe a second time."""
    done = shell(files, f"secretsync {command} --env-file <(echo 'A=${{B:-1}}')")
    assert "Traceback" not in done.stderr
    assert "wrote nothing" not in done.stderr


def test_the_library(files: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`resolve_config` reads pipes too, within its timeout, and a pipe that is written again again."""
    reader, writer = os.pipe()
    os.write(writer, b"A=3\n")
    os.close(writer)
    try:
        assert dict(resolve_config(files=[f"/dev/fd/{reader}"], environ={})) == {"A": "3"}
        with pytest.raises(ConfigurationError, match="wrote nothing"):
            resolve_config(files=[f"/dev/fd/{reader}"], environ={})
    finally:
        os.close(reader)
    monkeypatch.chdir(files.root)
    os.mkfifo("p")
    with pytest.raises(ConfigurationError, match=r"p: nothing was written to it within 0\.05 s;"):
        resolve_config(files=[Path("p")], environ={}, timeout=0.05)
    for text in ("A=4", "A=5"):
        with subprocess.Popen(["/bin/sh", "-c", f"echo {text} > p"]):
            assert resolve_config(files=["a.env", "p"], environ={})["A"] == text[-1]
    with pytest.raises(UsageError, match="no env file is named"):
        resolve_config(files=[], environ={})


def test_files_of_an_environment_are_no_pipes(project: MakeProject) -> None:
    """A pipe in `env/` is refused at once, because nobody named it."""
    made = project({"env/test/common.env": "A=1\n"})
    os.mkfifo(made.root / "env/test/security.env")
    done = made.cli("run", "-e", "test", "--", "true", expect=2)
    assert "env/test/security.env: it is not a regular file but a named pipe" in done.stderr


# Which of the files and the inherited variables wins

WEB = {
    "app.env": "PORT=8000\nURL=http://h:${PORT}\nEMPTY=x\nPLAIN=${OTHER:-1}\nDB_PASSWORD=$<docker:db>\n",
    "b.toml": '[stores.docker]\ndir = "sec"\n',
}
INHERITED = {"PORT": "9000", "EMPTY": "", "DB_PASSWORD": "inherited", "UNRELATED": "u", "OTHER": "${PORT} $<docker:db>"}
FILES = ("--env-file", "app.env", "--bindings", "b.toml")


@pytest.fixture
def web(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return an env file with settings, one of which uses another, and a secret."""
    return project({**WEB, "sec/db": canary()})


def test_files_win(web: Project) -> None:
    """Without the option the files replace inherited variables, whatever they contain."""
    for command in (("run", *FILES, "--", "printenv", "PORT", "URL"),):
        assert web.cli(*command, env=INHERITED, expect=0).stdout == "8000\nhttp://h:8000\n"


def test_inherited_wins(web: Project) -> None:
    """Settings take the inherited value, also inside of others and if it is empty; secrets never do."""
    wins = (*FILES, "--inherited-wins")
    names = ("PORT", "URL", "EMPTY", "UNRELATED")
    done = web.cli("run", *wins, "--", "printenv", *names, env=INHERITED, expect=0)
    assert done.stdout == "9000\nhttp://h:9000\n\nu\n"
    shown = "import os, secretsync as s; c = s.resolve_config(); print(c['DB_PASSWORD'] == os.environ['DB_PASSWORD'])"
    shown += (
        "; print(os.environ['DB_PASSWORD'] == 'inherited', c['PORT'], c['URL'], repr(c['EMPTY']), 'UNRELATED' in c)"
    )
    done = web.cli("run", *wins, "--", sys.executable, "-c", shown, env=INHERITED, expect=0)
    assert done.stdout == "True\nFalse 9000 http://h:9000 '' False\n"
    rendered = web.cli("render", *wins, "--format", "json", env=INHERITED, reveals=True, expect=0)
    values = json.loads(rendered.stdout)
    assert (values["PORT"], values["URL"], values["EMPTY"]) == ("9000", "http://h:9000", "")
    assert values["DB_PASSWORD"] == web.read("sec/db")
    explained = web.cli("explain", *wins, "PORT", env=INHERITED, expect=0)
    assert "9000" in explained.stdout
    assert "process environment" in explained.stdout


def test_inherited_text_is_text(web: Project) -> None:
    """What an inherited variable contains is not interpreted."""
    web.write("t.env", "OTHER=x\n")
    done = web.cli("run", "--env-file", "t.env", "--inherited-wins", "--", "printenv", "OTHER", env=INHERITED, expect=0)
    assert done.stdout == "${PORT} $<docker:db>\n"


def test_clean_inherits_less(web: Project) -> None:
    """With --clean, a variable that the application does not inherit does not win."""
    wins = ("run", *FILES, "--inherited-wins", "--clean")
    assert web.cli(*wins, "--", "printenv", "PORT", env=INHERITED, expect=0).stdout == "8000\n"
    kept = web.cli(*wins, "--pass-env", "PO*", "--", "printenv", "PORT", env=INHERITED, expect=0)
    assert kept.stdout == "9000\n"


def test_placeholders_in_inherited_variables_win_too(web: Project, canary: CanaryFactory) -> None:
    """With --resolve-environment, an inherited placeholder replaces a setting by the secret."""
    value = canary()
    web.write("sec/port", value)
    environ = {**INHERITED, "PORT": "$<docker:port>", "ONLY": "$<docker:port>"}
    both = ("run", *FILES, "--resolve-environment")
    show = "import os; print(os.environ['PORT'] == open('sec/port').read(), os.environ['ONLY'] == os.environ['PORT'])"
    program = ("--", sys.executable, "-c", show)
    assert web.cli(*both, "--inherited-wins", *program, env=environ, expect=0).stdout == "True True\n"
    assert web.cli(*both, *program, env=environ, expect=0).stdout == "False False\n"


def test_services_and_inherited_variables(project: MakeProject) -> None:
    """An inherited variable wins over common.env and over the files of services, and both services agree."""
    made = project(
        {
            "env/dev/common.env": "PORT=1\nA=${PORT}\n",
            "env/dev/web.env": "PORT=2\nB=${PORT}\n",
            "env/dev/job.env": "C=1",
        }
    )
    options = ("-e", "dev", "--inherited-wins")
    show = "import secretsync as s; c = s.resolve_config(); print(c['PORT'], c['A'], c.service('web')['PORT'], "
    show += "c.service('web')['B'], c.service('job')['PORT'])"
    done = made.cli("run", *options, "--", sys.executable, "-c", show, env={"PORT": "9"}, expect=0)
    assert done.stdout == "9 9 9 9 9\n"
    assert (
        made.cli("run", *options, "--", "printenv", "PORT", "A", "B", env={"PORT": "9"}, expect=0).stdout == "9\n9\n9\n"
    )


# Names with dots and hyphens

DOTTED = "discovery.type=single-node\nxpack.security-enabled=false\n"


def test_dotted_names(project: MakeProject) -> None:
    """`run`, the library and the formats that can carry them have such names; others refuse by name."""
    made = project({"e.env": DOTTED})
    done = made.cli("run", "--env-file", "e.env", "--", "env", expect=0)
    assert set(DOTTED.split()) <= set(done.stdout.split("\n"))
    assert done.stderr == ""
    assert shell(made, 'secretsync run --env-file <(cat e.env) -- "$PY" -c "$SHOW"').stdout == (
        '{"discovery.type": "single-node", "xpack.security-enabled": "false"}\n'
    )
    for form in ("docker", "compose", "json", "yaml", "null", "kubernetes"):
        name = ("--name", "app") if form == "kubernetes" else ()
        text = made.cli("render", "--env-file", "e.env", "--format", form, *name, expect=0).stdout
        assert "discovery.type" in text
    for form in ("dotenv", "shell", "systemd", "node", "portable", "github"):
        failed = made.cli("render", "--env-file", "e.env", "--format", form, expect=6)
        assert f"discovery.type: the format {form} cannot carry it: its name" in failed.stderr
    made.write("v.env", "A=${a.b}")
    assert "v.env:1:3: A: " in made.cli("run", "--env-file", "v.env", "--", "true", expect=2).stderr


def test_shells_that_drop_names(project: MakeProject) -> None:
    """A warning names the variables if the command is a shell, or a script of a shell, that does not pass them on."""
    made = project({"e.env": DOTTED, "sh.sh": "#!/bin/dash\nexec env\n", "env.sh": "#!/usr/bin/env dash\nexec env\n"})
    made.write("bash.sh", "#!/bin/bash\nexec env\n")
    made.write("split.sh", "#!/usr/bin/env -S A=1 dash -e\nexec env\n")
    for script in ("sh.sh", "env.sh", "bash.sh", "split.sh"):
        (made.root / script).chmod(0o755)
    run = ("run", "--env-file", "e.env")
    for command in (
        ["dash", "-c", "env"],
        ["./sh.sh"],
        ["./env.sh"],
        ["./split.sh"],
        ["mksh", "-c", "env"],
        ["busybox", "sh", "-c", "env"],
    ):
        done = made.cli(*run, "--", *command, expect=0)
        assert "discovery.type, xpack.security-enabled; start the program itself" in done.stderr, command
        assert "single-node" not in done.stdout
    assert made.cli(*run, "-q", "--", "dash", "-c", ":", expect=0).stderr == ""
    for command in (["bash", "-c", "env"], ["./bash.sh"], ["env"], ["busybox", "env"], ["ksh93", "-c", "env"]):
        done = made.cli(*run, "--", *command, expect=0)
        assert done.stderr == "", command
        assert "discovery.type=single-node" in done.stdout


# Byte order marks


@pytest.mark.parametrize("reference", ["$<docker:db>", "$<DB>", "$<env:DB>"])
def test_byte_order_mark_in_secret_files(project: MakeProject, canary: CanaryFactory, reference: str) -> None:
    """The mark that Notepad writes is not part of a password, in files of Docker secrets and of NAME_FILE."""
    secret = canary()
    made = project({"b.toml": '[stores.docker]\ndir = "sec"\n', "e.env": f"\ufeffA={reference}\r\n", "sec/x": ""})
    (made.root / "sec/db").write_bytes(b"\xef\xbb\xbf" + secret.encode() + b"\r\n")
    files = ("--env-file", "e.env", "--bindings", "b.toml")
    env = {"DB_FILE": "sec/db"} if "env" in reference else {}
    done = made.cli("run", *files, "--", "printenv", "A", env=env, reveals=True, expect=0)
    assert done.stdout == f"{secret}\n"
