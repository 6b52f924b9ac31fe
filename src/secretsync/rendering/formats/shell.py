"""Export lines for POSIX shells, read with `. file`."""

from __future__ import annotations

from secretsync.rendering.formats.shared import env_refusal, environment_size_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Names that a shell reserves. The shell ignores the value, exits, or evaluates the value as an arithmetic expression,
# in which `a[$(command)]` runs a command (bash: OPTIND, HISTCMD, RANDOM, SRANDOM; mksh: many more).
SHELL_NAMES = frozenset(
    [
        # every shell
        *("OPTIND", "LINENO", "PPID", "_"),
        # bash; a read-only name ends bash --posix in the middle of the file, and bash prints two of the wrong values
        *("BASHOPTS", "BASHPID", "BASH_ALIASES", "BASH_ARGC", "BASH_ARGV", "BASH_ARGV0", "BASH_CMDS", "BASH_COMMAND"),
        *("BASH_COMPAT", "BASH_LINENO", "BASH_MONOSECONDS", "BASH_SOURCE", "BASH_SUBSHELL", "BASH_TRAPSIG"),
        *("BASH_VERSINFO", "BASH_XTRACEFD", "DIRSTACK", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME", "GROUPS"),
        *("HISTCMD", "PIPESTATUS", "RANDOM", "SECONDS", "SHELLOPTS", "SHLVL", "SRANDOM", "UID"),
        # ksh93, mksh
        *(
            "JOBMAX",
            "COLUMNS",
            "HISTSIZE",
            "KSHEGID",
            "KSHGID",
            "KSHUID",
            "KSH_VERSION",
            "LINES",
            "PGRP",
            "TMOUT",
            "USER_ID",
        ),
        # zsh, with --emulate sh too
        *("EGID", "ERRNO", "FUNCNEST", "GID", "KEYBOARD_HACK", "SAVEHIST", "TRY_BLOCK_ERROR", "TRY_BLOCK_INTERRUPT"),
        *("TTYIDLE", "USERNAME", "ZSH_EVAL_CONTEXT", "ZSH_SUBSHELL", "histchars", "signals"),
        # zsh by itself
        *("ARGC", "HISTCHARS", "KEYTIMEOUT", "LISTMAX", "MAILCHECK", "WATCH", "aliases", "argv", "builtins", "cdpath"),
        *("commands", "dirstack", "dis_aliases", "dis_builtins", "dis_functions", "dis_functions_source"),
        *("dis_galiases", "dis_patchars", "dis_reswords", "dis_saliases", "fignore", "fpath", "funcfiletrace"),
        *("funcsourcetrace", "funcstack", "functions", "functions_source", "functrace", "galiases", "history"),
        *("historywords", "jobdirs", "jobstates", "jobtexts", "keymaps", "mailpath", "manpath", "module_path"),
        *("modules", "nameddirs", "options", "parameters", "patchars", "path", "pipestatus", "psvar", "reswords"),
        *("saliases", "status", "termcap", "terminfo", "userdirs", "usergroups", "watch", "widgets"),
        *("zsh_eval_context", "zsh_scheduled_events"),
    ]
)


def quoted(value: str) -> str:
    """Return `value` as one word of a shell, in single quotes."""
    return "'" + value.replace("'", r"'\''") + "'"


def refusal(key: str, value: str, /) -> str | None:
    """Return why a shell cannot take the entry, or None."""
    reason = env_refusal(key, value)
    if reason:
        return reason
    if key in SHELL_NAMES:
        return "shells reserve this name"
    return environment_size_refusal(key, value)


def render(items: Mapping[str, str], /) -> str:
    """Return `items` as lines of `export KEY='value'`."""
    return "".join(f"export {key}={quoted(items[key])}\n" for key in sorted(items))
