"""Ask on a terminal whether an imported entry is a secret or a setting, if its text does not show that."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from secretsync.core.errors import UsageError
from secretsync.core.records import replace
from secretsync.core.text import printable
from secretsync.moving.classify import UndecidedError
from secretsync.moving.import_files import ImportPlan, ImportRequest, plan_import
from secretsync.moving.source_entry import Source, SourceEntry, escape
from secretsync.policy.policy import Policy

_ANSWERS = {"setting": True, "secret": False}


def plan_with_questions(sources: Sequence[Source], request: ImportRequest, policy: Policy) -> ImportPlan:
    """Return the plan of an import, after questions for the entries that cannot be decided.

    Without a terminal, or if the user ends the input, the error of `plan_import` is raised.
    """
    while True:
        undecided = None
        try:
            return plan_import(sources, request, policy)
        except UndecidedError as error:
            # An entry that is a setting already cannot be written as one.
            is_repeated = any(entry.key in request.settings for entry, _ in error.undecided)
            if is_repeated or not _is_terminal():
                raise
            undecided = error
        for entry, reason in undecided.undecided:
            answer = _ask(entry, reason)
            if answer is None:
                raise undecided
            if answer:
                request = replace(request, settings=(*request.settings, entry.key))
            else:
                value = _ask_value(entry)
                sources = [_with_value(source, entry, value) for source in sources]
                request = replace(request, secrets=(*request.secrets, entry.key))


def _is_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _ask(entry: SourceEntry, reason: str) -> bool | None:
    """Return True for a setting and False for a secret; None at the end of the input."""
    print(f"{printable(entry.place)}: {entry.key}: {reason}", file=sys.stderr)
    while True:
        print(
            "is it a secret or a setting? a setting stays in clear [secret/setting]: ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
            return None
        if (word := line.strip().lower()) in _ANSWERS:
            return _ANSWERS[word]


def _ask_value(entry: SourceEntry) -> str:
    """Return the whole value of a secret, which the file does not have. It is not echoed."""
    import getpass  # Imported only for a secret.

    value = getpass.getpass(f"the whole value of {entry.key}, without the variable: ", stream=sys.stderr)
    if not value or "\0" in value or not value.isprintable():
        raise UsageError(f"{entry.key}: the value is empty, or has a character that cannot be typed; correct the file")
    return value


def _with_value(source: Source, entry: SourceEntry, value: str) -> Source:
    entries = [_replaced(one, value) if one.key == entry.key else one for one in source.entries]
    return Source(tuple(entries), source.comments, source.notes)


def _replaced(entry: SourceEntry, value: str) -> SourceEntry:
    return SourceEntry(entry.key, escape(value), value, file=entry.file, line=entry.line, comments=entry.comments)
