"""Read the COPY and ADD instructions of a Dockerfile."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

from secretsync.core.records import Record

_ESCAPE = re.compile(r"#\s*escape\s*=\s*(\S)\s*", re.IGNORECASE)
_COPY = re.compile(r"\s*(?:ONBUILD\s+)?(COPY|ADD)\s+(.*)", re.IGNORECASE | re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*([\"']?)([A-Za-z_][A-Za-z0-9_]*)\1")


class Copy(Record, kw_only=True):
    """What one instruction copies from the build context."""

    line: int
    sources: tuple[str, ...]
    excluded: tuple[str, ...] = ()  # the patterns of --exclude


def copies(text: str) -> Iterator[Copy]:
    """Yield the instructions that copy from the build context: not from another image, a URL or a here document."""
    for line, instruction in _instructions(text):
        found = _COPY.fullmatch(instruction)
        if found is None:
            continue
        flags, words = _words(found[2])
        if any(flag.startswith("--from=") for flag in flags):
            continue
        sources = tuple(word for word in words[:-1] if not word.startswith("<<") and "://" not in word)
        excluded = tuple(flag.partition("=")[2] for flag in flags if flag.startswith("--exclude="))
        yield Copy(line=line, sources=sources, excluded=excluded)


def _words(text: str) -> tuple[list[str], list[str]]:
    """Return the flags and the other words of an instruction, in either of its two forms."""
    flags = []
    rest = text.strip()
    while rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        flags.append(flag)
        rest = rest.lstrip()
    if rest.startswith("["):
        try:
            words = json.loads(rest)
        except ValueError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return flags, words
    try:
        return flags, shlex.split(rest)
    except ValueError:  # an open quote
        return flags, rest.split()


def _instructions(text: str) -> Iterator[tuple[int, str]]:
    """Yield each instruction with its first line, its continuation lines joined, without comments."""
    lines = text.replace("\r\n", "\n").split("\n")
    escape = _escape(lines)
    end_of_document: list[str] = []
    first, parts = 0, list[str]()
    for number, line in enumerate(lines, 1):
        if end_of_document:
            if line.lstrip("\t") == end_of_document[0]:
                del end_of_document[0]
            continue
        if line.lstrip().startswith("#") or (parts and not line.strip()):
            continue
        first = first if parts else number
        stripped = line.rstrip()
        if stripped.endswith(escape):
            parts.append(stripped[:-1])
            continue
        instruction = " ".join([*parts, line])
        parts = []
        yield first, instruction
        if re.match(r"\s*(ONBUILD\s+)?(RUN|COPY|ADD)\b", instruction, re.IGNORECASE):
            end_of_document = [name for _, name in _HEREDOC.findall(instruction)]
    if parts:
        yield first, " ".join(parts)


def _escape(lines: list[str]) -> str:
    """Return the character that continues a line: a backslash, unless a directive at the top names another."""
    for line in lines:
        if not line.startswith("#"):
            break
        if found := _ESCAPE.fullmatch(line):
            return found[1]
    return "\\"
