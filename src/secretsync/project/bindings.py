"""Define the content of providers/<environment>.toml: stores, bindings and the rotation policy."""

from __future__ import annotations

from secretsync.core.errors import Problem
from secretsync.core.light import MappingProxyType
from secretsync.core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime
    from typing import Any

DEFAULT_LOOKUP = ("docker", "env")
DEFAULT_TIMEOUT = 30.0  # seconds
_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Limit(Record, kw_only=True):
    """The maximum age of a secret."""

    seconds: float | None  # None: for ever
    reason: str | None = None
    until: date | None = None  # an exemption's last day
    written: str = ""  # as it is written in the file


class StoreConfig(Record, kw_only=True):
    """One configured store. Its settings are checked against its provider by the plan."""

    name: str
    provider: str
    key: str | None = None  # how a bare name becomes a reference here; None: as the provider does it
    max_age: Limit | None = None
    settings: Mapping[str, Any] = _NOTHING
    line: int | None = None


class Binding(Record, kw_only=True):
    """The place of the secret of one name, and its greatest age."""

    name: str
    reference: str  # as written; the plan parses it
    max_age: Limit | None = None
    rotated: datetime | None = None  # declared, for stores without a clock
    line: int | None = None


class RotationPolicy(Record, kw_only=True):
    """The content of `[rotation]`."""

    max_age: Limit | None = None
    warn_before: float | None = None  # seconds
    on_unknown: str | None = None  # "fail" or "warn"; None: by strictness
    patterns: tuple[tuple[str, Limit], ...] = ()

    __slots__ = ("_globs",)

    def limits_of(self, name: str) -> list[tuple[str, Limit]]:
        """Return the patterns that match a name, with their limits."""
        from secretsync.core.globs import Globs, remembered  # Imported only for ages.

        index: Globs = remembered(self, "_globs", lambda: Globs(pattern for pattern, _ in self.patterns))
        return [self.patterns[position] for position in index.matching(name)]


class Bindings(Record, kw_only=True):
    """The content of a bindings file, and its problems."""

    file: str | None = None  # as shown to people; None if there is no file
    project: str | None = None  # the name in reports; None: the name of the root folder
    strict: bool | None = None
    lookup: tuple[str, ...] = DEFAULT_LOOKUP
    timeout: float = DEFAULT_TIMEOUT
    stores: Mapping[str, StoreConfig] = _NOTHING
    secrets: Mapping[str, Binding] = _NOTHING
    rotation: RotationPolicy = RotationPolicy()
    problems: tuple[Problem, ...] = ()
    lines: Mapping[tuple[str, ...], int] = _NOTHING

    _unseen = ("lines",)

    def project_name(self, root: str) -> str:
        """Return the name of the project in reports. `root`: the absolute path of its root folder."""
        return self.project or root.rstrip("/").rpartition("/")[2] or "root"

    def problem(
        self, path: Sequence[str], cause: str, hint: str | None = None, *, known: Collection[str] | None = None
    ) -> Problem:
        """Return the problem at one key of the file; `known` as in `key_problem`."""
        # Imported only if there is a problem, because most starts have no bindings file.
        from secretsync.project.toml_reader import key_problem

        return key_problem(self.file, self.lines, path, cause, hint, known=known)
