"""Names that shells keep for themselves: `export NAME=...` must neither fail, nor run a command, nor be ignored."""

import re
import subprocess
from pathlib import Path

import pytest

from secretsync.rendering import formats
from tests.rendering.formats.hostile import CANARY_FILE
from tests.rendering.formats.readers import SHELLS, ReaderFailed, all_readers, read_with_shell

# What the shells' manuals name, beside what each of them lists itself.
KNOWN = """
BAUD BASHOPTS BASHPID BASH_ARGV0 BASH_COMPAT BASH_XTRACEFD CHILD_MAX COLUMNS COMP_WORDS COPROC DIRSTACK EPOCHREALTIME
EPOCHSECONDS ERRNO EUID FCEDIT FIGNORE FUNCNAME FUNCNEST GID GLOBIGNORE GROUPS HISTCMD HISTCONTROL HISTFILE HISTSIZE
HISTFILESIZE HOSTNAME HOSTTYPE IGNOREEOF INPUTRC KEYTIMEOUT KSHEGID KSHGID KSHUID KSH_VERSION LANG LC_ALL LC_CTYPE
LINENO LINES LISTMAX MACHTYPE MAIL MAILCHECK MAILPATH MAPFILE OPTARG OPTERR OPTIND OSTYPE PGRP PIPESTATUS PPID
RANDOM REPLY SAVEHIST SECONDS SHELLOPTS SHLVL SRANDOM TERM TIMEFORMAT TMOUT TTYIDLE TZ UID USERNAME USER_ID WATCH
argv cdpath fpath histchars mailpath path prompt psvar signals status watch export then done in case select time _
"""
LISTING = {"bash": "compgen -v; set", "zsh": "typeset +; set", "mksh": "typeset +; set", "ksh": "typeset +; set"}
# They steer what comes after them in the test itself; whether they may be set is decided elsewhere.
STEERING = {"PATH", "IFS", "ENV", "BASH_ENV", "PS4", "POSIXLY_CORRECT", "HOME", "PWD", "OLDPWD", "LC_ALL", "LOGNAME"}
VERSIONS = {reader.name: reader.find for reader in all_readers() if reader.format == "shell"}


def names_of(shell: str) -> list[str]:
    """All names that mean something to a shell."""
    command = [*SHELLS[shell], "-c", LISTING.get(shell.split(maxsplit=1)[0], "set")]
    listed = subprocess.run(command, capture_output=True, env={"PATH": "/usr/bin:/bin"}, check=False).stdout
    found = set(re.findall(rb"^(?:[a-z0-9 -]* )?([A-Za-z_]\w*)(?==|$)", listed, re.MULTILINE | re.ASCII))
    return sorted(({name.decode() for name in found} | set(KNOWN.split())) - STEERING)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_name_is_exact_or_refused(shell: str, tmp_path: Path) -> None:
    """Arithmetic in a name that the shell takes for a number would run a command."""
    if VERSIONS[shell]() is None:
        pytest.skip(f"needs the reader {shell}, which is not here")
    names = names_of(shell)
    assert len(names) > 80
    for value in (f"a[$(touch {CANARY_FILE})]", "not a number"):
        items = {"AAA": "before", **dict.fromkeys(names, value), "zzz": "after"}
        refused = {problem.key for problem in formats.problems("shell", items)}
        kept = {name: text for name, text in items.items() if name not in refused}
        assert {"OPTIND", "UID", "RANDOM", "PPID"} <= refused
        try:
            found = read_with_shell(formats.render("shell", kept).encode(), tmp_path, shell=shell)
        except ReaderFailed as failed:
            pytest.fail(f"{failed}")
        assert {name: text for name, text in kept.items() if found.get(name) != text} == {}
        assert not (tmp_path / CANARY_FILE).exists()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("prologue", ["set -eu\n", "set -a\n", "IFS=aeV=\n", "set -f\n"])
def test_options_of_the_sourcing_script(shell: str, prologue: str, tmp_path: Path) -> None:
    """Whatever the script has set before, the file means the same."""
    if VERSIONS[shell]() is None:
        pytest.skip(f"needs the reader {shell}, which is not here")
    values = {"A": "a b  *", "B": "$(touch x)`touch x`", "C": "it's\n\\", "D": "~", "E": ""}
    data = formats.render("shell", values).encode()
    assert read_with_shell(data, tmp_path, shell=shell, prologue=prologue) == values
    check = subprocess.run([*SHELLS[shell], "-n", "file.sh"], cwd=tmp_path, capture_output=True, check=False)
    assert (check.returncode, check.stderr) == (0, b"")
