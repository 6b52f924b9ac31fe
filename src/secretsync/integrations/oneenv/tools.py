"""Classes with the names that programs around OneEnv have: SecureConfig, ConfigAuditor, ConfigTracker."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from secretsync.audit.collect import audit_plan
from secretsync.audit.formats.json_ import as_json
from secretsync.audit.formats.text import as_text
from secretsync.audit.report import AuditReport
from secretsync.config.config import Config
from secretsync.core.secret import AnyEnviron, Environ
from secretsync.core.system.atomic_write import write_file
from secretsync.core.text import printable
from secretsync.core.timestamps import format_timestamp
from secretsync.integrations.oneenv.environments import load
from secretsync.planning.request import ConfigRequest, load_plan
from secretsync.resolving.stores import StoreAccess
from secretsync.tracking.compare import compare
from secretsync.tracking.history import HistoryRecord
from secretsync.tracking.track import history_file, records_of, track


class SecureConfig:
    """The configuration of one environment, which is also in `oneenv.env()` afterwards. No value is logged."""

    __slots__ = ("config", "environment")

    def __init__(self, environment: str | None = None, *, config: Config | None = None) -> None:
        """Load `environment` as `load` does, or take `config`, the result of `load`."""
        self.config = load(environment) if config is None else config
        self.environment = self.config.environment

    def __repr__(self) -> str:
        return f"<SecureConfig {self.environment or 'files'}>"

    def get(self, key: str, default: Any = None, service: str | None = None) -> Any:
        """Return the value of `key`; `default` if no env file and no variable has it."""
        return self.config.get(key, default, service=service)

    def get_bool(self, key: str, default: bool = False, service: str | None = None) -> bool:  # noqa: FBT001, FBT002 - OneEnv's order
        """Return a boolean. Raises ValueTypeError if the value is not one."""
        return self.config.get_bool(key, default, service=service)

    def get_int(self, key: str, default: int = 0, service: str | None = None) -> int:
        """Return a whole number. Raises ValueTypeError if the value is not one."""
        return self.config.get_int(key, default, service=service)

    def get_database_url(self) -> str:
        """Return DATABASE_URL of the service `database`, else of the configuration, else of the process environment.

        In a strict environment the process environment has precedence, as in AppConfig. Raises ConfigurationError if
        there is no value.
        """
        key, service = "DATABASE_URL", "database" if "database" in self.config.services else None
        inherited = self.config.inherited(key) if self.config.is_strict else None
        url = inherited or self.config.get(key, service=service)
        if not url:
            self.config.require({key: "the URL of the database"})
        return str(url)

    def validate_required_settings(self, required_keys: Mapping[str, str]) -> None:
        """Raise ConfigurationError that lists every key of `required_keys` without a value, with its purpose."""
        self.config.require(required_keys)


class ConfigAuditor:
    """The audit of one environment, without a request to a store."""

    __slots__ = ("_environment", "_root")

    def __init__(self, environment: str | None = None, *, root: str | None = None) -> None:
        """Name the environment and the folder of the project, as in `resolve_config`."""
        self._environment, self._root = environment, root

    def audit_security_settings(self) -> dict[str, Any]:
        """Return the document of `secretsync audit --format json`: checks, warnings, errors, and no value."""
        document: dict[str, Any] = json.loads(as_json([self._report()]))
        return document

    def generate_audit_report(self) -> str:
        """Return the text of `secretsync audit`."""
        return as_text([self._report()])

    def save_audit_log(self, filename: str | None = None) -> str:
        """Write the document to `filename`, readable by its owner only; return the name of the file."""
        report = self._report()
        name = filename or f"audit-{report.environment}-{report.at:%Y%m%dT%H%M%SZ}.json"
        write_file(name, as_json([report]).encode("utf-8"))
        return name

    def _report(self) -> AuditReport:
        environ = AnyEnviron(Environ(os.environ))
        plan = load_plan(ConfigRequest(environment=self._environment, root=self._root), environ)
        return audit_plan(plan, environ, at=datetime.now(UTC))


class ConfigTracker:
    """The recorded states of one environment: keys, settings, references, and versions of secrets in their stores."""

    __slots__ = ("_environment", "_offline", "_path", "_root")

    def __init__(
        self,
        tracking_file: str | None = None,
        *,
        environment: str | None = None,
        root: str | None = None,
        offline: bool = False,
    ) -> None:
        """Name the history.

        tracking_file: None means the file that `secretsync track` writes.
        offline: True if no store is asked, so that the record does not have versions.
        The other arguments are as in `resolve_config`.
        """
        self._path, self._environment, self._root, self._offline = tracking_file, environment, root, offline

    def track_changes(self) -> bool:
        """Record the present state if it differs from the last record; return True if it was recorded."""
        environ = Environ(os.environ)
        plan = load_plan(self._request(), AnyEnviron(environ))
        path = history_file(plan.project, self._path)
        access = None if self._offline else StoreAccess(environ, are_kept=True)
        tracked = track(plan, environ, path=path, access=access)
        time = format_timestamp(tracked.record.time)
        text = f"recorded at {time}" if tracked.is_new else f"nothing has changed since {time}"
        sys.stdout.write(f"{plan.project.label}: {text}\n")
        return tracked.is_new

    def show_diff(self) -> None:
        """Print what changed between the last two records, a line for each key and kind of change."""
        plan = load_plan(self._request(), AnyEnviron(Environ(os.environ)))
        records = records_of(plan.project, history_file(plan.project, self._path))
        if len(records) < 2:
            sys.stdout.write(f"{plan.project.label}: there are fewer than two records\n")
            return
        before, after = records[-2:]
        sys.stdout.write(_format_changes(before, after))

    def _request(self) -> ConfigRequest:
        return ConfigRequest(environment=self._environment, root=self._root)


def _format_changes(before: HistoryRecord, after: HistoryRecord) -> str:
    """Return a line for each difference of two records, which hold no value of a secret."""
    lines = [f"--- {format_timestamp(before.time)}", f"+++ {format_timestamp(after.time)}"]
    comparison = compare(before.state, after.state)
    for change in comparison.changes:
        lines += [printable(f"{change.entry.file}: {change.entry.key}: {kind}") for kind in change.kinds]
    lines += [printable(f"store {one.after.name}: changed") for one in comparison.stores]
    return "".join(f"{line}\n" for line in lines)
