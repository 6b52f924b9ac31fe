"""The axis of time on the HTML page, and the life of one secret on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import escape

from secretsync.core.records import Record
from secretsync.core.text import printable
from secretsync.rotation.age_rules import State
from secretsync.rotation.formats.document import Document
from secretsync.rotation.report import SecretAge

_DAY = 86400
# The least and the most seconds that the axis shows before and after the time of the report. Longer bars are cut.
_PAST = (30 * _DAY, 400 * _DAY)
_FUTURE = (30 * _DAY, 370 * _DAY)


class Axis(Record):
    """The time that the page covers."""

    begin: datetime
    end: datetime
    now: datetime

    def at(self, moment: datetime) -> float:
        """Return the position of `moment` in percent of the width, at most the edges."""
        share = (moment - self.begin) / (self.end - self.begin)
        return round(100 * min(1.0, max(0.0, share)), 3)


def axis_of(document: Document) -> Axis:
    """Return an axis on which three of four secrets are not cut."""
    now = document.at.astimezone(UTC)
    secrets = [secret for report in document.reports for secret in report.secrets]
    ages = [one.age for one in secrets if one.age is not None]
    remaining = [one.seconds_left for one in secrets if one.seconds_left is not None]
    # Not every secret fits, because one very old secret would make the bars of all others too short.
    past = min(max(_PAST[0], _most(ages)) * 1.12, _PAST[1])
    future = min(max([_FUTURE[0], *remaining]) * 1.08, _FUTURE[1])
    return Axis(later(now, -past), later(now, future), now)


def _most(lengths: list[int]) -> int:
    """Return the length that three of four lengths do not exceed."""
    return sorted(lengths)[(len(lengths) - 1) * 3 // 4] if lengths else 0


def grid(axis: Axis) -> str:
    """Return the lines of the axis behind all rows."""
    lines = "".join(f'<i style="left:{axis.at(moment)}%"></i>' for moment in _months(axis))
    now = f'<i class="nowline" style="left:{axis.at(axis.now)}%"></i>'
    return f'<li class="grid" aria-hidden="true"><div class="lines">{lines}{now}</div></li>'


def _months(axis: Axis) -> list[datetime]:
    """Return the first days of months: of each, of every second or of every third, by the length of the axis."""
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


def ticks(axis: Axis) -> str:
    """Return the names of the months, and the day of the report."""
    months: list[str] = []
    year = None
    now = axis.at(axis.now)
    for moment in _months(axis):
        place = axis.at(moment)
        # Otherwise the name would overlap with the day of the report, or the edge would cut it.
        if abs(place - now) > 10 and 2 < place < 97:
            name = f"{moment:%b}" if moment.year == year else f"{moment:%b %Y}"
            year = moment.year
            months.append(f'<span class="tick" style="left:{place}%">{name}</span>')
    return "".join(months) + f'<span class="tick now" style="left:{now}%">{axis.now:%-d %b}</span>'


def life(secret: SecretAge, axis: Axis) -> str:
    """Return the bars of a secret: its age, the time until its limit or over it, and the marks of limit and expiry."""
    now = axis.at(axis.now)
    parts = []
    if secret.created is None or secret.age is None or secret.limit.seconds is None or secret.seconds_left is None:
        parts.append(_without_limit(secret, axis))
    else:
        begin = axis.at(secret.created)
        cut = " cut" if secret.created < axis.begin else ""
        deadline = later(secret.created, secret.limit.seconds)
        limit = axis.at(deadline)
        if secret.seconds_left > 0:
            parts.append(_span(f"past{cut}", begin, now))
            parts.append(_span("future" + (" cutend" if deadline > axis.end else ""), now, limit))
        else:
            parts.append(_span(f"past{cut}", begin, limit))
            parts.append(_span("over" + (" cut" if deadline < axis.begin else ""), limit, now))
        if axis.begin <= deadline <= axis.end:
            title = f"limit {secret.limit.written} ({secret.limit_from}): {when(deadline)}"
            parts.append(f'<i class="limit" style="left:{limit}%" title="{escaped(title)}"></i>')
    if secret.expires is not None and axis.begin <= secret.expires <= axis.end:
        title = f"expires {when(secret.expires)}"
        parts.append(f'<i class="expiry" style="left:{axis.at(secret.expires)}%" title="{escaped(title)}"></i>')
    return "".join(parts)


def _without_limit(secret: SecretAge, axis: Axis) -> str:
    if secret.state is State.DYNAMIC:
        return '<em style="left:0">made for each reader</em>'
    if secret.created is not None and secret.created <= axis.now:
        cut = " cut" if secret.created < axis.begin else ""
        return _span(f"past{cut}", axis.at(secret.created), axis.at(axis.now))
    return '<em style="left:0">no date</em>' if secret.limit.seconds is not None else '<em style="left:0">no limit</em>'


def _span(kind: str, begin: float, end: float) -> str:
    return f'<i class="{kind}" style="left:{begin}%;width:{round(max(end - begin, 0.0), 3)}%"></i>'


def later(moment: datetime, seconds: float) -> datetime:
    """Return `moment` (in UTC) plus `seconds`, at most the first or the last moment of the calendar."""
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if seconds > 0 else datetime.min.replace(tzinfo=UTC)


def when(moment: datetime) -> str:
    """Return a time for people, in UTC."""
    return f"{moment.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def escaped(text: str) -> str:
    """Return `text` for an element or an attribute of HTML, with escapes for what is not printable."""
    return escape(printable(text), quote=True)
