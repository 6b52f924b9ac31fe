"""Write the env files and the bindings of an import. What exists is added to, and never overwritten."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence

from secretsync.core.atomic_write import write_file
from secretsync.core.errors import ConfigurationError, Problem, ProblemKind
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.core.records import Record
from secretsync.core.secret import Hidden
from secretsync.project.env_file import parse_env_file
from secretsync.rendering.formats import dotenv


class Line(Hidden):
    """One entry of an env file, with the comment lines before it. `text` is in SecretSync's notation."""

    __slots__ = ("comments", "key", "text")

    def __init__(self, key: str, text: str, comments: Sequence[str]) -> None:
        self.key = key
        self.text = text
        self.comments = tuple(comments)


class PlannedFile(Record):
    """A file that is written. It holds no secret."""

    path: str  # below the root
    content: str
    state: str  # "created", "extended" or "unchanged"


def written_value(key: str, text: str, value: str | None) -> str | None:
    """Return the right side of a line; None if an env file cannot hold it. `value`: of a literal text."""
    if value is not None:
        # Some names with . or - are refused by other readers of the format, and not by SecretSync.
        return None if dotenv.refusal("KEY", value) else dotenv.render({"KEY": value}).partition("=")[2][:-1]
    plain = text if re.fullmatch(r"[A-Za-z0-9_.,:/@%+=$<>{}?&~!*()\[\];|-]+", text) else None
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n").replace("\r", r"\r")
    for shown in (plain, f'"{escaped}"'):
        if shown is None:
            continue
        read = parse_env_file(f"{key}={shown}\n".encode(), file="")
        if not read.problems and [(one.key, one.text, one.literal) for one in read.entries] == [(key, text, False)]:
            return shown
    return None


def plan_env_file(root: str, path: str, lines: Sequence[tuple[Line, str]], end: Sequence[str]) -> PlannedFile:
    """Return the file with these entries; each line with its right side. Raises ConfigurationError for a conflict."""
    present = _present(root, path)
    if present is None:
        return PlannedFile(path, _format(lines, end), "created")
    parsed = parse_env_file(present.encode(), file=path)
    if parsed.problems:
        raise ConfigurationError(parsed.problems)
    entries = {entry.key: entry for entry in parsed.entries}
    missing, problems = [], []
    for line, shown in lines:
        there = entries.get(line.key)
        wanted = parse_env_file(f"{line.key}={shown}\n".encode(), file="").entries[0]
        if there is None:
            missing.append((line, shown))
        elif (there.text, there.literal) != (wanted.text, wanted.literal):
            problems.append(_conflict(path, there.line, line.key))
    if problems:
        raise ConfigurationError(problems)
    return _added(path, present, _format(missing, ()) if missing else "")


def refuse_moved(root: str, folder: str, keys: Mapping[str, Sequence[str]]) -> None:
    """Raise ConfigurationError if a key is already in the other of common.env and security.env.

    A secret that a user moved into a store must not come back in clear.
    """
    paths = (f"{folder}/common.env", f"{folder}/security.env")
    problems = []
    for path, other in (paths, paths[::-1]):
        there = parse_env_file((_present(root, other) or "").encode("utf-8", "surrogateescape"), file=other).entries
        problems += [_conflict(other, entry.line, entry.key) for entry in there if entry.key in keys.get(path, ())]
    if problems:
        raise ConfigurationError(problems)


def plan_bindings(root: str, path: str, references: dict[str, str]) -> PlannedFile:
    """Return the bindings file with these references, by name. Raises ConfigurationError for a conflict."""
    lines = [f"{name} = {json.dumps(reference, ensure_ascii=False)}" for name, reference in references.items()]
    present = _present(root, path)
    if present is None:
        head = "# The places of the secrets. This file contains no credential.\n[secrets]\n"
        return PlannedFile(path, head + "".join(f"{line}\n" for line in lines), "created")
    from secretsync.project.bindings_file import read_bindings

    bindings = read_bindings(os.path.join(root, path), file=path)
    if bindings.problems:
        raise ConfigurationError(bindings.problems)
    problems, missing = [], []
    for (name, reference), line in zip(references.items(), lines, strict=True):
        there = bindings.secrets.get(name)
        if there is None:
            missing.append(line)
        elif there.reference != reference:
            problems.append(_conflict(path, there.line, name))
    if problems:
        raise ConfigurationError(problems)
    if not missing:
        return PlannedFile(path, present, "unchanged")
    added = "".join(f"{line}\n" for line in missing)
    if header := re.search(r"(?m)^\[secrets\][ \t]*(?:#.*)?\n", present):
        return PlannedFile(path, present[: header.end()] + added + present[header.end() :], "extended")
    return _added(path, present, f"\n[secrets]\n{added}")


def write(root: str, files: Sequence[PlannedFile]) -> None:
    """Write the files that are new or extended. Raises OutputError."""
    for file in files:
        if file.state != "unchanged":
            full = os.path.join(root, file.path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            write_file(full, file.content.encode(), mode=0o644)


def _format(lines: Sequence[tuple[Line, str]], end: Sequence[str]) -> str:
    out: list[str] = []
    for line, shown in lines:
        if line.comments and out:
            out.append("")
        out += [*line.comments, f"{line.key}={shown}"]
    if end:
        out += [*([""] if out else []), *end]
    return "".join(f"{line}\n" for line in out)


def _added(path: str, present: str, added: str) -> PlannedFile:
    if not added:
        return PlannedFile(path, present, "unchanged")
    gap = "" if not present or present.endswith("\n") else "\n"
    return PlannedFile(path, f"{present}{gap}{added}", "extended")


def _present(root: str, path: str) -> str | None:
    data = read_file(os.path.join(root, path), Input.ENV_FILE)
    if isinstance(data, bytes):
        return data.decode("utf-8", "surrogateescape")
    if isinstance(data, FileRefusal) and not data.is_absent:
        raise ConfigurationError([Problem(kind=ProblemKind.CONFIGURATION, file=path, cause=data.cause)])
    return None


def _conflict(path: str, line: int | None, key: str) -> Problem:
    cause, hint = "it is there already, and with another value", "nothing was written; remove or rename one of both"
    return Problem(kind=ProblemKind.CONFIGURATION, file=path, line=line, key=key, cause=cause, hint=hint)
