"""Read which names an environment's policy.toml adds to the rule for sensitive names, and which it takes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsync.core.errors import Problem
from secretsync.core.files import Input
from secretsync.core.names import SensitiveNames
from secretsync.core.text import is_shown
from secretsync.project.layout import SourceFile
from secretsync.project.toml_reader import Reader, parse_document, read_document

_NAME_KEYS = ("sensitive", "not_sensitive")
POLICY_KEYS = ("required", "checks", "ignore", *_NAME_KEYS)


def read_names(file: SourceFile) -> tuple[SensitiveNames, tuple[Problem, ...]]:
    """Return the sensitive names of the environment with this policy, and the problems that keep it from changing them.

    The commands that judge values report the other problems of the policy.
    """
    data = read_document(file.path, file.shown, Input.POLICY)
    parsed = data if isinstance(data, Problem) else parse_document(data, file.shown)
    if isinstance(parsed, Problem):
        return SensitiveNames(), (parsed,)
    document, lines = parsed
    reader = Reader(file.shown, lines)
    # A misspelled `sensitive` would show the values that it was to mask, so that every command refuses it.
    misspelled = {key: None for key in document if key not in POLICY_KEYS and is_shown(key, _NAME_KEYS)}
    reader.refuse_unknown((), misspelled, POLICY_KEYS)
    return names_in(document, reader), tuple(reader.problems)


def names_in(document: Mapping[str, Any], reader: Any) -> SensitiveNames:
    """Return what the document of a policy changes of the rule for sensitive names; `reader` notes the problems."""
    return SensitiveNames(
        sensitive=reader.strings((), document, "sensitive") or (),
        not_sensitive=reader.strings((), document, "not_sensitive") or (),
    )
