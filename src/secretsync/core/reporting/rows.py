"""The rows of a report: results of rules at places, independent of the command that found them."""

from __future__ import annotations

from secretsync.core.records import Record


class Place(Record):
    """An entry of a file, as far as its parts are known. `file` is relative to the project, or absolute."""

    key: str | None = None
    file: str | None = None
    line: int | None = None


class ReportRule(Record, kw_only=True):
    """A rule that a report may name."""

    id: str
    text: str  # a sentence about what the rule asks for, or about what was found
    name: str | None = None  # for readers of SARIF, in PascalCase
    hint: str | None = None
    is_error: bool = True  # the usual level; each row has its own


class ReportRow(Record, kw_only=True):
    """One result of a rule. It does not have room for a value."""

    rule: str
    is_error: bool  # False: a warning
    message: str
    title: str  # a few words, for annotations
    hint: str | None = None
    places: tuple[Place, ...] = ()  # the first is the main one
    identity: tuple[str, ...]  # equal in two reports if the results are the same; without line numbers and ages
    properties: tuple[tuple[str, str], ...] = ()
    ignored_because: str | None = None  # None: the row counts

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all places, each once."""
        return tuple(dict.fromkeys(place.key for place in self.places if place.key))

    @property
    def advice(self) -> str:
        """The message with the hint."""
        return f"{self.message}; {self.hint}" if self.hint else self.message
