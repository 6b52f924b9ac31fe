"""Completion in real shells: each script is loaded, and a line is completed as a TAB does it."""

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs

_BASH = r"""
eval "$(secretsync completion bash)"
COMP_LINE=$1 COMP_POINT=${#1}
COMP_WORDS=("${@:3}") COMP_CWORD=$(($# - 3))
_secretsync secretsync "$2" ""
printf '%s\n' "${COMPREPLY[@]}"
"""

_FISH = """
complete -c faketool -f -a 'alpha\\tfirst beta'
secretsync completion fish | source
complete -C $argv[1]
"""

_ZSH_CHILD = r"""
PS1= PS2= RPS1=
autoload -Uz compinit
compinit -u -D
_faketool() { compadd alpha beta; }
compdef _faketool faketool
eval "$(secretsync completion zsh)"
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
compadd() {
  local -a found
  if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
    builtin compadd -A found "$@"
    (($#found)) && print -rl -- $found >>$FOUND
  fi
  builtin compadd "$@"
}
finish() { print FINISHED; }
comppostfuncs=(finish)
zle-line-init() { print READY; }
zle -N zle-line-init
"""

_ZSH = r"""
zmodload zsh/zpty
zpty child zsh -f -i
zpty -w child "source ./child.zsh"
zpty -r child out '*READY*'
zpty -w -n child "$1"$'\t'
zpty -r child out '*FINISHED*'
zpty -d child
"""

# Completes, and records each other call.
_RECORDING = """#!/bin/sh
[ "$1" = completion ] && exec "PYTHON" -I -m secretsync "$@"
echo "secretsync $*" >>recorded
"""

Complete = Callable[[str], list[str]]


@pytest.fixture
def shop(project: MakeProject, canary: CanaryFactory, tmp_path: Path) -> Project:
    """Return a project with a secret in plain text, and `secretsync` and `faketool` as commands."""
    made = project(
        {
            "env/production/common.env": f"PORT=8000\nPOOL=2\nPLAIN='{canary()}'\n",
            "env/production/web.env": "A=1\n",
            "env/staging/common.env": "PORT=1\n",
            "providers/production.toml": '[secrets]\nDATABASE_PASSWORD = "docker:db"\n',
            "template.in": "x",
            "templates/x": "x",
        }
    )
    made.write("bin/secretsync", f'#!/bin/sh\nexec "{sys.executable}" -I -m secretsync "$@"\n', mode=0o755)
    made.write("bin/faketool", "#!/bin/sh\n", mode=0o755)
    return made


def run_shell(shop: Project, *argv: str, env: dict[str, str] | None = None) -> list[str]:
    """Run a shell in the project, and return the lines of its output."""
    environ = clean_environment(shop.home, {"TERM": "dumb", **(env or {})})
    environ["PATH"] = f"{shop.root / 'bin'}:{environ['PATH']}"
    return run_command(argv, cwd=shop.root, env=environ, expect=0).stdout.splitlines()


def in_bash(shop: Project, line: str) -> list[str]:
    """Return the candidates of bash, with the words and the last part of a word as readline gives them."""
    words = [part for word in line.split(" ") for part in split_word(word)]
    last = "" if words[-1] in ("=", ":") else words[-1]
    return run_shell(shop, "bash", "--norc", "-c", _BASH, "bash", line, last, *words)


def split_word(word: str) -> list[str]:
    """Split a word as bash does: `=` and `:` are words."""
    return word.replace("=", " = ").replace(":", " : ").split() or [""]


def in_zsh(shop: Project, line: str) -> list[str]:
    """Return the candidates of zsh in a terminal."""
    shop.write("child.zsh", _ZSH_CHILD)
    run_shell(shop, "zsh", "-f", "-c", _ZSH, "zsh", line, env={"FOUND": str(shop.root / "found")})
    found = shop.root / "found"
    return found.read_text().splitlines() if found.exists() else []


def in_fish(shop: Project, line: str) -> list[str]:
    """Return the candidates of fish, without their descriptions."""
    lines = run_shell(shop, "fish", "--no-config", "-c", _FISH, line)
    return [text.partition("\t")[0] for text in lines]


SHELLS = {"bash": in_bash, "zsh": in_zsh, "fish": in_fish}
# Each line and its candidates; fish repeats the name of the option before `=`.
LINES = {
    "secretsync rot": {"rotation"},
    "secretsync rotation ": {"merge"},
    "secretsync run -e p": {"production"},
    "secretsync run -e ": {"production", "staging"},
    "secretsync run -e production --service ": {"web"},
    "secretsync check --strict --no": set(),
    "secretsync render --templ": {"--template"},
    "secretsync render --format=js": {"json"},
    "secretsync render --format fi": {"fish"},
    "secretsync explain -e production PO": {"PORT", "POOL"},
    "secretsync get -e production D": {"DATABASE_PASSWORD"},
    "secretsync import a.env --to vau": {"vault:"},
    "secretsync run -e production -- faket": {"faketool"},
}


@pytest.fixture(params=SHELLS)
def complete(request: pytest.FixtureRequest, shop: Project) -> Complete:
    """Complete a line in each shell."""
    needs(shutil.which(request.param), request.param)
    return lambda line: SHELLS[request.param](shop, line)


@pytest.mark.parametrize("line", LINES)
def test_candidates(complete: Complete, line: str) -> None:
    """Each shell offers the same words."""
    found = {word.rpartition("=")[2] for word in complete(line) if word}
    assert found == LINES[line]


@pytest.mark.parametrize("text", ["$(>ran)", "`>ran`", "(touch ran)", "$HOME/x;>ran", "'$(>ran)'"])
@pytest.mark.parametrize("shell", SHELLS)
def test_a_tab_runs_nothing_of_the_line(shop: Project, shell: str, text: str) -> None:
    """A command in the line is not run before Enter."""
    needs(shutil.which(shell), shell)
    for line in (f"secretsync run --root={text} -e ", f"secretsync get {text}"):
        try:
            SHELLS[shell](shop, line)
        except AssertionError:  # fish does not complete a line that it cannot parse
            assert shell == "fish"
        assert not (shop.root / "ran").exists()


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_paths_and_commands(shop: Project, shell: str) -> None:
    """The shell completes files, folders, and the arguments of the command of `run` with its own completion."""
    needs(shutil.which(shell), shell)
    assert {word.rstrip("/") for word in SHELLS[shell](shop, "secretsync render --template temp")} == {
        "template.in",
        "templates",
    }
    (shop.root / "found").unlink(missing_ok=True)
    joined = SHELLS[shell](shop, "secretsync render --template=template.")
    assert [word.rpartition("=")[2] for word in joined] == ["template.in"]
    (shop.root / "found").unlink(missing_ok=True)
    assert {word.rstrip("/") for word in SHELLS[shell](shop, "secretsync run --root temp")} == {"templates"}
    (shop.root / "found").unlink(missing_ok=True)
    assert set(SHELLS[shell](shop, "secretsync run -e production -- faketool al")) >= {"alpha"}


def test_the_arguments_of_the_command_in_bash(shop: Project) -> None:
    """bash-completion gets the place of the command, counted in the words of bash."""
    needs(shutil.which("bash"), "bash")
    program = '_command_offset() { COMPREPLY=("offset $1"); }\n' + _BASH
    words = ("secretsync", "run", "--root", "=", ".", "--", "faketool", "")
    line = "secretsync run --root=. -- faketool "
    assert run_shell(shop, "bash", "--norc", "-c", program, "bash", line, "", *words) == ["offset 6"]


def test_bash_with_readline(shop: Project) -> None:
    """A TAB in an interactive bash inserts the completion, after `=`, with a colon, and for paths."""
    needs(shutil.which("bash"), "bash")
    shop.write("bin/secretsync", _RECORDING.replace("PYTHON", sys.executable), mode=0o755)
    shop.write("rc", "PS1='$ '\neval \"$(secretsync completion bash)\"\n")
    typed = {
        "secretsync run -e prod\t": "secretsync run -e production",
        "secretsync render --format=js\t": "secretsync render --format=json",
        "secretsync import --to vau\tapp": "secretsync import --to vault:app",
        "secretsync run --template templates\t": "secretsync run --template templates",
        "secretsync render --template template.\t": "secretsync render --template template.in",
        "secretsync render --template=template.\t": "secretsync render --template=template.in",
        "secretsync run --root templ\t": "secretsync run --root templates/",
        "secretsync run -e 'staging' -- faket\t": "secretsync run -e staging -- faketool",
    }
    environ = clean_environment(shop.home, {"TERM": "dumb"})
    environ["PATH"] = f"{shop.root / 'bin'}:{environ['PATH']}"
    ours, theirs = pty.openpty()
    argv = ["bash", "--noprofile", "--rcfile", "rc", "-i"]
    shell = subprocess.Popen(
        argv, cwd=shop.root, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        for keys in typed:
            read_until(ours, b"$ ")
            os.write(ours, f"{keys}\n".encode())
        read_until(ours, b"$ ")
        os.write(ours, b"exit\n")
        shell.wait(HANG)
    finally:
        shell.kill()
        os.close(ours)
    recorded = [line.strip() for line in shop.read("recorded").splitlines()]
    assert recorded == list(typed.values())


def read_until(terminal: int, prompt: bytes) -> None:
    """Read what a shell writes until it shows its prompt."""
    shown = b""
    while not shown.endswith(prompt):
        shown += os.read(terminal, 4096)
