"""Ages of secrets as one HTML page: each secret's life from its creation to its limit, on one axis of time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from secretsync.core.durations import format_duration
from secretsync.core.model import Clock
from secretsync.core.text import count_of
from secretsync.core.timestamps import format_timestamp
from secretsync.rotation.age_rules import State
from secretsync.rotation.formats.document import Document
from secretsync.rotation.formats.style import STYLE
from secretsync.rotation.formats.timeline import Axis, axis_of, escaped, grid, later, life, ticks, when
from secretsync.rotation.report import RotationReport, SecretAge, worst_first

# Each colour has a sign, because some people cannot tell the colours apart.
_SIGNS = {
    State.MISSING: "∅",
    State.DENIED: "⊘",
    State.ERROR: "✕",
    State.STALE: "↺",
    State.EXPIRED: "✕",
    State.OVERDUE: "!",
    State.UNKNOWN: "?",
    State.DUE: "◔",
    State.OK: "✓",
    State.DYNAMIC: "↻",
    State.EXEMPT: "∞",
}


_MEANINGS = {
    State.MISSING: "its store does not have it, or it cannot be used",
    State.DENIED: "this process may not read its metadata",
    State.ERROR: "its store did not give a usable answer",
    State.STALE: "a process was started with another version",
    State.EXPIRED: "its store's own date, or its exemption, has passed",
    State.OVERDUE: "older than its limit",
    State.UNKNOWN: "its age is not known",
    State.DUE: "close to its limit",
    State.OK: "younger than its limit",
    State.DYNAMIC: "its store makes one for each reader",
    State.EXEMPT: "it does not have a limit, for a reason",
}


def render(document: Document) -> str:
    """Return a page without scripts, fonts or pictures."""
    axis = axis_of(document)
    body = "".join(_environment(report, axis, number) for number, report in enumerate(document.worst_first))
    title = f"Secret rotation: {document.names}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>{escaped(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>Secret rotation: {escaped(document.names)}</h1>
<p class="at">as of <time datetime="{format_timestamp(document.at)}">{when(document.at)}</time></p>
<p class="headline">{_headline(document)}</p>
{_chips(document.summary)}
{_legend(document)}
</header>
{_overview(document) if document.is_merged else ""}{body}<footer>
<p>Ages come from the stores' metadata; no value was read. Times are UTC.</p>
</footer>
</body>
</html>
"""


def _headline(document: Document) -> str:
    """Return the one sentence that a reader needs most."""
    summary = document.summary
    total = sum(summary.values())
    bad = sum(
        summary.get(state, 0)
        for state in State
        if state.value in ("missing", "denied", "error", "stale", "expired", "overdue")
    )
    unknown = summary[State.UNKNOWN]
    parts = []
    if bad:
        parts.append(f"<strong>{bad} of {total} secrets</strong> need{'s' if bad == 1 else ''} attention now.")
    elif total > 1:
        parts.append(f"<strong>None of {total} secrets is overdue.</strong>")
    elif total:
        parts.append("<strong>The one secret is not overdue.</strong>")
    else:
        parts.append("<strong>There is no secret.</strong>")
    if unknown:
        parts.append(f"The age of {unknown} is unknown.")
    if upcoming := _next(document):
        parts.append(upcoming)
    return " ".join(parts)


def _next(document: Document) -> str | None:
    """Return a sentence about the limit that is reached next; None if every limit is reached already."""
    waiting = [
        (one.seconds_left, one.key_names + (f" of {report.label}" if len(document.reports) > 1 else ""))
        for report in document.reports
        for one in report.secrets
        if one.seconds_left is not None and one.seconds_left > 0 and one.state in (State.OK, State.DUE)
    ]
    if not waiting:
        return None
    seconds, names = min(waiting)
    moment = later(document.at.astimezone(UTC), seconds)
    return f"Next is {escaped(names)}, in {format_duration(seconds)}, on {moment:%-d %B %Y}."


def _overview(document: Document) -> str:
    """Return a table of the reports of a merge, the worst first."""
    rows = "".join(
        f'<tr><td><a href="#r{number}">{escaped(report.project)}</a></td><td>{escaped(report.environment)}</td>'
        f"<td>{when(report.at)}{_outdated(report)}</td><td>{_chips(report.summary)}</td></tr>\n"
        for number, report in enumerate(document.worst_first)
    )
    return f"""<table class="overview">
<caption>{escaped(document.totals)}</caption>
<thead><tr><th>project</th><th>environment</th><th>report of</th><th>secrets</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
"""


def _outdated(report: RotationReport) -> str:
    return "" if report.outdated is None else f" <strong>out of date, {format_duration(report.outdated)} old</strong>"


def _chips(summary: Mapping[State, int]) -> str:
    chips = [
        f'<li class="chip {state.value}"><b>{count}</b> {_SIGNS[state]} {state.value}</li>'
        for state, count in summary.items()
        if count
    ]
    return f'<ul class="chips">{"".join(chips)}</ul>'


def _legend(document: Document) -> str:
    """Return the meaning of the bars and marks, and of the states that the page shows."""
    states = "".join(
        f'<li class="{state.value}"><b>{_SIGNS[state]} {state.value}</b> {_MEANINGS[state]}</li>'
        for state, count in document.summary.items()
        if count
    )
    return f"""<div class="legend">
<h2>Legend</h2>
<ul class="marks"><li class="mark"><span class="key past"></span> age</li>
<li class="mark"><span class="key future"></span> until the limit</li>
<li class="mark"><span class="key over"></span> over the limit</li>
<li class="mark"><span class="key limit"></span> the limit</li>
<li class="mark"><span class="key expiry"></span> the store's own expiry</li></ul>
<ul class="states">{states}</ul>
</div>"""


def _environment(report: RotationReport, axis: Axis, number: int) -> str:
    rows = "".join(_row(secret, axis) for secret in worst_first(report.secrets))
    count = len(report.secrets)
    empty = "" if rows else '<p class="empty">No entry of this environment refers to a secret.</p>'
    return f"""<section id="r{number}">
<h2>{escaped(report.label)} <small>{count_of(count, "secret")}{_outdated(report)}</small></h2>
<div class="axis" aria-hidden="true"><div class="scale">{ticks(axis)}</div></div>
<ol class="rows">{grid(axis)}{rows}</ol>{empty}
</section>
"""


def _row(secret: SecretAge, axis: Axis) -> str:
    state = secret.state.value
    places = "; ".join([secret.reference, *(f"{key.name} at {key.file}:{key.line}" for key in secret.keys)])
    names = escaped(secret.key_names or secret.reference)
    note = f'<p class="note">{escaped(secret.hint)}</p>' if secret.hint else ""
    return f"""
<li class="row {state}">
<div class="who" title="{escaped(places)}"><b>{names}</b><code>{escaped(secret.reference)}</code></div>
<div class="track" role="img" aria-label="{escaped(_aria(secret))}">{life(secret, axis)}</div>
<div class="what"><span class="pill {state}">{_SIGNS[secret.state]} {state}</span>
<span class="left">{_time_left(secret)}</span></div>
{_dates(secret)}{note}</li>"""


def _dates(secret: SecretAge) -> str:
    """Return the dates of a secret as text, for screens without the axis."""
    parts = []
    if secret.created is not None:
        parts.append(f"created {secret.created.astimezone(UTC):%-d %B %Y}")
        if secret.limit.seconds is not None:
            deadline = later(secret.created.astimezone(UTC), secret.limit.seconds)
            parts.append(f"limit {secret.limit.written}: {deadline:%-d %B %Y}")
    if secret.expires is not None:
        parts.append(f"expires {secret.expires.astimezone(UTC):%-d %B %Y}")
    return f'<p class="dates">{escaped(", ".join(parts))}</p>' if parts else ""


def _time_left(secret: SecretAge) -> str:
    seconds = secret.seconds_left
    if seconds is None:
        return ""
    if seconds <= 0:
        return f"{format_duration(seconds)} over" if seconds else "limit reached"
    return f"{format_duration(seconds)} left"


def _aria(secret: SecretAge) -> str:
    if secret.age is None or secret.created is None:
        return f"{secret.state.value}: no age"
    clock = secret.clock.value if secret.clock is not Clock.NONE else "made"
    return f"{format_duration(secret.age)} old ({clock} {when(secret.created)}), limit {secret.limit.written}"
