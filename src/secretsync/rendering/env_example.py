"""Write the .env.example of a project: the keys of its environments, with comments and without values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from secretsync.core.recognition.secret_patterns import (
    HOLE,
    has_password,
    has_private_key,
    known_token,
    looks_random,
    may_be_secret,
)
from secretsync.core.records import Record
from secretsync.core.secret import MASK
from secretsync.core.text import printable
from secretsync.planning.plan import Plan
from secretsync.planning.secrecy import secret_entries
from secretsync.policy.plaintext import plaintext_of
from secretsync.policy.policy import Policy
from secretsync.project.env_file import EnvFile, parse_env_file
from secretsync.project.layout import COMMON, SECURITY

_HEAD = """\
# What the environments of this project define, without values. `secretsync template` writes this file.
# A secret is a placeholder, which is looked for as providers/ says; a setting is empty.
"""
_PLACEHOLDER = re.compile(r"\$<[^<>]*>|\$\{[^{}]*\}")
_ENTRY = re.compile(r"\s*(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*\S")
_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*:\s*\S+\s*")


class Defined(Record, kw_only=True):
    """One environment: its plan, files and policy."""

    name: str
    plan: Plan
    files: tuple[EnvFile, ...]
    policy: Policy

    _unseen = ("files",)  # env files may hold plain secrets


class _Key:
    """One key in one group: its environments, its comments, and the reasons why it is required."""

    def __init__(self) -> None:
        self.environments: list[str] = []
        self.comments: dict[str, str] = {}
        self.required: dict[str, str] = {}


_Groups = dict[str, dict[str, _Key]]


def env_example(environments: Sequence[Defined]) -> str:
    """Return the text of the file. Equal env files and policies give equal text."""
    groups = _groups(environments)
    secret = {key for defined in environments for key in _secret_keys(defined)}
    everywhere = [defined.name for defined in environments]

    def is_sensitive(name: str) -> bool:
        return any(defined.plan.names.is_sensitive(name) for defined in environments)

    parts, first_groups = [_HEAD], dict[str, str]()
    for group in sorted(groups, key=lambda name: ({COMMON: 0, SECURITY: 1}.get(name, 2), name)):
        lines, repeated = [f"\n# ---- {group} ----\n"], []
        for name, key in groups[group].items():
            if name in first_groups:
                repeated.append(f"{name} (under {first_groups[name]})")
                continue
            first_groups[name] = group
            notes = [f"# {line}".rstrip() for line in _notes(key, everywhere, is_sensitive)]
            is_first = len(lines) == 1
            lines.append("\n" * (is_first or bool(notes)) + "".join(f"{note}\n" for note in notes))
            lines.append(f"{name}=$<{name}>\n" if name in secret else f"{name}=\n")
        if repeated:
            lines.append(f"\n# Here too: {', '.join(repeated)}\n")
        parts += lines
    return "".join(parts)


def _groups(environments: Sequence[Defined]) -> _Groups:
    """Return the keys of each group, in the order of the files."""
    groups: _Groups = {}
    for defined in environments:
        for file in defined.files:
            group = file.service or file.file.rpartition("/")[2].removesuffix(".env")
            for entry in file.entries:
                key = groups.setdefault(group, {}).setdefault(entry.key, _Key())
                key.environments.append(defined.name)
                if entry.comment:
                    key.comments[defined.name] = entry.comment
    for defined in environments:
        for wanted in defined.policy.required:
            preferred = wanted.service or COMMON
            candidates = [group for group in (preferred, *sorted(groups)) if wanted.key in groups.get(group, {})]
            group = candidates[0] if candidates else preferred
            key = groups.setdefault(group, {}).setdefault(wanted.key, _Key())
            key.required[defined.name] = wanted.description
    return groups


def _secret_keys(defined: Defined) -> Iterator[str]:
    """Yield the keys whose values are secrets, refer to secrets, or may be plain text secrets."""
    yield from (key for _, key in secret_entries(defined.plan))
    policy = defined.policy
    yield from (found.key for found in plaintext_of(defined.files, policy, is_strict=True) if found.key is not None)
    for file in defined.files:
        for entry in file.entries:
            if policy.is_sensitive(entry.key) and may_be_secret(entry.text):
                yield entry.key
    yield from (wanted.key for wanted in policy.required if policy.is_sensitive(wanted.key))


def _notes(key: _Key, everywhere: Sequence[str], is_sensitive: Callable[[str], bool]) -> Iterator[str]:
    """Yield the comment lines of a key: the reasons why it is required, the comments of the files, its environments."""
    for description, names in _by_text(key.required).items():
        places = "" if names == list(everywhere) else f" in {', '.join(names)}"
        yield from _lines(f"required{places}: {description}" if description else f"required{places}", is_sensitive)
    texts = _by_text(key.comments)
    for text, names in texts.items():
        yield from _lines(text if len(texts) == 1 else f"{', '.join(names)}: {text}", is_sensitive)
    if key.environments and key.environments != list(everywhere):
        yield f"only in {', '.join(key.environments)}"


def _by_text(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the environments of each text."""
    found: dict[str, list[str]] = {}
    for name, text in texts.items():
        found.setdefault(text, []).append(name)
    return found


def _lines(text: str, is_sensitive: Callable[[str], bool]) -> Iterator[str]:
    """Yield the lines of a comment, without lines that may contain a value, such as an entry that is commented out."""
    for line in text.split("\n"):
        if not _may_hold_value(line, is_sensitive):
            yield printable(line.replace("\t", " "))


def _may_hold_value(line: str, is_sensitive: Callable[[str], bool]) -> bool:
    bare = _PLACEHOLDER.sub(HOLE, line)
    named = [match[1] for match in _NAMED.finditer(line)]
    return (
        _ENTRY.match(line) is not None
        or any(is_sensitive(name) for name in named)
        or has_private_key(line)
        or known_token(line) is not None
        or has_password(bare)
        or looks_random("", bare)
    )


def masked(text: str, expected: str) -> str:
    """Return `text`, a present file, with a mask for everything that may be a value and is not in `expected`."""
    known = set(expected.split("\n"))
    read = parse_env_file(text.encode("utf-8", "surrogateescape"), file="")
    names, inside = dict[int, str](), set[int]()
    for entry in () if read.problems else read.entries:
        is_empty = entry.text in ("", f"$<{entry.key}>")
        names[entry.line] = entry.source.strip("\n") if is_empty else f"{entry.key}={MASK}"
        inside |= set(range(entry.line + 1, entry.line + 1 + entry.source.rstrip("\n").count("\n")))
    return "\n".join(_shown(text.split("\n"), known, names, inside))


def _shown(lines: Iterable[str], known: set[str], names: Mapping[int, str], inside: set[int]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if number in names and line not in known:
            yield names[number]
        elif line in known and number not in inside:
            yield line
        else:
            yield f"# {MASK}" if line.startswith("#") and number not in inside else MASK if line.strip() else line
