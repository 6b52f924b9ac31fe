"""Read providers/<environment>.toml, and check the type of each key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from secretsync.core.durations import parse_duration
from secretsync.core.errors import Problem
from secretsync.core.files import Input
from secretsync.core.names import is_entry_name, is_store_name
from secretsync.project.bindings import (
    DEFAULT_LOOKUP,
    DEFAULT_TIMEOUT,
    Binding,
    Bindings,
    Limit,
    RotationPolicy,
    StoreConfig,
)
from secretsync.project.toml_reader import Reader, parse_document, read_document

if TYPE_CHECKING:
    from datetime import datetime


LONGEST_PROJECT = 100  # characters


def read_bindings(path: str, file: str) -> Bindings:
    """Return the bindings at `path`, shown to people as `file`. This raises nothing: the result has the problems."""
    data = read_document(path, file, Input.BINDINGS)
    return Bindings(file=file, problems=(data,)) if isinstance(data, Problem) else parse_bindings(data, file)


def parse_bindings(data: bytes, file: str) -> Bindings:
    """Return the bindings in the bytes of a TOML file."""
    parsed = parse_document(data, file)
    if isinstance(parsed, Problem):
        return Bindings(file=file, problems=(parsed,))
    document, lines = parsed
    return _Reader(file, lines).read(document)


class _Reader(Reader):
    """Reads one bindings file."""

    def read(self, document: Mapping[str, Any]) -> Bindings:
        known = ("project", "strict", "lookup", "timeout", "stores", "secrets", "rotation")
        self.refuse_unknown((), document, known)
        lookup = self.value((), document, "lookup", list, "a list of stores")
        if lookup is not None and (not lookup or not all(isinstance(name, str) for name in lookup)):
            self.note(("lookup",), "it must be a list of at least one store's name")
            lookup = None
        return Bindings(
            file=self.file,
            project=self.project(document),
            strict=self.value((), document, "strict", bool, "true or false"),
            lookup=DEFAULT_LOOKUP if lookup is None else tuple(lookup),
            timeout=self.duration((), document, "timeout") or DEFAULT_TIMEOUT,
            stores=self.tables(document, "stores", self.store),
            secrets=self.tables(document, "secrets", self.secret),
            rotation=self.rotation(document),
            problems=tuple(self.problems),
            lines=self.lines,
        )

    def project(self, document: Mapping[str, Any]) -> str | None:
        name: str | None = self.value((), document, "project", str, "the project's name")
        if name is None or (name == name.strip() and name.isprintable() and 1 <= len(name) <= LONGEST_PROJECT):
            return name
        self.note(("project",), f"a project's name is 1 to {LONGEST_PROJECT} printable characters")
        return None

    def duration(self, path: tuple[str, ...], table: Mapping[str, Any], key: str) -> float | None:
        text = self.value(path, table, key, str, 'a length of time such as "30s"')
        if text is None:
            return None
        seconds = parse_duration(text)
        if seconds is None:
            self.note(
                (*path, key), "this is no length of time above zero", 'such as "30s", "12h", "90d", "26w" or "P90D"'
            )
        return seconds

    def limit(self, path: tuple[str, ...], table: Mapping[str, Any]) -> Limit | None:
        """Return the limit of `max_age`, `reason` and `until` in a table."""
        reason = self.value(path, table, "reason", str, "a string")
        until = self.day(path, table, "until")
        if "max_age" not in table:
            if "reason" in table or "until" in table:
                self.note(
                    (*path, "reason" if "reason" in table else "until"), "it belongs to a max_age, which is not there"
                )
            return None
        text = self.value(path, table, "max_age", str, 'a limit such as "90d" or "never"')
        if text is None:
            return None
        if text == "never":
            if not (reason or "").strip():
                self.note((*path, "max_age"), '"never" needs a reason', 'add reason = "..."')
            return Limit(seconds=None, reason=reason, until=until.date() if until else None, written=text)
        seconds = parse_duration(text)
        if seconds is None:
            self.note((*path, "max_age"), "this is no limit above zero", '"90d", "12h", "26w", "P90D" or "never"')
            return None
        if "until" in table:
            self.note((*path, "until"), 'an end belongs to an exemption: max_age = "never"')
        return Limit(seconds=seconds, reason=reason, written=text)

    def day(self, path: tuple[str, ...], table: Mapping[str, Any], key: str) -> datetime | None:
        """Return the time of a TOML date or date-time in UTC. Local times are taken as UTC."""
        from datetime import UTC, date, datetime

        value = self.value(path, table, key, date, "a date such as 2026-10-01, without quotes")
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
        try:
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except OverflowError:
            self.note((*path, key), "this moment is before the year 1 or after the year 9999 in UTC")
            return None

    def store(self, name: str, table: Any) -> StoreConfig | None:
        path = ("stores", name)
        if not is_store_name(name):
            self.note(path, "a store's name is small letters, digits and '-', beginning with a letter", known=())
            return None
        if not isinstance(table, dict):
            self.note(path, "it must be a table")
            return None
        provider = self.value(path, table, "provider", str, "a provider's name")
        if provider is not None and not is_store_name(provider):
            self.note((*path, "provider"), "a provider is named by its name alone", "`secretsync providers` lists them")
            return None
        own = ("provider", "key", "max_age", "reason", "until")
        return StoreConfig(
            name=name,
            provider=provider or name,
            key=self.value(path, table, "key", str, "a string"),
            max_age=self.limit(path, table),
            settings={key: value for key, value in table.items() if key not in own},
            line=self.lines.get(path),
        )

    def secret(self, name: str, value: Any) -> Binding | None:
        path = ("secrets", name)
        if not is_entry_name(name):
            self.note(path, "a name is letters, digits and '_', not beginning with a digit", known=())
            return None
        line = self.lines.get(path)
        if isinstance(value, str):
            return Binding(name=name, reference=value, line=line)
        if not isinstance(value, dict):
            self.note(path, 'it must be "store:path" or a table { ref = "store:path", ... }')
            return None
        self.refuse_unknown(path, value, ("ref", "max_age", "reason", "until", "rotated"))
        reference = self.value(path, value, "ref", str, 'a string "store:path"')
        if "ref" not in value:
            self.note(path, "it has no ref", 'add ref = "store:path"')
        limit = self.limit(path, value)
        rotated = self.day(path, value, "rotated")
        if reference is None:
            return None
        return Binding(name=name, reference=reference, max_age=limit, rotated=rotated, line=line)

    def rotation(self, document: Mapping[str, Any]) -> RotationPolicy:
        path = ("rotation",)
        table = self.value((), document, "rotation", dict, "a table") or {}
        self.refuse_unknown(path, table, ("max_age", "reason", "until", "warn_before", "on_unknown", "patterns"))
        on_unknown = self.value(path, table, "on_unknown", str, '"fail" or "warn"')
        if on_unknown not in (None, "fail", "warn"):
            self.note((*path, "on_unknown"), 'it must be "fail" or "warn"')
            on_unknown = None
        patterns = []
        for pattern, value in (self.value(path, table, "patterns", dict, "a table") or {}).items():
            at = (*path, "patterns", pattern)
            if isinstance(value, dict):
                self.refuse_unknown(at, value, ("max_age", "reason", "until"))
                limit = self.limit(at, value)
            else:
                limit = self._pattern_limit(at, value)
            if limit is not None:
                patterns.append((pattern, limit))
        return RotationPolicy(
            max_age=self.limit(path, table),
            warn_before=self.duration(path, table, "warn_before"),
            on_unknown=on_unknown,
            patterns=tuple(patterns),
        )

    def _pattern_limit(self, at: tuple[str, ...], value: Any) -> Limit | None:
        seconds = parse_duration(value) if isinstance(value, str) else None
        if seconds is None:
            hint = '"365d", or { max_age = "never", reason = "..." }'
            self.note(at, "this is no limit above zero", hint)
            return None
        return Limit(seconds=seconds, written=value)
