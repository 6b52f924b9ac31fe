"""A policy: required keys, conditions for values, and findings that are ignored for a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from secretsync.core.errors import Problem
from secretsync.core.names import SensitiveNames
from secretsync.core.records import Record
from secretsync.policy.findings import RuleFinding
from secretsync.policy.rules import Severity

if TYPE_CHECKING:
    from datetime import date

    from secretsync.policy.findings import RuleFinding


class Requirement(Record, kw_only=True):
    """A key that must have a value."""

    key: str
    description: str
    service: str | None = None  # None: common.env or security.env
    environment: bool = False  # True: a variable of the process environment is enough
    line: int | None = None
    service_line: int | None = None


class Check(Record, kw_only=True):
    """A condition for the value of a key, in every scope that defines the key."""

    key: str
    kind: str  # one of CHECK_RULES
    parameter: Any
    rule: str
    severity: Severity = Severity.ERROR
    message: str | None = None
    service: str | None = None  # None: wherever the key is defined
    line: int | None = None
    service_line: int | None = None

    _unseen = ("parameter",)  # because people may write a secret into `equals`


class Ignore(Record, kw_only=True):
    """Findings that are not reported, and the reason."""

    rule: str
    reason: str
    key: str | None = None  # globs; None: any
    file: str | None = None
    until: date | None = None  # the last day
    line: int | None = None

    def covers(self, finding: RuleFinding, today: date) -> bool:
        """Return True if this entry names the finding and has not expired."""
        from fnmatch import fnmatchcase

        return (
            self.rule == finding.rule
            and (self.key is None or fnmatchcase(finding.key or "", self.key))
            and (self.file is None or fnmatchcase(finding.file or "", self.file))
            and (self.until is None or today <= self.until)
        )


class Policy(Record, kw_only=True):
    """The content of a policy file, and its problems."""

    file: str | None = None  # as shown to people; None: there is no policy file
    required: tuple[Requirement, ...] = ()
    checks: tuple[Check, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    names: SensitiveNames = SensitiveNames()
    problems: tuple[Problem, ...] = ()

    def is_sensitive(self, name: str) -> bool:
        """Return True if a value with this name is a secret."""
        return self.names.is_sensitive(name)

    __slots__ = ("_ignores",)

    def ignored_by(self, finding: RuleFinding, today: date) -> Ignore | None:
        """Return the first entry that names `finding` and has not expired, or None."""
        from secretsync.core.globs import remembered

        if not self.ignores:
            return None
        groups: Mapping[str, _Ignores] = remembered(self, "_ignores", self._by_rule)
        group = groups.get(finding.rule)
        return None if group is None else group.first(finding, today)

    def _by_rule(self) -> Mapping[str, _Ignores]:
        groups: dict[str, list[Ignore]] = {}
        for ignore in self.ignores:
            groups.setdefault(ignore.rule, []).append(ignore)
        return {rule: _Ignores(ignores) for rule, ignores in groups.items()}


class _Ignores:
    """The ignored findings of one rule."""

    def __init__(self, ignores: Sequence[Ignore]) -> None:
        from secretsync.core.globs import Globs

        self.keyed = [ignore for ignore in ignores if ignore.key is not None]
        self.others = [ignore for ignore in ignores if ignore.key is None]
        self.keys = Globs(ignore.key or "" for ignore in self.keyed)
        self.files = Globs(ignore.file or "*" for ignore in self.others)
        self.order = {id(ignore): index for index, ignore in enumerate(ignores)}

    def first(self, finding: RuleFinding, today: date) -> Ignore | None:
        """Return the first that names the finding and has not expired, or None."""
        candidates = [self.keyed[index] for index in self.keys.matching(finding.key or "")]
        candidates += [self.others[index] for index in self.files.matching(finding.file or "")]
        candidates.sort(key=lambda ignore: self.order[id(ignore)])
        return next((ignore for ignore in candidates if ignore.covers(finding, today)), None)
