"""Write the env files and the bindings of an import. What exists is added to, and never overwritten."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence

from secretsync.core.errors import ConfigurationError, OutputError, Problem, ProblemKind
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.core.records import Record
from secretsync.core.secret import Hidden
from secretsync.core.system.atomic_write import shared_mode, write_file, write_new_file
from secretsync.project.env_file import parse_env_file
from secretsync.rendering.formats import dotenv

_HEADER = re.compile(r"""(?m)^[ \t]*\[[ \t]*(?:secrets|"secrets"|'secrets')[ \t]*\][ \t]*(?:#[^\r\n]*)?(?:\r?\n|\Z)""")


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
    before: str | None  # the content that is extended; None if there is no file

    @property
    def state(self) -> str:
        """Return "created", "extended" or "unchanged"."""
        return "created" if self.before is None else "unchanged" if self.before == self.content else "extended"


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
        return PlannedFile(path, _format(lines, end), None)
    parsed = parse_env_file(present.encode("utf-8", "surrogateescape"), file=path)
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
    lines = {name: f"{name} = {json.dumps(reference, ensure_ascii=False)}\n" for name, reference in references.items()}
    present = _present(root, path)
    if present is None:
        head = "# The places of the secrets. This file contains no credential.\n[secrets]\n"
        return PlannedFile(path, head + "".join(lines.values()), None)
    from secretsync.project.bindings_file import read_bindings

    bindings = read_bindings(os.path.join(root, path), file=path)
    if bindings.problems:
        raise ConfigurationError(bindings.problems)
    problems = []
    for name, reference in references.items():
        there = bindings.secrets.get(name)
        if there is not None and there.reference != reference:
            problems.append(_conflict(path, there.line, name))
    if problems:
        raise ConfigurationError(problems)
    missing = {name: reference for name, reference in references.items() if name not in bindings.secrets}
    return PlannedFile(path, _with_bindings(path, present, missing, [lines[name] for name in missing]), present)


def _with_bindings(path: str, present: str, missing: Mapping[str, str], lines: Sequence[str]) -> str:
    """Return the bindings with further lines. Raises ConfigurationError if the file has no place for them."""
    import tomllib

    if not missing:
        return present
    wanted = tomllib.loads(present.removeprefix("\ufeff"))
    wanted["secrets"] = {**wanted.get("secrets", {}), **missing}
    for before, after, prefix in _places_of_bindings(present):
        text = "".join([before, *(f"{prefix}{line}" for line in lines), after])
        try:
            if tomllib.loads(text.removeprefix("\ufeff")) == wanted:
                return text
        except tomllib.TOMLDecodeError:
            continue
    cause, hint = "no line can be added to secrets", "write it as a table: [secrets]; nothing was written"
    raise ConfigurationError([Problem(kind=ProblemKind.CONFIGURATION, file=path, cause=cause, hint=hint)])


def _places_of_bindings(present: str) -> Iterator[tuple[str, str, str]]:
    """Yield the text before and after further bindings, and what each of their lines begins with."""
    gap = "" if not present or present.endswith("\n") else "\n"
    for header in _HEADER.finditer(present):  # a match in a string is not a table, so that the result is read again
        before, after = present[: header.end()], present[header.end() :]
        yield before if after else f"{before}{gap}", after, ""
    yield f"{present}{gap}\n[secrets]\n", "", ""
    comments = re.match(r"\ufeff?(?:[ \t]*(?:#[^\n]*)?\n)*", present)  # such as the line that names a schema
    end = comments.end() if comments else 0
    yield present[:end], present[end:], "secrets."  # for a file that has dotted keys


def check_writable(root: str, files: Sequence[PlannedFile]) -> None:
    """Raise OutputError if a file cannot be written, so that it is known before a secret is stored."""
    for file in files:
        if file.state == "unchanged":
            continue
        full = os.path.join(root, file.path)
        folder = os.path.dirname(full)
        while not os.path.lexists(folder):
            folder = os.path.dirname(folder)
        cause = None
        if os.path.islink(full):
            cause, hint = "it is a symbolic link, and nothing is written through one", "replace it by the file itself"
        elif not os.path.isdir(folder):
            cause, hint = f"{folder} is not a folder", "rename it"
        elif not os.access(folder, os.W_OK | os.X_OK):
            cause, hint = f"the folder {folder} cannot be written", "change its mode, or run as its owner"
        if cause is not None:
            raise OutputError([Problem(kind=ProblemKind.OUTPUT, file=file.path, cause=cause, hint=hint)])


def write(root: str, files: Sequence[PlannedFile]) -> None:
    """Write the files that are new or extended. Raises OutputError."""
    for file in files:
        if file.state == "unchanged":
            continue
        full = os.path.join(root, file.path)
        cause = None
        try:
            os.makedirs(os.path.dirname(full), exist_ok=True)
        except OSError as error:
            cause = f"its folder cannot be created: {error.strerror}"
        if cause is not None:
            raise OutputError([Problem(kind=ProblemKind.OUTPUT, file=file.path, cause=cause)])
        data, mode = file.content.encode("utf-8", "surrogateescape"), shared_mode(full)
        is_kept = _present(root, file.path) == file.before
        if is_kept and file.before is None:
            is_kept = write_new_file(full, data, mode=mode)
        elif is_kept:
            write_file(full, data, mode=mode)
        if not is_kept:
            cause, hint = "another process wrote it at the same time, so it was not replaced", "run the import again"
            raise OutputError([Problem(kind=ProblemKind.OUTPUT, file=file.path, cause=cause, hint=hint)])


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
    gap = "" if not added or not present or present.endswith("\n") else "\n"
    return PlannedFile(path, f"{present}{gap}{added}", present)


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
