"""Write the manual pages: one for `secretsync`, and one for each command, from the data of `--help`."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from secretsync.cli.commands import COMMANDS
from secretsync.cli.manual.option_list import Option, command_module, list_options
from secretsync.core import __version__
from secretsync.core.problems.kinds import ExitStatus

EXIT_STATUSES: Mapping[ExitStatus, str] = {
    ExitStatus.OK: "clean",
    ExitStatus.FINDINGS: "findings",
    ExitStatus.CONFIGURATION: "usage or configuration: syntax, an unknown store, an SDK that is not installed",
    ExitStatus.MISSING: "a secret is missing, deleted, disabled, or lacks the field",
    ExitStatus.DENIED: "denied: authentication or permission",
    ExitStatus.UNAVAILABLE: "unavailable: connection, throttling past the deadline, sealed, a garbled answer",
    ExitStatus.OUTPUT: "output: a value that the format cannot carry, an unsafe file",
    ExitStatus.CANNOT_EXECUTE: "the command of run cannot be executed",
    ExitStatus.COMMAND_NOT_FOUND: "the command of run does not exist",
    ExitStatus.INTERRUPTED: "SIGINT while resolving",
    ExitStatus.TERMINATED: "SIGTERM while resolving",
}

# Outside of ASCII, and where groff would print another character or take a command.
_ESCAPES = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}


def escape(text: str) -> str:
    """Return one line of text for roff. A roff command at the start of the line becomes text."""
    escaped = "".join(_ESCAPES.get(char, char if char.isascii() else f"\\[u{ord(char):04X}]") for char in text)
    return rf"\&{escaped}" if escaped.startswith(".") else escaped


def man_pages() -> dict[str, str]:
    """Return all manual pages by the names of their files."""
    pages = {"secretsync.1": _main_page()}
    for name in COMMANDS:
        pages[f"{_page_name(name)}.1"] = _command_page(name)
    return pages


def _page_name(command: str) -> str:
    return f"secretsync-{command.replace(' ', '-')}"


def _head(name: str, summary: str) -> list[str]:
    return [
        f'.TH {escape(name.upper())} 1 "" "secretsync {escape(__version__)}" "SecretSync"',
        ".nh",  # A name that is hyphenated at the end of a line could not be copied.
        ".ad l",
        ".SH NAME",
        rf"{escape(name)} \- {escape(summary)}",
        ".SH SYNOPSIS",
    ]


def _main_page() -> str:
    lines = _head("secretsync", "configuration that is safe to commit")
    lines += [r"\fBsecretsync\fR \fICOMMAND\fR [\fIOPTIONS\fR]", ".SH DESCRIPTION"]
    lines += [escape("Env files have placeholders for secrets. SecretSync reads the secrets from their stores."), ".PP"]
    lines += [rf"\fBsecretsync\fR \fICOMMAND\fR \fB{escape('--help')}\fR shows the options of a command."]
    lines += [".SH COMMANDS"]
    for name, summary in COMMANDS.items():
        lines += [".TP", rf"\fB{escape(name)}\fR", f"{escape(summary)}; see {escape(_page_name(name))}(1)"]
    lines += [".SH OPTIONS", ".TP", rf"\fB{escape('--version')}\fR", "show the version"]
    lines += [".SH EXIT STATUS"]
    for status, text in EXIT_STATUSES.items():
        lines += [".TP", rf"\fB{int(status)}\fR", escape(text)]
    return "\n".join(lines) + "\n"


def _command_page(name: str) -> str:
    command = command_module(name)
    lines = _head(_page_name(name), COMMANDS[name])
    lines += [rf"\fBsecretsync {escape(name)}\fR {escape(command.USAGE)}", ".SH DESCRIPTION"]
    for number, paragraph in enumerate((command.__doc__ or "").strip().split("\n\n")):
        lines += [".PP"] if number else []
        lines += _paragraph(paragraph)
    options = list_options(command)
    for is_positional, title in ((True, "ARGUMENTS"), (False, "OPTIONS")):
        chosen = [option for option in options if option.is_positional == is_positional]
        lines += [f".SH {title}"] if chosen else []
        # Options without a heading come first, so that they are not read as a part of the group above them.
        heading = None
        for option in sorted(chosen, key=lambda one: one.heading or ""):
            if option.heading != heading:
                heading = option.heading
                lines += [f".SS {escape(heading or '')}"]
            lines += _option(option)
    lines += [".SH EXAMPLES", *_code(command.EXAMPLE), ".SH SEE ALSO", "secretsync(1)"]
    return "\n".join(lines) + "\n"


def _paragraph(text: str) -> Iterator[str]:
    """Yield a paragraph. Indented lines are commands."""
    for is_code, group in groupby(text.split("\n"), lambda line: line.startswith("  ")):
        lines = list(group)
        yield from [".PP", *_code("\n".join(lines))] if is_code else [escape(" ".join(lines))]


def _code(text: str) -> list[str]:
    lines = textwrap.dedent(text).strip("\n").split("\n")
    return [".RS 4", ".nf", *(escape(line) for line in lines), ".fi", ".RE"]


def _option(option: Option) -> list[str]:
    value = rf" \fI{escape(option.metavar)}\fR"
    if option.is_positional:
        names = value.strip()
    else:
        names = ", ".join(rf"\fB{escape(name)}\fR" for name in option.names) + (value if option.has_value else "")
    return [".TP", names, escape(option.help)]


def main(folder: str) -> None:
    """Write all pages into a folder, which is created if it does not exist."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, text in man_pages().items():
        (target / name).write_text(text, encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1])
