"""Secrets in plain text in what is to be archived, found by the audit's rules in files of every kind."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from secretsync.backup.tree import Node
from secretsync.core.errors import Problem
from secretsync.core.recognition.secret_patterns import (
    HOLE,
    has_private_key,
    has_url_password,
    known_token,
    may_be_secret,
)
from secretsync.core.text import by_place
from secretsync.policy.example_values import is_example
from secretsync.policy.findings import RuleFinding, found
from secretsync.policy.plaintext import plaintext_of
from secretsync.policy.policy import Policy
from secretsync.policy.policy_file import parse_policy
from secretsync.policy.rules import Severity
from secretsync.project.env_file import parse_env_file
from secretsync.project.placeholders import StorePath, parse_reference
from secretsync.project.toml_reader import parse_document
from secretsync.providers.registry import BUILT_IN, load_provider

_PLACEHOLDER = re.compile(r"\$<[^<>\n]*>|\$\{[^{}\n]*\}")


def plain_secrets(nodes: Mapping[str, Node], today: date) -> tuple[tuple[RuleFinding, ...], tuple[Problem, ...]]:
    """Find plain secrets in the files of all environments, and the files that could not be read.

    Every environment is judged as a strict one: an archive travels. What its policy ignores, with a reason, is left
    out. Each place is named once, by the surest sign.
    """
    policies = _policies(nodes)
    findings: dict[tuple[str | None, int | None], RuleFinding] = {}
    problems: list[Problem] = []
    for path, node in nodes.items():
        if node.data is None:
            continue
        policy = policies.get(_environment(path), Policy())
        if path == policy.file:
            problems += policy.problems
        for found_one in _in_file(path, node.data, policy, problems):
            place = (found_one.file, found_one.line)
            # A guess never hides a sure sign in the same line.
            if policy.ignored_by(found_one, today) is None and (
                place not in findings or findings[place].severity is not Severity.ERROR
            ):
                findings[place] = found_one
    return tuple(sorted(findings.values(), key=by_place)), tuple(dict.fromkeys(problems))


def _environment(path: str) -> str:
    """Return the environment that a path belongs to, by its folder or its name."""
    name = path.split("/")[1]
    return name if path.startswith("env/") else name.partition(".")[0]


def _policies(nodes: Mapping[str, Node]) -> dict[str, Policy]:
    found = {}
    for path, node in nodes.items():
        parts = path.split("/")
        if parts[0] == "env" and len(parts) == 3 and parts[2] == "policy.toml" and node.data is not None:
            found[parts[1]] = parse_policy(node.data, path)
    return found


def _in_file(path: str, data: bytes, policy: Policy, problems: list[Problem]) -> Iterator[RuleFinding]:
    """Return the findings in one file, the surest first for each line."""
    if path.endswith(".toml"):
        yield from _in_document(path, data, policy, problems)
    else:
        # Whatever its name: a copy that an editor left, security.env.bak, holds what the file did.
        read = parse_env_file(data, file=path)
        yield from plaintext_of([read], policy, is_strict=True)
        if path.endswith(".env"):
            problems += read.problems  # a line that cannot be parsed may be a value that was pasted alone
    yield from _in_text(path, data)


def _in_text(path: str, data: bytes) -> Iterator[RuleFinding]:
    """Return secrets of known shapes at any place: keys, tokens, and passwords in URLs outside comments."""
    text = data.decode("utf-8", "replace")
    if has_private_key(text) and not any(has_private_key(line) for line in text.split("\n")):
        yield found("plaintext-key", "a private key stands here in plain text", file=path)
    for number, line in enumerate(text.split("\n"), 1):
        if has_private_key(line):
            yield found("plaintext-key", "a private key stands here in plain text", file=path, line=number)
        elif kind := known_token(line):
            message = f"what looks like {kind} stands here in plain text"
            yield found("plaintext-token", message, file=path, line=number)
        elif not line.lstrip().startswith("#") and has_url_password(_PLACEHOLDER.sub(HOLE, line)):
            yield found("plaintext-url", "a password is in this URL in plain text", file=path, line=number)


def _in_document(path: str, data: bytes, policy: Policy, problems: list[Problem]) -> Iterator[RuleFinding]:
    """Values of sensitive names in bindings and policies, where references and descriptions belong."""
    parsed = parse_document(data, path)
    if isinstance(parsed, Problem):
        problems.append(parsed)
        return
    document, lines = parsed
    for at, text in _texts(document, ()):
        name = _named(at, text)
        if name is None or is_example(text, is_sensitive=True):
            continue
        # In [secrets] every name is one of a secret.
        if (at[0] == "secrets" or policy.is_sensitive(name)) and may_be_secret(text):
            line = next((lines[at[:end]] for end in range(len(at), 0, -1) if at[:end] in lines), None)
            message = "a name of secrets has its value in plain text"
            yield found("plaintext-name", message, key=".".join(at), file=path, line=line)


def _named(at: tuple[str, ...], text: str) -> str | None:
    """Return the name whose value a text in a document may be, or None for references and descriptions."""
    if at[0] in ("required", "ignore", "rotation", "sensitive", "not_sensitive"):
        return None
    if at[0] == "secrets":  # NAME = "store:path", or { ref = "store:path", reason = "..." }
        is_reference = isinstance(parse_reference(text), StorePath)
        return None if is_reference or at[2:] not in ((), ("ref",)) else at[1]
    if at[0] == "stores" and at[2:3] and at[2] in _settings():
        return None
    if at[0] == "checks":  # equals and one_of are compared with values; a message is not one
        words = [word for word in at[2:] if not word.isdigit()]
        return at[1] if words and words[0] in ("equals", "one_of") else None
    return next((name for name in reversed(at) if not name.isdigit()), None)


@functools.cache
def _settings() -> frozenset[str]:
    """Return the settings of all built-in stores. None of them takes a credential; `key` is a template of paths."""
    names = {"key"}
    for provider in BUILT_IN:
        names.update(load_provider(provider).spec.settings)
    return frozenset(names)


def _texts(value: Any, at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each text of a document, and the keys that lead to it."""
    if isinstance(value, str) and at:
        yield at, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*at, str(index)))
