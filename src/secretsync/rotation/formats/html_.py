"""One HTML page for people: each secret's life from its creation to its limit, on one axis of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import escape

from secretsync.core.durations import format_duration
from secretsync.core.errors import printable
from secretsync.core.model import Clock
from secretsync.core.records import Record
from secretsync.core.text import count_of
from secretsync.core.timestamps import format_timestamp
from secretsync.rotation.age_rules import State
from secretsync.rotation.formats.document import Document
from secretsync.rotation.formats.style import STYLE
from secretsync.rotation.report import RotationReport, SecretAge, worst_first

__all__ = ["render"]

_DAY = 86400
# Seconds that the axis shows at least and at most on either side of the report's moment; what goes on beyond is cut.
_PAST = (30 * _DAY, 400 * _DAY)
_FUTURE = (30 * _DAY, 370 * _DAY)

# A sign beside each colour: not everybody tells them apart.
_SIGNS = {
    State.MISSING: "∅",
    State.DENIED: "⊘",
    State.ERROR: "✕",
    State.EXPIRED: "✕",
    State.OVERDUE: "!",
    State.UNKNOWN: "?",
    State.DUE: "◔",
    State.OK: "✓",
    State.DYNAMIC: "↻",
    State.EXEMPT: "∞",
}


class _Axis(Record):
    """From which moment to which the page reaches."""

    begin: datetime
    end: datetime
    now: datetime

    def at(self, moment: datetime) -> float:
        """Where `moment` is, in percent of the width; the edge where it lies beyond."""
        share = (moment - self.begin) / (self.end - self.begin)
        return round(100 * min(1.0, max(0.0, share)), 3)


def render(document: Document) -> str:
    """A page that needs nothing else: no script, no font and no picture from anywhere."""
    axis = _axis(document)
    body = "".join(_environment(report, axis) for report in document.reports)
    title = "Secret rotation: " + ", ".join(report.environment for report in document.reports)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>{_text(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>Secret rotation</h1>
<p class="at">as of <time datetime="{format_timestamp(document.at)}">{_when(document.at)}</time></p>
<p class="headline">{_headline(document)}</p>
{_chips(document)}
</header>
{body}<footer>
<p><span class="key past"></span> age <span class="key future"></span> until the limit
<span class="key over"></span> over the limit <span class="key limit"></span> the limit
<span class="key expiry"></span> the store's own expiry</p>
<p>Ages come from the stores' metadata; no value was read. Times are UTC.</p>
</footer>
</body>
</html>
"""


def _axis(document: Document) -> _Axis:
    now = document.at.astimezone(UTC)
    secrets = [secret for report in document.reports for secret in report.secrets]
    ages = [one.age for one in secrets if one.age is not None]
    left = [one.seconds_left for one in secrets if one.seconds_left is not None]
    # Three of four secrets whole, and a little air behind the last mark: one very old one would squeeze all others.
    past = min(max(_PAST[0], _most(ages)) * 1.12, _PAST[1])
    future = min(max([_FUTURE[0], *left]) * 1.08, _FUTURE[1])
    return _Axis(_later(now, -past), _later(now, future), now)


def _most(lengths: list[int]) -> int:
    """The length that three of four do not exceed."""
    return sorted(lengths)[(len(lengths) - 1) * 3 // 4] if lengths else 0


def _headline(document: Document) -> str:
    """What somebody who reads one sentence should know."""
    summary = document.summary
    total = sum(summary.values())
    bad = sum(summary[state] for state in State if state.value in ("missing", "denied", "error", "expired", "overdue"))
    unknown = summary[State.UNKNOWN]
    parts = []
    if bad:
        parts.append(f"<strong>{bad} of {total} secrets</strong> need{'s' if bad == 1 else ''} somebody now.")
    elif total > 1:
        parts.append(f"<strong>None of {total} secrets is overdue.</strong>")
    elif total:
        parts.append("<strong>The one secret is not overdue.</strong>")
    else:
        parts.append("<strong>There is no secret.</strong>")
    if unknown:
        parts.append(f"Nobody knows the age of {unknown}.")
    if upcoming := _next(document):
        parts.append(upcoming)
    return " ".join(parts)


def _next(document: Document) -> str | None:
    """Which limit is reached next."""
    waiting = [
        (one.seconds_left, _names(one) + (f" of {report.environment}" if len(document.reports) > 1 else ""))
        for report in document.reports
        for one in report.secrets
        if one.seconds_left is not None and one.seconds_left > 0 and one.state in (State.OK, State.DUE)
    ]
    if not waiting:
        return None
    left, names = min(waiting)
    moment = _later(document.at.astimezone(UTC), left)
    return f"Next is {_text(names)}, in {format_duration(left)}, on {moment:%-d %B %Y}."


def _chips(document: Document) -> str:
    chips = [
        f'<li class="chip {state.value}"><b>{count}</b> {_SIGNS[state]} {state.value}</li>'
        for state, count in document.summary.items()
        if count
    ]
    return f'<ul class="chips">{"".join(chips)}</ul>'


def _environment(report: RotationReport, axis: _Axis) -> str:
    rows = "".join(_row(secret, axis) for secret in worst_first(report.secrets))
    count = len(report.secrets)
    empty = "" if rows else '<p class="empty">No entry of this environment refers to a secret.</p>'
    return f"""<section>
<h2>{_text(report.environment)} <small>{count_of(count, "secret")}</small></h2>
<div class="axis" aria-hidden="true"><div class="scale">{_ticks(axis)}</div></div>
<ol class="rows">{_grid(axis)}{rows}</ol>{empty}
</section>
"""


def _grid(axis: _Axis) -> str:
    """The lines of the axis behind all rows."""
    lines = "".join(f'<i style="left:{axis.at(moment)}%"></i>' for moment in _months(axis))
    now = f'<i class="nowline" style="left:{axis.at(axis.now)}%"></i>'
    return f'<li class="grid" aria-hidden="true"><div class="lines">{lines}{now}</div></li>'


def _months(axis: _Axis) -> list[datetime]:
    """The first day of each month, of every other or of each quarter: what does not stand too close."""
    days = (axis.end - axis.begin).total_seconds() / _DAY
    step = 1 if days < 330 else 2 if days < 500 else 3
    year, month = axis.begin.year, axis.begin.month
    found: list[datetime] = []
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        if (year, month) > (axis.end.year, axis.end.month):
            return found
        moment = datetime(year, month, 1, tzinfo=UTC)
        if moment < axis.end and (month - 1) % step == 0:
            found.append(moment)


def _ticks(axis: _Axis) -> str:
    """The names of the months; and the moment itself."""
    ticks: list[str] = []
    year = None
    now = axis.at(axis.now)
    for moment in _months(axis):
        place = axis.at(moment)
        # Not where the word for now stands, nor half out at the edge.
        if abs(place - now) > 10 and 2 < place < 97:
            name = f"{moment:%b}" if moment.year == year else f"{moment:%b %Y}"
            year = moment.year
            ticks.append(f'<span class="tick" style="left:{place}%">{name}</span>')
    return "".join(ticks) + f'<span class="tick now" style="left:{now}%">{axis.now:%-d %b}</span>'


def _row(secret: SecretAge, axis: _Axis) -> str:
    state = secret.state.value
    places = "; ".join([secret.reference, *(f"{key.name} at {key.file}:{key.line}" for key in secret.keys)])
    said = _said(secret)
    note = f'<p class="note">{_text(said)}</p>' if said else ""
    return f"""
<li class="row {state}">
<div class="who" title="{_text(places)}"><b>{_text(_names(secret))}</b><code>{_text(secret.reference)}</code></div>
<div class="track" role="img" aria-label="{_text(_aria(secret))}">{_bars(secret, axis)}</div>
<div class="what"><span class="pill {state}">{_SIGNS[secret.state]} {state}</span>
<span class="left">{_left(secret)}</span></div>
{note}</li>"""


def _bars(secret: SecretAge, axis: _Axis) -> str:
    """Its life on the axis: what is behind it, what is left, what is over; and the line of the moment."""
    now = axis.at(axis.now)
    parts = []
    if secret.created is None or secret.age is None or secret.limit.seconds is None or secret.seconds_left is None:
        parts.append(_without_limit(secret, axis))
    else:
        begin = axis.at(secret.created)
        cut = " cut" if secret.created < axis.begin else ""
        deadline = _later(secret.created, secret.limit.seconds)
        limit = axis.at(deadline)
        if secret.seconds_left > 0:
            parts.append(_span(f"past{cut}", begin, now))
            parts.append(_span("future" + (" cutend" if deadline > axis.end else ""), now, limit))
        else:
            parts.append(_span(f"past{cut}", begin, limit))
            parts.append(_span("over" + (" cut" if deadline < axis.begin else ""), limit, now))
        if axis.begin <= deadline <= axis.end:
            title = f"limit {secret.limit.written} ({secret.limit_from}): {_when(deadline)}"
            parts.append(f'<i class="limit" style="left:{limit}%" title="{_text(title)}"></i>')
    if secret.expires is not None and axis.begin <= secret.expires <= axis.end:
        title = f"expires {_when(secret.expires)}"
        parts.append(f'<i class="expiry" style="left:{axis.at(secret.expires)}%" title="{_text(title)}"></i>')
    return "".join(parts)


def _without_limit(secret: SecretAge, axis: _Axis) -> str:
    if secret.state is State.DYNAMIC:
        return '<em style="left:0">made anew for each reader</em>'
    if secret.created is not None and secret.created <= axis.now:
        cut = " cut" if secret.created < axis.begin else ""
        return _span(f"past{cut}", axis.at(secret.created), axis.at(axis.now))
    return '<em style="left:0">no date</em>' if secret.limit.seconds is not None else '<em style="left:0">no limit</em>'


def _span(kind: str, begin: float, end: float) -> str:
    return f'<i class="{kind}" style="left:{begin}%;width:{round(max(end - begin, 0.0), 3)}%"></i>'


def _left(secret: SecretAge) -> str:
    left = secret.seconds_left
    if left is None:
        return ""
    if left <= 0:
        return f"{format_duration(left)} over" if left else "limit reached"
    return f"{format_duration(left)} left"


def _said(secret: SecretAge) -> str:
    """What stands under the row; an age that is right needs no words."""
    return "; ".join(
        [*(f"{one.cause}; {one.hint}" if one.hint else one.cause for one in secret.findings), *secret.hints]
    )


def _aria(secret: SecretAge) -> str:
    if secret.age is None or secret.created is None:
        return f"{secret.state.value}: no age"
    clock = secret.clock.value if secret.clock is not Clock.NONE else "made"
    return f"{format_duration(secret.age)} old ({clock} {_when(secret.created)}), limit {secret.limit.written}"


def _names(secret: SecretAge) -> str:
    return ", ".join(dict.fromkeys(key.name for key in secret.keys))


def _later(moment: datetime, seconds: float) -> datetime:
    """`moment` (in UTC) and so many seconds, or the last or the first moment that there is."""
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if seconds > 0 else datetime.min.replace(tzinfo=UTC)


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _text(text: str) -> str:
    """`text` as HTML shows it, in an element or an attribute; what is not printable as an escape."""
    return escape(printable(text), quote=True)
