"""Show where each value comes from: file and line, reference, store, version, age.

Settings are shown, secrets are masked. No store is asked for the value of a secret.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from secretsync.cli import console
from secretsync.cli.loading import open_plan, store_access
from secretsync.cli.options import add_format, add_option, add_source
from secretsync.core.errors import ProblemKind, UsageError
from secretsync.core.reporting.terminal import Colour
from secretsync.core.text import count_of, is_shown, suggestion
from secretsync.inspection.explain import NOT_ASKED, OriginRow, Row, explain_plan
from secretsync.planning.plan import Plan

USAGE = "[KEY] [-e NAME] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync explain -e production SECRET_KEY"

_WIDEST = 48  # characters of a setting that a table shows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `explain`."""
    parser.add_argument("key", metavar="KEY", nargs="?", help="only this key, in every scope that has it")
    add_source(parser)
    add_option(parser, "--inherited-wins")
    add_option(parser, "--offline")
    add_format(parser)


def execute(options: argparse.Namespace) -> int:
    """Return 0, because `check` is the command that reports missing secrets."""
    plan, environ = open_plan(options, has_default=True)
    rows = explain_plan(plan, store_access(options, environ), is_offline=options.offline)
    if not options.offline and not options.quiet:
        _warn_of_unusable(rows)
    if options.key is not None:
        rows = _only(options.key, rows, plan)
    if not options.quiet:
        _warn_of_failures(rows)
    if options.format == "json":
        entries = [_as_json(row) for row in sorted(rows, key=lambda row: (row.service or "", row.key))]
        print(
            console.format_json({"project": plan.project_name, "environment": plan.project.label, "entries": entries})
        )
        return 0
    now = datetime.now(UTC)
    print(f"{plan.project.label} ({'strict' if plan.is_strict else 'lenient'})\n")
    cells = [(row.service or "-", row.key, _shown(row), _place(row), _from(row, now)) for row in rows]
    colours = [{4: Colour.MAGENTA} if _has_failed(row) else {} for row in rows]
    print(console.format_table(("SERVICE", "KEY", "VALUE", "FILE", "FROM"), cells, colours))
    console.print_summary(_summary(rows))
    return 0


def _warn_of_unusable(rows: tuple[Row, ...]) -> None:
    """Print why a store cannot be asked, once for each store. Its secrets are explained from the files alone."""
    unusable = {(one.store, one.setup or "") for row in rows for one in row.origins if one.status == NOT_ASKED}
    for store, cause in sorted(unusable):
        console.warn(f"{store}: not asked: {cause}")


def _has_failed(row: Row) -> bool:
    return any(origin.status not in ("found", "default", NOT_ASKED) for origin in row.origins)


def _summary(rows: tuple[Row, ...]) -> str:
    counts = [count_of(sum(row.is_secret for row in rows), "secret")]
    failed = sum(map(_has_failed, rows))
    if failed:
        counts.append(f"{failed} not found (`secretsync check` shows the reasons)")
    return f"{count_of(len(rows), 'entry', 'entries')}: {', '.join(counts)}"


def _warn_of_failures(rows: tuple[Row, ...]) -> None:
    """Print why stores denied requests or did not answer, each cause once."""
    kinds = (ProblemKind.DENIED.value, ProblemKind.UNAVAILABLE.value)
    failed = {(one.store, one.status, one.cause or "") for row in rows for one in row.origins if one.status in kinds}
    for store, status, cause in sorted(failed):
        console.warn(f"{store}: {status}: {cause}")


def _only(key: str, rows: tuple[Row, ...], plan: Plan) -> tuple[Row, ...]:
    found = tuple(row for row in rows if row.key == key)
    if not found:
        known = {row.key for row in rows}
        hint = suggestion(key, known, "`secretsync explain` lists all keys")
        name = key if is_shown(key, known) else "of this name"
        raise UsageError(f"{plan.project.label} has no key {name}; {hint}")
    return found


def _shown(row: Row) -> str:
    if row.shown is None:
        return "(no value)"
    return row.shown if len(row.shown) <= _WIDEST else f"{row.shown[: _WIDEST - 1]}…"


def _place(row: Row) -> str:
    return f"{row.file}:{row.line}" if row.line else row.file


def _from(row: Row, now: datetime) -> str:
    return ", ".join(_origin(origin, now) for origin in row.origins) or "written there"


def _origin(origin: OriginRow, now: datetime) -> str:
    if origin.status == "default":
        return f"default ({origin.reference} is missing)"
    if origin.status == NOT_ASKED:
        return f"{origin.reference} (not asked)"
    if origin.status != "found":
        return f"{origin.reference} {origin.status.upper()}"
    parts = [origin.reference]
    if origin.version is not None:
        parts.append(f"version {origin.version}")
    if origin.created is not None:
        parts.append(f"{max(0, (now - origin.created).days)} d old")
    return parts[0] if len(parts) == 1 else f"{parts[0]} ({', '.join(parts[1:])})"


def _as_json(row: Row) -> dict[str, object]:
    return {
        "key": row.key,
        "service": row.service,
        "file": row.file,
        "line": row.line,
        "secret": row.is_secret,
        "origins": [
            {
                "reference": origin.reference,
                "store": origin.store,
                "provider": origin.provider,
                "version": origin.version,
                "status": origin.status,
            }
            for origin in row.origins
        ],
    }
